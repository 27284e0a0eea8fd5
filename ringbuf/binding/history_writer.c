/* HistoryWriter: core/history.h as a Python object. */
#include "../core/history.h"

#include "ring.h"

typedef struct {
    Ring ring;
    struct rb_history_writer writer;
    uint64_t item, max; /* bytes of a sample; samples that can be claimed at once */
    unsigned shift; /* places that share an entry of the table of views, as a power of two */
} HistoryWriter;

static struct rb_signature commit_signature = {
    "commit(n, *, capture_ns, flags=0)", {"n", "capture_ns", "flags"}, 1, 2, {NULL}};
static struct rb_signature put_signature = {
    "put(samples, capture_ns, flags=0)", {"samples", "capture_ns", "flags"}, 3, 2, {NULL}};

static int writer_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mapping", "bells", "arrays", NULL};
    HistoryWriter *self = (HistoryWriter *)op;
    PyObject *mapping, *bells, *arrays;
    if (rb_signature_init(&commit_signature) || rb_signature_init(&put_signature)) return -1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO!", names, &mapping, &bells, &PyTuple_Type, &arrays)) return -1;
    if (rb_ring_open(&self->ring, mapping, RB_HISTORY, RB_WRITE, bells, &self->writer.bells)) return -1;
    if (rb_history_writer_open(&self->writer, &self->ring.map->map) != RB_OK) {
        rb_raise_corrupt(self->ring.map, self->writer.why);
        return rb_ring_fail(&self->ring);
    }
    if (rb_views_open(&self->ring.views, arrays, self->writer.capacity)) return rb_ring_fail(&self->ring);
    self->item = self->writer.item;
    self->max = rb_history_max(self->writer.capacity);
    self->shift = rb_views_shift(self->writer.capacity);
    return 0;
}

static PyObject *writer_claim(PyObject *op, PyObject *arg)
{
    HistoryWriter *self = (HistoryWriter *)op;
    uint64_t place;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    const Py_ssize_t n = rb_count_arg(arg, self->max, "samples");
    if (n < 0) return NULL;
    rb_history_claim(&self->writer, (uint64_t)n, &place);
    return rb_view_at(&self->ring.views, place >> self->shift, place * self->item, (uint64_t)n * self->item);
}

/* 0 without one; -1 with an exception set. */
static int64_t flags_arg(PyObject *arg)
{
    const int64_t flags = arg ? rb_int64_arg(arg) : 0;
    if (flags >= 0 && flags <= UINT32_MAX) return flags;
    if (!PyErr_Occurred()) PyErr_Format(PyExc_ValueError, "flags=%lld does not fit into 32 bits", (long long)flags);
    return -1;
}

static PyObject *writer_commit(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    HistoryWriter *self = (HistoryWriter *)op;
    PyObject *given[4] = {NULL};
    if (rb_arguments(&commit_signature, args, nargs, kwnames, given)) return NULL;
    const int64_t capture_ns = rb_int64_arg(given[1]);
    if (capture_ns == -1 && PyErr_Occurred()) return NULL;
    const int64_t flags = flags_arg(given[2]);
    if (flags < 0 || !rb_ring_is_open(&self->ring)) return NULL;
    if (!self->writer.open) return rb_nothing_claimed();
    const Py_ssize_t n = rb_count_arg(given[0], self->writer.claimed, "samples");
    if (n < 0) return NULL;
    rb_history_commit(&self->writer, (uint64_t)n, capture_ns, (uint32_t)flags);
    Py_RETURN_NONE;
}

static PyObject *writer_put(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    HistoryWriter *self = (HistoryWriter *)op;
    PyObject *given[4] = {NULL};
    Py_buffer buffer;
    if (rb_arguments(&put_signature, args, nargs, kwnames, given)) return NULL;
    const int64_t capture_ns = rb_int64_arg(given[1]);
    if (capture_ns == -1 && PyErr_Occurred()) return NULL;
    const int64_t flags = flags_arg(given[2]);
    if (flags < 0 || PyObject_GetBuffer(given[0], &buffer, PyBUF_ND)) return NULL;
    const uint64_t bytes = (uint64_t)buffer.len;
    PyObject *answer = NULL;
    if (!rb_ring_is_open(&self->ring) || !rb_items_fit(&self->ring, &buffer)) {
        /* It may have been closed by what the arguments ran. */
    } else if (bytes % self->item || bytes / self->item > self->max) {
        rb_raise_length(&self->ring, buffer.len, self->max * self->item);
    } else {
        rb_history_put(&self->writer, buffer.buf, bytes / self->item, capture_ns, (uint32_t)flags);
        answer = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&buffer);
    return answer;
}

static PyObject *writer_abort(PyObject *op, PyObject *unused)
{
    (void)unused;
    rb_history_abort(&((HistoryWriter *)op)->writer);
    Py_RETURN_NONE;
}

static PyObject *writer_scrub(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    HistoryWriter *self = (HistoryWriter *)op;
    uint64_t bounds[2];
    if (nargs != 2) {
        PyErr_Format(PyExc_TypeError, "scrub(start, stop): 2 arguments needed, %zd given", nargs);
        return NULL;
    }
    for (int i = 0; i < 2; i++) {
        bounds[i] = PyLong_AsUnsignedLongLong(args[i]);
        if (bounds[i] == UINT64_MAX && PyErr_Occurred()) return NULL;
    }
    if (!rb_ring_is_open(&self->ring)) return NULL;
    rb_history_scrub(&self->writer, bounds[0], bounds[1]);
    Py_RETURN_NONE;
}

static PyMethodDef writer_methods[] = {
    {"claim", writer_claim, METH_O,
     "The place of the next n samples, in one piece; at most half the ring.\n\n"
     "Readers are told before it returns that what lay there is going."},
    {"commit", RB_FAST(writer_commit), METH_FASTCALL | METH_KEYWORDS,
     "Publish the first n claimed samples; capture_ns is the capture time of the first of them."},
    {"put", RB_FAST(writer_put), METH_FASTCALL | METH_KEYWORDS, "Copy samples in and publish them."},
    {"abort", writer_abort, METH_NOARGS, "Give a claim up. Nothing is published."},
    {"scrub", RB_FAST(writer_scrub), METH_FASTCALL,
     "Silence samples start to stop, as far as they are still there. A reader that is using them is not told."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef writer_members[] = {
    {"position", T_ULONGLONG, offsetof(HistoryWriter, writer.position), READONLY,
     "Samples published so far; the next one's index."},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot writer_slots[] = {
    {Py_tp_init, writer_init}, {Py_tp_dealloc, rb_ring_dealloc}, {Py_tp_methods, writer_methods},
    {Py_tp_members, writer_members}, {0, NULL},
};
PyType_Spec rb_history_writer_spec = {"ringbuf._core.HistoryWriter", sizeof(HistoryWriter), 0,
                                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, writer_slots};
