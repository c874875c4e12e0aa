/* Taking in the work queue: two senders with a lane each, three receivers, deaths between any two
   statements. One statement is one access to shared memory, or several that nobody can tell from
   one. A message is one position of its lane.

   A receiver leases a lane, writes the range that it takes into its own slot, moves the lane's
   `taken`, gives the lease back, and processes without it. The sender computes its room itself, from
   `taken` and the ranges in flight, in that order. Who finds a dead receiver's slot takes the slot's
   lock, holds it, completes what the dead one had begun and processes its range where it stands.

   Stores are seen in their order and at once: nobody here decides by a load that must come after a
   store of its own (that is what waiting.pml is about), so store buffers would change nothing.

   Switches: CRASHES=n      deaths in a run, exactly (0)
             JOINS=n        newcomers that may take over a dead receiver's slot (0)
             RECEIVERS=n    (3)
             FIRST_LANE=n   messages in lane 0 (3), CAPACITY=n of a lane (2)
             AT_MOST_ONCE   a dead receiver's range is dropped and counted, not processed again
             TORN           each word of a range is written and read by itself
             BREAK_...      the variants that must be rejected; each stands where it breaks */

#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef JOINS
#define JOINS 0
#endif
#ifndef RECEIVERS
#define RECEIVERS 3
#endif

#define LANES 2
#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef FIRST_LANE
#define FIRST_LANE 3
#endif
#define MESSAGES(lane) (lane == 0 -> FIRST_LANE : 1) /* so many that lane 0 fills */
#define NOBODY 0
#define NAME(slot) (slot + 1)

/* A lane. `published` has its sender for writer, the rest whoever holds the lease. */
byte published[LANES];
byte taken[LANES];
byte lease[LANES];

/* A slot, written by the owner of its lock: the range in flight, and `used` until the slot has been
   recovered. `finished` counts messages, and is the only word that moves while a range is
   processed: the next one is from + (finished - base). */
bool used[RECEIVERS];
bool held[RECEIVERS];
byte lane_of[RECEIVERS];
byte from[RECEIVERS];
byte upto[RECEIVERS];
byte base[RECEIVERS];
byte finished[RECEIVERS];
#define AT(slot) (from[slot] + finished[slot] - base[slot])
#define IN_FLIGHT(slot, l) (held[slot] && lane_of[slot] == l)

/* The kernel: the slot's lock, freed by death alone. */
byte lock[RECEIVERS];

/* Known to the model alone. */
byte deaths;
byte joined;
byte begun; /* Receivers begin in their order: they are alike, and this saves the other orders. */
bool dead[RECEIVERS];
bool newcomer[RECEIVERS];
bool sender_dead[LANES];
byte fate[LANES * 4]; /* of a message: UNTOUCHED, the name of its living receiver, or: */
#define UNTOUCHED 0
#define A_DEAD_ONES 8 /* processed by somebody who died before he could say so */
#define FINISHED 9
#define MESSAGE(lane, position) (4 * lane + position)

/* The properties, each violated when its flag is true. */
bool given_twice, overwritten, lost, room_stays_away, miscounted;

/* One step, since between its parts nothing differs for others. A message may come a second time
   only if its receiver died between processing it and counting it as finished. */
inline process(l, p)
{
  d_step {
#ifdef AT_MOST_ONCE
    given_twice = fate[MESSAGE(l, p)] != UNTOUCHED;
#else
    given_twice = fate[MESSAGE(l, p)] != UNTOUCHED && fate[MESSAGE(l, p)] != A_DEAD_ONES;
#endif
    assert(!given_twice);
    fate[MESSAGE(l, p)] = NAME(me)
  }
}

/* This also frees the message's room. */
inline finish(slot, l, p)
{
  d_step {
    finished[slot]++;
    if
    :: fate[MESSAGE(l, p)] == NAME(me) -> fate[MESSAGE(l, p)] = FINISHED
    :: else /* unreached: only variants finish what they have not processed */
    fi
  }
}

inline give_up_range(slot)
{
#if defined(AT_MOST_ONCE) || defined(TORN)
  held[slot] = false
#else
  d_step { /* Nobody looks at the other words of a range that is not held: zero saves states. */
    held[slot] = false;
    lane_of[slot] = 0; from[slot] = 0; upto[slot] = 0; base[slot] = 0; finished[slot] = 0
  }
#endif
}

/* Processes the range in `slot`, whose lock the caller owns, and gives it up. */
inline process_range(slot)
{
  do
  :: AT(slot) < upto[slot] ->
#ifdef BREAK_FINISHED_BEFORE_PROCESSED
     finish(slot, lane_of[slot], AT(slot));
     process(lane_of[slot], AT(slot) - 1)
#else
     process(lane_of[slot], AT(slot));
     finish(slot, lane_of[slot], AT(slot) - 1)
#endif
  :: else -> break
  od;
  give_up_range(slot)
}

/* The range's words first, then the one that makes it valid. */
inline write_range(l)
{
#ifdef BREAK_RANGE_VALID_BEFORE_COMPLETE
  held[me] = true;
#endif
#ifdef TORN
  lane_of[me] = l;
  from[me] = position;
  upto[me] = position + count;
  base[me] = finished[me];
#else
  d_step {
    lane_of[me] = l; from[me] = position; upto[me] = position + count; base[me] = finished[me]
  }
#endif
  held[me] = true
}

inline take(l)
{
  /* The compare and exchange. What a look finds published stays so until a lease takes it. */
  atomic {
    lease[l] == NOBODY && published[l] > taken[l] ->
    lease[l] = NAME(me);
    position = taken[l]; /* Under the lease it stands still. */
    if
    :: count = 1
    :: published[l] - position >= 2 -> count = 2 /* unreached: lane 1 has one message */
    fi
  }
#if defined(BREAK_TAKEN_BEFORE_RANGE)
  taken[l] = position + count;
  write_range(l);
  lease[l] = NOBODY;
#elif defined(BREAK_LEASE_BACK_BEFORE_RANGE)
  lease[l] = NOBODY;
  write_range(l);
  taken[l] = position + count;
#elif defined(BREAK_LEASE_BACK_BEFORE_TAKEN)
  write_range(l);
  lease[l] = NOBODY;
  taken[l] = position + count;
#else
  write_range(l);
  taken[l] = position + count;
  d_step { lease[l] = NOBODY; position = 0; count = 0 }
#endif
  process_range(me)
}

inline roll_forward(d)
{
#ifndef BREAK_NOT_ROLLED_FORWARD
  if
  :: IN_FLIGHT(d, i) -> taken[i] = upto[d]
  :: else
  fi
#else
  skip
#endif
}

/* The caller owns the lock of slot `d`, whose owner is dead. Each step may be the caller's last, and
   the next recoverer begins again: the steps only ever repeat what has been done already.
   1. Roll forward: as long as the dead one has a lane's lease, its valid range says where `taken`
      belongs. Without a valid range nothing was taken.
   2. Free the lease.
   3. Process the range where it stands: it must never be in two slots, nor in none. */
inline recover(d)
{
  do
  :: i < LANES ->
     if
     :: lease[i] == NAME(d) ->
#ifdef BREAK_LEASE_FREED_BEFORE_ROLLED_FORWARD
        lease[i] = NOBODY;
        roll_forward(d)
#else
        roll_forward(d);
        lease[i] = NOBODY
#endif
     :: else
     fi;
     i++
  :: else -> break
  od;
  i = 0;
  if
  :: held[d] ->
#ifdef AT_MOST_ONCE
     /* Giving the range up is the count: lost is taken minus finished minus in flight. */
     give_up_range(d)
#else
#ifdef BREAK_RANGE_GIVEN_UP_BEFORE_PROCESSED
     held[d] = false;
#endif
     process_range(d)
#endif
  :: else
  fi
}

/* `used` is cleared before the lock is let go: the lock's next owner finds nothing to do. */
inline recover_as_peer(d)
{
#if defined(BREAK_TIME_OUT_TAKEN_FOR_DEATH)
  d != me && used[d] && (lease[0] == NAME(d) || held[d]); /* It has been so for long. */
#elif defined(BREAK_LOCK_TESTED_NOT_HELD)
  used[d] && lock[d] == NOBODY;
#else
  atomic { used[d] && lock[d] == NOBODY -> lock[d] = NAME(me) }
#endif
  recover(d);
  used[d] = false;
  lock[d] = NOBODY
}

inline kill_receiver(r)
{
  d_step {
    deaths < CRASHES && begun > r && !dead[r] ->
    deaths++;
    dead[r] = true;
    k = 0;
    do
    :: k < RECEIVERS ->
       if
       :: lock[k] == NAME(r) -> lock[k] = NOBODY
       :: else
       fi;
       k++
    :: else -> break
    od;
    k = 0;
    do
    :: k < LANES * 4 ->
       if
       :: fate[k] == NAME(r) -> fate[k] = A_DEAD_ONES
       :: else
       fi;
       k++
    :: else -> break
    od;
    k = 0
  }
}

proctype receiver(byte me)
{
  byte i, position, count;
  atomic { begun == me -> begun++ }
life:
  {
#if JOINS > 0
    if
    :: newcomer[me] -> /* It holds its slot's lock for good, and first recovers the slot. */
#ifndef BREAK_NEWCOMER_DOES_NOT_RECOVER
       if
       :: used[me] -> recover(me)
       :: else
       fi;
#endif
       d_step { newcomer[me] = false; used[me] = true }
    :: else
    fi;
#endif
    do
    :: take(0)
    :: take(1)
    :: recover_as_peer(0)
    :: recover_as_peer(1)
#if RECEIVERS > 2
    :: recover_as_peer(2)
#endif
    od
  } unless { dead[me] };
#if JOINS > 0
  atomic {
    joined < JOINS && lock[me] == NOBODY -> /* Another process, in the slot of the dead one. */
    joined++; lock[me] = NAME(me); dead[me] = false; newcomer[me] = true;
    i = 0; position = 0; count = 0
  }
  goto life
#endif
}

/* Whether a look would find more room: what wakes a blocked sender. */
#define KEEPS(slot, l) (IN_FLIGHT(slot, l) && AT(slot) + CAPACITY <= room)
#if RECEIVERS > 2
#define KEPT(l) (KEEPS(0, l) || KEEPS(1, l) || KEEPS(2, l))
#else
#define KEPT(l) (KEEPS(0, l) || KEEPS(1, l))
#endif
#define MORE_ROOM(l) (taken[l] + CAPACITY > room && !KEPT(l))

inline look_at_range(l)
{
#ifdef TORN
  if
  :: held[i] ->
     if
     :: lane_of[i] == l ->
        at = from[i];
        at = at - base[i];
        at = at + finished[i];
        low = (at < low -> at : low)
     :: else
     fi
  :: else
  fi;
  d_step { at = 0; i++ }
#else
  d_step { low = (IN_FLIGHT(i, l) && AT(i) < low -> AT(i) : low); i++ }
#endif
}

/* The sender reads `taken` first: whatever is below it was in a range by then, and is in the slot
   still or is finished. The words of a range that changes meanwhile may be torn: then the old range
   is finished and the new one is not below `taken`, so every value is safe; it is only kept from
   going above `taken` and below what was known. */
proctype sender(byte l)
{
  byte room = CAPACITY, low, i, at;
  {
    do
    :: published[l] < MESSAGES(l) && published[l] < room ->
       d_step {
         overwritten = published[l] >= CAPACITY &&
                       fate[MESSAGE(l, published[l] - CAPACITY)] != FINISHED;
#ifdef AT_MOST_ONCE
         overwritten = overwritten && deaths == 0; /* What was dropped is never finished. */
#endif
         assert(!overwritten);
         published[l]++
       }
    :: published[l] < MESSAGES(l) && published[l] == room && MORE_ROOM(l) ->
#ifdef BREAK_RANGES_READ_BEFORE_TAKEN
       low = MESSAGES(l);
#else
       low = taken[l];
#endif
       do
       :: i < RECEIVERS -> look_at_range(l)
       :: else -> break
       od;
#ifdef BREAK_RANGES_READ_BEFORE_TAKEN
       low = (taken[l] < low -> taken[l] : low);
#endif
       atomic { room = (low + CAPACITY > room -> low + CAPACITY : room); low = 0; i = 0 }
    od
  } unless { sender_dead[l] }
}

proctype killer()
{
  byte k;
  do
  :: kill_receiver(0)
  :: kill_receiver(1)
#if RECEIVERS > 2
  :: kill_receiver(2)
#endif
  :: d_step { deaths < CRASHES && !sender_dead[0] -> sender_dead[0] = true; deaths++ }
  od
}

/* What the channel says was lost, and what nobody has processed of all that was taken. */
inline count_losses()
{
  claimed = taken[0] + taken[1]; k = 0;
  do
  :: k < RECEIVERS ->
     claimed = claimed - finished[k] - (held[k] -> upto[k] - AT(k) : 0);
     k++
  :: else -> break
  od
}

inline count_unprocessed()
{
  l = 0;
  do
  :: l < LANES ->
     k = 0;
     do
     :: k < published[l] -> unprocessed = unprocessed + (fate[MESSAGE(l, k)] == UNTOUCHED); k++
     :: else -> break
     od;
     l++
  :: else -> break
  od
}

/* When nobody can do anything any more and all deaths have happened. Some receiver lives: fewer die
   than there are. */
proctype judge()
{
  byte k, l, claimed, unprocessed;
  timeout ->
  d_step {
    count_unprocessed();
    lost = taken[0] != published[0] || taken[1] != published[1];
#ifndef AT_MOST_ONCE
    lost = lost || unprocessed != 0;
#endif
    assert(!lost);
    room_stays_away = (!sender_dead[0] && published[0] != MESSAGES(0)) || published[1] != 1;
    assert(!room_stays_away);
#ifdef AT_MOST_ONCE
    count_losses();
    miscounted = claimed < unprocessed || claimed > unprocessed + deaths;
    assert(!miscounted)
#endif
  }
}

init
{
  byte k;
  d_step {
    do
    :: k < RECEIVERS -> used[k] = true; lock[k] = NAME(k); k++
    :: else -> break
    od
  }
  atomic {
    run sender(0); run sender(1);
    run receiver(0); run receiver(1);
#if RECEIVERS > 2
    run receiver(2);
#endif
    run killer(); run judge()
  }
}
