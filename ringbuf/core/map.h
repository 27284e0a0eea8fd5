/* The pages of one segment in this process, checked once, writable only where the role has something to write. */
#ifndef RINGBUF_MAP_H
#define RINGBUF_MAP_H

#include "layout.h"
#include "status.h"

/* What a mapping is for, and what of it may be written beside reading all. */
enum rb_access {
    RB_OBSERVE, /* nothing; the data is mapped but not fetched beforehand */
    RB_WRITE, /* the writer's page, the block table and the data */
    RB_READ, /* the page of one reader slot */
    RB_SHARE, /* the data: cells, bells and leases */
};

struct rb_map {
    char *base;
    size_t length; /* address space, the second image of the data included */
    size_t exported; /* bytes of data that may be looked at: the data and, for a history, its second image */
    struct rb_header header; /* private and checked; the shared one is never read again */
    enum rb_access access;
    uint32_t slot; /* which reader, for RB_READ */
    int writable; /* the data */
    const char *why;
};

/* Map the segment `fd`; kind 0 takes any. The fd may be closed afterwards. A history's data is mapped twice in a row,
 * so that every window is contiguous. Answers RB_CORRUPT, RB_WRONG_KIND (header.geometry.kind is what it is),
 * RB_INVALID (no such reader slot, or an access that this kind does not have) or RB_OS; then nothing is mapped. */
enum rb_status rb_map_open(struct rb_map *m, int fd, enum rb_kind kind, enum rb_access access, uint32_t slot);

/* Unmap. Nothing may use the pages any more. Harmless on a map that is not open. */
void rb_map_close(struct rb_map *m);

static inline struct rb_side *rb_writer_side(const struct rb_map *m)
{
    return (void *)(m->base + m->header.layout.writer);
}

static inline struct rb_side *rb_reader_side(const struct rb_map *m, uint32_t slot)
{
    return (void *)(m->base + m->header.layout.reader + slot * m->header.layout.page);
}

static inline struct rb_block *rb_block_table(const struct rb_map *m)
{
    return (void *)(m->base + m->header.layout.table);
}

static inline char *rb_data(const struct rb_map *m) { return m->base + m->header.layout.data; }

/* Ask for the first lines of what was just published, all at once. They are in the cache of the writer's core: fetched
 * one by one as they are read, each costs a journey there. More than a KiB is left to the machine's own prefetching. */
static inline void rb_fetch(const char *from, uint64_t bytes)
{
    const uint64_t most = 1024;
    for (uint64_t at = 0; at < bytes && at < most; at += 64) __builtin_prefetch(from + at);
}

/* The role that goes with the map's access, NULL when it has none (observers, cells, bells, readers of a latest) or has
 * them in its data (leases). */
struct rb_role *rb_map_role(const struct rb_map *m);

#endif
