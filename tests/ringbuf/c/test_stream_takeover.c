/* The stream's ends after one of them was killed: nothing is lost, nothing comes that was not committed. */
#include "stream_ends.h"

TEST(stream_writer_goes_on_where_a_killed_one_stood)
{
    struct ends e = both_ends(0);
    uint64_t offset;
    SAME(put(&e, 0, 100), RB_OK);
    SAME(rb_stream_claim(&e.w, 200, &offset), RB_OK);
    memset(e.w.data + offset, 0xee, 200); /* and here it is killed */
    open_writer(&e);
    SAME(put(&e, 1, 300), RB_OK);
    get(&e, 0, 100);
    get(&e, 1, 300);
    SAME(acquire(&e), RB_NONE);
}

TEST(stream_successor_of_a_writer_has_no_claim)
{
    struct ends e = both_ends(0);
    struct rb_tag tag = {.length = 0};
    uint64_t offset;
    SAME(rb_stream_claim(&e.w, 200, &offset), RB_OK);
    open_writer(&e);
    SAME(rb_stream_commit(&e.w, &tag), RB_INVALID);
}

TEST(stream_reader_gets_again_what_a_killed_one_held)
{
    struct ends e = both_ends(0);
    for (uint32_t i = 0; i < 3; i++) SAME(put(&e, i, 100), RB_OK);
    get(&e, 0, 100);
    see(&e, 1, 100); /* and here it is killed */
    open_reader(&e, 0);
    SAME(rb_stream_release(&e.r), RB_INVALID);
    get(&e, 1, 100);
    get(&e, 2, 100);
}

TEST(stream_reader_that_wants_the_latest_skips_what_is_there)
{
    struct ends e = both_ends(0);
    for (uint32_t i = 0; i < 3; i++) SAME(put(&e, i, MAX), RB_OK);
    open_reader(&e, 1);
    SAME(acquire(&e), RB_NONE);
    for (uint32_t i = 3; i < 7; i++) SAME(put(&e, i, MAX), RB_OK); /* the space is free at once */
    get(&e, 3, MAX);
}

TEST(stream_rings_after_commit_release_and_open)
{
    struct ends e = both_ends(0);
    struct rb_bell writers = {.sleeping = 1}, readers = {.sleeping = 1};
    SAME(put(&e, 0, 10), RB_OK);
    e.w.bells = (struct rb_bells){.line = {&readers}, .count = 1};
    e.r.bells = (struct rb_bells){.line = {&writers}, .count = 1};
    SAME(put(&e, 1, 10), RB_OK);
    SAME(readers.seq, 1);
    see(&e, 0, 10);
    SAME(writers.seq, 0);
    get(&e, 0, 10);
    SAME(writers.seq, 1);
    const struct rb_bells both = {.line = {&readers, &writers}, .count = 2};
    e.w = (struct rb_stream_writer){.bells = both};
    SAME(rb_stream_writer_open(&e.w, &e.write_map), RB_OK);
    e.r = (struct rb_stream_reader){.bells = both};
    SAME(rb_stream_reader_open(&e.r, &e.read_map, 0), RB_OK);
    SAME(readers.seq, 3);
    SAME(writers.seq, 3);
}
