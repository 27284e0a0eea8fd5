/* usage: runner [--plain] [name ...]: run all tests, or those whose names contain one of the words. TAP on stdout. */
#include "check.h"
#include "segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test *tests;

void test_add(struct test *test)
{
    test->next = tests;
    tests = test;
}

void test_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "# %s:%d: %s\n", file, line, what);
    fflush(NULL);
    _exit(1);
}

void test_same(const char *file, int line, const char *what, uint64_t got, uint64_t wanted)
{
    char text[400];
    if (got == wanted) return;
    snprintf(text, sizeof text, "%s is %lld (0x%llx), not %lld (0x%llx)", what, (long long)got, (unsigned long long)got,
             (long long)wanted, (unsigned long long)wanted);
    test_fail(file, line, text);
}

void test_text(const char *file, int line, const char *got, const char *wanted)
{
    char text[400];
    if (got && strstr(got, wanted)) return;
    snprintf(text, sizeof text, "\"%s\" does not say \"%s\"", got ? got : "(nothing)", wanted);
    test_fail(file, line, text);
}

static int wanted(const char *name, int words, char **word)
{
    for (int i = 0; i < words; i++) {
        if (strstr(name, word[i])) return 1;
    }
    return words == 0;
}

int main(int argc, char **argv)
{
    int skip = 1, count = 0, failed = 0;
    if (argc > 1 && strcmp(argv[1], "--plain") == 0) {
        segment_plain = 1;
        skip = 2;
    }
    for (struct test *test = tests; test; test = test->next) {
        if ((test->mapped && segment_plain) || !wanted(test->name, argc - skip, argv + skip)) continue;
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0) {
            /* A test that hangs is one that fails. */
            alarm(60);
            test->run();
            fflush(NULL);
            _exit(0);
        }
        int status = 1;
        if (child < 0 || waitpid(child, &status, 0) != child) return 2;
        count++;
        failed += status != 0;
        printf("%s %d - %s\n", status ? "not ok" : "ok", count, test->name);
        if (WIFSIGNALED(status)) fprintf(stderr, "# %s: signal %d\n", test->name, WTERMSIG(status));
    }
    printf("1..%d\n", count);
    return failed || count == 0;
}
