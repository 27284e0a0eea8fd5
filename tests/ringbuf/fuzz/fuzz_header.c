/* Header: a file that says it is a ring. It is refused, or what was mapped is wholly that ring. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "core/cells.h"

#include <sys/mman.h>
#include <unistd.h>

#define MAX_FILE (UINT64_C(1) << 20)

static uint64_t number_of(const struct op *op, uint64_t base)
{
    const uint64_t power = UINT64_C(1) << (op->large >> 26), offset = (uint64_t)(int64_t)(int16_t)op->small;
    switch (op->pick >> 4 & 3) {
    case 0: return base + offset;
    case 1: return power + offset;
    case 2: return op->large;
    default: return (uint64_t)op->large << 32 | op->small;
    }
}

/* Every field that a header has, and bytes of it at random. */
static void spoil(struct rb_header *h, const struct op *op)
{
#define FIELD(name) {offsetof(struct rb_header, name), sizeof h->name}
    static const struct {
        size_t offset, width;
    } fields[] = {
        FIELD(geometry.kind), FIELD(geometry.readers), FIELD(geometry.item), FIELD(geometry.rate), FIELD(geometry.slots),
        FIELD(geometry.blocks), FIELD(geometry.capacity), FIELD(geometry.first), FIELD(geometry.dtype), FIELD(layout.page),
        FIELD(layout.writer), FIELD(layout.reader), FIELD(layout.table), FIELD(layout.data), FIELD(layout.data_len),
        FIELD(layout.total), FIELD(magic), FIELD(abi_major), FIELD(header_len), FIELD(ready), FIELD(crc), FIELD(creator),
    };
    const size_t i = op->code % (sizeof fields / sizeof fields[0] + 2);
    const size_t known = sizeof fields / sizeof fields[0];
    const size_t offset = i < known ? fields[i].offset : op->small % sizeof *h;
    const size_t width = i < known ? fields[i].width : 1;
    uint64_t value = 0;
    memcpy(&value, (char *)h + offset, width);
    value = number_of(op, value);
    memcpy((char *)h + offset, &value, width);
}

/* Read the first and last byte of a part, and write them where the role says so. */
static void touch_part(const struct rb_map *m, uint64_t from, uint64_t length, int writable)
{
    if (length == 0) return;
    volatile char *first = m->base + from, *last = m->base + from + length - 1;
    const char a = *first, b = *last;
    if (!writable) return;
    *first = a;
    *last = b;
}

static void use(struct rb_map *m)
{
    const struct rb_layout *l = &m->header.layout;
    const struct rb_geometry *g = &m->header.geometry;
    struct rb_tag tag = {.length = 1};
    uint64_t at = 0;
    int whole = 0;
    for (uint64_t side = 0; side < l->table; side += l->page) {
        const int mine = m->access == RB_READ && g->readers && side == l->reader + m->slot * l->page;
        touch_part(m, side, l->page, mine || (m->access == RB_WRITE && side == l->writer));
    }
    touch_part(m, l->table, l->data - l->table, m->access == RB_WRITE);
    touch_part(m, l->data, m->exported, m->writable);
    struct rb_role *role = rb_map_role(m);
    const uint64_t me = rb_holder_self();
    uint64_t holder = 0;
    if (role) {
        const enum rb_status status = rb_role_take(role, me, &holder);
        must(status == RB_OK || (status == RB_TAKEN && rb_holder_alive(holder)), "a free role was not given");
        if (status == RB_TAKEN) return;
        must(atomic_load(&role->holder) == me, "a role was given and not noted");
    }
    if (g->kind == RB_STREAM && m->access == RB_WRITE) {
        struct rb_stream_writer w = {.bells.count = 0};
        must(rb_stream_writer_open(&w, m) == RB_OK && rb_stream_put(&w, "x", &tag) == RB_OK, "a stream does not work");
    } else if (g->kind == RB_STREAM && m->access == RB_READ) {
        struct rb_stream_reader r = {.bells.count = 0};
        must(rb_stream_reader_open(&r, m, 0) == RB_OK, "a stream does not work");
        must(rb_stream_acquire(&r, &tag, &at) == RB_NONE, "a stream does not work");
    } else if (g->kind == RB_HISTORY && m->access == RB_WRITE) {
        struct rb_history_writer w = {.bells.count = 0};
        must(rb_history_writer_open(&w, m) == RB_OK, "a history does not work");
        must(rb_history_put(&w, "0123456789abcdef", 1, 5, 0) == RB_OK, "a history does not work");
    } else if (g->kind == RB_HISTORY && m->access == RB_READ) {
        struct rb_history_reader r = {.want = 0};
        must(rb_history_reader_open(&r, m) == RB_OK, "a history does not work");
        must(rb_history_acquire(&r, 0, &at) == RB_OK && rb_history_release(&r, 0, &whole) == RB_OK && whole,
             "a history does not work");
    } else if (g->kind == RB_LATEST && m->access == RB_WRITE) {
        struct rb_latest_writer w = {.bells.count = 0};
        must(rb_latest_writer_open(&w, m) == RB_OK && rb_latest_put(&w, "x", &tag) == RB_OK, "a latest does not work");
    } else if (g->kind == RB_CELLS && m->access == RB_SHARE) {
        must(rb_cell_add(rb_cells(m) + g->capacity - 1, 2) == 2, "cells do not work");
    }
    if (role) rb_role_give(role, me);
}

void fuzz_header(const struct op *ops, size_t n)
{
    static const struct rb_geometry good[] = {
        {.kind = RB_STREAM, .readers = 1, .item = 1, .capacity = 4096},
        {.kind = RB_HISTORY, .readers = 3, .item = 2, .rate = 16000, .blocks = 16, .capacity = 2048, .dtype = "<i2"},
        {.kind = RB_LATEST, .item = 1, .slots = 4, .capacity = 100},
        {.kind = RB_CELLS, .item = 1, .capacity = 600},
        {.kind = RB_BELLS, .item = 1, .capacity = 3},
    };
    static int fd = -1;
    if (fd < 0) fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0, "no memory");
    struct rb_header h;
    memset(&h, 0, sizeof h);
    h.magic = RB_MAGIC;
    h.abi_major = RB_ABI_MAJOR;
    h.header_len = sizeof h;
    h.geometry = good[ops[0].code % (sizeof good / sizeof good[0])];
    h.ready = RB_READY;
    /* Some operations spoil the geometry before the layout follows from it, the rest spoil anything. */
    const size_t early = ops[0].pick & 7;
    for (size_t i = 1; i < n && i <= early; i++) spoil(&h, &ops[i]);
    struct rb_layout layout = {0};
    const char *const wrong = rb_layout_of(&h.geometry, &layout);
    h.layout = layout;
    for (size_t i = 1 + early; i < n; i++) spoil(&h, &ops[i]);
    if (ops[0].pick & 8 || n == 1) h.crc = rb_header_crc(&h);
    uint64_t size = ops[0].pick & 16 ? layout.total : h.layout.total;
    if (ops[0].pick & 32) size += (uint64_t)(int64_t)(int8_t)(ops[0].large >> 16);
    if (size > MAX_FILE) size = ops[0].small;
    must(ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)size) == 0, "no memory");
    if (size) must(pwrite(fd, &h, size < sizeof h ? size : sizeof h, 0) > 0, "no memory");
    if (!wrong && layout.writer && layout.table <= size) { /* positions, as rb_format would set them; and a holder */
        const uint64_t living = ops[0].pick & 128 ? rb_holder_self() : (uint64_t)ops[0].large << 20 | ops[0].small;
        const uint64_t holder = ops[0].pick & 64 ? living : 0;
        for (uint64_t side = layout.writer; side < layout.table; side += layout.page) {
            pwrite(fd, &holder, 8, (off_t)side);
            pwrite(fd, &h.geometry.first, 8, (off_t)(side + offsetof(struct rb_side, position)));
            pwrite(fd, &h.geometry.first, 8, (off_t)(side + offsetof(struct rb_side, intent)));
        }
    }
    const enum rb_access access = (enum rb_access)(ops[0].large & 3);
    const enum rb_kind kind = (enum rb_kind)(ops[0].large >> 2 & 7);
    const uint32_t slot = ops[0].large & 32 ? ops[0].large >> 6 : ops[0].large >> 6 & 3;
    struct rb_map m;
    const enum rb_status status = rb_map_open(&m, fd, kind, access, slot);
    must(mappings() == (status == RB_OK), "a mapping was left, or there is none");
    if (status == RB_OK) {
        must(memcmp(&m.header, &h, sizeof h) == 0, "another header than the file has");
        must(rb_layout_of(&h.geometry, &layout) == NULL && memcmp(&layout, &h.layout, sizeof layout) == 0,
             "a header was believed that does not fit together");
        must(layout.total == size, "a file of another size was taken");
        must(kind == 0 || h.geometry.kind == kind, "another kind was taken");
        must(access != RB_READ || !h.geometry.readers || slot < h.geometry.readers, "a reader slot that is not there");
        use(&m);
        rb_map_close(&m);
        must(mappings() == 0, "a mapping was left");
    } else {
        must(m.why && status != RB_NONE && status != RB_TAKEN, "nothing says why");
        rb_map_close(&m); /* harmless */
    }
}
