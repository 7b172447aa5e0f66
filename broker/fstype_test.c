#define _GNU_SOURCE
/* SPDX-License-Identifier: MIT
 *
 * Tests of what is refused as a network file system. statfs is our own here: it says whatever type a test wants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/fstype.h"
#include "broker/journal.h"
#include "common/fsutil.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static long type_now; /* 0 = statfs fails */

#pragma GCC visibility push(default)
int statfs(const char *path, struct statfs *fs)
{
    (void)path;
    memset(fs, 0, sizeof(*fs));
    fs->f_type = (__typeof__(fs->f_type))type_now;
    errno = ENOSYS;
    return type_now ? 0 : -1;
}
#pragma GCC visibility pop

static void network_file_systems_have_names(void **state)
{
    (void)state;
    static const struct {
        long type;
        const char *name;
    } cases[] = {
        {0x6969, "NFS"},
        {0x517B, "SMB"},
        {0xFE534D42, "SMB"},
        {0xFF534D42, "CIFS"},
        {0x01021997, "9P"},
        {0x00C36400, "CephFS"},
        {0x0BD00BD0, "Lustre"},
        {0x5346414F, "AFS"},
        {0x6B414653, "AFS"},
        {0x73757245, "Coda"},
        {0x47504653, "GPFS"},
        {0x19830326, "BeeGFS"},
        {(int32_t)0xFF534D42, "CIFS"}, /* as a 32-bit system says it */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        type_now = cases[i].type;
        const char *name = fstype_network("/anywhere");
        assert_non_null(name);
        assert_string_equal(name, cases[i].name);
    }
}

static void local_file_systems_are_fine(void **state)
{
    (void)state;
    static const long types[] = {0xEF53 /* ext4 */,      0x58465342 /* XFS */,
                                 0x9123683E /* Btrfs */, 0x01021994 /* tmpfs */,
                                 0x2FC12FC1 /* ZFS */,   0x794C7630 /* overlay */,
                                 0x65735546 /* FUSE */,  0xF2F52010 /* F2FS */,
                                 0x7461636F /* OCFS2 */, 0};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        type_now = types[i];
        assert_null(fstype_network("/anywhere"));
    }
}

static void a_journal_there_is_refused_with_what_to_do(void **state)
{
    (void)state;
    char dir[] = "/tmp/fstype_test_XXXXXX", text[512];
    struct journal *j = NULL;
    struct diag d = {""};
    assert_non_null(mkdtemp(dir));
    type_now = 0x6969;
    snprintf(text, sizeof(text),
             "state directory %s is on NFS, where locks and fsync cannot be relied on; choose a local directory", dir);
    for (int create = 0; create < 2; create++) {
        assert_int_equal(journal_open(dir, create, &j, &d), SHEAF_EINVAL);
        assert_string_equal(d.text, text);
    }
    assert_int_equal(rmdir(dir), 0); /* nothing was made in it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_file_systems_have_names),
        cmocka_unit_test(local_file_systems_are_fine),
        cmocka_unit_test(a_journal_there_is_refused_with_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
