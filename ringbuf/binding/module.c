/* The module: types, and what only a creator or a cleaner needs. */
#include "ring.h"

#include "../core/role.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

PyTypeObject *rb_ring_type, *rb_mapping_type, *rb_watch_type, *rb_bell_type, *rb_record_type;

static int geometry_of(PyObject *args, PyObject *kwargs, int *fd, struct rb_geometry *g, struct rb_layout *l)
{
    static char *names[] = {"kind",    "capacity", "item",  "rate",  "slots", "readers",
                            "blocks", "first",    "dtype", "fd",    NULL};
    unsigned long long capacity, first = 0;
    const char *dtype = "";
    memset(g, 0, sizeof *g);
    g->item = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "IK|$IIIIIKsi", names, &g->kind, &capacity, &g->item, &g->rate,
                                     &g->slots, &g->readers, &g->blocks, &first, &dtype, fd))
        return -1;
    g->capacity = capacity;
    g->first = first;
    memcpy(g->dtype, dtype, strnlen(dtype, sizeof g->dtype));
    const char *wrong = rb_layout_of(g, l);
    if (wrong) PyErr_Format(PyExc_ValueError, "such a ring cannot be made: %s", wrong);
    return wrong ? -1 : 0;
}

static PyObject *core_measure(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)self;
    int fd = -1;
    struct rb_geometry g;
    struct rb_layout l;
    if (geometry_of(args, kwargs, &fd, &g, &l)) return NULL;
    return PyLong_FromUnsignedLongLong(l.total);
}

static PyObject *core_format(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)self;
    int fd = -1;
    struct rb_geometry g;
    struct rb_layout l;
    struct stat st;
    if (geometry_of(args, kwargs, &fd, &g, &l)) return NULL;
    if (fstat(fd, &st) != 0) return PyErr_SetFromErrno(PyExc_OSError);
    if ((uint64_t)st.st_size != l.total) {
        PyErr_SetString(PyExc_ValueError, "the segment has another size than was measured");
        return NULL;
    }
    void *base = mmap(NULL, l.table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) return PyErr_SetFromErrno(PyExc_OSError);
    rb_format(base, &g, &l, rb_holder_self(), rb_now_ns());
    munmap(base, l.table);
    Py_RETURN_NONE;
}

static PyObject *core_process_start(PyObject *self, PyObject *arg)
{
    (void)self;
    const unsigned long long pid = PyLong_AsUnsignedLongLong(arg);
    if (pid == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
    return PyLong_FromUnsignedLongLong(rb_process_start(pid));
}

static PyObject *core_creator_alive(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer bytes;
    unsigned long long size;
    struct rb_header h;
    if (!PyArg_ParseTuple(args, "y*K", &bytes, &size)) return NULL;
    const int whole = bytes.len == (Py_ssize_t)sizeof h;
    if (whole) memcpy(&h, bytes.buf, sizeof h);
    PyBuffer_Release(&bytes);
    if (!whole || rb_check_header(&h, size)) Py_RETURN_NONE;
    return PyBool_FromLong(rb_holder_alive(h.creator));
}

static PyMethodDef core_methods[] = {
    {"measure", RB_FAST(core_measure), METH_VARARGS | METH_KEYWORDS, "Bytes a segment of this geometry takes."},
    {"format", RB_FAST(core_format), METH_VARARGS | METH_KEYWORDS, "Write the header into the new segment `fd`."},
    {"process_start", core_process_start, METH_O,
     "When the process started, in clock ticks since boot; 0 when there is none or it is dead."},
    {"creator_alive", core_creator_alive, METH_VARARGS,
     "Whether the process that made the segment with this header lives; None when it is not a whole header."},
    {NULL, NULL, 0, NULL},
};

static PyObject *add_type(PyObject *module, const char *name, PyType_Spec *spec, PyObject *base)
{
    PyObject *type = base ? PyType_FromSpecWithBases(spec, base) : PyType_FromSpec(spec);
    if (type && PyModule_AddObjectRef(module, name, type)) Py_CLEAR(type);
    return type; /* one reference is kept for ever, as the module is */
}

static int import_errors(void)
{
    static const struct {
        PyObject **at;
        const char *name;
    } errors[] = {
        {&rb_error, "RingError"},
        {&rb_corrupt, "RingCorrupt"},
        {&rb_wrong_kind, "WrongKind"},
        {&rb_role_taken, "RoleTaken"},
        {&rb_no_ring, "NoRing"},
    };
    PyObject *module = PyImport_ImportModule("ringbuf.errors");
    if (!module) return -1;
    int failed = 0;
    for (size_t i = 0; !failed && i < sizeof errors / sizeof errors[0]; i++) {
        *errors[i].at = PyObject_GetAttrString(module, errors[i].name);
        failed = *errors[i].at == NULL;
    }
    Py_DECREF(module);
    return failed ? -1 : 0;
}

int rb_forks = 1;
static void forked(void) { rb_forks++; }

static int core_exec(PyObject *module)
{
    static const struct {
        const char *name;
        PyType_Spec *spec;
        PyTypeObject **at;
        int is_ring;
    } types[] = {
        {"Mapping", &rb_mapping_spec, &rb_mapping_type, 0},
        {"Watch", &rb_watch_spec, &rb_watch_type, 0},
        {"Bell", &rb_bell_spec, &rb_bell_type, 0},
        {"Record", &rb_record_spec, &rb_record_type, 0},
        {"Waiter", &rb_waiter_spec, NULL, 0},
        {"StreamWriter", &rb_stream_writer_spec, NULL, 1},
        {"StreamReader", &rb_stream_reader_spec, NULL, 1},
        {"HistoryWriter", &rb_history_writer_spec, NULL, 1},
        {"HistoryReader", &rb_history_reader_spec, NULL, 1},
        {"LatestWriter", &rb_latest_writer_spec, NULL, 1},
        {"LatestReader", &rb_latest_reader_spec, NULL, 1},
        {"Cells", &rb_cells_spec, NULL, 1},
        {"Lease", &rb_lease_spec, NULL, 1},
    };
    static const struct {
        const char *name;
        long value;
    } constants[] = {
        {"STREAM", RB_STREAM},   {"HISTORY", RB_HISTORY}, {"LATEST", RB_LATEST},
        {"CELLS", RB_CELLS},     {"BELLS", RB_BELLS},     {"LEASE", RB_LEASE},
        {"OBSERVE", RB_OBSERVE}, {"WRITE", RB_WRITE},     {"READ", RB_READ},
        {"SHARE", RB_SHARE},     {"HEADER", sizeof(struct rb_header)},
    };
    if (rb_ring_type) {
        PyErr_SetString(PyExc_ImportError, "ringbuf._core is loaded already, here or in another interpreter of this process");
        return -1;
    }
    if (rb_tags_init() || import_errors() || pthread_atfork(NULL, NULL, forked)) return -1;
    PyObject *ring = add_type(module, "Ring", &rb_ring_spec, NULL);
    if (!ring) return -1;
    rb_ring_type = (PyTypeObject *)ring;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        PyObject *type = add_type(module, types[i].name, types[i].spec, types[i].is_ring ? ring : NULL);
        if (!type) return -1;
        if (types[i].at) *types[i].at = (PyTypeObject *)type;
    }
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value)) return -1;
    }
    return 0;
}

static PyModuleDef_Slot core_slots[] = {{Py_mod_exec, (void *)core_exec}, {0, NULL}};
static struct PyModuleDef core_module = {
    PyModuleDef_HEAD_INIT, "ringbuf._core", "The C core of ringbuf.", 0, core_methods, core_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&core_module); }
