/* Cells: 64-bit words. What their ordering is worth is seen by ThreadSanitizer (threads.c) and in the ARM code. */
#include "cells.h"
#include "check.h"
#include "segment.h"

TEST(cells_store_add_compare_and_raise)
{
    struct segment s = segment_new((struct rb_geometry){.kind = RB_CELLS, .item = 1, .capacity = 3});
    struct rb_map m = segment_map(&s, RB_SHARE, 0);
    rb_cell *cell = rb_cells(&m) + 1;
    SAME(rb_cell_load(cell), 0);
    rb_cell_store(cell, UINT64_MAX);
    SAME(rb_cell_load(cell), UINT64_MAX);
    SAME(rb_cell_add(cell, 6), 5); /* modulo 2^64 */
    SAME(rb_cell_add(cell, 0 - UINT64_C(2)), 3);
    SAME(rb_cell_cas(cell, 4, 9), 0);
    SAME(rb_cell_load(cell), 3);
    SAME(rb_cell_cas(cell, 3, 9), 1);
    SAME(rb_cell_maximum(cell, 8), 9);
    SAME(rb_cell_maximum(cell, 10), 10);
    SAME(rb_cell_load(cell), 10);
    SAME(rb_cell_load(cell - 1), 0);
    SAME(rb_cell_load(cell + 1), 0);
}
