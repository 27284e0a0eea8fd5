/* Both ends of a small stream, and records that say which they are. */
#ifndef STREAM_ENDS_H
#define STREAM_ENDS_H

#include "check.h"
#include "segment.h"
#include "stream.h"

#include <string.h>

enum { CAPACITY = 4096, MAX = CAPACITY / 4 - RB_TAG };

struct ends {
    struct segment segment;
    struct rb_map write_map, read_map;
    struct rb_stream_writer w;
    struct rb_stream_reader r;
};

static inline void open_writer(struct ends *e)
{
    e->w = (struct rb_stream_writer){0};
    SAME(rb_stream_writer_open(&e->w, &e->write_map), RB_OK);
}

static inline void open_reader(struct ends *e, int latest)
{
    e->r = (struct rb_stream_reader){0};
    SAME(rb_stream_reader_open(&e->r, &e->read_map, latest), RB_OK);
}

static inline struct ends both_ends(uint64_t first)
{
    struct ends e = {.segment = stream_segment(CAPACITY, first)};
    e.write_map = segment_map(&e.segment, RB_WRITE, 0);
    e.read_map = segment_map(&e.segment, RB_READ, 0);
    open_writer(&e);
    open_reader(&e, 0);
    return e;
}

/* Record i carries i in its tag and in every byte. */
static inline enum rb_status put(struct ends *e, uint32_t i, uint32_t length)
{
    char payload[CAPACITY];
    struct rb_tag tag = {.length = length, .turn = i};
    memset(payload, (int)i, length);
    return rb_stream_put(&e->w, payload, &tag);
}

static inline void see(struct ends *e, uint32_t i, uint32_t length)
{
    struct rb_tag tag;
    uint64_t offset;
    SAME(rb_stream_acquire(&e->r, &tag, &offset), RB_OK);
    SAME(tag.turn, i);
    SAME(tag.length, length);
    CHECK(offset + length <= CAPACITY);
    for (uint32_t at = 0; at < length; at++) SAME((unsigned char)e->r.data[offset + at], i & 255);
}

static inline void get(struct ends *e, uint32_t i, uint32_t length)
{
    see(e, i, length);
    SAME(rb_stream_release(&e->r), RB_OK);
}

static inline enum rb_status acquire(struct ends *e)
{
    struct rb_tag tag;
    uint64_t offset;
    return rb_stream_acquire(&e->r, &tag, &offset);
}

#endif
