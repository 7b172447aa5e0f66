/* SPDX-License-Identifier: MIT
 *
 * Calls that fail under the real journal: in the life of a state directory (made, worked in, checkpointed, closed, opened, read) the N-th
 * call of each kind fails in each way, for all N, once or from then on. The answer is an error with one line, or the call does
 * not matter; no descriptor is left. Then the device works again, another broker opens the journal, works, and the power goes:
 * everything acknowledged, before and after, is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/fsutil.h"
#include "tests/crash/lives.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#define STEP 5u /* every fifth call */
#else
#define STEP 1u
#endif
#define BATCHES 8u

/* How a call of these kinds fails. */
struct failure {
    const char *name;
    unsigned calls;
    int errnum, err; /* err: what the journal must say of it; 0 = any error */
    bool forever;
};

#define ON(call) (1u << (call))

static const struct failure failures[] = {
    {"open", ON(IO_OPEN), EIO, 0, false},
    {"open: too many", ON(IO_OPEN) | ON(IO_CREATE), EMFILE, 0, true},
    {"create", ON(IO_CREATE), EACCES, 0, false},
    {"create: full", ON(IO_CREATE), ENOSPC, 0, true},
    {"read", ON(IO_READ), EIO, 0, false},
    {"read, for good", ON(IO_READ), EIO, 0, true},
    {"half a read", ON(IO_READ), IO_SHORT, 0, false},
    {"write", ON(IO_WRITE), EIO, SHEAF_EIO, false},
    {"write: full", ON(IO_WRITE), ENOSPC, SHEAF_ENOSPC, false},
    {"write: full for good", ON(IO_WRITE) | ON(IO_SIZE) | ON(IO_CREATE), ENOSPC, SHEAF_ENOSPC, true},
    {"write: over the quota", ON(IO_WRITE), EDQUOT, 0, true},
    {"write: over the limit", ON(IO_WRITE), EFBIG, 0, true},
    {"write: interrupted", ON(IO_WRITE), EINTR, 0, false},
    {"half a write", ON(IO_WRITE), IO_SHORT, 0, false},
    {"half of each write", ON(IO_WRITE), IO_SHORT, 0, true},
    {"size", ON(IO_SIZE), EIO, 0, false},
    {"sync", ON(IO_SYNC), EIO, SHEAF_EIO, false},
    {"sync: full", ON(IO_SYNC), ENOSPC, SHEAF_ENOSPC, false},
    {"sync, for good", ON(IO_SYNC), EIO, SHEAF_EIO, true},
    {"name", ON(IO_NAME), EIO, 0, false},
    {"name, for good", ON(IO_NAME), EROFS, 0, true},
    {"look", ON(IO_LOOK), EIO, 0, false},
    {"lock", ON(IO_LOCK), ENOLCK, 0, false},
    {"lock, for good", ON(IO_LOCK), EIO, 0, true},
    {"anything, for good", (1u << IO_CALLS) - 1, EIO, 0, true},
};

static unsigned open_descriptors(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    SHEAF_ASSERT(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void close_and_note(struct lives *t, int *err)
{
    *err = t->err;
    lives_close(t);
}

/* The life that is disturbed. The first error ends it, as it ends a broker. */
static int story(struct lives *t, bool by_thread)
{
    int err = 0;
    bool ok = lives_open(t, true);
    if (by_thread)
        ok = ok && lives_work_by_thread(t, 4);
    for (unsigned i = 0; i < BATCHES && ok && !by_thread; i++)
        ok = lives_commit(t);
    close_and_note(t, &err);
    if (!ok)
        return err;
    for (unsigned i = 0; i < 3 && ok; i++)
        ok = i ? lives_commit(t) : lives_open(t, true);
    close_and_note(t, &err);
    return ok ? 0 : err;
}

/* A broker after that, on a device that works. */
static void goes_on(struct lives *t, const char *when)
{
    bool ok = lives_open(t, true);
    for (unsigned i = 0; i < 3 && ok; i++)
        ok = lives_commit(t);
    lives_close(t);
    if (!ok)
        lives_wrong(t, when, t->d.text);
}

/* False when there were fewer than n such calls. */
static bool fails_at(const struct failure *f, uint64_t n, bool by_thread)
{
    char root[64], dir[80];
    struct rnd r = {n};
    lives_root(root, sizeof(root));
    snprintf(dir, sizeof(dir), "%s/state", root);
    struct lives *t = lives_new(dir, 7);
    unsigned descriptors = open_descriptors();
    disk_begin(root);
    disk_fail_at(n, f->calls, f->errnum, f->forever);
    int err = story(t, by_thread);
    bool failed = disk_has_failed();
    if (!failed && err)
        lives_wrong(t, "without a failure", t->d.text);
    if (err && (!t->d.text[0] || (f->err && err != f->err)))
        lives_wrong(t, "another error than expected", t->d.text);
    if (open_descriptors() != descriptors)
        lives_wrong(t, "left open", "descriptors");
    disk_fail_at(0, 0, 0, false);
    goes_on(t, "afterwards");
    disk_power_went(&r);
    goes_on(t, "after a power cut");
    disk_end();
    if (t->wrong[0])
        fail_msg("%s, call %llu: %s (error %d)", f->name, (unsigned long long)n, t->wrong, err);
    lives_free(t);
    assert_int_equal(dir_remove(root), 0);
    return failed;
}

static void whichever_call_fails_nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        uint64_t n = 1;
        while (fails_at(&failures[i], n, false))
            n += STEP;
        assert_true(n > 1);
    }
}

static void the_journals_thread_says_so_as_well(void **state)
{
    (void)state;
    static const unsigned calls[] = {ON(IO_WRITE), ON(IO_SYNC), ON(IO_READ)};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        const struct failure f = {"the thread", calls[i], EIO, SHEAF_EIO, true};
        uint64_t n = 1;
        while (fails_at(&f, n, true))
            n += STEP;
        assert_true(n > 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whichever_call_fails_nothing_acknowledged_is_lost),
        cmocka_unit_test(the_journals_thread_says_so_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
