/* The log: one writer, one reader, deaths of either between any two stores, successors of both.

   A record is a header and 0 to 2 units of payload; positions only grow, and lie at position modulo
   CAPACITY. A header word is zero or the units of its record. Payload looks like a header, so that
   whoever reads payload as a header is caught. The writer may know an older place of the reader
   than `released`: then it waits longer, which takes nothing from what is judged here.

   Stores are seen in order: the writer's decide nothing by a load after them (x86 TSO and release
   stores keep that). Positions and lengths of the last lap are kept by the model, to compare.

   Switches: DEATHS=n    of writer or reader (1)
             BREAK_...   the variants that must be rejected; each stands where it breaks */

#ifndef DEATHS
#define DEATHS 1
#endif
#define CAPACITY 8
#define RECORDS 5
#define PAYLOAD 2 /* as a header: a record of two units */
#define UNIT(position) ((position) % CAPACITY)

byte word[CAPACITY];
byte released; /* The reader's own word. */

/* Two checkpoints {position, sequence, check}; the check is a function of both others. */
byte at[2], sequence_at[2], check[2];
#define CHECK(position, sequence) (position + 7 * sequence + 1)
#define IS_WHOLE(c) (check[c] == CHECK(at[c], sequence_at[c]))

/* Known to the model: what has been committed, by its place; and how far. */
byte committed[2 * CAPACITY]; /* units of the record at this position modulo two laps */
byte end;                     /* position behind the last committed record */
byte count;                   /* records committed */
byte deaths;
bool writer_dead, reader_dead;

bool read_uncommitted, payload_changed, overwritten, gap_or_repeat, no_checkpoint, stuck;

inline store(position, value)
{
  d_step {
    overwritten = position >= released + CAPACITY;
    assert(!overwritten);
    word[UNIT(position)] = value
  }
}

/* The store of a header that decides: all up to `new_end` is committed, `records` of them. */
inline commit(position, header, new_end, records)
{
  d_step {
    word[UNIT(position)] = header;
    k = position;
    do
    :: k < new_end -> committed[k % (2 * CAPACITY)] = 0; k++
    :: else -> break
    od;
    committed[(position) % (2 * CAPACITY)] = header;
    if
    :: records == 2 -> committed[(new_end - 1) % (2 * CAPACITY)] = 1
    :: else
    fi;
    end = new_end; count = count + records; k = 0
  }
}

/* The words of the checkpoint that is not the best one: who is killed here leaves the other. */
inline checkpoint()
{
  d_step {
#ifdef BREAK_ONE_CHECKPOINT
    c = 0
#else
    c = (IS_WHOLE(0) && (!IS_WHOLE(1) || at[0] > at[1]) -> 1 : 0)
#endif
  };
  at[c] = position;
  sequence_at[c] = sequence;
  check[c] = CHECK(position, sequence);
  c = 0
}

/* A successor goes on where the records end: from the best checkpoint, record by record. */
inline find_end()
{
  d_step {
    no_checkpoint = !IS_WHOLE(0) && !IS_WHOLE(1);
    assert(!no_checkpoint);
    c = (IS_WHOLE(0) && (!IS_WHOLE(1) || at[0] > at[1]) -> 0 : 1);
    position = at[c]; sequence = sequence_at[c]; c = 0; units = 0; batch = 0;
    do
    :: word[UNIT(position)] == 0 || sequence > RECORDS -> break
    :: else -> position = position + word[UNIT(position)]; sequence++
    od;
    gap_or_repeat = position != end || sequence != count;
    assert(!gap_or_repeat)
  }
}

#ifdef BREAK_NO_ROOM_FOR_NEXT_HEADER
#define ROOM(next) (next <= released + CAPACITY)
#else
#define ROOM(next) (next + 1 <= released + CAPACITY)
#endif

/* Payload, the second record of a batch, the next header zeroed, and the first header last. */
inline write_records()
{
  k = 1;
  do
  :: k < units -> store(position + k, PAYLOAD); k++
  :: else -> break
  od;
  k = 0;
#ifdef BREAK_FIRST_OF_BATCH_FIRST
  if
  :: batch -> store(position + units, 0); store(position, units)
  :: else
  fi;
#endif
  if
  :: batch -> store(position + units, 1)
  :: else
  fi;
#ifndef BREAK_NEXT_NOT_ZEROED
  store(position + units + batch, 0);
#endif
#ifdef BREAK_CHECKPOINT_BEFORE_COMMIT
  atomic { position = position + units + batch; sequence = sequence + 1 + batch };
  checkpoint();
  atomic { position = position - units - batch; sequence = sequence - 1 - batch };
#endif
  commit(position, units, position + units + batch, 1 + batch);
  atomic {
    position = position + units + batch; sequence = sequence + 1 + batch; units = 0; batch = 0
  };
  checkpoint()
}

proctype writer()
{
  byte position, sequence, units, batch, k, c;
life:
  {
    find_end();
    do
    :: sequence < RECORDS ->
       atomic {
         if
         :: units = 1
         :: units = 3
         fi;
         if
         :: batch = 0
         :: sequence + 2 <= RECORDS -> batch = 1
         fi
       };
       ROOM(position + units + batch);
       write_records()
    od
  } unless { writer_dead };
  writer_dead = false;
  goto life
}

/* Peeks, reads, and releases now or later; at the latest before it waits. */
proctype reader()
{
  byte position, header;
life:
  {
    position = released;
    do
    :: word[UNIT(position)] != 0 ->
       d_step {
         header = word[UNIT(position)];
         read_uncommitted = position >= end || committed[position % (2 * CAPACITY)] != header;
         assert(!read_uncommitted)
       };
#ifdef BREAK_RELEASED_BEFORE_READ
       released = position + header;
#endif
       d_step {
         payload_changed = header == 3 && (word[UNIT(position + 1)] != PAYLOAD ||
                                           word[UNIT(position + 2)] != PAYLOAD);
         assert(!payload_changed);
         position = position + header;
         header = 0
       };
       if
       :: released = position
       :: true
       fi
    :: word[UNIT(position)] == 0 && released != position -> released = position
    od
  } unless { reader_dead };
  atomic { reader_dead = false; position = 0; header = 0 };
  goto life
}

proctype killer()
{
  do
  :: atomic { deaths < DEATHS && !writer_dead -> writer_dead = true; deaths++ }
  :: atomic { deaths < DEATHS && !reader_dead -> reader_dead = true; deaths++ }
  od
}

/* When nobody can do anything any more: all was sent, and all was read. */
proctype judge()
{
  timeout ->
  stuck = count != RECORDS || released != end;
  assert(!stuck)
}

init
{
  atomic {
    check[0] = CHECK(0, 0); /* The creator's. */
    run writer(); run reader(); run killer(); run judge()
  }
}
