/* SPDX-License-Identifier: MIT
 *
 * exit: from an error to its line on stderr and its exit code.
 */
#include "cli/exit.h"

#include <stdio.h>

int exit_of(int err)
{
    switch (err) {
    case SHEAF_OK:
        return EXIT_ALL_DONE;
    case SHEAF_EGONE:
        return EXIT_UNREACHABLE;
    case SHEAF_EINVAL: /* usage, sweep file */
    case SHEAF_ENOENT: /* a file, plugin, array or sweep that is not there */
    case SHEAF_EVERSION:
    case SHEAF_ECORRUPT:
    case SHEAF_ELIMIT:
    case SHEAF_EBUSY:
        return EXIT_WRONG;
    default:
        return EXIT_INTERNAL;
    }
}

int exit_report(int err, const struct diag *d)
{
    const char *text = d != NULL && d->text[0] != '\0' ? d->text : sheaf_strerror(err);
    (void)fprintf(stderr, "sheaf: %s\n", text);
    return exit_of(err);
}

int exit_usage(const char *fmt, ...)
{
    struct diag d;
    va_list ap;
    va_start(ap, fmt);
    int err = diag_vfail(&d, SHEAF_EINVAL, fmt, ap);
    va_end(ap);
    return exit_report(err, &d);
}
