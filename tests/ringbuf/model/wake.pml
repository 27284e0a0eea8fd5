/* Doorbells: several producers, each with a ring of its own, and one consumer that watches all of them with one bell.
 *
 *   here                   there
 *   ring_sleepers          rb_ring_impatient, bell.h: B, C, D; A is the store of the position in front of it
 *   UPTO                   `upto` of a bell with PATIENCE: the consumer waits for 1 or WANT items of producer 0's ring
 *   producer               any role that releases a position: a commit, a reader's release, an open
 *   ringer                 rb_bell_ring, bell.h
 *   futex_wake, _wait      the system calls in rb_bell_wake and rb_bell_sleep, bell.h
 *   any_ready, consumer    any_ready and rb_wait, wait.c: 1 to 5
 *   seen                   the last ring that ended a wait for any ring (Waiter, with ANY_RING)
 *   NOTE                   what somebody writes, with no order of its own, before that ring
 *   take_over              rb_role_take: a successor in the place of a killed process
 *
 * Property: no state in which every producer has finished, the consumer sleeps without a deadline, and something is
 * unread (LOST). One that was killed for good may leave its own last item so: the look once a second is for that.
 * With ANY_RING: nor one in which it does not know what was written before a ring.
 *
 * With PATIENCE nothing is unread where less than what is waited for has come.
 *
 * Memory: memory.pml, or with BUFFERS the smaller buffers.pml. Bounds: PRODUCERS, ITEMS of each, KILLS (of a producer,
 * with or without a successor, or of the consumer, with one), INTERRUPTIONS (a sleep that ends by time, by a signal or
 * for nothing).
 * Not covered: time itself (to spin is to repeat 1 and 4), the wrap of seq at 2^32, several bells in one rb_bells (each
 * is rung as if alone), the payload (stream.pml). No room for load buffering: C is followed by a release or by nothing
 * that others read, and what the consumer stores after 4 and 5 waits for the branches on them. */
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef ITEMS
#define ITEMS 1
#endif
#ifndef INTERRUPTIONS
#define INTERRUPTIONS 0
#endif
#ifndef KILLS
#define KILLS 0
#endif
#ifndef WANT
#define WANT 2
#endif
#ifdef PATIENCE
#define NEED(i) (i == 0 -> want : 1)
#define PATIENCES 1
#else
#define NEED(i) 1
#define PATIENCES 0
#endif
#ifdef ANY_RING
#define RINGERS 1
#else
#define RINGERS 0
#endif

#define RINGER PRODUCERS
/* Mutants are switches further down, or change this. */
#ifndef RING
#define RING RELEASE
#endif

#define CONSUMER (PRODUCERS + RINGERS)
#define PROCESSES (PRODUCERS + RINGERS + 1)

#define POSITION(i) (i)
#define SLEEPING PRODUCERS
#define SEQ (PRODUCERS + 1)
#define NOTE (PRODUCERS + 2)
#define UPTO (PRODUCERS + 2 + RINGERS)
#define WORDS (PRODUCERS + 2 + RINGERS + PATIENCES)
#define PLAIN 0
#define WRITES 14
#ifdef BUFFERS
#include "buffers.pml"
#else
#include "memory.pml"
#endif

bool asleep; /* the consumer is in futex_wait */
#ifdef PATIENCE
byte want = WANT; /* what it waits for now, of producer 0 */
#endif
byte published[PRODUCERS], taken[PRODUCERS];
byte finished, interruptions, kills;
bool killed[PROCESSES], ended[PROCESSES], gone[PROCESSES];
#ifdef ANY_RING
byte seen;
bool heard; /* the consumer has read the note */
#endif
bool lost;
#ifdef WITNESS
bool woken;
#endif

#define LOST(i) (published[i] - taken[i] >= NEED(i) + (gone[i] -> 1 : 0))

inline futex_wake(me)
{
    atomic {
        lock_enter(me);
#ifdef WITNESS
        woken = woken || asleep;
#endif
        asleep = false;
        lock_leave(me)
    }
}

inline futex_wait(me, expected)
{
    atomic {
        lock_enter(me);
        load(me, SEQ, RELAXED, found);
#ifdef WAIT_DOES_NOT_COMPARE
        asleep = true;
#else
        asleep = found == expected;
#endif
        found = 0;
        lock_leave(me)
    }
}

/* whom: PATIENT leaves those alone who have patience with this ring; IMPATIENT does not (at an open). */
#define IMPATIENT 0
#define PATIENT 1
inline ring_sleepers(me, whom)
{
#ifndef NO_PRODUCER_FENCE
    fence_seq_cst(me);                                       /* B */
#endif
    load(me, SLEEPING, RELAXED, sleeping);                   /* C */
#ifdef PATIENCE
    if
    :: sleeping && whom == PATIENT && me == 0 ->
        load(me, UPTO, RELAXED, upto);
#ifdef TOO_PATIENT
        sleeping = published[me] > upto;
#else
        sleeping = published[me] >= upto;
#endif
        upto = 0
    :: else
    fi;
#endif
    if
    :: sleeping ->
        sleeping = false;
#ifdef WAKE_BEFORE_SEQ
        futex_wake(me);
        fetch_add(me, SEQ, RELEASE)
#else
        fetch_add(me, SEQ, RELEASE);                         /* D */
        futex_wake(me)
#endif
#ifdef PRODUCER_CLEARS_SLEEPING
        ;
        store(me, SLEEPING, false, RELAXED)
#endif
    :: else
    fi
}

inline publish(me)
{
    atomic {
        published[me] < ITEMS ->
        published[me]++;
        store(me, POSITION(me), published[me], RELEASE)      /* A */
    }
}

proctype producer(byte me)
{
    bool sleeping;
#ifdef PATIENCE
    byte upto;
#endif
    do
    :: {
            do
            :: publish(me); ring_sleepers(me, PATIENT)
            :: published[me] == ITEMS -> break
            od;
            break
        } unless {
            killed[me];
            sleeping = false;
#ifdef PATIENCE
            upto = 0;
#endif
            if
            :: gone[me] = true; break
            :: killed[me] = false; take_over(me)
            fi;
            /* The successor opens the ring, and may at once move the position (a stream's reader, to the latest). */
#ifdef OPEN_DOES_NOT_RING
            skip
#elif defined(OPEN_RINGS_FIRST)
            ring_sleepers(me, IMPATIENT);
            if
            :: publish(me)
            :: skip
            fi
#else
            if
            :: publish(me)
            :: skip
            fi;
            ring_sleepers(me, IMPATIENT)
#endif
        }
    od;
    ended[me] = true;
    leave(me);
    finished++
}

#ifdef ANY_RING
proctype ringer()
{
    bool sleeping;
    store(RINGER, NOTE, 1, RELAXED);
#ifdef RING_ONLY_SLEEPERS
    ring_sleepers(RINGER, IMPATIENT);
#else
    fetch_add(RINGER, SEQ, RING);
#ifndef RING_WITHOUT_FENCE
    fence_seq_cst(RINGER);
#endif
    load(RINGER, SLEEPING, RELAXED, sleeping);
    if
    :: sleeping -> futex_wake(RINGER)
    :: else
    fi;
#endif
    leave(RINGER);
    finished++
}
#endif

/* 4, and the look before 1 to 5. `number` is the seq that it goes by. */
inline any_ready(number)
{
    i = 0;
    ready = false;
#ifdef ANY_RING
    ready = number != seen;
#endif
    do
    :: atomic {
            i < PRODUCERS && !ready ->
            load(CONSUMER, POSITION(i), ACQUIRE, position);
            ready = position - taken[i] >= NEED(i);
            position = 0;
            i++
        }
    :: atomic { !(i < PRODUCERS && !ready) -> i = 0; break }
    od
}

inline recheck()
{
#ifdef ANY_RING
    load(CONSUMER, SEQ, RELAXED, again);
#endif
#ifdef RECHECK_ONE_RING
    atomic { load(CONSUMER, POSITION(0), ACQUIRE, position); ready = position - taken[0] >= NEED(0); position = 0 }
#else
    any_ready(again);
#endif
    again = 0
}

/* What a caller does when its wait has ended; `seen` is loaded by the wait itself, or by the making of a Waiter. */
inline look_at_all()
{
#ifdef ANY_RING
    load(CONSUMER, SEQ, ACQUIRE, seen);
    load(CONSUMER, NOTE, RELAXED, heard);
#endif
    do
    :: atomic { i < PRODUCERS -> load(CONSUMER, POSITION(i), ACQUIRE, taken[i]); i++ }
    :: atomic { i == PRODUCERS -> i = 0; break }
    od
}

proctype consumer()
{
    byte seq, again, found, i, position;
    bool ready;
    do
    :: {
#ifdef ANY_RING
            look_at_all(); /* who makes a Waiter for any ring looks once before the first wait */
#endif
            do
            ::
#ifdef PATIENCE
                if
                :: want = 1
                :: want = WANT
                fi;
#endif
                load(CONSUMER, SEQ, ACQUIRE, seq);                /* 1 */
                any_ready(seq);
                if
                :: ready
                :: !ready ->
#if defined(PATIENCE) && !defined(UPTO_AFTER_FENCE)
                    store(CONSUMER, UPTO, taken[0] + want, RELAXED);
#endif
                    store(CONSUMER, SLEEPING, true, RELAXED);     /* 2 */
#ifndef NO_CONSUMER_FENCE
                    fence_seq_cst(CONSUMER);                      /* 3 */
#endif
#ifdef UPTO_AFTER_FENCE
                    store(CONSUMER, UPTO, taken[0] + want, RELAXED);
#endif
                    recheck();                                    /* 4 */
#ifdef SEQ_AFTER_RECHECK
                    load(CONSUMER, SEQ, ACQUIRE, seq);
#endif
                    if
                    :: ready
                    :: !ready ->
                        futex_wait(CONSUMER, seq);                /* 5 */
end_asleep:             if
                        :: !asleep
                        :: asleep && interruptions < INTERRUPTIONS ->
                            interruptions++;
                            asleep = false;
                            if
                            :: any_ready(seq) /* ETIMEDOUT */
                            :: skip /* EINTR, or for nothing */
                            fi
                        fi
                    fi;
                    store(CONSUMER, SLEEPING, false, RELAXED)
                fi;
                seq = 0;
                if
                :: ready ->
                    ready = false;
#ifdef WITNESS
                    assert(!woken);
#endif
                    look_at_all()
                :: !ready
                fi
            od
        } unless {
            killed[CONSUMER];
            killed[CONSUMER] = false;
            seq = 0; again = 0; found = 0; i = 0; position = 0; ready = false; asleep = false;
            take_over(CONSUMER)
        }
    od
}

#if KILLS
#define KILL(p) atomic { kills < KILLS && !ended[p] && !killed[p] -> kills++; killed[p] = true }
active proctype reaper()
{
end:
    do
    :: KILL(0)
    :: KILL(PRODUCERS - 1)
    :: KILL(CONSUMER)
    od
}
#endif

active proctype judge()
{
    byte i;
    atomic {
        asleep && finished == PRODUCERS + RINGERS;
        for (i : 0 .. PRODUCERS - 1) { lost = lost || LOST(i) }
#ifdef ANY_RING
        lost = lost || !heard;
#endif
        assert(!lost);
        i = 0
    }
}

init
{
    byte i;
    atomic {
        for (i : 0 .. PRODUCERS - 1) { run producer(i) }
#ifdef ANY_RING
        run ringer();
#endif
        run consumer();
#ifdef BUFFERS
        for (i : 0 .. PROCESSES - 1) { run hardware(i) }
#endif
        i = 0
    }
}
