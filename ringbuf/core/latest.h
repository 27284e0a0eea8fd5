/* Latest: one value, replaced by the next, for readers that only want the newest. Publication k lies in slot k modulo
 * the number of slots, so a reader has as long as the writer needs for the other slots before its copy is disturbed.
 *
 *   writer                                        reader
 *     store_release(slot.sequence, 2k + 1)          k = load_acquire(sequence)              D
 *     fence(release)                   A            load_acquire(slot.sequence) == 2k + 2
 *     write tag and payload                         read
 *     store_release(slot.sequence, 2k + 2)  B       fence(acquire)                          E
 *     store_release(sequence, k)       C            load(slot.sequence) still 2k + 2
 *
 * C pairs with D: the slot is whole. A pairs with E: a reader that saw one new byte sees that the slot is not its own
 * any more. A writer killed before C has spoilt only a slot that nobody was told of.
 *
 * A handle belongs to one thread. Zero it, fill in `bells`, take the role (role.h; readers have none), then open.
 * Offsets are bytes into the map's data.
 */
#ifndef RINGBUF_LATEST_H
#define RINGBUF_LATEST_H

#include "bell.h"
#include "map.h"
#include "status.h"
#include "wait.h"

struct rb_latest_writer {
    struct rb_bells bells; /* rung after every commit */
    struct rb_side *side;
    char *data;
    uint64_t capacity, slots, stride; /* bytes of a value; how many slots; bytes from one to the next */
    uint64_t sequence; /* values published so far */
    uint64_t claimed; /* valid while `open` */
    int open; /* something is claimed */
    const char *why;
};

struct rb_latest_reader {
    struct rb_watch watch; /* ready iff there is a newer value than the last one taken */
    const struct rb_side *side;
    const char *data;
    uint64_t capacity, slots, stride;
    uint64_t item; /* a value of no whole number of items is refused; 1 unless set after open */
    uint64_t sequence; /* which publication was taken last, 0: none */
    const char *why;
};

/* Always RB_OK. The writer rings: its predecessor may have been killed before it could. */
enum rb_status rb_latest_writer_open(struct rb_latest_writer *w, const struct rb_map *m);
enum rb_status rb_latest_reader_open(struct rb_latest_reader *r, const struct rb_map *m);

/* ---- writer: it never waits, and is never refused for lack of space ---- */

/* A slot for `length` bytes: its payload's offset. RB_INVALID: longer than `capacity`. */
enum rb_status rb_latest_claim(struct rb_latest_writer *w, uint64_t length, uint64_t *offset);

/* Publish the first tag->length bytes of what was claimed and ring; fills in the tag's `what` and `position`.
 * RB_INVALID: nothing is claimed, or not so much; the claim stays. */
enum rb_status rb_latest_commit(struct rb_latest_writer *w, struct rb_tag *tag);

/* Give the claim up. Nothing is published. */
void rb_latest_abort(struct rb_latest_writer *w);

/* Claim, copy tag->length bytes in, commit. RB_INVALID: too long. */
enum rb_status rb_latest_put(struct rb_latest_writer *w, const void *payload, struct rb_tag *tag);

/* ---- reader: it writes nothing and is in nobody's way ---- */

/* The newest value, in place: a copy of its tag, and the payload's offset. rb_latest_check after use. RB_NONE: there is
 * none, or it was replaced as fast as it was looked at; RB_CORRUPT. Only after RB_OK does *tag mean anything. */
enum rb_status rb_latest_acquire(struct rb_latest_reader *r, struct rb_tag *tag, uint64_t *offset);

/* What the last acquire gave is still that value and nothing else. */
int rb_latest_check(const struct rb_latest_reader *r);

/* A whole copy of the newest value. Answers like rb_latest_acquire; RB_INVALID: it has tag->length bytes, more than
 * `size`. */
enum rb_status rb_latest_read(struct rb_latest_reader *r, void *buffer, uint64_t size, struct rb_tag *tag);

/* How many values were published. */
uint64_t rb_latest_sequence(const struct rb_latest_reader *r);

#endif
