/* StreamWriter: core/stream.h as a Python object. */
#include "../core/stream.h"

#include "ring.h"

typedef struct {
    Ring ring;
    struct rb_stream_writer writer;
    uint64_t item, max, claimed; /* bytes of an item; items that one record can hold; items of the claim */
} StreamWriter;

static int writer_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mapping", "bells", "arrays", NULL};
    StreamWriter *self = (StreamWriter *)op;
    PyObject *mapping, *bells, *arrays;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO!", names, &mapping, &bells, &PyTuple_Type, &arrays)) return -1;
    if (rb_ring_open(&self->ring, mapping, RB_STREAM, RB_WRITE, bells, &self->writer.bells)) return -1;
    if (rb_stream_writer_open(&self->writer, &self->ring.map->map) != RB_OK) {
        rb_raise_corrupt(self->ring.map, self->writer.why);
        return rb_ring_fail(&self->ring);
    }
    if (rb_views_open(&self->ring.views, arrays, self->writer.capacity / RB_TAG)) return rb_ring_fail(&self->ring);
    self->item = self->ring.views.item;
    self->max = rb_stream_max(&self->writer) / self->item;
    return 0;
}

static PyObject *writer_claim(PyObject *op, PyObject *arg)
{
    StreamWriter *self = (StreamWriter *)op;
    uint64_t offset;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    const Py_ssize_t items = rb_count_arg(arg, self->max, "items");
    if (items < 0) return NULL;
    const uint64_t length = (uint64_t)items * self->item;
    self->claimed = (uint64_t)items;
    switch (rb_stream_claim(&self->writer, length, &offset)) {
    case RB_OK: return rb_view_at(&self->ring.views, offset / RB_TAG, offset, length);
    case RB_NONE: Py_RETURN_NONE;
    default: return rb_raise_corrupt(self->ring.map, self->writer.why);
    }
}

static PyObject *writer_commit(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    StreamWriter *self = (StreamWriter *)op;
    struct rb_tag tag;
    if (rb_parse_tag(&tag, RB_COMMIT, args, nargs, kwnames) || !rb_ring_is_open(&self->ring)) return NULL;
    if (!self->writer.open) return rb_nothing_claimed();
    const Py_ssize_t items = rb_count_arg(args[0], self->claimed, "items");
    if (items < 0) return NULL;
    tag.length = (uint32_t)((uint64_t)items * self->item);
    rb_stream_commit(&self->writer, &tag);
    Py_RETURN_NONE;
}

static PyObject *writer_abort(PyObject *op, PyObject *unused)
{
    (void)unused;
    rb_stream_abort(&((StreamWriter *)op)->writer);
    Py_RETURN_NONE;
}

static PyObject *writer_scrub(PyObject *op, PyObject *unused)
{
    (void)unused;
    StreamWriter *self = (StreamWriter *)op;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    if (rb_stream_scrub(&self->writer) != RB_OK) return rb_raise_corrupt(self->ring.map, self->writer.why);
    Py_RETURN_NONE;
}

static PyObject *writer_put(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    StreamWriter *self = (StreamWriter *)op;
    struct rb_tag tag;
    Py_buffer payload;
    if (rb_parse_tag(&tag, RB_PUT, args, nargs, kwnames)) return NULL;
    if (PyObject_GetBuffer(args[0], &payload, PyBUF_ND)) return NULL;
    const uint64_t length = (uint64_t)payload.len, max = rb_stream_max(&self->writer);
    PyObject *answer = NULL;
    if (!rb_ring_is_open(&self->ring) || !rb_items_fit(&self->ring, &payload)) {
        /* It may have been closed by what the arguments ran. */
    } else if (length > max || length % self->item) {
        rb_raise_length(&self->ring, payload.len, max);
    } else {
        tag.length = (uint32_t)length;
        const enum rb_status status = rb_stream_put(&self->writer, payload.buf, &tag);
        answer = status == RB_CORRUPT ? rb_raise_corrupt(self->ring.map, self->writer.why)
                                      : PyBool_FromLong(status == RB_OK);
    }
    PyBuffer_Release(&payload);
    return answer;
}

static PyObject *writer_space(PyObject *op, PyObject *arg)
{
    StreamWriter *self = (StreamWriter *)op;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    const Py_ssize_t items = rb_count_arg(arg, self->max, "items");
    if (items < 0) return NULL;
    rb_stream_space(&self->writer, (uint64_t)items * self->item);
    if (!self->ring.watch && rb_ring_watch(&self->ring, &self->writer.space)) return NULL;
    return Py_NewRef((PyObject *)self->ring.watch);
}

static PyObject *writer_full_count(PyObject *op, void *unused)
{
    (void)unused;
    StreamWriter *self = (StreamWriter *)op;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    return PyLong_FromUnsignedLongLong(atomic_load_explicit(&self->writer.side->count, memory_order_relaxed));
}

static PyObject *writer_max_items(PyObject *op, void *unused)
{
    (void)unused;
    StreamWriter *self = (StreamWriter *)op;
    return rb_ring_is_open(&self->ring) ? PyLong_FromUnsignedLongLong(self->max) : NULL;
}

static PyObject *writer_handle(PyObject *op, PyObject *unused)
{
    (void)unused;
    StreamWriter *self = (StreamWriter *)op;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    return rb_ring_handle(&self->ring, &self->writer, RB_STREAM_WRITER_HANDLE);
}

static PyMethodDef writer_methods[] = {
    {"claim", writer_claim, METH_O,
     "Space for so many items, to be written and committed; None when the ring is full.\n\n"
     "A claim replaces the one before it. After the commit the view must not be written any more."},
    {"commit", RB_FAST(writer_commit), METH_FASTCALL | METH_KEYWORDS,
     "Publish the first `items` of what was claimed, with its tag, and wake the reader."},
    {"abort", writer_abort, METH_NOARGS, "Give a claim up. Nothing was published, nothing is to be undone."},
    {"scrub", writer_scrub, METH_NOARGS,
     "Overwrite what the reader has given back. What it still has to read stays, and what is claimed."},
    {"put", RB_FAST(writer_put), METH_FASTCALL | METH_KEYWORDS,
     "Copy a payload in and publish it. False when the ring is full."},
    {"space", writer_space, METH_O,
     "What to wait on until so many items can be claimed; it follows the writer.\n\n"
     "There is one for each writer: the last call counts."},
    {"handle", writer_handle, METH_NOARGS,
     "A capsule with the C handle, for a module in C that writes instead of Python: from then on that one alone uses it."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef writer_getset[] = {
    {"full_count", writer_full_count, NULL, "How often claim or put found the ring full, since it was created.", NULL},
    {"max_items", writer_max_items, NULL, "The most items one record can hold.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot writer_slots[] = {
    {Py_tp_init, writer_init}, {Py_tp_dealloc, rb_ring_dealloc}, {Py_tp_methods, writer_methods},
    {Py_tp_getset, writer_getset}, {0, NULL},
};
PyType_Spec rb_stream_writer_spec = {"ringbuf._core.StreamWriter", sizeof(StreamWriter), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, writer_slots};
