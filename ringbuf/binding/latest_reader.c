/* LatestReader: core/latest.h as a Python object. */
#include "../core/latest.h"

#include "ring.h"

#define TRIES 16

typedef struct {
    Ring ring;
    struct rb_latest_reader reader;
    Record *record;
} LatestReader;

static int reader_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mapping", "arrays", NULL};
    LatestReader *self = (LatestReader *)op;
    PyObject *mapping, *arrays;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO!", names, &mapping, &PyTuple_Type, &arrays)) return -1;
    if (rb_ring_open(&self->ring, mapping, RB_LATEST, RB_READ, NULL, NULL)) return -1;
    rb_latest_reader_open(&self->reader, &self->ring.map->map);
    if (rb_views_open(&self->ring.views, arrays, self->reader.slots)) return rb_ring_fail(&self->ring);
    self->reader.item = self->ring.views.item;
    self->record = rb_record_new();
    return self->record && rb_ring_watch(&self->ring, &self->reader.watch) == 0 ? 0 : rb_ring_fail(&self->ring);
}

static enum rb_status acquire(LatestReader *self, uint64_t *offset)
{
    struct rb_tag tag;
    const enum rb_status status = rb_latest_acquire(&self->reader, &tag, offset);
    if (status == RB_OK) self->record->tag = tag;
    if (status == RB_CORRUPT) rb_raise_corrupt(self->ring.map, self->reader.why);
    return status;
}

static PyObject *reader_read(PyObject *op, PyObject *unused)
{
    (void)unused;
    LatestReader *self = (LatestReader *)op;
    uint64_t offset;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    const struct rb_latest_reader before = self->reader;
    for (int tries = 0; tries < TRIES; tries++) {
        const enum rb_status status = acquire(self, &offset);
        if (status == RB_NONE) break;
        if (status != RB_OK) return NULL;
        PyObject *copy = PyBytes_FromStringAndSize(self->reader.data + offset, (Py_ssize_t)self->record->tag.length);
        if (!copy || rb_latest_check(&self->reader)) return copy;
        Py_DECREF(copy);
    }
    self->reader = before; /* nothing was read */
    Py_RETURN_NONE;
}

static PyObject *reader_acquire(PyObject *op, PyObject *unused)
{
    (void)unused;
    LatestReader *self = (LatestReader *)op;
    uint64_t offset;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    const enum rb_status status = acquire(self, &offset);
    if (status == RB_OK)
        return rb_view_at(&self->ring.views, offset / self->reader.stride, offset, self->record->tag.length);
    if (status == RB_NONE) Py_RETURN_NONE;
    return NULL;
}

static PyObject *reader_check(PyObject *op, PyObject *unused)
{
    (void)unused;
    LatestReader *self = (LatestReader *)op;
    return rb_ring_is_open(&self->ring) ? PyBool_FromLong(rb_latest_check(&self->reader)) : NULL;
}

static PyObject *reader_sequence(PyObject *op, void *unused)
{
    (void)unused;
    LatestReader *self = (LatestReader *)op;
    return rb_ring_is_open(&self->ring) ? PyLong_FromUnsignedLongLong(rb_latest_sequence(&self->reader)) : NULL;
}

static PyObject *reader_fresh(PyObject *op, void *unused)
{
    (void)unused;
    LatestReader *self = (LatestReader *)op;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    return PyBool_FromLong(rb_latest_sequence(&self->reader) != self->reader.sequence);
}

static void reader_dealloc(PyObject *op)
{
    Py_CLEAR(((LatestReader *)op)->record);
    rb_ring_dealloc(op);
}

static PyMethodDef reader_methods[] = {
    {"read", reader_read, METH_NOARGS, "A whole copy of the newest value; None when there is none."},
    {"acquire", reader_acquire, METH_NOARGS,
     "The newest value in place, read-only; None when there is none. `check()` after use."},
    {"check", reader_check, METH_NOARGS, "After use: what acquire gave is still that value and nothing else."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef reader_members[] = {
    {"watch", T_OBJECT_EX, offsetof(Ring, watch), READONLY, "What a Waiter waits on."},
    {"record", T_OBJECT_EX, offsetof(LatestReader, record), READONLY, "The tag of what was last read."},
    {NULL, 0, 0, 0, NULL},
};
static PyGetSetDef reader_getset[] = {
    {"sequence", reader_sequence, NULL, "How many values were published.", NULL},
    {"fresh", reader_fresh, NULL, "There is something newer than what was last read.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot reader_slots[] = {
    {Py_tp_init, reader_init}, {Py_tp_dealloc, reader_dealloc}, {Py_tp_methods, reader_methods},
    {Py_tp_members, reader_members}, {Py_tp_getset, reader_getset}, {0, NULL},
};
PyType_Spec rb_latest_reader_spec = {"ringbuf._core.LatestReader", sizeof(LatestReader), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, reader_slots};
