/* A receiver that is waited for by its descriptor, one to one. Its user waits in poll(2), looks once
   for each time that it returns, and nothing else: the descriptor must be readable while a message
   is there. Store buffer as in waiting.pml: `sent` only grows and has one writer, and a count is its
   buffer. No timer: without it nothing may be lost.

   Switches: FENCE       a fence on the hot side instead of the membarrier of who lies down
             BREAK_...   the variants that must be rejected; each stands where it breaks */

#define MESSAGES 4

byte sent, unseen; /* in memory, and still in the sender's buffer */
byte read;
bool armed; /* the word of the receiver's slot */
bool bell;  /* has strokes that were not taken */

bool lost_wake_up, stuck;

inline flush()
{
  d_step { sent = sent + unseen; unseen = 0 }
}

/* The descriptor is readable from the beginning. Takes the strokes before the look: what comes later
   rings again. Who is armed already has been armed since before a look that found nothing. */
inline arm()
{
#ifndef BREAK_HUSH_AFTER_THE_LOOK
  bell = false;
#endif
  if
  :: !armed ->
     armed = true;
#if !defined(FENCE) && !defined(BREAK_NO_BARRIER)
     flush()
#endif
  :: else
  fi;
#ifndef BREAK_NO_SECOND_LOOK
  if
  :: sent > read ->
     armed = false;
#ifndef BREAK_SILENT_ABOUT_WHAT_IS_THERE
     bell = true
#endif
  :: else
  fi;
#endif
#ifdef BREAK_HUSH_AFTER_THE_LOOK
  bell = false;
#endif
  skip
}

proctype receiver()
{
  bell = true;
  do
  :: read == MESSAGES -> break
  :: read < MESSAGES && bell -> /* poll(2) returns */
     if
     :: sent > read -> read++ /* and the user goes back to poll(2) at once */
     :: else -> arm()
     fi
  od
}

proctype sender()
{
  byte mine;
  bool was;
  do
  :: mine == MESSAGES -> break
  :: mine < MESSAGES ->
     mine++;
     unseen++;
#ifdef FENCE
#ifndef BREAK_NO_FENCE
     flush();
#endif
#endif
     if
     :: armed ->
        atomic { flush(); was = armed; armed = false }; /* a locked instruction */
        if
        :: was -> bell = true; was = false
        :: else
        fi
     :: else
     fi
  od
}

proctype store_buffer()
{
  do
  :: d_step { unseen > 0 -> sent++; unseen-- }
  od
}

proctype judge()
{
  timeout ->
  lost_wake_up = sent > read && !bell;
  assert(!lost_wake_up);
  stuck = sent != MESSAGES || read != MESSAGES;
  assert(!stuck)
}

init
{
  atomic { run receiver(); run sender(); run store_buffer(); run judge() }
}
