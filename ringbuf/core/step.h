/* Crash points. RB_STEP() stands before, after and between the stores of every operation that another process can see.
 * A test build (-DRB_STEPS) gives rb_step, which kills the process at the n-th of them; elsewhere they are nothing. */
#ifndef RINGBUF_STEP_H
#define RINGBUF_STEP_H

#ifdef RB_STEPS
void rb_step(void);
#define RB_STEP() rb_step()
#else
#define RB_STEP() ((void)0)
#endif

#endif
