/* The fuzzer's world: one segment, the roles that are tested, each with a mapping of its own made by rb_map_open, and
 * an enemy who owns every shared byte and may change it between two calls and in the middle of one (at any RB_STEP).
 *
 * An input is a row of 8-byte operations, so that a mutation of one leaves the others what they are. Its first operation
 * chooses the geometry. As long as nothing was written over, what comes out must be what went in (each target keeps a
 * plain model); from then on it must only be legal: bytes inside the data, whole items, or a status that says so.
 *
 * What must not be touched faults: guard pages around every mapping, and whatever the core has no business with is
 * poisoned (the shared header, the rest of the pages of positions, other readers' pages, what follows the data).
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "core/history.h"
#include "core/latest.h"
#include "core/layout.h"
#include "core/map.h"
#include "core/role.h"
#include "core/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define must(condition, what)                                                                                         \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #condition);                                  \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

struct op {
    uint8_t code, pick;
    uint16_t small;
    uint32_t large;
};
_Static_assert(sizeof(struct op) == 8, "an operation has 8 bytes");

struct segment {
    struct rb_geometry geometry;
    struct rb_layout layout;
    int fd;
    char *bytes; /* the enemy's mapping: all of it, writable */
    struct rb_map writer, reader[3];
    int readers;
    int damaged; /* something was written over since the last reset: the model says nothing any more */
};

/* A segment of this geometry, mapped by writer and readers. Made once and used again: see segment_reset. */
struct segment *segment_of(const struct rb_geometry *g);

/* As it was when created, with this first position. */
void segment_reset(struct segment *s, uint64_t first);

/* Where the enemy strikes: a place named by the target, or any byte of it. */
struct place {
    uint64_t offset;
    unsigned width;
};

/* Write a hostile number there: small, near `base`, near a power of two, or anything. */
void segment_poke(struct segment *s, struct place at, const struct op *op, uint64_t base);

/* The same, at the n-th RB_STEP from now, which is in the middle of some call. */
void segment_poke_later(struct segment *s, struct place at, const struct op *op, uint64_t base);

/* Whether one is still to come; forget it. */
int steps_armed(void);
void steps_disarm(void);

static inline struct rb_side *writer_words(const struct segment *s) { return (void *)(s->bytes + s->layout.writer); }
static inline struct rb_side *reader_words(const struct segment *s, uint32_t slot)
{
    return (void *)(s->bytes + s->layout.reader + slot * s->layout.page);
}
static inline uint64_t offset_in(const struct segment *s, const void *at)
{
    return (uint64_t)((const char *)at - s->bytes);
}
static inline uint64_t word(const _Atomic uint64_t *at) { return atomic_load_explicit(at, memory_order_relaxed); }

/* The n bytes that stand for what number `from` and its followers are: every byte differs from its neighbours. */
void fill(void *at, uint64_t from, uint64_t n);
/* Whether they are those, reading every one of them. */
int filled(const void *at, uint64_t from, uint64_t n);
/* Read them all, to have a wrong address seen. */
void touch(const void *at, uint64_t n);

/* Mappings that rb_map_open made and rb_map_close has not yet taken away. */
int mappings(void);

void fuzz_header(const struct op *ops, size_t n);
void fuzz_stream(const struct op *ops, size_t n);
void fuzz_history(const struct op *ops, size_t n);
void fuzz_latest(const struct op *ops, size_t n);

#endif
