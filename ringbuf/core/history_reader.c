/* A reader: windows in place, and the check after use. The orderings E to G are at the top of history.h. */
#include "history.h"

#include "step.h"

#define TRIES 16

uint64_t rb_history_position(const struct rb_history_reader *r)
{
    return atomic_load_explicit(&r->writer->position, memory_order_acquire); /* E */
}

static uint64_t oldest_of(const struct rb_history_reader *r, uint64_t intent)
{
    return intent - r->first > r->capacity ? intent - r->capacity : r->first;
}

/* As of now: what was read before this call is judged by it. */
static uint64_t oldest_whole(const struct rb_history_reader *r)
{
    /* SYNC POINT: pairs with the writer's release fence in rb_history_claim (B). */
    atomic_thread_fence(memory_order_acquire); /* F */
    return oldest_of(r, atomic_load_explicit(&r->writer->intent, memory_order_relaxed)); /* G */
}

uint64_t rb_history_oldest(const struct rb_history_reader *r) { return oldest_whole(r); }

int rb_history_holds(const struct rb_history_reader *r, uint64_t start)
{
    return (int64_t)(start - oldest_whole(r)) >= 0;
}

/* Position and oldest sample, of moments so near that they go together. When the two do not, and the position has not
 * moved meanwhile, they never can; nor does a position ever go back. RB_OK, RB_CORRUPT; RB_NONE: the writer ran past
 * every look. */
static enum rb_status observe(struct rb_history_reader *r, uint64_t *oldest)
{
    for (int tries = 0; tries < TRIES; tries++) {
        const uint64_t position = rb_history_position(r);
        const uint64_t intent = atomic_load_explicit(&r->writer->intent, memory_order_acquire);
        *oldest = oldest_of(r, intent);
        const int forward = (int64_t)(position - r->seen) >= 0;
        if (forward && intent - position <= r->capacity && (int64_t)(position - *oldest) >= 0) {
            r->seen = position;
            return RB_OK;
        }
        if (rb_history_position(r) == position) {
            r->why = "its positions are impossible";
            return RB_CORRUPT;
        }
    }
    return RB_NONE;
}

/* Look again. One that went back is not believed: what was acquired must be there to be released. */
static void see(struct rb_history_reader *r)
{
    const uint64_t position = rb_history_position(r);
    if ((int64_t)(position - r->seen) > 0) r->seen = position;
}

static void update_watch(struct rb_history_reader *r)
{
    if ((int64_t)(r->cursor - r->seen) > 0) see(r);
    /* The cursor may have been sent ahead of what is published; an unsigned distance cannot be negative. */
    const int early = (int64_t)(r->cursor - r->seen) > 0;
    r->watch.mark = early ? r->seen : r->cursor;
    r->watch.need = early ? r->cursor - r->seen + r->want : r->want;
}

void rb_history_seek(struct rb_history_reader *r, uint64_t index)
{
    r->cursor = index;
    RB_STEP();
    /* For who looks from outside; the writer does not wait for it. */
    atomic_store_explicit(&r->side->position, index, memory_order_release);
    RB_STEP();
    update_watch(r);
}

void rb_history_want(struct rb_history_reader *r, uint64_t n)
{
    r->want = n ? n : 1;
    update_watch(r);
}

enum rb_status rb_history_reader_open(struct rb_history_reader *r, const struct rb_map *m)
{
    const struct rb_geometry *g = &m->header.geometry;
    uint64_t oldest;
    r->writer = rb_writer_side(m);
    r->side = rb_reader_side(m, m->slot);
    r->table = rb_block_table(m);
    r->data = rb_data(m);
    r->item = g->item;
    r->capacity = g->capacity;
    r->size = g->blocks;
    r->first = g->first;
    r->rate = g->rate;
    r->lost = 0;
    r->want = 1;
    r->seen = rb_history_position(r);
    r->watch = (struct rb_watch){&r->writer->position, 0, 1, (uint64_t)m->header.created_ns};
    if (observe(r, &oldest) == RB_CORRUPT) return RB_CORRUPT;
    rb_history_seek(r, r->seen);
    return RB_OK;
}

enum rb_status rb_history_acquire(struct rb_history_reader *r, uint64_t n, uint64_t *place)
{
    uint64_t oldest;
    if (n > rb_history_max(r->capacity)) {
        r->why = "more than half the ring is acquired";
        return RB_INVALID;
    }
    const enum rb_status status = observe(r, &oldest);
    if (status != RB_OK) return status;
    if ((int64_t)(oldest - r->cursor) > 0) {
        r->lost += oldest - r->cursor;
        RB_STEP();
        atomic_store_explicit(&r->side->count, r->lost, memory_order_relaxed);
        rb_history_seek(r, oldest);
    }
    if ((int64_t)(r->seen - r->cursor) < (int64_t)n) return RB_NONE;
    *place = r->cursor & (r->capacity - 1);
    rb_fetch(r->data + *place * r->item, n * r->item);
    return RB_OK;
}

enum rb_status rb_history_release(struct rb_history_reader *r, uint64_t n, int *whole)
{
    if ((int64_t)(r->seen - r->cursor) < (int64_t)n) see(r);
    if (n > rb_history_max(r->capacity) || (int64_t)(r->seen - r->cursor) < (int64_t)n) {
        r->why = "more is released than is published";
        return RB_INVALID;
    }
    *whole = rb_history_holds(r, r->cursor);
    rb_history_seek(r, r->cursor + n);
    return RB_OK;
}

enum rb_status rb_history_view(struct rb_history_reader *r, uint64_t start, uint64_t stop, uint64_t *place)
{
    uint64_t oldest;
    if ((int64_t)(stop - start) < 0) {
        r->why = "the window ends before it begins";
        return RB_INVALID;
    }
    const enum rb_status status = observe(r, &oldest);
    if (status != RB_OK) return status;
    if (stop - start > r->capacity || (int64_t)(r->seen - stop) < 0 || (int64_t)(start - oldest) < 0) return RB_NONE;
    *place = start & (r->capacity - 1);
    return RB_OK;
}

static uint64_t blocks_published(const struct rb_history_reader *r)
{
    return atomic_load_explicit(&r->writer->blocks, memory_order_acquire);
}

enum rb_status rb_history_capture_ns(const struct rb_history_reader *r, uint64_t index, int64_t *ns)
{
    uint64_t k;
    struct rb_block_copy b;
    if ((int64_t)(rb_history_position(r) - index) <= 0) return RB_NONE;
    if (!rb_block_find(r->table, r->size, blocks_published(r), index, &k, &b)) return RB_NONE;
    const uint64_t offset = index - b.first;
    if (offset >= b.count) return RB_NONE;
    /* In parts, so that no product overflows: a block may hold 2^32 samples. */
    const uint64_t after = offset / r->rate * 1000000000 + offset % r->rate * 1000000000 / r->rate;
    *ns = (int64_t)((uint64_t)b.capture_ns + after);
    return RB_OK;
}

uint32_t rb_history_flags(const struct rb_history_reader *r, uint64_t start, uint64_t stop)
{
    uint64_t k = 0;
    uint32_t flags = 0;
    struct rb_block_copy b;
    if (start == stop) return 0;
    const uint64_t blocks = blocks_published(r);
    if (!rb_block_find(r->table, r->size, blocks, start, &k, &b)) return RB_UNKNOWN;
    for (uint64_t tries = 0; tries < r->size && k < blocks; tries++, k++) {
        if (!rb_block_read(r->table, r->size, k, &b)) flags |= RB_UNKNOWN;
        else if ((int64_t)(b.first - stop) >= 0) break;
        else if ((int64_t)(b.first + b.count - start) > 0) flags |= b.flags;
    }
    return flags;
}
