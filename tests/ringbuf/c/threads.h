/* What the two halves of `threads` share. */
#ifndef THREADS_H
#define THREADS_H

#include "segment.h"

/* Both run to their end, on the same segment. */
void together(struct segment *s, void *(*one)(void *), void *(*other)(void *));

void cells(void);
void roles(void);
void lease(void);

#endif
