/* What the C files share: the Mapping, what every role object begins with, and errors. */
#ifndef RINGBUF_RING_H
#define RINGBUF_RING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include "bell.h"
#include "layout.h"

#define RB_MAX_BELLS 16

enum rb_access { RB_OBSERVE, RB_WRITE, RB_READ, RB_SHARE };

/* The pages of one segment in this process. It is the base of every view: unmapped when the last one dies. */
typedef struct {
    PyObject_HEAD
    char *base;
    size_t length; /* address space, the second image of the data included */
    size_t exported; /* bytes of data that views may cover */
    struct rb_header header; /* private and checked; the shared one is never read again */
    int writable; /* the data */
    enum rb_access access;
    uint32_t slot;
    char name[256];
} Mapping;

/* Something a Waiter can wait on: ready iff *word - mark >= need, unsigned. */
typedef struct {
    PyObject_HEAD
    Mapping *map;
    const _Atomic uint64_t *word;
    uint64_t mark, need;
    int takeable;
} Watch;

typedef struct {
    PyObject_HEAD
    Mapping *map;
    struct rb_bell *line;
    Py_ssize_t index;
    int busy;
} Bell;

typedef struct {
    PyObject_HEAD
    struct rb_tag tag;
    PyObject *data;
} Record;

/* What every role object begins with. */
typedef struct {
    PyObject_HEAD
    Mapping *map; /* NULL once closed */
    PyObject *bells;
    struct rb_bell *lines[RB_MAX_BELLS];
    int line_count;
    struct rb_role *role; /* NULL for those without one */
    uint64_t me, item;
    Watch *watch;
} Ring;

extern PyObject *rb_error, *rb_corrupt, *rb_wrong_kind, *rb_role_taken;
extern PyTypeObject *rb_mapping_type, *rb_watch_type, *rb_bell_type, *rb_record_type;
extern PyType_Spec rb_ring_spec, rb_mapping_spec, rb_watch_spec, rb_bell_spec, rb_waiter_spec, rb_record_spec, rb_stream_writer_spec,
    rb_stream_reader_spec, rb_history_writer_spec, rb_history_reader_spec, rb_latest_writer_spec,
    rb_latest_reader_spec, rb_cells_spec;

/* role.c */
uint64_t rb_process_start(uint64_t pid);
uint64_t rb_holder_of(uint64_t pid);
uint64_t rb_holder_self(void);
uint64_t rb_holder_pid(uint64_t holder);
int rb_holder_alive(uint64_t holder);
int rb_role_take(struct rb_role *role, uint64_t me, const char *name, const char *what);
void rb_role_give(struct rb_role *role, uint64_t me);

/* ring.c: all return -1 or NULL with an exception set on failure. */
void rb_raise_taken(const char *name, const char *what, uint64_t pid);
PyObject *rb_raise_corrupt(const Mapping *map, const char *what);
int rb_ring_open(Ring *self, PyObject *mapping, enum rb_kind kind, enum rb_access access, PyObject *bells, uint64_t item);
int rb_ring_is_open(const Ring *self);
int rb_ring_watch(Ring *self, const _Atomic uint64_t *word);
void rb_ring_dealloc(PyObject *self);
Py_ssize_t rb_count_arg(PyObject *arg, uint64_t max, const char *what);
void rb_free(PyObject *self);

/* mapping.c */
PyObject *rb_mapping_contains(PyObject *self, PyObject *array);

/* tag.c */
int rb_tags_init(void);
int rb_parse_tag(struct rb_tag *tag, PyObject *const *values, PyObject *kwnames);
Record *rb_record_new(void);

/* describe.c */
PyObject *rb_describe(PyObject *self, PyObject *unused);

static inline struct rb_side *rb_writer_side(const Mapping *m) { return (void *)(m->base + m->header.layout.writer); }
static inline struct rb_side *rb_reader_side(const Mapping *m, uint32_t slot)
{
    return (void *)(m->base + m->header.layout.reader + slot * m->header.layout.page);
}
static inline char *rb_data(const Mapping *m) { return m->base + m->header.layout.data; }

#define RB_FAST(f) ((PyCFunction)(void (*)(void))(f))

#endif
