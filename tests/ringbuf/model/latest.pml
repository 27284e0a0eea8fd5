/* Latest: one value that the next one replaces, in a few slots with a sequence each.
 *
 *   here          there (latest.c)
 *   writer        rb_latest_writer_open, rb_latest_claim (A), rb_latest_commit (B, C)
 *   reader        newest, look (D), a use in place, rb_latest_check; rb_latest_read is the same with a copy as its use
 *   still_whole   still_whole (E)
 *
 * Tag and payload are words with relaxed loads and stores: so memcpy and NumPy behave where they race, and they race by
 * design. Numbers do not wrap here: only their equality is ever asked for.
 *
 * Properties: what the reader calls whole is the publication that it looked for, as it was committed (`torn`); a sound
 * ring is never called damaged (`corrupt`).
 *
 * Bounds: SLOTS, VALUES published, KILLS of the writer, one reader with one look (others write nothing; who has looked
 * before knows more, not less). Not covered: waiting (wake.pml), how often the reader tries. No room for load
 * buffering: the reader stores nothing, the writer loads nothing but its own position. */
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef VALUES
#define VALUES 4
#endif
#ifndef KILLS
#define KILLS 0
#endif

#define WRITER 0
#define READER 1
#define PROCESSES 2
#define POSITION 0 /* rb_latest_sequence */
#define SEQUENCE(k) (1 + 3 * ((k) % SLOTS))
#define TAG(k) (2 + 3 * ((k) % SLOTS))
#define PAYLOAD(k) (3 + 3 * ((k) % SLOTS))
#define WORDS (1 + 3 * SLOTS)
#define PLAIN 0
#define WRITES 9
#include "memory.pml"

/* Mutants change one of these. */
#ifndef CLAIM
#define CLAIM RELEASE
#endif
#ifndef C
#define C RELEASE
#endif
#ifndef D
#define D ACQUIRE
#endif

byte tries, kills;
byte committed[VALUES + 1]; /* which try publication k is */
bool killed[1], ended[1];
bool torn, corrupt;
#ifdef WITNESS
bool reached;
#endif

proctype writer()
{
    byte k, id;
    do
    :: {
            load_own(WRITER, POSITION, k);
            do
            :: k < VALUES ->
                /* claim */
                atomic { k++; tries++; id = tries };
#ifndef CLAIM_AFTER_DATA
                store(WRITER, SEQUENCE(k), 2 * k + 1, CLAIM);
#ifndef NO_RELEASE_FENCE
                fence_release(WRITER);                                /* A */
#endif
#endif
                store(WRITER, PAYLOAD(k), id, RELAXED);
                /* commit */
                store(WRITER, TAG(k), id, RELAXED);
#ifdef CLAIM_AFTER_DATA
                store(WRITER, SEQUENCE(k), 2 * k + 1, CLAIM);
                fence_release(WRITER);
#endif
#ifdef POSITION_FIRST
                atomic { committed[k] = id; store(WRITER, POSITION, k, C) };
#endif
                store(WRITER, SEQUENCE(k), 2 * k + 2, RELEASE);             /* B */
#ifndef POSITION_FIRST
                atomic { committed[k] = id; store(WRITER, POSITION, k, C) }; /* C */
#endif
                id = 0
            :: k == VALUES -> break
            od;
            break
        } unless {
            killed[WRITER];
            atomic { k = 0; id = 0; killed[WRITER] = false };
            take_over(WRITER)
        }
    od;
    ended[WRITER] = true;
    leave(WRITER)
}

inline still_whole()
{
#ifndef NO_ACQUIRE_FENCE
    fence_acquire(READER);                                            /* E */
#endif
    atomic { load(READER, SEQUENCE(k), RELAXED, sequence); whole = sequence == 2 * k + 2; sequence = 0 }
}

proctype reader()
{
    byte k, sequence, tag, payload;
    bool whole;
    do
    ::
        if
        :: k == 0 -> NEWS(READER, POSITION) /* nothing there yet */
        :: k != 0
        fi;
        load(READER, POSITION, D, k);                                 /* D */
        if
        :: k == 0
        :: k != 0 ->
            /* look */
            load(READER, SEQUENCE(k), ACQUIRE, sequence);
            if
            :: sequence == 2 * k + 2 ->
                sequence = 0;
                load(READER, TAG(k), RELAXED, tag);
                still_whole()
            :: sequence != 2 * k + 2 -> sequence = 0
            fi;
            if
            :: whole -> break
            :: !whole ->
                fence_acquire(READER);
                atomic { load(READER, POSITION, ACQUIRE, sequence); corrupt = sequence == k; sequence = 0 };
                assert(!corrupt);
                tag = 0
            fi
        fi
    od;
    torn = tag != committed[k];
    assert(!torn);
    /* use, and rb_latest_check */
    load(READER, PAYLOAD(k), RELAXED, payload);
#ifndef NOT_CHECKED_AFTER_USE
    still_whole();
#endif
    torn = whole && payload != committed[k];
    assert(!torn);
#ifdef WITNESS
    reached = !whole && payload > k && kills == KILLS; /* a value was replaced while it was used */
    assert(!reached);
#endif
    leave(READER)
}

#if KILLS
proctype reaper()
{
end:
    do
    :: atomic { kills < KILLS && !ended[WRITER] && !killed[WRITER] -> kills++; killed[WRITER] = true }
    od
}
#endif

init
{
    atomic {
#if KILLS
        run reaper();
#endif
        run writer();
        run reader()
    }
}
