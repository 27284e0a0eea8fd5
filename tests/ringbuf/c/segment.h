/* Segments for tests: in a memfd, mapped as a process would map it, or in plain memory (no second image, and under
 * AddressSanitizer with red zones on both sides). */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "map.h"

extern int segment_plain;

struct segment {
    int fd; /* -1: plain memory */
    char *base; /* all of it, writable: what the creator sees, and where tests do damage */
    struct rb_header header;
};

struct segment segment_new(struct rb_geometry geometry);
void segment_free(struct segment *s);

/* Another map of it, as a writer, reader or sharer would have. It must succeed. */
struct rb_map segment_map(const struct segment *s, enum rb_access access, uint32_t slot);

struct segment stream_segment(uint64_t capacity, uint64_t first);
/* 16 bits, 16 kHz. */
struct segment history_segment(uint64_t capacity, uint32_t blocks, uint32_t readers, uint64_t first);
struct segment latest_segment(uint64_t capacity, uint32_t slots);
struct segment bells_segment(uint64_t count);

#endif
