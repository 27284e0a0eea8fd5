/* What the binding's files share: the Mapping, what every role object begins with, and errors. Everything that orders
 * memory is in ringbuf/core; here it is only dressed up as Python objects. */
#ifndef RINGBUF_RING_H
#define RINGBUF_RING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include "../core/bell.h"
#include "../core/map.h"
#include "../core/wait.h"
#include "args.h"
#include "views.h"

/* The pages of one segment in this process. It is the base of every view: unmapped when the last one dies. */
typedef struct {
    PyObject_HEAD
    struct rb_map map;
    char name[256];
} Mapping;

/* Something a Waiter can wait on. A role keeps its own watch up to date: `at` points there until the role is closed. */
typedef struct {
    PyObject_HEAD
    Mapping *map;
    const struct rb_watch *at;
    struct rb_watch own;
    int takeable;
} Watch;

typedef struct {
    PyObject_HEAD
    Mapping *map;
    struct rb_bell *line;
    Py_ssize_t index;
    int busy; /* rb_forks while somebody waits on it: a forked child has the Bell but not the thread that waits */
} Bell;

typedef struct {
    PyObject_HEAD
    struct rb_tag tag;
    PyObject *data;
} Record;

/* What every role object begins with. */
typedef struct Ring {
    PyObject_HEAD
    Mapping *map; /* NULL once closed */
    PyObject *bells; /* keeps those alive that the handle rings */
    struct rb_role *role; /* NULL for those without one */
    uint64_t me;
    void (*leave)(struct Ring *); /* what is to be given up beside the role, NULL: nothing */
    Watch *watch;
    struct rb_views views; /* unused in cells */
} Ring;

extern int rb_forks; /* how many forks this process is away from the first, + 1; the pid would be a system call */
extern PyObject *rb_error, *rb_corrupt, *rb_wrong_kind, *rb_role_taken, *rb_no_ring;
extern PyTypeObject *rb_ring_type, *rb_mapping_type, *rb_watch_type, *rb_bell_type, *rb_record_type;
extern PyType_Spec rb_ring_spec, rb_mapping_spec, rb_watch_spec, rb_bell_spec, rb_waiter_spec, rb_record_spec,
    rb_stream_writer_spec, rb_stream_reader_spec, rb_history_writer_spec, rb_history_reader_spec, rb_latest_writer_spec,
    rb_latest_reader_spec, rb_cells_spec, rb_lease_spec;

/* ring.c: all return -1 or NULL with an exception set on failure. rb_ring_open checks the arguments that all roles have
 * and takes the role; `bells` NULL: none. */
PyObject *rb_raise_corrupt(const Mapping *map, const char *what);
int rb_ring_open(Ring *self, PyObject *mapping, enum rb_kind kind, enum rb_access access, PyObject *bells,
                 struct rb_bells *lines);
/* RoleTaken with this error's words; -1. */
int rb_raise_taken(const Mapping *map, const char *what, uint64_t holder);
int rb_raise_unseen(void);
/* For an __init__ that fails after rb_ring_open: the role is free at once, and no method finds half a ring. -1. */
int rb_ring_fail(Ring *self);
int rb_ring_watch(Ring *self, const struct rb_watch *at);
/* A payload's items are the ring's, or bytes. 0 with TypeError set: most likely an array of another dtype. */
int rb_items_fit(const Ring *self, const Py_buffer *payload);
PyObject *rb_raise_closed(void);
void rb_ring_dealloc(PyObject *self);
void rb_free(PyObject *self);
void *rb_alloc(PyTypeObject *type);

/* A capsule with the C handle of a role that is open: memory to be used, even when the ring is closed meanwhile. */
PyObject *rb_ring_handle(Ring *ring, void *handle, const char *name);
#define RB_STREAM_WRITER_HANDLE "ringbuf.stream_writer"
#define RB_STREAM_READER_HANDLE "ringbuf.stream_reader"

PyObject *rb_nothing_claimed(void);
PyObject *rb_raise_length(const Ring *self, Py_ssize_t length, uint64_t max);

/* watch.c */
Watch *rb_watch_new(Mapping *map, const struct rb_watch *at);
void rb_watch_freeze(Watch *watch);

/* mapping.c */
PyObject *rb_mapping_contains(PyObject *self, PyObject *array);

/* tag.c */
int rb_tags_init(void);
/* The tag that the keywords of a call with one positional argument name; else TypeError with `call`, how to write it. */
#define RB_COMMIT "commit(items, *, kind=0, session=0, …): the number of items is needed"
#define RB_PUT "put(payload, *, kind=0, session=0, …): one payload is needed"
int rb_parse_tag(struct rb_tag *tag, const char *call, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
Record *rb_record_new(void);

/* describe.c */
PyObject *rb_describe(PyObject *self, PyObject *unused);

/* After the arguments were parsed, which may run Python code that closes the ring: nothing of it may be touched then. */
static inline int rb_ring_is_open(const Ring *self)
{
    if (self->map) return 1;
    rb_raise_closed();
    return 0;
}

#define RB_FAST(f) ((PyCFunction)(void (*)(void))(f))

#endif
