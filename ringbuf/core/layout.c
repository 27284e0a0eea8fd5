#include "layout.h"

#include "step.h"

#include <string.h>
#include <unistd.h>

/* CRC-32 as in zlib, bit by bit: it runs over 136 bytes once per attach. */
uint32_t rb_header_crc(const struct rb_header *h)
{
    const uint8_t *p = (const void *)h;
    uint32_t crc = UINT32_C(0xffffffff);
    for (size_t i = 0; i < offsetof(struct rb_header, crc); i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (UINT32_C(0xedb88320) & (uint32_t)(-(int32_t)(crc & 1)));
        }
    }
    return ~crc;
}

/* What each kind allows. */
static const struct {
    uint64_t min_capacity, max_capacity;
    uint32_t max_readers, max_slots, max_blocks;
    int has_writer;
} limits[RB_KINDS] = {
    /* a record's length is 32 bits, and a record at most a quarter */
    [RB_STREAM] = {1024, UINT64_C(1) << 34, 1, 0, 0, 1},
    [RB_HISTORY] = {16, RB_MAX_DATA / 16, RB_MAX_READERS, 0, RB_MAX_BLOCKS, 1},
    [RB_LATEST] = {1, UINT32_MAX, 0, RB_MAX_SLOTS, 0, 1},
    [RB_CELLS] = {1, UINT64_C(1) << 24, 0, 0, 0, 0},
    [RB_BELLS] = {1, UINT64_C(1) << 16, 0, 0, 0, 0},
    [RB_LEASE] = {1, RB_MAX_LEASE_SLOTS, 0, RB_MAX_LEASE_SLOTS, 0, 0},
};

static uint64_t data_len(const struct rb_geometry *g)
{
    switch (g->kind) {
    case RB_HISTORY: return g->capacity * g->item;
    case RB_LATEST: return g->slots * rb_slot_stride(g->capacity);
    case RB_CELLS: return g->capacity * sizeof(uint64_t);
    case RB_BELLS: return g->capacity * sizeof(struct rb_bell);
    case RB_LEASE: return sizeof(struct rb_lease_word) + g->slots * sizeof(struct rb_lease_slot);
    default: return g->capacity;
    }
}

const char *rb_layout_of(const struct rb_geometry *g, struct rb_layout *out)
{
    if (g->kind == 0 || g->kind >= RB_KINDS) return "its kind is unknown";
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    if (g->capacity < limits[g->kind].min_capacity || g->capacity > limits[g->kind].max_capacity)
        return "its capacity is out of range";
    if (g->readers > limits[g->kind].max_readers) return "it has too many readers";
    if (g->slots > limits[g->kind].max_slots || (g->kind == RB_LATEST && g->slots < 2) ||
        (g->kind == RB_LEASE && g->slots < 1))
        return "its number of slots is out of range";
    if (g->blocks > limits[g->kind].max_blocks) return "its block table is too long";
    if (g->dtype[sizeof g->dtype - 1]) return "its dtype has no end";
    if (g->item == 0 || g->item > 16) return "its items are of an unknown size";
    if (g->kind == RB_STREAM && (!rb_power_of_two(g->capacity) || g->readers != 1 || g->first % RB_TAG))
        return "its capacity must be a power of two and its positions whole lines";
    if (g->kind == RB_HISTORY) {
        if (!rb_power_of_two(g->capacity) || !rb_power_of_two(g->blocks) || g->rate == 0)
            return "its capacity and block table must be powers of two and its rate above 0";
        if (g->capacity * g->item % page) return "its capacity must be whole pages";
    } else if (g->blocks || g->rate || g->item != 1 || g->dtype[0]) {
        return "only a history has samples and blocks";
    }
    const uint64_t sides = limits[g->kind].has_writer ? 1 + g->readers : 0;
    out->page = page;
    out->writer = sides ? page : 0;
    out->reader = g->readers ? 2 * page : 0;
    out->table = page * (1 + sides);
    out->data = out->table + rb_round_up(g->blocks * sizeof(struct rb_block), page);
    out->data_len = rb_round_up(data_len(g), page);
    out->total = out->data + out->data_len;
    return out->data_len > RB_MAX_DATA ? "it is too large" : NULL;
}

void rb_format(void *base, const struct rb_geometry *g, const struct rb_layout *l, uint64_t creator, int64_t now_ns)
{
    char *bytes = base;
    struct rb_header *h = base;
    RB_STEP();
    for (uint64_t side = l->writer; side && side < l->table; side += l->page) {
        struct rb_side *s = (void *)(bytes + side);
        atomic_store_explicit(&s->position, g->first, memory_order_relaxed);
        atomic_store_explicit(&s->intent, g->first, memory_order_relaxed);
    }
    h->magic = RB_MAGIC;
    h->abi_major = RB_ABI_MAJOR;
    h->abi_minor = RB_ABI_MINOR;
    h->header_len = sizeof *h;
    h->geometry = *g;
    h->layout = *l;
    h->creator = creator;
    h->created_ns = now_ns;
    h->crc = rb_header_crc(h);
    RB_STEP();
    atomic_store_explicit(&h->ready, RB_READY, memory_order_release);
    RB_STEP();
}

const char *rb_check_header(const struct rb_header *h, uint64_t file_size)
{
    struct rb_layout expected;
    if (h->magic != RB_MAGIC) return "it does not begin like a ring";
    if (atomic_load_explicit(&h->ready, memory_order_relaxed) != RB_READY) return "it was never finished";
    if (h->abi_major != RB_ABI_MAJOR || h->header_len != sizeof *h) return "it was made by another version";
    if (h->crc != rb_header_crc(h)) return "its checksum is wrong";
    const char *wrong = rb_layout_of(&h->geometry, &expected);
    if (wrong) return wrong;
    /* The layout is computed again, not believed: a header with a good checksum may still be a lie. */
    if (memcmp(&expected, &h->layout, sizeof expected) != 0) return "its layout is not that of this machine";
    if (file_size != expected.total) return "its size is not what its header says";
    return NULL;
}
