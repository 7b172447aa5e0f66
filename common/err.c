/* SPDX-License-Identifier: MIT
 *
 * err: names of errors, the line for a person, and the end of a process with a bug.
 */
#include "common/err.h"

#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [-SHEAF_OK] = "no error",
    [-SHEAF_ENOMEM] = "out of memory",
    [-SHEAF_EIO] = "input/output error",
    [-SHEAF_EINVAL] = "invalid request",
    [-SHEAF_EPROTO] = "malformed message",
    [-SHEAF_EVERSION] = "incompatible version",
    [-SHEAF_ECORRUPT] = "corrupt data",
    [-SHEAF_ELIMIT] = "over a limit",
    [-SHEAF_ENOSPC] = "no space left on device",
    [-SHEAF_EBUSY] = "in use",
    [-SHEAF_ENOENT] = "not found",
    [-SHEAF_EGONE] = "peer is gone",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == -SHEAF_ERR_LAST + 1, "every error has a name");

const char *sheaf_strerror(int err)
{
    return err > 0 || err < SHEAF_ERR_LAST ? "unknown error" : names[-err];
}

int diag_vfail(struct diag *d, int err, const char *fmt, va_list ap)
{
    if (d == NULL)
        return err;
    /* Not straight into d: a caller that adds context passes the old d->text as an argument. */
    struct diag line;
    if (vsnprintf(line.text, sizeof(line.text), fmt, ap) < 0)
        snprintf(line.text, sizeof(line.text), "%s", sheaf_strerror(err));
    text_one_line(line.text);
    memcpy(d->text, line.text, strlen(line.text) + 1);
    return err;
}

#undef diag_fail
int diag_fail(struct diag *d, int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    diag_vfail(d, err, fmt, ap);
    va_end(ap);
    return err;
}

_Noreturn void sheaf_assert_failed(const char *file, int line, const char *cond)
{
    fprintf(stderr, "sheaf: bug at %s:%d: %s does not hold\n", file, line, cond);
    abort();
}
