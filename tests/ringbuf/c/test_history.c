/* The history: samples by index, gone only after they were announced to be going. Sample i has the value i, 16 bits. */
#include "check.h"
#include "history.h"
#include "segment.h"

#include <string.h>

/* Whole pages wherever it runs: 64 KiB. */
enum { CAPACITY = 32768, MAX = CAPACITY / 2, HOP = 2048, BLOCKS = 64, READERS = 2 };

struct ends {
    struct segment segment;
    struct rb_map write_map, read_map;
    struct rb_history_writer w;
    struct rb_history_reader r;
};

static struct ends both_ends(uint64_t first)
{
    struct ends e = {.segment = history_segment(CAPACITY, BLOCKS, READERS, first)};
    e.write_map = segment_map(&e.segment, RB_WRITE, 0);
    e.read_map = segment_map(&e.segment, RB_READ, 1);
    SAME(rb_history_writer_open(&e.w, &e.write_map), RB_OK);
    SAME(rb_history_reader_open(&e.r, &e.read_map), RB_OK);
    return e;
}

static void fill(struct ends *e, uint64_t place, uint64_t n)
{
    int16_t *samples = (void *)e->w.data;
    for (uint64_t i = 0; i < n; i++) samples[place + i] = (int16_t)(e->w.position + i);
}

/* n samples, whose block says capture time index * 10. */
static void put(struct ends *e, uint64_t n)
{
    uint64_t place;
    SAME(rb_history_claim(&e->w, n, &place), RB_OK);
    fill(e, place, n);
    SAME(rb_history_commit(&e->w, n, (int64_t)(e->w.position * 10), 0), RB_OK);
}

static void compare(const struct ends *e, uint64_t place, uint64_t first, uint64_t n)
{
    const int16_t *samples = (const void *)rb_data(&e->read_map);
    for (uint64_t i = 0; i < n; i++) SAME(samples[place + i], (int16_t)(first + i));
}

static void get(struct ends *e, uint64_t n)
{
    const uint64_t first = e->r.cursor;
    uint64_t place;
    int whole = 0;
    SAME(rb_history_acquire(&e->r, n, &place), RB_OK);
    compare(e, place, first, n);
    SAME(rb_history_release(&e->r, n, &whole), RB_OK);
    SAME(whole, 1);
    SAME(e->r.cursor, first + n);
}

static void laps(uint64_t first)
{
    struct ends e = both_ends(first);
    uint64_t place;
    for (int i = 0; i < 5 * CAPACITY / HOP; i++) {
        SAME(rb_ready(&e.r.watch), 0);
        SAME(rb_history_acquire(&e.r, 1, &place), RB_NONE);
        put(&e, HOP);
        SAME(rb_ready(&e.r.watch), 1);
        SAME(rb_history_position(&e.r), first + (uint64_t)(i + 1) * HOP);
        get(&e, HOP / 4);
        get(&e, HOP - HOP / 4);
    }
    SAME(e.r.lost, 0);
}

TEST(history_gives_every_sample_in_order) { laps(0); }
TEST(history_goes_over_32_bits) { laps((UINT64_C(1) << 32) - 2 * HOP); }
TEST(history_goes_over_63_bits) { laps((UINT64_C(1) << 63) - 2 * HOP); }
TEST(history_goes_over_64_bits) { laps(0 - UINT64_C(2) * HOP); }

TEST(history_put_copies_what_it_is_given)
{
    struct ends e = both_ends(0);
    int16_t samples[MAX];
    int64_t ns;
    for (int i = 0; i < MAX; i++) samples[i] = (int16_t)i;
    SAME(rb_history_put(&e.w, samples, MAX, 5, RB_LOST), RB_OK);
    SAME(rb_history_put(&e.w, samples, MAX + 1, 5, 0), RB_INVALID);
    get(&e, MAX);
    SAME(rb_history_capture_ns(&e.r, 0, &ns), RB_OK);
    SAME(ns, 5);
    SAME(rb_history_flags(&e.r, 0, 1), RB_LOST);
}

TEST(history_commits_a_part_of_a_claim_and_nothing_after_abort)
{
    struct ends e = both_ends(0);
    uint64_t place;
    SAME(rb_history_commit(&e.w, 1, 0, 0), RB_INVALID);
    TEXT(e.w.why, "claim");
    SAME(rb_history_claim(&e.w, 100, &place), RB_OK);
    SAME(rb_history_commit(&e.w, 101, 0, 0), RB_INVALID);
    fill(&e, place, 100);
    SAME(rb_history_commit(&e.w, 30, 0, 0), RB_OK);
    SAME(rb_history_commit(&e.w, 30, 0, 0), RB_INVALID);
    SAME(rb_history_claim(&e.w, 100, &place), RB_OK);
    SAME(place, 30);
    rb_history_abort(&e.w);
    SAME(rb_history_commit(&e.w, 1, 0, 0), RB_INVALID);
    SAME(rb_history_position(&e.r), 30);
    SAME(rb_history_claim(&e.w, 0, &place), RB_OK);
    SAME(rb_history_commit(&e.w, 0, 0, 0), RB_OK);
    SAME(e.w.blocks, 1); /* nothing has no block */
    get(&e, 30);
}

TEST(history_refuses_more_than_half_the_ring_at_once)
{
    struct ends e = both_ends(0);
    uint64_t place;
    int whole;
    SAME(rb_history_max(CAPACITY), MAX);
    SAME(rb_history_max(UINT64_C(1) << 36), UINT32_MAX); /* a block counts in 32 bits */
    SAME(rb_history_claim(&e.w, MAX + 1, &place), RB_INVALID);
    SAME(rb_history_claim(&e.w, UINT64_MAX, &place), RB_INVALID);
    SAME(rb_history_acquire(&e.r, MAX + 1, &place), RB_INVALID);
    SAME(rb_history_acquire(&e.r, UINT64_MAX, &place), RB_INVALID);
    SAME(rb_history_release(&e.r, UINT64_MAX, &whole), RB_INVALID);
    SAME(rb_history_oldest(&e.r), 0); /* nothing was announced */
    put(&e, MAX);
    put(&e, MAX);
    SAME(rb_history_release(&e.r, MAX + 1, &whole), RB_INVALID);
    SAME(rb_history_release(&e.r, MAX, &whole), RB_OK);
}

TEST(history_refuses_the_release_of_what_is_not_published)
{
    struct ends e = both_ends(0);
    int whole;
    put(&e, HOP);
    SAME(rb_history_release(&e.r, HOP + 1, &whole), RB_INVALID);
    TEXT(e.r.why, "published");
    SAME(e.r.cursor, 0);
    SAME(rb_history_release(&e.r, HOP, &whole), RB_OK);
    SAME(rb_history_release(&e.r, 1, &whole), RB_INVALID);
}

static void lapped(uint64_t first)
{
    struct ends e = both_ends(first);
    uint64_t place;
    for (int i = 0; i < CAPACITY / HOP; i++) put(&e, HOP);
    SAME(rb_history_acquire(&e.r, HOP, &place), RB_OK); /* all of the ring is there */
    SAME(e.r.lost, 0);
    for (int i = 0; i < 3; i++) put(&e, HOP);
    SAME(rb_history_oldest(&e.r), first + 3 * HOP);
    SAME(rb_history_acquire(&e.r, HOP, &place), RB_OK);
    SAME(e.r.cursor, first + 3 * HOP);
    compare(&e, place, e.r.cursor, HOP);
    SAME(e.r.lost, 3 * HOP);
    SAME(rb_reader_side(&e.read_map, 1)->count, 3 * HOP);
    for (int i = 0; i < CAPACITY / HOP; i++) get(&e, HOP);
    for (int i = 0; i < 3 * CAPACITY / HOP; i++) put(&e, HOP);
    SAME(rb_history_acquire(&e.r, 0, &place), RB_OK); /* finds the lap, too */
    SAME(e.r.lost, 3 * HOP + 2 * CAPACITY);
    SAME(rb_reader_side(&e.read_map, 0)->count, 0); /* the other reader's page */
}

TEST(history_tells_a_lapped_reader_what_it_lost) { lapped(0); }
TEST(history_tells_it_over_64_bits) { lapped(0 - UINT64_C(4) * HOP); }

TEST(history_judges_by_what_is_announced_not_by_what_is_published)
{
    struct ends e = both_ends(0);
    uint64_t place;
    int whole;
    for (int i = 0; i < CAPACITY / HOP; i++) put(&e, HOP);
    SAME(rb_history_acquire(&e.r, HOP, &place), RB_OK);
    SAME(rb_history_holds(&e.r, 0), 1);
    SAME(rb_history_claim(&e.w, 1, &place), RB_OK); /* sample 0 is going; nothing is published */
    SAME(rb_history_holds(&e.r, 0), 0);
    SAME(rb_history_holds(&e.r, 1), 1);
    SAME(rb_history_oldest(&e.r), 1);
    SAME(rb_history_view(&e.r, 0, 5, &place), RB_NONE);
    SAME(rb_history_view(&e.r, 1, 5, &place), RB_OK);
    SAME(rb_history_release(&e.r, HOP, &whole), RB_OK);
    SAME(whole, 0);
}

TEST(history_view_gives_any_window_that_is_there)
{
    struct ends e = both_ends(0);
    uint64_t place;
    for (int i = 0; i < CAPACITY / HOP; i++) put(&e, HOP);
    SAME(rb_history_view(&e.r, 0, CAPACITY, &place), RB_OK);
    compare(&e, place, 0, CAPACITY);
    SAME(rb_history_view(&e.r, 5, 5, &place), RB_OK);
    SAME(rb_history_view(&e.r, 0, CAPACITY + 1, &place), RB_NONE);
    SAME(rb_history_view(&e.r, 5, 4, &place), RB_INVALID);
    TEXT(e.r.why, "ends before");
    SAME(rb_history_view(&e.r, 0 - UINT64_C(1), 4, &place), RB_NONE); /* before the beginning */
    put(&e, HOP);
    SAME(rb_history_view(&e.r, HOP - 1, CAPACITY, &place), RB_NONE);
    SAME(rb_history_view(&e.r, HOP, CAPACITY, &place), RB_OK);
    SAME(rb_history_view(&e.r, HOP, CAPACITY + HOP + 1, &place), RB_NONE);
    SAME(e.r.cursor, 0);
    SAME(e.r.lost, 0); /* a view moves nothing */
}

TEST_MAPPED(history_windows_are_contiguous_over_the_end_of_the_data)
{
    struct ends e = both_ends(0);
    uint64_t place;
    for (int i = 0; i < 40; i++) put(&e, 1237); /* writes over the end, too */
    const uint64_t stop = e.w.position, start = stop - CAPACITY;
    for (uint64_t at = start; at <= stop; at += 1531) {
        for (uint64_t n = 0; n <= stop - at; n += 1097) {
            SAME(rb_history_view(&e.r, at, at + n, &place), RB_OK);
            CHECK((place + n) * 2 <= e.read_map.exported);
            compare(&e, place, at, n);
        }
    }
    SAME(rb_history_view(&e.r, start, stop, &place), RB_OK);
    compare(&e, place, start, CAPACITY);
}

TEST_MAPPED(history_put_goes_over_the_end_of_the_data)
{
    struct ends e = both_ends(CAPACITY - 100);
    int16_t samples[MAX];
    for (int i = 0; i < MAX; i++) samples[i] = (int16_t)(CAPACITY - 100 + i);
    SAME(rb_history_put(&e.w, samples, MAX, 0, 0), RB_OK);
    get(&e, MAX);
}

TEST(history_watch_follows_cursor_and_want)
{
    struct ends e = both_ends(0);
    uint64_t place;
    rb_history_want(&e.r, 2 * HOP);
    put(&e, HOP);
    SAME(rb_ready(&e.r.watch), 0);
    put(&e, HOP);
    SAME(rb_ready(&e.r.watch), 1);
    rb_history_want(&e.r, 0); /* counts as 1 */
    get(&e, 2 * HOP);
    SAME(rb_ready(&e.r.watch), 0);
    rb_history_seek(&e.r, 3 * HOP + 5); /* ahead of what is published */
    SAME(rb_history_acquire(&e.r, 1, &place), RB_NONE);
    put(&e, HOP);
    SAME(rb_ready(&e.r.watch), 0);
    put(&e, HOP);
    SAME(rb_ready(&e.r.watch), 1);
    SAME(rb_history_acquire(&e.r, 1, &place), RB_OK);
    compare(&e, place, 3 * HOP + 5, 1);
    rb_history_seek(&e.r, HOP); /* back */
    SAME(rb_ready(&e.r.watch), 1);
    get(&e, HOP);
    SAME(e.r.lost, 0);
}

TEST(history_readers_do_not_disturb_each_other)
{
    struct ends e = both_ends(0);
    struct rb_map other_map = segment_map(&e.segment, RB_READ, 0);
    struct rb_history_reader other = {0};
    SAME(rb_history_reader_open(&other, &other_map), RB_OK);
    put(&e, HOP);
    get(&e, HOP);
    SAME(other.cursor, 0);
    SAME(rb_ready(&other.watch), 1);
    SAME(rb_reader_side(&e.read_map, 1)->position, HOP);
    SAME(rb_reader_side(&e.read_map, 0)->position, 0);
}

TEST(history_rings_after_commit_and_open)
{
    struct ends e = both_ends(0);
    struct rb_bell bell = {.sleeping = 1};
    uint64_t place;
    e.w.bells = (struct rb_bells){.line = {&bell}, .count = 1};
    SAME(rb_history_claim(&e.w, HOP, &place), RB_OK);
    SAME(bell.seq, 0);
    SAME(rb_history_commit(&e.w, HOP, 0, 0), RB_OK);
    SAME(bell.seq, 1);
    e.w = (struct rb_history_writer){.bells = e.w.bells};
    SAME(rb_history_writer_open(&e.w, &e.write_map), RB_OK);
    SAME(bell.seq, 2);
}

TEST_MAPPED(history_is_scrubbed_over_the_end_of_the_data_and_what_is_claimed_stays)
{
    struct ends e = both_ends(0);
    uint64_t place;
    for (int i = 0; i < 3 * CAPACITY / HOP / 2; i++) put(&e, HOP);
    const uint64_t now = e.w.position;
    SAME(rb_history_claim(&e.w, HOP, &place), RB_OK);
    fill(&e, place, HOP);
    rb_history_scrub(&e.w, 0, now - 1);
    SAME(rb_history_commit(&e.w, HOP, 0, 0), RB_OK);
    const int16_t *samples = (const void *)rb_data(&e.read_map);
    SAME(rb_history_view(&e.r, now + HOP - CAPACITY, now + HOP, &place), RB_OK);
    for (uint64_t i = 0; i < CAPACITY - HOP - 1; i++) SAME(samples[place + i], 0);
    compare(&e, place + CAPACITY - HOP - 1, now - 1, HOP + 1);
}
