/* Waiter: sleeping until one of several inputs is ready (core/wait.h), with the GIL let go only to sleep. */
#include "ring.h"

#define MAX_INPUTS 32

typedef struct {
    PyObject_HEAD
    Bell *bell;
    int count, any_ring;
    uint32_t seen; /* the last ring that ended a wait, for any_ring */
    int64_t spin_ns;
    unsigned long long missed;
    Watch *watches[MAX_INPUTS];
} Waiter;

static PyObject *waiter_wait(PyObject *op, PyObject *arg)
{
    Waiter *self = (Waiter *)op;
    int64_t deadline_ns = -1;
    if (arg != Py_None) {
        deadline_ns = rb_int64_arg(arg);
        if (deadline_ns == -1 && PyErr_Occurred()) return NULL;
        if (deadline_ns < 0) deadline_ns = 0;
    }
    struct rb_bell *bell = self->bell->line;
    /* As they are now: the Watch objects may only be looked at with the GIL. */
    struct rb_watch watches[MAX_INPUTS];
    for (int i = 0; i < self->count; i++) watches[i] = *self->watches[i]->at;
    uint32_t seq = atomic_load_explicit(&bell->seq, memory_order_acquire);
    int outcome = self->any_ring && seq != self->seen;
    for (int i = 0; !outcome && i < self->count; i++) outcome = rb_ready(&watches[i]);
    if (!outcome && (deadline_ns < 0 || rb_now_ns() < deadline_ns)) {
        if (self->bell->busy == rb_forks) {
            PyErr_SetString(rb_error, "this process already waits on this bell, in another thread or under this signal "
                                      "handler; give each waiter a bell of its own");
            return NULL;
        }
        self->bell->busy = rb_forks;
        unsigned long long missed = 0;
        const uint32_t seen = self->seen;
        do {
            Py_BEGIN_ALLOW_THREADS
            outcome = rb_wait(bell, watches, self->count, deadline_ns, self->spin_ns, self->any_ring ? &seen : NULL,
                              &missed);
            Py_END_ALLOW_THREADS
        } while (outcome < 0 && PyErr_CheckSignals() == 0);
        self->bell->busy = 0;
        self->missed += missed;
        if (outcome < 0) return NULL;
        seq = atomic_load_explicit(&bell->seq, memory_order_acquire);
    }
    /* Read before the caller looks at its inputs: a ring after this is a new one. */
    if (outcome) self->seen = seq;
    return PyBool_FromLong(outcome);
}

static int add_input(Waiter *self, PyObject *input)
{
    if (self->count == MAX_INPUTS) {
        PyErr_Format(PyExc_ValueError, "a waiter takes at most %d inputs", MAX_INPUTS);
        return -1;
    }
    PyObject *watch = NULL;
    if (PyObject_TypeCheck(input, rb_watch_type)) {
        Py_INCREF(input);
        watch = input;
    } else {
        watch = PyObject_GetAttrString(input, "watch");
    }
    if (!watch || !PyObject_TypeCheck(watch, rb_watch_type)) {
        PyErr_SetString(PyExc_TypeError, "inputs must be readers, writer.space(n) or cells.watch(i)");
        Py_XDECREF(watch);
        return -1;
    }
    self->watches[self->count++] = (Watch *)watch;
    return 0;
}

static PyObject *waiter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"bell", "inputs", "spin_ns", "any_ring", NULL};
    PyObject *bell, *inputs = NULL;
    long long spin_ns = 0;
    int any_ring = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!|O$Lp", names, rb_bell_type, &bell, &inputs, &spin_ns, &any_ring))
        return NULL;
    Waiter *self = rb_alloc(type);
    if (!self) return NULL;
    Py_INCREF(bell);
    self->bell = (Bell *)bell;
    self->spin_ns = spin_ns;
    self->any_ring = any_ring;
    self->seen = atomic_load_explicit(&self->bell->line->seq, memory_order_acquire);
    PyObject *all = inputs ? PySequence_Tuple(inputs) : PyTuple_New(0);
    int failed = all == NULL;
    for (Py_ssize_t i = 0; !failed && i < PyTuple_Size(all); i++) failed = add_input(self, PyTuple_GetItem(all, i));
    Py_XDECREF(all);
    if (failed) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void waiter_dealloc(PyObject *op)
{
    Waiter *self = (Waiter *)op;
    while (self->count) Py_DECREF(self->watches[--self->count]);
    Py_CLEAR(self->bell);
    rb_free(op);
}

static PyMethodDef waiter_methods[] = {
    {"wait", waiter_wait, METH_O,
     "Sleep until an input is ready (True) or the absolute CLOCK_MONOTONIC deadline in ns has passed (False)."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef waiter_members[] = {
    {"missed", T_ULONGLONG, offsetof(Waiter, missed), READONLY,
     "Waits that nobody rang for and that the look once a second ended: 0, unless a producer was killed on its way."},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot waiter_slots[] = {
    {Py_tp_new, waiter_new}, {Py_tp_dealloc, waiter_dealloc}, {Py_tp_methods, waiter_methods},
    {Py_tp_members, waiter_members}, {0, NULL},
};
PyType_Spec rb_waiter_spec = {"ringbuf._core.Waiter", sizeof(Waiter), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                              waiter_slots};
