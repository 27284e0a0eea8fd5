/* What the functions of the core answer. */
#ifndef RINGBUF_STATUS_H
#define RINGBUF_STATUS_H

enum rb_status {
    RB_OK,
    RB_NONE, /* full, empty, nothing there (yet): normal, try again later */
    RB_CORRUPT, /* the shared bytes cannot be a ring: the handle's `why` says what is wrong with them */
    RB_TAKEN, /* a live process holds the role */
    RB_WRONG_KIND, /* a ring, but of another kind */
    RB_INVALID, /* the caller asked for what cannot be: the handle's `why` says what */
    RB_OS, /* errno says what */
};

#endif
