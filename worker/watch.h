/* SPDX-License-Identifier: MIT
 *
 * watch: many descriptors, asked which of them can be read. Linux: an epoll, which is one readable descriptor itself;
 * elsewhere a table for poll.
 */
#ifndef SHEAF_WORKER_WATCH_H
#define SHEAF_WORKER_WATCH_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

struct watch;

/* At most `cap` descriptors. NULL when out of memory or descriptors. */
struct watch *watch_create(size_t cap);
void watch_destroy(struct watch *w);

/* 0, or SHEAF_EIO / SHEAF_ELIMIT. A descriptor is removed before it is closed. */
int watch_add(struct watch *w, int fd, uint64_t tag);
void watch_remove(struct watch *w, int fd);

/* Tags of descriptors that can be read or were hung up, without waiting. */
size_t watch_ready(struct watch *w, uint64_t *tags, size_t cap);

/* Readable when any of them is; -1 = ask watch_fds. */
int watch_fd(const struct watch *w);
size_t watch_fds(const struct watch *w, struct pollfd *out, size_t cap);

#endif
