#include "callback.h"

#include <string.h>

enum { FADE = 96 }; /* frames in which sound that breaks off falls silent: 2 ms at 48 kHz, so it does not click */

static void observe(struct callback *self, int64_t ns)
{
    if (!self->durations || ns < 0) return;
    uint64_t bucket = rb_bucket(ns);
    if (bucket >= self->buckets) bucket = self->buckets - 1;
    atomic_fetch_add_explicit(&self->durations[bucket], 1, memory_order_relaxed);
}

static struct rb_tag tag_of(const struct callback *self, int64_t now, double latency, unsigned long flags)
{
    /* Some drivers report nonsense while they start. */
    const int64_t ns = latency > 0 && latency < 10 ? (int64_t)(latency * 1e9) : 0;
    return (struct rb_tag){
        .capture_ns = now,
        .a = (int64_t)atomic_load_explicit(&self->index, memory_order_relaxed),
        .b = ns,
        .flags = (uint16_t)flags,
    };
}

static void count(_Atomic uint64_t *word, uint64_t by) { atomic_fetch_add_explicit(word, by, memory_order_relaxed); }

static int done(struct callback *self, int64_t now)
{
    atomic_store_explicit(&self->last_ns, now, memory_order_relaxed);
    observe(self, rb_now_ns() - now);
    return atomic_load_explicit(&self->ending, memory_order_relaxed) ? PA_COMPLETE : PA_CONTINUE;
}

int capture_callback(const void *input, void *output, unsigned long frames, const struct pa_times *times,
                     unsigned long flags, void *state)
{
    (void)output;
    struct callback *self = state;
    const int64_t now = rb_now_ns();
    struct rb_tag tag = tag_of(self, now, times ? times->current - times->input : 0, flags);
    tag.length = (uint32_t)(frames * self->frame);
    if (flags & PA_INPUT_OVERFLOW) count(&self->xruns, 1);
    if (input && rb_stream_put(self->told, input, &tag) != RB_OK) count(&self->lost, frames);
    rb_stream_scrub(self->told); /* what was taken: nobody else may write here, and no sound shall be left */
    count(&self->index, frames);
    return done(self, now);
}

/* Copy what is there of the sound that comes next; how many bytes it was. */
static uint64_t take(struct callback *self, char *out, uint64_t wanted)
{
    uint64_t have = 0;
    while (have < wanted) {
        if (self->left == 0) {
            struct rb_tag tag;
            uint64_t at;
            if (self->from) rb_stream_release(self->sound);
            self->from = NULL;
            if (rb_stream_acquire(self->sound, &tag, &at) != RB_OK) break;
            self->from = self->sound->data + at;
            self->offset = 0;
            self->left = tag.length / self->frame * self->frame;
            continue;
        }
        const uint64_t part = self->left < wanted - have ? self->left : wanted - have;
        memcpy(out + have, self->from + self->offset, part);
        self->offset += part;
        self->left -= part;
        have += part;
    }
    return have;
}

/* Frames that are missing: the last one, fading away, then silence. */
static void fade_out(const struct callback *self, int16_t *out, uint64_t frames)
{
    const uint64_t channels = self->frame / sizeof *out;
    for (uint64_t i = 0; i < frames; i++)
        for (uint64_t c = 0; c < channels; c++)
            out[i * channels + c] = (int16_t)(i < FADE ? self->last[c] * (FADE - (int)i) / (FADE + 1) : 0);
}

int playout_callback(const void *input, void *output, unsigned long frames, const struct pa_times *times,
                     unsigned long flags, void *state)
{
    (void)input;
    struct callback *self = state;
    const int64_t now = rb_now_ns();
    struct rb_tag tag = tag_of(self, now, times ? times->output - times->current : 0, flags);
    char *out = output;
    if (flags & PA_OUTPUT_UNDERFLOW) count(&self->xruns, 1);
    const uint64_t wanted = frames * self->frame, have = take(self, out, wanted);
    if (have < wanted) {
        const uint64_t missing = (wanted - have) / self->frame;
        if (have) memcpy(self->last, out + have - self->frame, self->frame);
        fade_out(self, (int16_t *)(void *)(out + have), missing);
        memset(self->last, 0, sizeof self->last);
        count(&self->lost, missing);
    } else if (wanted) {
        memcpy(self->last, out + wanted - self->frame, self->frame);
    }
    tag.session = (uint32_t)frames;
    tag.deadline_ns = (int64_t)atomic_load_explicit(&self->lost, memory_order_relaxed);
    rb_stream_put(self->told, out, &tag); /* a mark: no payload. A full ring loses it, the next one says more */
    count(&self->index, frames);
    return done(self, now);
}
