/* A stream whose shared bytes are wrong: RB_CORRUPT and nothing else, and the handle stays as it was. */
#include "check.h"
#include "segment.h"
#include "stream.h"

#include <stddef.h>
#include <string.h>

enum { CAPACITY = 4096, LENGTH = 100, STRIDE = 192 };

struct ends {
    struct segment segment;
    struct rb_map write_map, read_map;
    struct rb_stream_writer w;
    struct rb_stream_reader r;
    struct rb_side *writer, *reader; /* writable by the test */
};

/* Two records were published; nothing is acquired. */
static struct ends two_records(void)
{
    static const char payload[LENGTH] = "abc";
    struct ends e = {.segment = stream_segment(CAPACITY, 0)};
    e.write_map = segment_map(&e.segment, RB_WRITE, 0);
    e.read_map = segment_map(&e.segment, RB_READ, 0);
    SAME(rb_stream_writer_open(&e.w, &e.write_map), RB_OK);
    SAME(rb_stream_reader_open(&e.r, &e.read_map, 0), RB_OK);
    for (uint32_t i = 0; i < 2; i++) {
        struct rb_tag tag = {.length = LENGTH, .turn = i};
        SAME(rb_stream_put(&e.w, payload, &tag), RB_OK);
    }
    struct rb_map creator = {.base = e.segment.base, .header = e.segment.header};
    e.writer = rb_writer_side(&creator);
    e.reader = rb_reader_side(&creator, 0);
    return e;
}

static enum rb_status acquire(struct ends *e)
{
    struct rb_tag tag;
    uint64_t offset;
    return rb_stream_acquire(&e->r, &tag, &offset);
}

static const uint64_t impossible[] = {63, RB_TAG + 1, CAPACITY + 64, UINT64_C(1) << 63, 0 - UINT64_C(64), UINT64_MAX};

TEST(stream_reader_refuses_impossible_positions_of_the_writer)
{
    struct ends e = two_records();
    const uint64_t whole = e.writer->position;
    for (unsigned i = 0; i < sizeof impossible / sizeof *impossible; i++) {
        e.writer->position = impossible[i];
        SAME(acquire(&e), RB_CORRUPT);
        TEXT(e.r.why, "position");
        SAME(acquire(&e), RB_CORRUPT); /* it was not believed in between */
        e.writer->position = whole;
    }
    SAME(acquire(&e), RB_OK);
    SAME(rb_stream_release(&e.r), RB_OK);
    SAME(acquire(&e), RB_OK);
}

TEST(stream_writer_refuses_impossible_positions_of_the_reader)
{
    struct ends e = two_records();
    uint64_t offset;
    for (uint32_t i = 2; i * STRIDE <= CAPACITY - STRIDE; i++) {
        struct rb_tag tag = {.length = LENGTH};
        static const char payload[LENGTH];
        SAME(rb_stream_put(&e.w, payload, &tag), RB_OK);
    }
    /* Only now does the writer look at the reader's position. */
    const uint64_t write = e.w.write, bad[] = {1, 63, write + 64, UINT64_C(1) << 63, write - CAPACITY - 64, UINT64_MAX};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        e.reader->position = bad[i];
        SAME(rb_stream_claim(&e.w, LENGTH, &offset), RB_CORRUPT);
        TEXT(e.w.why, "position");
        struct rb_tag tag = {.length = 0};
        SAME(rb_stream_commit(&e.w, &tag), RB_INVALID);
    }
    e.reader->position = 0;
    SAME(rb_stream_claim(&e.w, LENGTH, &offset), RB_NONE);
    e.reader->position = STRIDE;
    SAME(rb_stream_claim(&e.w, LENGTH, &offset), RB_OK);
}

TEST(stream_refuses_impossible_positions_when_it_is_opened)
{
    struct ends e = two_records();
    struct rb_stream_writer w = {0};
    struct rb_stream_reader r = {0};
    e.writer->position = 7;
    SAME(rb_stream_writer_open(&w, &e.write_map), RB_CORRUPT);
    SAME(rb_stream_reader_open(&r, &e.read_map, 0), RB_CORRUPT);
    SAME(rb_stream_reader_open(&r, &e.read_map, 1), RB_CORRUPT);
    e.writer->position = 2 * STRIDE;
    e.reader->position = 3 * STRIDE;
    SAME(rb_stream_writer_open(&w, &e.write_map), RB_CORRUPT);
    SAME(rb_stream_reader_open(&r, &e.read_map, 0), RB_CORRUPT);
    TEXT(r.why, "position");
    SAME(rb_stream_reader_open(&r, &e.read_map, 1), RB_OK); /* it does not need the reader's position, and mends it */
    SAME(e.reader->position, 2 * STRIDE);
}

static const struct {
    const char *what;
    size_t offset, size;
    uint64_t value;
} bad_tags[] = {
#define FIELD(name) #name, offsetof(struct rb_tag, name), sizeof((struct rb_tag){0}.name)
    {FIELD(what), 0},
    {FIELD(what), RB_RECORD + 1},
    {FIELD(what), RB_PADDING}, /* it does not reach to the end of the ring */
    {FIELD(position), 64},
    {FIELD(position), CAPACITY},
    {FIELD(position), UINT64_MAX},
    {FIELD(length), 2 * STRIDE - RB_TAG + 1}, /* beyond what is published */
    {FIELD(length), CAPACITY / 4 - RB_TAG + 1},
    {FIELD(length), CAPACITY},
    {FIELD(length), UINT32_MAX},
    {FIELD(length), UINT32_MAX - 126}, /* its stride would wrap in 32 bits */
    {FIELD(length), LENGTH + 1}, /* no whole number of items */
};

TEST(stream_reader_refuses_what_is_not_a_record)
{
    struct ends e = two_records();
    char *tag = e.segment.base + e.segment.header.layout.data, whole[RB_TAG];
    memcpy(whole, tag, RB_TAG);
    e.r.item = 4;
    for (unsigned i = 0; i < sizeof bad_tags / sizeof *bad_tags; i++) {
        memcpy(tag + bad_tags[i].offset, &bad_tags[i].value, bad_tags[i].size);
        SAME(acquire(&e), RB_CORRUPT);
        TEXT(e.r.why, "record");
        SAME(rb_stream_release(&e.r), RB_INVALID);
        memcpy(tag, whole, RB_TAG);
    }
    SAME(acquire(&e), RB_OK);
}

TEST(stream_reader_refuses_padding_that_does_not_reach_to_the_end)
{
    static char payload[CAPACITY];
    struct ends e = two_records();
    struct rb_tag tag = {.length = 0};
    uint64_t offset;
    while (e.w.write < CAPACITY - 5 * RB_TAG) {
        tag.length = 0;
        SAME(rb_stream_put(&e.w, payload, &tag), RB_OK);
        while (acquire(&e) == RB_OK) SAME(rb_stream_release(&e.r), RB_OK);
    }
    tag.length = 500; /* does not fit: padding comes first */
    const uint64_t rest = CAPACITY - e.w.write;
    struct rb_tag *padding = (void *)(e.segment.base + e.segment.header.layout.data + e.w.write);
    SAME(rb_stream_put(&e.w, payload, &tag), RB_OK);
    SAME(padding->what, RB_PADDING);
    SAME(padding->length, rest - RB_TAG);
    const uint32_t bad[] = {0, (uint32_t)rest - 2 * RB_TAG, (uint32_t)rest, CAPACITY - RB_TAG, UINT32_MAX};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        padding->length = bad[i];
        SAME(acquire(&e), RB_CORRUPT);
    }
    padding->length = (uint32_t)rest - RB_TAG;
    SAME(rb_stream_acquire(&e.r, &tag, &offset), RB_OK);
    SAME(tag.length, 500);
    SAME(offset, RB_TAG);
}
