/* Threads that meet in one word. Cells: a lock by compare-and-swap, a message by store, a meeting by add, a mark by
 * maximum. Roles: a lock that only its holder opens. A lease: a lock that is handed on, asleep and awake. */
#include "threads.h"

#include "cells.h"
#include "check.h"
#include "lease.h"
#include "role.h"

#include <sched.h>

enum { ROUNDS = 300, TAKES = 300 };

static rb_cell lock, meeting, mark;
static uint64_t guarded, seat[2], marked;

static void meet(uint64_t me)
{
    for (uint64_t i = 0; i < ROUNDS; i++) {
        while (!rb_cell_cas(&lock, 0, 1)) sched_yield();
        guarded++;
        rb_cell_store(&lock, 0);
        seat[me] = i;
        /* Who comes last reads what the other wrote, then opens the next round. */
        const uint64_t round = 3 * i;
        if (rb_cell_add(&meeting, 1) == round + 2) {
            SAME(seat[0] + seat[1], 2 * i);
            rb_cell_add(&meeting, 1);
        } else {
            while (rb_cell_load(&meeting) < round + 3) sched_yield();
        }
        if (me == 0) {
            marked = i;
            rb_cell_maximum(&mark, 2 * i + 1);
        } else {
            while (rb_cell_load(&mark) < 2 * i + 1) sched_yield();
            SAME(marked, i);
        }
    }
}

static void *meet_first(void *unused) { return meet(0), unused; }
static void *meet_second(void *unused) { return meet(1), unused; }

void cells(void)
{
    together(NULL, meet_first, meet_second);
    SAME(guarded, 2 * ROUNDS);
}

static struct rb_role role;

static void *take_turns(void *unused)
{
    const uint64_t me = rb_holder_self();
    uint64_t holder;
    for (int i = 0; i < TAKES; i++) {
        while (rb_role_take(&role, me, &holder) != RB_OK) sched_yield();
        guarded++;
        rb_role_give(&role, me);
    }
    return unused;
}

void roles(void)
{
    together(NULL, take_turns, take_turns);
    SAME(guarded, 2 * TAKES);
    SAME(role.epoch, 2 * TAKES);
}

enum { TURNS = 2000 };

static void *compute_in_turns(struct rb_lease *lease, int64_t due)
{
    const int64_t never = rb_now_ns() + INT64_C(60000000000);
    for (int i = 0; i < TURNS; i++) {
        SAME(rb_lease_take(lease, due + i, never), RB_OK);
        guarded++;
        SAME(rb_lease_turn(lease, due + i + TURNS, never), RB_OK);
        guarded++;
        rb_lease_give(lease);
    }
    return NULL;
}

static struct rb_lease leases[2];

static void *compute_first(void *unused) { return (void)unused, compute_in_turns(&leases[0], 0); }
static void *compute_second(void *unused) { return (void)unused, compute_in_turns(&leases[1], TURNS / 2); }

void lease(void)
{
    struct segment s = segment_new((struct rb_geometry){.kind = RB_LEASE, .item = 1, .slots = 2, .capacity = 1});
    const struct rb_map map = segment_map(&s, RB_SHARE, 0);
    uint64_t holder;
    for (int i = 0; i < 2; i++) SAME(rb_lease_open(&leases[i], &map, i, &holder), RB_OK);
    together(NULL, compute_first, compute_second);
    SAME(guarded, 4 * TURNS);
}
