/* A reader whose writer is hostile while it looks: one thread changes shared words as fast as it can, the other calls and
 * checks what it gets. The fuzzer cannot see this: between its pokes nothing moves. What is looked for is a number that
 * is checked in shared memory and then read there again. Built as shipped (-O2), without a sanitizer: the compiler is one
 * of the suspects. */
#define _GNU_SOURCE
#include "core/latest.h"
#include "core/stream.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define must(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define CAPACITY 4096

static struct rb_layout layout;
static char *bytes; /* the enemy's mapping */
static struct rb_map map; /* the reader's */
static _Atomic int over;
static long looks;

static void make(const struct rb_geometry *g)
{
    must(rb_layout_of(g, &layout) == NULL);
    const int fd = memfd_create("race", MFD_CLOEXEC);
    must(fd >= 0 && ftruncate(fd, (off_t)layout.total) == 0);
    bytes = mmap(NULL, layout.total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(bytes != MAP_FAILED);
    rb_format(bytes, g, &layout, 0, 0);
    must(rb_map_open(&map, fd, g->kind, RB_READ, 0) == RB_OK);
    close(fd);
}

/* The tag that the reader looks at lies here; and the position it should have. */
static volatile struct rb_tag *target;
static uint64_t position;

static void *enemy(void *unused)
{
    (void)unused;
    /* Good lengths and others: whatever passes the check must also be what is given out. */
    static const uint32_t lengths[] = {64, UINT32_MAX, 200, CAPACITY, 0, CAPACITY / 4, UINT32_MAX - 63, 960};
    for (uint32_t i = 0; !atomic_load_explicit(&over, memory_order_relaxed); i++) {
        target->length = lengths[i % 8];
        target->what = i % 64 == 0 ? RB_PADDING : RB_RECORD;
        target->position = i % 16 == 0 ? i : position;
        target->position = position;
    }
    return NULL;
}

static uint64_t stream(void)
{
    const struct rb_geometry g = {.kind = RB_STREAM, .readers = 1, .item = 1, .capacity = CAPACITY};
    make(&g);
    target = (void *)(bytes + layout.data);
    struct rb_side *writer = (void *)(bytes + layout.writer), *reader = (void *)(bytes + layout.reader);
    atomic_store(&writer->position, CAPACITY / 2);
    uint64_t seen = 0;
    pthread_t thread;
    must(pthread_create(&thread, NULL, enemy, NULL) == 0);
    for (long i = 0; i < looks; i++) {
        struct rb_stream_reader r = {.bells.count = 0};
        struct rb_tag tag;
        uint64_t offset;
        atomic_store_explicit(&reader->position, 0, memory_order_relaxed);
        must(rb_stream_reader_open(&r, &map, 0) == RB_OK);
        const enum rb_status status = rb_stream_acquire(&r, &tag, &offset);
        if (status == RB_OK) {
            must(tag.what == RB_RECORD && tag.length <= CAPACITY / 4 - RB_TAG);
            must(offset + tag.length <= CAPACITY && tag.position == r.read);
            seen++;
        }
        must(r.write - r.read <= CAPACITY && r.read % RB_TAG == 0);
    }
    over = 1;
    pthread_join(thread, NULL);
    return seen;
}

static uint64_t latest(void)
{
    const struct rb_geometry g = {.kind = RB_LATEST, .item = 1, .slots = 2, .capacity = 960};
    make(&g);
    struct rb_slot *slot = (void *)(bytes + layout.data);
    struct rb_side *writer = (void *)(bytes + layout.writer);
    target = &slot->tag;
    position = 2;
    atomic_store(&writer->position, position);
    atomic_store(&slot->sequence, 2 * position + 2);
    uint64_t seen = 0;
    pthread_t thread;
    must(pthread_create(&thread, NULL, enemy, NULL) == 0);
    for (long i = 0; i < looks; i++) {
        struct rb_latest_reader r = {.item = 1};
        struct rb_tag tag;
        uint64_t offset;
        must(rb_latest_reader_open(&r, &map) == RB_OK);
        const enum rb_status status = rb_latest_acquire(&r, &tag, &offset);
        if (status == RB_OK) must(tag.length <= 960);
        seen += status == RB_OK;
    }
    over = 1;
    pthread_join(thread, NULL);
    return seen;
}

int main(int argc, char **argv)
{
    must(argc == 3); /* stream or latest, and how often it looks */
    looks = atol(argv[2]);
    const uint64_t seen = strcmp(argv[1], "stream") == 0 ? stream() : latest();
    printf("%ld looks, %llu let through\n", looks, (unsigned long long)seen);
    must(seen > 0); /* else nothing was tried */
    return 0;
}
