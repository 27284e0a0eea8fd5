/* StreamReader: core/stream.h as a Python object. */
#include "../core/stream.h"

#include "ring.h"

#include <string.h>

typedef struct {
    Ring ring;
    struct rb_stream_reader reader;
    Record *record;
} StreamReader;

static int reader_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mapping", "bells", "arrays", "start", NULL};
    StreamReader *self = (StreamReader *)op;
    PyObject *mapping, *bells, *arrays;
    const char *start = "resume";
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO!|s", names, &mapping, &bells, &PyTuple_Type, &arrays, &start))
        return -1;
    if (rb_ring_open(&self->ring, mapping, RB_STREAM, RB_READ, bells, &self->reader.bells)) return -1;
    if (rb_stream_reader_open(&self->reader, &self->ring.map->map, strcmp(start, "latest") == 0) != RB_OK) {
        rb_raise_corrupt(self->ring.map, self->reader.why);
        return rb_ring_fail(&self->ring);
    }
    if (rb_views_open(&self->ring.views, arrays, self->reader.capacity / RB_TAG)) return rb_ring_fail(&self->ring);
    self->reader.item = self->ring.views.item;
    self->record = rb_record_new();
    return self->record && rb_ring_watch(&self->ring, &self->reader.watch) == 0 ? 0 : rb_ring_fail(&self->ring);
}

static PyObject *reader_acquire(PyObject *op, PyObject *unused)
{
    (void)unused;
    StreamReader *self = (StreamReader *)op;
    Record *record = self->record;
    uint64_t offset;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    const enum rb_status status = rb_stream_acquire(&self->reader, &record->tag, &offset);
    if (status == RB_NONE) Py_RETURN_NONE;
    if (status != RB_OK) return rb_raise_corrupt(self->ring.map, self->reader.why);
    PyObject *view = rb_view_at(&self->ring.views, offset / RB_TAG, offset, record->tag.length), *before = record->data;
    if (!view) return NULL;
    record->data = view;
    Py_XDECREF(before);
    Py_INCREF((PyObject *)record);
    return (PyObject *)record;
}

static PyObject *reader_release(PyObject *op, PyObject *unused)
{
    (void)unused;
    StreamReader *self = (StreamReader *)op;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    if (rb_stream_release(&self->reader) == RB_OK) Py_RETURN_NONE;
    PyErr_SetString(rb_error, "nothing is acquired; acquire before release");
    return NULL;
}

static void reader_dealloc(PyObject *op)
{
    Py_CLEAR(((StreamReader *)op)->record);
    rb_ring_dealloc(op);
}

static PyObject *reader_handle(PyObject *op, PyObject *unused)
{
    (void)unused;
    StreamReader *self = (StreamReader *)op;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    return rb_ring_handle(&self->ring, &self->reader, RB_STREAM_READER_HANDLE);
}

static PyMethodDef reader_methods[] = {
    {"acquire", reader_acquire, METH_NOARGS,
     "The next record, or None.\n\n"
     "It is one object, used again by every acquire, and its `data` lies in the ring: both hold until "
     "`release`. Without a release in between it is the same record again."},
    {"release", reader_release, METH_NOARGS, "Give the acquired record's space back to the writer."},
    {"handle", reader_handle, METH_NOARGS,
     "A capsule with the C handle, for a module in C that reads instead of Python: from then on that one alone uses it."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef reader_members[] = {
    {"watch", T_OBJECT_EX, offsetof(Ring, watch), READONLY, "What a Waiter waits on."},
    {"record", T_OBJECT_EX, offsetof(StreamReader, record), READONLY,
     "The one Record object, reused by every acquire."},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot reader_slots[] = {
    {Py_tp_init, reader_init}, {Py_tp_dealloc, reader_dealloc}, {Py_tp_methods, reader_methods},
    {Py_tp_members, reader_members}, {0, NULL},
};
PyType_Spec rb_stream_reader_spec = {"ringbuf._core.StreamReader", sizeof(StreamReader), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, reader_slots};
