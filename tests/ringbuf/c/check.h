/* A test is TEST(name) { ... }; it registers itself, runs in a process of its own, and ends at its first failed check.
 * TEST_MAPPED needs real pages: a second image of the data, or rights to them. */
#ifndef CHECK_H
#define CHECK_H

#include <stdint.h>

struct test {
    const char *name;
    void (*run)(void);
    int mapped;
    struct test *next;
};

void test_add(struct test *test);
_Noreturn void test_fail(const char *file, int line, const char *what);
void test_same(const char *file, int line, const char *what, uint64_t got, uint64_t wanted);
void test_text(const char *file, int line, const char *got, const char *wanted);

#define TEST_ADD(title, needs_map)                                                                                     \
    static void title(void);                                                                                           \
    __attribute__((constructor)) static void title##_add(void)                                                         \
    {                                                                                                                  \
        static struct test test = {#title, title, needs_map, NULL};                                                    \
        test_add(&test);                                                                                               \
    }                                                                                                                  \
    static void title(void)

#define TEST(title) TEST_ADD(title, 0)
#define TEST_MAPPED(title) TEST_ADD(title, 1)

#define CHECK(ok) ((ok) ? (void)0 : test_fail(__FILE__, __LINE__, #ok))
/* Integers of any kind; both are shown when they differ. */
#define SAME(got, wanted) test_same(__FILE__, __LINE__, #got, (uint64_t)(got), (uint64_t)(wanted))
/* `got` is a sentence that contains `wanted`. */
#define TEXT(got, wanted) test_text(__FILE__, __LINE__, got, wanted)

#endif
