/* usage: buckets NS...: in which bucket a duration is counted. */
#include "callback.c"
#include "ends.h"

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        _Atomic uint64_t durations[BUCKETS] = {0};
        struct callback callback = {.durations = durations, .buckets = BUCKETS};
        observe(&callback, atoll(argv[i]));
        for (int bucket = 0; bucket < BUCKETS; bucket++) {
            if (atomic_load(&durations[bucket])) printf("%d\n", bucket);
        }
    }
    return 0;
}
