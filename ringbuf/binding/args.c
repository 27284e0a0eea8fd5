#include "args.h"

_Static_assert(sizeof(long) == 8 && sizeof(Py_ssize_t) == 8, "see layout.h: 64-bit machines");

int rb_signature_init(struct rb_signature *s)
{
    for (int i = 0; i < 4 && s->name[i]; i++) {
        if (!s->interned[i]) s->interned[i] = PyUnicode_InternFromString(s->name[i]);
        if (!s->interned[i]) return -1;
    }
    return 0;
}

int rb_name_index(PyObject *const *names, int count, PyObject *name)
{
    /* Keyword names in calls are interned: comparing pointers nearly always finds it. */
    for (int i = 0; i < count; i++) {
        if (name == names[i]) return i;
    }
    for (int i = 0; i < count; i++) {
        if (PyUnicode_Compare(name, names[i]) == 0) return i;
    }
    return -1;
}

int rb_arguments(const struct rb_signature *s, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                 PyObject **out)
{
    const Py_ssize_t named = kwnames ? PyTuple_Size(kwnames) : 0;
    int count = 0;
    while (count < 4 && s->interned[count]) out[count++] = NULL;
    if (nargs > s->positional) {
        PyErr_Format(PyExc_TypeError, "%s: %d positional arguments at most, %zd given", s->call, s->positional, nargs);
        return -1;
    }
    for (Py_ssize_t i = 0; i < nargs; i++) out[i] = args[i];
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *name = PyTuple_GetItem(kwnames, i);
        const int at = rb_name_index(s->interned, count, name);
        if (at < 0 || out[at]) {
            PyErr_Format(PyExc_TypeError, "%s: %s argument '%U'", s->call, at < 0 ? "unknown" : "twice the", name);
            return -1;
        }
        out[at] = args[nargs + i];
    }
    for (int i = 0; i < s->required; i++) {
        if (out[i]) continue;
        PyErr_Format(PyExc_TypeError, "%s: %s is needed", s->call, s->name[i]);
        return -1;
    }
    return 0;
}

Py_ssize_t rb_bad_count(Py_ssize_t n, uint64_t max, const char *what)
{
    if (n != -1 || !PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "%zd %s asked for, this ring takes 0 to %llu at a time", n, what,
                     (unsigned long long)max);
    return -1;
}
