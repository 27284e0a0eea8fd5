/* usage: threads stream|wait|latest|history|cells|role|lease: two threads on one mapping, for ThreadSanitizer.
 *
 * The payloads are plain memory: where an acquire or release is missing, ThreadSanitizer reports a race on them. So is
 * the mapping, as a race through two mappings of one page would not be seen. All is bounded by work, not by time.
 *
 * Left to the models: the readers of history and latest whom the writer laps, for they race on purpose, and all fences,
 * the handshake of a sleeper too, for ThreadSanitizer ignores fences. */
#include "threads.h"

#include "cells.h"
#include "check.h"
#include "history.h"
#include "latest.h"
#include "stream.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void test_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "# %s:%d: %s\n", file, line, what);
    exit(1);
}

void test_same(const char *file, int line, const char *what, uint64_t got, uint64_t wanted)
{
    if (got != wanted) test_fail(file, line, what);
}

void test_text(const char *file, int line, const char *got, const char *wanted)
{
    if (!strstr(got, wanted)) test_fail(file, line, got);
}

void together(struct segment *s, void *(*one)(void *), void *(*other)(void *))
{
    pthread_t thread;
    SAME(pthread_create(&thread, NULL, other, s), 0);
    one(s);
    SAME(pthread_join(thread, NULL), 0);
}

static void check_bytes(const char *payload, uint64_t length, uint64_t i)
{
    for (uint64_t at = 0; at < length; at++) CHECK((unsigned char)payload[at] == (i & 255));
}

/* ---- stream: records of all lengths at full speed; with bells, each end asleep whenever it has nothing to do ---- */

enum { RECORDS = 10000, SLEEPS = 1000, STREAM = 2048, RECORD_MAX = STREAM / 4 - RB_TAG };

static struct rb_bell reader_bell, writer_bell;
static int with_bells, records = RECORDS;

static void idle(const struct rb_watch *watch, struct rb_bell *bell)
{
    unsigned long long missed = 0;
    if (!with_bells) sched_yield();
    else while (rb_wait(bell, watch, 1, -1, 0, NULL, &missed) < 0) continue;
    SAME(missed, 0); /* somebody published and did not ring */
}

static int sleeps(const struct rb_bell *bell)
{
    return atomic_load_explicit(&bell->sleeping, memory_order_relaxed) != 0;
}

static uint32_t length_of(int i) { return (uint32_t)i * 37 % (RECORD_MAX + 1); }

static void *stream_writer(void *segment)
{
    const struct rb_map map = segment_map(segment, RB_WRITE, 0);
    struct rb_stream_writer w = {.bells = {.line = {&reader_bell}, .count = with_bells}};
    SAME(rb_stream_writer_open(&w, &map), RB_OK);
    for (int i = 0; i < records; i++) {
        struct rb_tag tag = {.length = length_of(i), .turn = (uint32_t)i};
        uint64_t offset;
        SAME(rb_stream_space(&w, tag.length), RB_OK);
        while (rb_stream_claim(&w, tag.length, &offset) != RB_OK) idle(&w.space, &writer_bell);
        memset(w.data + offset, i, tag.length);
        /* Now and then the reader is let to sleep, so that it is woken for certain. */
        while (with_bells && i % 64 == 0 && !sleeps(&reader_bell)) sched_yield();
        SAME(rb_stream_commit(&w, &tag), RB_OK);
        if (i % 3 == 0) SAME(rb_stream_scrub(&w), RB_OK);
    }
    return NULL;
}

static void *stream_reader(void *segment)
{
    const struct rb_map map = segment_map(segment, RB_READ, 0);
    struct rb_stream_reader r = {.bells = {.line = {&writer_bell}, .count = with_bells}};
    SAME(rb_stream_reader_open(&r, &map, 0), RB_OK);
    for (int i = 0; i < records; i++) {
        struct rb_tag tag;
        uint64_t offset;
        while (rb_stream_acquire(&r, &tag, &offset) != RB_OK) idle(&r.watch, &reader_bell);
        CHECK(tag.turn == (uint32_t)i && tag.length == length_of(i));
        check_bytes(r.data + offset, tag.length, (uint64_t)i);
        SAME(rb_stream_release(&r), RB_OK);
    }
    return NULL;
}

static void stream(void)
{
    struct segment s = stream_segment(STREAM, 0);
    together(&s, stream_writer, stream_reader);
}

/* ---- a sleeper on a bare word: what was written before it is seen by who finds it ready, woken or not ---- */

static rb_cell ball; /* odd: the server's turn is over */
static uint64_t payload;

static void *serve(void *unused)
{
    const struct rb_bells bells = {.line = {&reader_bell}, .count = 1};
    for (uint64_t i = 0; i < SLEEPS; i++) {
        while (rb_cell_load(&ball) != 2 * i) sched_yield();
        payload = i;
        while (i % 4 == 0 && !sleeps(&reader_bell)) sched_yield();
        rb_cell_store(&ball, 2 * i + 1);
        rb_ring_sleepers(&bells);
    }
    return unused;
}

static void *return_it(void *unused)
{
    for (uint64_t i = 0; i < SLEEPS; i++) {
        const struct rb_watch watch = {&ball, 2 * i, 1, 0};
        /* Every other time it looks before it would sleep. */
        if (i % 4 != 0) {
            while (!rb_ready(&watch)) sched_yield();
        }
        idle(&watch, &reader_bell);
        SAME(payload, i);
        rb_cell_store(&ball, 2 * i + 2);
    }
    return unused;
}

static void wait_and_wake(void)
{
    with_bells = 1;
    records = SLEEPS;
    stream();
    CHECK(reader_bell.seq >= SLEEPS / 64);
    together(NULL, serve, return_it);
    CHECK(reader_bell.sleeping == 0);
}

/* ---- latest and history, by a writer that waits for its reader: not a lap ---- */

enum { VALUES = 2000, SLOTS = 4, VALUE = 256, HOPS = 1000, HISTORY = 32768, HOP = 1024 };

static rb_cell read_so_far;

static void *latest_writer(void *segment)
{
    const struct rb_map map = segment_map(segment, RB_WRITE, 0);
    struct rb_latest_writer w = {0};
    SAME(rb_latest_writer_open(&w, &map), RB_OK);
    for (uint64_t k = 1; k <= VALUES; k++) {
        struct rb_tag tag = {.length = VALUE};
        uint64_t offset;
        while (k - rb_cell_load(&read_so_far) >= SLOTS) sched_yield();
        SAME(rb_latest_claim(&w, VALUE, &offset), RB_OK);
        memset(w.data + offset, (int)k, VALUE);
        SAME(rb_latest_commit(&w, &tag), RB_OK);
    }
    return NULL;
}

static void *latest_reader(void *segment)
{
    const struct rb_map map = segment_map(segment, RB_READ, 0);
    struct rb_latest_reader r = {0};
    SAME(rb_latest_reader_open(&r, &map), RB_OK);
    while (r.sequence < VALUES) {
        struct rb_tag tag;
        uint64_t offset;
        const uint64_t last = r.sequence;
        while (rb_latest_acquire(&r, &tag, &offset) != RB_OK || r.sequence == last) sched_yield();
        check_bytes(r.data + offset, tag.length, r.sequence);
        CHECK(rb_latest_check(&r));
        rb_cell_store(&read_so_far, r.sequence);
    }
    return NULL;
}

static void latest(void)
{
    struct segment s = latest_segment(VALUE, SLOTS);
    together(&s, latest_writer, latest_reader);
}

static void *history_writer(void *segment)
{
    const struct rb_map map = segment_map(segment, RB_WRITE, 0);
    struct rb_history_writer w = {0};
    SAME(rb_history_writer_open(&w, &map), RB_OK);
    for (uint64_t i = 0; i < HOPS; i++) {
        uint64_t place;
        const struct rb_side *reader = rb_reader_side(&map, 0);
        while (w.position + HOP - rb_cell_load(&reader->position) > HISTORY) sched_yield();
        SAME(rb_history_claim(&w, HOP, &place), RB_OK);
        memset(w.data + 2 * place, (int)i, 2 * HOP);
        SAME(rb_history_commit(&w, HOP, 0, 0), RB_OK);
    }
    return NULL;
}

static void *history_reader(void *segment)
{
    const struct rb_map map = segment_map(segment, RB_READ, 0);
    struct rb_history_reader r = {0};
    SAME(rb_history_reader_open(&r, &map), RB_OK);
    rb_history_seek(&r, 0);
    for (uint64_t i = 0; i < HOPS; i++) {
        uint64_t place;
        int whole = 0;
        while (rb_history_acquire(&r, HOP, &place) != RB_OK) sched_yield();
        check_bytes(rb_data(&map) + 2 * place, 2 * HOP, i);
        SAME(rb_history_release(&r, HOP, &whole), RB_OK);
        CHECK(whole && r.lost == 0);
    }
    return NULL;
}

static void history(void)
{
    struct segment s = history_segment(HISTORY, 64, 1, 0);
    together(&s, history_writer, history_reader);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } all[] = {
        {"stream", stream}, {"wait", wait_and_wake}, {"latest", latest},
        {"history", history}, {"cells", cells}, {"role", roles}, {"lease", lease},
    };
    segment_plain = 1;
    for (unsigned i = 0; argc == 2 && i < sizeof all / sizeof *all; i++) {
        if (strcmp(argv[1], all[i].name) == 0) {
            all[i].run();
            printf("done\n");
            return 0;
        }
    }
    return 2;
}
