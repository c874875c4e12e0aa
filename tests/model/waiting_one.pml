/* Waiting one to one: the receiver sleeps for a message, the sender for room. Store buffers as in
   waiting.pml: `sent` and `released` only grow, each has one writer, and a count is its buffer.

   Switches: FENCE       fences on the hot side instead of the sleeper's membarrier
             ASKS        a sleeper asks who wakes it to fence, and makes the membarrier only when it
                         asks; who fenced in vain takes the question back, here whenever it likes
             BREAK_...   the variants that must be rejected; each stands where it breaks */

#define CAPACITY 2
#define MESSAGES 4

byte sent, unseen;         /* in memory, and still in the sender's buffer */
byte released, unreleased; /* the same of the receiver */
bool parked[2], asleep[2]; /* 0: the receiver, 1: the sender */
byte need;                 /* the position that a blocked sender needs released */
bool asked[2];             /* whether that one wants whoever wakes it to fence */

bool lost_wake_up, stuck;

inline flush(me)
{
  d_step {
    if
    :: me == 0 -> released = released + unreleased; unreleased = 0
    :: else -> sent = sent + unseen; unseen = 0
    fi
  }
}

inline fence(me)
{
#ifdef FENCE
#ifndef BREAK_NO_FENCE
  flush(me)
#else
  skip
#endif
#else
  skip
#endif
}

inline barrier()
{
#if defined(FENCE) || defined(BREAK_NO_BARRIER)
  skip
#else
  d_step {
    released = released + unreleased; unreleased = 0;
    sent = sent + unseen; unseen = 0
  }
#endif
}

/* Who has published sees whether `other` wants a fence, and then whether it sleeps (`seen`). */
inline look_for(me, other)
{
#ifdef ASKS
  if
  :: asked[other] ->
#ifndef BREAK_NO_FENCE
     flush(me);
#endif
     seen = parked[other];
     if
     :: !seen -> atomic { flush(me); asked[other] = false } /* a locked instruction */
     :: skip
     fi
  :: else -> seen = parked[other]
  fi
#else
  fence(me);
  seen = parked[other]
#endif
}

/* The exchange is a locked instruction and empties the buffer. */
inline wake(me, other)
{
#ifndef BREAK_WAKE_WITHOUT_EXCHANGE
  atomic { flush(me); was = parked[other]; parked[other] = false };
#else
  was = parked[other];
#endif
  if
  :: was -> asleep[other] = false; was = false /* FUTEX_WAKE */
  :: else
  fi
}

inline mark(me)
{
#if defined(ASKS) && defined(BREAK_QUESTION_SEEN_BEFORE_MARKING)
  stands = asked[me];
#endif
  atomic { flush(me); parked[me] = true }; /* exchange, or a store and the fence behind it */
#ifdef ASKS
#ifndef BREAK_QUESTION_SEEN_BEFORE_MARKING
  stands = asked[me];
#endif
  if
  :: stands
  :: else ->
#ifdef BREAK_BARRIER_BEFORE_THE_QUESTION
     barrier();
     asked[me] = true
#else
     asked[me] = true; /* a locked instruction; there is nothing in the buffer */
     barrier()
#endif
  fi;
  stands = false
#else
  barrier()
#endif
}

/* FUTEX_WAIT compares, then sleeps. */
inline sleep(me)
{
  atomic { asleep[me] = parked[me] };
  !asleep[me]
}

/* Publishes what was read, and wakes the sender if that is what it needs. */
inline release()
{
  atomic { unreleased = read - released };
  look_for(0, 1);
  if
  :: seen && released + unreleased >= need -> wake(0, 1)
  :: else
  fi;
  seen = false
}

proctype receiver()
{
  byte read;
  bool was, seen, stands;
  do
  :: read == MESSAGES -> break
  :: read < MESSAGES && sent > read ->
     read++;
     if /* The release may lag in a loop, but not while the sender is parked. */
     :: parked[1] -> release()
     :: else
     fi
  :: read < MESSAGES && sent == read ->
#ifndef BREAK_LAG_OVER_A_WAIT
     release();
#endif
#ifdef BREAK_LOOK_BEFORE_MARKING
     if
     :: sent == read -> mark(0); sleep(0)
     :: else
     fi;
#else
     mark(0);
     if
     :: sent == read -> sleep(0)
     :: else
     fi;
#endif
     parked[0] = false
  od;
  unreleased = read - released /* At the end: the sender has sent all and needs no room. */
}

proctype sender()
{
  byte mine; /* what it has sent, as it knows itself */
  bool was, seen, stands;
  do
  :: mine == MESSAGES -> break
  :: mine < MESSAGES && mine < released + CAPACITY ->
     mine++;
     unseen++;
     look_for(1, 0);
     if
     :: seen -> wake(1, 0)
     :: else
     fi;
     seen = false
  :: mine < MESSAGES && mine == released + CAPACITY ->
     need = mine + 1 - CAPACITY; /* Before the mark: who sees the mark sees what is needed. */
     mark(1);
     if
     :: mine == released + CAPACITY -> sleep(1)
     :: else
     fi;
     parked[1] = false
  od
}

proctype store_buffers()
{
  do
  :: d_step { unseen > 0 -> sent++; unseen-- }
  :: d_step { unreleased > 0 -> released = released + unreleased; unreleased = 0 }
  od
}

proctype judge()
{
  timeout ->
  lost_wake_up = (asleep[0] && sent > released) || (asleep[1] && released >= need) ||
                 (asleep[0] && asleep[1]);
  assert(!lost_wake_up);
  stuck = sent != MESSAGES || released != MESSAGES;
  assert(!stuck)
}

init
{
  atomic { run receiver(); run sender(); run store_buffers(); run judge() }
}
