/* Tags: what every record carries beside its payload, as keyword arguments in and as Record attributes out. */
#include "ring.h"

#include <string.h>

static const struct {
    const char *name;
    size_t offset, size; /* 2 and 4 are unsigned, 8 is signed */
} fields[] = {
#define TAG_FIELD(name) {#name, offsetof(struct rb_tag, name), sizeof((struct rb_tag){0}.name)}
    TAG_FIELD(kind),       TAG_FIELD(flags),       TAG_FIELD(session), TAG_FIELD(turn), TAG_FIELD(attempt),
    TAG_FIELD(capture_ns), TAG_FIELD(deadline_ns), TAG_FIELD(a),       TAG_FIELD(b),
};
#define FIELDS (int)(sizeof fields / sizeof fields[0])
static PyObject *field_names[FIELDS];

int rb_tags_init(void)
{
    for (int i = 0; i < FIELDS; i++) {
        if (!field_names[i]) field_names[i] = PyUnicode_InternFromString(fields[i].name);
        if (!field_names[i]) return -1;
    }
    return 0;
}

int rb_parse_tag(struct rb_tag *tag, const char *call, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    if (nargs != 1) {
        PyErr_SetString(PyExc_TypeError, call);
        return -1;
    }
    PyObject *const *values = args + 1;
    const Py_ssize_t n = kwnames ? PyTuple_Size(kwnames) : 0;
    memset(tag, 0, sizeof *tag);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *name = PyTuple_GetItem(kwnames, i);
        const int f = rb_name_index(field_names, FIELDS, name);
        if (f < 0) {
            PyErr_Format(PyExc_TypeError, "a record has no '%U'", name);
            return -1;
        }
        const int64_t value = rb_int64_arg(values[i]);
        if (value == -1 && PyErr_Occurred()) return -1;
        char *at = (char *)tag + fields[f].offset;
        if (fields[f].size < 8 && (value < 0 || value >> (8 * fields[f].size))) {
            PyErr_Format(PyExc_ValueError, "%s=%lld does not fit into %d bits", fields[f].name, (long long)value,
                         (int)(8 * fields[f].size));
            return -1;
        }
        if (fields[f].size == 2) memcpy(at, &(uint16_t){(uint16_t)value}, 2);
        else if (fields[f].size == 4) memcpy(at, &(uint32_t){(uint32_t)value}, 4);
        else memcpy(at, &value, 8);
    }
    return 0;
}

Record *rb_record_new(void)
{
    return rb_alloc(rb_record_type);
}

static void record_dealloc(PyObject *op)
{
    Py_CLEAR(((Record *)op)->data);
    rb_free(op);
}

#define MEMBER(name, type, doc) {#name, type, offsetof(Record, tag) + offsetof(struct rb_tag, name), READONLY, doc}
static PyMemberDef record_members[] = {
    MEMBER(length, T_UINT, "Payload bytes."),
    MEMBER(kind, T_USHORT, "What the record is; the two ends agree on the numbers."),
    MEMBER(flags, T_USHORT, NULL),
    MEMBER(session, T_UINT, NULL),
    MEMBER(turn, T_UINT, NULL),
    MEMBER(attempt, T_UINT, NULL),
    MEMBER(capture_ns, T_LONGLONG, "When its sound was captured, CLOCK_MONOTONIC."),
    MEMBER(deadline_ns, T_LONGLONG, "When it stops being of use, CLOCK_MONOTONIC; 0 is never."),
    MEMBER(a, T_LONGLONG, "First argument, as the kind defines it."),
    MEMBER(b, T_LONGLONG, "Second argument, as the kind defines it."),
    {"data", T_OBJECT, offsetof(Record, data), 0, "The payload, a view that may not be written."},
    {NULL, 0, 0, 0, NULL},
};
static PyType_Slot record_slots[] = {{Py_tp_dealloc, record_dealloc}, {Py_tp_members, record_members}, {0, NULL}};
PyType_Spec rb_record_spec = {"ringbuf._core.Record", sizeof(Record), 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, record_slots};
