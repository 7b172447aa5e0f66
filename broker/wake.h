/* SPDX-License-Identifier: MIT
 *
 * wake: one thread tells another's poll loop that there is news. Linux: an eventfd; elsewhere a pipe.
 */
#ifndef SHEAF_BROKER_WAKE_H
#define SHEAF_BROKER_WAKE_H

struct wake {
    int fd;    /* readable while set */
    int write; /* the same descriptor on Linux */
};

/* 0, or SHEAF_EIO and then nothing is open. Descriptors are close-on-exec and never block. */
int wake_init(struct wake *w);
void wake_finish(struct wake *w);

/* Any thread. Setting twice is setting once. */
void wake_set(struct wake *w);
void wake_clear(struct wake *w);

#endif
