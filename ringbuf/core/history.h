/* History: one writer, many readers, samples; the oldest are overwritten, and no reader is ever waited for.
 *
 *   writer                                        reader
 *     store_release(intent, pos + n)   A            load_acquire(position)           E
 *     fence(release)                   B            use the samples in place
 *     write n samples                               fence(acquire)                   F
 *     write the block table entry      C            load(intent)                     G
 *     store_release(position)          D            whole iff first used >= intent - capacity
 *
 * D pairs with E: what is published is there. B pairs with F: a reader that saw one overwritten sample sees at G the
 * intent that announced it. `intent` never goes back: a writer killed in the middle may have spoilt what it announced,
 * and its successor fences once (B, at open) for all that it need not announce again.
 *
 * A handle belongs to one thread. Zero it, fill in `bells`, take the role (role.h), then open. Indices count samples
 * since the ring was made, modulo 2^64; a `place` is where one lies in the data, in samples. What lies from a place on
 * is contiguous, across the end of the data too, because the data is mapped twice in a row (map.h).
 */
#ifndef RINGBUF_HISTORY_H
#define RINGBUF_HISTORY_H

#include "bell.h"
#include "blocks.h"
#include "map.h"
#include "status.h"
#include "wait.h"

struct rb_history_writer {
    struct rb_bells bells; /* rung after every commit */
    struct rb_side *side;
    struct rb_block *table;
    char *data;
    uint64_t capacity, size, item; /* samples; entries of the block table; bytes of a sample */
    uint64_t position, intent, blocks; /* as published */
    uint64_t claimed; /* valid while `open` */
    int open; /* something is claimed */
    uint64_t ring; /* header.created_ns: readers have patience with it, see bell.h */
    const char *why;
};

struct rb_history_reader {
    struct rb_watch watch; /* ready iff `want` samples past the cursor are published */
    const struct rb_side *writer;
    struct rb_side *side;
    const struct rb_block *table;
    const char *data;
    uint64_t capacity, size, first, rate, item; /* item: bytes of a sample */
    uint64_t cursor, lost, want; /* the next sample; samples overwritten before it came to them; see rb_history_want */
    uint64_t seen; /* the writer's position as last loaded */
    const char *why;
};

/* RB_OK or RB_CORRUPT. The writer goes on at the published position and rings: its predecessor may have been killed
 * before it could. The reader's cursor is where the next sample will be published; seek for another one. */
enum rb_status rb_history_writer_open(struct rb_history_writer *w, const struct rb_map *m);
enum rb_status rb_history_reader_open(struct rb_history_reader *r, const struct rb_map *m);

/* The most samples that can be claimed or acquired at once: half of `capacity`. */
uint64_t rb_history_max(uint64_t capacity);

/* ---- writer: it never waits, and is never refused for lack of space ---- */

/* The place of the next n samples. Readers are told before it returns that what lay there is going. RB_INVALID: n is
 * more than rb_history_max. */
enum rb_status rb_history_claim(struct rb_history_writer *w, uint64_t n, uint64_t *place);

/* Publish the first n claimed samples, the first of which was captured at capture_ns, and ring. flags: see blocks.h.
 * RB_INVALID: nothing is claimed, or not so much; the claim stays. */
enum rb_status rb_history_commit(struct rb_history_writer *w, uint64_t n, int64_t capture_ns, uint32_t flags);

/* Give the claim up. Nothing is published; what was announced stays announced. */
void rb_history_abort(struct rb_history_writer *w);

/* Claim, copy n samples in, commit. RB_INVALID: too many. */
enum rb_status rb_history_put(struct rb_history_writer *w, const void *samples, uint64_t n, int64_t capture_ns,
                              uint32_t flags);

/* Silence samples start to stop, as far as they are still there: nobody can hear them any more. What is claimed stays.
 * It does not announce anything: a reader that is using them finds some of them silent, and is told that they were
 * whole. */
void rb_history_scrub(struct rb_history_writer *w, uint64_t start, uint64_t stop);

/* ---- reader ---- */

/* The place of the next n samples. A lapped cursor first goes on to the oldest sample, which r->lost tells. RB_NONE:
 * not so many are published; RB_INVALID: n is more than rb_history_max; RB_CORRUPT. */
enum rb_status rb_history_acquire(struct rb_history_reader *r, uint64_t n, uint64_t *place);

/* After use: step n samples on. *whole: none of them was overwritten meanwhile. RB_INVALID: not so many are there. */
enum rb_status rb_history_release(struct rb_history_reader *r, uint64_t n, int *whole);

/* The place of samples start to stop, wherever the cursor is. RB_NONE: not all of them are there; RB_INVALID: stop lies
 * before start; RB_CORRUPT. */
enum rb_status rb_history_view(struct rb_history_reader *r, uint64_t start, uint64_t stop, uint64_t *place);

/* After use: nothing from `start` on has been overwritten or is being. */
int rb_history_holds(const struct rb_history_reader *r, uint64_t start);

/* Move the cursor, behind or ahead of what is published. */
void rb_history_seek(struct rb_history_reader *r, uint64_t index);

/* How many samples past the cursor make the watch ready; 0 counts as 1. */
void rb_history_want(struct rb_history_reader *r, uint64_t n);

/* Samples published so far, and the oldest one that is not being overwritten. */
uint64_t rb_history_position(const struct rb_history_reader *r);
uint64_t rb_history_oldest(const struct rb_history_reader *r);

/* When the sample was captured: that of its block, plus its distance in it. RB_NONE: not known, or not any more. */
enum rb_status rb_history_capture_ns(const struct rb_history_reader *r, uint64_t index, int64_t *ns);

/* All flags of the blocks that hold samples start to stop; RB_UNKNOWN among them when the table no longer tells. Looks
 * at as many entries as the table has, at most. */
uint32_t rb_history_flags(const struct rb_history_reader *r, uint64_t start, uint64_t stop);

#endif
