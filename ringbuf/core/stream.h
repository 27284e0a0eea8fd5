/* Stream: one writer, one reader, records of any length up to a quarter of the ring.
 *
 * A record is a 64-byte tag and its payload, rounded up to whole tags. It never wraps: what is too long for the rest of
 * the ring is preceded by a padding record. Padding rather than a second mapping, because fixed-size frames then always
 * lie at the same few places, whose views are made once; and because a race through two mappings of one page is
 * invisible to ThreadSanitizer.
 *
 *   writer                                        reader
 *     load_acquire(reader position)    A            load_acquire(writer position)    C
 *     write tag and payload                         read tag and payload
 *     store_release(writer position)   B            store_release(reader position)   D
 *
 * B pairs with C: what was published is whole. D pairs with A: what is overwritten was read. Nothing is published by a
 * claim, so a writer killed in the middle leaves nothing to repair; a reader killed before D gets its record again.
 *
 * A handle belongs to one thread. Zero it, fill in `bells`, take the role (role.h), then open. Offsets are bytes into
 * the map's data. The other side is not trusted: its position and every record are checked at each call, in a private
 * copy, and RB_CORRUPT leaves the handle as it was.
 */
#ifndef RINGBUF_STREAM_H
#define RINGBUF_STREAM_H

#include "bell.h"
#include "map.h"
#include "status.h"
#include "wait.h"

struct rb_stream_writer {
    struct rb_bells bells; /* rung after every commit */
    struct rb_side *side;
    const struct rb_side *other;
    char *data;
    uint64_t capacity;
    uint64_t write, read; /* own position, and the reader's as last seen */
    uint64_t claimed, padding; /* payload bytes, and what must precede the record; valid while `open` */
    uint64_t clean; /* what was given back before this position is zeros, or has been written over since */
    struct rb_watch space; /* see rb_stream_space; valid once its word is set */
    uint64_t space_length;
    int open; /* something is claimed */
    const char *why;
};

struct rb_stream_reader {
    struct rb_bells bells; /* the writer's, rung when space was given back */
    struct rb_watch watch; /* ready iff there is something to acquire */
    struct rb_side *side;
    const struct rb_side *other;
    const char *data;
    uint64_t capacity;
    uint64_t item; /* a record of no whole number of items is refused; 1 unless set after open */
    uint64_t write, read; /* the writer's position as last seen, and the own one */
    uint64_t taken; /* bytes of the acquired record, 0: none */
    const char *why;
};

/* Both sides: RB_OK or RB_CORRUPT. Rings the bells: a predecessor may have been killed between publishing and ringing.
 * latest: skip what is there, instead of going on with the first record that was not released. */
enum rb_status rb_stream_writer_open(struct rb_stream_writer *w, const struct rb_map *m);
enum rb_status rb_stream_reader_open(struct rb_stream_reader *r, const struct rb_map *m, int latest);

/* The most payload bytes one record can hold. */
uint64_t rb_stream_max(const struct rb_stream_writer *w);

/* Room for `length` payload bytes: their offset. RB_NONE: full, and counted; RB_INVALID: longer than a record can be;
 * RB_CORRUPT. Replaces the claim before it. */
enum rb_status rb_stream_claim(struct rb_stream_writer *w, uint64_t length, uint64_t *offset);

/* Publish the first tag->length bytes of what was claimed and ring; fills in the tag's `what` and `position`.
 * RB_INVALID: nothing is claimed, or not so much; the claim stays. */
enum rb_status rb_stream_commit(struct rb_stream_writer *w, struct rb_tag *tag);

/* Give the claim up. Nothing was published, nothing is to be undone. */
void rb_stream_abort(struct rb_stream_writer *w);

/* Claim, copy tag->length bytes in, commit. Answers like rb_stream_claim. */
enum rb_status rb_stream_put(struct rb_stream_writer *w, const void *payload, struct rb_tag *tag);

/* Zeros over whatever nobody will read: records that were given back, and claims that were given up. What is published
 * or claimed stays. Costs as much as was given back since the last time; the first time, the whole ring. RB_CORRUPT. */
enum rb_status rb_stream_scrub(struct rb_stream_writer *w);

/* From now on w->space is ready iff `length` bytes can be claimed. RB_INVALID: they never can. */
enum rb_status rb_stream_space(struct rb_stream_writer *w, uint64_t length);

/* The next record: a copy of its tag, and the payload's offset. The same one again until it is released. RB_NONE: there
 * is none; RB_CORRUPT. Only after RB_OK does *tag mean anything. */
enum rb_status rb_stream_acquire(struct rb_stream_reader *r, struct rb_tag *tag, uint64_t *offset);

/* Give the acquired record's space back and ring. RB_INVALID: nothing is acquired. */
enum rb_status rb_stream_release(struct rb_stream_reader *r);

#endif
