/* The block table of a history: which sample was captured when.
 *
 *   here          there
 *   block_write   rb_block_write, blocks.c
 *   block_read    rb_block_read, blocks.c
 *   writer        rb_history_writer_open with empty_unpublished_block, rb_history_commit, history.c
 *   reader        rb_history_capture_ns with rb_block_find, history_reader.c
 *
 * Properties: a capture time that the reader is given is that of its sample (`wrong`); none is missing that the table
 * still has room for (`missing`); a block that was never published does no harm.
 *
 * Bounds: a table of SIZE entries, BLOCKS of up to LONGEST samples, KILLS of the writer, one reader that asks for one
 * sample. Numbers do not wrap here: only differences of samples do, and history.pml has that. Not covered: the samples
 * (history.pml); flags, which rb_history_flags reads from the entries as block_read does. No room for load buffering:
 * the reader stores nothing, the writer loads what it wrote itself.
 *
 * COUNT_GOES_BACK is a fault that this model found: a block that was counted and then not is unreadable while it is
 * written anew, and who still knows the higher count takes it for one of the oldest, and misses all blocks before it. */
#ifndef SIZE
#define SIZE 2
#endif
#ifndef BLOCKS
#define BLOCKS 3
#endif
#ifndef LONGEST
#define LONGEST 2
#endif
#ifndef KILLS
#define KILLS 0
#endif

#define WRITER 0
#define READER 1
#define PROCESSES 2
#define POSITION 0
#define PUBLISHED 1 /* side->blocks */
#define ENTRY(k) (2 + 4 * ((k) % SIZE))
#define NUMBER(k) ENTRY(k)
#define BEGIN(k) (ENTRY(k) + 1) /* `first` in C */
#define CAPTURE(k) (ENTRY(k) + 2)
#define COUNT(k) (ENTRY(k) + 3)
#define WORDS (2 + 4 * SIZE)
#define PLAIN 0
#define WRITES 7
#include "memory.pml"

/* Mutants change one of these. */
#ifndef D
#define D RELEASE
#endif
#ifndef E
#define E ACQUIRE
#endif

byte tries, kills, committed, begun; /* blocks that are published, that were begun */
byte capture_of[2 * BLOCKS]; /* of each published sample */
bool killed[1], ended[1];
bool wrong, missing;
#ifdef WITNESS
bool reached;
#endif

inline block_write(k, begin_, capture_, count_)
{
#ifndef NUMBER_NOT_CLEARED
    store(WRITER, NUMBER(k), 0, RELAXED);
#ifndef NO_RELEASE_FENCE
    fence_release(WRITER);
#endif
#endif
    store(WRITER, BEGIN(k), begin_, RELAXED);
    store(WRITER, CAPTURE(k), capture_, RELAXED);
    store(WRITER, COUNT(k), count_, RELAXED);
    store(WRITER, NUMBER(k), (k) + 1, RELEASE)
}

inline publish()
{
    atomic {
        capture_of[position - count] = id;
        capture_of[position - 1] = id + count - 1;
        committed++;
        store(WRITER, POSITION, position, D)                          /* D */
    }
}

proctype writer()
{
    byte position, blocks, count, begin, id;
    do
    :: {
            load_own(WRITER, POSITION, position);
            load_own(WRITER, PUBLISHED, blocks);
            /* empty_unpublished_block: the entry was finished before it was counted, and stays counted, but is empty */
            if
            :: blocks == 0
            :: blocks != 0 ->
                load_own(WRITER, BEGIN(blocks - 1), begin);
                load_own(WRITER, COUNT(blocks - 1), count);
                if
                :: begin + count > position ->
#ifdef COUNT_GOES_BACK
                    blocks--;
                    store(WRITER, PUBLISHED, blocks, RELEASE)
#else
                    store(WRITER, COUNT(blocks - 1), 0, RELAXED)
#endif
                :: begin + count <= position
                fi;
                begin = 0
            fi;
            do
            :: committed < BLOCKS ->
                if
                :: count = 1
                :: LONGEST == 2 -> count = 2
                fi;
                atomic { tries++; id = 2 * tries; begun = MAX(begun, blocks + 1) };
                block_write(blocks, position, id, count);
                atomic { blocks++; position = position + count };
#ifdef POSITION_BEFORE_BLOCKS
                publish();
#endif
                store(WRITER, PUBLISHED, blocks, RELEASE);
#ifndef POSITION_BEFORE_BLOCKS
                publish();
#endif
                atomic { id = 0; count = 0 }
            :: committed == BLOCKS -> break
            od;
            break
        } unless {
            killed[WRITER];
            atomic { position = 0; blocks = 0; count = 0; begin = 0; id = 0; killed[WRITER] = false };
            take_over(WRITER)
        }
    od;
    ended[WRITER] = true;
    leave(WRITER)
}

inline block_read(k)
{
    load(READER, NUMBER(k), ACQUIRE, number);
    if
    :: number == (k) + 1 ->
        load(READER, BEGIN(k), RELAXED, begin);
        load(READER, CAPTURE(k), RELAXED, capture);
        load(READER, COUNT(k), RELAXED, count);
#ifndef NO_ACQUIRE_FENCE
        fence_acquire(READER);
#endif
        load(READER, NUMBER(k), RELAXED, number);
#ifndef NOT_CHECKED_AGAIN
        whole = number == (k) + 1
#else
        whole = true
#endif
    :: number != (k) + 1 -> whole = false
    fi;
    number = 0
}

proctype reader()
{
    byte position, index, blocks, low, high, middle;
    byte number, begin, capture, count;
    byte found_begin, found_capture, found_count;
    bool whole, found;
    NEWS(READER, POSITION);
    load(READER, POSITION, E, position);                              /* E */
    if
    :: position == 0 -> goto done
    :: position != 0
    fi;
    atomic {
        do
        :: index + 1 < position -> index++
        :: break
        od;
        position = 0
    };
    load(READER, PUBLISHED, ACQUIRE, blocks);
    /* rb_block_find */
    atomic { low = (blocks > SIZE -> blocks - SIZE : 0); high = blocks; blocks = 0 };
    do
    :: low < high ->
        middle = low + (high - low) / 2;
        block_read(middle);
        atomic {
            if
            :: !whole -> low = middle + 1
            :: whole && index >= begin ->
                found = true;
                found_begin = begin;
                found_capture = capture;
                found_count = count;
                low = middle + 1
            :: whole && index < begin -> high = middle
            fi;
            begin = 0;
            capture = 0;
            count = 0;
            whole = false;
            middle = 0
        }
    :: low >= high -> break
    od;
    found = found && index - found_begin < found_count;
    wrong = found && found_capture + index - found_begin != capture_of[index];
    assert(!wrong);
    missing = !found && begun <= SIZE;
    assert(!missing);
#ifdef WITNESS
    reached = found && begun > SIZE && kills == KILLS;
    assert(!reached);
#endif
done:
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
