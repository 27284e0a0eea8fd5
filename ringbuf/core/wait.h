/* Sleeping until one of several inputs is ready. The protocol and its proof are in bell.h. */
#ifndef RINGBUF_WAIT_H
#define RINGBUF_WAIT_H

#include "bell.h"

/* An input: ready iff *word - mark >= need, unsigned. Roles keep theirs true as they move. ring: the one that is waited
 * for with patience (bell.h), or 0. */
struct rb_watch {
    const _Atomic uint64_t *word;
    uint64_t mark, need, ring;
};

static inline int rb_ready(const struct rb_watch *w)
{
    /* SYNC POINT: pairs with the release that published the position. */
    return atomic_load_explicit(w->word, memory_order_acquire) - w->mark >= w->need;
}

/* Sleep until an input is ready (1), the deadline has passed (0), or it is time to look whether a signal came (-1: call
 * again). One sleeper a bell at a time.
 *
 * deadline_ns  absolute CLOCK_MONOTONIC; below 0 is never
 * spin_ns      how long to look without sleeping first, at each call
 * seen         a ring of the bell counts as an input when its number is not *seen; NULL: a bare ring does not end it
 * missed       grows when an input was ready that nobody had rung for, found by the look taken once a second
 */
int rb_wait(struct rb_bell *bell, const struct rb_watch *watches, int count, int64_t deadline_ns, int64_t spin_ns,
            const uint32_t *seen, unsigned long long *missed);

#endif
