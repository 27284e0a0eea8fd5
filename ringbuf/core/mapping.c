/* Mapping: the pages of one segment, checked once, read-only wherever this role has nothing to write. */
#include "ring.h"

#include <sys/mman.h>
#include <sys/stat.h>

static const char *const kind_names[RB_KINDS] = {"nothing", "a stream", "a history", "a latest", "cells", "bells"};

static int map_part(Mapping *self, int fd, uint64_t at, uint64_t from, uint64_t length, int prot)
{
    if (length == 0) return 0;
    /* Populated now, so that the audio path takes no page fault later. */
    void *got = mmap(self->base + at, length, prot, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, (off_t)from);
    return got == MAP_FAILED ? -1 : 0;
}

static int map_all(Mapping *self, int fd)
{
    const struct rb_layout *l = &self->header.layout;
    const int ro = PROT_READ, rw = PROT_READ | PROT_WRITE;
    const int own = self->access == RB_WRITE ? rw : ro;
    const int data = self->writable ? rw : ro;
    /* A history's data twice in a row: every window is contiguous, whereever it begins. */
    const uint64_t image = self->header.geometry.kind == RB_HISTORY ? l->data_len : 0;

    self->exported = l->data_len + image;
    self->length = l->total + image;
    void *base = mmap(NULL, self->length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return -1;
    self->base = base;
    if (map_part(self, fd, 0, 0, l->table, ro)) return -1; /* header, writer and readers */
    if (l->writer && own == rw && map_part(self, fd, l->writer, l->writer, l->page, rw)) return -1;
    if (self->access == RB_READ && l->reader) {
        const uint64_t mine = l->reader + self->slot * l->page;
        if (map_part(self, fd, mine, mine, l->page, rw)) return -1;
    }
    if (map_part(self, fd, l->table, l->table, l->data - l->table, own)) return -1;
    if (map_part(self, fd, l->data, l->data, l->data_len, data)) return -1;
    return image ? map_part(self, fd, l->total, l->data, image, data) : 0;
}

/* Read the header through the file, not through a mapping: a file that is too short must not be a SIGBUS. */
static int read_header(Mapping *self, int fd, enum rb_kind kind)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    ssize_t n = pread(fd, &self->header, sizeof self->header, 0);
    if (n != (ssize_t)sizeof self->header) {
        rb_raise_corrupt(self, "it is too short for a header");
        return -1;
    }
    const char *wrong = rb_check_header(&self->header, (uint64_t)st.st_size);
    if (wrong) {
        rb_raise_corrupt(self, wrong);
        return -1;
    }
    if (kind && self->header.geometry.kind != kind) {
        PyErr_Format(rb_wrong_kind, "ring %s is %s, not %s; attach with the class for it", self->name,
                     kind_names[self->header.geometry.kind], kind_names[kind]);
        return -1;
    }
    return 0;
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
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Mapping *self = (Mapping *)alloc(type, 0);
    if (!self) return NULL;
    PyOS_snprintf(self->name, sizeof self->name, "%s", name);
    self->access = (enum rb_access)access;
    self->slot = slot;
    if (read_header(self, fd, (enum rb_kind)kind)) goto fail;
    const struct rb_geometry *g = &self->header.geometry;
    if (access == RB_READ && g->readers && slot >= g->readers) {
        PyErr_Format(rb_error, "ring %s has %u reader slots, there is no slot %u; create it with more", self->name,
                     g->readers, slot);
        goto fail;
    }
    if ((access == RB_SHARE) != (g->kind == RB_CELLS || g->kind == RB_BELLS) && access != RB_OBSERVE) {
        PyErr_SetString(PyExc_ValueError, "this kind is not for that access");
        goto fail;
    }
    self->writable = access == RB_WRITE || access == RB_SHARE;
    if (map_all(self, fd)) {
        PyErr_SetFromErrno(PyExc_OSError);
        goto fail;
    }
    return (PyObject *)self;
fail:
    Py_DECREF(self);
    return NULL;
}

static void mapping_dealloc(PyObject *op)
{
    Mapping *self = (Mapping *)op;
    if (self->base) munmap(self->base, self->length);
    rb_free(op);
}

static int mapping_getbuffer(PyObject *op, Py_buffer *view, int flags)
{
    Mapping *self = (Mapping *)op;
    return PyBuffer_FillInfo(view, op, rb_data(self), (Py_ssize_t)self->exported, !self->writable, flags);
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
    const int inside = view.len > 0 && low >= rb_data(self) && high <= rb_data(self) + self->exported;
    PyBuffer_Release(&view);
    return PyBool_FromLong(inside);
}

static PyObject *mapping_dtype(PyObject *op, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((Mapping *)op)->header.geometry.dtype);
}

static PyObject *mapping_name(PyObject *op, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((Mapping *)op)->name);
}

#define FIELD(name, type, field) {name, type, offsetof(Mapping, header) + offsetof(struct rb_header, field), READONLY, NULL}
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
