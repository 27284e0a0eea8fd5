/* NumPy views over a ring's data, made once for each place and then handed out again: in the steady state nothing is
 * allocated. One table a role object, mapped directly: a place has one entry, and what needs it next takes it over. */
#ifndef RINGBUF_VIEWS_H
#define RINGBUF_VIEWS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* Enough for a lap of every ring of up to 2^19 samples in hops of 10 ms; a ring of odd sizes shall not collect more. */
#define RB_MAX_VIEWS 16384

/* The places of a history that share an entry, as a power of two. */
static inline unsigned rb_views_shift(uint64_t capacity)
{
    unsigned shift = 0;
    while (capacity >> shift > RB_MAX_VIEWS) shift++;
    return shift;
}

struct rb_view {
    uint64_t offset, length; /* bytes */
    PyObject *array; /* NULL: none made yet */
};

struct rb_views {
    PyObject *bytes, *items; /* arrays over all of the data, as bytes and as the ring's dtype */
    uint64_t item, mask; /* bytes of an item; entries - 1 */
    struct rb_view *made; /* NULL: closed */
};

/* arrays: the pair (bytes, items). places: how many different ones there are; the table has so many entries or
 * RB_MAX_VIEWS. 0, or -1 with an exception set. */
int rb_views_open(struct rb_views *v, PyObject *arrays, uint64_t places);
void rb_views_close(struct rb_views *v);

/* The view of `length` bytes from `offset`, made anew and kept as entry `place`. A new reference, or NULL. */
PyObject *rb_view_make(struct rb_views *v, uint64_t place, uint64_t offset, uint64_t length);

/* The same, made before if it was the last one asked for at this place. */
static inline PyObject *rb_view_at(struct rb_views *v, uint64_t place, uint64_t offset, uint64_t length)
{
    const struct rb_view *e = &v->made[place & v->mask];
    if (e->offset != offset || e->length != length || !e->array) return rb_view_make(v, place, offset, length);
    Py_INCREF(e->array);
    return e->array;
}

#endif
