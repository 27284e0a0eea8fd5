/* A lease: the right to do something that only a few may do at a time, given to whoever has to be ready first.
 *
 * Each process that takes part has a slot. One word says which slots hold the lease and which wait for it, so every
 * change is one compare-and-swap, and a process may be killed between any two instructions: there is nothing half done.
 *
 *   take                                            give
 *     slot.due = due                                  do w = load_acquire(word)                              E
 *     do w = load_acquire(word)              A          the slot goes; if now fewer hold than may, the waiting
 *       a unit is free: the slot holds                  slot that is due first holds
 *       else: the slot waits                          while !cas_acq_rel(word, w)                            F
 *     while !cas_acq_rel(word, w)            B        who came to hold: ring its bell                        G
 *     while it waits:
 *       seen = load_acquire(bell.seq)        C
 *       load_acquire(word): it holds? over   D
 *       sleep until the bell's number is not `seen`, or it has waited long enough
 *
 * B pairs with E: whoever is let in is let in by its own due time. F pairs with A and D: what a holder did is seen by
 * the next one. No grant is lost: it is in the word (F) before its bell is rung (G), and the waiter reads the bell's
 * number (C) before the word (D); so either D sees the grant, or the number has changed, or will.
 *
 * Nobody waits for longer than it has time to. Who has waited long enough holds the lease as well: more hold it than
 * may (an overdraft, counted), and as nobody is let in before enough of them have gone, and whoever is due later makes
 * way between two of its steps (`rb_lease_turn`), that is over soon.
 *
 * A holder that dies loses it, a waiter that dies is let in no more: `rb_lease_reap`, by whoever learns of the death,
 * and by each waiter twenty times a second. The number of changes in the word keeps a process that was seen to be dead
 * from being taken for its successor.
 */
#ifndef RINGBUF_LEASE_H
#define RINGBUF_LEASE_H

#include "bell.h"
#include "map.h"

#define RB_NEVER_DUE INT64_MAX

/* A taking part in a lease, or (slot below 0) a looking after it. */
struct rb_lease {
    struct rb_lease_word *word;
    struct rb_lease_slot *slots, *mine;
    uint32_t units, count; /* how many may hold it; how many slots there are */
    int slot, held;
    uint64_t me;
    int64_t due_ns;
    unsigned long long missed; /* grants that nobody rang for: a process was killed at it */
};

/* Which slots hold and which wait, in a word of the lease. */
static inline uint32_t rb_lease_holders(uint64_t word) { return (uint32_t)(word & 0xffff); }
static inline uint32_t rb_lease_waiters(uint64_t word) { return (uint32_t)(word >> 16 & 0xffff); }

/* Take a slot, and clear what a dead predecessor had in it; below 0: none. RB_TAKEN: the live process *holder has it;
 * RB_INVALID: there is no such slot; RB_OS: this process has no word for itself. */
enum rb_status rb_lease_open(struct rb_lease *l, const struct rb_map *map, int slot, uint64_t *holder);

/* Give up lease and slot. Does nothing in a forked child. */
void rb_lease_close(struct rb_lease *l);

/* Hold the lease (RB_OK), or join those who wait for it (RB_TAKEN: rb_lease_wait comes next). Who may not wait, as
 * until_ns has passed, holds it beyond what is there (RB_NONE). due_ns: when what it is for has to be ready; all times
 * are CLOCK_MONOTONIC. RB_INVALID: it is held already. */
enum rb_status rb_lease_join(struct rb_lease *l, int64_t due_ns, int64_t until_ns);

/* Sleep until it is held: RB_OK, or at until_ns beyond what is there, RB_NONE. */
enum rb_status rb_lease_wait(struct rb_lease *l, int64_t until_ns);

/* Both: afterwards it is held, in any case. */
static inline enum rb_status rb_lease_take(struct rb_lease *l, int64_t due_ns, int64_t until_ns)
{
    const enum rb_status status = rb_lease_join(l, due_ns, until_ns);
    return status == RB_TAKEN ? rb_lease_wait(l, until_ns) : status;
}

/* What the functions above and below are made of: take a slot out of the word as it was seen to be, and let the next one
 * in. 0: the word is another by now, *word. */
int rb_lease_leave(const struct rb_lease *l, uint32_t slot, uint64_t *word);

/* Let the next one in. */
void rb_lease_give(struct rb_lease *l);

/* As many as may hold it are due earlier than this holder: it should make way. Asked between any two steps. */
int rb_lease_outranked(const struct rb_lease *l, uint64_t word);
static inline int rb_lease_wanted(const struct rb_lease *l)
{
    /* Nobody waits and nobody is beyond what is there: one load, and nothing is paid. */
    const uint64_t w = atomic_load_explicit(&l->word->word, memory_order_acquire);
    if (!rb_lease_waiters(w) && (uint32_t)__builtin_popcount(rb_lease_holders(w)) <= l->units) return 0;
    return rb_lease_outranked(l, w);
}

/* What this holder does next has to be ready at due_ns. Whether it should make way for others first. */
static inline int rb_lease_next(struct rb_lease *l, int64_t due_ns)
{
    if (due_ns != l->due_ns) {
        l->due_ns = due_ns;
        atomic_store_explicit(&l->mine->due_ns, due_ns, memory_order_relaxed);
    }
    return rb_lease_wanted(l);
}

/* Between two steps: make way for whoever is due earlier, if anybody is, and take it again. As rb_lease_take. */
static inline enum rb_status rb_lease_turn(struct rb_lease *l, int64_t due_ns, int64_t until_ns)
{
    if (!rb_lease_next(l, due_ns)) return RB_OK;
    rb_lease_give(l);
    return rb_lease_take(l, due_ns, until_ns);
}

/* Take out of the lease whoever is dead, and wake those whom a killed process let in and did not wake. */
void rb_lease_reap(struct rb_lease *l);

#endif
