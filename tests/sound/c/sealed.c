/* The callbacks ask nobody for memory: once sealed, whoever does so ends the process. */
#include "ends.h"

#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);

static int sealed;

static void check(void)
{
    if (sealed) _exit(9);
}

void *malloc(size_t n)
{
    check();
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    check();
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t n)
{
    check();
    return __libc_realloc(old, n);
}

void free(void *old)
{
    check();
    __libc_free(old);
}

int main(int argc, char **argv)
{
    (void)argv;
    struct ends *e = ends_new();
    uint64_t heard = 0, missing = 0, given = 0, played = 0;
    sealed = 1;
    for (uint64_t call = 0; call < 20000; call++) {
        device_captures(e, call);
        device_plays(e, call, &played);
        if (call % 100 > 40) worker_hears(e, &heard, &missing);
        if (call % 100 < 60) worker_plays(e, &given, call);
    }
    CHECK(missing > 0 && played > 0 && atomic_load(&e->loudspeaker.lost) > 0);
    void *volatile memory = argc > 1 ? malloc(1) : NULL; /* the seal is one */
    sealed = 0;
    free(memory);
    puts("done");
    return 0;
}
