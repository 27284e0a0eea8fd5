/* History, a reader: windows in place, and the check after use. The orderings A to G are at the top of history.c. */
#include "blocks.h"
#include "ring.h"

#include <string.h>

typedef struct {
    Ring ring;
    const struct rb_side *writer;
    struct rb_side *side;
    const struct rb_block *table;
    uint64_t capacity, size, first, rate;
    uint64_t cursor, lost, want;
} Reader;

static uint64_t published(const Reader *r)
{
    return atomic_load_explicit(&r->writer->position, memory_order_acquire); /* E */
}

static uint64_t oldest_of(const Reader *r, uint64_t intent)
{
    return intent - r->first > r->capacity ? intent - r->capacity : r->first;
}

/* The oldest sample that is not being overwritten, as of now: what was read before this call is judged by it. */
static uint64_t oldest_whole(const Reader *r)
{
    /* SYNC POINT: pairs with the writer's release fence in announce (B). */
    atomic_thread_fence(memory_order_acquire);
    return oldest_of(r, atomic_load_explicit(&r->writer->intent, memory_order_relaxed));
}

/* Position and oldest sample, of one moment. 0, or -1 with RingCorrupt set. */
static int observe(const Reader *r, uint64_t *position, uint64_t *oldest)
{
    uint64_t intent = 0;
    int steady = 0;
    for (int tries = 0; !steady && tries < 16; tries++) {
        *position = published(r);
        intent = atomic_load_explicit(&r->writer->intent, memory_order_acquire);
        steady = published(r) == *position;
    }
    *oldest = oldest_of(r, intent);
    /* While the writer moves the two may be of different moments: then the distance says nothing. */
    if ((steady && intent - *position > r->capacity) || (int64_t)(*position - *oldest) < 0) {
        if (!steady) return 0;
        rb_raise_corrupt(r->ring.map, "its positions are impossible");
        return -1;
    }
    return 0;
}

static void update_watch(Reader *r)
{
    const uint64_t position = published(r);
    const uint64_t ahead = r->cursor - position;
    /* The cursor may have been sent ahead of what is published; an unsigned distance cannot be negative. */
    const int early = (int64_t)ahead > 0;
    r->ring.watch->mark = early ? position : r->cursor;
    r->ring.watch->need = early ? ahead + r->want : r->want;
}

static void move(Reader *r, uint64_t cursor)
{
    r->cursor = cursor;
    atomic_store_explicit(&r->side->position, cursor, memory_order_release);
    update_watch(r);
}

static int reader_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mapping", "bells", "start", NULL};
    Reader *r = (Reader *)op;
    PyObject *mapping, *bells, *start;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OO", names, rb_mapping_type, &mapping, &bells, &start)) return -1;
    const struct rb_geometry *g = &((Mapping *)mapping)->header.geometry;
    if (rb_ring_open(&r->ring, mapping, RB_HISTORY, RB_READ, bells, g->item)) return -1;
    const Mapping *map = r->ring.map;
    r->writer = rb_writer_side(map);
    r->side = rb_reader_side(map, map->slot);
    r->table = (void *)(map->base + map->header.layout.table);
    r->capacity = g->capacity;
    r->size = g->blocks;
    r->first = g->first;
    r->rate = g->rate;
    r->want = 1;
    uint64_t position, oldest;
    if (observe(r, &position, &oldest) || rb_ring_watch(&r->ring, &r->writer->position)) return -1;
    uint64_t cursor = position;
    if (PyLong_Check(start)) {
        cursor = PyLong_AsUnsignedLongLongMask(start);
    } else if (PyUnicode_Check(start) && PyUnicode_CompareWithASCIIString(start, "oldest") == 0) {
        cursor = oldest;
    } else if (!PyUnicode_Check(start) || PyUnicode_CompareWithASCIIString(start, "latest") != 0) {
        PyErr_SetString(PyExc_ValueError, "start must be \"latest\", \"oldest\" or a sample index");
        return -1;
    }
    move(r, cursor);
    return 0;
}

/* An index, wrapped to 64 bits: one before the beginning is then simply older than the oldest. 0 or -1. */
static int index_arg(PyObject *arg, uint64_t *out)
{
    *out = PyLong_AsUnsignedLongLongMask(arg);
    return *out == UINT64_MAX && PyErr_Occurred() ? -1 : 0;
}

static PyObject *place(const Reader *r, uint64_t index)
{
    return PyLong_FromUnsignedLongLong(index & (r->capacity - 1));
}

static PyObject *reader_acquire(PyObject *op, PyObject *arg)
{
    Reader *r = (Reader *)op;
    uint64_t position, oldest;
    if (!rb_ring_is_open(&r->ring)) return NULL;
    const Py_ssize_t n = rb_count_arg(arg, r->capacity / 2, "samples");
    if (n < 0 || observe(r, &position, &oldest)) return NULL;
    if ((int64_t)(oldest - r->cursor) > 0) {
        r->lost += oldest - r->cursor;
        atomic_store_explicit(&r->side->count, r->lost, memory_order_relaxed);
        move(r, oldest);
    }
    const int64_t there = (int64_t)(position - r->cursor);
    if (there < n) return PyLong_FromLong(-1);
    return place(r, r->cursor);
}

static PyObject *reader_release(PyObject *op, PyObject *arg)
{
    Reader *r = (Reader *)op;
    if (!rb_ring_is_open(&r->ring)) return NULL;
    const Py_ssize_t n = rb_count_arg(arg, r->capacity / 2, "samples");
    if (n < 0) return NULL;
    if ((int64_t)(published(r) - r->cursor) < n) {
        PyErr_Format(PyExc_ValueError, "%zd samples released, not so many are published; acquire them first", n);
        return NULL;
    }
    const int whole = (int64_t)(r->cursor - oldest_whole(r)) >= 0;
    move(r, r->cursor + (uint64_t)n);
    return PyBool_FromLong(whole);
}

static PyObject *reader_view(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    Reader *r = (Reader *)op;
    uint64_t start, stop, position, oldest;
    if (!rb_ring_is_open(&r->ring)) return NULL;
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "start and stop are needed");
        return NULL;
    }
    if (index_arg(args[0], &start) || index_arg(args[1], &stop)) return NULL;
    if ((int64_t)(stop - start) < 0) {
        PyErr_SetString(PyExc_ValueError, "the window ends before it begins");
        return NULL;
    }
    if (observe(r, &position, &oldest)) return NULL;
    const int there = stop - start <= r->capacity && (int64_t)(position - stop) >= 0 && (int64_t)(start - oldest) >= 0;
    return there ? place(r, start) : PyLong_FromLong(-1);
}

static PyObject *reader_holds(PyObject *op, PyObject *arg)
{
    Reader *r = (Reader *)op;
    uint64_t start;
    if (!rb_ring_is_open(&r->ring) || index_arg(arg, &start)) return NULL;
    return PyBool_FromLong((int64_t)(start - oldest_whole(r)) >= 0);
}

static PyObject *reader_seek(PyObject *op, PyObject *arg)
{
    Reader *r = (Reader *)op;
    uint64_t index;
    if (!rb_ring_is_open(&r->ring) || index_arg(arg, &index)) return NULL;
    move(r, index);
    Py_RETURN_NONE;
}

static PyObject *reader_want(PyObject *op, PyObject *arg)
{
    Reader *r = (Reader *)op;
    if (!rb_ring_is_open(&r->ring)) return NULL;
    const Py_ssize_t n = rb_count_arg(arg, r->capacity / 2, "samples");
    if (n < 0) return NULL;
    r->want = n ? (uint64_t)n : 1;
    update_watch(r);
    Py_RETURN_NONE;
}

static PyObject *reader_capture_ns(PyObject *op, PyObject *arg)
{
    Reader *r = (Reader *)op;
    uint64_t index, k;
    struct rb_block_copy b;
    if (!rb_ring_is_open(&r->ring) || index_arg(arg, &index)) return NULL;
    const uint64_t blocks = atomic_load_explicit(&r->writer->blocks, memory_order_acquire);
    if ((int64_t)(published(r) - index) <= 0 || !rb_block_find(r->table, r->size, blocks, index, &k, &b) ||
        index - b.first >= b.count)
        Py_RETURN_NONE;
    /* In parts, so that no product overflows: a block may hold 2^32 samples. */
    const uint64_t offset = index - b.first;
    const uint64_t ns = offset / r->rate * 1000000000 + offset % r->rate * 1000000000 / r->rate;
    return PyLong_FromLongLong((long long)((uint64_t)b.capture_ns + ns));
}

static PyObject *reader_flags(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    Reader *r = (Reader *)op;
    uint64_t start, stop, k = 0;
    if (!rb_ring_is_open(&r->ring)) return NULL;
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "start and stop are needed");
        return NULL;
    }
    if (index_arg(args[0], &start) || index_arg(args[1], &stop)) return NULL;
    uint32_t flags = 0;
    if (start == stop) return PyLong_FromUnsignedLong(flags);
    const uint64_t blocks = atomic_load_explicit(&r->writer->blocks, memory_order_acquire);
    struct rb_block_copy b;
    if (!rb_block_find(r->table, r->size, blocks, start, &k, &b)) return PyLong_FromUnsignedLong(RB_UNKNOWN);
    for (uint64_t tries = 0; tries < r->size && k < blocks; tries++, k++) {
        if (!rb_block_read(r->table, r->size, k, &b)) flags |= RB_UNKNOWN;
        else if ((int64_t)(b.first - stop) >= 0) break;
        else flags |= b.flags;
    }
    return PyLong_FromUnsignedLong(flags);
}

static PyObject *reader_position(PyObject *op, void *unused)
{
    (void)unused;
    Reader *r = (Reader *)op;
    return rb_ring_is_open(&r->ring) ? PyLong_FromUnsignedLongLong(published(r)) : NULL;
}

static PyObject *reader_oldest(PyObject *op, void *unused)
{
    (void)unused;
    Reader *r = (Reader *)op;
    return rb_ring_is_open(&r->ring) ? PyLong_FromUnsignedLongLong(oldest_whole(r)) : NULL;
}

static PyMethodDef reader_methods[] = {
    {"acquire_at", reader_acquire, METH_O, "Where the next n samples lie, -1 when there are not so many yet."},
    {"release", reader_release, METH_O, "Step n samples on. False: they were overwritten while they were used."},
    {"view_at", RB_FAST(reader_view), METH_FASTCALL, "Where samples start to stop lie, -1 when not all are there."},
    {"holds", reader_holds, METH_O, "After use: nothing from `start` on has been overwritten or is being."},
    {"seek", reader_seek, METH_O, "Move the cursor to a sample index, behind or ahead of what is published."},
    {"want", reader_want, METH_O, "How many samples past the cursor wake a waiter."},
    {"capture_ns", reader_capture_ns, METH_O, "When the sample was captured; None when that is not known (any more)."},
    {"flags", RB_FAST(reader_flags), METH_FASTCALL, "All flags of the blocks that hold samples start to stop."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef reader_members[] = {
    {"watch", T_OBJECT_EX, offsetof(Ring, watch), READONLY, "What a Waiter waits on."},
    {"cursor", T_ULONGLONG, offsetof(Reader, cursor), READONLY, "The sample that acquire gives next."},
    {"lost", T_ULONGLONG, offsetof(Reader, lost), READONLY, "Samples skipped because the writer lapped the cursor."},
    {NULL, 0, 0, 0, NULL},
};
static PyGetSetDef reader_getset[] = {
    {"position", reader_position, NULL, "Samples published so far.", NULL},
    {"oldest", reader_oldest, NULL, "The oldest sample that is still whole.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot reader_slots[] = {
    {Py_tp_init, reader_init}, {Py_tp_dealloc, rb_ring_dealloc}, {Py_tp_methods, reader_methods},
    {Py_tp_members, reader_members}, {Py_tp_getset, reader_getset}, {0, NULL},
};
PyType_Spec rb_history_reader_spec = {"ringbuf._core.HistoryReader", sizeof(Reader), 0,
                                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, reader_slots};
