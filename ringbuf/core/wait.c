#include "wait.h"

/* No sleep is longer: a signal in the instant before the system call does not interrupt it, and a producer may be
 * killed between publishing and ringing. What such a look finds ready is counted in `missed`, so that it cannot hide a
 * lost wake-up. */
#define LOOK_NS INT64_C(1000000000)

static int any_ready(const struct rb_watch *watches, int count, const uint32_t *seen, uint32_t seq)
{
    if (seen && seq != *seen) return 1;
    for (int i = 0; i < count; i++) {
        if (rb_ready(&watches[i])) return 1;
    }
    return 0;
}

/* Say with which ring the sleeper has patience, and until when: with one at most. With several it has none. */
static void be_patient(struct rb_bell *bell, const struct rb_watch *watches, int count)
{
    const struct rb_watch *only = NULL;
    int rings = 0;
    for (int i = 0; i < count; i++) {
        if (watches[i].ring) {
            only = &watches[i];
            rings++;
        }
    }
    atomic_store_explicit(&bell->patient, rings == 1 ? only->ring : 0, memory_order_relaxed);
    RB_STEP();
    atomic_store_explicit(&bell->upto, rings == 1 ? only->mark + only->need : 0, memory_order_relaxed);
    RB_STEP();
}

/* The numbers are those of bell.h. */
int rb_wait(struct rb_bell *bell, const struct rb_watch *watches, int count, int64_t deadline_ns, int64_t spin_ns,
            const uint32_t *seen, unsigned long long *missed)
{
    const int64_t start = rb_now_ns();
    const int64_t look = deadline_ns < 0 || deadline_ns > start + LOOK_NS ? start + LOOK_NS : deadline_ns;
    for (;;) {
        const uint32_t seq = atomic_load_explicit(&bell->seq, memory_order_acquire); /* 1 */
        if (any_ready(watches, count, seen, seq)) return 1;
        const int64_t now = rb_now_ns();
        if (now >= look) return look == deadline_ns ? 0 : -1;
        if (now - start < spin_ns) {
            rb_pause();
            continue;
        }
        be_patient(bell, watches, count);
        atomic_store_explicit(&bell->sleeping, 1, memory_order_relaxed); /* 2 */
        RB_STEP();
        rb_handshake(); /* 3 */
        int error = 0;
        int ready = any_ready(watches, count, seen, atomic_load_explicit(&bell->seq, memory_order_relaxed)); /* 4 */
        if (!ready) error = rb_bell_sleep(bell, seq, look); /* 5 */
        RB_STEP();
        atomic_store_explicit(&bell->sleeping, 0, memory_order_relaxed);
        RB_STEP();
        if (error == ETIMEDOUT && look != deadline_ns) {
            ready = any_ready(watches, count, seen, seq);
            *missed += ready != 0;
        }
        if (ready) return 1;
        if (error == EINTR) return -1;
    }
}
