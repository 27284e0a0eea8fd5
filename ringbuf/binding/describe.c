/* What a ring looks like from outside, for people and tools. */
#include "ring.h"

#include "../core/lease.h"
#include "../core/role.h"

static const char *const kind_names[RB_KINDS] = {"", "stream", "history", "latest", "cells", "bells", "lease"};

/* {"pid", "alive", "epoch"}, or None when nobody holds the role. */
static PyObject *holder_dict(uint64_t holder, uint64_t epoch)
{
    if (holder == 0) Py_RETURN_NONE;
    return Py_BuildValue("{sK sN sK}", "pid", (unsigned long long)rb_holder_pid(holder), "alive",
                         PyBool_FromLong(rb_holder_alive(holder)), "epoch", (unsigned long long)epoch);
}

static PyObject *role_dict(const struct rb_role *role)
{
    return holder_dict(atomic_load_explicit(&role->holder, memory_order_acquire),
                       atomic_load_explicit(&role->epoch, memory_order_relaxed));
}

static int put(PyObject *dict, const char *key, PyObject *value)
{
    const int failed = !value || PyDict_SetItemString(dict, key, value);
    Py_XDECREF(value);
    return failed;
}

static PyObject *number(uint64_t n) { return PyLong_FromUnsignedLongLong(n); }

static PyObject *readers_list(const Mapping *map)
{
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list && i < map->map.header.geometry.readers; i++) {
        const struct rb_side *side = rb_reader_side(&map->map, i);
        PyObject *reader = Py_BuildValue(
            "{sN sK sK}", "role", role_dict(&side->role), "position",
            (unsigned long long)atomic_load_explicit(&side->position, memory_order_acquire), "lost",
            (unsigned long long)atomic_load_explicit(&side->count, memory_order_relaxed));
        if (!reader || PyList_Append(list, reader)) Py_CLEAR(list);
        Py_XDECREF(reader);
    }
    return list;
}

/* Of each slot who has it, and what it does. */
static PyObject *lease_slots(const Mapping *map)
{
    const struct rb_lease_word *lease = (void *)rb_data(&map->map);
    const struct rb_lease_slot *slots = (void *)(lease + 1);
    const uint64_t word = atomic_load_explicit(&lease->word, memory_order_acquire);
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list && i < map->map.header.geometry.slots; i++) {
        const struct rb_lease_slot *s = &slots[i];
        PyObject *slot = Py_BuildValue(
            "{sN sN sN sL sK sK sK}", "role", role_dict(&s->role), "holds",
            PyBool_FromLong(rb_lease_holders(word) >> i & 1), "waits", PyBool_FromLong(rb_lease_waiters(word) >> i & 1),
            "due_ns", (long long)atomic_load_explicit(&s->due_ns, memory_order_relaxed), "takes",
            (unsigned long long)atomic_load_explicit(&s->takes, memory_order_relaxed), "waited",
            (unsigned long long)atomic_load_explicit(&s->waits, memory_order_relaxed), "overdrafts",
            (unsigned long long)atomic_load_explicit(&s->overdrafts, memory_order_relaxed));
        if (!slot || PyList_Append(list, slot)) Py_CLEAR(list);
        Py_XDECREF(slot);
    }
    return list;
}

PyObject *rb_describe(PyObject *op, PyObject *unused)
{
    (void)unused;
    const Mapping *map = (Mapping *)op;
    const struct rb_header *h = &map->map.header;
    PyObject *d = PyDict_New();
    if (!d) return NULL;
    int failed = put(d, "name", PyUnicode_FromString(map->name)) ||
                 put(d, "kind", PyUnicode_FromString(kind_names[h->geometry.kind])) ||
                 put(d, "size", number(h->layout.total)) || put(d, "capacity", number(h->geometry.capacity)) ||
                 put(d, "creator", holder_dict(h->creator, 0)) ||
                 put(d, "created_ns", PyLong_FromLongLong(h->created_ns));
    if (!failed && h->geometry.kind == RB_HISTORY) {
        failed = put(d, "dtype", PyUnicode_FromString(h->geometry.dtype)) || put(d, "rate", number(h->geometry.rate));
    }
    if (!failed && h->geometry.kind == RB_LEASE) failed = put(d, "slots", lease_slots(map));
    if (!failed && h->layout.writer) {
        const struct rb_side *w = rb_writer_side(&map->map);
        /* Before the writer's: a reader that goes on meanwhile must not seem to be ahead of it. */
        const uint64_t read = h->geometry.kind == RB_STREAM
            ? atomic_load_explicit(&rb_reader_side(&map->map, 0)->position, memory_order_acquire) : 0;
        const uint64_t position = atomic_load_explicit(&w->position, memory_order_acquire);
        failed = put(d, "writer", role_dict(&w->role)) || put(d, "position", number(position)) ||
                 put(d, "readers", readers_list(map));
        if (!failed && h->geometry.kind == RB_STREAM) {
            failed = put(d, "fill", number(position - read)) ||
                     put(d, "full_count", number(atomic_load_explicit(&w->count, memory_order_relaxed)));
        } else if (!failed && h->geometry.kind == RB_HISTORY) {
            const uint64_t written = position - h->geometry.first;
            failed = put(d, "fill", number(written < h->geometry.capacity ? written : h->geometry.capacity));
        } else if (!failed) {
            failed = put(d, "slots", number(h->geometry.slots));
        }
    }
    if (failed) Py_CLEAR(d);
    return d;
}
