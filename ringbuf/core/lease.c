#include "lease.h"

#include "role.h"
#include "wait.h"

/* How often a waiter looks for itself whether those before it live, and whether it was let in by one who died. */
#define LEASE_LOOK_NS INT64_C(50000000)

#define HOLDS(slot) (UINT64_C(1) << (slot))
#define WAITS(slot) (UINT64_C(1) << ((slot) + 16))
#define BOTH(slot) (HOLDS(slot) | WAITS(slot))
#define ONE_CHANGE (UINT64_C(1) << 32)

static uint64_t seen(const struct rb_lease *l)
{
    return atomic_load_explicit(&l->word->word, memory_order_acquire); /* A, D, E */
}

static int change(const struct rb_lease *l, uint64_t *from, uint64_t to)
{
    RB_STEP();
    const int done = atomic_compare_exchange_strong_explicit(&l->word->word, from, to + ONE_CHANGE,
                                                             memory_order_acq_rel, memory_order_acquire); /* B, F */
    RB_STEP();
    return done;
}

static int has_room(const struct rb_lease *l, uint64_t word)
{
    return (uint32_t)__builtin_popcount(rb_lease_holders(word)) < l->units;
}

static int64_t due(const struct rb_lease *l, uint32_t slot)
{
    return atomic_load_explicit(&l->slots[slot].due_ns, memory_order_relaxed);
}

/* Only this slot's owner counts in it. */
static void count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* The waiter that is due first, by its slot where two are; -1: nobody waits. */
static int first_due(const struct rb_lease *l, uint64_t word)
{
    int first = -1;
    for (uint32_t i = 0; i < l->count; i++) {
        if (word & WAITS(i) && (first < 0 || due(l, i) < due(l, (uint32_t)first))) first = (int)i;
    }
    return first;
}

int rb_lease_leave(const struct rb_lease *l, uint32_t slot, uint64_t *word)
{
    uint64_t to = *word & ~BOTH(slot);
    const int next = has_room(l, to) ? first_due(l, to) : -1;
    if (next >= 0) to ^= BOTH(next); /* it waited, and holds */
    if (!change(l, word, to)) return 0;
    if (next >= 0) rb_bell_ring(&l->slots[next].bell); /* G */
    return 1;
}

enum rb_status rb_lease_open(struct rb_lease *l, const struct rb_map *map, int slot, uint64_t *holder)
{
    const struct rb_geometry *g = &map->header.geometry;
    *l = (struct rb_lease){.units = (uint32_t)g->capacity, .count = g->slots, .slot = slot};
    l->word = (void *)rb_data(map);
    l->slots = (void *)(l->word + 1);
    if (slot < 0) return RB_OK;
    if ((uint32_t)slot >= l->count) return RB_INVALID;
    l->mine = &l->slots[slot];
    l->me = rb_holder_self();
    const enum rb_status status = rb_role_take(&l->mine->role, l->me, holder);
    if (status != RB_OK) return status;
    uint64_t w = seen(l);
    while (w & BOTH(slot) && !rb_lease_leave(l, (uint32_t)slot, &w)) continue;
    return RB_OK;
}

void rb_lease_close(struct rb_lease *l)
{
    if (!l->mine || rb_holder_pid(l->me) != (uint64_t)getpid()) return;
    if (l->held) rb_lease_give(l);
    rb_role_give(&l->mine->role, l->me);
    l->mine = NULL;
}

/* Hold it, whoever else does. 0: it came to hold it by itself. */
static int overdraw(struct rb_lease *l, uint64_t w)
{
    do {
        if (w & HOLDS(l->slot)) return 0;
    } while (!change(l, &w, (w & ~WAITS(l->slot)) | HOLDS(l->slot)));
    count(&l->mine->overdrafts);
    return 1;
}

/* There was no room: wait for it, where there is time to. */
static enum rb_status queue(struct rb_lease *l, uint64_t w, int64_t until_ns)
{
    if (rb_now_ns() >= until_ns) return overdraw(l, w) ? RB_NONE : RB_OK;
    int free;
    do {
        free = has_room(l, w);
    } while (!change(l, &w, w | (free ? HOLDS(l->slot) : WAITS(l->slot))));
    if (free) return RB_OK;
    count(&l->mine->waits);
    return RB_TAKEN;
}

enum rb_status rb_lease_join(struct rb_lease *l, int64_t due_ns, int64_t until_ns)
{
    if (l->held) return RB_INVALID;
    l->held = 1;
    l->due_ns = due_ns;
    atomic_store_explicit(&l->mine->due_ns, due_ns, memory_order_relaxed);
    count(&l->mine->takes);
    uint64_t w = seen(l);
    do {
        if (!has_room(l, w)) return queue(l, w, until_ns);
    } while (!change(l, &w, w | HOLDS(l->slot)));
    return RB_OK;
}

enum rb_status rb_lease_wait(struct rb_lease *l, int64_t until_ns)
{
    unsigned long long unused = 0;
    uint32_t before = 0;
    for (int looked = 0;; looked = 1) {
        const uint32_t number = atomic_load_explicit(&l->mine->bell.seq, memory_order_acquire); /* C */
        const uint64_t w = seen(l);
        const int64_t now = rb_now_ns();
        if (w & HOLDS(l->slot)) {
            if (looked && number == before) l->missed++;
            return RB_OK;
        }
        /* Not even waiting: somebody has taken it for dead. */
        if (now >= until_ns || !(w & WAITS(l->slot))) return overdraw(l, w) ? RB_NONE : RB_OK;
        if (looked) rb_lease_reap(l);
        const int64_t look = until_ns - now > LEASE_LOOK_NS ? now + LEASE_LOOK_NS : until_ns;
        (void)rb_wait(&l->mine->bell, NULL, 0, look, 0, &number, &unused);
        before = number;
    }
}

void rb_lease_give(struct rb_lease *l)
{
    uint64_t w = seen(l);
    while (!rb_lease_leave(l, (uint32_t)l->slot, &w)) continue;
    l->held = 0;
}

int rb_lease_outranked(const struct rb_lease *l, uint64_t word)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        if (word & BOTH(i) && (int)i != l->slot && due(l, i) < l->due_ns) before++;
    }
    return before >= l->units;
}

void rb_lease_reap(struct rb_lease *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        if ((int)i == l->slot) continue;
        uint64_t w = seen(l); /* before the role: a successor would have changed it */
        if (!(w & BOTH(i))) continue;
        const uint64_t holder = atomic_load_explicit(&l->slots[i].role.holder, memory_order_acquire);
        if (!rb_holder_alive(holder)) (void)rb_lease_leave(l, i, &w);
        else if (w & HOLDS(i)) rb_bell_ring(&l->slots[i].bell); /* who let it in may have died before the ring */
    }
}
