/* Bells and waiting. How long anything takes is never looked at: a wait that should end and does not is ended by the
 * runner's alarm, and one that should time out has a deadline of its own. */
#include "check.h"
#include "segment.h"
#include "stream.h"
#include "wait.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define NEVER (-1)

/* A word that is ready when it is not 0. */
#define WATCH(word) ((struct rb_watch){&(word), 0, 1, 0})

static unsigned long long missed;

TEST(wait_is_over_at_once_when_something_is_ready)
{
    struct rb_bell bell = {0};
    _Atomic uint64_t words[3] = {0, 0, 1};
    const struct rb_watch watches[] = {WATCH(words[0]), WATCH(words[1]), WATCH(words[2])};
    SAME(rb_wait(&bell, watches, 3, NEVER, 0, NULL, &missed), 1);
    SAME(rb_wait(&bell, watches, 3, 0, 0, NULL, &missed), 1); /* ready goes before the deadline */
    SAME(bell.sleeping, 0);
    SAME(missed, 0);
}

TEST(wait_is_over_at_once_when_the_deadline_is_past)
{
    struct rb_bell bell = {0};
    _Atomic uint64_t word = 0;
    const struct rb_watch watch = WATCH(word);
    SAME(rb_wait(&bell, &watch, 1, 0, 0, NULL, &missed), 0);
    SAME(rb_wait(&bell, &watch, 1, rb_now_ns() - SECOND, 10 * SECOND, NULL, &missed), 0);
    SAME(rb_wait(&bell, NULL, 0, rb_now_ns(), 0, NULL, &missed), 0);
    SAME(bell.sleeping, 0);
}

TEST(wait_ends_at_its_deadline_asleep_and_awake)
{
    struct rb_bell bell = {0};
    _Atomic uint64_t word = 0;
    const struct rb_watch watch = WATCH(word);
    for (int spin = 0; spin < 2; spin++) {
        const int64_t deadline = rb_now_ns() + 20000000;
        SAME(rb_wait(&bell, &watch, 1, deadline, spin * SECOND, NULL, &missed), 0);
        CHECK(rb_now_ns() >= deadline);
        SAME(bell.sleeping, 0);
    }
    SAME(missed, 0);
}

TEST(watch_is_ready_by_distance_not_by_number)
{
    _Atomic uint64_t word = 5;
    SAME(rb_ready(&(struct rb_watch){&word, 0 - UINT64_C(5), 10, 0}), 1);
    SAME(rb_ready(&(struct rb_watch){&word, 0 - UINT64_C(5), 11, 0}), 0);
    SAME(rb_ready(&(struct rb_watch){&word, 5, 0, 0}), 1);
    SAME(rb_ready(&(struct rb_watch){&word, 5, 1, 0}), 0);
    SAME(rb_ready(&(struct rb_watch){&word, 6, UINT64_MAX, 0}), 1); /* "any other value": one less is furthest */
}

TEST(bare_ring_ends_a_wait_only_for_who_asks)
{
    struct rb_bell bell = {0};
    uint32_t seen = 0;
    SAME(rb_wait(&bell, NULL, 0, 0, 0, &seen, &missed), 0);
    rb_bell_ring(&bell);
    SAME(bell.seq, 1); /* counted although nobody slept */
    SAME(rb_wait(&bell, NULL, 0, NEVER, 0, &seen, &missed), 1);
    seen = 1;
    SAME(rb_wait(&bell, NULL, 0, 0, 0, &seen, &missed), 0);
    SAME(rb_wait(&bell, NULL, 0, 0, 0, NULL, &missed), 0);
}

TEST(bells_are_rung_only_for_who_sleeps)
{
    struct rb_bell bells[3] = {{.sleeping = 1}, {0}, {.sleeping = 1}};
    const struct rb_bells all = {.line = {&bells[0], &bells[1], &bells[2]}, .count = 3};
    rb_ring_sleepers(&all);
    CHECK(bells[0].seq == 1 && bells[1].seq == 0 && bells[2].seq == 1);
    CHECK(bells[0].sleeping == 1); /* only the sleeper itself clears it */
}

TEST(who_has_patience_is_rung_when_it_is_over_and_by_all_others)
{
    struct rb_bell bell = {.sleeping = 1, .patient = 7, .upto = 100};
    const struct rb_bells all = {.line = {&bell}, .count = 1};
    rb_ring_impatient(&all, 7, 99);
    SAME(bell.seq, 0);
    rb_ring_impatient(&all, 7, 100);
    SAME(bell.seq, 1);
    rb_ring_impatient(&all, 8, 5); /* another ring */
    SAME(bell.seq, 2);
    rb_ring_sleepers(&all);
    SAME(bell.seq, 3);
    rb_bell_ring(&bell);
    SAME(bell.seq, 4);
    atomic_store(&bell.upto, 10); /* positions wrap */
    rb_ring_impatient(&all, 7, UINT64_MAX - 5);
    SAME(bell.seq, 4);
    rb_ring_impatient(&all, 7, 11);
    SAME(bell.seq, 5);
    atomic_store(&bell.patient, 0);
    rb_ring_impatient(&all, 0, 1); /* no ring is called 0 */
    SAME(bell.seq, 6);
}

TEST(wait_says_with_which_ring_it_has_patience_and_until_when)
{
    struct rb_bell bell = {.patient = 3, .upto = 3};
    _Atomic uint64_t word = 50, cell = 0;
    const struct rb_watch watches[] = {WATCH(cell), {&word, 40, 60, 7}, {&word, 40, 60, 8}};
    SAME(rb_wait(&bell, watches, 2, rb_now_ns() + 1000000, 0, NULL, &missed), 0);
    CHECK(bell.patient == 7 && bell.upto == 100);
    SAME(rb_wait(&bell, watches, 3, rb_now_ns() + 1000000, 0, NULL, &missed), 0);
    SAME(bell.patient, 0); /* with two of them it has none */
    SAME(rb_wait(&bell, watches, 2, rb_now_ns() + 1000000, 0, NULL, &missed), 0);
    SAME(rb_wait(&bell, watches, 1, rb_now_ns() + 1000000, 0, NULL, &missed), 0);
    SAME(bell.patient, 0);
    SAME(missed, 0);
}

TEST(bell_number_goes_over_32_bits)
{
    struct rb_bell bell = {.seq = UINT32_MAX, .sleeping = 1};
    const struct rb_bells all = {.line = {&bell}, .count = 1};
    uint32_t seen = UINT32_MAX;
    rb_ring_sleepers(&all);
    SAME(bell.seq, 0);
    SAME(rb_wait(&bell, NULL, 0, NEVER, 0, &seen, &missed), 1);
}

TEST(sleep_ends_at_once_when_the_bell_was_rung_before)
{
    struct rb_bell bell = {.seq = 8};
    SAME(rb_bell_sleep(&bell, 7, NEVER), EAGAIN);
    SAME(rb_bell_sleep(&bell, 8, rb_now_ns() + 1000000), ETIMEDOUT);
}

/* ---- two threads ---- */

struct pair {
    struct rb_bell bell;
    _Atomic uint64_t word;
    int quietly; /* publish, but ring nobody: as a producer killed in between */
};

static void until_asleep(const struct rb_bell *bell)
{
    while (!atomic_load(&bell->sleeping)) usleep(1000);
    usleep(20000); /* most likely in the system call by now; right either way */
}

static void *publish(void *arg)
{
    struct pair *p = arg;
    const struct rb_bells bells = {.line = {&p->bell}, .count = 1};
    until_asleep(&p->bell);
    atomic_store_explicit(&p->word, 1, memory_order_release);
    if (!p->quietly) rb_ring_sleepers(&bells);
    return NULL;
}

/* Wait as a caller does, over the looks once a second. */
static int wait_until(struct pair *p, int64_t deadline)
{
    const struct rb_watch watch = WATCH(p->word);
    for (;;) {
        const int outcome = rb_wait(&p->bell, &watch, 1, deadline, 0, NULL, &missed);
        if (outcome >= 0) return outcome;
    }
}

static int wait_for(struct pair *p, void *(*other)(void *))
{
    pthread_t thread;
    SAME(pthread_create(&thread, NULL, other, p), 0);
    const int outcome = wait_until(p, NEVER);
    SAME(pthread_join(thread, NULL), 0);
    return outcome;
}

TEST(sleeper_is_woken_by_who_publishes)
{
    struct pair p = {.bell = {0}};
    SAME(wait_for(&p, publish), 1);
    CHECK(p.bell.seq >= 1);
    SAME(p.bell.sleeping, 0);
    SAME(missed, 0);
}

TEST(sleeper_finds_by_itself_what_a_killed_producer_published)
{
    struct pair p = {.quietly = 1};
    SAME(wait_for(&p, publish), 1);
    SAME(p.bell.seq, 0);
    SAME(missed, 1); /* and it is counted */
}

static void *ring_twice(void *arg)
{
    struct pair *p = arg;
    until_asleep(&p->bell);
    rb_bell_ring(&p->bell); /* nothing is published: the sleeper goes back to sleep */
    while (!atomic_load(&p->bell.sleeping)) usleep(1000);
    return publish(p);
}

TEST(sleeper_sleeps_on_when_it_is_woken_for_nothing)
{
    struct pair p = {.bell = {0}};
    SAME(wait_for(&p, ring_twice), 1);
    SAME(missed, 0);
}

TEST(stale_sleeping_of_a_killed_waiter_costs_one_ring_and_is_cleared_by_the_next)
{
    struct pair p = {.bell = {.sleeping = 1}};
    const struct rb_bells bells = {.line = {&p.bell}, .count = 1};
    rb_ring_sleepers(&bells);
    SAME(p.bell.seq, 1);
    SAME(wait_until(&p, rb_now_ns() + 200000000), 0); /* long enough to sleep, however slow: under emulation, too */
    SAME(p.bell.sleeping, 0);
    rb_ring_sleepers(&bells);
    SAME(p.bell.seq, 1);
}

/* ---- a ring from one end to the other, each of them asleep again and again ---- */

enum { CAPACITY = 1024, RECORDS = 2000 };

struct stream {
    struct rb_map write_map, read_map;
    struct rb_bell bells[2]; /* the reader's, the writer's */
    unsigned long long missed[2];
};

static void *write_all(void *arg)
{
    struct stream *s = arg;
    struct rb_stream_writer w = {.bells = {.line = {&s->bells[0]}, .count = 1}};
    SAME(rb_stream_writer_open(&w, &s->write_map), RB_OK);
    for (uint64_t i = 0; i < RECORDS; i++) {
        struct rb_tag tag = {.length = (uint32_t)sizeof i, .turn = (uint32_t)i};
        SAME(rb_stream_space(&w, sizeof i), RB_OK);
        while (!rb_ready(&w.space)) (void)rb_wait(&s->bells[1], &w.space, 1, NEVER, 0, NULL, &s->missed[1]);
        SAME(rb_stream_put(&w, &i, &tag), RB_OK);
    }
    return NULL;
}

TEST(full_and_empty_ends_wake_each_other)
{
    struct segment segment = stream_segment(CAPACITY, 0);
    struct stream s = {.write_map = segment_map(&segment, RB_WRITE, 0), .read_map = segment_map(&segment, RB_READ, 0)};
    struct rb_stream_reader r = {.bells = {.line = {&s.bells[1]}, .count = 1}};
    pthread_t thread;
    SAME(rb_stream_reader_open(&r, &s.read_map, 0), RB_OK);
    SAME(pthread_create(&thread, NULL, write_all, &s), 0);
    for (uint64_t i = 0; i < RECORDS; i++) {
        struct rb_tag tag;
        uint64_t offset;
        while (!rb_ready(&r.watch)) (void)rb_wait(&s.bells[0], &r.watch, 1, NEVER, 0, NULL, &s.missed[0]);
        SAME(rb_stream_acquire(&r, &tag, &offset), RB_OK);
        SAME(memcmp(r.data + offset, &i, sizeof i), 0);
        SAME(rb_stream_release(&r), RB_OK);
    }
    SAME(pthread_join(thread, NULL), 0);
    SAME(s.missed[0] + s.missed[1], 0);
}
