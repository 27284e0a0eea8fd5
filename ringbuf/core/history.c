/* The writer; the orderings A to D are at the top of history.h. */
#include "history.h"

#include "step.h"

#include <string.h>

uint64_t rb_history_max(uint64_t capacity)
{
    /* A block counts its samples in 32 bits. */
    return capacity / 2 <= UINT32_MAX ? capacity / 2 : UINT32_MAX;
}

/* A predecessor killed between the block table (C) and the position (D) left a block that was never published. It is
 * emptied and stays counted: a reader that knows of it must not find it unreadable and take it for the oldest. */
static void empty_unpublished_block(struct rb_history_writer *w)
{
    struct rb_block_copy last;
    if (w->blocks == 0 || !rb_block_read(w->table, w->size, w->blocks - 1, &last)) return;
    if ((int64_t)(last.first + last.count - w->position) <= 0) return;
    struct rb_block *e = &w->table[(w->blocks - 1) & (w->size - 1)];
    atomic_store_explicit(&e->flags, 0, memory_order_relaxed);
    RB_STEP();
    atomic_store_explicit(&e->count, 0, memory_order_relaxed);
    RB_STEP();
}

enum rb_status rb_history_writer_open(struct rb_history_writer *w, const struct rb_map *m)
{
    const struct rb_geometry *g = &m->header.geometry;
    w->side = rb_writer_side(m);
    w->table = rb_block_table(m);
    w->data = rb_data(m);
    w->capacity = g->capacity;
    w->size = g->blocks;
    w->item = g->item;
    w->position = atomic_load_explicit(&w->side->position, memory_order_acquire);
    w->intent = atomic_load_explicit(&w->side->intent, memory_order_relaxed);
    w->blocks = atomic_load_explicit(&w->side->blocks, memory_order_relaxed);
    w->open = 0;
    w->ring = (uint64_t)m->header.created_ns;
    if (w->intent - w->position > w->capacity) {
        w->why = "its positions are impossible";
        return RB_CORRUPT;
    }
    /* What the predecessor announced is not announced again: its successor's samples, too, come after that intent. */
    atomic_thread_fence(memory_order_release); /* B, at open */
    RB_STEP();
    empty_unpublished_block(w);
    rb_ring_sleepers(&w->bells);
    return RB_OK;
}

enum rb_status rb_history_claim(struct rb_history_writer *w, uint64_t n, uint64_t *place)
{
    if (n > rb_history_max(w->capacity)) {
        w->why = "more than half the ring is claimed";
        return RB_INVALID;
    }
    w->claimed = n;
    w->open = 1;
    *place = w->position & (w->capacity - 1);
    RB_STEP();
    if ((int64_t)(w->position + n - w->intent) > 0) {
        w->intent = w->position + n;
        /* SYNC POINT: released for the acquire in observe: who sees it sees the positions published before it. */
        atomic_store_explicit(&w->side->intent, w->intent, memory_order_release); /* A */
        /* SYNC POINT: pairs with the acquire fence in the reader's oldest_whole (F). */
        atomic_thread_fence(memory_order_release); /* B */
        RB_STEP();
    }
    return RB_OK;
}

enum rb_status rb_history_commit(struct rb_history_writer *w, uint64_t n, int64_t capture_ns, uint32_t flags)
{
    if (!w->open || n > w->claimed) {
        w->why = w->open ? "more is committed than was claimed" : "nothing is claimed";
        return RB_INVALID;
    }
    w->open = 0;
    if (n == 0) return RB_OK;
    const struct rb_block_copy block = {w->position, capture_ns, (uint32_t)n, flags};
    RB_STEP();
    rb_block_write(w->table, w->size, w->blocks, &block); /* C */
    RB_STEP();
    w->blocks++;
    w->position += n;
    atomic_store_explicit(&w->side->blocks, w->blocks, memory_order_release);
    RB_STEP();
    /* SYNC POINT: pairs with every acquire of the position in history_reader.c (E). */
    atomic_store_explicit(&w->side->position, w->position, memory_order_release); /* D */
    RB_STEP();
    rb_ring_impatient(&w->bells, w->ring, w->position);
    return RB_OK;
}

void rb_history_abort(struct rb_history_writer *w) { w->open = 0; }

enum rb_status rb_history_put(struct rb_history_writer *w, const void *samples, uint64_t n, int64_t capture_ns,
                              uint32_t flags)
{
    uint64_t place;
    const enum rb_status status = rb_history_claim(w, n, &place);
    if (status != RB_OK) return status;
    memcpy(w->data + place * w->item, samples, n * w->item);
    return rb_history_commit(w, n, capture_ns, flags);
}

void rb_history_scrub(struct rb_history_writer *w, uint64_t start, uint64_t stop)
{
    /* Both as samples before the present. What is claimed lies where the oldest were. */
    const uint64_t most = w->capacity - (w->open ? w->claimed : 0);
    uint64_t from = w->position - start, to = w->position - stop;
    if ((int64_t)from <= 0) return;
    if ((int64_t)to < 0) to = 0;
    if (from > most) from = most;
    if (from > to) memset(w->data + ((w->position - from) & (w->capacity - 1)) * w->item, 0, (from - to) * w->item);
}
