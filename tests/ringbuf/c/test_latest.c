/* The latest value: whole or not at all, and the writer never waits. */
#include "check.h"
#include "latest.h"
#include "segment.h"

#include <string.h>

enum { CAPACITY = 200, SLOTS = 3 };

struct ends {
    struct segment segment;
    struct rb_map write_map, read_map;
    struct rb_latest_writer w;
    struct rb_latest_reader r;
};

static struct ends both_ends(void)
{
    struct ends e = {.segment = latest_segment(CAPACITY, SLOTS)};
    e.write_map = segment_map(&e.segment, RB_WRITE, 0);
    e.read_map = segment_map(&e.segment, RB_READ, 0);
    SAME(rb_latest_writer_open(&e.w, &e.write_map), RB_OK);
    SAME(rb_latest_reader_open(&e.r, &e.read_map), RB_OK);
    return e;
}

static void put(struct ends *e, uint32_t i, uint32_t length)
{
    char payload[CAPACITY];
    struct rb_tag tag = {.length = length, .turn = i};
    memset(payload, (int)i, length);
    SAME(rb_latest_put(&e->w, payload, &tag), RB_OK);
}

static void see(const struct ends *e, const struct rb_tag *tag, const char *payload, uint32_t i, uint32_t length)
{
    (void)e;
    SAME(tag->turn, i);
    SAME(tag->length, length);
    for (uint32_t at = 0; at < length; at++) SAME((unsigned char)payload[at], i & 255);
}

static enum rb_status acquire(struct ends *e, uint32_t i, uint32_t length)
{
    struct rb_tag tag;
    uint64_t offset;
    const enum rb_status status = rb_latest_acquire(&e->r, &tag, &offset);
    if (status == RB_OK) see(e, &tag, e->r.data + offset, i, length);
    return status;
}

static void copy(struct ends *e, uint32_t i, uint32_t length)
{
    char buffer[CAPACITY];
    struct rb_tag tag;
    SAME(rb_latest_read(&e->r, buffer, sizeof buffer, &tag), RB_OK);
    see(e, &tag, buffer, i, length);
}

static struct rb_slot *slot_of(const struct ends *e, uint64_t k)
{
    return (void *)(e->segment.base + e->segment.header.layout.data + k % SLOTS * rb_slot_stride(CAPACITY));
}

TEST(latest_has_nothing_before_the_first_value)
{
    struct ends e = both_ends();
    char buffer[1];
    struct rb_tag tag;
    SAME(acquire(&e, 0, 0), RB_NONE);
    SAME(rb_latest_read(&e.r, buffer, sizeof buffer, &tag), RB_NONE);
    SAME(rb_latest_check(&e.r), 0);
    SAME(rb_latest_sequence(&e.r), 0);
    SAME(rb_ready(&e.r.watch), 0);
}

TEST(latest_gives_the_newest_value_as_often_as_asked)
{
    struct ends e = both_ends();
    for (uint32_t i = 1; i <= 4 * SLOTS; i++) {
        put(&e, i, i * 13);
        SAME(rb_ready(&e.r.watch), 1);
        copy(&e, i, i * 13);
        SAME(rb_ready(&e.r.watch), 0);
        SAME(acquire(&e, i, i * 13), RB_OK);
        SAME(rb_latest_check(&e.r), 1);
        SAME(rb_latest_sequence(&e.r), i);
    }
    for (uint32_t i = 100; i < 200; i++) put(&e, i, i);
    SAME(acquire(&e, 199, 199), RB_OK);
}

TEST(latest_value_in_place_is_whole_until_its_slot_is_claimed)
{
    struct ends e = both_ends();
    uint64_t offset;
    put(&e, 1, 50);
    SAME(acquire(&e, 1, 50), RB_OK);
    for (uint32_t i = 2; i <= SLOTS; i++) {
        put(&e, i, 50);
        SAME(rb_latest_check(&e.r), 1);
    }
    SAME(rb_latest_claim(&e.w, 50, &offset), RB_OK); /* its slot: nothing is written yet, but it is announced */
    SAME(rb_latest_check(&e.r), 0);
    copy(&e, SLOTS, 50);
}

TEST(latest_claim_commits_a_part_and_abort_publishes_nothing)
{
    struct ends e = both_ends();
    struct rb_tag tag = {.length = 5, .turn = 9};
    uint64_t offset;
    put(&e, 1, 10);
    SAME(rb_latest_claim(&e.w, CAPACITY, &offset), RB_OK);
    memset(e.w.data + offset, 9, CAPACITY);
    copy(&e, 1, 10);
    rb_latest_abort(&e.w);
    SAME(rb_latest_commit(&e.w, &tag), RB_INVALID);
    copy(&e, 1, 10);
    SAME(rb_latest_claim(&e.w, CAPACITY, &offset), RB_OK);
    memset(e.w.data + offset, 9, CAPACITY);
    SAME(rb_latest_commit(&e.w, &tag), RB_OK);
    copy(&e, 9, 5);
    SAME(rb_latest_sequence(&e.r), 2);
}

TEST(latest_refuses_what_is_too_long)
{
    struct ends e = both_ends();
    static const char payload[CAPACITY + 1];
    struct rb_tag tag = {.length = CAPACITY + 1};
    uint64_t offset;
    SAME(rb_latest_put(&e.w, payload, &tag), RB_INVALID);
    SAME(rb_latest_claim(&e.w, CAPACITY + 1, &offset), RB_INVALID);
    SAME(rb_latest_claim(&e.w, UINT64_MAX, &offset), RB_INVALID);
    SAME(rb_latest_commit(&e.w, &tag), RB_INVALID);
    SAME(rb_latest_claim(&e.w, 10, &offset), RB_OK);
    tag.length = 11;
    SAME(rb_latest_commit(&e.w, &tag), RB_INVALID);
    tag.length = 10;
    SAME(rb_latest_commit(&e.w, &tag), RB_OK);
    put(&e, 1, CAPACITY);
    copy(&e, 1, CAPACITY);
    put(&e, 2, 0);
    copy(&e, 2, 0);
}

TEST(latest_read_copies_nothing_into_too_small_a_buffer)
{
    struct ends e = both_ends();
    char buffer[10] = "untouched";
    struct rb_tag tag;
    put(&e, 1, 11);
    SAME(rb_latest_read(&e.r, buffer, sizeof buffer, &tag), RB_INVALID);
    SAME(tag.length, 11);
    SAME(strcmp(buffer, "untouched"), 0);
}

TEST(latest_writer_goes_on_where_a_killed_one_stood)
{
    struct ends e = both_ends();
    uint64_t offset;
    put(&e, 1, 10);
    SAME(rb_latest_claim(&e.w, 100, &offset), RB_OK);
    memset(e.w.data + offset, 0xee, 100); /* and here it is killed */
    copy(&e, 1, 10);
    e.w = (struct rb_latest_writer){0};
    SAME(rb_latest_writer_open(&e.w, &e.write_map), RB_OK);
    copy(&e, 1, 10);
    put(&e, 2, 20);
    copy(&e, 2, 20);
}

TEST(latest_writer_killed_between_slot_and_sequence_has_published_nothing)
{
    struct ends e = both_ends();
    put(&e, 1, 10);
    put(&e, 2, 20);
    struct rb_map creator = {.base = e.segment.base, .header = e.segment.header};
    rb_writer_side(&creator)->position = 1; /* as if the second had stopped just before its last store */
    copy(&e, 1, 10);
    e.w = (struct rb_latest_writer){0};
    SAME(rb_latest_writer_open(&e.w, &e.write_map), RB_OK);
    put(&e, 3, 30);
    SAME(rb_latest_sequence(&e.r), 2);
    copy(&e, 3, 30);
}

TEST(latest_reader_refuses_what_is_not_a_value)
{
    struct ends e = both_ends();
    put(&e, 1, 12);
    struct rb_slot *slot = slot_of(&e, 1);
    const struct rb_slot whole = *slot;
    e.r.item = 4;
    SAME(acquire(&e, 1, 12), RB_OK);
    slot->tag.position = 2;
    SAME(acquire(&e, 0, 0), RB_CORRUPT);
    slot->tag = whole.tag;
    for (unsigned i = 0; i < 3; i++) {
        slot->tag.length = (const uint32_t[]){13, CAPACITY + 4, UINT32_MAX}[i];
        SAME(acquire(&e, 0, 0), RB_CORRUPT);
        char buffer[1];
        struct rb_tag tag;
        SAME(rb_latest_read(&e.r, buffer, UINT64_MAX, &tag), RB_CORRUPT);
        TEXT(e.r.why, "value");
    }
    slot->tag = whole.tag;
    const uint64_t bad[] = {0, 3, 5, 6, 2 * (1 + SLOTS) + 2, UINT64_MAX};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        slot->sequence = bad[i];
        SAME(acquire(&e, 0, 0), RB_CORRUPT);
        TEXT(e.r.why, "newest");
    }
    slot->sequence = 4;
    SAME(acquire(&e, 1, 12), RB_OK);
}

TEST(latest_reader_refuses_an_impossible_sequence)
{
    struct ends e = both_ends();
    put(&e, 1, 12);
    struct rb_map creator = {.base = e.segment.base, .header = e.segment.header};
    const uint64_t bad[] = {2, 1 + SLOTS, UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 1};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        rb_writer_side(&creator)->position = bad[i];
        SAME(acquire(&e, 0, 0), RB_CORRUPT);
    }
}

TEST(latest_rings_after_commit_and_open)
{
    struct ends e = both_ends();
    struct rb_bell bell = {.sleeping = 1};
    e.w.bells = (struct rb_bells){.line = {&bell}, .count = 1};
    put(&e, 1, 10);
    SAME(bell.seq, 1);
    e.w = (struct rb_latest_writer){.bells = e.w.bells};
    SAME(rb_latest_writer_open(&e.w, &e.write_map), RB_OK);
    SAME(bell.seq, 2);
}
