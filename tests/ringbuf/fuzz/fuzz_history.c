/* History: a writer that never waits, readers that check after use, and the enemy. */
#include "fuzz.h"

#define MAX_BLOCKS 512 /* more than one input has operations */

struct block {
    uint64_t first, count;
    int64_t capture_ns;
    uint32_t flags;
};

struct world {
    struct segment *segment;
    struct rb_history_writer writer;
    struct rb_history_reader reader;
    struct rb_bell bell;
    uint32_t slot;
    uint64_t item, capacity, first, position, intent; /* position and intent as the model has them */
    struct block block[MAX_BLOCKS];
    uint64_t blocks;
    uint64_t claimed, place; /* valid while `open` */
    uint64_t acquired; /* samples, valid while `held` */
    uint64_t seen; /* the position that the reader last believed */
    int open, held;
    int dead;
};

static int64_t ahead(uint64_t a, uint64_t b) { return (int64_t)(a - b); }

static uint64_t oldest(const struct world *w)
{
    return w->intent - w->first > w->capacity ? w->intent - w->capacity : w->first;
}

static uint64_t count_of(const struct world *w, const struct op *op)
{
    switch (op->pick % 4) {
    case 0: return op->small % 64;
    case 1: return op->small % (w->capacity / 2 + 1);
    case 2: return w->capacity / 2 - op->small % 2;
    default: return op->large % 8 == 0 ? w->capacity / 2 + 1 + op->large : op->small % 400;
    }
}

/* Sample indices about what matters: the position, the oldest, the beginning. Some far away. */
static uint64_t index_of(const struct world *w, uint32_t number)
{
    const uint64_t offset = (uint64_t)(int64_t)(int16_t)(number >> 2 & 0xffff);
    switch (number % 4) {
    case 0: return w->position - (uint64_t)((number >> 2) % (2 * w->capacity));
    case 1: return oldest(w) + offset % w->capacity;
    case 2: return w->reader.cursor + offset;
    default: return (number & 4 ? w->first : w->position) + offset * (number & 8 ? UINT64_C(1) << 40 : 1);
    }
}

/* The samples from `place` on are those from `index` on; and all of them lie inside the two images of the data. */
static void check_window(const struct world *w, uint64_t place, uint64_t index, uint64_t n, int known)
{
    must(place < w->capacity && n <= w->capacity, "a window leaves the ring");
    const char *samples = rb_data(&w->segment->reader[w->slot]) + place * w->item;
    touch(samples, n * w->item);
    if (!known) return;
    must(place == (index & (w->capacity - 1)), "a window is at the wrong place");
    must(filled(samples, index * w->item, n * w->item), "a window that should be whole is not");
}

/* The words that a reader just went by. */
static int plausible(const struct world *w)
{
    const struct rb_side *words = writer_words(w->segment);
    return word(&words->intent) - word(&words->position) <= w->capacity;
}

static void announce(struct world *w, uint64_t n)
{
    if (ahead(w->position + n, w->intent) > 0) w->intent = w->position + n;
}

static void publish(struct world *w, uint64_t n, int64_t capture_ns, uint32_t flags)
{
    w->open = 0;
    if (n == 0) return;
    must(w->blocks < MAX_BLOCKS, "more commits than MAX_BLOCKS");
    w->block[w->blocks++] = (struct block){w->position, n, capture_ns, flags};
    w->position += n;
}

static void do_claim(struct world *w, const struct op *op)
{
    const uint64_t n = count_of(w, op);
    uint64_t place = 0;
    const enum rb_status status = rb_history_claim(&w->writer, n, &place);
    must(status == (n <= w->capacity / 2 ? RB_OK : RB_INVALID), "not an answer to a claim");
    if (status != RB_OK) return;
    must(place < w->capacity, "a claim leaves the ring");
    announce(w, n);
    w->open = 1;
    w->claimed = n;
    w->place = place;
    memset(rb_data(&w->segment->writer) + place * w->item, 0xa5, n * w->item); /* spoilt until it is committed */
}

static void do_commit(struct world *w, const struct op *op)
{
    const uint64_t n = op->pick & 1 ? w->claimed : op->small % (w->claimed + 2);
    char *data = rb_data(&w->segment->writer);
    if (w->open && n <= w->claimed) fill(data + w->place * w->item, w->writer.position * w->item, n * w->item);
    const enum rb_status status = rb_history_commit(&w->writer, n, (int64_t)op->large * 1000, op->pick >> 1 & 3);
    must(status == (w->open && n <= w->claimed ? RB_OK : RB_INVALID), "not an answer to a commit");
    if (status == RB_OK) publish(w, n, (int64_t)op->large * 1000, op->pick >> 1 & 3);
}

static void do_put(struct world *w, const struct op *op)
{
    static char samples[32768];
    const uint64_t n = count_of(w, op);
    if (n <= w->capacity / 2) fill(samples, w->writer.position * w->item, n * w->item);
    const enum rb_status status = rb_history_put(&w->writer, samples, n, (int64_t)op->large, op->pick >> 2 & 3);
    must(status == (n <= w->capacity / 2 ? RB_OK : RB_INVALID), "not an answer to put");
    if (status != RB_OK) return;
    announce(w, n);
    publish(w, n, (int64_t)op->large, op->pick >> 2 & 3);
}

static void do_abort(struct world *w, const struct op *op)
{
    (void)op;
    rb_history_abort(&w->writer);
    w->open = 0;
}

static void do_acquire(struct world *w, const struct op *op)
{
    const uint64_t n = count_of(w, op), cursor = w->reader.cursor, lost = w->reader.lost;
    const int armed = steps_armed();
    uint64_t place = 0;
    const enum rb_status status = rb_history_acquire(&w->reader, n, &place);
    w->held = status == RB_OK;
    w->acquired = n;
    must((status == RB_INVALID) == (n > w->capacity / 2), "not an answer to acquire");
    if (status == RB_CORRUPT) must(w->segment->damaged && w->reader.why, "a good ring is called damaged");
    if (w->held) {
        must(armed || plausible(w), "an impossible position was believed");
        check_window(w, place, w->reader.cursor, n, !w->segment->damaged);
    }
    if (w->segment->damaged || status == RB_INVALID) return;
    const uint64_t expected = ahead(oldest(w), cursor) > 0 ? oldest(w) : cursor;
    must(w->reader.cursor == expected && w->reader.lost - lost == expected - cursor, "loss is counted wrong");
    must(status == (ahead(w->position, expected) >= (int64_t)n ? RB_OK : RB_NONE), "wrong about what there is");
}

static void do_release(struct world *w, const struct op *op)
{
    const uint64_t n = w->held ? w->acquired : count_of(w, op), cursor = w->reader.cursor;
    int whole = -1;
    const enum rb_status status = rb_history_release(&w->reader, n, &whole);
    must(!w->held || status == RB_OK, "what was acquired cannot be released");
    must(status == RB_OK || status == RB_INVALID, "not an answer to release");
    w->held = 0;
    if (status == RB_OK) must(w->reader.cursor == cursor + n && (whole == 0 || whole == 1), "released something else");
    if (w->segment->damaged) return;
    const int there = n <= w->capacity / 2 && ahead(w->position, cursor) >= (int64_t)n;
    must(status == (there ? RB_OK : RB_INVALID), "wrong about what there is");
    if (status == RB_OK) must(whole == (ahead(cursor, oldest(w)) >= 0), "wrong about what is whole");
}

static void do_view(struct world *w, const struct op *op)
{
    const uint64_t start = index_of(w, op->large);
    const uint64_t stop = op->pick & 1 ? start + op->small % (w->capacity + 2) : index_of(w, op->large >> 7 ^ op->small);
    uint64_t place = 0;
    const enum rb_status status = rb_history_view(&w->reader, start, stop, &place);
    must((status == RB_INVALID) == (ahead(stop, start) < 0), "not an answer to view");
    if (status == RB_CORRUPT) must(w->segment->damaged && w->reader.why, "a good ring is called damaged");
    if (status == RB_OK) {
        must(plausible(w), "an impossible position was believed"); /* view has no step */
        check_window(w, place, start, stop - start, !w->segment->damaged);
    }
    if (w->segment->damaged || status == RB_INVALID) return;
    const int there = ahead(w->position, stop) >= 0 && ahead(start, oldest(w)) >= 0 && stop - start <= w->capacity;
    must(status == (there ? RB_OK : RB_NONE), "wrong about what there is");
    must(rb_history_holds(&w->reader, start) == (ahead(start, oldest(w)) >= 0), "wrong about what is whole");
}

static void do_seek(struct world *w, const struct op *op)
{
    w->held = 0;
    rb_history_seek(&w->reader, index_of(w, op->large));
}

static void do_want(struct world *w, const struct op *op) { rb_history_want(&w->reader, op->small % w->capacity); }

/* The block that holds a sample, as long as the table has its entry. */
static const struct block *block_of(const struct world *w, uint64_t index)
{
    const uint64_t size = w->segment->geometry.blocks;
    for (uint64_t k = w->blocks; k > 0 && w->blocks - k < size; k--) {
        if (index - w->block[k - 1].first < w->block[k - 1].count) return &w->block[k - 1];
    }
    return NULL;
}

static void do_times(struct world *w, const struct op *op)
{
    const uint64_t index = index_of(w, op->large), rate = w->segment->geometry.rate;
    int64_t ns = 0;
    const enum rb_status status = rb_history_capture_ns(&w->reader, index, &ns);
    must(status == RB_OK || status == RB_NONE, "not an answer to capture_ns");
    if (w->segment->damaged) return;
    const struct block *b = block_of(w, index);
    must(status == (b ? RB_OK : RB_NONE), "a capture time is missing, or made up");
    if (b) must(ns == b->capture_ns + (int64_t)((index - b->first) * 1000000000 / rate), "a capture time is wrong");
}

static void do_flags(struct world *w, const struct op *op)
{
    const uint64_t start = index_of(w, op->large), stop = start + op->small % 512;
    const uint32_t flags = rb_history_flags(&w->reader, start, stop);
    if (w->segment->damaged || ahead(w->position, start) <= 0) return;
    const int unknown = start != stop && !block_of(w, start);
    uint32_t expected = unknown ? RB_UNKNOWN : 0;
    for (uint64_t k = 0; k < w->blocks && start != stop && !unknown; k++) {
        const struct block *b = &w->block[k];
        if (ahead(b->first + b->count, start) > 0 && ahead(stop, b->first) > 0) expected |= b->flags;
    }
    must(flags == expected, "flags are wrong");
}

static void check_open(struct world *w, enum rb_status status)
{
    must(status == RB_OK || (status == RB_CORRUPT && w->segment->damaged), "a good ring cannot be opened");
    if (status != RB_OK) w->dead = 1;
}

static void do_successor_writes(struct world *w, const struct op *op)
{
    (void)op;
    check_open(w, rb_history_writer_open(&w->writer, &w->segment->writer));
    w->open = 0;
}

static void do_successor_reads(struct world *w, const struct op *op)
{
    w->slot = op->pick % (uint32_t)w->segment->readers;
    check_open(w, rb_history_reader_open(&w->reader, &w->segment->reader[w->slot]));
    w->seen = w->reader.seen;
    w->held = 0;
}

static struct place aim(const struct world *w, const struct op *op, uint64_t *base)
{
    const struct segment *s = w->segment;
    struct rb_side *writes = writer_words(s);
    const uint64_t entry = s->layout.table + op->large % s->geometry.blocks * sizeof(struct rb_block);
    *base = op->large & 1 ? w->writer.position : w->writer.intent;
    switch (op->pick >> 3 & 7) {
    case 0: return (struct place){offset_in(s, &writes->position), 8};
    case 1: return (struct place){offset_in(s, &writes->intent), 8};
    case 2: *base = w->writer.blocks; return (struct place){offset_in(s, &writes->blocks), 8};
    case 3: *base = w->writer.blocks; return (struct place){entry + offsetof(struct rb_block, number), 8};
    case 4: return (struct place){entry + offsetof(struct rb_block, first), 8};
    case 5: return (struct place){entry + offsetof(struct rb_block, count), 4};
    default: return (struct place){op->large % s->layout.total, 1u << (op->pick & 3)};
    }
}

static void do_poke(struct world *w, const struct op *op)
{
    uint64_t base;
    const struct place at = aim(w, op, &base);
    segment_poke(w->segment, at, op, base);
}

static void do_poke_later(struct world *w, const struct op *op)
{
    uint64_t base;
    const struct place at = aim(w, op, &base);
    segment_poke_later(w->segment, at, op, base);
}

static void check_still(struct world *w)
{
    must(ahead(w->reader.seen, w->seen) >= 0, "a position was believed that went back");
    w->seen = w->reader.seen;
    if (w->segment->damaged) return;
    must(rb_history_position(&w->reader) == w->position && rb_history_oldest(&w->reader) == oldest(w), "lost its way");
    must(rb_ready(&w->reader.watch) == (ahead(w->position, w->reader.cursor) >= (int64_t)w->reader.want),
         "the reader's watch is wrong");
}

/* The last HOSTILE of them are left out where the first operation says so: deep runs of an undamaged ring. */
#define HOSTILE 2
static void (*const operations[])(struct world *w, const struct op *op) = {
    do_claim, do_commit, do_put,   do_abort,            do_acquire,         do_release, do_view,       do_seek,
    do_want,  do_times,  do_flags, do_successor_writes, do_successor_reads, do_poke,    do_poke_later,
};

void fuzz_history(const struct op *ops, size_t n)
{
    /* Samples of every size, tables of one entry, of too few and of enough. */
    static const struct rb_geometry geometries[] = {
        {.kind = RB_HISTORY, .readers = 3, .item = 2, .rate = 16000, .blocks = 16, .capacity = 2048, .dtype = "<i2"},
        {.kind = RB_HISTORY, .readers = 1, .item = 1, .rate = 1, .blocks = 1, .capacity = 4096, .dtype = "|i1"},
        {.kind = RB_HISTORY, .readers = 2, .item = 16, .rate = 7, .blocks = 4, .capacity = 256, .dtype = "<c16"},
        {.kind = RB_HISTORY, .readers = 2, .item = 4, .rate = 4294967295u, .blocks = 256, .capacity = 1024},
    };
    static const uint64_t first[4] = {0, (UINT64_C(1) << 32) - 300, -UINT64_C(300), UINT64_C(1) << 63};
    static struct world w;
    memset(&w, 0, sizeof w);
    w.segment = segment_of(&geometries[ops[0].code % (sizeof geometries / sizeof geometries[0])]);
    w.first = w.position = w.intent = first[ops[0].pick % 4];
    w.capacity = w.segment->geometry.capacity;
    w.item = w.segment->geometry.item;
    segment_reset(w.segment, w.first);
    w.bell.sleeping = ops[0].pick >> 2 & 1;
    w.writer.bells = (struct rb_bells){{&w.bell}, 1};
    check_open(&w, rb_history_writer_open(&w.writer, &w.segment->writer));
    do_successor_reads(&w, &ops[0]);
    const size_t kinds = sizeof operations / sizeof operations[0] - (ops[0].small & 1 ? HOSTILE : 0);
    for (size_t i = 1; i < n && !w.dead; i++) {
        operations[ops[i].code % kinds](&w, &ops[i]);
        if (!w.dead) check_still(&w);
    }
}
