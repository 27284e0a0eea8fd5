/* Latest: one value, replaced by the next, for readers that only want the newest. Publication k lies in slot k modulo
 * the number of slots, so a reader has as long as the writer needs for the other slots before its copy is disturbed.
 *
 *   writer                                        reader
 *     store(slot.sequence, 2k + 1)                  k = load_acquire(sequence)              D
 *     fence(release)                   A            load_acquire(slot.sequence) == 2k + 2
 *     write tag and payload                         read
 *     store_release(slot.sequence, 2k + 2)  B       fence(acquire)                          E
 *     store_release(sequence, k)       C            load(slot.sequence) still 2k + 2
 *
 * C pairs with D: the slot is whole. A pairs with E: a reader that saw one new byte sees that the slot is not its own
 * any more. A writer killed before C has spoilt only a slot that nobody was told of.
 */
#include "ring.h"

#include <string.h>

#define TRIES 16

typedef struct {
    Ring ring;
    struct rb_side *side;
    uint64_t capacity, slots, stride;
    uint64_t sequence; /* writer: last published; reader: last read */
    uint64_t claimed;
    int open;
    Record *record;
} Latest;

static struct rb_slot *slot_of(const Latest *s, uint64_t k)
{
    return (void *)(rb_data(s->ring.map) + k % s->slots * s->stride);
}

static char *payload_of(struct rb_slot *slot) { return (char *)slot + sizeof *slot; }

static int latest_init(PyObject *op, PyObject *args, PyObject *kwargs, enum rb_access access)
{
    static char *names[] = {"mapping", "bells", "item", NULL};
    Latest *s = (Latest *)op;
    PyObject *mapping, *bells;
    unsigned long long item;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOK", names, &mapping, &bells, &item)) return -1;
    if (item == 0) {
        PyErr_SetString(PyExc_ValueError, "items have at least one byte");
        return -1;
    }
    if (rb_ring_open(&s->ring, mapping, RB_LATEST, access, bells, item)) return -1;
    const struct rb_geometry *g = &s->ring.map->header.geometry;
    s->side = rb_writer_side(s->ring.map);
    s->capacity = g->capacity;
    s->slots = g->slots;
    s->stride = rb_slot_stride(g->capacity);
    s->record = rb_record_new();
    return s->record ? 0 : -1;
}

static int writer_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    if (latest_init(op, args, kwargs, RB_WRITE)) return -1;
    Latest *s = (Latest *)op;
    s->sequence = atomic_load_explicit(&s->side->position, memory_order_acquire);
    return 0;
}

static struct rb_slot *begin(Latest *s, uint64_t length)
{
    struct rb_slot *slot = slot_of(s, s->sequence + 1);
    atomic_store_explicit(&slot->sequence, 2 * (s->sequence + 1) + 1, memory_order_relaxed);
    /* SYNC POINT: pairs with the reader's acquire fence in still_whole (E). */
    atomic_thread_fence(memory_order_release);
    s->claimed = length;
    s->open = 1;
    return slot;
}

static void publish(Latest *s, struct rb_tag *tag)
{
    const uint64_t k = s->sequence + 1;
    struct rb_slot *slot = slot_of(s, k);
    tag->position = k;
    memcpy(&slot->tag, tag, sizeof *tag);
    atomic_store_explicit(&slot->sequence, 2 * k + 2, memory_order_release);
    s->sequence = k;
    s->open = 0;
    /* SYNC POINT: pairs with the reader's acquire in newest (D). */
    atomic_store_explicit(&s->side->position, k, memory_order_release);
    rb_ring_sleepers(s->ring.lines, s->ring.line_count);
}

static PyObject *writer_claim(PyObject *op, PyObject *arg)
{
    Latest *s = (Latest *)op;
    if (!rb_ring_is_open(&s->ring)) return NULL;
    const Py_ssize_t items = rb_count_arg(arg, s->capacity / s->ring.item, "items");
    if (items < 0) return NULL;
    struct rb_slot *slot = begin(s, (uint64_t)items * s->ring.item);
    return PyLong_FromSsize_t(payload_of(slot) - rb_data(s->ring.map));
}

static PyObject *writer_commit(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Latest *s = (Latest *)op;
    struct rb_tag tag;
    if (!rb_ring_is_open(&s->ring)) return NULL;
    if (nargs != 1) {
        PyErr_SetString(PyExc_TypeError, "commit(items, *, kind=0, session=0, …): the number of items is needed");
        return NULL;
    }
    if (!s->open) {
        PyErr_SetString(rb_error, "nothing is claimed; claim before commit");
        return NULL;
    }
    const Py_ssize_t items = rb_count_arg(args[0], s->claimed / s->ring.item, "items");
    if (items < 0 || rb_parse_tag(&tag, args + nargs, kwnames)) return NULL;
    tag.length = (uint32_t)((uint64_t)items * s->ring.item);
    publish(s, &tag);
    Py_RETURN_NONE;
}

static PyObject *writer_put(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Latest *s = (Latest *)op;
    struct rb_tag tag;
    Py_buffer payload;
    if (!rb_ring_is_open(&s->ring)) return NULL;
    if (nargs != 1) {
        PyErr_SetString(PyExc_TypeError, "put(payload, *, kind=0, session=0, …): one payload is needed");
        return NULL;
    }
    if (rb_parse_tag(&tag, args + nargs, kwnames)) return NULL;
    if (PyObject_GetBuffer(args[0], &payload, PyBUF_SIMPLE)) return NULL;
    const uint64_t length = (uint64_t)payload.len;
    const int fits = length <= s->capacity && length % s->ring.item == 0;
    if (fits) {
        struct rb_slot *slot = begin(s, length);
        memcpy(payload_of(slot), payload.buf, length);
        tag.length = (uint32_t)length;
        publish(s, &tag);
    } else {
        PyErr_Format(PyExc_ValueError, "%zd bytes do not go into ring %s: at most %llu, in items of %llu", payload.len,
                     s->ring.map->name, (unsigned long long)s->capacity, (unsigned long long)s->ring.item);
    }
    PyBuffer_Release(&payload);
    if (!fits) return NULL;
    Py_RETURN_NONE;
}

static PyObject *writer_abort(PyObject *op, PyObject *unused)
{
    (void)unused;
    ((Latest *)op)->open = 0;
    Py_RETURN_NONE;
}

static int reader_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    if (latest_init(op, args, kwargs, RB_READ)) return -1;
    Latest *s = (Latest *)op;
    return rb_ring_watch(&s->ring, &s->side->position);
}

static uint64_t newest(const Latest *s) { return atomic_load_explicit(&s->side->position, memory_order_acquire); }

/* What was read before this call was publication k and nothing else. */
static int still_whole(const Latest *s, uint64_t k)
{
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&slot_of(s, k)->sequence, memory_order_relaxed) == 2 * k + 2;
}

/* Look at publication k: 1 whole so far and its tag in `tag`, 0 it is gone, -1 RingCorrupt set. */
static int look(const Latest *s, uint64_t k, struct rb_tag *tag)
{
    struct rb_slot *slot = slot_of(s, k);
    if (atomic_load_explicit(&slot->sequence, memory_order_acquire) == 2 * k + 2) {
        memcpy(tag, &slot->tag, sizeof *tag);
        if (still_whole(s, k)) {
            if (tag->position == k && tag->length <= s->capacity && tag->length % s->ring.item == 0) return 1;
            rb_raise_corrupt(s->ring.map, "a value is not one, or not of this reader's dtype");
            return -1;
        }
    }
    if (newest(s) != k) return 0;
    rb_raise_corrupt(s->ring.map, "its newest value is not there");
    return -1;
}

static void took(Latest *s, uint64_t k, const struct rb_tag *tag)
{
    s->sequence = k;
    s->record->tag = *tag;
    s->ring.watch->mark = k;
}

static PyObject *reader_read(PyObject *op, PyObject *unused)
{
    (void)unused;
    Latest *s = (Latest *)op;
    struct rb_tag tag;
    if (!rb_ring_is_open(&s->ring)) return NULL;
    for (int tries = 0; tries < TRIES; tries++) {
        const uint64_t k = newest(s);
        if (k == 0) break;
        const int found = look(s, k, &tag);
        if (found < 0) return NULL;
        if (!found) continue;
        PyObject *copy = PyBytes_FromStringAndSize(payload_of(slot_of(s, k)), (Py_ssize_t)tag.length);
        if (!copy) return NULL;
        if (still_whole(s, k)) {
            took(s, k, &tag);
            return copy;
        }
        Py_DECREF(copy);
    }
    Py_RETURN_NONE;
}

/* The newest value's offset in the data, -1 when there is none. */
static PyObject *reader_acquire(PyObject *op, PyObject *unused)
{
    (void)unused;
    Latest *s = (Latest *)op;
    struct rb_tag tag;
    if (!rb_ring_is_open(&s->ring)) return NULL;
    for (int tries = 0; tries < TRIES; tries++) {
        const uint64_t k = newest(s);
        if (k == 0) break;
        const int found = look(s, k, &tag);
        if (found < 0) return NULL;
        if (!found) continue;
        took(s, k, &tag);
        return PyLong_FromSsize_t(payload_of(slot_of(s, k)) - rb_data(s->ring.map));
    }
    return PyLong_FromLong(-1);
}

static PyObject *reader_check(PyObject *op, PyObject *unused)
{
    (void)unused;
    Latest *s = (Latest *)op;
    if (!rb_ring_is_open(&s->ring)) return NULL;
    return PyBool_FromLong(s->sequence != 0 && still_whole(s, s->sequence));
}

static PyObject *latest_sequence(PyObject *op, void *unused)
{
    (void)unused;
    Latest *s = (Latest *)op;
    return rb_ring_is_open(&s->ring) ? PyLong_FromUnsignedLongLong(newest(s)) : NULL;
}

static PyObject *reader_fresh(PyObject *op, void *unused)
{
    (void)unused;
    Latest *s = (Latest *)op;
    return rb_ring_is_open(&s->ring) ? PyBool_FromLong(newest(s) != s->sequence) : NULL;
}

static void latest_dealloc(PyObject *op)
{
    Py_CLEAR(((Latest *)op)->record);
    rb_ring_dealloc(op);
}

static PyMethodDef writer_methods[] = {
    {"claim_at", writer_claim, METH_O, "Claim a slot for so many items: the payload's offset."},
    {"commit", RB_FAST(writer_commit), METH_FASTCALL | METH_KEYWORDS, "Publish the first `items` of what was claimed."},
    {"put", RB_FAST(writer_put), METH_FASTCALL | METH_KEYWORDS, "Copy a value in and publish it."},
    {"abort", writer_abort, METH_NOARGS, "Give a claim up. Nothing is published."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef writer_getset[] = {
    {"sequence", latest_sequence, NULL, "How many values were published.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot writer_slots[] = {
    {Py_tp_init, writer_init}, {Py_tp_dealloc, latest_dealloc}, {Py_tp_methods, writer_methods},
    {Py_tp_getset, writer_getset}, {0, NULL},
};
PyType_Spec rb_latest_writer_spec = {"ringbuf._core.LatestWriter", sizeof(Latest), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, writer_slots};

static PyMethodDef reader_methods[] = {
    {"read", reader_read, METH_NOARGS, "A whole copy of the newest value; None when there is none."},
    {"acquire_at", reader_acquire, METH_NOARGS, "The newest value's offset, -1 when there is none."},
    {"check", reader_check, METH_NOARGS, "After use: what acquire gave is still that value and nothing else."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef reader_members[] = {
    {"watch", T_OBJECT_EX, offsetof(Ring, watch), READONLY, "What a Waiter waits on."},
    {"record", T_OBJECT_EX, offsetof(Latest, record), READONLY, "The tag of what was last read."},
    {NULL, 0, 0, 0, NULL},
};
static PyGetSetDef reader_getset[] = {
    {"sequence", latest_sequence, NULL, "How many values were published.", NULL},
    {"fresh", reader_fresh, NULL, "There is something newer than what was last read.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot reader_slots[] = {
    {Py_tp_init, reader_init}, {Py_tp_dealloc, latest_dealloc}, {Py_tp_methods, reader_methods},
    {Py_tp_members, reader_members}, {Py_tp_getset, reader_getset}, {0, NULL},
};
PyType_Spec rb_latest_reader_spec = {"ringbuf._core.LatestReader", sizeof(Latest), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, reader_slots};
