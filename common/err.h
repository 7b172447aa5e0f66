/* SPDX-License-Identifier: MIT
 *
 * err: the three kinds of error. A bug ends the process (SHEAF_ASSERT, always on). The world (I/O, memory, a
 * peer, a user's file) is a negative `enum sheaf_err`, with a one-line text in a `struct diag` where a person
 * will read it. Expected absence is NULL or false.
 */
#ifndef SHEAF_COMMON_ERR_H
#define SHEAF_COMMON_ERR_H

#include <stdarg.h>

enum sheaf_err {
    SHEAF_OK = 0,
    SHEAF_ENOMEM = -1,   /* out of memory */
    SHEAF_EIO = -2,      /* the operating system refused or broke off */
    SHEAF_EINVAL = -3,   /* the request is wrong: usage, sweep file, plugin, data */
    SHEAF_EPROTO = -4,   /* a peer's bytes are malformed */
    SHEAF_EVERSION = -5, /* another major version of file, plugin or peer */
    SHEAF_ECORRUPT = -6, /* stored bytes do not match their digest or their format */
    SHEAF_ELIMIT = -7,   /* a size, count or depth is over its cap */
    SHEAF_ENOSPC = -8,   /* no room on the device */
    SHEAF_EBUSY = -9,    /* in use by somebody else */
    SHEAF_ENOENT = -10,  /* there is no such thing */
    SHEAF_EGONE = -11,   /* the peer cannot be reached or went away */
    SHEAF_ERR_LAST = -11
};

/* The English name of an error; total: unknown numbers give "unknown error". Static storage. */
const char *sheaf_strerror(int err);

/* One line for a person: what is wrong, where, and what to do. Empty when nothing failed. */
struct diag {
    char text[1024];
};

/* Formats the line (cut to fit, newlines and control characters become spaces) and returns err. d may be NULL.
 * An argument may be d->text itself, to put context in front. */
int diag_fail(struct diag *d, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int diag_vfail(struct diag *d, int err, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
#ifdef __clang_analyzer__ /* it looks at one file at a time, and would follow paths on which a failure returns 0 */
#define diag_fail(d, err, ...) ((void)(diag_fail)(d, err, __VA_ARGS__), (int)(err))
#endif

/* Writes file, line and the condition to stderr and aborts. */
_Noreturn void sheaf_assert_failed(const char *file, int line, const char *cond);

#define SHEAF_ASSERT(cond) ((cond) ? (void)0 : sheaf_assert_failed(__FILE__, __LINE__, #cond))

#endif
