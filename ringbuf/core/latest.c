/* The orderings A to E are at the top of latest.h. */
#include "latest.h"

#include "step.h"

#include <string.h>

#define TRIES 16

static uint64_t place_of(uint64_t k, uint64_t slots, uint64_t stride) { return k % slots * stride; }

/* ---- writer ---- */

enum rb_status rb_latest_writer_open(struct rb_latest_writer *w, const struct rb_map *m)
{
    const struct rb_geometry *g = &m->header.geometry;
    w->side = rb_writer_side(m);
    w->data = rb_data(m);
    w->capacity = g->capacity;
    w->slots = g->slots;
    w->stride = rb_slot_stride(g->capacity);
    w->sequence = atomic_load_explicit(&w->side->position, memory_order_acquire);
    w->open = 0;
    w->why = NULL;
    RB_STEP();
    rb_ring_sleepers(&w->bells);
    return RB_OK;
}

static struct rb_slot *next_slot(const struct rb_latest_writer *w)
{
    return (void *)(w->data + place_of(w->sequence + 1, w->slots, w->stride));
}

enum rb_status rb_latest_claim(struct rb_latest_writer *w, uint64_t length, uint64_t *offset)
{
    if (length > w->capacity) {
        w->why = "a value cannot be so long";
        return RB_INVALID;
    }
    struct rb_slot *slot = next_slot(w);
    RB_STEP();
    /* Released, so that who finds this slot taken away (look) also finds that a newer value was published (C). */
    atomic_store_explicit(&slot->sequence, 2 * (w->sequence + 1) + 1, memory_order_release);
    /* SYNC POINT: pairs with the reader's acquire fence in still_whole (E). */
    atomic_thread_fence(memory_order_release); /* A */
    RB_STEP();
    w->claimed = length;
    w->open = 1;
    *offset = (uint64_t)((char *)slot - w->data) + sizeof *slot;
    return RB_OK;
}

enum rb_status rb_latest_commit(struct rb_latest_writer *w, struct rb_tag *tag)
{
    if (!w->open || tag->length > w->claimed) {
        w->why = w->open ? "more is committed than was claimed" : "nothing is claimed";
        return RB_INVALID;
    }
    struct rb_slot *slot = next_slot(w);
    const uint64_t k = w->sequence + 1;
    tag->what = RB_RECORD;
    tag->position = k;
    RB_STEP();
    memcpy(&slot->tag, tag, sizeof *tag);
    RB_STEP();
    atomic_store_explicit(&slot->sequence, 2 * k + 2, memory_order_release); /* B */
    RB_STEP();
    w->sequence = k;
    w->open = 0;
    /* SYNC POINT: pairs with the reader's acquire in rb_latest_sequence (D). */
    atomic_store_explicit(&w->side->position, k, memory_order_release); /* C */
    RB_STEP();
    rb_ring_sleepers(&w->bells);
    return RB_OK;
}

void rb_latest_abort(struct rb_latest_writer *w) { w->open = 0; }

enum rb_status rb_latest_put(struct rb_latest_writer *w, const void *payload, struct rb_tag *tag)
{
    uint64_t offset;
    const enum rb_status status = rb_latest_claim(w, tag->length, &offset);
    if (status != RB_OK) return status;
    memcpy(w->data + offset, payload, tag->length);
    return rb_latest_commit(w, tag);
}

/* ---- reader ---- */

enum rb_status rb_latest_reader_open(struct rb_latest_reader *r, const struct rb_map *m)
{
    const struct rb_geometry *g = &m->header.geometry;
    r->side = rb_writer_side(m);
    r->data = rb_data(m);
    r->capacity = g->capacity;
    r->slots = g->slots;
    r->stride = rb_slot_stride(g->capacity);
    r->item = 1;
    r->sequence = 0;
    r->watch = (struct rb_watch){&r->side->position, 0, 1, 0};
    r->why = NULL;
    return RB_OK;
}

uint64_t rb_latest_sequence(const struct rb_latest_reader *r)
{
    return atomic_load_explicit(&r->side->position, memory_order_acquire); /* D */
}

static const struct rb_slot *slot_of(const struct rb_latest_reader *r, uint64_t k)
{
    return (const void *)(r->data + place_of(k, r->slots, r->stride));
}

/* What was read before this call was publication k and nothing else. */
static int still_whole(const struct rb_latest_reader *r, uint64_t k)
{
    /* SYNC POINT: pairs with the writer's release fence in rb_latest_claim (A). */
    atomic_thread_fence(memory_order_acquire); /* E */
    return atomic_load_explicit(&slot_of(r, k)->sequence, memory_order_relaxed) == 2 * k + 2;
}

/* Look at publication k: RB_OK whole so far, and its tag in `tag`; RB_NONE it is gone; RB_CORRUPT. */
static enum rb_status look(struct rb_latest_reader *r, uint64_t k, struct rb_tag *tag)
{
    const struct rb_slot *slot = slot_of(r, k);
    if (atomic_load_explicit(&slot->sequence, memory_order_acquire) == 2 * k + 2) {
        memcpy(tag, &slot->tag, sizeof *tag);
        /* Checked in the copy: the compiler may not look at the slot again. */
        atomic_signal_fence(memory_order_seq_cst);
        if (still_whole(r, k)) {
            if (tag->position == k && tag->length <= r->capacity && tag->length % r->item == 0) return RB_OK;
            r->why = "a value is not one, or not of this reader's dtype";
            return RB_CORRUPT;
        }
    }
    /* SYNC POINT: pairs with the release in rb_latest_claim. */
    atomic_thread_fence(memory_order_acquire);
    if (rb_latest_sequence(r) != k) return RB_NONE;
    r->why = "its newest value is not there";
    return RB_CORRUPT;
}

/* One try: the newest value's tag and number. */
static enum rb_status newest(struct rb_latest_reader *r, struct rb_tag *tag, uint64_t *k)
{
    *k = rb_latest_sequence(r);
    return *k == 0 ? RB_NONE : look(r, *k, tag);
}

static void took(struct rb_latest_reader *r, uint64_t k)
{
    r->sequence = k;
    r->watch.mark = k;
}

enum rb_status rb_latest_acquire(struct rb_latest_reader *r, struct rb_tag *tag, uint64_t *offset)
{
    uint64_t k = 1;
    enum rb_status status = RB_NONE;
    for (int tries = 0; status == RB_NONE && k != 0 && tries < TRIES; tries++) status = newest(r, tag, &k);
    if (status != RB_OK) return status;
    took(r, k);
    *offset = place_of(k, r->slots, r->stride) + sizeof(struct rb_slot);
    return RB_OK;
}

int rb_latest_check(const struct rb_latest_reader *r) { return r->sequence != 0 && still_whole(r, r->sequence); }

enum rb_status rb_latest_read(struct rb_latest_reader *r, void *buffer, uint64_t size, struct rb_tag *tag)
{
    uint64_t k = 1;
    for (int tries = 0; k != 0 && tries < TRIES; tries++) {
        const enum rb_status status = newest(r, tag, &k);
        if (status == RB_CORRUPT) return status;
        if (status != RB_OK) continue;
        if (tag->length > size) {
            r->why = "the value is longer than the buffer";
            return RB_INVALID;
        }
        memcpy(buffer, slot_of(r, k) + 1, tag->length);
        if (still_whole(r, k)) {
            took(r, k);
            return RB_OK;
        }
    }
    return RB_NONE;
}
