/* Latest: one value that the next one replaces, a reader that looks on, and the enemy. */
#include "fuzz.h"

#define MAX_SLOTS 4

struct world {
    struct segment *segment;
    struct rb_latest_writer writer;
    struct rb_latest_reader reader;
    struct rb_bell bell;
    uint64_t published, begun; /* publication numbers: the newest, and the last whose slot was claimed */
    uint64_t length[MAX_SLOTS]; /* of the value in each slot; its bytes stand for its number */
    uint64_t claimed, offset; /* valid while `open` */
    uint64_t taken; /* the publication that was acquired or read last */
    int open;
};

static uint64_t length_of(const struct world *w, const struct op *op)
{
    const uint64_t capacity = w->segment->geometry.capacity;
    return op->pick % 8 == 0 ? capacity + 1 + op->large : op->pick % 2 ? op->small % (capacity + 1) : capacity;
}

static void published(struct world *w, uint64_t length)
{
    w->published++;
    w->length[w->published % w->segment->geometry.slots] = length;
    w->open = 0;
}

static void do_claim(struct world *w, const struct op *op)
{
    const uint64_t length = length_of(w, op), capacity = w->segment->geometry.capacity;
    uint64_t offset = 0;
    const enum rb_status status = rb_latest_claim(&w->writer, length, &offset);
    must(status == (length <= capacity ? RB_OK : RB_INVALID), "not an answer to a claim");
    if (status != RB_OK) return;
    w->begun = w->published + 1;
    w->open = 1;
    w->claimed = length;
    w->offset = offset;
    must(offset % RB_LINE == 0, "a claim is not aligned");
    must(offset + length <= w->segment->geometry.slots * rb_slot_stride(capacity), "a claim leaves the ring");
    memset(rb_data(&w->segment->writer) + offset, 0xa5, length); /* spoilt until it is committed */
}

static void do_commit(struct world *w, const struct op *op)
{
    struct rb_tag tag = {.length = (uint32_t)(op->pick & 1 ? w->claimed : op->large % (w->claimed + 2))};
    const uint64_t number = w->writer.sequence + 1;
    if (w->open && tag.length <= w->claimed) fill(rb_data(&w->segment->writer) + w->offset, number, tag.length);
    const enum rb_status status = rb_latest_commit(&w->writer, &tag);
    must(status == (w->open && tag.length <= w->claimed ? RB_OK : RB_INVALID), "not an answer to a commit");
    if (status == RB_OK) published(w, tag.length);
}

static void do_put(struct world *w, const struct op *op)
{
    static char value[2048];
    const uint64_t length = length_of(w, op);
    struct rb_tag tag = {.length = (uint32_t)length};
    if (length > UINT32_MAX) return;
    if (length <= w->segment->geometry.capacity) fill(value, w->writer.sequence + 1, length);
    const enum rb_status status = rb_latest_put(&w->writer, value, &tag);
    must(status == (length <= w->segment->geometry.capacity ? RB_OK : RB_INVALID), "not an answer to put");
    if (status != RB_OK) return;
    w->begun = w->published + 1;
    published(w, length);
}

static void do_abort(struct world *w, const struct op *op)
{
    (void)op;
    rb_latest_abort(&w->writer);
    w->open = 0;
}

/* What acquire and read may answer, and what was got by them. */
static void check_value(struct world *w, enum rb_status status, const struct rb_tag *tag, const char *bytes)
{
    if (status == RB_CORRUPT) must(w->segment->damaged && w->reader.why, "a good ring is called damaged");
    if (!w->segment->damaged) must(status == (w->published ? RB_OK : RB_NONE), "wrong about what there is");
    if (status != RB_OK) return;
    must(tag->length <= w->segment->geometry.capacity, "a value is longer than one can be");
    must(tag->length % w->reader.item == 0, "a value has half an item");
    touch(bytes, tag->length);
    w->taken = w->published;
    if (w->segment->damaged) return;
    must(tag->length == w->length[w->published % w->segment->geometry.slots], "not the newest value");
    must(tag->position == w->published && filled(bytes, w->published, tag->length), "a value was damaged");
    must(!rb_ready(&w->reader.watch), "the reader's watch is wrong");
}

static void do_acquire(struct world *w, const struct op *op)
{
    (void)op;
    struct rb_tag tag;
    uint64_t offset = 0;
    const enum rb_status status = rb_latest_acquire(&w->reader, &tag, &offset);
    must(status == RB_OK || status == RB_NONE || status == RB_CORRUPT, "not an answer to acquire");
    if (status == RB_OK) {
        const uint64_t stride = rb_slot_stride(w->segment->geometry.capacity);
        must(offset % stride == sizeof(struct rb_slot), "a value is not at the beginning of one");
        must(offset / stride < w->segment->geometry.slots, "a value leaves the ring");
    }
    check_value(w, status, &tag, rb_data(&w->segment->reader[0]) + offset);
}

static void do_read(struct world *w, const struct op *op)
{
    const uint64_t capacity = w->segment->geometry.capacity, size = op->pick & 3 ? capacity : op->small % (capacity + 1);
    struct rb_tag tag;
    char *buffer = malloc(size); /* so that a byte too many is seen */
    const enum rb_status status = rb_latest_read(&w->reader, buffer, size, &tag);
    if (status == RB_INVALID) must(tag.length > size && tag.length <= capacity, "a buffer that is long enough was refused");
    else check_value(w, status, &tag, buffer);
    free(buffer);
}

static void do_check(struct world *w, const struct op *op)
{
    (void)op;
    const int valid = rb_latest_check(&w->reader);
    must(rb_latest_sequence(&w->reader) == w->published || w->segment->damaged, "lost count");
    if (w->segment->damaged) return;
    const int expected = w->taken != 0 && w->taken + w->segment->geometry.slots > w->begun;
    must(valid == expected, "wrong about whether a value is still itself");
}

static void do_successor_writes(struct world *w, const struct op *op)
{
    (void)op;
    must(rb_latest_writer_open(&w->writer, &w->segment->writer) == RB_OK, "a ring cannot be opened");
    w->open = 0;
}

static void do_successor_reads(struct world *w, const struct op *op)
{
    (void)op;
    must(rb_latest_reader_open(&w->reader, &w->segment->reader[0]) == RB_OK, "a ring cannot be opened");
    w->taken = 0;
}

static void do_item(struct world *w, const struct op *op)
{
    w->reader.item = 1 + op->pick % 16;
    w->segment->damaged = 1; /* for the model: values of another length are refused */
}

static struct place aim(const struct world *w, const struct op *op, uint64_t *base)
{
    const struct segment *s = w->segment;
    const uint64_t k = op->large & 1 ? w->writer.sequence : op->large;
    const uint64_t slot = s->layout.data + k % s->geometry.slots * rb_slot_stride(s->geometry.capacity);
    const uint64_t tag = slot + offsetof(struct rb_slot, tag);
    *base = w->writer.sequence;
    switch (op->pick >> 3 & 7) {
    case 0: return (struct place){offset_in(s, &writer_words(s)->position), 8};
    case 1: *base = 2 * w->writer.sequence + 2; return (struct place){slot, 8};
    case 2: *base = s->geometry.capacity; return (struct place){tag + offsetof(struct rb_tag, length), 4};
    case 3: return (struct place){tag + offsetof(struct rb_tag, position), 8};
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

/* The last HOSTILE of them are left out where the first operation says so: deep runs of an undamaged ring. */
#define HOSTILE 3
static void (*const operations[])(struct world *w, const struct op *op) = {
    do_claim, do_commit, do_put,    do_abort, do_acquire, do_read, do_check, do_successor_writes, do_successor_reads,
    do_put,   do_check,  do_acquire, do_poke,  do_poke_later, do_item,
};

void fuzz_latest(const struct op *ops, size_t n)
{
    static const struct rb_geometry geometries[] = {
        {.kind = RB_LATEST, .item = 1, .slots = 2, .capacity = 1},
        {.kind = RB_LATEST, .item = 1, .slots = 3, .capacity = 100},
        {.kind = RB_LATEST, .item = 1, .slots = 4, .capacity = 1200},
    };
    static struct world w;
    memset(&w, 0, sizeof w);
    w.segment = segment_of(&geometries[ops[0].code % (sizeof geometries / sizeof geometries[0])]);
    segment_reset(w.segment, 0);
    w.bell.sleeping = ops[0].pick & 1;
    w.writer.bells = (struct rb_bells){{&w.bell}, 1};
    do_successor_writes(&w, &ops[0]);
    do_successor_reads(&w, &ops[0]);
    const size_t kinds = sizeof operations / sizeof operations[0] - (ops[0].small & 1 ? HOSTILE : 0);
    for (size_t i = 1; i < n; i++) operations[ops[i].code % kinds](&w, &ops[i]);
}
