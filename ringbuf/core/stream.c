#include "stream.h"

#include "step.h"

#include <string.h>

static uint64_t stride_of(uint64_t length) { return RB_TAG + rb_round_up(length, RB_TAG); }

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* What the other side's position may be is kept only after this: a bad one must not be believed by the next call. */
static int possible(uint64_t capacity, uint64_t write, uint64_t read)
{
    return write - read <= capacity && (write | read) % RB_TAG == 0;
}

static const char *const bad_positions = "its positions are impossible";

/* ---- writer ---- */

/* What was claimed and not published may lie in the free bytes: all of them are to be scrubbed. */
static void soil(struct rb_stream_writer *w) { w->clean = w->write - w->capacity; }

enum rb_status rb_stream_writer_open(struct rb_stream_writer *w, const struct rb_map *m)
{
    w->side = rb_writer_side(m);
    w->other = rb_reader_side(m, 0);
    w->data = rb_data(m);
    w->capacity = m->header.geometry.capacity;
    w->write = atomic_load_explicit(&w->side->position, memory_order_acquire);
    w->read = atomic_load_explicit(&w->other->position, memory_order_acquire);
    w->open = 0;
    soil(w);
    w->space.word = NULL;
    w->why = bad_positions;
    if (!possible(w->capacity, w->write, w->read)) return RB_CORRUPT;
    RB_STEP();
    rb_ring_sleepers(&w->bells);
    return RB_OK;
}

uint64_t rb_stream_max(const struct rb_stream_writer *w) { return w->capacity / 4 - RB_TAG; }

static char *at(const struct rb_stream_writer *w, uint64_t position)
{
    return w->data + (position & (w->capacity - 1));
}

static uint64_t padding_before(const struct rb_stream_writer *w, uint64_t length)
{
    const uint64_t rest = w->capacity - (w->write & (w->capacity - 1));
    return stride_of(length) > rest ? rest : 0;
}

/* How far the reader has got. 0: where it cannot be. */
static int look(struct rb_stream_writer *w)
{
    /* SYNC POINT: pairs with the reader's release in give_back (D). */
    const uint64_t read = atomic_load_explicit(&w->other->position, memory_order_acquire); /* A */
    if (!possible(w->capacity, w->write, read)) {
        w->why = bad_positions;
        return 0;
    }
    w->read = read;
    return 1;
}

enum rb_status rb_stream_claim(struct rb_stream_writer *w, uint64_t length, uint64_t *offset)
{
    RB_STEP();
    if (length > rb_stream_max(w)) {
        w->why = "a record cannot be so long";
        return RB_INVALID;
    }
    rb_stream_abort(w);
    const uint64_t padding = padding_before(w, length);
    const uint64_t need = padding + stride_of(length);
    if (w->capacity - (w->write - w->read) < need) {
        if (!look(w)) return RB_CORRUPT;
        if (w->capacity - (w->write - w->read) < need) {
            const uint64_t full = atomic_load_explicit(&w->side->count, memory_order_relaxed);
            atomic_store_explicit(&w->side->count, full + 1, memory_order_relaxed);
            RB_STEP();
            return RB_NONE;
        }
    }
    w->claimed = length;
    w->padding = padding;
    w->open = 1;
    *offset = ((w->write + padding) & (w->capacity - 1)) + RB_TAG;
    return RB_OK;
}

/* Ready iff read - (write - capacity) >= need. */
static void update_space(struct rb_stream_writer *w)
{
    w->space.mark = w->write - w->capacity;
    w->space.need = padding_before(w, w->space_length) + stride_of(w->space_length);
}

enum rb_status rb_stream_space(struct rb_stream_writer *w, uint64_t length)
{
    if (length > rb_stream_max(w)) {
        w->why = "a record cannot be so long";
        return RB_INVALID;
    }
    w->space.word = &w->other->position;
    w->space_length = length;
    update_space(w);
    return RB_OK;
}

enum rb_status rb_stream_commit(struct rb_stream_writer *w, struct rb_tag *tag)
{
    if (!w->open || tag->length > w->claimed) {
        w->why = w->open ? "more is committed than was claimed" : "nothing is claimed";
        return RB_INVALID;
    }
    uint64_t write = w->write;
    RB_STEP();
    if (w->padding) {
        const struct rb_tag pad = {.length = (uint32_t)(w->padding - RB_TAG), .what = RB_PADDING, .position = write};
        memcpy(at(w, write), &pad, sizeof pad);
        write += w->padding;
        RB_STEP();
    }
    tag->what = RB_RECORD;
    tag->position = write;
    memcpy(at(w, write), tag, sizeof *tag);
    write += stride_of(tag->length);
    w->write = write;
    w->open = 0;
    if (stride_of(tag->length) < stride_of(w->claimed)) soil(w);
    RB_STEP();
    /* SYNC POINT: pairs with the acquire in rb_stream_acquire (C). */
    atomic_store_explicit(&w->side->position, write, memory_order_release); /* B */
    RB_STEP();
    if (w->space.word) update_space(w);
    rb_ring_sleepers(&w->bells);
    return RB_OK;
}

void rb_stream_abort(struct rb_stream_writer *w)
{
    if (w->open) soil(w);
    w->open = 0;
}

enum rb_status rb_stream_put(struct rb_stream_writer *w, const void *payload, struct rb_tag *tag)
{
    uint64_t offset;
    const enum rb_status status = rb_stream_claim(w, tag->length, &offset);
    if (status != RB_OK) return status;
    RB_STEP();
    memcpy(w->data + offset, payload, tag->length);
    return rb_stream_commit(w, tag);
}

/* Zeros over the bytes of these positions, which are free. */
static void overwrite(const struct rb_stream_writer *w, uint64_t from, uint64_t to)
{
    const uint64_t place = from & (w->capacity - 1), first = least(to - from, w->capacity - place);
    RB_STEP();
    memset(w->data + place, 0, first);
    RB_STEP();
    memset(w->data, 0, to - from - first);
    RB_STEP();
}

enum rb_status rb_stream_scrub(struct rb_stream_writer *w)
{
    if (!look(w)) return RB_CORRUPT;
    /* The free bytes are those from a lap before the next record on. What is claimed takes the first of them. */
    const uint64_t oldest = w->write - w->capacity, free = w->read - oldest;
    const uint64_t claimed = w->open ? w->padding + stride_of(w->claimed) : 0;
    uint64_t done = w->clean - oldest <= w->capacity ? w->clean - oldest : 0;
    if (done < claimed) done = claimed;
    if (done < free) overwrite(w, oldest + done, w->read);
    w->clean = w->read;
    return RB_OK;
}

/* ---- reader ---- */

enum rb_status rb_stream_reader_open(struct rb_stream_reader *r, const struct rb_map *m, int latest)
{
    r->side = rb_reader_side(m, 0);
    r->other = rb_writer_side(m);
    r->data = rb_data(m);
    r->capacity = m->header.geometry.capacity;
    r->item = 1;
    r->write = atomic_load_explicit(&r->other->position, memory_order_acquire);
    r->read = latest ? r->write : atomic_load_explicit(&r->side->position, memory_order_acquire);
    r->taken = 0;
    r->why = bad_positions;
    if (!possible(r->capacity, r->write, r->read)) return RB_CORRUPT;
    r->watch = (struct rb_watch){&r->other->position, r->read, 1, 0};
    RB_STEP();
    atomic_store_explicit(&r->side->position, r->read, memory_order_release);
    RB_STEP();
    rb_ring_sleepers(&r->bells);
    return RB_OK;
}

static void give_back(struct rb_stream_reader *r, uint64_t bytes)
{
    r->read += bytes;
    r->watch.mark = r->read;
    r->taken = 0;
    RB_STEP();
    /* SYNC POINT: pairs with the writer's acquire in rb_stream_claim (A). */
    atomic_store_explicit(&r->side->position, r->read, memory_order_release); /* D */
    RB_STEP();
    rb_ring_sleepers(&r->bells);
}

/* The stride of the record that `tag` begins, 0 when it cannot be one. */
static uint64_t check_record(const struct rb_stream_reader *r, const struct rb_tag *tag)
{
    const uint64_t stride = stride_of(tag->length);
    const uint64_t rest = r->capacity - (r->read & (r->capacity - 1));
    if (tag->position != r->read || stride > r->write - r->read || stride > rest) return 0;
    /* Padding fills the ring up to its end, so there are never two in a row. */
    if (tag->what == RB_PADDING) return stride == rest && rest != r->capacity ? stride : 0;
    const int whole = tag->length <= r->capacity / 4 - RB_TAG && tag->length % r->item == 0;
    return tag->what == RB_RECORD && whole ? stride : 0;
}

enum rb_status rb_stream_acquire(struct rb_stream_reader *r, struct rb_tag *tag, uint64_t *offset)
{
    for (;;) {
        if (r->write == r->read) {
            /* SYNC POINT: pairs with the writer's release in rb_stream_commit (B). */
            const uint64_t write = atomic_load_explicit(&r->other->position, memory_order_acquire); /* C */
            if (!possible(r->capacity, write, r->read)) {
                r->why = bad_positions;
                return RB_CORRUPT;
            }
            r->write = write;
            if (write == r->read) return RB_NONE;
            const uint64_t rest = r->capacity - (r->read & (r->capacity - 1));
            rb_fetch(r->data + r->capacity - rest, least(rest, write - r->read));
        }
        const uint64_t place = r->read & (r->capacity - 1);
        memcpy(tag, r->data + place, sizeof *tag);
        /* Copied first and checked after: nobody can change it in between, and the compiler may not look twice. */
        atomic_signal_fence(memory_order_seq_cst);
        const uint64_t stride = check_record(r, tag);
        if (stride == 0) {
            r->why = "a record is not one, or not of this reader's dtype";
            return RB_CORRUPT;
        }
        if (tag->what == RB_RECORD) {
            r->taken = stride;
            *offset = place + RB_TAG;
            return RB_OK;
        }
        give_back(r, stride);
    }
}

enum rb_status rb_stream_release(struct rb_stream_reader *r)
{
    if (!r->taken) {
        r->why = "nothing is acquired";
        return RB_INVALID;
    }
    give_back(r, r->taken);
    return RB_OK;
}
