/* The stream: what is committed arrives, once and in order, wherever the ring wraps. */
#include "stream_ends.h"

TEST(stream_carries_every_field_of_a_tag)
{
    struct ends e = both_ends(0);
    const struct rb_tag sent = {.length = 3, .kind = 0xffff, .flags = 0xfffe, .session = 1, .turn = UINT32_MAX,
                                .attempt = 3, .capture_ns = INT64_MIN, .deadline_ns = INT64_MAX, .a = -1, .b = 5};
    struct rb_tag tag = sent, got;
    uint64_t offset;
    SAME(rb_stream_put(&e.w, "abc", &tag), RB_OK);
    SAME(rb_stream_acquire(&e.r, &got, &offset), RB_OK);
    CHECK(got.length == 3 && got.kind == sent.kind && got.flags == sent.flags && got.session == 1);
    CHECK(got.turn == sent.turn && got.attempt == 3 && got.a == -1 && got.b == 5);
    CHECK(got.capture_ns == INT64_MIN && got.deadline_ns == INT64_MAX);
    SAME(memcmp(e.r.data + offset, "abc", 3), 0);
}

TEST(stream_commits_a_part_of_what_was_claimed)
{
    struct ends e = both_ends(0);
    struct rb_tag tag = {.length = 5, .turn = 7};
    uint64_t offset;
    SAME(rb_stream_claim(&e.w, 100, &offset), RB_OK);
    memset(e.w.data + offset, 7, 5);
    SAME(acquire(&e), RB_NONE); /* a claim publishes nothing */
    SAME(rb_stream_commit(&e.w, &tag), RB_OK);
    get(&e, 7, 5);
    SAME(acquire(&e), RB_NONE);
}

TEST(stream_refuses_a_commit_that_nothing_was_claimed_for)
{
    struct ends e = both_ends(0);
    struct rb_tag tag = {.length = 1}, longer = {.length = 101};
    uint64_t offset;
    SAME(rb_stream_commit(&e.w, &tag), RB_INVALID);
    TEXT(e.w.why, "claim");
    SAME(rb_stream_claim(&e.w, 100, &offset), RB_OK);
    SAME(rb_stream_commit(&e.w, &longer), RB_INVALID);
    SAME(rb_stream_commit(&e.w, &tag), RB_OK); /* the claim stayed */
    SAME(rb_stream_commit(&e.w, &tag), RB_INVALID); /* and is used up */
    SAME(rb_stream_claim(&e.w, 100, &offset), RB_OK);
    rb_stream_abort(&e.w);
    SAME(rb_stream_commit(&e.w, &tag), RB_INVALID);
}

TEST(stream_refuses_a_release_that_nothing_was_acquired_for)
{
    struct ends e = both_ends(0);
    SAME(rb_stream_release(&e.r), RB_INVALID);
    TEXT(e.r.why, "acquire");
    SAME(put(&e, 1, 10), RB_OK);
    SAME(rb_stream_release(&e.r), RB_INVALID);
    get(&e, 1, 10);
    SAME(rb_stream_release(&e.r), RB_INVALID);
}

TEST(stream_gives_a_record_again_until_it_is_released)
{
    struct ends e = both_ends(0);
    SAME(put(&e, 1, 10), RB_OK);
    SAME(put(&e, 2, 20), RB_OK);
    see(&e, 1, 10);
    see(&e, 1, 10);
    get(&e, 1, 10);
    get(&e, 2, 20);
}

TEST(stream_takes_records_of_any_length_up_to_a_quarter)
{
    struct ends e = both_ends(0);
    SAME(rb_stream_max(&e.w), MAX);
    for (uint32_t length = 0; length <= MAX; length++) {
        SAME(put(&e, length, length), RB_OK);
        get(&e, length, length);
    }
    uint64_t offset;
    SAME(put(&e, 1, MAX + 1), RB_INVALID);
    SAME(rb_stream_claim(&e.w, MAX + 1, &offset), RB_INVALID);
    SAME(rb_stream_claim(&e.w, UINT64_MAX, &offset), RB_INVALID);
    SAME(rb_stream_claim(&e.w, UINT64_MAX - 126, &offset), RB_INVALID); /* its stride would wrap to nothing */
    SAME(rb_stream_space(&e.w, MAX + 1), RB_INVALID);
    SAME(atomic_load(&e.w.side->count), 0); /* too long is not full */
}

TEST(stream_is_full_when_the_reader_holds_all_and_says_how_often)
{
    struct ends e = both_ends(0);
    uint64_t offset;
    uint32_t sent = 0;
    while (put(&e, sent, 64) == RB_OK) sent++;
    SAME(sent, CAPACITY / 128);
    SAME(rb_stream_claim(&e.w, 0, &offset), RB_NONE);
    SAME(atomic_load(&e.w.side->count), 2);
    see(&e, 0, 64);
    SAME(put(&e, sent, 64), RB_NONE); /* acquired is not released */
    get(&e, 0, 64);
    SAME(put(&e, sent, 64), RB_OK);
    for (uint32_t i = 1; i <= sent; i++) get(&e, i, 64);
    SAME(acquire(&e), RB_NONE);
}

TEST(stream_leaves_no_claim_open_when_it_is_full)
{
    struct ends e = both_ends(0);
    struct rb_tag tag = {.length = 0};
    uint64_t offset;
    for (uint32_t i = 0; i < 4; i++) SAME(put(&e, i, MAX), RB_OK);
    SAME(rb_stream_claim(&e.w, 0, &offset), RB_NONE);
    SAME(rb_stream_commit(&e.w, &tag), RB_INVALID);
    for (uint32_t i = 0; i < 4; i++) get(&e, i, MAX);
    SAME(acquire(&e), RB_NONE);
}

/* Lengths that fit the rest of the ring sometimes and sometimes not, from a beginning close to every kind of wrap. */
static void laps(uint64_t first, uint32_t records)
{
    struct ends e = both_ends(first);
    uint32_t sent = 0, seen = 0;
    while (seen < records) {
        const uint32_t burst = 1 + sent * 7 % 5;
        for (uint32_t i = 0; i < burst && put(&e, sent, sent * 37 % (MAX + 1)) == RB_OK; i++) sent++;
        CHECK(sent > seen);
        for (; seen < sent; seen++) get(&e, seen, seen * 37 % (MAX + 1));
        SAME(acquire(&e), RB_NONE);
    }
    SAME(e.w.write, e.r.read); /* padding was given back, too */
}

TEST(stream_wraps_at_the_end_of_the_data) { laps(0, 1000); }
TEST(stream_wraps_at_32_bits) { laps((UINT64_C(1) << 32) - 16 * RB_TAG, 300); }
TEST(stream_wraps_at_64_bits) { laps(0 - UINT64_C(16) * RB_TAG, 300); }
TEST(stream_wraps_at_63_bits) { laps((UINT64_C(1) << 63) - 16 * RB_TAG, 300); }

TEST(stream_is_full_across_the_wrap_at_64_bits)
{
    struct ends e = both_ends(0 - UINT64_C(512));
    uint32_t sent = 0, seen = 0;
    while (put(&e, sent, 64) == RB_OK) sent++;
    SAME(sent, CAPACITY / 128);
    CHECK(e.w.write < e.w.read); /* as numbers; not as positions */
    while (acquire(&e) == RB_OK) get(&e, seen++, 64);
    SAME(seen, sent);
}

TEST(stream_pads_what_does_not_fit_at_the_end_and_counts_the_padding_as_space)
{
    struct ends e = both_ends(0);
    uint64_t offset;
    SAME(put(&e, 0, MAX - 64), RB_OK);
    for (uint32_t i = 1; i < 4; i++) SAME(put(&e, i, MAX), RB_OK); /* 64 bytes are left before the end */
    get(&e, 0, MAX - 64);
    SAME(rb_stream_claim(&e.w, MAX, &offset), RB_NONE); /* 64 and 960 are free, but not in one piece */
    SAME(rb_stream_claim(&e.w, MAX - 64, &offset), RB_OK);
    SAME(offset, RB_TAG);
    get(&e, 1, MAX);
    SAME(put(&e, 4, MAX), RB_OK);
    for (uint32_t i = 2; i < 5; i++) get(&e, i, MAX);
    SAME(e.r.read, CAPACITY + 1024);
}

TEST(stream_takes_padding_as_long_as_a_record)
{
    struct ends e = both_ends(0);
    for (uint32_t i = 0; i < 25; i++) {
        SAME(put(&e, i, 64), RB_OK); /* 128 bytes each */
        get(&e, i, 64);
    }
    /* 896 bytes are left; a record of 1024 is preceded by 896 of padding. */
    SAME(put(&e, 25, MAX), RB_OK);
    get(&e, 25, MAX);
    SAME(e.r.read, CAPACITY + 1024);
}

TEST(stream_watches_say_what_the_calls_would_answer)
{
    struct ends e = both_ends(0 - UINT64_C(1024));
    uint64_t offset;
    for (uint32_t i = 0, seen = 0; i < 400; i++) {
        const uint32_t length = i * 61 % (MAX + 1);
        SAME(rb_stream_space(&e.w, length), RB_OK);
        const int room = rb_ready(&e.w.space);
        SAME(rb_stream_claim(&e.w, length, &offset) == RB_OK, room);
        rb_stream_abort(&e.w);
        SAME(put(&e, i, length) == RB_OK, room);
        if (!room) {
            while (rb_ready(&e.r.watch)) {
                SAME(acquire(&e), RB_OK);
                SAME(rb_stream_release(&e.r), RB_OK);
                seen++;
            }
            SAME(acquire(&e), RB_NONE);
            SAME(rb_ready(&e.w.space), 1); /* the watch followed the writer and sees the reader */
        }
        CHECK(i < 399 || seen > 100);
    }
}
