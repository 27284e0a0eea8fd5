/* The two callbacks of a device, and the audio worker's ends of their three rings. */
#ifndef ENDS_H
#define ENDS_H

#include "callback.h"
#include "check.h"
#include "segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 2, FRAME = CHANNELS * sizeof(int16_t), MOST_FRAMES = 480, BUCKETS = 200 };

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

struct ends {
    struct segment segments[3]; /* capture, playout, marks */
    struct rb_map maps[6];
    struct rb_stream_writer captured, playing, marking;
    struct rb_stream_reader capture, played, marks;
    struct callback microphone, loudspeaker;
    _Atomic uint64_t durations[BUCKETS];
};

static inline void open_stream(struct ends *e, int at, uint64_t capacity, struct rb_stream_writer *w,
                               struct rb_stream_reader *r)
{
    e->segments[at] = stream_segment(capacity, 0);
    e->maps[2 * at] = segment_map(&e->segments[at], RB_WRITE, 0);
    e->maps[2 * at + 1] = segment_map(&e->segments[at], RB_READ, 0);
    SAME(rb_stream_writer_open(w, &e->maps[2 * at]), RB_OK);
    SAME(rb_stream_reader_open(r, &e->maps[2 * at + 1], 0), RB_OK);
}

static inline struct ends *ends_new(void)
{
    static struct ends ends, *const e = &ends;
    open_stream(e, 0, 1 << 15, &e->captured, &e->capture);
    open_stream(e, 1, 1 << 15, &e->playing, &e->played);
    open_stream(e, 2, 1 << 12, &e->marking, &e->marks);
    e->microphone = (struct callback){
        .told = &e->captured, .frame = FRAME, .durations = e->durations, .buckets = BUCKETS};
    e->loudspeaker = (struct callback){
        .told = &e->marking, .sound = &e->played, .frame = FRAME, .durations = e->durations, .buckets = BUCKETS};
    return e;
}

/* Frame i has i in its first channel and -i in its second, in 15 bits. */
static inline int16_t value(uint64_t i) { return (int16_t)(i % 32749); }

static inline void fill(int16_t *frames, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        frames[2 * i] = value(first + i);
        frames[2 * i + 1] = (int16_t)-value(first + i);
    }
}

/* A period of some length. */
static inline uint64_t period(uint64_t call) { return 1 + call * 37 % MOST_FRAMES; }

static inline int device_captures(struct ends *e, uint64_t call)
{
    static const struct pa_times times = {-0.01, 0, 0.02};
    int16_t frames[MOST_FRAMES * CHANNELS];
    fill(frames, atomic_load_explicit(&e->microphone.index, memory_order_relaxed), period(call));
    return capture_callback(frames, NULL, period(call), &times, call % 4, &e->microphone);
}

/* The worker takes what was captured: what is missing is told by the next index. */
static inline void worker_hears(struct ends *e, uint64_t *next, uint64_t *missing)
{
    struct rb_tag tag;
    uint64_t at;
    while (rb_stream_acquire(&e->capture, &tag, &at) == RB_OK) {
        const int16_t *frames = (const void *)(e->capture.data + at);
        CHECK(tag.length % FRAME == 0 && (uint64_t)tag.a >= *next && tag.b == 10000000);
        *missing += (uint64_t)tag.a - *next;
        *next = (uint64_t)tag.a + tag.length / FRAME;
        for (uint64_t i = 0; i < tag.length / FRAME; i++)
            CHECK(frames[2 * i] == value((uint64_t)tag.a + i) && frames[2 * i + 1] == -frames[2 * i]);
        SAME(rb_stream_release(&e->capture), RB_OK);
    }
}

/* The worker gives what there is room for, from frame `next` on. Frame 0 is the value 1, so that silence is another. */
static inline void worker_plays(struct ends *e, uint64_t *next, uint64_t call)
{
    int16_t frames[MOST_FRAMES * CHANNELS];
    const uint64_t count = period(call * 11);
    struct rb_tag tag = {.length = (uint32_t)(count * FRAME)};
    for (uint64_t i = 0; i < count; i++) {
        frames[2 * i] = (int16_t)(1 + (*next + i) % 32000);
        frames[2 * i + 1] = (int16_t)-frames[2 * i];
    }
    if (rb_stream_put(&e->playing, frames, &tag) == RB_OK) *next += count;
}

/* What the device was given: each frame in its turn, and where there is none, one that fades, then silence. */
static inline int device_plays(struct ends *e, uint64_t call, uint64_t *next)
{
    static const struct pa_times times = {-0.01, 0, 0.02};
    int16_t frames[MOST_FRAMES * CHANNELS];
    const uint64_t before = atomic_load_explicit(&e->loudspeaker.lost, memory_order_relaxed);
    memset(frames, 77, sizeof frames);
    const int answer = playout_callback(NULL, frames, period(call), &times, call % 8, &e->loudspeaker);
    const uint64_t lost = atomic_load_explicit(&e->loudspeaker.lost, memory_order_relaxed) - before;
    CHECK(lost <= period(call));
    for (uint64_t i = 0; i < period(call); i++) {
        if (i < period(call) - lost) {
            CHECK(frames[2 * i] == (int16_t)(1 + *next % 32000));
            ++*next;
        }
        CHECK(frames[2 * i + 1] == -frames[2 * i]);
        if (i >= period(call) - lost + 96) SAME(frames[2 * i], 0);
    }
    return answer;
}

#endif
