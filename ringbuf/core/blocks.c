/* The block table of a history: which samples were captured when, and what was lost in front of them.
 *
 * Entry k lies at k modulo the size of the table. `number` says whose it is: a reader that finds another number before
 * or after it read the fields looks at a block that is gone (the table is shorter than the history) or going.
 */
#include "blocks.h"

#include "step.h"

void rb_block_write(struct rb_block *table, uint64_t size, uint64_t k, const struct rb_block_copy *b)
{
    struct rb_block *e = &table[k & (size - 1)];
    atomic_store_explicit(&e->number, 0, memory_order_relaxed);
    /* SYNC POINT: pairs with the acquire fence in rb_block_read: who sees a new field sees the 0. */
    atomic_thread_fence(memory_order_release);
    RB_STEP();
    atomic_store_explicit(&e->first, b->first, memory_order_relaxed);
    RB_STEP();
    atomic_store_explicit(&e->capture_ns, b->capture_ns, memory_order_relaxed);
    RB_STEP();
    atomic_store_explicit(&e->count, b->count, memory_order_relaxed);
    RB_STEP();
    atomic_store_explicit(&e->flags, b->flags, memory_order_relaxed);
    RB_STEP();
    /* SYNC POINT: pairs with the first load in rb_block_read. */
    atomic_store_explicit(&e->number, k + 1, memory_order_release);
}

int rb_block_read(const struct rb_block *table, uint64_t size, uint64_t k, struct rb_block_copy *out)
{
    const struct rb_block *e = &table[k & (size - 1)];
    if (atomic_load_explicit(&e->number, memory_order_acquire) != k + 1) return 0;
    out->first = atomic_load_explicit(&e->first, memory_order_relaxed);
    out->capture_ns = atomic_load_explicit(&e->capture_ns, memory_order_relaxed);
    out->count = atomic_load_explicit(&e->count, memory_order_relaxed);
    out->flags = atomic_load_explicit(&e->flags, memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&e->number, memory_order_relaxed) == k + 1;
}

int rb_block_find(const struct rb_block *table, uint64_t size, uint64_t published, uint64_t index, uint64_t *k,
                  struct rb_block_copy *out)
{
    uint64_t low = published > size ? published - size : 0, high = published;
    int found = 0;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        struct rb_block_copy b;
        if (!rb_block_read(table, size, middle, &b)) {
            low = middle + 1; /* only the oldest entries can be gone */
        } else if ((int64_t)(index - b.first) >= 0) {
            *out = b;
            *k = middle;
            found = 1;
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return found;
}
