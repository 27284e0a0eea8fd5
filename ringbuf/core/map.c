#include "map.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum rb_status refuse(struct rb_map *m, enum rb_status status, const char *why)
{
    m->why = why;
    return status;
}

static int map_part(const struct rb_map *m, int fd, uint64_t at, uint64_t from, uint64_t length, int prot, int flags)
{
    if (length == 0) return 0;
    void *got = mmap(m->base + at, length, prot, MAP_SHARED | MAP_FIXED | flags, fd, (off_t)from);
    return got == MAP_FAILED ? -1 : 0;
}

static int map_all(struct rb_map *m, int fd)
{
    const struct rb_layout *l = &m->header.layout;
    const enum rb_kind kind = (enum rb_kind)m->header.geometry.kind;
    const int ro = PROT_READ, rw = PROT_READ | PROT_WRITE;
    const int own = m->access == RB_WRITE ? rw : ro;
    const int data = m->writable ? rw : ro;
    /* Populated now, so that the audio path takes no page fault later. Who only observes a ring looks at its first
     * pages: it shall not fetch a minute of sound for that. */
    const int now = MAP_POPULATE, later = m->access == RB_OBSERVE && kind != RB_CELLS ? 0 : MAP_POPULATE;
    /* A history's data twice in a row: every window is contiguous, wherever it begins. */
    const uint64_t image = kind == RB_HISTORY ? l->data_len : 0;

    m->exported = l->data_len + image;
    m->length = l->total + image;
    void *base = mmap(NULL, m->length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return -1;
    m->base = base;
    if (map_part(m, fd, 0, 0, l->table, ro, now)) return -1; /* header, writer and readers */
    if (l->writer && own == rw && map_part(m, fd, l->writer, l->writer, l->page, rw, now)) return -1;
    if (m->access == RB_READ && l->reader) {
        const uint64_t mine = l->reader + m->slot * l->page;
        if (map_part(m, fd, mine, mine, l->page, rw, now)) return -1;
    }
    if (map_part(m, fd, l->table, l->table, l->data - l->table, own, later)) return -1;
    if (map_part(m, fd, l->data, l->data, l->data_len, data, later)) return -1;
    return map_part(m, fd, l->total, l->data, image, data, later);
}

enum rb_status rb_map_open(struct rb_map *m, int fd, enum rb_kind kind, enum rb_access access, uint32_t slot)
{
    struct stat st;
    memset(m, 0, sizeof *m);
    m->access = access;
    m->slot = slot;
    if (fstat(fd, &st) != 0) return refuse(m, RB_OS, "its file cannot be looked at");
    /* Through the file, not through a mapping: a file that is too short must not be a SIGBUS. */
    if (pread(fd, &m->header, sizeof m->header, 0) != (ssize_t)sizeof m->header)
        return refuse(m, RB_CORRUPT, "it is too short for a header");
    const char *wrong = rb_check_header(&m->header, (uint64_t)st.st_size);
    if (wrong) return refuse(m, RB_CORRUPT, wrong);
    const struct rb_geometry *g = &m->header.geometry;
    if (kind && g->kind != kind) return refuse(m, RB_WRONG_KIND, "it is of another kind");
    if (access != RB_OBSERVE && (access == RB_SHARE) != (g->kind >= RB_CELLS))
        return refuse(m, RB_INVALID, "this kind is not for that access");
    /* A latest has readers without slots; a history may have been made with none. */
    if (access == RB_READ && g->kind != RB_LATEST && slot >= g->readers)
        return refuse(m, RB_INVALID, "it has no such reader slot");
    m->writable = access == RB_WRITE || access == RB_SHARE;
    if (map_all(m, fd) == 0) return RB_OK;
    const int error = errno;
    rb_map_close(m);
    errno = error;
    return refuse(m, RB_OS, "its pages cannot be mapped");
}

void rb_map_close(struct rb_map *m)
{
    if (m->base) munmap(m->base, m->length);
    m->base = NULL;
}

struct rb_role *rb_map_role(const struct rb_map *m)
{
    if (m->access == RB_WRITE) return &rb_writer_side(m)->role;
    if (m->access == RB_READ && m->header.layout.reader) return &rb_reader_side(m, m->slot)->role;
    return NULL;
}
