/* The scrubbing of a stream: zeros over all that nobody will read, and over nothing else. */
#include "stream_ends.h"

/* Bytes of the data that are not zero. */
static uint64_t left(const struct ends *e)
{
    uint64_t found = 0;
    for (uint64_t at = 0; at < CAPACITY; at++) found += e->w.data[at] != 0;
    return found;
}

static void scrub(struct ends *e) { SAME(rb_stream_scrub(&e->w), RB_OK); }

TEST(stream_scrub_takes_what_was_given_back_and_leaves_what_was_not)
{
    struct ends e = both_ends(0);
    for (uint32_t i = 1; i <= 3; i++) SAME(put(&e, i, 100), RB_OK);
    get(&e, 1, 100);
    see(&e, 2, 100); /* held */
    const uint64_t before = left(&e);
    scrub(&e);
    CHECK(left(&e) <= before - 100);
    for (uint64_t at = 0; at < 192; at++) SAME(e.w.data[at], 0); /* the first record with its tag */
    get(&e, 2, 100);
    get(&e, 3, 100);
    SAME(acquire(&e), RB_NONE);
    CHECK(left(&e) > 0);
    scrub(&e);
    SAME(left(&e), 0);
}

/* Records of all lengths, some of them read before the next scrubbing and some after. */
static void laps(uint64_t first)
{
    struct ends e = both_ends(first);
    uint32_t sent = 1, seen = 1;
    for (uint32_t round = 0; round < 600; round++) {
        for (uint32_t i = 0; i < 1 + round % 5 && put(&e, sent, sent * 37 % (MAX + 1)) == RB_OK; i++) sent++;
        for (uint32_t i = 0; i < round % 7 && seen < sent; i++, seen++) get(&e, seen, seen * 37 % (MAX + 1));
        scrub(&e);
        if (seen == sent) SAME(left(&e), 0);
    }
    for (; seen < sent; seen++) get(&e, seen, seen * 37 % (MAX + 1));
    scrub(&e);
    SAME(left(&e), 0);
    CHECK(sent > 500);
}

TEST(stream_scrub_wraps_at_the_end_of_the_data) { laps(0); }
TEST(stream_scrub_wraps_at_32_bits) { laps((UINT64_C(1) << 32) - 16 * RB_TAG); }
TEST(stream_scrub_wraps_at_63_bits) { laps((UINT64_C(1) << 63) - 16 * RB_TAG); }
TEST(stream_scrub_wraps_at_64_bits) { laps(0 - UINT64_C(16) * RB_TAG); }

TEST(stream_scrub_that_comes_after_many_laps_finds_all)
{
    struct ends e = both_ends(0);
    scrub(&e);
    for (uint32_t i = 1; i < 100; i++) {
        SAME(put(&e, i, 900), RB_OK);
        get(&e, i, 900);
    }
    scrub(&e);
    SAME(left(&e), 0);
}

/* A claim in the middle of a scrubbing, at the start of the data and behind padding. */
static void claim_stays(uint64_t first)
{
    struct ends e = both_ends(first);
    struct rb_tag tag = {.length = 700, .turn = 5};
    uint64_t offset;
    for (uint32_t i = 1; i < 4; i++) {
        SAME(put(&e, i, 300), RB_OK);
        get(&e, i, 300);
    }
    SAME(rb_stream_claim(&e.w, 700, &offset), RB_OK);
    memset(e.w.data + offset, 5, 700);
    scrub(&e);
    SAME(rb_stream_commit(&e.w, &tag), RB_OK);
    scrub(&e);
    get(&e, 5, 700);
    scrub(&e);
    SAME(left(&e), 0);
}

TEST(stream_scrub_leaves_what_is_claimed) { claim_stays(0); }
TEST(stream_scrub_leaves_what_is_claimed_behind_padding) { claim_stays(CAPACITY - 3 * 384 - 256); }

TEST(stream_scrub_takes_claims_that_were_given_up)
{
    struct ends e = both_ends(0);
    struct rb_tag shorter = {.length = 10, .turn = 7};
    uint64_t offset;
    scrub(&e); /* from here on it has only what is new to do */
    SAME(rb_stream_claim(&e.w, 700, &offset), RB_OK);
    memset(e.w.data + offset, 7, 700);
    rb_stream_abort(&e.w);
    scrub(&e);
    SAME(left(&e), 0);
    SAME(rb_stream_claim(&e.w, 700, &offset), RB_OK);
    memset(e.w.data + offset, 7, 700);
    SAME(rb_stream_claim(&e.w, 10, &offset), RB_OK); /* in its place */
    memset(e.w.data + offset, 7, 10);
    SAME(rb_stream_commit(&e.w, &shorter), RB_OK);
    get(&e, 7, 10);
    scrub(&e);
    SAME(left(&e), 0);
    SAME(rb_stream_claim(&e.w, 700, &offset), RB_OK);
    memset(e.w.data + offset, 7, 700);
    SAME(rb_stream_commit(&e.w, &shorter), RB_OK);
    get(&e, 7, 10);
    scrub(&e);
    SAME(left(&e), 0);
}

TEST(stream_scrub_of_a_successor_takes_what_its_predecessor_left)
{
    struct ends e = both_ends(0);
    uint64_t offset;
    SAME(put(&e, 1, 500), RB_OK);
    get(&e, 1, 500);
    SAME(put(&e, 2, 500), RB_OK);
    scrub(&e);
    SAME(rb_stream_claim(&e.w, 700, &offset), RB_OK);
    memset(e.w.data + offset, 7, 700);
    open_writer(&e); /* it was killed */
    scrub(&e);
    get(&e, 2, 500);
    scrub(&e);
    SAME(left(&e), 0);
}

TEST(stream_scrub_does_nothing_by_an_impossible_position)
{
    struct ends e = both_ends(0);
    SAME(put(&e, 1, 500), RB_OK);
    const uint64_t before = left(&e);
    const uint64_t wrong[] = {RB_TAG * 20, 1, UINT64_C(0) - 2 * CAPACITY};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        atomic_store(&e.r.side->position, wrong[i]);
        SAME(rb_stream_scrub(&e.w), RB_CORRUPT);
        TEXT(e.w.why, "impossible");
    }
    SAME(left(&e), before);
    atomic_store(&e.r.side->position, 0);
    get(&e, 1, 500);
}

TEST(stream_scrub_leaves_what_a_reader_that_goes_back_would_find)
{
    struct ends e = both_ends(0);
    for (uint32_t i = 1; i <= 3; i++) SAME(put(&e, i, 100), RB_OK);
    get(&e, 1, 100);
    get(&e, 2, 100);
    scrub(&e);
    atomic_store(&e.r.side->position, 0); /* it claims not to have read anything */
    scrub(&e);
    get(&e, 3, 100); /* the true reader's is still there */
    scrub(&e);
    SAME(left(&e), 0);
}
