/* Bell and Watch: what a Waiter is woken by, and what it waits for. */
#include "ring.h"

static PyObject *bell_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *mapping;
    Py_ssize_t index;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "O!n", rb_mapping_type, &mapping, &index)) return NULL;
    Mapping *map = (Mapping *)mapping;
    if (map->map.header.geometry.kind != RB_BELLS || map->map.access != RB_SHARE) {
        PyErr_SetString(PyExc_ValueError, "not a mapping of bells");
        return NULL;
    }
    if (index < 0 || (uint64_t)index >= map->map.header.geometry.capacity) {
        PyErr_Format(PyExc_IndexError, "bell %zd of %llu", index,
                     (unsigned long long)map->map.header.geometry.capacity);
        return NULL;
    }
    Bell *self = rb_alloc(type);
    if (!self) return NULL;
    Py_INCREF(mapping);
    self->map = map;
    self->index = index;
    self->line = (struct rb_bell *)(void *)rb_data(&map->map) + index;
    return (PyObject *)self;
}

static void bell_dealloc(PyObject *op)
{
    Py_CLEAR(((Bell *)op)->map);
    rb_free(op);
}

static PyObject *bell_ring(PyObject *op, PyObject *unused)
{
    (void)unused;
    rb_bell_ring(((Bell *)op)->line);
    Py_RETURN_NONE;
}

static PyMethodDef bell_methods[] = {
    {"ring", bell_ring, METH_NOARGS, "Wake the process that waits on this bell, so that it looks at its inputs again."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef bell_members[] = {
    {"index", T_PYSSIZET, offsetof(Bell, index), READONLY, "Which bell of its segment this is."},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot bell_slots[] = {
    {Py_tp_new, bell_new}, {Py_tp_dealloc, bell_dealloc}, {Py_tp_methods, bell_methods},
    {Py_tp_members, bell_members}, {0, NULL},
};
PyType_Spec rb_bell_spec = {"ringbuf._core.Bell", sizeof(Bell), 0, Py_TPFLAGS_DEFAULT, bell_slots};

Watch *rb_watch_new(Mapping *map, const struct rb_watch *at)
{
    Watch *self = rb_alloc(rb_watch_type);
    if (!self) return NULL;
    Py_INCREF((PyObject *)map);
    self->map = map;
    self->own = *at;
    self->at = at;
    return self;
}

/* The role that kept it up to date is going; who waits on it may go on. */
void rb_watch_freeze(Watch *watch)
{
    watch->own = *watch->at;
    watch->at = &watch->own;
}

static void watch_dealloc(PyObject *op)
{
    Py_CLEAR(((Watch *)op)->map);
    rb_free(op);
}

static PyObject *watch_ready(PyObject *op, void *unused)
{
    (void)unused;
    Watch *self = (Watch *)op;
    return PyBool_FromLong(rb_ready(self->at));
}

static PyObject *watch_take(PyObject *op, PyObject *unused)
{
    (void)unused;
    Watch *self = (Watch *)op;
    if (!self->takeable) {
        PyErr_SetString(PyExc_TypeError, "only a cell's watch can be taken; read the ring instead");
        return NULL;
    }
    self->own.mark = atomic_load_explicit(self->own.word, memory_order_acquire);
    return PyLong_FromUnsignedLongLong(self->own.mark);
}

static PyMethodDef watch_methods[] = {
    {"take", watch_take, METH_NOARGS, "The cell's value now. The watch is ready again when the cell has another one."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef watch_getset[] = {
    {"ready", watch_ready, NULL, "A wait for this would return at once.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot watch_slots[] = {
    {Py_tp_dealloc, watch_dealloc}, {Py_tp_methods, watch_methods}, {Py_tp_getset, watch_getset}, {0, NULL},
};
PyType_Spec rb_watch_spec = {"ringbuf._core.Watch", sizeof(Watch), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, watch_slots};
