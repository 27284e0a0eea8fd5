/* The block table of a history: which samples were captured when. */
#include "blocks.h"
#include "check.h"

#include <stdlib.h>

enum { SIZE = 8, COUNT = 10 };

/* Blocks 0 to `blocks` - 1, of COUNT samples each, the first at `first`. */
static struct rb_block *table_of(uint64_t blocks, uint64_t first)
{
    struct rb_block *table = calloc(SIZE, sizeof *table);
    CHECK(table);
    for (uint64_t k = 0; k < blocks; k++) {
        const struct rb_block_copy b = {first + k * COUNT, (int64_t)k * 1000, COUNT, (uint32_t)k};
        rb_block_write(table, SIZE, k, &b);
    }
    return table;
}

TEST(blocks_are_read_as_they_were_written)
{
    struct rb_block *table = table_of(5, 0);
    struct rb_block_copy b;
    for (uint64_t k = 0; k < 5; k++) {
        SAME(rb_block_read(table, SIZE, k, &b), 1);
        CHECK(b.first == k * COUNT && b.capture_ns == (int64_t)k * 1000 && b.count == COUNT && b.flags == k);
    }
    SAME(rb_block_read(table, SIZE, 5, &b), 0); /* never written */
    SAME(rb_block_read(table, SIZE, UINT64_MAX - 1, &b), 0);
    free(table);
}

TEST(blocks_that_were_overwritten_or_are_being_are_not_read)
{
    struct rb_block *table = table_of(SIZE + 3, 0);
    struct rb_block_copy b;
    for (uint64_t k = 0; k < SIZE + 3; k++) SAME(rb_block_read(table, SIZE, k, &b), k >= 3);
    table[4].number = 0;
    SAME(rb_block_read(table, SIZE, 4, &b), 0);
    free(table);
}

static void find_all(uint64_t blocks, uint64_t first)
{
    struct rb_block *table = table_of(blocks, first);
    const uint64_t oldest = blocks > SIZE ? blocks - SIZE : 0;
    for (uint64_t i = 0; i < (blocks + 2) * COUNT; i++) {
        uint64_t k = UINT64_MAX;
        struct rb_block_copy b;
        const int found = rb_block_find(table, SIZE, blocks, first + i, &k, &b);
        SAME(found, blocks > 0 && i >= oldest * COUNT);
        if (!found) continue;
        const uint64_t wanted = i / COUNT < blocks ? i / COUNT : blocks - 1;
        SAME(k, wanted);
        SAME(b.first, first + wanted * COUNT);
    }
    free(table);
}

TEST(blocks_are_found_by_sample)
{
    for (uint64_t blocks = 0; blocks <= 3 * SIZE; blocks++) find_all(blocks, 0);
}

TEST(blocks_are_found_across_the_wrap_of_indices)
{
    for (uint64_t blocks = 1; blocks <= 3 * SIZE; blocks++) {
        find_all(blocks, 0 - UINT64_C(55));
        find_all(blocks, (UINT64_C(1) << 32) - 55);
    }
}

TEST(blocks_before_the_table_are_not_found)
{
    struct rb_block *table = table_of(3 * SIZE, 1000);
    uint64_t k;
    struct rb_block_copy b;
    SAME(rb_block_find(table, SIZE, 3 * SIZE, 999, &k, &b), 0);
    SAME(rb_block_find(table, SIZE, 3 * SIZE, 0 - UINT64_C(1), &k, &b), 0);
    free(table);
}

TEST(blocks_are_found_while_the_oldest_are_being_overwritten)
{
    struct rb_block *table = table_of(SIZE + 5, 0);
    for (uint64_t i = 0; i < SIZE * COUNT; i++) {
        uint64_t k;
        struct rb_block_copy b;
        /* As many as there were when the reader looked; blocks 0 to 4 have gone since. */
        const int found = rb_block_find(table, SIZE, SIZE, i, &k, &b);
        SAME(found, i >= 5 * COUNT);
        if (found) SAME(k, i / COUNT);
    }
    free(table);
}
