/* Doorbells: how a writer wakes a reader that sleeps, and why no wake is lost.
 *
 *   producer                                    consumer (about to sleep)
 *     write the payload                           seq = load_acquire(bell.seq)          1
 *     store_release(position)          A          store_relaxed(bell.sleeping, 1)       2
 *     fence(seq_cst)                   B          fence(seq_cst)                        3
 *     if load_relaxed(bell.sleeping):  C          if any input is ready: awake          4
 *         fetch_add_release(bell.seq)  D          futex_wait(bell.seq, seq)             5
 *         futex_wake(bell.seq)
 *
 * Of the two fences one comes first. If B does, the consumer's re-check (4) sees the position stored at A and does not
 * sleep. If 3 does, the producer (C) sees `sleeping` and rings; the seq it changes at D was read at 1, before 2, so
 * either futex_wait finds another number and returns at once, or it already sleeps and futex_wake ends that. With
 * several producers the same holds for each of them alone: none of them ever clears `sleeping`, and D only ever
 * changes seq away from what was read at 1.
 *
 * Patience. Whoever waits for 32 ms of a history that grows by 10 need not be woken three times for nothing. So a
 * sleeper says before 2 up to which position of which ring it is not to be woken; the producer, which knows where its
 * own ring is, looks at that after C and does not ring before then. What was said before 2 is ordered as 2 is: if B is
 * first, the re-check (4) decides; if 3 is, the producer sees what was said for this sleep, since nothing else is
 * stored there before the consumer is awake again. So whoever sleeps on is not due. All other rings wake it as ever.
 *
 * A consumer killed in its sleep leaves `sleeping` set: its producers make a needless system call until a successor
 * waits once. A producer killed between A and D leaves a sleeper unwoken until the next ring, its deadline, or the look
 * that every sleeper takes once a second (wait.h); its successor rings when it attaches.
 */
#ifndef RINGBUF_BELL_H
#define RINGBUF_BELL_H

#include "layout.h"
#include "step.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RB_MAX_BELLS 16

/* The bells that a role rings after it released a position. */
struct rb_bells {
    struct rb_bell *line[RB_MAX_BELLS];
    int count;
};

/* The only sequentially consistent fence in the code base: B and 3 above. */
static inline void rb_handshake(void) { atomic_thread_fence(memory_order_seq_cst); }

static inline void rb_bell_wake(struct rb_bell *bell)
{
    /* Not PRIVATE: the sleeper is another process. */
    syscall(SYS_futex, &bell->seq, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Whether the sleeper is not to be woken yet: its patience with this ring lasts beyond `position`. */
static inline int rb_is_patient(const struct rb_bell *bell, uint64_t ring, uint64_t position)
{
    return ring != 0 && atomic_load_explicit(&bell->patient, memory_order_relaxed) == ring &&
           (int64_t)(atomic_load_explicit(&bell->upto, memory_order_relaxed) - position) > 0;
}

/* After `position` of a ring was released: wake whoever sleeps and has no patience with it, or no longer. No system
 * call when nobody does. ring: header.created_ns, or 0: nobody has patience. */
static inline void rb_ring_impatient(const struct rb_bells *bells, uint64_t ring, uint64_t position)
{
    if (bells->count == 0) return;
    rb_handshake(); /* B */
    for (int i = 0; i < bells->count; i++) {
        struct rb_bell *bell = bells->line[i];
        if (atomic_load_explicit(&bell->sleeping, memory_order_relaxed)) { /* C */
            if (rb_is_patient(bell, ring, position)) continue;
            atomic_fetch_add_explicit(&bell->seq, 1, memory_order_release); /* D */
            RB_STEP();
            rb_bell_wake(bell);
            RB_STEP();
        }
    }
}

/* After a position was released: wake whoever sleeps. No system call when nobody does. */
static inline void rb_ring_sleepers(const struct rb_bells *bells) { rb_ring_impatient(bells, 0, 0); }

/* An explicit ring counts even when nobody sleeps, so that a waiter for any ring finds it later. */
static inline void rb_bell_ring(struct rb_bell *bell)
{
    RB_STEP();
    atomic_fetch_add_explicit(&bell->seq, 1, memory_order_release);
    RB_STEP();
    rb_handshake();
    if (atomic_load_explicit(&bell->sleeping, memory_order_relaxed)) rb_bell_wake(bell);
    RB_STEP();
}

/* Sleep while seq is `seq`. deadline_ns: absolute CLOCK_MONOTONIC, below 0 is never. Returns 0 or errno. */
static inline int rb_bell_sleep(struct rb_bell *bell, uint32_t seq, int64_t deadline_ns)
{
    struct timespec until = {.tv_sec = deadline_ns / 1000000000, .tv_nsec = deadline_ns % 1000000000};
    long rc = syscall(SYS_futex, &bell->seq, FUTEX_WAIT_BITSET, seq, deadline_ns < 0 ? NULL : &until, NULL,
                      FUTEX_BITSET_MATCH_ANY);
    return rc == 0 ? 0 : errno;
}

/* Between two looks of a spinning reader: leaves the core to its hyper-thread and the bus to the writer. */
static inline void rb_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

static inline int64_t rb_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
