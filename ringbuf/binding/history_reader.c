/* HistoryReader: core/history.h as a Python object. */
#include "../core/history.h"

#include "ring.h"

typedef struct {
    Ring ring;
    struct rb_bells bells; /* rung once, when it is attached */
    struct rb_history_reader reader;
    uint64_t item, max; /* bytes of a sample; samples that can be acquired at once */
    unsigned shift; /* places that share an entry of the table of views, as a power of two */
} HistoryReader;

/* Where it begins: "latest", "oldest" or a sample index. */
static int begin(struct rb_history_reader *r, PyObject *start)
{
    if (PyLong_Check(start)) {
        rb_history_seek(r, PyLong_AsUnsignedLongLongMask(start));
    } else if (PyUnicode_Check(start) && PyUnicode_CompareWithASCIIString(start, "oldest") == 0) {
        rb_history_seek(r, rb_history_oldest(r));
    } else if (!PyUnicode_Check(start) || PyUnicode_CompareWithASCIIString(start, "latest") != 0) {
        PyErr_SetString(PyExc_ValueError, "start must be \"latest\", \"oldest\" or a sample index");
        return -1;
    }
    return 0;
}

static int reader_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mapping", "bells", "arrays", "start", NULL};
    HistoryReader *self = (HistoryReader *)op;
    PyObject *mapping, *bells, *arrays, *start;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO!O", names, &mapping, &bells, &PyTuple_Type, &arrays, &start))
        return -1;
    if (rb_ring_open(&self->ring, mapping, RB_HISTORY, RB_READ, bells, &self->bells)) return -1;
    if (rb_history_reader_open(&self->reader, &self->ring.map->map) != RB_OK) {
        rb_raise_corrupt(self->ring.map, self->reader.why);
        return rb_ring_fail(&self->ring);
    }
    if (begin(&self->reader, start) || rb_views_open(&self->ring.views, arrays, self->reader.capacity))
        return rb_ring_fail(&self->ring);
    self->item = self->ring.map->map.header.geometry.item;
    self->max = rb_history_max(self->reader.capacity);
    self->shift = rb_views_shift(self->reader.capacity);
    rb_ring_sleepers(&self->bells);
    return rb_ring_watch(&self->ring, &self->reader.watch);
}

/* An index, wrapped to 64 bits: one before the beginning is then simply older than the oldest. 0 or -1. */
static int index_arg(PyObject *arg, uint64_t *out)
{
    *out = PyLong_AsUnsignedLongLongMask(arg);
    return *out == UINT64_MAX && PyErr_Occurred() ? -1 : 0;
}

/* What an acquire or a view answers: n samples from `place`, None or RingCorrupt. */
static PyObject *answer(HistoryReader *self, enum rb_status status, uint64_t place, uint64_t n)
{
    if (status == RB_OK) return rb_view_at(&self->ring.views, place >> self->shift, place * self->item, n * self->item);
    if (status == RB_NONE) Py_RETURN_NONE;
    return rb_raise_corrupt(self->ring.map, self->reader.why);
}

static PyObject *reader_acquire(PyObject *op, PyObject *arg)
{
    HistoryReader *self = (HistoryReader *)op;
    uint64_t place = 0;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    const Py_ssize_t n = rb_count_arg(arg, self->max, "samples");
    if (n < 0) return NULL;
    const enum rb_status status = rb_history_acquire(&self->reader, (uint64_t)n, &place);
    return answer(self, status, place, (uint64_t)n);
}

static PyObject *reader_release(PyObject *op, PyObject *arg)
{
    HistoryReader *self = (HistoryReader *)op;
    int whole;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    const Py_ssize_t n = rb_count_arg(arg, self->max, "samples");
    if (n < 0) return NULL;
    if (rb_history_release(&self->reader, (uint64_t)n, &whole) == RB_OK) return PyBool_FromLong(whole);
    return PyErr_Format(PyExc_ValueError, "%zd samples released, not so many are published; acquire them first", n);
}

/* start and stop, from the two arguments; 0 or -1. */
static int window_args(const HistoryReader *self, PyObject *const *args, Py_ssize_t nargs, uint64_t window[2])
{
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "start and stop are needed");
        return -1;
    }
    if (index_arg(args[0], &window[0]) || index_arg(args[1], &window[1])) return -1;
    return rb_ring_is_open(&self->ring) ? 0 : -1;
}

static PyObject *reader_view(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    HistoryReader *self = (HistoryReader *)op;
    uint64_t window[2], place = 0;
    if (window_args(self, args, nargs, window)) return NULL;
    const enum rb_status status = rb_history_view(&self->reader, window[0], window[1], &place);
    if (status != RB_INVALID) return answer(self, status, place, window[1] - window[0]);
    PyErr_SetString(PyExc_ValueError, self->reader.why);
    return NULL;
}

static PyObject *reader_holds(PyObject *op, PyObject *arg)
{
    HistoryReader *self = (HistoryReader *)op;
    uint64_t start;
    if (index_arg(arg, &start) || !rb_ring_is_open(&self->ring)) return NULL;
    return PyBool_FromLong(rb_history_holds(&self->reader, start));
}

static PyObject *reader_seek(PyObject *op, PyObject *arg)
{
    HistoryReader *self = (HistoryReader *)op;
    uint64_t index;
    if (index_arg(arg, &index) || !rb_ring_is_open(&self->ring)) return NULL;
    rb_history_seek(&self->reader, index);
    Py_RETURN_NONE;
}

static PyObject *reader_want(PyObject *op, PyObject *arg)
{
    HistoryReader *self = (HistoryReader *)op;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    const Py_ssize_t n = rb_count_arg(arg, self->max, "samples");
    if (n < 0) return NULL;
    rb_history_want(&self->reader, (uint64_t)n);
    Py_RETURN_NONE;
}

static PyObject *reader_capture_ns(PyObject *op, PyObject *arg)
{
    HistoryReader *self = (HistoryReader *)op;
    uint64_t index;
    int64_t ns;
    if (index_arg(arg, &index) || !rb_ring_is_open(&self->ring)) return NULL;
    if (rb_history_capture_ns(&self->reader, index, &ns) != RB_OK) Py_RETURN_NONE;
    return PyLong_FromLongLong(ns);
}

static PyObject *reader_flags(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    HistoryReader *self = (HistoryReader *)op;
    uint64_t window[2];
    if (window_args(self, args, nargs, window)) return NULL;
    return PyLong_FromUnsignedLong(rb_history_flags(&self->reader, window[0], window[1]));
}

static PyObject *reader_position(PyObject *op, void *unused)
{
    (void)unused;
    HistoryReader *self = (HistoryReader *)op;
    return rb_ring_is_open(&self->ring) ? PyLong_FromUnsignedLongLong(rb_history_position(&self->reader)) : NULL;
}

static PyObject *reader_oldest(PyObject *op, void *unused)
{
    (void)unused;
    HistoryReader *self = (HistoryReader *)op;
    return rb_ring_is_open(&self->ring) ? PyLong_FromUnsignedLongLong(rb_history_oldest(&self->reader)) : NULL;
}

static PyMethodDef reader_methods[] = {
    {"acquire", reader_acquire, METH_O,
     "The next n samples from the cursor, in place and read-only; None when there are not so many yet.\n\n"
     "n is at most half the ring. When the writer lapped the cursor, `lost` grows, and the oldest sample comes next."},
    {"release", reader_release, METH_O, "Step n samples on. False: they were overwritten while they were used."},
    {"view", RB_FAST(reader_view), METH_FASTCALL,
     "Samples start to stop, in place and read-only; None when they are not all there. The cursor stays."},
    {"holds", reader_holds, METH_O, "After use: nothing from `start` on has been overwritten or is being."},
    {"seek", reader_seek, METH_O, "Move the cursor to a sample index, behind or ahead of what is published."},
    {"want", reader_want, METH_O, "How many samples past the cursor wake a waiter."},
    {"capture_ns", reader_capture_ns, METH_O, "When the sample was captured; None when that is not known (any more)."},
    {"flags", RB_FAST(reader_flags), METH_FASTCALL, "All flags of the blocks that hold samples start to stop."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef reader_members[] = {
    {"watch", T_OBJECT_EX, offsetof(Ring, watch), READONLY, "What a Waiter waits on."},
    {"cursor", T_ULONGLONG, offsetof(HistoryReader, reader.cursor), READONLY, "The sample that acquire gives next."},
    {"lost", T_ULONGLONG, offsetof(HistoryReader, reader.lost), READONLY,
     "Samples skipped because the writer lapped the cursor."},
    {NULL, 0, 0, 0, NULL},
};
static PyGetSetDef reader_getset[] = {
    {"position", reader_position, NULL, "Samples published so far.", NULL},
    {"oldest", reader_oldest, NULL, "The oldest sample that is still whole.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot reader_slots[] = {
    {Py_tp_init, reader_init}, {Py_tp_dealloc, rb_ring_dealloc}, {Py_tp_methods, reader_methods},
    {Py_tp_members, reader_members}, {Py_tp_getset, reader_getset}, {0, NULL},
};
PyType_Spec rb_history_reader_spec = {"ringbuf._core.HistoryReader", sizeof(HistoryReader), 0,
                                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, reader_slots};
