/* History, the writer: samples, oldest overwritten, any number of readers that it never waits for.
 *
 *   writer                                        reader
 *     store(intent, position + n)      A            load_acquire(position)           E
 *     fence(release)                   B            use the samples in place
 *     write n samples                               fence(acquire)                   F
 *     write the block table entry      C            load(intent)                     G
 *     store_release(position)          D            whole iff first used >= intent - capacity
 *
 * D pairs with E: what is published is there. B pairs with F: a reader that saw one overwritten sample sees at G the
 * intent that announced it. `intent` never goes back: a writer killed in the middle may have spoilt what it announced.
 */
#include "blocks.h"
#include "ring.h"

#include <string.h>

typedef struct {
    Ring ring;
    struct rb_side *side;
    struct rb_block *table;
    uint64_t capacity, size; /* samples; entries of the block table */
    uint64_t position, intent, blocks, claimed;
    int open;
} Writer;

/* A predecessor killed between the block table (C) and the position (D) left a block that was never published. */
static void drop_unpublished_block(Writer *w)
{
    struct rb_block_copy last;
    if (w->blocks == 0 || !rb_block_read(w->table, w->size, w->blocks - 1, &last)) return;
    if ((int64_t)(last.first + last.count - w->position) > 0) {
        w->blocks--;
        atomic_store_explicit(&w->side->blocks, w->blocks, memory_order_release);
    }
}

static int writer_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"mapping", "bells", NULL};
    Writer *w = (Writer *)op;
    PyObject *mapping, *bells;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O", names, rb_mapping_type, &mapping, &bells)) return -1;
    const struct rb_geometry *g = &((Mapping *)mapping)->header.geometry;
    if (rb_ring_open(&w->ring, mapping, RB_HISTORY, RB_WRITE, bells, g->item)) return -1;
    w->side = rb_writer_side(w->ring.map);
    w->table = (void *)(w->ring.map->base + w->ring.map->header.layout.table);
    w->capacity = g->capacity;
    w->size = g->blocks;
    w->position = atomic_load_explicit(&w->side->position, memory_order_acquire);
    w->intent = atomic_load_explicit(&w->side->intent, memory_order_relaxed);
    w->blocks = atomic_load_explicit(&w->side->blocks, memory_order_relaxed);
    if (w->intent - w->position > w->capacity) {
        rb_raise_corrupt(w->ring.map, "its positions are impossible");
        return -1;
    }
    drop_unpublished_block(w);
    return 0;
}

static void announce(Writer *w, uint64_t n)
{
    w->claimed = n;
    w->open = 1;
    if ((int64_t)(w->position + n - w->intent) <= 0) return;
    w->intent = w->position + n;
    atomic_store_explicit(&w->side->intent, w->intent, memory_order_relaxed);
    /* SYNC POINT: pairs with the acquire fence in the reader's oldest_whole (F). */
    atomic_thread_fence(memory_order_release);
}

static void publish(Writer *w, uint32_t count, int64_t capture_ns, uint32_t flags)
{
    const struct rb_block_copy block = {w->position, capture_ns, count, flags};
    w->open = 0;
    if (count == 0) return;
    rb_block_write(w->table, w->size, w->blocks, &block);
    w->blocks++;
    w->position += count;
    atomic_store_explicit(&w->side->blocks, w->blocks, memory_order_release);
    /* SYNC POINT: pairs with every acquire of the position in history_reader.c (E). */
    atomic_store_explicit(&w->side->position, w->position, memory_order_release);
    rb_ring_sleepers(w->ring.lines, w->ring.line_count);
}

static PyObject *writer_claim(PyObject *op, PyObject *arg)
{
    Writer *w = (Writer *)op;
    if (!rb_ring_is_open(&w->ring)) return NULL;
    const Py_ssize_t n = rb_count_arg(arg, w->capacity / 2, "samples");
    if (n < 0) return NULL;
    announce(w, (uint64_t)n);
    return PyLong_FromUnsignedLongLong(w->position & (w->capacity - 1));
}

static PyObject *writer_commit(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"n", "capture_ns", "flags", NULL};
    Writer *w = (Writer *)op;
    PyObject *count, *capture = NULL;
    unsigned int flags = 0;
    if (!rb_ring_is_open(&w->ring)) return NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OI", names, &count, &capture, &flags)) return NULL;
    if (!w->open) {
        PyErr_SetString(rb_error, "nothing is claimed; claim before commit");
        return NULL;
    }
    if (!capture) {
        PyErr_SetString(PyExc_TypeError, "commit(n, *, capture_ns, flags=0): capture_ns is needed");
        return NULL;
    }
    const Py_ssize_t n = rb_count_arg(count, w->claimed, "samples");
    if (n < 0) return NULL;
    const int64_t capture_ns = PyLong_AsLongLong(capture);
    if (capture_ns == -1 && PyErr_Occurred()) return NULL;
    publish(w, (uint32_t)n, capture_ns, flags);
    Py_RETURN_NONE;
}

static PyObject *writer_put(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"samples", "capture_ns", "flags", NULL};
    Writer *w = (Writer *)op;
    PyObject *samples;
    long long capture_ns;
    unsigned int flags = 0;
    Py_buffer buffer;
    if (!rb_ring_is_open(&w->ring)) return NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OL|I", names, &samples, &capture_ns, &flags)) return NULL;
    if (PyObject_GetBuffer(samples, &buffer, PyBUF_SIMPLE)) return NULL;
    const uint64_t bytes = (uint64_t)buffer.len, n = bytes / w->ring.item;
    const int fits = bytes % w->ring.item == 0 && n <= w->capacity / 2;
    if (fits) {
        announce(w, n);
        memcpy(rb_data(w->ring.map) + (w->position & (w->capacity - 1)) * w->ring.item, buffer.buf, bytes);
        publish(w, (uint32_t)n, capture_ns, flags);
    } else {
        PyErr_Format(PyExc_ValueError, "%zd bytes do not go into ring %s at once: at most %llu, in samples of %llu",
                     buffer.len, w->ring.map->name, (unsigned long long)(w->capacity / 2 * w->ring.item),
                     (unsigned long long)w->ring.item);
    }
    PyBuffer_Release(&buffer);
    if (!fits) return NULL;
    Py_RETURN_NONE;
}

static PyObject *writer_abort(PyObject *op, PyObject *unused)
{
    (void)unused;
    ((Writer *)op)->open = 0;
    Py_RETURN_NONE;
}

static PyMethodDef writer_methods[] = {
    {"claim_at", writer_claim, METH_O, "Announce that the next n samples will be written: the first one's place."},
    {"commit", RB_FAST(writer_commit), METH_VARARGS | METH_KEYWORDS,
     "Publish the first n claimed samples; capture_ns is the capture time of the first of them."},
    {"put", RB_FAST(writer_put), METH_VARARGS | METH_KEYWORDS, "Copy samples in and publish them."},
    {"abort", writer_abort, METH_NOARGS, "Give a claim up. Nothing is published."},
    {NULL, NULL, 0, NULL},
};
static PyMemberDef writer_members[] = {
    {"position", T_ULONGLONG, offsetof(Writer, position), READONLY, "Samples published so far; the next one's index."},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot writer_slots[] = {
    {Py_tp_init, writer_init}, {Py_tp_dealloc, rb_ring_dealloc}, {Py_tp_methods, writer_methods},
    {Py_tp_members, writer_members}, {0, NULL},
};
PyType_Spec rb_history_writer_spec = {"ringbuf._core.HistoryWriter", sizeof(Writer), 0,
                                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, writer_slots};
