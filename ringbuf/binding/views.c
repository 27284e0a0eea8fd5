#include "views.h"

#include <string.h>

int rb_views_open(struct rb_views *v, PyObject *arrays, uint64_t places)
{
    uint64_t entries = 1;
    while (entries < places && entries < RB_MAX_VIEWS) entries *= 2;
    if (!PyArg_ParseTuple(arrays, "OO:views", &v->bytes, &v->items)) {
        v->bytes = v->items = NULL;
        return -1;
    }
    Py_INCREF(v->bytes);
    Py_INCREF(v->items);
    PyObject *size = PyObject_GetAttrString(v->items, "itemsize");
    v->item = size ? PyLong_AsSize_t(size) : 0;
    Py_XDECREF(size);
    if (PyErr_Occurred()) return -1;
    if (v->item == 0) {
        PyErr_SetString(PyExc_ValueError, "items have at least one byte");
        return -1;
    }
    v->mask = entries - 1;
    v->made = PyMem_Calloc(entries, sizeof *v->made);
    if (v->made) return 0;
    PyErr_NoMemory();
    return -1;
}

void rb_views_close(struct rb_views *v)
{
    struct rb_views old = *v;
    memset(v, 0, sizeof *v); /* first: the death of a view may run Python code that comes here again */
    for (uint64_t i = 0; old.made && i <= old.mask; i++) Py_CLEAR(old.made[i].array);
    PyMem_Free(old.made);
    Py_XDECREF(old.bytes);
    Py_XDECREF(old.items);
}

static PyObject *part_of(PyObject *array, uint64_t start, uint64_t stop)
{
    PyObject *from = PyLong_FromUnsignedLongLong(start), *to = PyLong_FromUnsignedLongLong(stop);
    PyObject *slice = from && to ? PySlice_New(from, to, NULL) : NULL;
    PyObject *part = slice ? PyObject_GetItem(array, slice) : NULL;
    Py_XDECREF(from);
    Py_XDECREF(to);
    Py_XDECREF(slice);
    return part;
}

static PyObject *view_of(const struct rb_views *v, uint64_t offset, uint64_t length)
{
    const uint64_t first = offset / v->item;
    if (offset % v->item == 0) return part_of(v->items, first, first + length / v->item);
    /* A dtype whose size is no power of two. */
    PyObject *bytes = part_of(v->bytes, offset, offset + length);
    PyObject *dtype = bytes ? PyObject_GetAttrString(v->items, "dtype") : NULL;
    PyObject *view = dtype ? PyObject_CallMethod(bytes, "view", "O", dtype) : NULL;
    Py_XDECREF(bytes);
    Py_XDECREF(dtype);
    return view;
}

PyObject *rb_view_make(struct rb_views *v, uint64_t place, uint64_t offset, uint64_t length)
{
    const struct rb_views held = *v; /* a slice may start the collector, and that a finaliser that closes the ring */
    Py_INCREF(held.bytes);
    Py_INCREF(held.items);
    PyObject *view = view_of(&held, offset, length);
    Py_DECREF(held.bytes);
    Py_DECREF(held.items);
    if (!view || !v->made) return view;
    struct rb_view *e = &v->made[place & v->mask];
    PyObject *before = e->array;
    *e = (struct rb_view){offset, length, view};
    Py_INCREF(view);
    Py_XDECREF(before);
    return view;
}
