/* Arguments of the calls in the audio path: no tuple, no dict, nothing allocated. */
#ifndef RINGBUF_ARGS_H
#define RINGBUF_ARGS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* A function's parameters: names, interned by rb_signature_init; the first `positional` of them may come without. */
struct rb_signature {
    const char *call; /* as people write it, for errors */
    const char *name[4];
    int positional, required;
    PyObject *interned[4];
};
int rb_signature_init(struct rb_signature *s);

/* Sort a METH_FASTCALL | METH_KEYWORDS call into out[], NULL where nothing was given; what is `required` (the first so
 * many) is there. 0, or -1 with TypeError set. */
int rb_arguments(const struct rb_signature *s, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                 PyObject **out);

/* Which of the interned names it is, -1: none of them. */
int rb_name_index(PyObject *const *names, int count, PyObject *name);

/* A signed 64-bit number; -1 and an exception when it is not one. */
static inline int64_t rb_int64_arg(PyObject *arg)
{
    /* Twice as fast as PyLong_AsLongLong where an int has two digits of CPython's, and as wide on the machines that
     * layout.h allows. */
    return PyLong_AsLong(arg);
}

/* A number of items from 0 to max; -1 with an exception set. */
Py_ssize_t rb_bad_count(Py_ssize_t n, uint64_t max, const char *what);
static inline Py_ssize_t rb_count_arg(PyObject *arg, uint64_t max, const char *what)
{
    const Py_ssize_t n = PyLong_AsSsize_t(arg);
    return (uint64_t)n <= max ? n : rb_bad_count(n, max, what);
}

#endif
