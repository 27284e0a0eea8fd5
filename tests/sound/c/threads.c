/* A device's thread that calls, and the audio worker's that reads and writes, for the sanitizers: bounded by work. */
#define _GNU_SOURCE
#include "ends.h"

#include <pthread.h>
#include <sched.h>

enum { CALLS = 20000 };

static void *device(void *ends)
{
    struct ends *e = ends;
    uint64_t played = 0, call = 0;
    int answers = 0;
    /* Both are told to end by the worker, after at least so many calls. */
    for (; answers != 2 * PA_COMPLETE; call++) {
        answers = device_captures(e, call) + device_plays(e, call, &played);
        if (call % 16 == 0) sched_yield();
    }
    CHECK(call > CALLS);
    return NULL;
}

int main(void)
{
    struct ends *e = ends_new();
    uint64_t heard = 0, missing = 0, given = 0, index = 0, silent = 0, marks = 0;
    pthread_t thread;
    SAME(pthread_create(&thread, NULL, device, e), 0);
    for (uint64_t turn = 0; pthread_tryjoin_np(thread, NULL) != 0; turn++) {
        struct rb_tag tag;
        uint64_t at;
        if (turn % 1000 > 10) worker_hears(e, &heard, &missing); /* at times it is slow, and the ring full */
        if (turn % 1000 < 900) worker_plays(e, &given, turn);
        while (rb_stream_acquire(&e->marks, &tag, &at) == RB_OK) {
            CHECK((uint64_t)tag.a >= index && (uint64_t)tag.deadline_ns >= silent && tag.length == 0);
            index = (uint64_t)tag.a + tag.session;
            silent = (uint64_t)tag.deadline_ns;
            marks++;
            SAME(rb_stream_release(&e->marks), RB_OK);
        }
        CHECK(atomic_load_explicit(&e->microphone.last_ns, memory_order_relaxed) <= rb_now_ns());
        const uint64_t calls = atomic_load_explicit(&e->loudspeaker.index, memory_order_relaxed);
        if (calls > (uint64_t)CALLS * (MOST_FRAMES + 1)) {
            atomic_store_explicit(&e->microphone.ending, 1, memory_order_relaxed);
            atomic_store_explicit(&e->loudspeaker.ending, 1, memory_order_relaxed);
        }
        if (turn % 16 == 0) sched_yield();
    }
    worker_hears(e, &heard, &missing);
    CHECK(heard > 0 && given > 0 && marks > 0);
    /* What found no room is what the indices left out, but for what was lost at the very end. */
    CHECK(missing + (atomic_load(&e->microphone.index) - heard) == atomic_load(&e->microphone.lost));
    uint64_t observed = 0;
    for (int i = 0; i < BUCKETS; i++) observed += atomic_load(&e->durations[i]);
    CHECK(observed > 2 * CALLS);
    puts("done");
    return 0;
}
