/* History: intent, samples, position; and a reader that uses samples in place and then asks whether they were whole.
 *
 *   here        there
 *   writer      rb_history_writer_open, rb_history_claim (A, B), rb_history_commit (D), history.c
 *   reader      observe (E), a window of acquire or view, rb_history_holds (F, G), history_reader.c
 *
 * Samples are words with relaxed loads and stores: so memcpy and NumPy behave where they race, and they race by design.
 * Indices count modulo 16, as the real ones modulo 2^64, and begin at FIRST so that they wrap.
 *
 * Properties: whenever the reader says "whole", it read what was committed (`torn`); a sound ring is never called
 * damaged (`corrupt`).
 *
 * Bounds: CAPACITY, SAMPLES committed by claims of up to half of it, a window of up to WINDOW samples, KILLS of the
 * writer. One reader with one window: others write nothing that the writer reads, and who has looked before knows more,
 * not less. Not covered: waiting (wake.pml), the block table (blocks.pml). No room for load buffering: neither side
 * stores anything after a load that the other one reads.
 *
 * NO_FENCE_AT_OPEN is a gap that this model found: a successor that claims no more than its predecessor had announced
 * announces nothing, and so has no fence B of its own between what it read and the samples that it spoils. */
#ifndef CAPACITY
#define CAPACITY 4
#endif
#ifndef SAMPLES
#define SAMPLES 6
#endif
#ifndef WINDOW
#define WINDOW 2
#endif
#ifndef KILLS
#define KILLS 0
#endif
#define FIRST 13

#define WRITER 0
#define READER 1
#define PROCESSES 2
#define POSITION 0
#define INTENT 1
#define SAMPLE(i) (2 + ((i) & (CAPACITY - 1)))
#define WORDS (2 + CAPACITY)
#define PLAIN 0
#define WRITES 7
#include "memory.pml"

/* Mutants change one of these. */
#ifndef A
#define A RELEASE
#endif
#ifndef D
#define D RELEASE
#endif
#ifndef E
#define E ACQUIRE
#endif
#ifndef SLACK
#define SLACK 0
#endif

#define WRAP(i) ((i) & 15)
#define MINUS(a, b) WRAP((a) - (b))
#define AFTER(a, b) (MINUS(a, b) != 0 && MINUS(a, b) < 8) /* (int64_t)(a - b) > 0 */
#define OLDEST(intent) (MINUS(intent, FIRST) > CAPACITY -> WRAP((intent) - CAPACITY) : FIRST)

byte tries, published, kills;
byte committed[16]; /* what sample i holds, by index */
bool killed[1], ended[1];
bool torn, corrupt;
#ifdef WITNESS
bool reached;
#endif

inline announce()
{
    if
    :: AFTER(WRAP(position + n), intent) ->
        intent = WRAP(position + n);
        store(WRITER, INTENT, intent, A);                             /* A */
#ifndef NO_RELEASE_FENCE
        fence_release(WRITER)                                         /* B */
#endif
    :: !AFTER(WRAP(position + n), intent)
    fi
}

proctype writer()
{
    byte position, intent, n, i, id;
    do
    :: {
            load_own(WRITER, POSITION, position);
#ifdef INTENT_GOES_BACK
            intent = position;
#else
            load_own(WRITER, INTENT, intent);
#endif
#ifndef NO_FENCE_AT_OPEN
            fence_release(WRITER); /* what the last writer announced and this one may spoil: B, in its place */
#endif
            do
            :: published < SAMPLES ->
                /* claim */
                if
                :: n = 1
                :: CAPACITY > 2 -> n = 2
                fi;
                atomic { tries++; id = 8 * tries };
#ifndef INTENT_AFTER_DATA
                announce();
#endif
                do
                :: atomic { i < n -> store(WRITER, SAMPLE(position + i), id + i, RELAXED); i++ }
                :: atomic { i == n -> i = 0; break }
                od;
#ifdef INTENT_AFTER_DATA
                announce();
#endif
                /* commit, perhaps less */
                atomic {
                    if
                    :: n == 2 -> n = 1
                    :: published + n <= SAMPLES
                    fi;
                    do
                    :: i < n -> committed[WRAP(position + i)] = id + i; i++
                    :: i == n -> i = 0; break
                    od;
                    position = WRAP(position + n);
                    published = published + n;
                    store(WRITER, POSITION, position, D);             /* D */
                    n = 0;
                    id = 0
                }
            :: published == SAMPLES -> break
            od;
            break
        } unless {
            killed[WRITER];
            atomic { position = 0; intent = 0; n = 0; i = 0; id = 0; killed[WRITER] = false };
            take_over(WRITER)
        }
    od;
    ended[WRITER] = true;
    leave(WRITER)
}

proctype reader()
{
    byte position, intent, oldest, start, length, i, sample;
    bool bad;
    /* observe */
    do
    ::
        load(READER, POSITION, E, position);                          /* E */
        load(READER, INTENT, ACQUIRE, intent);
        oldest = OLDEST(intent);
        if
        :: MINUS(intent, position) <= CAPACITY && !AFTER(oldest, position) ->
            if
            :: position == oldest -> NEWS(READER, POSITION) /* nothing there yet */
            :: position != oldest -> break
            fi
        :: MINUS(intent, position) > CAPACITY || AFTER(oldest, position) ->
            load(READER, POSITION, ACQUIRE, i);
            corrupt = i == position;
            assert(!corrupt);
            i = 0
        fi
    od;
    /* acquire or view: any window of what is there */
    atomic {
        start = oldest;
        do
        :: WRAP(start + 1) != position -> start = WRAP(start + 1)
        :: break
        od;
        length = 1;
        do
        :: length < WINDOW && WRAP(start + length) != position -> length++
        :: break
        od;
        oldest = 0;
        intent = 0;
        position = 0
    }
    /* use */
    do
    :: atomic {
            i < length ->
            load(READER, SAMPLE(start + i), RELAXED, sample);
            bad = bad || sample != committed[WRAP(start + i)];
            sample = 0;
            i++
        }
    :: atomic { i == length -> i = 0; length = 0; break }
    od;
    /* rb_history_holds */
#ifndef NO_ACQUIRE_FENCE
    fence_acquire(READER);                                            /* F */
#endif
#ifdef JUDGED_BY_POSITION
    load(READER, POSITION, RELAXED, intent);
#else
    load(READER, INTENT, RELAXED, intent);                            /* G */
#endif
    torn = bad && !AFTER(OLDEST(intent), WRAP(start + SLACK));
    assert(!torn);
#ifdef WITNESS
    reached = bad && kills == KILLS;
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
        word[POSITION].write[0].value = FIRST;
        word[INTENT].write[0].value = FIRST;
#if KILLS
        run reaper();
#endif
        run writer();
        run reader()
    }
}
