/* Segments, guard pages, pokes and the target's entry. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- guard pages: linked with --wrap=mmap,--wrap=munmap ---- */

#define GUARD ((size_t)1 << 20)

void *__real_mmap(void *at, size_t length, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t length);

static int open_mappings;
static char *reserved; /* by the last rb_map_open */
static size_t reserved_length;

int mappings(void) { return open_mappings; }

/* rb_map_open reserves its address space with one anonymous mapping without rights: give it room on both sides. What it
 * then puts at fixed addresses must lie there, else it would go over the fuzzer itself. */
void *__wrap_mmap(void *at, size_t length, int prot, int flags, int fd, off_t offset)
{
    if (flags & MAP_FIXED) {
        const size_t from = (size_t)((char *)at - reserved);
        must(from <= reserved_length && length <= reserved_length - from, "a mapping leaves the space reserved for it");
    }
    if (prot != PROT_NONE || fd >= 0) return __real_mmap(at, length, prot, flags, fd, offset);
    char *got = __real_mmap(at, length + 2 * GUARD, prot, flags, fd, offset);
    if (got == MAP_FAILED) return MAP_FAILED;
    open_mappings++;
    reserved = got + GUARD;
    reserved_length = length;
    return reserved;
}

int __wrap_munmap(void *at, size_t length)
{
    open_mappings--;
    return __real_munmap((char *)at - GUARD, length + 2 * GUARD);
}

/* ---- segments ---- */

static void forbid(const struct rb_map *m, uint64_t from, uint64_t to)
{
    if (to > from) ASAN_POISON_MEMORY_REGION(m->base + from, to - from);
}

static void open_role(struct segment *s, struct rb_map *m, enum rb_access access, uint32_t slot)
{
    const struct rb_layout *l = &s->layout;
    const struct rb_geometry *g = &s->geometry;
    must(rb_map_open(m, s->fd, g->kind, access, slot) == RB_OK, "a good segment was refused");
    forbid(m, 0, l->page); /* the header has been copied and is never read again */
    for (uint64_t side = l->writer; side && side < l->table; side += l->page)
        forbid(m, side + sizeof(struct rb_side), side + l->page);
    for (uint32_t i = 0; i < g->readers; i++) {
        if (g->kind == RB_HISTORY && (access != RB_READ || i != slot))
            forbid(m, l->reader + i * l->page, l->reader + (i + 1) * l->page);
    }
    forbid(m, l->table + g->blocks * sizeof(struct rb_block), l->data);
    const uint64_t used = g->kind == RB_LATEST ? g->slots * rb_slot_stride(g->capacity) : g->capacity * g->item;
    forbid(m, l->data + used, l->data + l->data_len);
}

#define MAX_SEGMENTS 16

struct segment *segment_of(const struct rb_geometry *g)
{
    static struct segment made[MAX_SEGMENTS];
    int i = 0;
    while (i < MAX_SEGMENTS && made[i].bytes && memcmp(&made[i].geometry, g, sizeof *g) != 0) i++;
    must(i < MAX_SEGMENTS, "more geometries than MAX_SEGMENTS");
    struct segment *s = &made[i];
    if (s->bytes) return s;
    s->geometry = *g;
    must(rb_layout_of(g, &s->layout) == NULL, "the harness has a geometry that is none");
    s->fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(s->fd >= 0 && ftruncate(s->fd, (off_t)s->layout.total) == 0, "no memory");
    s->bytes = mmap(NULL, s->layout.total, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    must(s->bytes != MAP_FAILED, "no memory");
    segment_reset(s, 0);
    open_role(s, &s->writer, RB_WRITE, 0);
    s->readers = g->kind == RB_LATEST ? 1 : (int)g->readers;
    must(s->readers <= 3, "the harness has more readers than maps");
    for (uint32_t slot = 0; slot < (uint32_t)s->readers; slot++) open_role(s, &s->reader[slot], RB_READ, slot);
    return s;
}

void segment_reset(struct segment *s, uint64_t first)
{
    steps_disarm(); /* first of all: rb_format has steps, too */
    memset(s->bytes, 0, s->layout.total);
    struct rb_geometry g = s->geometry;
    g.first = first;
    rb_format(s->bytes, &g, &s->layout, 0, 0);
    s->writer.header.geometry.first = first;
    for (int i = 0; i < s->readers; i++) s->reader[i].header.geometry.first = first;
    s->damaged = 0;
}

/* ---- the enemy ---- */

static uint64_t hostile(const struct op *op, uint64_t base)
{
    const uint64_t power = UINT64_C(1) << (op->large >> 26), offset = (uint64_t)(int64_t)(int16_t)op->small;
    switch (op->pick % 8) {
    case 0: return base + offset;
    case 1: return base + 64 * offset;
    case 2: return power + offset;
    case 3: return base + power;
    case 4: return base - power;
    case 5: return offset;
    case 6: return (uint64_t)op->large << 32 | op->small;
    default: return op->large;
    }
}

static struct {
    struct segment *segment; /* NULL: nothing is armed */
    struct place at;
    uint64_t value;
    int countdown;
} armed;

static void strike(struct segment *s, struct place at, uint64_t value)
{
    if (at.offset + at.width > s->layout.total) at.offset = s->layout.total - at.width;
    memcpy(s->bytes + at.offset, &value, at.width);
    s->damaged = 1;
}

void segment_poke(struct segment *s, struct place at, const struct op *op, uint64_t base)
{
    strike(s, at, hostile(op, base));
}

void segment_poke_later(struct segment *s, struct place at, const struct op *op, uint64_t base)
{
    armed.segment = s;
    armed.at = at;
    armed.value = hostile(op, base);
    armed.countdown = 1 + (op->pick >> 5);
    s->damaged = 1; /* from now on, because the target does not see when */
}

int steps_armed(void) { return armed.segment != NULL; }
void steps_disarm(void) { armed.segment = NULL; }

void rb_step(void)
{
    if (!armed.segment || --armed.countdown) return;
    strike(armed.segment, armed.at, armed.value);
    armed.segment = NULL;
}

/* ---- contents ---- */

static uint8_t byte_of(uint64_t number) { return (uint8_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 56); }

void fill(void *at, uint64_t from, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) ((uint8_t *)at)[i] = byte_of(from + i);
}

int filled(const void *at, uint64_t from, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (((const uint8_t *)at)[i] != byte_of(from + i)) return 0;
    }
    return 1;
}

void touch(const void *at, uint64_t n)
{
    static volatile uint8_t sink;
    for (uint64_t i = 0; i < n; i++) sink = ((const uint8_t *)at)[i];
    (void)sink;
}

/* ---- entry: FUZZ_TARGET names the target ---- */

static const struct {
    const char *name;
    void (*run)(const struct op *ops, size_t n);
} targets[] = {
    {"header", fuzz_header}, {"stream", fuzz_stream}, {"history", fuzz_history}, {"latest", fuzz_latest},
};
static void (*target)(const struct op *ops, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const char *name = getenv("FUZZ_TARGET");
    for (size_t i = 0; name && i < sizeof targets / sizeof targets[0]; i++) {
        if (strcmp(name, targets[i].name) == 0) target = targets[i].run;
    }
    must(target, "set FUZZ_TARGET to header, stream, history or latest");
    return 0;
}

#define MAX_OPS 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct op ops[MAX_OPS];
    const size_t n = size / sizeof ops[0] < MAX_OPS ? size / sizeof ops[0] : MAX_OPS;
    memcpy(ops, data, n * sizeof ops[0]);
    if (n) target(ops, n);
    return 0;
}
