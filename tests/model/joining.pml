/* A lossless subscriber joins a topic while its publisher moves the gate: the position up to which the
   publisher may write, which is the lowest subscriber's plus the capacity. The publisher's stores go
   through a buffer (x86 TSO); the joiner's barrier empties it. Nobody's sleep matters here.

   The publisher publishes the new gate BEFORE the look at the slots that justifies it, and takes it
   back if that look finds somebody lower. Looking first and publishing then is the obvious order, and
   wrong: the joiner's look at the gate may fall between the two.

   Switches: DIES        the joiner may be killed anywhere
             BREAK_...   the variants that must be rejected; each stands where it breaks */

#define CAPACITY 2
#define END 5
#define NOWHERE 9 /* in a slot: nobody here */
#define LOWER(a, b) (a < b -> a : b)

byte written; /* The publisher's position: all below is published. */
byte gate = CAPACITY;
byte slot[2]; /* positions: of a subscriber that was there from the start, and of the joiner */

/* The publisher's store buffer: at most the gate, twice. */
byte pending[2];
byte stores;
/* The lock of the joiner's slot. */
bool dead;
/* The joiner is in. */
bool in;

bool lost_by_the_joiner, publisher_stuck;

inline let_out_one()
{
  d_step { gate = pending[0]; pending[0] = pending[1]; pending[1] = 0; stores-- }
}
inline let_out_all()
{
  d_step {
    do
    :: stores > 0 -> gate = pending[0]; pending[0] = pending[1]; pending[1] = 0; stores--
    :: else -> break
    od
  }
}
inline store_gate(value)
{
  atomic { stores < 2 -> pending[stores] = value; stores++ }
}
proctype store_buffer()
{
  do
  :: atomic { stores > 0 -> let_out_one() }
  od
}

/* The lowest living subscriber; a dead one no longer gates. Slot by slot. */
inline look_at_slots()
{
  lowest = slot[0];
  lowest = (dead -> lowest : LOWER(lowest, slot[1]))
}

proctype publisher()
{
  byte lowest, candidate, known, limit = CAPACITY;
  do
  :: written < END && written < limit ->
     d_step { /* Writes the record: what lay a capacity below is gone. */
       lost_by_the_joiner = in && !dead && written >= slot[1] + CAPACITY;
       assert(!lost_by_the_joiner);
       written++
     }
  :: written < END && written == limit && slot[0] + CAPACITY > limit &&
     (dead || slot[1] + CAPACITY > limit) ->
     known = limit; /* A joiner that will be refused may stand lower: the limit never goes back. */
     look_at_slots();
#ifdef BREAK_GATE_AFTER_THE_LOOK
     limit = (lowest + CAPACITY > known -> lowest + CAPACITY : known);
     store_gate(limit);
#else
     candidate = (lowest + CAPACITY > known -> lowest + CAPACITY : known);
     store_gate(candidate);
     look_at_slots();
     limit = (lowest + CAPACITY > known -> LOWER(lowest + CAPACITY, candidate) : known);
     if
     :: limit < candidate -> store_gate(limit)
     :: else
     fi;
     candidate = 0;
#endif
     known = 0; lowest = 0
  :: written == END -> break
  od
}

/* From the start, and reads everything. */
proctype subscriber()
{
  do
  :: slot[0] < written -> slot[0]++
  :: slot[0] == END -> break
  od
}

proctype joiner()
{
  byte position, found;
  {
    do
    :: position = written; /* The newest. */
#ifdef BREAK_POSITION_AFTER_THE_GATE
       found = gate;
       slot[1] = position;
#else
       slot[1] = position;
#ifndef BREAK_NO_BARRIER
       let_out_all();
#endif
       found = gate;
#endif
#ifdef BREAK_GATE_NOT_READ
       found = 0;
#endif
       if
       :: found <= position + CAPACITY -> in = true; break
       :: else -> position = 0; found = 0 /* Too late: once more, from what is newest now. */
       fi
    od;
    position = 0; found = 0;
    do
    :: slot[1] < written -> slot[1]++
    :: slot[1] == END -> break
    od
  } unless { dead }
}

proctype killer()
{
#ifdef DIES
  dead = true
#else
  skip
#endif
}

proctype judge()
{
  timeout ->
  publisher_stuck = written != END;
  assert(!publisher_stuck)
}

init
{
  atomic {
    slot[1] = NOWHERE;
    run publisher(); run subscriber(); run joiner(); run store_buffer(); run killer(); run judge()
  }
}
