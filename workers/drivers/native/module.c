/* callback.h as Python objects: made over the rings' handles, handed to PortAudio as two addresses. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <string.h>

#include "callback.h"

typedef struct {
    PyObject_HEAD
    struct callback state;
    pa_callback *callback;
    PyObject *told, *sound; /* the capsules; they keep the rings alive */
    Py_buffer durations;
    int open;
} Callback;

static int handle(PyObject *capsule, const char *name, PyObject **kept, void *at)
{
    void *pointer = PyCapsule_GetPointer(capsule, name);
    if (!pointer) return -1;
    Py_INCREF(capsule);
    *kept = capsule;
    memcpy(at, &pointer, sizeof pointer);
    return 0;
}

/* Where durations are counted: whole cells. */
static int take_durations(Callback *self, PyObject *cells)
{
    const Py_ssize_t size = sizeof *self->state.durations;
    if (PyObject_GetBuffer(cells, &self->durations, PyBUF_WRITABLE)) return -1;
    self->open = 1;
    if (self->durations.len == 0 || self->durations.len % size || (uintptr_t)self->durations.buf % (uintptr_t)size) {
        PyErr_Format(PyExc_ValueError, "durations: %zd bytes at this place are no cells", self->durations.len);
        return -1;
    }
    self->state.durations = self->durations.buf;
    self->state.buckets = (uint64_t)(self->durations.len / size);
    return 0;
}

static int callback_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"channels", "told", "sound", "durations", NULL};
    Callback *self = (Callback *)op;
    PyObject *told, *sound = Py_None, *durations = Py_None;
    int channels;
    if (self->told) {
        PyErr_SetString(PyExc_RuntimeError, "a Callback is made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "iO|OO", names, &channels, &told, &sound, &durations)) return -1;
    if (channels < 1 || channels > (int)(sizeof self->state.last / sizeof *self->state.last)) {
        PyErr_Format(PyExc_ValueError, "%d channels", channels);
        return -1;
    }
    self->state.frame = (uint64_t)channels * sizeof(int16_t);
    if (handle(told, "ringbuf.stream_writer", &self->told, &self->state.told)) return -1;
    if (sound != Py_None && handle(sound, "ringbuf.stream_reader", &self->sound, &self->state.sound)) return -1;
    if (durations != Py_None && take_durations(self, durations)) return -1;
    self->callback = self->sound ? playout_callback : capture_callback; /* last: a Callback without one is none */
    return 0;
}

static void callback_dealloc(PyObject *op)
{
    Callback *self = (Callback *)op;
    PyTypeObject *type = Py_TYPE(op);
    if (self->open) PyBuffer_Release(&self->durations);
    Py_XDECREF(self->told);
    Py_XDECREF(self->sound);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(op);
    Py_DECREF(type);
}

static PyObject *callback_function(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromVoidPtr((void *)(uintptr_t)((Callback *)op)->callback);
}

static PyObject *callback_state(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromVoidPtr(&((Callback *)op)->state);
}

static PyObject *callback_count(PyObject *op, void *member)
{
    const _Atomic uint64_t *word = (void *)((char *)&((Callback *)op)->state + (size_t)member);
    return PyLong_FromUnsignedLongLong(atomic_load_explicit(word, memory_order_relaxed));
}

static PyObject *callback_last_ns(PyObject *op, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(atomic_load_explicit(&((Callback *)op)->state.last_ns, memory_order_relaxed));
}

static PyObject *callback_end(PyObject *op, PyObject *unused)
{
    (void)unused;
    atomic_store_explicit(&((Callback *)op)->state.ending, 1, memory_order_relaxed);
    Py_RETURN_NONE;
}

/* run(buffer, frames, latency_s=0.0, flags=0): the callback, called by somebody else than PortAudio. */
static PyObject *callback_run(PyObject *op, PyObject *args)
{
    Callback *self = (Callback *)op;
    Py_buffer buffer;
    unsigned long frames, flags = 0;
    double latency = 0;
    if (!self->callback) {
        PyErr_SetString(PyExc_RuntimeError, "this Callback was not made");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, self->sound ? "w*k|dk" : "y*k|dk", &buffer, &frames, &latency, &flags)) return NULL;
    PyObject *answer = NULL;
    const uint64_t bytes = (uint64_t)buffer.len;
    if (bytes % self->state.frame || bytes / self->state.frame != frames) {
        PyErr_Format(PyExc_ValueError, "%zd bytes are not %lu frames", buffer.len, frames);
    } else {
        const struct pa_times times = {-latency, 0, latency};
        answer = PyLong_FromLong(self->callback(buffer.buf, buffer.buf, frames, &times, flags, &self->state));
    }
    PyBuffer_Release(&buffer);
    return answer;
}

static PyMethodDef callback_methods[] = {
    {"end", callback_end, METH_NOARGS, "Let the device stop calling, after its next call."},
    {"run", callback_run, METH_VARARGS,
     "run(buffer, frames, latency_s=0.0, flags=0): be called as by the device, with its buffer of int16 frames."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef callback_getset[] = {
    {"function", callback_function, NULL, "The address of the callback.", NULL},
    {"state", callback_state, NULL, "The address of its user data. Valid while this object lives.", NULL},
    {"index", callback_count, NULL, "Frames so far.", (void *)offsetof(struct callback, index)},
    {"lost", callback_count, NULL, "Frames that found no room (capture), or were not there in time (playout).",
     (void *)offsetof(struct callback, lost)},
    {"xruns", callback_count, NULL, "Calls before which the device itself lost sound: it was not served in time.",
     (void *)offsetof(struct callback, xruns)},
    {"last_ns", callback_last_ns, NULL, "When the device called last, CLOCK_MONOTONIC; 0 before that.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot callback_slots[] = {
    {Py_tp_doc, "Callback(channels, told, sound=None, durations=None): what one side of a device calls.\n\n"
                "told: handle of the stream that the callback writes; sound: of the one it plays from, for a\n"
                "loudspeaker; durations: cells of a histogram of how long the callback takes."},
    {Py_tp_init, callback_init}, {Py_tp_dealloc, callback_dealloc}, {Py_tp_methods, callback_methods},
    {Py_tp_getset, callback_getset}, {0, NULL},
};
static PyType_Spec callback_spec = {"workers.drivers._callback.Callback", sizeof(Callback), 0, Py_TPFLAGS_DEFAULT,
                                    callback_slots};

static int fill(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&callback_spec);
    const int status = type ? PyModule_AddObjectRef(module, "Callback", type) : -1;
    Py_XDECREF(type);
    return status;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)(uintptr_t)fill}, {0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_callback", "What a sound device calls.", 0, NULL, slots,
                                    NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__callback(void) { return PyModuleDef_Init(&module); }
