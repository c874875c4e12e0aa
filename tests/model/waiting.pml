/* Waiting in the work queue: two senders with a lane each, three receivers, store buffers, deaths
   between any two statements. What is asked: is there ever a message, a living receiver that sleeps,
   and nobody who is going to wake it?

   Store buffers as on x86 (TSO): a plain store waits in its process's own queue until it is let out,
   in order, by chance, by a locked instruction of that process, by its fence, or by the membarrier of
   anybody. A sender's only plain stores are to its `published`, a receiver's are `taken` and then
   `lease` of the lane it has; so each queue is a count. The kernel's futex is one step each way.

   A receiver that took a message works on it for ever, so nobody is rescued by a busy one that looks
   again later (with WORKS_ON it is done at once, and looks). Taking itself is judged by taking.pml: here the lease of a dead one is just free.

   Switches: CRASHES=n   deaths in a run, exactly (0)
             WORKS_ON    a receiver takes more than one message
             COARSE      a look at both lanes is one step, and a sleeper's way out
             TWO_RECEIVERS   instead of three
             FIRST_BATCH=n   messages of sender 0, in one batch (2)
             KILLED_ASLEEP, KILLED_AWAKE, KILLED_SENDERS   who dies (anybody)
             CAP         sleeps are capped: when all stands still, who sleeps looks again
             FENCE       fences on the hot side instead of the sleeper's membarrier
             ASKS        a sleeper asks who wakes it to fence, and makes the membarrier only when it
                         asks; a sender that fenced in vain takes all questions back, here whenever
                         it likes
             BREAK_...   the variants that must be rejected; each stands where it breaks */

#ifndef CRASHES
#define CRASHES 0
#endif
#define SENDERS 2
#define RECEIVERS 3
#define ALL 5                  /* Processes: the receivers are 0 to 2, the senders 3 and 4. */
#define SENDER(lane) (RECEIVERS + lane)
#ifndef FIRST_BATCH
#define FIRST_BATCH 2
#endif
#define BATCH(lane) (lane == 0 -> FIRST_BATCH : 1) /* Messages that a sender publishes at once. */
#define FREE 0
#define NAME(slot) (slot + 1)

/* Memory. */
byte published[SENDERS];
byte taken[SENDERS];
byte lease[SENDERS];
bool parked[RECEIVERS]; /* The state word. */
byte mask;              /* The summary. */
byte asked;             /* A bit for each receiver that wants whoever wakes it to fence. */

/* Store buffers. */
byte unseen[SENDERS];          /* messages whose `published` is still in its sender's buffer */
byte buffered[RECEIVERS];      /* 2: `taken` and `lease`; 1: `lease` */
byte buffered_lane[RECEIVERS];

/* The kernel, and what only the model knows. */
bool asleep[RECEIVERS];
bool dead[ALL];
byte deaths, begun, caps;
byte useless[RECEIVERS]; /* exchanges that took a dead receiver for a sleeper */

bool lost_wake_up, needless_cap, useless_wakes;

inline flush_receiver(r)
{
  if
  :: buffered[r] == 2 -> taken[buffered_lane[r]]++; lease[buffered_lane[r]] = FREE
  :: buffered[r] == 1 -> lease[buffered_lane[r]] = FREE
  :: else
  fi;
  buffered[r] = 0; buffered_lane[r] = 0
}
inline flush_sender(s)
{
  published[s] = published[s] + unseen[s]; unseen[s] = 0
}
inline flush(p)
{
  if
  :: p < RECEIVERS -> flush_receiver(p)
  :: p == SENDER(0) -> flush_sender(0)
  :: p == SENDER(1) -> flush_sender(1)
  fi
}
inline flush_all()
{
  flush_sender(0); flush_sender(1);
  flush_receiver(0); flush_receiver(1); flush_receiver(2)
}

/* What `me` finds in lane `l`: its own stores are seen by itself at once. */
#define OWN(l) (me < RECEIVERS && buffered[me % 3] > 0 && buffered_lane[me % 3] == l)
#define TAKEN(l) (taken[l] + (OWN(l) && buffered[me % 3] == 2))
#define LEASED(l) (lease[l] != FREE && !OWN(l) && !dead[lease[l] - 1])
#define THERE(l) (published[l] > TAKEN(l) && !LEASED(l))

/* Wakes one sleeper. Only who cleared the bit may act on it, and only who moved the state word out of
   parked calls the kernel. If that woke nobody, its sleeper is about to find the word changed or is
   dead: the next bit is tried, at the price of one wake too many. */
inline wake_one()
{
  do
  :: atomic {
       if /* A load; which bit is first does not matter, as the receivers are alike. */
       :: mask == 0 -> break
       :: mask & 1 -> w = 0
       :: mask & 2 -> w = 1
       :: mask & 4 -> w = 2
       fi
     };
     atomic { /* fetch_and */
       flush(me);
       hit = (mask >> w) & 1;
       mask = mask & (7 - (1 << w))
     };
#ifdef BREAK_WAKE_WITHOUT_EXCHANGE
     hit = hit && parked[w];
#else
     atomic { /* exchange */
       hit = hit && parked[w];
       parked[w] = (hit -> 0 : parked[w]);
       useless[w] = useless[w] + (hit && dead[w]);
       useless_wakes = useless[w] > 1;
       assert(!useless_wakes)
     };
#endif
     atomic { /* FUTEX_WAKE */
       if
       :: hit ->
          hit = asleep[w];
          asleep[w] = false;
#ifdef BREAK_FIRST_WAKE_IS_ENOUGH
          hit = 1
#endif
       :: else
       fi;
       if
       :: hit -> hit = 0; w = 0; break
       :: else -> w = 0
       fi
     }
  od
}

/* Sees whether somebody wants a fence, and then whether somebody sleeps. */
inline look_for_sleepers()
{
#ifdef BREAK_SLEEP_SEEN_BEFORE_THE_QUESTION
  seen = mask != 0;
#endif
  if
  :: asked != 0 ->
#ifndef BREAK_NO_FENCE_OF_SENDER
     atomic { flush(me) };
#endif
     seen = mask != 0;
     if
     :: !seen -> atomic { flush(me); asked = 0 } /* a locked instruction */
     :: skip
     fi
  :: else ->
#ifndef BREAK_SLEEP_SEEN_BEFORE_THE_QUESTION
     seen = mask != 0
#else
     skip
#endif
  fi
}

proctype sender(byte lane)
{
  byte w, hit;
  bool seen;
  byte me = SENDER(lane);
  {
    unseen[lane] = BATCH(lane); /* The commit: one store, for all of the batch. */
#if defined(FENCE) && !defined(BREAK_NO_FENCE_OF_SENDER)
    d_step { flush(me); w = 0 }
#endif
#ifdef ASKS
    look_for_sleepers();
    if
    :: seen -> seen = false; wake_one()
    :: else
    fi
#else
    wake_one()
#endif
  } unless { dead[SENDER(lane)] }
}

/* Takes one message by a compare and exchange of the lane's lease. Both stores that follow, `taken` and
   `lease`, wait in the buffer. Look and exchange are one step: a look that was too old only fails, and
   it is the look after marking that must not miss anything. */
inline try_take()
{
  atomic {
    if
    :: THERE(0) -> flush(me); lease[0] = NAME(me); buffered[me] = 2; got = true
    :: THERE(1) -> flush(me); lease[1] = NAME(me); buffered[me] = 2; buffered_lane[me] = 1; got = true
    :: else
    fi
  }
}

/* Who leaves messages behind passes the wake on: sleepers may have found the lane leased, and a wake
   may have been spent on this one, who was awake. */
inline pass_on()
{
#ifndef BREAK_NO_PASSING_ON
#if defined(FENCE) && !defined(BREAK_NO_FENCE_OF_TAKER)
  atomic { flush(me) };
#endif
#ifdef ASKS
  if
#ifndef BREAK_NO_FENCE_OF_TAKER
  :: (asked & (7 - (1 << me))) != 0 -> atomic { flush(me) }
#endif
  :: else
  fi;
#endif
  if
  :: mask == 0
  :: else ->
     if
     :: THERE(0) || THERE(1) -> wake_one()
     :: else
     fi
  fi
#else
  skip
#endif
}

inline mark_as_sleeper()
{
#ifdef ASKS
#ifdef BREAK_QUESTION_SEEN_BEFORE_MARKING
  stands = asked & (1 << me);
#endif
  atomic { flush(me); parked[me] = true };
  atomic { flush(me); mask = mask | (1 << me) };
#ifndef BREAK_QUESTION_SEEN_BEFORE_MARKING
  stands = asked & (1 << me);
#endif
  if
  :: stands
  :: else ->
#ifdef BREAK_BARRIER_BEFORE_THE_QUESTION
     atomic { flush_all() };
     asked = asked | (1 << me)
#else
     asked = asked | (1 << me); /* a locked instruction; there is nothing in the buffer */
     atomic { flush_all() }
#endif
  fi;
  stands = false
#elif defined(BREAK_BIT_BEFORE_STATE)
  atomic { flush(me); mask = mask | (1 << me) };
  atomic { flush_all(); parked[me] = true };
#else
  atomic { flush(me); parked[me] = true };
  atomic {
    flush(me); mask = mask | (1 << me);
#if !defined(FENCE) && !defined(BREAK_NO_BARRIER)
    /* membarrier. One step with the bit: who sees the bit in between empties his own buffer. */
    flush_all()
#endif
  }
#endif
}

inline look()
{
#if defined(COARSE) && !defined(BREAK_NO_SECOND_LOOK)
  atomic { got = THERE(0) || THERE(1) }
#elif !defined(BREAK_NO_SECOND_LOOK)
  atomic { got = THERE(0) };
  atomic { got = got || THERE(1) }
#else
  got = false
#endif
}

proctype receiver(byte me)
{
  byte w, hit;
  bool got, stands;
  atomic { begun == me -> begun++ }
  {
    do
    :: try_take();
       if
       :: got ->
          got = false;
          pass_on();
#ifdef WORKS_ON
          skip
#else
          break /* It works for ever. */
#endif
       :: else ->
#ifdef BREAK_LOOK_BEFORE_MARKING
          look();
          mark_as_sleeper();
#else
          mark_as_sleeper();
          look();
#endif
          if
          :: got -> got = false
          :: else ->
             atomic { asleep[me] = parked[me] }; /* FUTEX_WAIT compares, then sleeps */
             !asleep[me]
          fi;
#ifdef COARSE
          atomic { flush(me); parked[me] = false; mask = mask & (7 - (1 << me)) }
#else
          atomic { flush(me); parked[me] = false };
          atomic { flush(me); mask = mask & (7 - (1 << me)) }
#endif
       fi
    od
  } unless { dead[me] }
}

inline let_out(r)
{
  d_step {
    buffered[r] > 0 ->
    if
    :: buffered[r] == 2 -> taken[buffered_lane[r]]++; buffered[r] = 1
    :: else -> flush_receiver(r)
    fi
  }
}

/* Each lets out its buffer when it likes, one store after the other. */
proctype store_buffers()
{
  do
  :: d_step { unseen[0] > 0 -> flush_sender(0) }
  :: d_step { unseen[1] > 0 -> flush_sender(1) }
  :: let_out(0)
  :: let_out(1)
  :: let_out(2)
  od
}
#if defined(KILLED_ASLEEP)
#define MAY_DIE(p) (p < RECEIVERS && asleep[p % 3])
#elif defined(KILLED_AWAKE)
#define MAY_DIE(p) (p < RECEIVERS && !asleep[p % 3] && begun > p)
#elif defined(KILLED_SENDERS)
#define MAY_DIE(p) (p >= RECEIVERS)
#else
#define MAY_DIE(p) (p >= RECEIVERS || begun > p)
#endif

/* What was stored stands: the buffer of the dead is let out. The kernel forgets its sleep. */
inline kill(p)
{
  d_step {
    deaths < CRASHES && !dead[p] && MAY_DIE(p) ->
    deaths++;
    dead[p] = true;
    flush(p);
    if
    :: p < RECEIVERS -> asleep[p % 3] = false
    :: else
    fi
  }
}
proctype killer()
{
  do
  :: kill(0)
  :: kill(1)
  :: kill(2)
  :: kill(3)
  :: kill(4)
  od
}

#define MESSAGE_IN(l) (published[l] > taken[l] && (lease[l] == FREE || dead[lease[l] - 1]))

/* When nobody can do anything any more. The cap is one time-out of everybody who sleeps: each death
   may need one, and without a death none is ever needed. */
proctype judge()
{
  do
  :: timeout ->
     atomic {
       if
       :: (MESSAGE_IN(0) || MESSAGE_IN(1)) && (asleep[0] || asleep[1] || asleep[2]) ->
#ifdef CAP
          needless_cap = deaths == 0;
          assert(!needless_cap);
          caps++;
          lost_wake_up = caps > deaths;
          assert(!lost_wake_up);
          asleep[0] = false; asleep[1] = false; asleep[2] = false
#else
          lost_wake_up = true;
          assert(!lost_wake_up)
#endif
       :: else -> break
       fi
     }
  od
}

init
{
  atomic {
    run sender(0); run sender(1);
    run receiver(0); run receiver(1);
#ifndef TWO_RECEIVERS
    run receiver(2);
#endif
    run store_buffers(); run killer(); run judge()
  }
}
