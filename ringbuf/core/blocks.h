/* The block table of a history, see blocks.c. */
#ifndef RINGBUF_BLOCKS_H
#define RINGBUF_BLOCKS_H

#include "layout.h"

#define RB_LOST 1u /* samples were lost in front of this block */
#define RB_DISCONTINUITY 2u /* the capture time jumps in front of this block */
#define RB_UNKNOWN 4u /* the table no longer reaches back this far */

struct rb_block_copy {
    uint64_t first;
    int64_t capture_ns;
    uint32_t count, flags;
};

void rb_block_write(struct rb_block *table, uint64_t size, uint64_t k, const struct rb_block_copy *b);

/* Block k into `out`; 0 when it is not (any more) in the table. */
int rb_block_read(const struct rb_block *table, uint64_t size, uint64_t k, struct rb_block_copy *out);

/* The last block that begins at or before `index`; 0 when the table does not reach back so far. */
int rb_block_find(const struct rb_block *table, uint64_t size, uint64_t published, uint64_t index, uint64_t *k,
                  struct rb_block_copy *out);

#endif
