/* Geometry, layout and header: what is not a ring of this machine is not mapped. */
#include "check.h"
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct rb_geometry good[] = {
    {.kind = RB_STREAM, .readers = 1, .item = 1, .capacity = 1024},
    {.kind = RB_STREAM, .readers = 1, .item = 1, .capacity = UINT64_C(1) << 34, .first = 0 - UINT64_C(64)},
    {.kind = RB_HISTORY, .readers = 64, .item = 16, .rate = 1, .blocks = 1, .capacity = 1 << 16, .dtype = "<c16"},
    {.kind = RB_HISTORY, .readers = 0, .item = 2, .rate = UINT32_MAX, .blocks = 1 << 24, .capacity = 1 << 20},
    {.kind = RB_LATEST, .item = 1, .slots = 2, .capacity = 1},
    {.kind = RB_LATEST, .item = 1, .slots = 1024, .capacity = 1 << 20},
    {.kind = RB_CELLS, .item = 1, .capacity = 1},
    {.kind = RB_BELLS, .item = 1, .capacity = 1 << 16},
    {.kind = RB_LEASE, .item = 1, .slots = 16, .capacity = 16},
};
#define GOOD (sizeof good / sizeof *good)

TEST(layout_has_every_part_on_a_page_of_its_own)
{
    for (unsigned i = 0; i < GOOD; i++) {
        struct rb_layout l;
        CHECK(rb_layout_of(&good[i], &l) == NULL);
        const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
        const uint64_t parts[] = {l.writer, l.reader, l.table, l.data, l.data_len, l.total};
        SAME(l.page, page);
        for (unsigned p = 0; p < 6; p++) SAME(parts[p] % page, 0);
        CHECK(l.table >= page && l.data >= l.table && l.total == l.data + l.data_len);
        CHECK((l.writer == 0) == (good[i].kind >= RB_CELLS));
        if (good[i].readers) CHECK(l.reader + good[i].readers * page == l.table);
        CHECK(l.data - l.table >= good[i].blocks * sizeof(struct rb_block));
    }
}

static const struct {
    struct rb_geometry g;
    const char *why;
} bad[] = {
    {{.kind = 0, .item = 1, .capacity = 1024}, "kind"},
    {{.kind = RB_KINDS, .item = 1, .capacity = 1024}, "kind"},
    {{.kind = UINT32_MAX, .item = 1, .capacity = 1024}, "kind"},
    {{.kind = RB_STREAM, .readers = 1, .item = 1, .capacity = 512}, "capacity"},
    {{.kind = RB_STREAM, .readers = 1, .item = 1, .capacity = 1025}, "power"},
    {{.kind = RB_STREAM, .readers = 1, .item = 1, .capacity = UINT64_C(1) << 35}, "capacity"},
    {{.kind = RB_STREAM, .readers = 1, .item = 1, .capacity = 1024, .first = 32}, "lines"},
    {{.kind = RB_STREAM, .readers = 0, .item = 1, .capacity = 1024}, ""},
    {{.kind = RB_STREAM, .readers = 2, .item = 1, .capacity = 1024}, "readers"},
    {{.kind = RB_STREAM, .readers = 1, .item = 0, .capacity = 1024}, "items"},
    {{.kind = RB_STREAM, .readers = 1, .item = 1, .capacity = 1024, .rate = 1}, "history"},
    {{.kind = RB_STREAM, .readers = 1, .item = 1, .capacity = 1024, .slots = 1}, "slots"},
    {{.kind = RB_STREAM, .readers = 1, .item = 1, .capacity = 1024, .dtype = "<i2"}, "history"},
    {{.kind = RB_HISTORY, .readers = 65, .item = 2, .rate = 1, .blocks = 1, .capacity = 1 << 16}, "readers"},
    {{.kind = RB_HISTORY, .readers = 1, .item = 17, .rate = 1, .blocks = 1, .capacity = 1 << 16}, "items"},
    {{.kind = RB_HISTORY, .readers = 1, .item = 2, .rate = 0, .blocks = 1, .capacity = 1 << 16}, "rate"},
    {{.kind = RB_HISTORY, .readers = 1, .item = 2, .rate = 1, .blocks = 0, .capacity = 1 << 16}, "powers"},
    {{.kind = RB_HISTORY, .readers = 1, .item = 2, .rate = 1, .blocks = 3, .capacity = 1 << 16}, "powers"},
    {{.kind = RB_HISTORY, .readers = 1, .item = 2, .rate = 1, .blocks = 1, .capacity = 3 << 16}, "powers"},
    {{.kind = RB_HISTORY, .readers = 1, .item = 2, .rate = 1, .blocks = 1, .capacity = 16}, "pages"},
    {{.kind = RB_HISTORY, .readers = 1, .item = 2, .rate = 1, .blocks = 1, .capacity = UINT64_C(1) << 63}, "capacity"},
    {{.kind = RB_HISTORY, .readers = 1, .item = 2, .rate = 1, .blocks = 1, .capacity = 1 << 16,
      .dtype = {'1', '2', '3', '4', '5', '6', '7', '8'}}, "dtype"},
    {{.kind = RB_LATEST, .item = 1, .slots = 1, .capacity = 1}, "slots"},
    {{.kind = RB_LATEST, .item = 1, .slots = 1025, .capacity = 1}, "slots"},
    {{.kind = RB_LATEST, .item = 1, .slots = 2, .capacity = 0}, "capacity"},
    {{.kind = RB_LATEST, .item = 1, .slots = 1024, .capacity = UINT32_MAX}, "large"},
    {{.kind = RB_LATEST, .readers = 1, .item = 1, .slots = 2, .capacity = 1}, "readers"},
    {{.kind = RB_CELLS, .item = 1, .capacity = 0}, "capacity"},
    {{.kind = RB_CELLS, .item = 1, .capacity = UINT64_MAX}, "capacity"},
    {{.kind = RB_BELLS, .item = 1, .capacity = (1 << 16) + 1}, "capacity"},
    {{.kind = RB_LEASE, .item = 1, .slots = 2, .capacity = 17}, "capacity"},
    {{.kind = RB_LEASE, .item = 1, .slots = 17, .capacity = 1}, "slots"},
    {{.kind = RB_LEASE, .item = 1, .slots = 0, .capacity = 1}, "slots"},
};

TEST(layout_refuses_impossible_geometry_and_says_why)
{
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rb_layout l;
        TEXT(rb_layout_of(&bad[i].g, &l), bad[i].why);
    }
}

/* A header as a creator writes it. */
static struct rb_header header_of(const struct rb_geometry *g)
{
    struct segment s = segment_new(*g);
    const struct rb_header h = s.header;
    segment_free(&s);
    return h;
}

TEST(header_is_good_as_the_creator_wrote_it)
{
    for (unsigned i = 0; i < GOOD; i++) {
        if (good[i].capacity > UINT64_C(1) << 24) continue;
        const struct rb_header h = header_of(&good[i]);
        CHECK(rb_check_header(&h, h.layout.total) == NULL);
        TEXT(rb_check_header(&h, h.layout.total + h.layout.page), "size");
        TEXT(rb_check_header(&h, h.layout.total - 1), "size");
    }
}

TEST(header_with_any_bit_changed_is_refused)
{
    const struct rb_header whole = header_of(&good[0]);
    for (size_t bit = 0; bit < 8 * sizeof whole; bit++) {
        struct rb_header h = whole;
        ((unsigned char *)&h)[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (rb_check_header(&h, whole.layout.total) == NULL) SAME(bit, UINT64_MAX);
    }
}

TEST(header_says_first_what_is_most_wrong)
{
    struct rb_header h = {0};
    TEXT(rb_check_header(&h, 0), "begin like a ring");
    h = header_of(&good[0]);
    h.ready = 0;
    TEXT(rb_check_header(&h, h.layout.total), "never finished");
    h = header_of(&good[0]);
    h.abi_major++;
    TEXT(rb_check_header(&h, h.layout.total), "version");
    h = header_of(&good[0]);
    h.geometry.capacity *= 2;
    TEXT(rb_check_header(&h, h.layout.total), "checksum");
}

TEST(header_of_an_honest_liar_is_refused)
{
    /* The checksum is right, the layout is not what follows from the geometry. */
    char pages[1 << 14];
    const struct rb_geometry g = {.kind = RB_CELLS, .item = 1, .capacity = 1};
    struct rb_layout right, l;
    CHECK(rb_layout_of(&g, &right) == NULL);
    for (size_t word = 0; word < sizeof right / 8; word++) {
        struct rb_header h;
        l = right;
        ((uint64_t *)(void *)&l)[word] += 4096;
        if (l.writer != right.writer || l.reader != right.reader) continue; /* rb_format would write there */
        memset(pages, 0, sizeof pages);
        rb_format(pages, &g, &l, 1, 0);
        memcpy(&h, pages, sizeof h);
        TEXT(rb_check_header(&h, l.total), "layout");
    }
}

/* ---- mapping ---- */

TEST_MAPPED(map_gives_each_role_its_rights_and_no_more)
{
    struct segment s = history_segment(1 << 15, 8, 2, 0);
    const struct rb_layout *l = &s.header.layout;
    struct rb_map w, r, o;
    SAME(rb_map_open(&w, s.fd, RB_HISTORY, RB_WRITE, 0), RB_OK);
    SAME(rb_map_open(&r, s.fd, RB_HISTORY, RB_READ, 1), RB_OK);
    SAME(rb_map_open(&o, s.fd, 0, RB_OBSERVE, 0), RB_OK);
    const struct {
        const struct rb_map *m;
        uint64_t at;
        int writable;
    } pages[] = {
        {&w, 0, 0}, {&w, l->writer, 1}, {&w, l->reader, 0}, {&w, l->reader + l->page, 0}, {&w, l->table, 1},
        {&w, l->data, 1}, {&w, l->total, 1},
        {&r, 0, 0}, {&r, l->writer, 0}, {&r, l->reader, 0}, {&r, l->reader + l->page, 1}, {&r, l->table, 0},
        {&r, l->data, 0}, {&r, l->total, 0},
        {&o, 0, 0}, {&o, l->writer, 0}, {&o, l->reader, 0}, {&o, l->table, 0}, {&o, l->data, 0}, {&o, l->total, 0},
    };
    for (unsigned i = 0; i < sizeof pages / sizeof *pages; i++) {
        int ends[2];
        /* The kernel writes there for us, and says whether it may. */
        CHECK(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
        const ssize_t n = read(ends[0], pages[i].m->base + pages[i].at, 1);
        if ((n == 1) != pages[i].writable) SAME(i, UINT64_MAX);
        close(ends[0]);
        close(ends[1]);
    }
    SAME(w.writable, 1);
    SAME(r.writable, 0);
    CHECK(rb_map_role(&w) == &rb_writer_side(&w)->role);
    CHECK(rb_map_role(&r) == &rb_reader_side(&r, 1)->role);
    CHECK(rb_map_role(&o) == NULL);
    rb_map_close(&w);
    rb_map_close(&w);
    CHECK(w.base == NULL);
}

TEST_MAPPED(map_answers_what_is_wrong)
{
    struct segment s = history_segment(1 << 15, 8, 2, 0);
    struct rb_map m;
    SAME(rb_map_open(&m, s.fd, RB_STREAM, RB_WRITE, 0), RB_WRONG_KIND);
    SAME(m.header.geometry.kind, RB_HISTORY);
    SAME(rb_map_open(&m, s.fd, RB_HISTORY, RB_READ, 2), RB_INVALID);
    TEXT(m.why, "slot");
    SAME(rb_map_open(&m, s.fd, RB_HISTORY, RB_SHARE, 0), RB_INVALID);
    TEXT(m.why, "access");
    SAME(rb_map_open(&m, -1, 0, RB_OBSERVE, 0), RB_OS);
    s.base[100] ^= 1;
    SAME(rb_map_open(&m, s.fd, RB_HISTORY, RB_WRITE, 0), RB_CORRUPT);
    TEXT(m.why, "checksum");
    s.base[100] ^= 1;
    SAME(ftruncate(s.fd, (off_t)s.header.layout.total - 1), 0);
    SAME(rb_map_open(&m, s.fd, RB_HISTORY, RB_WRITE, 0), RB_CORRUPT);
    TEXT(m.why, "size");
    SAME(ftruncate(s.fd, 143), 0);
    SAME(rb_map_open(&m, s.fd, RB_HISTORY, RB_WRITE, 0), RB_CORRUPT);
    TEXT(m.why, "short");
    CHECK(m.base == NULL);
}

TEST_MAPPED(map_leaves_nothing_mapped_when_a_part_cannot_be)
{
    struct segment s = stream_segment(1024, 0);
    struct rb_map m;
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", s.fd);
    const int readonly = open(path, O_RDONLY | O_CLOEXEC); /* its header can be mapped, its data not for writing */
    CHECK(readonly >= 0);
    SAME(rb_map_open(&m, readonly, RB_STREAM, RB_WRITE, 0), RB_OS);
    SAME(errno, EACCES);
    CHECK(m.base == NULL);
    SAME(rb_map_open(&m, readonly, RB_STREAM, RB_OBSERVE, 0), RB_OK);
}

TEST_MAPPED(map_shares_cells_and_bells_and_nothing_else)
{
    struct segment s = bells_segment(3);
    struct rb_map m;
    SAME(rb_map_open(&m, s.fd, RB_BELLS, RB_SHARE, 0), RB_OK);
    SAME(m.writable, 1);
    CHECK(rb_map_role(&m) == NULL);
    rb_map_close(&m);
    SAME(rb_map_open(&m, s.fd, RB_BELLS, RB_WRITE, 0), RB_INVALID);
    SAME(rb_map_open(&m, s.fd, RB_BELLS, RB_READ, 0), RB_INVALID);
    SAME(rb_map_open(&m, s.fd, RB_BELLS, RB_OBSERVE, 0), RB_OK);
}
