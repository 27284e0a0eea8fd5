#include "role.h"

#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Linux pids have at most 22 bits; the start time is in clock ticks since boot, 42 bits last 1,400 years. */
#define PID_BITS 22
#define PID_MASK ((UINT64_C(1) << PID_BITS) - 1)

/* Field 22 of /proc/<pid>/stat. */
uint64_t rb_process_start(uint64_t pid)
{
    char path[40], text[1024];
    snprintf(path, sizeof path, "/proc/%llu/stat", (unsigned long long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT || errno == ESRCH ? 0 : RB_UNSEEN;
    ssize_t n = read(fd, text, sizeof text - 1);
    const int error = errno;
    close(fd);
    errno = error;
    if (n <= 0) return n == 0 || errno == ESRCH ? 0 : RB_UNSEEN;
    text[n] = 0;
    char *at = strrchr(text, ')'); /* the program's name may itself hold spaces and brackets */
    if (!at || at[1] != ' ' || at[2] == 'X' || at[2] == 'x') return 0;
    const int zombie = at[2] == 'Z';
    uint64_t threads = 0;
    for (int field = 2; field < 22 && at; field++) {
        at = strchr(at + 1, ' ');
        if (at && field == 19) threads = strtoull(at + 1, NULL, 10);
    }
    /* A process whose first thread has ended is a zombie already, while its others go on writing. */
    return at && (!zombie || threads > 1) ? strtoull(at + 1, NULL, 10) : 0;
}

static uint64_t word(uint64_t start, uint64_t pid) { return start << PID_BITS | (pid & PID_MASK); }

uint64_t rb_holder_of(uint64_t pid)
{
    const uint64_t start = rb_process_start(pid);
    return start == 0 || start == RB_UNSEEN ? 0 : word(start, pid);
}

uint64_t rb_holder_self(void) { return rb_holder_of((uint64_t)getpid()); }

uint64_t rb_holder_pid(uint64_t holder) { return holder & PID_MASK; }

int rb_holder_alive(uint64_t holder)
{
    const uint64_t pid = rb_holder_pid(holder);
    const uint64_t start = pid ? rb_process_start(pid) : 0;
    return start == RB_UNSEEN || (start != 0 && word(start, pid) == holder);
}

enum rb_status rb_role_take(struct rb_role *role, uint64_t me, uint64_t *holder)
{
    *holder = 0;
    if (me == 0) return RB_OS;
    *holder = atomic_load_explicit(&role->holder, memory_order_acquire);
    RB_STEP();
    do {
        if (*holder && rb_holder_alive(*holder)) return RB_TAKEN;
        /* SYNC POINT: pairs with the release in rb_role_give: what the last holder published is seen. */
    } while (!atomic_compare_exchange_strong_explicit(&role->holder, holder, me, memory_order_acq_rel,
                                                      memory_order_acquire));
    RB_STEP();
    atomic_fetch_add_explicit(&role->epoch, 1, memory_order_relaxed);
    RB_STEP();
    return RB_OK;
}

void rb_role_give(struct rb_role *role, uint64_t me)
{
    if (rb_holder_pid(me) != (uint64_t)getpid()) return;
    uint64_t expected = me;
    RB_STEP();
    /* SYNC POINT: pairs with the acquire in rb_role_take. */
    atomic_compare_exchange_strong_explicit(&role->holder, &expected, 0, memory_order_release, memory_order_relaxed);
    RB_STEP();
}
