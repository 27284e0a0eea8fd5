/* What every role object does alike: open, close, name itself, raise. */
#include "ring.h"

PyObject *rb_error, *rb_corrupt, *rb_wrong_kind, *rb_role_taken;

void rb_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

void rb_raise_taken(const char *name, const char *what, uint64_t pid)
{
    PyObject *error = PyObject_CallFunction(rb_role_taken, "ssK", name, what, (unsigned long long)pid);
    if (!error) return;
    PyErr_SetObject(rb_role_taken, error);
    Py_DECREF(error);
}

PyObject *rb_raise_corrupt(const Mapping *map, const char *what)
{
    return PyErr_Format(rb_corrupt, "ring %s is damaged: %s; have its creator make it anew", map->name, what);
}

Py_ssize_t rb_count_arg(PyObject *arg, uint64_t max, const char *what)
{
    const Py_ssize_t n = PyLong_AsSsize_t(arg);
    if (n == -1 && PyErr_Occurred()) return -1;
    if (n < 0 || (uint64_t)n > max) {
        PyErr_Format(PyExc_ValueError, "%zd %s asked for, this ring takes 0 to %llu at a time", n, what,
                     (unsigned long long)max);
        return -1;
    }
    return n;
}

int rb_ring_is_open(const Ring *self)
{
    if (self->map) return 1;
    PyErr_SetString(rb_error, "the ring is closed; attach to it again");
    return 0;
}

static int take_bells(Ring *self, PyObject *bells)
{
    self->bells = PySequence_Tuple(bells);
    if (!self->bells) return -1;
    const Py_ssize_t n = PyTuple_Size(self->bells);
    if (n > RB_MAX_BELLS) {
        PyErr_Format(PyExc_ValueError, "%zd bells, at most %d can be rung", n, RB_MAX_BELLS);
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *bell = PyTuple_GetItem(self->bells, i);
        if (!PyObject_TypeCheck(bell, rb_bell_type)) {
            PyErr_SetString(PyExc_TypeError, "bells must be Bell objects, as in bells=(Bells(name)[0],)");
            return -1;
        }
        self->lines[i] = ((Bell *)bell)->line;
    }
    self->line_count = (int)n;
    return 0;
}

int rb_ring_open(Ring *self, PyObject *mapping, enum rb_kind kind, enum rb_access access, PyObject *bells, uint64_t item)
{
    if (!PyObject_TypeCheck(mapping, rb_mapping_type)) {
        PyErr_SetString(PyExc_TypeError, "a Mapping is needed");
        return -1;
    }
    Mapping *map = (Mapping *)mapping;
    if (self->map || map->header.geometry.kind != kind || map->access != access) {
        PyErr_SetString(PyExc_ValueError, "opened twice, or with a mapping for another role");
        return -1;
    }
    if (take_bells(self, bells)) return -1;
    struct rb_role *role = NULL;
    if (access == RB_WRITE) role = &rb_writer_side(map)->role;
    else if (access == RB_READ && map->header.layout.reader) role = &rb_reader_side(map, map->slot)->role;
    self->me = rb_holder_self();
    if (role) {
        char what[32];
        if (access == RB_WRITE) PyOS_snprintf(what, sizeof what, "the writer");
        else PyOS_snprintf(what, sizeof what, "reader %u", map->slot);
        if (rb_role_take(role, self->me, map->name, what)) return -1;
    }
    Py_INCREF(mapping);
    self->map = map;
    self->role = role;
    self->item = item;
    /* A predecessor may have been killed between publishing and ringing. */
    rb_ring_sleepers(self->lines, self->line_count);
    return 0;
}

int rb_ring_watch(Ring *self, const _Atomic uint64_t *word)
{
    allocfunc alloc = (allocfunc)PyType_GetSlot(rb_watch_type, Py_tp_alloc);
    Watch *watch = (Watch *)alloc(rb_watch_type, 0);
    if (!watch) return -1;
    Py_INCREF((PyObject *)self->map);
    watch->map = self->map;
    watch->word = word;
    watch->need = 1;
    self->watch = watch;
    return 0;
}

static PyObject *ring_close(PyObject *op, PyObject *unused)
{
    (void)unused;
    Ring *self = (Ring *)op;
    if (self->map && self->role) rb_role_give(self->role, self->me);
    self->role = NULL;
    self->line_count = 0;
    Py_CLEAR(self->map);
    Py_CLEAR(self->bells);
    Py_CLEAR(self->watch);
    Py_RETURN_NONE;
}

void rb_ring_dealloc(PyObject *op)
{
    Py_DECREF(ring_close(op, NULL));
    rb_free(op);
}

static PyObject *ring_closed(PyObject *op, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((Ring *)op)->map == NULL);
}

static PyObject *ring_epoch(PyObject *op, void *unused)
{
    (void)unused;
    Ring *self = (Ring *)op;
    if (!rb_ring_is_open(self)) return NULL;
    return PyLong_FromUnsignedLongLong(
        self->role ? atomic_load_explicit(&self->role->epoch, memory_order_relaxed) : 0);
}

static PyObject *ring_contains(PyObject *op, PyObject *array)
{
    Ring *self = (Ring *)op;
    return rb_ring_is_open(self) ? rb_mapping_contains((PyObject *)self->map, array) : NULL;
}

static PyMethodDef ring_methods[] = {
    {"contains", ring_contains, METH_O,
     "The array's memory lies wholly inside this ring, as attached here: it was not copied."},
    {"close", ring_close, METH_NOARGS, "Give up the role. Views stay valid memory; their content may change."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef ring_getset[] = {
    {"closed", ring_closed, NULL, "The role was given up.", NULL},
    {"epoch", ring_epoch, NULL, "How often this role has been taken, this time included.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot ring_slots[] = {
    {Py_tp_dealloc, rb_ring_dealloc}, {Py_tp_methods, ring_methods}, {Py_tp_getset, ring_getset}, {0, NULL},
};
PyType_Spec rb_ring_spec = {"ringbuf._core.Ring", sizeof(Ring), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, ring_slots};
