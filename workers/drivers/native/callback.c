#include "callback.h"

#include <string.h>

enum { FADE = 96 }; /* frames in which sound that breaks off falls silent: 2 ms at 48 kHz, so it does not click */

/* The bucket of a duration, as engine/telemetry.py has it: eight for each doubling from 1 us. */
static void observe(struct side *s, int64_t ns)
{
    if (!s->durations || ns < 0) return;
    const int power = ns < 1024 ? 0 : 63 - __builtin_clzll((unsigned long long)ns);
    uint64_t bucket = power ? (uint64_t)(power - 10) * 8 + (((uint64_t)ns >> (power - 3)) & 7) : 0;
    if (bucket >= s->buckets) bucket = s->buckets - 1;
    atomic_fetch_add_explicit(&s->durations[bucket], 1, memory_order_relaxed);
}

static struct rb_tag tag_of(const struct side *s, int64_t now, double latency, unsigned long flags)
{
    /* Some drivers report nonsense while they start. */
    const int64_t ns = latency > 0 && latency < 10 ? (int64_t)(latency * 1e9) : 0;
    return (struct rb_tag){
        .capture_ns = now,
        .a = (int64_t)atomic_load_explicit(&s->index, memory_order_relaxed),
        .b = ns,
        .flags = (uint16_t)flags,
    };
}

static void count(_Atomic uint64_t *word, uint64_t by) { atomic_fetch_add_explicit(word, by, memory_order_relaxed); }

static int done(struct side *s, int64_t now)
{
    atomic_store_explicit(&s->last_ns, now, memory_order_relaxed);
    observe(s, rb_now_ns() - now);
    return atomic_load_explicit(&s->ending, memory_order_relaxed) ? PA_COMPLETE : PA_CONTINUE;
}

int capture_callback(const void *input, void *output, unsigned long frames, const struct pa_times *times,
                     unsigned long flags, void *side)
{
    (void)output;
    struct side *s = side;
    const int64_t now = rb_now_ns();
    struct rb_tag tag = tag_of(s, now, times ? times->current - times->input : 0, flags);
    tag.length = (uint32_t)(frames * s->frame);
    if (flags & PA_INPUT_OVERFLOW) count(&s->xruns, 1);
    if (input && rb_stream_put(s->told, input, &tag) != RB_OK) count(&s->lost, frames);
    count(&s->index, frames);
    return done(s, now);
}

/* Copy what is there of the sound that comes next; how many bytes it was. */
static uint64_t take(struct side *s, char *out, uint64_t wanted)
{
    uint64_t have = 0;
    while (have < wanted) {
        if (s->left == 0) {
            struct rb_tag tag;
            uint64_t at;
            if (s->from) rb_stream_release(s->sound);
            s->from = NULL;
            if (rb_stream_acquire(s->sound, &tag, &at) != RB_OK) break;
            s->from = s->sound->data + at;
            s->offset = 0;
            s->left = tag.length / s->frame * s->frame;
            continue;
        }
        const uint64_t part = s->left < wanted - have ? s->left : wanted - have;
        memcpy(out + have, s->from + s->offset, part);
        s->offset += part;
        s->left -= part;
        have += part;
    }
    return have;
}

/* Frames that are missing: the last one, fading away, then silence. */
static void fade_out(const struct side *s, int16_t *out, uint64_t frames)
{
    const uint64_t channels = s->frame / sizeof *out;
    for (uint64_t i = 0; i < frames; i++)
        for (uint64_t c = 0; c < channels; c++)
            out[i * channels + c] = (int16_t)(i < FADE ? s->last[c] * (FADE - (int)i) / (FADE + 1) : 0);
}

int playout_callback(const void *input, void *output, unsigned long frames, const struct pa_times *times,
                     unsigned long flags, void *side)
{
    (void)input;
    struct side *s = side;
    const int64_t now = rb_now_ns();
    struct rb_tag tag = tag_of(s, now, times ? times->output - times->current : 0, flags);
    char *out = output;
    if (flags & PA_OUTPUT_UNDERFLOW) count(&s->xruns, 1);
    const uint64_t wanted = frames * s->frame, have = take(s, out, wanted);
    if (have < wanted) {
        const uint64_t missing = (wanted - have) / s->frame;
        if (have) memcpy(s->last, out + have - s->frame, s->frame);
        fade_out(s, (int16_t *)(void *)(out + have), missing);
        memset(s->last, 0, sizeof s->last);
        count(&s->lost, missing);
    } else if (wanted) {
        memcpy(s->last, out + wanted - s->frame, s->frame);
    }
    tag.session = (uint32_t)frames;
    tag.deadline_ns = (int64_t)atomic_load_explicit(&s->lost, memory_order_relaxed);
    rb_stream_put(s->told, out, &tag); /* a mark: no payload. A full ring loses it, the next one says more */
    count(&s->index, frames);
    return done(s, now);
}
