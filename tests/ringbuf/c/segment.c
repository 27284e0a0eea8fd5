#define _GNU_SOURCE
#include "segment.h"

#include "bell.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int segment_plain;

struct segment segment_new(struct rb_geometry geometry)
{
    struct segment s = {.fd = -1};
    struct rb_layout layout;
    TEXT(rb_layout_of(&geometry, &layout) ? "" : "fits", "fits");
    if (segment_plain) {
        s.base = aligned_alloc(layout.page, layout.total);
        CHECK(s.base);
        memset(s.base, 0, layout.total);
    } else {
        s.fd = memfd_create("ring", MFD_CLOEXEC);
        CHECK(s.fd >= 0 && ftruncate(s.fd, (off_t)layout.total) == 0);
        s.base = mmap(NULL, layout.total, PROT_READ | PROT_WRITE, MAP_SHARED, s.fd, 0);
        CHECK(s.base != MAP_FAILED);
    }
    rb_format(s.base, &geometry, &layout, 1, 0);
    memcpy(&s.header, s.base, sizeof s.header);
    return s;
}

void segment_free(struct segment *s)
{
    if (s->fd < 0) {
        free(s->base);
    } else {
        munmap(s->base, s->header.layout.total);
        close(s->fd);
    }
    s->base = NULL;
}

struct rb_map segment_map(const struct segment *s, enum rb_access access, uint32_t slot)
{
    struct rb_map m = {.base = s->base,
                       .length = s->header.layout.total,
                       .exported = s->header.layout.data_len,
                       .access = access,
                       .slot = slot,
                       .writable = access == RB_WRITE || access == RB_SHARE};
    if (s->fd < 0) {
        memcpy(&m.header, &s->header, sizeof m.header);
        return m;
    }
    SAME(rb_map_open(&m, s->fd, s->header.geometry.kind, access, slot), RB_OK);
    return m;
}

struct segment stream_segment(uint64_t capacity, uint64_t first)
{
    return segment_new(
        (struct rb_geometry){.kind = RB_STREAM, .readers = 1, .item = 1, .capacity = capacity, .first = first});
}

struct segment history_segment(uint64_t capacity, uint32_t blocks, uint32_t readers, uint64_t first)
{
    return segment_new((struct rb_geometry){.kind = RB_HISTORY,
                                            .readers = readers,
                                            .item = 2,
                                            .rate = 16000,
                                            .blocks = blocks,
                                            .capacity = capacity,
                                            .first = first,
                                            .dtype = "<i2"});
}

struct segment latest_segment(uint64_t capacity, uint32_t slots)
{
    return segment_new((struct rb_geometry){.kind = RB_LATEST, .item = 1, .slots = slots, .capacity = capacity});
}

struct segment bells_segment(uint64_t count)
{
    return segment_new((struct rb_geometry){.kind = RB_BELLS, .item = 1, .capacity = count});
}
