/* LatestWriter: core/latest.h as a Python object. */
#include "../core/latest.h"

#include "ring.h"

typedef struct {
    Ring ring;
    struct rb_latest_writer writer;
    uint64_t item, max, claimed; /* bytes of an item; items that one value can hold; items of the claim */
} LatestWriter;

static int writer_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mapping", "bells", "arrays", NULL};
    LatestWriter *self = (LatestWriter *)op;
    PyObject *mapping, *bells, *arrays;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO!", names, &mapping, &bells, &PyTuple_Type, &arrays)) return -1;
    if (rb_ring_open(&self->ring, mapping, RB_LATEST, RB_WRITE, bells, &self->writer.bells)) return -1;
    rb_latest_writer_open(&self->writer, &self->ring.map->map);
    if (rb_views_open(&self->ring.views, arrays, self->writer.slots)) return rb_ring_fail(&self->ring);
    self->item = self->ring.views.item;
    self->max = self->writer.capacity / self->item;
    return 0;
}

static PyObject *writer_claim(PyObject *op, PyObject *arg)
{
    LatestWriter *self = (LatestWriter *)op;
    uint64_t offset;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    const Py_ssize_t items = rb_count_arg(arg, self->max, "items");
    if (items < 0) return NULL;
    const uint64_t length = (uint64_t)items * self->item;
    self->claimed = (uint64_t)items;
    rb_latest_claim(&self->writer, length, &offset);
    return rb_view_at(&self->ring.views, offset / self->writer.stride, offset, length);
}

static PyObject *writer_commit(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    LatestWriter *self = (LatestWriter *)op;
    struct rb_tag tag;
    if (rb_parse_tag(&tag, RB_COMMIT, args, nargs, kwnames) || !rb_ring_is_open(&self->ring)) return NULL;
    if (!self->writer.open) return rb_nothing_claimed();
    const Py_ssize_t items = rb_count_arg(args[0], self->claimed, "items");
    if (items < 0) return NULL;
    tag.length = (uint32_t)((uint64_t)items * self->item);
    rb_latest_commit(&self->writer, &tag);
    Py_RETURN_NONE;
}

static PyObject *writer_put(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    LatestWriter *self = (LatestWriter *)op;
    struct rb_tag tag;
    Py_buffer payload;
    if (rb_parse_tag(&tag, RB_PUT, args, nargs, kwnames)) return NULL;
    if (PyObject_GetBuffer(args[0], &payload, PyBUF_ND)) return NULL;
    const uint64_t length = (uint64_t)payload.len;
    PyObject *answer = NULL;
    if (!rb_ring_is_open(&self->ring) || !rb_items_fit(&self->ring, &payload)) {
        /* It may have been closed by what the arguments ran. */
    } else if (length > self->writer.capacity || length % self->item) {
        rb_raise_length(&self->ring, payload.len, self->writer.capacity);
    } else {
        tag.length = (uint32_t)length;
        rb_latest_put(&self->writer, payload.buf, &tag);
        answer = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&payload);
    return answer;
}

static PyObject *writer_abort(PyObject *op, PyObject *unused)
{
    (void)unused;
    rb_latest_abort(&((LatestWriter *)op)->writer);
    Py_RETURN_NONE;
}

static PyObject *writer_sequence(PyObject *op, void *unused)
{
    (void)unused;
    LatestWriter *self = (LatestWriter *)op;
    return rb_ring_is_open(&self->ring) ? PyLong_FromUnsignedLongLong(self->writer.sequence) : NULL;
}

static PyMethodDef writer_methods[] = {
    {"claim", writer_claim, METH_O, "A slot for so many items, to be written and committed."},
    {"commit", RB_FAST(writer_commit), METH_FASTCALL | METH_KEYWORDS, "Publish the first `items` of what was claimed."},
    {"put", RB_FAST(writer_put), METH_FASTCALL | METH_KEYWORDS, "Copy a value in and publish it."},
    {"abort", writer_abort, METH_NOARGS, "Give a claim up. Nothing is published."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef writer_getset[] = {
    {"sequence", writer_sequence, NULL, "How many values were published.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot writer_slots[] = {
    {Py_tp_init, writer_init}, {Py_tp_dealloc, rb_ring_dealloc}, {Py_tp_methods, writer_methods},
    {Py_tp_getset, writer_getset}, {0, NULL},
};
PyType_Spec rb_latest_writer_spec = {"ringbuf._core.LatestWriter", sizeof(LatestWriter), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, writer_slots};
