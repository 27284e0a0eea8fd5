/* A log-linear histogram: a run of cells, each of which counts the numbers that fall into one bucket. There are
 * RB_STEPS buckets for each doubling from 2^RB_LOWEST to 2^RB_HIGHEST; what is below or above is in the outermost. */
#ifndef RINGBUF_HISTOGRAM_H
#define RINGBUF_HISTOGRAM_H

#include <stdint.h>

enum { RB_LOWEST = 10, RB_HIGHEST = 35, RB_STEP_BITS = 3 };
enum { RB_BUCKETS = (RB_HIGHEST - RB_LOWEST) << RB_STEP_BITS };

static inline uint64_t rb_bucket(int64_t number)
{
    if (number < INT64_C(1) << RB_LOWEST) return 0;
    if (number >= INT64_C(1) << RB_HIGHEST) return RB_BUCKETS - 1;
    const int power = 63 - __builtin_clzll((unsigned long long)number);
    const uint64_t step = (uint64_t)number >> (power - RB_STEP_BITS) & ((1 << RB_STEP_BITS) - 1);
    return ((uint64_t)(power - RB_LOWEST) << RB_STEP_BITS) + step;
}

#endif
