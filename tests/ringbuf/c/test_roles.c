/* Roles: one holder at a time, and a dead one holds nothing. */
#include "check.h"
#include "role.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t sleeping_child(void)
{
    const pid_t child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    CHECK(child > 0);
    return child;
}

static void end(pid_t child)
{
    SAME(kill(child, SIGKILL), 0);
    SAME(waitpid(child, NULL, 0), child);
}

TEST(holder_names_a_process)
{
    const uint64_t me = rb_holder_self();
    SAME(rb_holder_pid(me), getpid());
    SAME(me, rb_holder_of((uint64_t)getpid()));
    SAME(rb_holder_alive(me), 1);
    CHECK(rb_process_start((uint64_t)getpid()) > 0);
}

TEST(holder_that_is_nobody_is_not_alive)
{
    SAME(rb_holder_alive(0), 0);
    SAME(rb_process_start(0), 0);
    SAME(rb_process_start(UINT64_MAX), 0);
    SAME(rb_holder_alive(UINT64_MAX), 0);
    SAME(rb_holder_alive((uint64_t)getpid()), 0); /* the pid alone, without its start time */
}

TEST(holder_of_a_reused_pid_is_another)
{
    const uint64_t me = rb_holder_self(), earlier = me - (UINT64_C(1) << 22);
    SAME(rb_holder_pid(earlier), getpid());
    SAME(rb_holder_alive(earlier), 0);
}

TEST(holder_is_dead_before_it_is_waited_for)
{
    const pid_t child = sleeping_child();
    const uint64_t holder = rb_holder_of((uint64_t)child);
    SAME(rb_holder_alive(holder), 1);
    SAME(kill(child, SIGKILL), 0);
    siginfo_t info;
    SAME(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    SAME(rb_holder_alive(holder), 0); /* a zombie */
    SAME(waitpid(child, NULL, 0), child);
    SAME(rb_holder_alive(holder), 0);
}

TEST(role_has_one_holder)
{
    struct rb_role role = {0};
    const uint64_t me = rb_holder_self();
    uint64_t holder = 1;
    SAME(rb_role_take(&role, me, &holder), RB_OK);
    SAME(role.holder, me);
    SAME(role.epoch, 1);
    SAME(rb_role_take(&role, me, &holder), RB_TAKEN); /* by this very process */
    SAME(holder, me);
    SAME(role.epoch, 1);
    rb_role_give(&role, me);
    SAME(role.holder, 0);
    SAME(rb_role_take(&role, me, &holder), RB_OK);
    SAME(role.epoch, 2);
}

TEST(role_of_another_live_process_is_taken)
{
    const pid_t child = sleeping_child();
    const uint64_t theirs = rb_holder_of((uint64_t)child);
    struct rb_role role = {.holder = theirs, .epoch = 7};
    uint64_t holder = 0;
    SAME(rb_role_take(&role, rb_holder_self(), &holder), RB_TAKEN);
    SAME(holder, theirs);
    end(child);
    SAME(rb_role_take(&role, rb_holder_self(), &holder), RB_OK); /* now it is free */
    SAME(role.epoch, 8);
}

TEST(role_is_given_by_its_holder_alone)
{
    const uint64_t me = rb_holder_self();
    struct rb_role role = {.holder = me};
    rb_role_give(&role, me - (UINT64_C(1) << 22)); /* somebody earlier with this pid */
    SAME(role.holder, me);
    const pid_t child = fork();
    if (child == 0) {
        rb_role_give(&role, me); /* inherited the word, not the role */
        _exit(role.holder == me ? 0 : 1);
    }
    int status = 1;
    SAME(waitpid(child, &status, 0), child);
    SAME(status, 0);
    role.holder = me + (UINT64_C(1) << 22); /* a successor has it by now */
    rb_role_give(&role, me);
    CHECK(role.holder != 0);
}
