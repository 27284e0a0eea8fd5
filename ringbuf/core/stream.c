/* Stream: one writer, one reader, records of any length up to a quarter of the ring.
 *
 * A record is a 64-byte tag and its payload, rounded up to whole tags. It never wraps: what is too long for the rest of
 * the ring is preceded by a padding record. Padding rather than a second mapping, because fixed-size frames then always
 * lie at the same few places, whose NumPy views are made once; and because a race through two mappings of one page
 * is invisible to ThreadSanitizer.
 *
 *   writer                                        reader
 *     load_acquire(reader position)    A            load_acquire(writer position)    C
 *     write tag and payload                         read tag and payload
 *     store_release(writer position)   B            store_release(reader position)   D
 *
 * B pairs with C: what was published is whole. D pairs with A: what is overwritten was read. Nothing is published by a
 * claim, so a writer killed in the middle leaves nothing to repair; a reader killed before D gets its record again.
 */
#include "ring.h"

#include <string.h>

typedef struct {
    Ring ring;
    struct rb_side *writer, *reader;
    uint64_t capacity;
    uint64_t write, read; /* own position, and the last seen of the other side */
    /* writer */
    uint64_t claimed, padding; /* payload bytes, and what must precede the record; valid while `open` */
    uint64_t space; /* payload bytes asked for by space(); valid while ring.watch */
    int open;
    /* reader */
    uint64_t taken; /* bytes of the acquired record, 0: none */
    Record *record;
} Stream;

static uint64_t stride_of(uint64_t length) { return RB_TAG + rb_round_up(length, RB_TAG); }
static uint64_t max_payload(const Stream *s) { return s->capacity / 4 - RB_TAG; }
static uint64_t offset_of(const Stream *s, uint64_t position) { return position & (s->capacity - 1); }
static struct rb_tag *tag_at(const Stream *s, uint64_t position)
{
    return (void *)(rb_data(s->ring.map) + offset_of(s, position));
}

/* What the other side's position may be is kept only after this: a bad one must not be believed by the next call. */
static int check_positions(const Stream *s, uint64_t write, uint64_t read)
{
    if (write - read <= s->capacity && write % RB_TAG == 0 && read % RB_TAG == 0) return 0;
    rb_raise_corrupt(s->ring.map, "its positions are impossible");
    return -1;
}

static int stream_init(PyObject *op, PyObject *args, PyObject *kwargs, enum rb_access access, const char *start)
{
    static char *names[] = {"mapping", "bells", "item", "start", NULL};
    Stream *s = (Stream *)op;
    PyObject *mapping, *bells;
    unsigned long long item;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOK|s", names, &mapping, &bells, &item, &start)) return -1;
    if (item == 0) {
        PyErr_SetString(PyExc_ValueError, "items have at least one byte");
        return -1;
    }
    if (rb_ring_open(&s->ring, mapping, RB_STREAM, access, bells, item)) return -1;
    const Mapping *map = s->ring.map;
    s->writer = rb_writer_side(map);
    s->reader = rb_reader_side(map, 0);
    s->capacity = map->header.geometry.capacity;
    s->write = atomic_load_explicit(&s->writer->position, memory_order_acquire);
    if (access == RB_READ && strcmp(start, "latest") == 0) s->read = s->write;
    else s->read = atomic_load_explicit(&s->reader->position, memory_order_acquire);
    return check_positions(s, s->write, s->read);
}

/* ---- writer ---- */

static uint64_t padding_before(const Stream *s, uint64_t length)
{
    const uint64_t rest = s->capacity - offset_of(s, s->write);
    return stride_of(length) > rest ? rest : 0;
}

/* Keeps the space watch true as the writer moves on. Ready iff read - (write - capacity) >= need. */
static void update_space(Stream *s)
{
    if (!s->ring.watch) return;
    s->ring.watch->mark = s->write - s->capacity;
    s->ring.watch->need = padding_before(s, s->space) + stride_of(s->space);
}

/* 1: there is room, 0: full, -1: exception. */
static int make_room(Stream *s, uint64_t length)
{
    s->open = 0;
    s->claimed = length;
    s->padding = padding_before(s, length);
    const uint64_t need = s->padding + stride_of(length);
    if (s->capacity - (s->write - s->read) >= need) return 1;
    /* SYNC POINT: pairs with the reader's release in reader_release (D). */
    const uint64_t read = atomic_load_explicit(&s->reader->position, memory_order_acquire);
    if (check_positions(s, s->write, read)) return -1;
    s->read = read;
    if (s->capacity - (s->write - s->read) >= need) return 1;
    const uint64_t full = atomic_load_explicit(&s->writer->count, memory_order_relaxed);
    atomic_store_explicit(&s->writer->count, full + 1, memory_order_relaxed);
    return 0;
}

static void publish(Stream *s, struct rb_tag *tag)
{
    if (s->padding) {
        const struct rb_tag pad = {.length = (uint32_t)(s->padding - RB_TAG), .what = RB_PADDING, .position = s->write};
        memcpy(tag_at(s, s->write), &pad, sizeof pad);
        s->write += s->padding;
    }
    tag->position = s->write;
    memcpy(tag_at(s, s->write), tag, sizeof *tag);
    s->write += stride_of(tag->length);
    s->open = 0;
    /* SYNC POINT: pairs with the acquire in reader_acquire (C). */
    atomic_store_explicit(&s->writer->position, s->write, memory_order_release);
    update_space(s);
    rb_ring_sleepers(s->ring.lines, s->ring.line_count);
}

static int writer_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    return stream_init(op, args, kwargs, RB_WRITE, "resume");
}

static PyObject *writer_claim(PyObject *op, PyObject *arg)
{
    Stream *s = (Stream *)op;
    if (!rb_ring_is_open(&s->ring)) return NULL;
    const Py_ssize_t items = rb_count_arg(arg, max_payload(s) / s->ring.item, "items");
    if (items < 0) return NULL;
    const uint64_t length = (uint64_t)items * s->ring.item;
    const int room = make_room(s, length);
    if (room < 0) return NULL;
    if (!room) return PyLong_FromLong(-1);
    s->open = 1;
    return PyLong_FromUnsignedLongLong(offset_of(s, s->write + s->padding) + RB_TAG);
}

static PyObject *writer_commit(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Stream *s = (Stream *)op;
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

static PyObject *writer_abort(PyObject *op, PyObject *unused)
{
    (void)unused;
    ((Stream *)op)->open = 0;
    Py_RETURN_NONE;
}

static PyObject *writer_put(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Stream *s = (Stream *)op;
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
    int room = -1;
    if (length > max_payload(s) || length % s->ring.item) {
        PyErr_Format(PyExc_ValueError, "%zd bytes do not go into one record of ring %s: at most %llu, in items of %llu",
                     payload.len, s->ring.map->name, (unsigned long long)max_payload(s),
                     (unsigned long long)s->ring.item);
    } else {
        room = make_room(s, length);
    }
    if (room > 0) {
        tag.length = (uint32_t)length;
        memcpy((char *)tag_at(s, s->write + s->padding) + RB_TAG, payload.buf, length);
        publish(s, &tag);
    }
    PyBuffer_Release(&payload);
    return room < 0 ? NULL : PyBool_FromLong(room);
}

static PyObject *writer_space(PyObject *op, PyObject *arg)
{
    Stream *s = (Stream *)op;
    if (!rb_ring_is_open(&s->ring)) return NULL;
    const Py_ssize_t items = rb_count_arg(arg, max_payload(s) / s->ring.item, "items");
    if (items < 0) return NULL;
    if (!s->ring.watch && rb_ring_watch(&s->ring, &s->reader->position)) return NULL;
    s->space = (uint64_t)items * s->ring.item;
    update_space(s);
    Py_INCREF((PyObject *)s->ring.watch);
    return (PyObject *)s->ring.watch;
}

static PyObject *writer_full_count(PyObject *op, void *unused)
{
    (void)unused;
    Stream *s = (Stream *)op;
    if (!rb_ring_is_open(&s->ring)) return NULL;
    return PyLong_FromUnsignedLongLong(atomic_load_explicit(&s->writer->count, memory_order_relaxed));
}

static PyObject *writer_max_items(PyObject *op, void *unused)
{
    (void)unused;
    Stream *s = (Stream *)op;
    if (!rb_ring_is_open(&s->ring)) return NULL;
    return PyLong_FromUnsignedLongLong(max_payload(s) / s->ring.item);
}

/* ---- reader ---- */

static int reader_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    Stream *s = (Stream *)op;
    if (stream_init(op, args, kwargs, RB_READ, "resume")) return -1;
    atomic_store_explicit(&s->reader->position, s->read, memory_order_release);
    if (rb_ring_watch(&s->ring, &s->writer->position)) return -1;
    s->ring.watch->mark = s->read;
    s->record = rb_record_new();
    return s->record ? 0 : -1;
}

static void give_back(Stream *s, uint64_t bytes)
{
    s->read += bytes;
    s->ring.watch->mark = s->read;
    /* SYNC POINT: pairs with the writer's acquire in make_room (A). */
    atomic_store_explicit(&s->reader->position, s->read, memory_order_release);
    rb_ring_sleepers(s->ring.lines, s->ring.line_count);
}

/* Returns the payload's offset in the data, -1 when there is no record. */
static PyObject *reader_acquire(PyObject *op, PyObject *unused)
{
    (void)unused;
    Stream *s = (Stream *)op;
    if (!rb_ring_is_open(&s->ring)) return NULL;
    for (;;) {
        if (s->write == s->read) {
            /* SYNC POINT: pairs with the writer's release in publish (B). */
            const uint64_t write = atomic_load_explicit(&s->writer->position, memory_order_acquire);
            if (check_positions(s, write, s->read)) return NULL;
            s->write = write;
            if (s->write == s->read) return PyLong_FromLong(-1);
        }
        /* Copied first and checked after: nobody can change it in between. */
        struct rb_tag tag;
        memcpy(&tag, tag_at(s, s->read), sizeof tag);
        const uint64_t stride = stride_of(tag.length);
        const int padding = tag.what == RB_PADDING;
        if ((!padding && tag.what != RB_RECORD) || tag.position != s->read || stride > s->write - s->read ||
            stride > s->capacity - offset_of(s, s->read) || (!padding && tag.length > max_payload(s)) ||
            tag.length % (padding ? 1 : s->ring.item))
            return rb_raise_corrupt(s->ring.map, "a record is not one, or not of this reader's dtype");
        if (!padding) {
            s->record->tag = tag;
            s->taken = stride;
            return PyLong_FromUnsignedLongLong(offset_of(s, s->read) + RB_TAG);
        }
        give_back(s, stride);
    }
}

static PyObject *reader_release(PyObject *op, PyObject *unused)
{
    (void)unused;
    Stream *s = (Stream *)op;
    if (!rb_ring_is_open(&s->ring)) return NULL;
    if (!s->taken) {
        PyErr_SetString(rb_error, "nothing is acquired; acquire before release");
        return NULL;
    }
    give_back(s, s->taken);
    s->taken = 0;
    Py_RETURN_NONE;
}

static void reader_dealloc(PyObject *op)
{
    Py_CLEAR(((Stream *)op)->record);
    rb_ring_dealloc(op);
}

static PyMethodDef writer_methods[] = {
    {"claim_at", writer_claim, METH_O, "Claim space for so many items: the offset of the payload, -1 when full."},
    {"commit", RB_FAST(writer_commit), METH_FASTCALL | METH_KEYWORDS,
     "Publish the first `items` of what was claimed, with its tag, and wake the reader."},
    {"abort", writer_abort, METH_NOARGS, "Give a claim up. Nothing was published, nothing is to be undone."},
    {"put", RB_FAST(writer_put), METH_FASTCALL | METH_KEYWORDS,
     "Copy a payload in and publish it. False when the ring is full."},
    {"space", writer_space, METH_O,
     "What to wait on until so many items can be claimed; it follows the writer. One per writer: the last call counts."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef writer_getset[] = {
    {"full_count", writer_full_count, NULL, "How often claim or put found the ring full, since it was created.", NULL},
    {"max_items", writer_max_items, NULL, "The most items one record can hold.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot writer_slots[] = {
    {Py_tp_init, writer_init}, {Py_tp_dealloc, rb_ring_dealloc}, {Py_tp_methods, writer_methods},
    {Py_tp_getset, writer_getset}, {0, NULL},
};
PyType_Spec rb_stream_writer_spec = {"ringbuf._core.StreamWriter", sizeof(Stream), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, writer_slots};

static PyMethodDef reader_methods[] = {
    {"acquire_at", reader_acquire, METH_NOARGS, "Fill `record` with the next one: its payload's offset, -1: none."},
    {"release", reader_release, METH_NOARGS, "Give the acquired record's space back to the writer."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef reader_members[] = {
    {"watch", T_OBJECT_EX, offsetof(Ring, watch), READONLY, "What a Waiter waits on."},
    {"record", T_OBJECT_EX, offsetof(Stream, record), READONLY, "The one Record object, reused by every acquire."},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot reader_slots[] = {
    {Py_tp_init, reader_init}, {Py_tp_dealloc, reader_dealloc}, {Py_tp_methods, reader_methods},
    {Py_tp_members, reader_members}, {0, NULL},
};
PyType_Spec rb_stream_reader_spec = {"ringbuf._core.StreamReader", sizeof(Stream), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, reader_slots};
