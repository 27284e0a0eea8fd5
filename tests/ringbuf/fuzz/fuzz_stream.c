/* Stream: a writer, a reader, and the enemy on both sides of either. */
#include "fuzz.h"

#define CAPACITIES 3
#define MAX_RECORDS (16384 / RB_TAG)

/* What was committed and not yet released, in order. */
struct record {
    uint64_t number;
    uint32_t length;
};

struct world {
    struct segment *segment;
    struct rb_stream_writer writer;
    struct rb_stream_reader reader;
    struct rb_bell bell;
    struct record fifo[MAX_RECORDS];
    int head, count;
    uint64_t next; /* the number of the next record */
    uint64_t claimed, offset; /* valid while `open` */
    int open, held;
    int dead; /* a role could not be opened any more */
};

static uint64_t stride_of(uint64_t length) { return RB_TAG + rb_round_up(length, RB_TAG); }

/* Lengths about the limits: nothing, whole tags, the longest, too long. */
static uint64_t length_of(const struct world *w, const struct op *op)
{
    const uint64_t longest = w->segment->geometry.capacity / 4 - RB_TAG;
    switch (op->pick % 4) {
    case 0: return op->small % (longest + 1);
    case 1: return longest - op->small % RB_TAG;
    case 2: return op->small % 4 * RB_TAG;
    default: return op->large % 16 == 0 ? longest + 1 + op->large / 4 : op->small % 200;
    }
}

/* Undamaged: whether a record of this length has room, from the positions that everybody can see. */
static int fits(const struct world *w, uint64_t length)
{
    const uint64_t capacity = w->segment->geometry.capacity;
    const uint64_t write = word(&writer_words(w->segment)->position), read = word(&reader_words(w->segment, 0)->position);
    const uint64_t rest = capacity - write % capacity;
    const uint64_t need = stride_of(length) + (stride_of(length) > rest ? rest : 0);
    return write - read + need <= capacity;
}

static void committed(struct world *w, uint64_t length)
{
    if (w->segment->damaged) return;
    must(w->count < MAX_RECORDS, "more records than the ring can hold");
    w->fifo[(w->head + w->count++) % MAX_RECORDS] = (struct record){w->next, (uint32_t)length};
}

/* What a claim or put may answer. */
static void check_room(const struct world *w, enum rb_status status, uint64_t length, int room)
{
    if (length > rb_stream_max(&w->writer)) must(status == RB_INVALID, "a record that is too long was taken");
    else if (!w->segment->damaged) must(status == (room ? RB_OK : RB_NONE), "wrong about the room there is");
    else must(status == RB_OK || status == RB_NONE || status == RB_CORRUPT, "not an answer to a claim");
    if (status == RB_CORRUPT) must(w->writer.why, "nothing says why");
}

static void do_claim(struct world *w, const struct op *op)
{
    const uint64_t length = length_of(w, op);
    const int room = length <= rb_stream_max(&w->writer) && fits(w, length);
    uint64_t offset = 0;
    const enum rb_status status = rb_stream_claim(&w->writer, length, &offset);
    check_room(w, status, length, room);
    if (status != RB_INVALID) w->open = status == RB_OK;
    if (status != RB_OK) return;
    w->claimed = length;
    w->offset = offset;
    must(offset >= RB_TAG && offset % RB_TAG == 0, "a claim is not aligned");
    must(offset + length <= w->segment->geometry.capacity, "a claim leaves the ring");
    fill(rb_data(&w->segment->writer) + offset, w->next, length);
}

static void do_commit(struct world *w, const struct op *op)
{
    struct rb_tag tag = {.length = (uint32_t)(op->pick & 1 ? w->claimed : op->large % (w->claimed + 2))};
    tag.a = (int64_t)w->next;
    const enum rb_status status = rb_stream_commit(&w->writer, &tag);
    must(status == (w->open && tag.length <= w->claimed ? RB_OK : RB_INVALID), "not an answer to a commit");
    if (status != RB_OK) return;
    w->open = 0;
    committed(w, tag.length);
    w->next++;
}

static void do_put(struct world *w, const struct op *op)
{
    static char payload[4096];
    const uint64_t length = length_of(w, op);
    const int room = length <= rb_stream_max(&w->writer) && fits(w, length);
    struct rb_tag tag = {.length = (uint32_t)length, .a = (int64_t)w->next};
    if (length <= rb_stream_max(&w->writer)) fill(payload, w->next, length);
    const enum rb_status status = rb_stream_put(&w->writer, payload, &tag);
    check_room(w, status, length, room);
    if (status != RB_INVALID) w->open = 0;
    if (status != RB_OK) return;
    committed(w, length);
    w->next++;
}

static void do_abort(struct world *w, const struct op *op)
{
    (void)op;
    rb_stream_abort(&w->writer);
    w->open = 0;
}

/* Undamaged: once all was read, nothing is left but what is claimed. What must stay, do_acquire and do_commit look at. */
static void do_scrub(struct world *w, const struct op *op)
{
    (void)op;
    const enum rb_status status = rb_stream_scrub(&w->writer);
    must(status == RB_OK || (status == RB_CORRUPT && w->segment->damaged), "not an answer to a scrubbing");
    if (status == RB_CORRUPT) must(w->writer.why, "nothing says why");
    if (w->segment->damaged || w->count || w->open) return;
    const char *data = rb_data(&w->segment->writer);
    for (uint64_t at = 0; at < w->segment->geometry.capacity; at++) must(data[at] == 0, "something was left");
}

static void do_space(struct world *w, const struct op *op)
{
    const uint64_t length = length_of(w, op);
    const enum rb_status status = rb_stream_space(&w->writer, length);
    must(status == (length <= rb_stream_max(&w->writer) ? RB_OK : RB_INVALID), "not an answer to space");
    if (status != RB_OK) return;
    const int ready = rb_ready(&w->writer.space);
    if (!w->segment->damaged) must(ready == fits(w, length), "space is wrong about the room there is");
}

static void do_acquire(struct world *w, const struct op *op)
{
    (void)op;
    struct rb_tag tag;
    uint64_t offset = 0;
    const enum rb_status status = rb_stream_acquire(&w->reader, &tag, &offset);
    if (w->segment->damaged) {
        must(status == RB_OK || status == RB_NONE || status == RB_CORRUPT, "not an answer to acquire");
    } else {
        must(status == (w->count ? RB_OK : RB_NONE), "a record is missing, or there is one too many");
    }
    if (status == RB_CORRUPT) must(w->reader.why, "nothing says why");
    w->held = status == RB_OK;
    if (!w->held) return;
    must(offset >= RB_TAG && offset % RB_TAG == 0, "a record is not aligned");
    must(tag.length <= w->segment->geometry.capacity / 4 - RB_TAG, "a record is longer than one can be");
    must(offset + tag.length <= w->segment->geometry.capacity, "a record leaves the ring");
    must(stride_of(tag.length) <= w->reader.write - w->reader.read, "a record reaches beyond what is published");
    must(tag.length % w->reader.item == 0, "a record has half an item");
    const char *payload = rb_data(&w->segment->reader[0]) + offset;
    touch(payload, tag.length);
    if (w->segment->damaged) return;
    const struct record *front = &w->fifo[w->head];
    must(tag.what == RB_RECORD && (uint64_t)tag.a == front->number, "not the record that is next");
    must(tag.length == front->length && filled(payload, front->number, front->length), "a record was damaged");
}

static void do_release(struct world *w, const struct op *op)
{
    (void)op;
    const uint64_t before = w->reader.read;
    const enum rb_status status = rb_stream_release(&w->reader);
    must(!w->held || status == RB_OK, "what was acquired cannot be released");
    must(status == RB_OK || status == RB_INVALID, "not an answer to release");
    must(w->reader.read - before <= w->segment->geometry.capacity, "more was given back than there is");
    if (w->held && !w->segment->damaged) {
        w->head = (w->head + 1) % MAX_RECORDS;
        w->count--;
    }
    w->held = 0;
}

static void check_open(struct world *w, enum rb_status status)
{
    must(status == RB_OK || (status == RB_CORRUPT && w->segment->damaged), "a good ring cannot be opened");
    if (status != RB_OK) w->dead = 1;
}

static void do_successor_writes(struct world *w, const struct op *op)
{
    (void)op;
    check_open(w, rb_stream_writer_open(&w->writer, &w->segment->writer));
    w->open = 0;
}

static void do_successor_reads(struct world *w, const struct op *op)
{
    const int latest = op->pick & 1;
    check_open(w, rb_stream_reader_open(&w->reader, &w->segment->reader[0], latest));
    w->held = 0;
    if (latest) w->count = 0;
}

/* Records that are no whole number of items are refused: which is no damage to the ring, but the model does not know. */
static void do_item(struct world *w, const struct op *op)
{
    w->reader.item = 1 + op->pick % 16;
    w->segment->damaged = 1;
}

static void do_wait(struct world *w, const struct op *op)
{
    unsigned long long missed = 0;
    w->bell.sleeping = op->pick & 1; /* somebody seems to sleep: both sides ring */
    const int ready = rb_wait(&w->bell, &w->reader.watch, 1, 0, 0, NULL, &missed);
    must(ready == 0 || ready == 1, "a wait whose deadline has passed did not end");
    if (!w->segment->damaged && w->count) must(ready, "a wait does not see what is there");
}

static struct place aim(const struct world *w, const struct op *op, uint64_t *base)
{
    const struct segment *s = w->segment;
    struct rb_side *writes = writer_words(s), *reads = reader_words(s, 0);
    const uint64_t capacity = s->geometry.capacity, front = w->reader.read % capacity;
    const uint64_t tag = s->layout.data + (op->large & 1 ? front : op->small % capacity / RB_TAG * RB_TAG);
    *base = op->large & 2 ? w->reader.read : w->writer.write;
    switch (op->pick >> 3 & 7) {
    case 0: return (struct place){offset_in(s, &writes->position), 8};
    case 1: return (struct place){offset_in(s, &reads->position), 8};
    case 2: *base = capacity / 4; return (struct place){tag + offsetof(struct rb_tag, length), 4};
    case 3: return (struct place){tag + offsetof(struct rb_tag, what), 4};
    case 4: return (struct place){tag + offsetof(struct rb_tag, position), 8};
    case 5: return (struct place){offset_in(s, &writes->count), 8};
    default: return (struct place){op->large % s->layout.total, 1u << (op->pick & 3)};
    }
}

/* A record or padding where the reader looks next, well made but for its length; and more published than there is. */
static void do_forge(struct world *w, const struct op *op)
{
    struct segment *s = w->segment;
    const uint64_t read = w->reader.read, capacity = s->geometry.capacity;
    const struct rb_tag tag = {
        .length = op->pick & 1 ? op->large : op->small % (uint32_t)capacity,
        .what = op->pick & 2 ? RB_RECORD : RB_PADDING,
        .position = read,
    };
    memcpy(s->bytes + s->layout.data + read % capacity, &tag, sizeof tag);
    if (op->pick & 4) atomic_store(&writer_words(s)->position, read + capacity);
    if (op->pick & 8) atomic_store(&writer_words(s)->position, read + stride_of(tag.length));
    s->damaged = 1;
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

static int possible(uint64_t capacity, uint64_t write, uint64_t read)
{
    return write - read <= capacity && write % RB_TAG == 0 && read % RB_TAG == 0;
}

/* What holds between any two calls. */
static void check_still(const struct world *w)
{
    const uint64_t capacity = w->segment->geometry.capacity;
    must(possible(capacity, w->writer.write, w->writer.read), "the writer believed an impossible position");
    must(possible(capacity, w->reader.write, w->reader.read), "the reader believed an impossible position");
    if (w->segment->damaged) return;
    must(rb_ready(&w->reader.watch) == (w->count > 0), "the reader's watch is wrong");
    if (w->writer.space.word)
        must(rb_ready(&w->writer.space) == fits(w, w->writer.space_length), "the writer's space is wrong");
}

/* The last HOSTILE of them are left out where the first operation says so: deep runs of an undamaged ring. */
#define HOSTILE 4
static void (*const operations[])(struct world *w, const struct op *op) = {
    do_claim, do_commit, do_put,  do_abort,            do_space,           do_acquire, do_release,    do_acquire,
    do_put,   do_wait,   do_release, do_successor_writes, do_successor_reads, do_scrub,   do_poke,    do_poke_later,
    do_forge, do_item,
};

void fuzz_stream(const struct op *ops, size_t n)
{
    static const uint64_t capacities[CAPACITIES] = {1024, 4096, 16384};
    static const uint64_t first[4] = {0, (UINT64_C(1) << 32) - 512, -UINT64_C(512), -UINT64_C(64)};
    const struct rb_geometry g = {
        .kind = RB_STREAM, .readers = 1, .item = 1, .capacity = capacities[ops[0].code % CAPACITIES]};
    static struct world w;
    memset(&w, 0, sizeof w);
    w.segment = segment_of(&g);
    segment_reset(w.segment, first[ops[0].pick % 4]);
    w.writer.bells = w.reader.bells = (struct rb_bells){{&w.bell}, 1};
    check_open(&w, rb_stream_writer_open(&w.writer, &w.segment->writer));
    check_open(&w, rb_stream_reader_open(&w.reader, &w.segment->reader[0], 0));
    const size_t kinds = sizeof operations / sizeof operations[0] - (ops[0].small & 1 ? HOSTILE : 0);
    for (size_t i = 1; i < n && !w.dead; i++) {
        operations[ops[i].code % kinds](&w, &ops[i]);
        if (!w.dead) check_still(&w);
    }
}
