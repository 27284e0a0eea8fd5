/* Lease: core/lease.h as a Python object. The GIL is let go only to sleep. */
#include "../core/lease.h"

#include "../core/role.h"
#include "ring.h"

typedef struct {
    Ring ring;
    struct rb_lease lease;
    int busy; /* a thread sleeps in it */
} Lease;

/* A thread that sleeps in it gives it up itself, as soon as it wakes. */
static void leave(Ring *ring)
{
    Lease *self = (Lease *)ring;
    if (self->busy) ring->role = NULL;
    else rb_lease_close(&self->lease);
}

static int lease_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mapping", "slot", NULL};
    Lease *self = (Lease *)op;
    PyObject *mapping;
    int slot;
    uint64_t holder = 0;
    char what[32];
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Oi", names, &mapping, &slot)) return -1;
    if (rb_ring_open(&self->ring, mapping, RB_LEASE, RB_SHARE, NULL, NULL)) return -1;
    const Mapping *map = self->ring.map;
    const enum rb_status status = rb_lease_open(&self->lease, &map->map, slot, &holder);
    self->ring.leave = leave;
    if (status == RB_OK) {
        if (self->lease.mine) self->ring.role = &self->lease.mine->role;
        return 0;
    }
    self->lease.mine = NULL; /* it is not ours to give up */
    PyOS_snprintf(what, sizeof what, "slot %d", slot);
    if (status == RB_TAKEN) rb_raise_taken(map, what, holder);
    else if (status == RB_OS) rb_raise_unseen();
    else PyErr_Format(rb_error, "lease %s has %u slots, there is no slot %d", map->name, self->lease.count, slot);
    return rb_ring_fail(&self->ring);
}

/* Open, in a slot, and nobody in it. 0 with an exception set. */
static int usable(const Lease *self)
{
    if (!rb_ring_is_open(&self->ring)) return 0;
    if (self->lease.mine && !self->busy) return 1;
    PyErr_SetString(rb_error, self->busy ? "another thread waits for this lease; give each thread a slot of its own"
                                         : "this lease was attached without a slot; attach with slot=…");
    return 0;
}

static int times(PyObject *const *args, Py_ssize_t nargs, const char *call, int64_t *due_ns, int64_t *until_ns)
{
    if (nargs != 2) {
        PyErr_Format(PyExc_TypeError, "%s(due_ns, until_ns)", call);
        return -1;
    }
    *due_ns = rb_int64_arg(args[0]);
    if (*due_ns == -1 && PyErr_Occurred()) return -1;
    *until_ns = rb_int64_arg(args[1]);
    return *until_ns == -1 && PyErr_Occurred() ? -1 : 0;
}

/* Whether it is held by right. */
static PyObject *taken(Lease *self, int64_t due_ns, int64_t until_ns)
{
    enum rb_status status = rb_lease_join(&self->lease, due_ns, until_ns);
    if (status == RB_TAKEN) {
        Mapping *map = self->ring.map; /* the pages stay, whoever closes it meanwhile */
        Py_INCREF((PyObject *)map);
        self->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        status = rb_lease_wait(&self->lease, until_ns);
        Py_END_ALLOW_THREADS
        self->busy = 0;
        if (!self->ring.map) rb_lease_close(&self->lease);
        Py_DECREF((PyObject *)map);
        if (!rb_ring_is_open(&self->ring)) return NULL;
    }
    return PyBool_FromLong(status == RB_OK);
}

static PyObject *lease_take(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    Lease *self = (Lease *)op;
    int64_t due_ns, until_ns;
    if (times(args, nargs, "take", &due_ns, &until_ns) || !usable(self)) return NULL;
    if (!self->lease.held) return taken(self, due_ns, until_ns);
    PyErr_SetString(rb_error, "the lease is held already; give it first, or ask for the next turn");
    return NULL;
}

static PyObject *lease_turn(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    Lease *self = (Lease *)op;
    int64_t due_ns, until_ns;
    if (times(args, nargs, "turn", &due_ns, &until_ns) || !usable(self)) return NULL;
    if (!self->lease.held) {
        PyErr_SetString(rb_error, "the lease is not held; take it first");
        return NULL;
    }
    if (!rb_lease_next(&self->lease, due_ns)) Py_RETURN_TRUE;
    rb_lease_give(&self->lease);
    return taken(self, due_ns, until_ns);
}

static PyObject *lease_give(PyObject *op, PyObject *unused)
{
    (void)unused;
    Lease *self = (Lease *)op;
    if (!usable(self)) return NULL;
    if (self->lease.held) rb_lease_give(&self->lease);
    Py_RETURN_NONE;
}

static PyObject *lease_reap(PyObject *op, PyObject *unused)
{
    (void)unused;
    Lease *self = (Lease *)op;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    rb_lease_reap(&self->lease);
    Py_RETURN_NONE;
}

static PyObject *lease_held(PyObject *op, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((Lease *)op)->ring.map && ((Lease *)op)->lease.held);
}

static PyObject *lease_wanted(PyObject *op, void *unused)
{
    (void)unused;
    const Lease *self = (Lease *)op;
    return PyBool_FromLong(self->ring.map && self->lease.held && rb_lease_wanted(&self->lease));
}

/* One of the slot's counters, by its place in it. */
static PyObject *lease_count(PyObject *op, void *place)
{
    const Lease *self = (Lease *)op;
    if (!rb_ring_is_open(&self->ring)) return NULL;
    if (!self->lease.mine) return PyLong_FromLong(0);
    const _Atomic uint64_t *counter = (void *)((char *)self->lease.mine + (size_t)place);
    return PyLong_FromUnsignedLongLong(atomic_load_explicit(counter, memory_order_relaxed));
}

static PyMethodDef lease_methods[] = {
    {"take", RB_FAST(lease_take), METH_FASTCALL,
     "Hold it, after waiting until until_ns at most; False: beyond what is there, as it took too long."},
    {"turn", RB_FAST(lease_turn), METH_FASTCALL,
     "Between two steps: make way for whoever is due earlier, if anybody is, and hold it again, as after take."},
    {"give", lease_give, METH_NOARGS, "Let the next one in. Harmless when it is not held."},
    {"reap", lease_reap, METH_NOARGS, "Take the dead out of it: for whoever learns first that a process has died."},
    {NULL, NULL, 0, NULL},
};
#define COUNTER(name) (void *)offsetof(struct rb_lease_slot, name)
static PyGetSetDef lease_getset[] = {
    {"held", lease_held, NULL, "This slot holds it.", NULL},
    {"wanted", lease_wanted, NULL, "It is held, and as many as may hold it are due earlier.", NULL},
    {"takes", lease_count, NULL, "How often this slot took it.", COUNTER(takes)},
    {"waited", lease_count, NULL, "How often this slot waited for it.", COUNTER(waits)},
    {"overdrafts", lease_count, NULL, "How often this slot went on without waiting any longer.", COUNTER(overdrafts)},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyMemberDef lease_members[] = {
    {"missed", T_ULONGLONG, offsetof(Lease, lease) + offsetof(struct rb_lease, missed), READONLY,
     "Waits that nobody rang for: 0, unless a process was killed on its way."},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot lease_slots[] = {
    {Py_tp_init, lease_init}, {Py_tp_dealloc, rb_ring_dealloc}, {Py_tp_methods, lease_methods},
    {Py_tp_getset, lease_getset}, {Py_tp_members, lease_members}, {0, NULL},
};
PyType_Spec rb_lease_spec = {"ringbuf._core.Lease", sizeof(Lease), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                             lease_slots};
