/* Bell, Watch and Waiter: sleeping until one of several inputs is ready. The protocol and its proof are in bell.h. */
#include "ring.h"

#define MAX_INPUTS 32
#define LOOK_NS INT64_C(1000000000)

static PyObject *bell_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *mapping;
    Py_ssize_t index;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "O!n", rb_mapping_type, &mapping, &index)) return NULL;
    Mapping *map = (Mapping *)mapping;
    if (map->header.geometry.kind != RB_BELLS || map->access != RB_SHARE) {
        PyErr_SetString(PyExc_ValueError, "not a mapping of bells");
        return NULL;
    }
    if (index < 0 || (uint64_t)index >= map->header.geometry.capacity) {
        PyErr_Format(PyExc_IndexError, "bell %zd of %llu", index, (unsigned long long)map->header.geometry.capacity);
        return NULL;
    }
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Bell *self = (Bell *)alloc(type, 0);
    if (!self) return NULL;
    Py_INCREF(mapping);
    self->map = map;
    self->index = index;
    self->line = (struct rb_bell *)(void *)rb_data(map) + index;
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

static inline int is_ready(const _Atomic uint64_t *word, uint64_t mark, uint64_t need)
{
    /* SYNC POINT: pairs with the release that published the position. */
    return atomic_load_explicit(word, memory_order_acquire) - mark >= need;
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
    return PyBool_FromLong(is_ready(self->word, self->mark, self->need));
}

static PyObject *watch_take(PyObject *op, PyObject *unused)
{
    (void)unused;
    Watch *self = (Watch *)op;
    if (!self->takeable) {
        PyErr_SetString(PyExc_TypeError, "only a cell's watch can be taken; read the ring instead");
        return NULL;
    }
    self->mark = atomic_load_explicit(self->word, memory_order_acquire);
    return PyLong_FromUnsignedLongLong(self->mark);
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

typedef struct {
    PyObject_HEAD
    Bell *bell;
    int count, any_ring;
    uint32_t seen; /* the last ring that ended a wait, for any_ring */
    int64_t spin_ns;
    unsigned long long missed;
    Watch *watches[MAX_INPUTS];
} Waiter;

/* Marks as they were when the wait began: the Watch objects may only be read with the GIL. */
struct inputs {
    int count, any_ring;
    uint32_t seen;
    struct {
        const _Atomic uint64_t *word;
        uint64_t mark, need;
    } of[MAX_INPUTS];
};

static int any_ready(const struct inputs *in, uint32_t seq)
{
    if (in->any_ring && seq != in->seen) return 1;
    for (int i = 0; i < in->count; i++) {
        if (is_ready(in->of[i].word, in->of[i].mark, in->of[i].need)) return 1;
    }
    return 0;
}

/* Runs without the GIL. 1: ready, 0: deadline passed, -1: look whether a signal came.
 *
 * No sleep is longer than LOOK_NS: a signal in the instant before the system call does not interrupt it, and a producer
 * may be killed between publishing and ringing. What such a look finds ready is counted in `missed`, so that it cannot
 * hide a lost wake-up. */
static int sleep_until_ready(struct rb_bell *bell, const struct inputs *in, int64_t deadline_ns, int64_t spin_ns,
                             unsigned long long *missed)
{
    const int64_t start = rb_now_ns();
    const int64_t look = deadline_ns < 0 || deadline_ns > start + LOOK_NS ? start + LOOK_NS : deadline_ns;
    for (;;) {
        const uint32_t seq = atomic_load_explicit(&bell->seq, memory_order_acquire);
        if (any_ready(in, seq)) return 1;
        const int64_t now = rb_now_ns();
        if (now >= look) return look == deadline_ns ? 0 : -1;
        if (now < start + spin_ns) continue;
        atomic_store_explicit(&bell->sleeping, 1, memory_order_relaxed);
        rb_handshake();
        int error = 0;
        int ready = any_ready(in, atomic_load_explicit(&bell->seq, memory_order_relaxed));
        if (!ready) error = rb_bell_sleep(bell, seq, look);
        atomic_store_explicit(&bell->sleeping, 0, memory_order_relaxed);
        if (error == ETIMEDOUT && look != deadline_ns) {
            ready = any_ready(in, seq);
            *missed += ready != 0;
        }
        if (ready) return 1;
        if (error == EINTR) return -1;
    }
}

static PyObject *waiter_wait(PyObject *op, PyObject *arg)
{
    Waiter *self = (Waiter *)op;
    int64_t deadline_ns = -1;
    if (arg != Py_None) {
        deadline_ns = PyLong_AsLongLong(arg);
        if (deadline_ns == -1 && PyErr_Occurred()) return NULL;
        if (deadline_ns < 0) deadline_ns = 0;
    }
    struct rb_bell *bell = self->bell->line;
    struct inputs in = {.count = self->count, .any_ring = self->any_ring, .seen = self->seen};
    for (int i = 0; i < self->count; i++) {
        in.of[i].word = self->watches[i]->word;
        in.of[i].mark = self->watches[i]->mark;
        in.of[i].need = self->watches[i]->need;
    }
    uint32_t seq = atomic_load_explicit(&bell->seq, memory_order_acquire);
    int outcome = any_ready(&in, seq);
    if (!outcome && (deadline_ns < 0 || rb_now_ns() < deadline_ns)) {
        if (self->bell->busy) {
            PyErr_SetString(rb_error, "another thread waits on this bell; give each waiter a bell of its own");
            return NULL;
        }
        self->bell->busy = 1;
        unsigned long long missed = 0;
        do {
            Py_BEGIN_ALLOW_THREADS
            outcome = sleep_until_ready(bell, &in, deadline_ns, self->spin_ns, &missed);
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
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Waiter *self = (Waiter *)alloc(type, 0);
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
