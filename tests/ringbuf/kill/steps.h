/* Put in front of every file of a test build (-include): RB_STEP() counts down and kills the process at 0, and says
 * where. Everything is in this header, so that the build needs no file more. */
#ifndef KILL_STEPS_H
#define KILL_STEPS_H

#include "core/step.h"

#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#undef RB_STEP
#define RB_STEP() rb_step_at(__FILE__, __LINE__)

/* In memory that the test shares with the process that is killed. */
struct rb_site {
    char file[28];
    uint32_t line;
};

#define RB_SHARED __attribute__((weak, visibility("default")))

RB_SHARED struct rb_site *rb_site; /* where to write the place of the killing */
RB_SHARED int rb_countdown; /* 0: no step kills */

RB_SHARED void rb_step_at(const char *file, int line);
RB_SHARED void rb_step_at(const char *file, int line)
{
    if (rb_countdown == 0 || --rb_countdown > 0) return;
    const char *const slash = strrchr(file, '/');
    strncpy(rb_site->file, slash ? slash + 1 : file, sizeof rb_site->file - 1);
    rb_site->line = (uint32_t)line;
    /* SIGKILL; <signal.h> would bring names into files that have their own. */
    for (;;) syscall(SYS_kill, getpid(), 9);
}

#endif
