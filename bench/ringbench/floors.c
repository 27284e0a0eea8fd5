/* The floors: what the processor and the kernel charge for the same game, without Python.
 *
 * Two cache lines, one written by each side; frames of each side behind them, used in turn as those of a ring are. A
 * hop is: fill a frame, publish its number, see the other side's number, sum its frame, check the sum, note the time.
 * A size of 0 leaves the lines alone. Slots and variety are powers of two.
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LINE 128
#define FRAMES 4096
#define MODULUS 65521u
#define BEFORE_OVERFLOW 5552u

struct game {
    char *shared;
    uint64_t role, size, slots, variety;
    const char *const *sources;
    const uint32_t *expected;
    uint64_t sleeps;
};

static _Atomic uint32_t *line(const struct game *g, uint64_t side)
{
    return (_Atomic uint32_t *)(void *)(g->shared + side * LINE);
}

static char *frame(const struct game *g, uint64_t side, uint32_t number)
{
    return g->shared + FRAMES + (side * g->slots + (number & (g->slots - 1))) * g->size;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Adler-32, as zlib's that the Python rows call. */
static uint32_t total(const unsigned char *data, uint64_t n)
{
    uint32_t a = 1, b = 0;
    while (n) {
        uint64_t part = n < BEFORE_OVERFLOW ? n : BEFORE_OVERFLOW;
        n -= part;
        for (; part >= 8; part -= 8, data += 8) {
            for (int i = 0; i < 8; i++) b += a += data[i];
        }
        while (part--) b += a += *data++;
        a %= MODULUS;
        b %= MODULUS;
    }
    return b << 16 | a;
}

static void pause_a_little(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void wake(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0); }

void floor_send(const struct game *g, uint64_t i)
{
    const uint32_t number = atomic_load_explicit(line(g, g->role), memory_order_relaxed);
    memcpy(frame(g, g->role, number), g->sources[i & (g->variety - 1)], g->size);
    atomic_store_explicit(line(g, g->role), number + 1, memory_order_release);
    if (g->sleeps) wake(line(g, g->role));
}

static void await(const struct game *g, uint32_t seen)
{
    _Atomic uint32_t *word = line(g, 1 - g->role);
    while (atomic_load_explicit(word, memory_order_acquire) == seen) {
        if (g->sleeps)
            syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
        else
            pause_a_little();
    }
}

uint32_t floor_receive(const struct game *g, uint32_t seen)
{
    await(g, seen);
    /* All lines at once: the sum would ask for one after the other, and each comes from the other core. */
    for (uint64_t at = 0; at < g->size; at += 64) __builtin_prefetch(frame(g, 1 - g->role, seen) + at);
    return total((const unsigned char *)frame(g, 1 - g->role, seen), g->size);
}

/* Returns the number of hops done: fewer than n when a frame was damaged. `stamps` may be NULL. */
uint64_t floor_hops(const struct game *g, uint64_t n, uint32_t seen, int64_t *stamps)
{
    for (uint64_t i = 0; i < n; i++) {
        floor_send(g, i);
        if (floor_receive(g, seen++) != g->expected[i & (g->variety - 1)]) return i;
        if (stamps) stamps[i] = now();
    }
    return n;
}

/* A sleeper, until the word is 0; and whoever wakes it, every `gap_ns`, noting how long the system call took. */
void floor_sleeper(_Atomic uint32_t *word)
{
    for (uint32_t seen; (seen = atomic_load_explicit(word, memory_order_acquire)) != 0;)
        syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
}

void floor_waker(_Atomic uint32_t *word, uint64_t n, int64_t gap_ns, int64_t *took)
{
    for (uint64_t i = 0; i < n; i++) {
        const int64_t next = now() + gap_ns;
        while (now() < next) {}
        const int64_t began = now();
        atomic_fetch_add_explicit(word, 1, memory_order_release);
        wake(word);
        took[i] = now() - began;
    }
    atomic_store_explicit(word, 0, memory_order_release);
    wake(word);
}
