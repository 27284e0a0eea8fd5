/* What every role object does alike: open, close, name itself, raise. */
#include "ring.h"

#include "../core/role.h"

PyObject *rb_error, *rb_corrupt, *rb_wrong_kind, *rb_role_taken, *rb_no_ring;

void rb_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

void *rb_alloc(PyTypeObject *type)
{
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return alloc(type, 0);
}

PyObject *rb_raise_corrupt(const Mapping *map, const char *what)
{
    return PyErr_Format(rb_corrupt, "ring %s is damaged: %s; have its creator make it anew", map->name, what);
}

PyObject *rb_nothing_claimed(void)
{
    PyErr_SetString(rb_error, "nothing is claimed; claim before commit");
    return NULL;
}

PyObject *rb_raise_length(const Ring *self, Py_ssize_t length, uint64_t max)
{
    return PyErr_Format(PyExc_ValueError, "%zd bytes do not go into ring %s at once: at most %llu, in %s of %llu",
                        length, self->map->name, (unsigned long long)max,
                        self->map->map.header.geometry.kind == RB_HISTORY ? "samples" : "items",
                        (unsigned long long)self->views.item);
}

int rb_items_fit(const Ring *self, const Py_buffer *payload)
{
    const uint64_t item = self->views.item, given = (uint64_t)payload->itemsize;
    if (item == 1 || given == 1 || given == item) return 1;
    PyErr_Format(PyExc_TypeError, "items of %zd bytes do not go into ring %s, its items have %llu; convert with .astype()",
                 payload->itemsize, self->map->name, (unsigned long long)item);
    return 0;
}

PyObject *rb_raise_closed(void)
{
    PyErr_SetString(rb_error, "the ring is closed; attach to it again");
    return NULL;
}

static int take_bells(Ring *self, PyObject *bells, struct rb_bells *lines)
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
        lines->line[i] = ((Bell *)bell)->line;
    }
    lines->count = (int)n;
    return 0;
}

int rb_raise_taken(const Mapping *map, const char *what, uint64_t holder)
{
    PyObject *error =
        PyObject_CallFunction(rb_role_taken, "ssK", map->name, what, (unsigned long long)rb_holder_pid(holder));
    if (!error) return -1;
    PyErr_SetObject(rb_role_taken, error);
    Py_DECREF(error);
    return -1;
}

int rb_raise_unseen(void)
{
    PyErr_SetString(rb_error, "this process does not find itself in /proc; mount it, and leave a file descriptor free");
    return -1;
}

static int take_role(Ring *self, const Mapping *map)
{
    struct rb_role *role = rb_map_role(&map->map);
    uint64_t holder;
    char what[32] = "the writer";
    self->me = rb_holder_self();
    if (!role) return 0;
    if (self->me == 0) return rb_raise_unseen();
    if (rb_role_take(role, self->me, &holder) == RB_OK) {
        self->role = role;
        return 0;
    }
    if (map->map.access == RB_READ) PyOS_snprintf(what, sizeof what, "reader %u", map->map.slot);
    return rb_raise_taken(map, what, holder);
}

int rb_ring_open(Ring *self, PyObject *mapping, enum rb_kind kind, enum rb_access access, PyObject *bells,
                 struct rb_bells *lines)
{
    if (!PyObject_TypeCheck(mapping, rb_mapping_type)) {
        PyErr_SetString(PyExc_TypeError, "a Mapping is needed");
        return -1;
    }
    Mapping *map = (Mapping *)mapping;
    if (self->map || map->map.header.geometry.kind != kind || map->map.access != access) {
        PyErr_SetString(PyExc_ValueError, "opened twice, or with a mapping for another role");
        return -1;
    }
    if ((bells && take_bells(self, bells, lines)) || take_role(self, map)) return -1;
    Py_INCREF(mapping);
    self->map = map;
    return 0;
}

int rb_ring_watch(Ring *self, const struct rb_watch *at)
{
    self->watch = rb_watch_new(self->map, at);
    return self->watch ? 0 : -1;
}

/* Give `type` descriptors of its own for the methods of a type in C that it inherits from. 0 or -1. */
static int adopt_methods(PyObject *type, PyMethodDef *methods)
{
    int failed = 0;
    for (PyMethodDef *m = methods; m && m->ml_name && !failed; m++) {
        if (m->ml_flags & METH_CLASS) continue;
        PyObject *now = PyObject_GetAttrString(type, m->ml_name);
        failed = now == NULL;
        /* One that was overridden in Python on the way stays. */
        if (now && Py_TYPE(now) == &PyMethodDescr_Type) {
            PyObject *own = PyDescr_NewMethod((PyTypeObject *)type, m);
            failed = !own || PyObject_SetAttrString(type, m->ml_name, own);
            Py_XDECREF(own);
        }
        Py_XDECREF(now);
    }
    return failed ? -1 : 0;
}

/* CPython calls a method in C in its quick way only when the descriptor belongs to the very type of the object, and
 * people use subclasses (stream.py, …): a third of the time of a claim, a commit, an acquire and a release. */
static PyObject *ring_init_subclass(PyObject *type, PyObject *unused)
{
    (void)unused;
    PyObject *all = PyObject_GetAttrString(type, "__mro__");
    int failed = all == NULL;
    for (Py_ssize_t i = 0; !failed && i < PyTuple_Size(all); i++) {
        PyTypeObject *one = (PyTypeObject *)PyTuple_GetItem(all, i);
        if (PyType_IsSubtype(one, rb_ring_type)) failed = adopt_methods(type, PyType_GetSlot(one, Py_tp_methods));
    }
    Py_XDECREF(all);
    if (failed) return NULL;
    Py_RETURN_NONE;
}

static PyObject *ring_close(PyObject *op, PyObject *unused)
{
    (void)unused;
    Ring *self = (Ring *)op;
    Mapping *map = self->map;
    self->map = NULL; /* closed before anything below can run Python code: the death of a view may */
    if (map && self->leave) self->leave(self);
    if (map && self->role) rb_role_give(self->role, self->me);
    self->role = NULL;
    if (self->watch) rb_watch_freeze(self->watch);
    rb_views_close(&self->views);
    Py_XDECREF((PyObject *)map);
    Py_CLEAR(self->bells);
    Py_CLEAR(self->watch);
    Py_RETURN_NONE;
}

int rb_ring_fail(Ring *self)
{
    Py_DECREF(ring_close((PyObject *)self, NULL));
    return -1;
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
    {"__init_subclass__", ring_init_subclass, METH_NOARGS | METH_CLASS, NULL},
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
PyType_Spec rb_ring_spec = {"ringbuf._core.Ring", sizeof(Ring), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                            ring_slots};

static void release_kept(PyObject *capsule) { Py_XDECREF((PyObject *)PyCapsule_GetContext(capsule)); }

PyObject *rb_ring_handle(Ring *ring, void *handle, const char *name)
{
    /* The ring itself, and what it lets go of when it is closed: its pages and those of the bells. */
    PyObject *kept = PyTuple_Pack(3, (PyObject *)ring, (PyObject *)ring->map, ring->bells);
    PyObject *capsule = kept ? PyCapsule_New(handle, name, release_kept) : NULL;
    if (capsule && PyCapsule_SetContext(capsule, kept) == 0) return capsule;
    Py_XDECREF(kept);
    Py_XDECREF(capsule);
    return NULL;
}
