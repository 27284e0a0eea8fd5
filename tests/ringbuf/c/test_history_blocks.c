/* The history beside its samples: capture times, flags, writers that were killed, shared bytes that are wrong. */
#include "check.h"
#include "history.h"
#include "segment.h"

/* Whole pages wherever it runs: 64 KiB. 62500 ns are one sample at 16 kHz. */
enum { CAPACITY = 32768, HOP = 2048, BLOCKS = 8 };

struct ends {
    struct segment segment;
    struct rb_map write_map, read_map;
    struct rb_history_writer w;
    struct rb_history_reader r;
    struct rb_side *side; /* the writer's, for the test to spoil */
};

static struct ends both_ends_at(uint32_t rate, uint64_t first)
{
    const struct rb_geometry g = {.kind = RB_HISTORY, .readers = 1, .item = 2, .rate = rate, .blocks = BLOCKS,
                                  .capacity = CAPACITY, .first = first, .dtype = "<i2"};
    struct ends e = {.segment = segment_new(g)};
    e.write_map = segment_map(&e.segment, RB_WRITE, 0);
    e.read_map = segment_map(&e.segment, RB_READ, 0);
    SAME(rb_history_writer_open(&e.w, &e.write_map), RB_OK);
    SAME(rb_history_reader_open(&e.r, &e.read_map), RB_OK);
    e.side = (void *)(e.segment.base + e.segment.header.layout.writer);
    return e;
}

static struct ends both_ends(void) { return both_ends_at(16000, 0); }

static void put(struct ends *e, uint64_t n, int64_t capture_ns, uint32_t flags)
{
    uint64_t place;
    SAME(rb_history_claim(&e->w, n, &place), RB_OK);
    SAME(rb_history_commit(&e->w, n, capture_ns, flags), RB_OK);
}

static int64_t capture_ns(const struct ends *e, uint64_t index)
{
    int64_t ns = -1;
    SAME(rb_history_capture_ns(&e->r, index, &ns), RB_OK);
    return ns;
}

static enum rb_status unknown(const struct ends *e, uint64_t index)
{
    int64_t ns;
    return rb_history_capture_ns(&e->r, index, &ns);
}

static void reopen_writer(struct ends *e)
{
    e->w = (struct rb_history_writer){0};
    SAME(rb_history_writer_open(&e->w, &e->write_map), RB_OK);
}

TEST(capture_time_is_that_of_the_block_plus_the_distance_in_it)
{
    struct ends e = both_ends();
    put(&e, HOP, 1000000, 0);
    put(&e, 2 * HOP, 500000000, 0);
    SAME(capture_ns(&e, 0), 1000000);
    SAME(capture_ns(&e, 1), 1062500);
    SAME(capture_ns(&e, HOP - 1), 1000000 + (HOP - 1) * 62500);
    SAME(capture_ns(&e, HOP), 500000000);
    SAME(capture_ns(&e, 3 * HOP - 1), 500000000 + (2 * HOP - 1) * 62500);
    SAME(unknown(&e, 3 * HOP), RB_NONE); /* not published */
    SAME(unknown(&e, UINT64_MAX), RB_NONE); /* before the beginning */
}

TEST(capture_time_of_a_rate_that_does_not_divide_is_rounded_down)
{
    struct ends e = both_ends_at(44100, 0);
    put(&e, HOP, -7, 0); /* before the clock's zero, too */
    SAME(capture_ns(&e, 1), -7 + 22675); /* 22675.7 */
    SAME(capture_ns(&e, 3), -7 + 68027); /* 68027.2 */
}

TEST(capture_time_does_not_overflow_in_the_longest_block)
{
    const uint32_t rates[] = {1, 192000, UINT32_MAX};
    for (unsigned i = 0; i < 3; i++) {
        struct ends e = both_ends_at(rates[i], 0);
        struct rb_block *table = (void *)(e.segment.base + e.segment.header.layout.table);
        const struct rb_block_copy longest = {0, 1, UINT32_MAX, 0};
        rb_block_write(table, BLOCKS, 0, &longest); /* longer than this ring: only the arithmetic is looked at */
        e.side->blocks = 1;
        e.side->position = e.side->intent = UINT64_C(1) << 33;
        const uint64_t last = UINT32_MAX - UINT64_C(1), whole = last / rates[i], rest = last % rates[i];
        SAME(capture_ns(&e, last), 1 + whole * 1000000000 + rest * 1000000000 / rates[i]);
        SAME(unknown(&e, last + 1), RB_NONE); /* behind the block */
    }
}

TEST(capture_time_goes_over_64_bits)
{
    const uint64_t first = UINT64_C(0) - HOP - 50;
    struct ends e = both_ends_at(16000, first);
    for (int64_t i = 0; i < BLOCKS; i++) put(&e, HOP, i * 1000000000, 0);
    for (uint64_t i = 0; i < BLOCKS * HOP; i++)
        SAME(capture_ns(&e, first + i), i / HOP * 1000000000 + i % HOP * 62500);
}

TEST(capture_time_is_unknown_before_the_block_table)
{
    struct ends e = both_ends();
    for (int i = 0; i < BLOCKS + 3; i++) put(&e, HOP, i, (uint32_t)i);
    SAME(rb_history_oldest(&e.r), 0); /* the table is shorter than the ring */
    SAME(unknown(&e, 0), RB_NONE);
    SAME(unknown(&e, 3 * HOP - 1), RB_NONE);
    SAME(capture_ns(&e, 3 * HOP), 3);
}

TEST(flags_are_those_of_all_blocks_touched)
{
    struct ends e = both_ends();
    put(&e, HOP, 0, RB_LOST);
    put(&e, HOP, 0, 0);
    put(&e, HOP, 0, RB_DISCONTINUITY);
    SAME(rb_history_flags(&e.r, 0, 1), RB_LOST);
    SAME(rb_history_flags(&e.r, 0, 3 * HOP), RB_LOST | RB_DISCONTINUITY);
    SAME(rb_history_flags(&e.r, HOP, 2 * HOP), 0);
    SAME(rb_history_flags(&e.r, HOP - 1, HOP), RB_LOST);
    SAME(rb_history_flags(&e.r, HOP, 2 * HOP + 1), RB_DISCONTINUITY);
    SAME(rb_history_flags(&e.r, 5, 5), 0);
    for (int i = 0; i < BLOCKS; i++) put(&e, HOP, 0, 0);
    SAME(rb_history_flags(&e.r, 0, HOP), RB_UNKNOWN);
    SAME(rb_history_flags(&e.r, 3 * HOP, 4 * HOP), 0);
}

TEST(a_killed_writers_announcement_stands)
{
    struct ends e = both_ends();
    uint64_t place;
    for (int i = 0; i < CAPACITY / HOP; i++) put(&e, HOP, 0, 0);
    SAME(rb_history_claim(&e.w, 5 * HOP, &place), RB_OK); /* it wrote some of that, nobody knows how much */
    reopen_writer(&e);
    SAME(rb_history_oldest(&e.r), 5 * HOP);
    put(&e, HOP, 0, 0);
    SAME(rb_history_oldest(&e.r), 5 * HOP); /* it does not go back */
    put(&e, 6 * HOP, 0, 0);
    SAME(rb_history_oldest(&e.r), 7 * HOP);
}

/* blocks_told: whether it was killed before or after it published the number of blocks. */
static void killed_before_the_position(int blocks_told)
{
    struct ends e = both_ends();
    put(&e, HOP, 100, 0);
    put(&e, HOP, 7777, RB_LOST);
    e.side->position = HOP;
    if (!blocks_told) e.side->blocks = 1;
    SAME(rb_history_position(&e.r), HOP);
    SAME(unknown(&e, HOP), RB_NONE);
    reopen_writer(&e);
    SAME(e.side->blocks, (uint64_t)(1 + blocks_told)); /* what was told of stays counted, and is empty */
    put(&e, 10, 300, 0);
    SAME(capture_ns(&e, HOP - 1), 100 + (HOP - 1) * 62500);
    SAME(capture_ns(&e, HOP), 300);
    SAME(rb_history_flags(&e.r, 0, HOP + 10), 0);
    SAME(unknown(&e, HOP + 10), RB_NONE);
}

TEST(a_writer_killed_before_it_told_of_its_block_published_nothing) { killed_before_the_position(0); }
TEST(a_writer_killed_before_its_position_published_nothing) { killed_before_the_position(1); }

TEST(a_writer_killed_inside_the_block_table_published_nothing)
{
    struct ends e = both_ends();
    put(&e, HOP, 100, 0);
    struct rb_block *table = (void *)(e.segment.base + e.segment.header.layout.table);
    table[1].first = 99; /* its number is still 0 */
    reopen_writer(&e);
    put(&e, HOP, 300, 0);
    SAME(capture_ns(&e, 0), 100);
    SAME(capture_ns(&e, HOP), 300);
}

TEST(history_refuses_impossible_positions)
{
    struct ends e = both_ends();
    put(&e, HOP, 0, 0);
    const struct {
        uint64_t position, intent;
    } bad[] = {
        {HOP, HOP + CAPACITY + 1}, {HOP, HOP - 1}, {HOP, 0}, {HOP, UINT64_MAX}, {HOP, UINT64_C(1) << 63},
        {UINT64_C(1) << 63, HOP},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rb_history_writer w = {0};
        struct rb_history_reader r = {0};
        uint64_t place;
        e.side->position = bad[i].position;
        e.side->intent = bad[i].intent;
        SAME(rb_history_acquire(&e.r, 1, &place), RB_CORRUPT);
        TEXT(e.r.why, "positions");
        SAME(rb_history_view(&e.r, 0, 1, &place), RB_CORRUPT);
        SAME(rb_history_reader_open(&r, &e.read_map), RB_CORRUPT);
        SAME(rb_history_writer_open(&w, &e.write_map), RB_CORRUPT);
        TEXT(w.why, "positions");
    }
}

TEST(history_block_table_full_of_nonsense_gives_no_capture_time)
{
    struct ends e = both_ends();
    put(&e, HOP, 0, 0);
    struct rb_block *table = (void *)(e.segment.base + e.segment.header.layout.table);
    const uint64_t counts[] = {1, 2, BLOCKS, BLOCKS + 1, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX};
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
        table[0].number = 0;
        e.side->blocks = counts[i];
        SAME(unknown(&e, 0), RB_NONE);
        SAME(rb_history_flags(&e.r, 0, HOP), RB_UNKNOWN);
    }
}
