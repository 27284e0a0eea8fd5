/* Leases: who holds, who waits, who is let in next, and what becomes of the dead. How long anything takes is never
 * looked at; what should end and does not is ended by the runner's alarm. */
#include "check.h"
#include "lease.h"
#include "role.h"
#include "segment.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LATER (rb_now_ns() + INT64_C(60000000000))
#define NOW 0

enum { SLOTS = 5 };

/* A lease of `units`, with all of its slots taken by this process. */
struct all {
    struct rb_map map;
    struct rb_lease in[SLOTS];
};

static struct all lease_of(uint32_t units)
{
    struct all all;
    struct segment s = segment_new((struct rb_geometry){.kind = RB_LEASE, .item = 1, .slots = SLOTS, .capacity = units});
    uint64_t holder;
    all.map = segment_map(&s, RB_SHARE, 0);
    for (int i = 0; i < SLOTS; i++) SAME(rb_lease_open(&all.in[i], &all.map, i, &holder), RB_OK);
    return all;
}

static uint64_t word(const struct all *all) { return atomic_load(&all->in[0].word->word); }
static uint32_t holders(const struct all *all) { return rb_lease_holders(word(all)); }
static uint32_t waiters(const struct all *all) { return rb_lease_waiters(word(all)); }

TEST(lease_is_held_by_as_many_as_may_and_no_more)
{
    struct all all = lease_of(2);
    SAME(rb_lease_join(&all.in[0], 10, LATER), RB_OK);
    SAME(rb_lease_join(&all.in[1], 10, LATER), RB_OK);
    SAME(rb_lease_join(&all.in[2], 1, LATER), RB_TAKEN);
    SAME(holders(&all), 3);
    SAME(waiters(&all), 4);
    rb_lease_give(&all.in[0]);
    SAME(holders(&all), 6);
    SAME(waiters(&all), 0);
    SAME(rb_lease_wait(&all.in[2], LATER), RB_OK); /* at once: it was let in */
    SAME(all.in[2].mine->waits, 1);
    SAME(all.in[2].mine->overdrafts, 0);
}

TEST(lease_goes_to_whoever_is_due_first)
{
    struct all all = lease_of(1);
    const int64_t due[SLOTS] = {0, 30, 10, RB_NEVER_DUE, 20};
    const int order[] = {2, 4, 1, 3};
    SAME(rb_lease_join(&all.in[0], due[0], LATER), RB_OK);
    for (int i = 1; i < SLOTS; i++) SAME(rb_lease_join(&all.in[i], due[i], LATER), RB_TAKEN);
    rb_lease_give(&all.in[0]);
    for (int i = 0; i < SLOTS - 1; i++) {
        SAME(holders(&all), 1u << order[i]);
        SAME(rb_lease_wait(&all.in[order[i]], LATER), RB_OK);
        rb_lease_give(&all.in[order[i]]);
    }
    SAME(holders(&all) | waiters(&all), 0);
}

TEST(lease_is_given_between_equals_by_their_slots)
{
    struct all all = lease_of(1);
    SAME(rb_lease_join(&all.in[3], 5, LATER), RB_OK);
    SAME(rb_lease_join(&all.in[2], 5, LATER), RB_TAKEN);
    SAME(rb_lease_join(&all.in[1], 5, LATER), RB_TAKEN);
    SAME(rb_lease_wanted(&all.in[3]), 0); /* nobody is due earlier */
    rb_lease_give(&all.in[3]);
    SAME(holders(&all), 2);
}

TEST(lease_is_not_waited_for_longer_than_there_is_time)
{
    struct all all = lease_of(1);
    SAME(rb_lease_join(&all.in[0], 10, LATER), RB_OK);
    SAME(rb_lease_take(&all.in[1], 5, NOW), RB_NONE); /* does not even join */
    SAME(rb_lease_take(&all.in[2], 7, rb_now_ns() + 1000000), RB_NONE);
    SAME(holders(&all), 7);
    SAME(waiters(&all), 0);
    SAME(all.in[1].mine->overdrafts + all.in[2].mine->overdrafts, 2);
    SAME(all.in[1].mine->waits, 0);
    SAME(all.in[2].mine->waits, 1);
}

TEST(lease_that_is_overdrawn_lets_nobody_in_before_enough_have_gone)
{
    struct all all = lease_of(1);
    SAME(rb_lease_join(&all.in[0], 10, LATER), RB_OK);
    SAME(rb_lease_take(&all.in[1], 5, NOW), RB_NONE);
    SAME(rb_lease_join(&all.in[2], 1, LATER), RB_TAKEN);
    rb_lease_give(&all.in[0]);
    SAME(holders(&all), 2);
    SAME(waiters(&all), 4);
    rb_lease_give(&all.in[1]);
    SAME(holders(&all), 4);
}

TEST(lease_is_wanted_by_those_due_earlier_and_only_then)
{
    struct all all = lease_of(2);
    SAME(rb_lease_join(&all.in[0], 10, LATER), RB_OK);
    SAME(rb_lease_join(&all.in[1], 20, LATER), RB_OK);
    SAME(rb_lease_wanted(&all.in[0]) + rb_lease_wanted(&all.in[1]), 0);
    SAME(rb_lease_join(&all.in[2], 30, LATER), RB_TAKEN);
    SAME(rb_lease_wanted(&all.in[0]) + rb_lease_wanted(&all.in[1]), 0);
    SAME(rb_lease_join(&all.in[3], 15, LATER), RB_TAKEN);
    SAME(rb_lease_wanted(&all.in[0]), 0); /* only one is due before it, and two may hold it */
    SAME(rb_lease_wanted(&all.in[1]), 1);
    SAME(rb_lease_next(&all.in[1], 12), 0); /* what it does next is more urgent */
    SAME(rb_lease_take(&all.in[4], 1, NOW), RB_NONE); /* one holds it beyond what is there */
    SAME(rb_lease_wanted(&all.in[0]), 0);
    SAME(rb_lease_wanted(&all.in[1]), 1);
    SAME(rb_lease_wanted(&all.in[4]), 0);
}

TEST(lease_makes_way_and_comes_back)
{
    struct all all = lease_of(1);
    SAME(rb_lease_join(&all.in[0], 10, LATER), RB_OK);
    SAME(rb_lease_turn(&all.in[0], 10, LATER), RB_OK);
    SAME(all.in[0].mine->takes, 1); /* nobody wanted it: it was kept */
    SAME(rb_lease_join(&all.in[1], 5, LATER), RB_TAKEN);
    SAME(rb_lease_turn(&all.in[0], 10, NOW), RB_NONE); /* it made way, and may not wait */
    SAME(holders(&all), 3);
    SAME(rb_lease_wait(&all.in[1], LATER), RB_OK);
}

TEST(lease_is_not_taken_twice)
{
    struct all all = lease_of(2);
    SAME(rb_lease_join(&all.in[0], 1, LATER), RB_OK);
    SAME(rb_lease_join(&all.in[0], 1, LATER), RB_INVALID);
    rb_lease_give(&all.in[0]);
    SAME(holders(&all), 0);
}

TEST(lease_number_of_changes_wraps)
{
    struct all all = lease_of(1);
    atomic_store(&all.in[0].word->word, UINT64_C(0xffffffff) << 32);
    SAME(rb_lease_join(&all.in[0], 1, LATER), RB_OK);
    SAME(word(&all), 1);
}

/* ---- the dead ---- */

/* A child that takes part in a slot and is killed in it. */
static void die_in(struct all *all, int slot, int64_t due, int64_t until)
{
    uint64_t holder;
    rb_lease_close(&all->in[slot]);
    const pid_t child = fork();
    if (child == 0) {
        struct rb_lease lease;
        SAME(rb_lease_open(&lease, &all->map, slot, &holder), RB_OK);
        (void)rb_lease_join(&lease, due, until);
        kill(getpid(), SIGKILL);
    }
    int status;
    SAME(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
}

TEST_MAPPED(lease_of_a_dead_holder_is_free_as_soon_as_somebody_reaps)
{
    struct all all = lease_of(1);
    struct rb_lease warden;
    uint64_t holder;
    die_in(&all, 1, 1, LATER);
    SAME(holders(&all), 2);
    SAME(rb_lease_join(&all.in[0], 10, LATER), RB_TAKEN);
    SAME(rb_lease_open(&warden, &all.map, -1, &holder), RB_OK);
    rb_lease_reap(&warden);
    SAME(holders(&all), 1);
    SAME(rb_lease_wait(&all.in[0], LATER), RB_OK);
}

TEST_MAPPED(lease_of_a_dead_holder_is_found_by_a_waiter)
{
    struct all all = lease_of(1);
    die_in(&all, 1, 1, LATER);
    SAME(rb_lease_take(&all.in[0], 10, LATER), RB_OK);
}

TEST_MAPPED(lease_is_not_left_with_a_dead_waiter)
{
    struct all all = lease_of(1);
    SAME(rb_lease_join(&all.in[0], 10, LATER), RB_OK);
    die_in(&all, 1, 1, LATER);
    SAME(waiters(&all), 2);
    rb_lease_give(&all.in[0]);
    SAME(holders(&all), 2); /* it was let in all the same */
    SAME(rb_lease_take(&all.in[2], 10, LATER), RB_OK);
    SAME(holders(&all), 4);
}

TEST_MAPPED(lease_of_a_successor_is_its_own)
{
    struct all all = lease_of(1);
    uint64_t holder;
    die_in(&all, 1, 1, LATER);
    SAME(rb_lease_join(&all.in[0], 10, LATER), RB_TAKEN);
    SAME(rb_lease_open(&all.in[1], &all.map, 1, &holder), RB_OK); /* clears what was left, and lets the next one in */
    SAME(holders(&all), 1);
    rb_lease_reap(&all.in[0]);
    SAME(holders(&all), 1);
    SAME(rb_lease_wait(&all.in[0], LATER), RB_OK);
}

TEST(lease_slot_of_a_live_process_is_its_own)
{
    struct all all = lease_of(1);
    struct rb_lease other;
    uint64_t holder = 0;
    SAME(rb_lease_open(&other, &all.map, 3, &holder), RB_TAKEN);
    SAME(rb_holder_pid(holder), getpid());
    SAME(rb_lease_open(&other, &all.map, SLOTS, &holder), RB_INVALID);
    rb_lease_close(&all.in[3]);
    SAME(rb_lease_open(&other, &all.map, 3, &holder), RB_OK);
}

TEST(lease_is_given_up_with_its_slot)
{
    struct all all = lease_of(1);
    SAME(rb_lease_join(&all.in[0], 10, LATER), RB_OK);
    SAME(rb_lease_join(&all.in[1], 10, LATER), RB_TAKEN);
    rb_lease_close(&all.in[0]);
    SAME(holders(&all), 2);
}

TEST_MAPPED(lease_of_a_parent_stays_when_a_child_closes)
{
    struct all all = lease_of(1);
    SAME(rb_lease_join(&all.in[0], 10, LATER), RB_OK);
    const pid_t child = fork();
    if (child == 0) {
        rb_lease_close(&all.in[0]);
        _exit(0);
    }
    SAME(waitpid(child, NULL, 0), child);
    SAME(holders(&all), 1);
}

TEST(lease_survives_a_word_that_nobody_wrote)
{
    struct all all = lease_of(1);
    atomic_store(&all.in[0].word->word, UINT64_MAX);
    SAME(rb_lease_take(&all.in[0], 10, rb_now_ns() + 1000000), RB_OK); /* the word says so */
    rb_lease_give(&all.in[0]);
    atomic_store(&all.in[0].word->word, 0xffe0);
    SAME(rb_lease_take(&all.in[1], 10, rb_now_ns() + 1000000), RB_NONE);
    rb_lease_reap(&all.in[2]);
}

/* ---- two threads ---- */

static void *wait_in_turn(void *arg)
{
    struct rb_lease *l = arg;
    SAME(rb_lease_take(l, 5, LATER), RB_OK);
    rb_lease_give(l);
    return NULL;
}

TEST(lease_wakes_who_sleeps_for_it)
{
    struct all all = lease_of(1);
    pthread_t thread;
    for (int i = 0; i < 20; i++) {
        SAME(rb_lease_join(&all.in[0], 10, LATER), RB_OK);
        SAME(pthread_create(&thread, NULL, wait_in_turn, &all.in[1]), 0);
        while (!atomic_load(&all.in[1].mine->bell.sleeping)) usleep(100);
        SAME(rb_lease_turn(&all.in[0], 10, LATER), RB_OK);
        rb_lease_give(&all.in[0]);
        SAME(pthread_join(thread, NULL), 0);
    }
    SAME(all.in[0].missed + all.in[1].missed, 0);
}
