/* The callbacks of a sound device: what runs in the device's own thread, once a period.
 *
 * Each is bounded: one pass over the period's frames, and at the microphone one over those that were taken since the
 * last call, to overwrite them; no system call but the clock and, when the audio worker sleeps, the one that wakes it.
 * Nothing is allocated, locked, logged or waited for, and no Python is near.
 *
 *   capture   device → records of frames (a stream ring) → the audio worker
 *   playout   the audio worker → records of frames → device; and a mark for each period → the audio worker
 *
 * A record's tag says: a, the index of its first frame since the device was opened (frames that found the ring full are
 * counted, so the next index tells of them); capture_ns, when the callback ran; b, the latency in ns that the library
 * reports for the first frame; flags, the library's own, which is where a device's xruns stand. A mark's session is how
 * many frames the call was for, and its deadline_ns how many frames of silence there were so far, this call's included.
 */
#ifndef DRIVERS_CALLBACK_H
#define DRIVERS_CALLBACK_H

#include "../../../ringbuf/core/histogram.h"
#include "../../../ringbuf/core/stream.h"

/* PortAudio's, as in portaudio.h: part of its ABI since V19. Repeated here so that nothing but the C library is needed
 * to build this. */
struct pa_times {
    double input, current, output; /* s */
};
enum { PA_CONTINUE = 0, PA_COMPLETE = 1, PA_INPUT_OVERFLOW = 2, PA_OUTPUT_UNDERFLOW = 4 };
typedef int pa_callback(const void *input, void *output, unsigned long frames, const struct pa_times *times,
                        unsigned long flags, void *state);

/* What the callback of one side of a device works on: its own, but for the atomics. */
struct callback {
    struct rb_stream_writer *told; /* what the callback writes: sound (capture) or marks (playout) */
    struct rb_stream_reader *sound; /* playout: what is to be played */
    uint64_t frame; /* bytes of a frame: int16 samples, one for each channel */
    uint64_t offset, left; /* playout: where in the acquired record it is, and how much is left of it, in bytes */
    const char *from; /* playout: the acquired record's payload */
    int16_t last[64]; /* playout: the last frame, from which silence fades */
    _Atomic uint64_t index; /* frames so far */
    _Atomic uint64_t lost; /* frames: found no room (capture), or were not there in time (playout) */
    _Atomic uint64_t xruns; /* calls before which the device itself lost sound: it was not served in time */
    _Atomic int64_t last_ns; /* when it was called last; 0 before that */
    _Atomic int ending; /* set to let the device stop calling */
    _Atomic uint64_t *durations; /* a histogram of how long it took (engine/telemetry.py), or NULL */
    uint64_t buckets;
};

pa_callback capture_callback, playout_callback;

#endif
