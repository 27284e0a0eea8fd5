/* Cells: core/cells.h as a Python object. */
#include "../core/cells.h"
#include "../core/histogram.h"

#include "ring.h"

typedef struct {
    Ring ring;
    rb_cell *words;
    uint64_t count;
    int writable;
} Cells;

static int cells_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mapping", "writable", NULL};
    Cells *c = (Cells *)op;
    PyObject *mapping;
    int writable;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Op", names, &mapping, &writable)) return -1;
    if (rb_ring_open(&c->ring, mapping, RB_CELLS, writable ? RB_SHARE : RB_OBSERVE, NULL, NULL)) return -1;
    c->words = rb_cells(&c->ring.map->map);
    c->count = c->ring.map->map.header.geometry.capacity;
    c->writable = writable;
    return 0;
}

static rb_cell *cell(PyObject *op, PyObject *arg, int writing)
{
    Cells *c = (Cells *)op;
    if (!rb_ring_is_open(&c->ring)) return NULL;
    const Py_ssize_t i = PyLong_AsSsize_t(arg);
    if (i == -1 && PyErr_Occurred()) return NULL;
    if (i < 0 || (uint64_t)i >= c->count) {
        PyErr_Format(PyExc_IndexError, "cell %zd of %llu", i, (unsigned long long)c->count);
        return NULL;
    }
    if (writing && !c->writable) {
        PyErr_Format(rb_error, "cells %s were attached read-only; attach with writable=True", c->ring.map->name);
        return NULL;
    }
    return &c->words[i];
}

/* The cell args[0] and `n - 1` values after it, or NULL. */
static rb_cell *arguments(PyObject *op, PyObject *const *args, Py_ssize_t nargs, Py_ssize_t n, uint64_t *values)
{
    if (nargs != n) {
        PyErr_Format(PyExc_TypeError, "%zd arguments needed, %zd given", n, nargs);
        return NULL;
    }
    for (Py_ssize_t i = 1; i < n; i++) {
        values[i - 1] = PyLong_AsUnsignedLongLong(args[i]);
        if (values[i - 1] == UINT64_MAX && PyErr_Occurred()) return NULL;
    }
    return cell(op, args[0], 1);
}

static PyObject *cells_load(PyObject *op, PyObject *arg)
{
    const rb_cell *word = cell(op, arg, 0);
    return word ? PyLong_FromUnsignedLongLong(rb_cell_load(word)) : NULL;
}

static PyObject *cells_store(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    uint64_t value;
    rb_cell *word = arguments(op, args, nargs, 2, &value);
    if (!word) return NULL;
    rb_cell_store(word, value);
    Py_RETURN_NONE;
}

static PyObject *cells_add(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "add(i, d)");
        return NULL;
    }
    const uint64_t d = PyLong_AsUnsignedLongLongMask(args[1]); /* below 0 subtracts */
    if (d == UINT64_MAX && PyErr_Occurred()) return NULL;
    rb_cell *word = cell(op, args[0], 1);
    if (!word) return NULL;
    return PyLong_FromUnsignedLongLong(rb_cell_add(word, d));
}

static PyObject *cells_observe(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "observe(i, n)");
        return NULL;
    }
    int beyond;
    const long long fits = PyLong_AsLongLongAndOverflow(args[1], &beyond);
    if (fits == -1 && PyErr_Occurred()) return NULL;
    rb_cell *words = cell(op, args[0], 1);
    if (!words) return NULL;
    const Cells *c = (Cells *)op;
    if (c->count - (uint64_t)(words - c->words) < RB_BUCKETS) {
        PyErr_Format(PyExc_IndexError, "a histogram of %d cells at cell %zd of %llu", RB_BUCKETS,
                     (Py_ssize_t)(words - c->words), (unsigned long long)c->count);
        return NULL;
    }
    rb_cell_add(words + rb_bucket(beyond > 0 ? INT64_MAX : beyond < 0 ? INT64_MIN : fits), 1);
    Py_RETURN_NONE;
}

static PyObject *cells_cas(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    uint64_t values[2];
    rb_cell *word = arguments(op, args, nargs, 3, values);
    if (!word) return NULL;
    return PyBool_FromLong(rb_cell_cas(word, values[0], values[1]));
}

static PyObject *cells_maximum(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    uint64_t value;
    rb_cell *word = arguments(op, args, nargs, 2, &value);
    if (!word) return NULL;
    return PyLong_FromUnsignedLongLong(rb_cell_maximum(word, value));
}

static PyObject *cells_watch(PyObject *op, PyObject *arg)
{
    const rb_cell *word = cell(op, arg, 0);
    if (!word) return NULL;
    const struct rb_watch now = {word, rb_cell_load(word), 1, 0};
    /* Every call makes a watch of its own: several cells may be watched. */
    Watch *watch = rb_watch_new(((Ring *)op)->map, &now);
    if (!watch) return NULL;
    rb_watch_freeze(watch);
    watch->takeable = 1;
    return (PyObject *)watch;
}

static PyObject *cells_count(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((Cells *)op)->count);
}

static PyMethodDef cells_methods[] = {
    {"load", cells_load, METH_O, "The cell's value."},
    {"store", RB_FAST(cells_store), METH_FASTCALL, "Set the cell."},
    {"add", RB_FAST(cells_add), METH_FASTCALL, "Add, modulo 2^64; d may be negative. Returns the new value."},
    {"observe", RB_FAST(cells_observe), METH_FASTCALL, "Count n in the histogram that begins with the cell."},
    {"cas", RB_FAST(cells_cas), METH_FASTCALL, "Set the cell to `new` if it is `expected`; whether it was."},
    {"maximum", RB_FAST(cells_maximum), METH_FASTCALL, "Raise the cell to at least v. Returns the new value."},
    {"watch", cells_watch, METH_O, "What to wait on until the cell has another value than now; take() looks again."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef cells_getset[] = {
    {"count", cells_count, NULL, "How many cells there are.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot cells_slots[] = {
    {Py_tp_init, cells_init}, {Py_tp_dealloc, rb_ring_dealloc}, {Py_tp_methods, cells_methods},
    {Py_tp_getset, cells_getset}, {0, NULL},
};
PyType_Spec rb_cells_spec = {"ringbuf._core.Cells", sizeof(Cells), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                             cells_slots};
