/* Cells: 64-bit words that everyone may read and change, each with the ordering of a message: what was written before
 * a store is seen by whoever loads the new value. SYNC POINT: every store is a release, every load an acquire. */
#ifndef RINGBUF_CELLS_H
#define RINGBUF_CELLS_H

#include "map.h"
#include "step.h"

typedef _Atomic uint64_t rb_cell;

/* The cells of a map; there are header.geometry.capacity of them. */
static inline rb_cell *rb_cells(const struct rb_map *m) { return (void *)rb_data(m); }

static inline uint64_t rb_cell_load(const rb_cell *cell) { return atomic_load_explicit(cell, memory_order_acquire); }

static inline void rb_cell_store(rb_cell *cell, uint64_t value)
{
    RB_STEP();
    atomic_store_explicit(cell, value, memory_order_release);
    RB_STEP();
}

/* Add modulo 2^64; the new value. */
static inline uint64_t rb_cell_add(rb_cell *cell, uint64_t d)
{
    RB_STEP();
    const uint64_t before = atomic_fetch_add_explicit(cell, d, memory_order_acq_rel);
    RB_STEP();
    return before + d;
}

/* Set the cell to `value` if it is `expected`; whether it was. */
static inline int rb_cell_cas(rb_cell *cell, uint64_t expected, uint64_t value)
{
    RB_STEP();
    const int was = atomic_compare_exchange_strong_explicit(cell, &expected, value, memory_order_acq_rel,
                                                            memory_order_acquire);
    RB_STEP();
    return was;
}

/* Raise the cell to at least `value`; the new value. */
static inline uint64_t rb_cell_maximum(rb_cell *cell, uint64_t value)
{
    RB_STEP();
    uint64_t seen = atomic_load_explicit(cell, memory_order_acquire);
    while (seen < value && !atomic_compare_exchange_weak_explicit(cell, &seen, value, memory_order_acq_rel,
                                                                  memory_order_acquire)) {
    }
    RB_STEP();
    return seen < value ? value : seen;
}

#endif
