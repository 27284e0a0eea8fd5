/* Stream: positions, records and padding of one writer and one reader.
 *
 *   here            there (stream.c)
 *   writer          rb_stream_writer_open, rb_stream_claim (A), rb_stream_commit (B)
 *   scrub           rb_stream_scrub (A), of all free units
 *   reader          rb_stream_reader_open, rb_stream_acquire (C), check_record, rb_stream_release
 *   give_back       give_back (D)
 *   possible        possible
 *
 * A unit is RB_TAG bytes of plain memory: a tag, or a payload. Positions count units modulo 8, as the real ones count
 * bytes modulo 2^64, and begin at FIRST so that they wrap.
 *
 * Properties: no plain access races with another (`raced`): nothing is torn, and nothing is overwritten before it was
 * read. What the reader finds is a record (`corrupt`), and the one that is next (`wrong`): none is lost, none comes
 * twice, none that was not committed. Both sides get to their end, killed or not: no invalid end state.
 *
 * Bounds: CAPACITY of 4 units, RECORDS of 1 or 2 units, KILLS of writer or reader, each followed by a successor; with
 * LATEST a reader's successor begins at the newest record; SCRUBS between two records. Not covered: waiting (wake.pml; here a side without work
 * waits until there is news), abort (a kill without the kill), put (a claim and a commit). No room for load buffering:
 * all loads of shared words are acquire, all stores release, and what is plain does not race. */
#ifndef RECORDS
#define RECORDS 3
#endif
#ifndef KILLS
#define KILLS 0
#endif
#ifndef SCRUBS
#define SCRUBS 0
#endif
#ifndef FIRST
#define FIRST 6
#endif

#define WRITER 0
#define READER 1
#define PROCESSES 2
#define WRITE 0 /* the writer's position */
#define READ 1 /* the reader's */
#define WORDS 2
#define CAPACITY 4
#define PLAIN CAPACITY
#define WRITES 8
#include "memory.pml"

/* Mutants change one of these. */
#ifndef A
#define A ACQUIRE
#endif
#ifndef B
#define B RELEASE
#endif
#ifndef C
#define C ACQUIRE
#endif
#ifndef D
#define D RELEASE
#endif
#ifndef ROOM
#define ROOM CAPACITY
#endif

#define WRAP(p) ((p) & 7)
#define PLACE(p) ((p) & (CAPACITY - 1))
#define USED(write, read) WRAP((write) - (read))
#ifdef POSITIONS_COMPARED
#define POSSIBLE(write, read) (write >= read)
#else
#define POSSIBLE(write, read) (USED(write, read) <= CAPACITY)
#endif

/* What a unit holds. `id` tells one try of a record from another. */
#define TAG(padding, id, units, position) ((((padding) * 16 + (id)) * 4 + (units)) * 8 + (position))
#define POSITION_OF(tag) ((tag) & 7)
#define UNITS_OF(tag) (((tag) / 8) & 3)
#define ID_OF(tag) (((tag) / 32) & 15)
#define PADDING_OF(tag) ((tag) / 512)
#define PAYLOAD(id) (-(id))

byte tries, published, given_back; /* records; the last two change with the position */
byte id_of[RECORDS], published_at[8];
byte kills, scrubs;
bool killed[PROCESSES], ended[PROCESSES];
bool corrupt, wrong;
#ifdef WITNESS
bool reached;
#endif

inline publish()
{
    atomic {
        id_of[published] = id;
        published++;
        published_at[WRAP(write + stride)] = published;
        store(WRITER, WRITE, WRAP(write + stride), B)                 /* B */
    }
}

#ifdef SCRUBS_UNREAD
#define SCRUBBED write
#else
#define SCRUBBED read
#endif
inline scrub()
{
    load(WRITER, READ, A, read);                                      /* A */
    corrupt = !POSSIBLE(write, read);
    assert(!corrupt);
    at = WRAP(write - CAPACITY);
    do
    :: at != SCRUBBED ->
        plain_write(WRITER, PLACE(at), 0);
        at = WRAP(at + 1)
    :: at == SCRUBBED -> break
    od;
    at = 0
}

proctype writer()
{
    byte write, read, claimed, units, padding, stride, id;
#if SCRUBS
    byte at;
#endif
    do
    :: {
            load_own(WRITER, WRITE, write);
            load(WRITER, READ, ACQUIRE, read);
            corrupt = !POSSIBLE(write, read);
            assert(!corrupt);
            do
            :: published < RECORDS ->
                /* claim; `units` of it will be committed */
                if
                :: claimed = 0
                :: claimed = 1
                :: claimed = 1; units = 1
                fi;
                padding = (PLACE(write) + 1 + claimed > CAPACITY -> CAPACITY - PLACE(write) : 0);
                do
                :: ROOM - USED(write, read) >= padding + 1 + claimed -> break
                :: ROOM - USED(write, read) < padding + 1 + claimed ->
                    load(WRITER, READ, A, read);                      /* A */
                    corrupt = !POSSIBLE(write, read);
                    assert(!corrupt);
                    if
                    :: ROOM - USED(write, read) < padding + 1 + claimed -> NEWS(WRITER, READ)
                    :: ROOM - USED(write, read) >= padding + 1 + claimed
                    fi
                od;
                atomic { stride = padding + 1 + units; tries++; id = tries };
#ifdef PUBLISH_FIRST
                publish();
#endif
                if
                :: claimed -> plain_write(WRITER, PLACE(write + padding + 1), PAYLOAD(id))
                :: !claimed
                fi;
                /* commit */
                if
                :: padding ->
#ifndef PADDING_NOT_WRITTEN
                    plain_write(WRITER, PLACE(write), TAG(1, 0, padding - 1, write))
#endif
                :: !padding
                fi;
                plain_write(WRITER, PLACE(write + padding), TAG(0, id, units, WRAP(write + padding)));
#ifndef PUBLISH_FIRST
                publish();
#endif
                atomic { write = WRAP(write + stride); claimed = 0; units = 0; padding = 0; stride = 0; id = 0 }
#if SCRUBS
            :: scrubs < SCRUBS ->
                scrubs++;
                scrub()
#endif
            :: published == RECORDS -> break
            od;
            break
        } unless {
            killed[WRITER];
            atomic {
                write = 0; read = 0; claimed = 0; units = 0; padding = 0; stride = 0; id = 0;
#if SCRUBS
                at = 0;
#endif
                killed[WRITER] = false
            };
            take_over(WRITER)
        }
    od;
    ended[WRITER] = true
}

inline give_back(records)
{
    atomic {
        given_back = given_back + records;
        store(READER, READ, WRAP(read + 1 + UNITS_OF(tag)), D)        /* D */
    }
}

proctype reader()
{
    byte write, read;
    short tag, payload;
    do
    :: {
            load(READER, WRITE, ACQUIRE, write);
            load_own(READER, READ, read);
#ifdef LATEST
            atomic { read = write; given_back = published_at[write]; store(READER, READ, read, RELEASE) };
#elif defined(SUCCESSOR_SKIPS)
            atomic { read = write; store(READER, READ, read, RELEASE) };
#else
            store(READER, READ, read, RELEASE);
#endif
            do
            :: given_back < RECORDS ->
                if
                :: write == read ->
                    load(READER, WRITE, C, write);                    /* C */
                    corrupt = !POSSIBLE(write, read);
                    assert(!corrupt)
                :: write != read
                fi;
                if
                :: write == read -> NEWS(READER, WRITE)
                :: write != read ->
                    plain_read(READER, PLACE(read), tag);
                    corrupt = tag <= 0 || POSITION_OF(tag) != read || 1 + UNITS_OF(tag) > USED(write, read) ||
                              PLACE(read) + 1 + UNITS_OF(tag) > CAPACITY ||
                              (PADDING_OF(tag) && PLACE(read) + 1 + UNITS_OF(tag) != CAPACITY);
                    assert(!corrupt);
                    if
                    :: PADDING_OF(tag) -> give_back(0)
                    :: !PADDING_OF(tag) ->
                        wrong = ID_OF(tag) != id_of[given_back];
                        assert(!wrong);
#ifdef RELEASE_FIRST
                        give_back(1);
#endif
                        if
                        :: UNITS_OF(tag) ->
                            plain_read(READER, PLACE(read + 1), payload);
                            wrong = payload != PAYLOAD(ID_OF(tag));
                            assert(!wrong);
                            payload = 0
                        :: !UNITS_OF(tag)
                        fi;
#ifndef RELEASE_FIRST
                        give_back(1);
#endif
                    fi;
                    atomic { read = WRAP(read + 1 + UNITS_OF(tag)); tag = 0 }
                fi
            :: given_back == RECORDS -> break
            od;
            break
        } unless {
            killed[READER];
            atomic { write = 0; read = 0; tag = 0; payload = 0; killed[READER] = false };
            take_over(READER)
        }
    od;
#ifdef WITNESS
    reached = tries > RECORDS && read < FIRST; /* something was written twice, and the positions wrapped */
    assert(!reached);
#endif
    ended[READER] = true
}

#if KILLS
#define KILL(p) atomic { kills < KILLS && !ended[p] && !killed[p] -> kills++; killed[p] = true }
proctype reaper()
{
end:
    do
    :: KILL(WRITER)
    :: KILL(READER)
    od
}
#endif

init
{
    atomic {
        word[WRITE].write[0].value = FIRST;
        word[READ].write[0].value = FIRST;
#if KILLS
        run reaper();
#endif
        run writer();
        run reader()
    }
}
