/* Mapping: the pages of one segment, checked once, read-only wherever this role has nothing to write. */
#include "ring.h"

static const char *const kind_names[RB_KINDS] = {"nothing", "a stream", "a history", "a latest", "cells", "bells", "a lease"};

static void refuse(const Mapping *self, enum rb_status status, enum rb_kind wanted)
{
    const struct rb_geometry *g = &self->map.header.geometry;
    if (status == RB_OS) PyErr_SetFromErrno(PyExc_OSError);
    else if (status == RB_CORRUPT && self->map.header.magic == 0 && self->map.header.ready == 0)
        /* The name comes first, then the space, the header last: for a large ring that takes a while. */
        PyErr_Format(rb_no_ring, "ring %s is being made, or its creator died at it; try again, or reap it", self->name);
    else if (status == RB_CORRUPT) rb_raise_corrupt(self, self->map.why);
    else if (status == RB_WRONG_KIND)
        PyErr_Format(rb_wrong_kind, "ring %s is %s, not %s; attach with the class for it", self->name,
                     kind_names[g->kind], kind_names[wanted]);
    else if (self->map.access == RB_READ && (g->kind == RB_STREAM || g->kind == RB_HISTORY))
        PyErr_Format(rb_error, "ring %s has %u reader slots, there is no slot %u; create it with more", self->name,
                     g->readers, self->map.slot);
    else PyErr_SetString(PyExc_ValueError, self->map.why);
}

static PyObject *mapping_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    int fd, kind, access;
    const char *name;
    unsigned int slot = 0;
    if (kwargs && PyDict_Size(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Mapping takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "isii|I", &fd, &name, &kind, &access, &slot)) return NULL;
    if (kind < 0 || kind >= RB_KINDS || access < RB_OBSERVE || access > RB_SHARE) {
        PyErr_SetString(PyExc_ValueError, "unknown kind or access");
        return NULL;
    }
    Mapping *self = rb_alloc(type);
    if (!self) return NULL;
    PyOS_snprintf(self->name, sizeof self->name, "%s", name);
    const enum rb_status status = rb_map_open(&self->map, fd, (enum rb_kind)kind, (enum rb_access)access, slot);
    if (status == RB_OK) return (PyObject *)self;
    refuse(self, status, (enum rb_kind)kind);
    Py_DECREF(self);
    return NULL;
}

static void mapping_dealloc(PyObject *op)
{
    Mapping *self = (Mapping *)op;
    rb_map_close(&self->map);
    rb_free(op);
}

static int mapping_getbuffer(PyObject *op, Py_buffer *view, int flags)
{
    Mapping *self = (Mapping *)op;
    return PyBuffer_FillInfo(view, op, rb_data(&self->map), (Py_ssize_t)self->map.exported, !self->map.writable, flags);
}

PyObject *rb_mapping_contains(PyObject *op, PyObject *arg)
{
    Mapping *self = (Mapping *)op;
    Py_buffer view;
    if (PyObject_GetBuffer(arg, &view, PyBUF_STRIDED_RO)) return NULL;
    /* The lowest and highest byte that a strided array touches. */
    const char *low = view.buf, *high = low + view.itemsize;
    for (int i = 0; i < view.ndim; i++) {
        if (view.shape[i] == 0) high = low;
        const Py_ssize_t reach = view.shape[i] ? (view.shape[i] - 1) * view.strides[i] : 0;
        if (reach < 0) low += reach;
        else high += reach;
    }
    const char *data = rb_data(&self->map);
    const int inside = view.len > 0 && low >= data && high <= data + self->map.exported;
    PyBuffer_Release(&view);
    return PyBool_FromLong(inside);
}

static PyObject *mapping_dtype(PyObject *op, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((Mapping *)op)->map.header.geometry.dtype);
}

static PyObject *mapping_name(PyObject *op, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((Mapping *)op)->name);
}

#define FIELD(name, type, field) \
    {name, type, offsetof(Mapping, map.header) + offsetof(struct rb_header, field), READONLY, NULL}
static PyMemberDef mapping_members[] = {
    FIELD("size", T_ULONGLONG, layout.total),
    FIELD("capacity", T_ULONGLONG, geometry.capacity),
    FIELD("first", T_ULONGLONG, geometry.first),
    FIELD("item", T_UINT, geometry.item),
    FIELD("rate", T_UINT, geometry.rate),
    FIELD("slots", T_UINT, geometry.slots),
    {NULL, 0, 0, 0, NULL},
};
static PyGetSetDef mapping_getset[] = {
    {"dtype", mapping_dtype, NULL, NULL, NULL},
    {"name", mapping_name, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyMethodDef mapping_methods[] = {
    {"describe", rb_describe, METH_NOARGS, "Kind, geometry, positions and holders, as a dict."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot mapping_slots[] = {
    {Py_tp_new, mapping_new},
    {Py_tp_dealloc, mapping_dealloc},
    {Py_tp_members, mapping_members},
    {Py_tp_getset, mapping_getset},
    {Py_tp_methods, mapping_methods},
    {Py_bf_getbuffer, mapping_getbuffer},
    {0, NULL},
};
PyType_Spec rb_mapping_spec = {"ringbuf._core.Mapping", sizeof(Mapping), 0, Py_TPFLAGS_DEFAULT, mapping_slots};
