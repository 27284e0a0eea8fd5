/* What lies where in a segment. This file is the manual of the shared bytes; ABI_MAJOR changes when it does.
 *
 *   header page | writer page | one page per reader slot | block table (history) | data
 *
 *   header   fixed at creation, mapped read-only by everyone afterwards
 *   writer   role, position, intent: written by the writer alone
 *   reader   role, position: written by that reader alone, so that it may map the rest read-only
 *   data     stream: records; history: samples; latest: slots; cells: words; bells: lines; lease: its word and slots
 *
 * Every part starts on a page of the run-time page size. Cells, bells and leases have neither writer nor reader pages.
 */
#ifndef RINGBUF_LAYOUT_H
#define RINGBUF_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RB_MAGIC UINT64_C(0x31676e6972746e61) /* "antring1" */
#define RB_ABI_MAJOR 1
#define RB_ABI_MINOR 0
#define RB_READY UINT32_C(0x52454459)

/* Two 64-byte lines: the adjacent-line prefetcher pairs lines, some ARM cores have 128-byte ones. Part of the ABI. */
#define RB_LINE 128
#define RB_MAX_READERS 64
#define RB_MAX_SLOTS 1024
#define RB_MAX_LEASE_SLOTS 16
#define RB_MAX_BLOCKS (UINT32_C(1) << 24)
#define RB_MAX_DATA (UINT64_C(1) << 40)

enum rb_kind { RB_STREAM = 1, RB_HISTORY, RB_LATEST, RB_CELLS, RB_BELLS, RB_LEASE, RB_KINDS };

/* What a creator chooses. `capacity`: stream: bytes; history: samples; latest: bytes a slot; cells, bells: how many;
 * lease: how many may hold it at a time. */
struct rb_geometry {
    uint32_t kind;
    uint32_t readers;
    uint32_t item; /* bytes of a sample (history), else 1 */
    uint32_t rate; /* samples a second (history), else 0 */
    uint32_t slots; /* latest, lease, else 0 */
    uint32_t blocks; /* entries of the block table (history), a power of two, else 0 */
    uint64_t capacity;
    uint64_t first; /* the position the ring begins at: 0, except in tests of the wrap at 2^64 */
    char dtype[8]; /* NumPy's name of a sample, as in "<i2" (history), else empty */
};

/* What follows from it. */
struct rb_layout {
    uint64_t page, writer, reader, table, data, data_len, total;
};

struct rb_header {
    uint64_t magic;
    uint16_t abi_major, abi_minor;
    uint32_t header_len;
    struct rb_geometry geometry;
    struct rb_layout layout;
    uint64_t creator; /* a holder word, see role.h */
    int64_t created_ns;
    uint32_t crc; /* of everything above */
    _Atomic uint32_t ready; /* released last */
};

/* Who holds a role. `holder` is one word, so that taking a role is one compare-and-swap: none is ever half taken. */
struct rb_role {
    _Atomic uint64_t holder; /* 0: nobody; else start time << 22 | pid */
    _Atomic uint64_t epoch; /* how often the role was taken */
    char pad[RB_LINE - 16];
};

/* Positions count bytes (stream), samples (history) or publications (latest). They run free over 64 bits. */
struct rb_side {
    struct rb_role role;
    _Atomic uint64_t position; /* all before it is published (writer) or given back (reader) */
    char pad0[RB_LINE - 8];
    _Atomic uint64_t intent; /* history writer: samples below intent - capacity may be being overwritten */
    _Atomic uint64_t blocks; /* history writer: block table entries published */
    _Atomic uint64_t count; /* stream writer: claims refused for lack of space; history reader: samples lost */
    char pad1[RB_LINE - 24];
};

/* In front of every record and in every latest slot. */
struct rb_tag {
    uint32_t length; /* payload bytes */
    uint16_t kind, flags;
    uint32_t session, turn, attempt;
    uint32_t what; /* RB_RECORD or RB_PADDING */
    int64_t capture_ns, deadline_ns, a, b;
    uint64_t position; /* where this record begins: a reader that finds another number is not looking at a record */
};
#define RB_RECORD UINT32_C(0x52454344)
#define RB_PADDING UINT32_C(0x50414444)
#define RB_TAG 64

struct rb_block {
    _Atomic uint64_t number; /* 0 while it is being written, else the block's number + 1 */
    _Atomic uint64_t first; /* sample index */
    _Atomic int64_t capture_ns;
    _Atomic uint32_t count, flags;
};

struct rb_slot {
    _Atomic uint64_t sequence; /* 2k + 1 while publication k is being written, 2k + 2 when it is whole */
    char pad[RB_TAG - 8];
    struct rb_tag tag;
};

struct rb_bell {
    _Atomic uint32_t seq;
    _Atomic uint32_t sleeping;
    _Atomic uint64_t patient; /* with this ring (header.created_ns) the sleeper has patience up to `upto`; 0: none */
    _Atomic uint64_t upto;
    char pad[RB_LINE - 24];
};

/* Who holds a lease and who waits for it; all of that is in one word, so that every change is one compare-and-swap. */
struct rb_lease_word {
    _Atomic uint64_t word; /* slots that hold: bits 0 to 15; that wait: 16 to 31; changes so far: 32 to 63 */
    char pad[RB_LINE - 8];
};

struct rb_lease_slot {
    struct rb_role role;
    struct rb_bell bell; /* what its holder sleeps on while it waits */
    _Atomic int64_t due_ns; /* of what it holds or waits for; stable while it waits */
    _Atomic uint64_t takes, waits, overdrafts; /* how often it took the lease, waited for it, went on without */
    char pad[RB_LINE - 32];
};

_Static_assert(sizeof(void *) == 8, "positions need 64-bit atomics that are lock-free: build for a 64-bit machine");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "atomics must be lock-free across processes");
_Static_assert(sizeof(struct rb_geometry) == 48 && sizeof(struct rb_layout) == 56, "no hidden padding under the CRC");
_Static_assert(sizeof(struct rb_header) == 144 && offsetof(struct rb_header, crc) == 136, "header layout");
_Static_assert(sizeof(struct rb_side) == 3 * RB_LINE && offsetof(struct rb_side, position) == RB_LINE, "side layout");
_Static_assert(sizeof(struct rb_tag) == RB_TAG && sizeof(struct rb_block) == 32, "record layout");
_Static_assert(sizeof(struct rb_slot) == RB_LINE && sizeof(struct rb_bell) == RB_LINE, "line layout");
_Static_assert(sizeof(struct rb_lease_word) == RB_LINE && sizeof(struct rb_lease_slot) == 3 * RB_LINE, "lease layout");

static inline uint64_t rb_round_up(uint64_t n, uint64_t unit) { return (n + unit - 1) / unit * unit; }
static inline int rb_power_of_two(uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }
static inline uint64_t rb_slot_stride(uint64_t capacity)
{
    return sizeof(struct rb_slot) + rb_round_up(capacity, RB_LINE);
}

/* Fill `out` from `g`. Returns NULL, or what is wrong with the geometry. */
const char *rb_layout_of(const struct rb_geometry *g, struct rb_layout *out);

/* Write header, positions and, last, `ready` into the first pages of a new, zeroed segment. */
void rb_format(void *base, const struct rb_geometry *g, const struct rb_layout *l, uint64_t creator, int64_t now_ns);

/* The checksum of everything in front of `crc`. */
uint32_t rb_header_crc(const struct rb_header *h);

/* Check a private copy of a header against itself and the file's size. Returns NULL, or what is wrong. */
const char *rb_check_header(const struct rb_header *h, uint64_t file_size);

#endif
