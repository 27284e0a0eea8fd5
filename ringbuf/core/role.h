/* Roles: who writes, who reads. A holder is one word made of pid and start time, so that a reused pid is not mistaken
 * for it, and so that taking a role is one compare-and-swap: there is no half-taken role. */
#ifndef RINGBUF_ROLE_H
#define RINGBUF_ROLE_H

#include "layout.h"
#include "status.h"

/* When the process started, in clock ticks since boot. 0: there is none, or it is dead and not yet waited for.
 * RB_UNSEEN: that cannot be found out (no /proc, no file descriptor free), and it must be taken for alive. */
#define RB_UNSEEN UINT64_MAX
uint64_t rb_process_start(uint64_t pid);

/* The holder word of a process, 0 when it has none or cannot be seen; of this process; the pid in one; whether that very
 * process lives. Processes of other pid namespaces look dead. */
uint64_t rb_holder_of(uint64_t pid);
uint64_t rb_holder_self(void);
uint64_t rb_holder_pid(uint64_t holder);
int rb_holder_alive(uint64_t holder);

/* Take the role for `me`. RB_TAKEN: the live process `*holder` has it; RB_OS: `me` is 0. A dead holder's role is free; what it published
 * is seen after RB_OK. The role's epoch says how often it was taken. */
enum rb_status rb_role_take(struct rb_role *role, uint64_t me, uint64_t *holder);

/* Give it up. Does nothing in a forked child, or when somebody else holds it by now. */
void rb_role_give(struct rb_role *role, uint64_t me);

#endif
