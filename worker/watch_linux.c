/* SPDX-License-Identifier: MIT
 *
 * watch on Linux: epoll, level-triggered.
 */
#define _GNU_SOURCE
#include "worker/watch.h"
#include "common/err.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct watch {
    int fd;
};

struct watch *watch_create(size_t cap)
{
    (void)cap;
    struct watch *w = malloc(sizeof *w);
    if (!w)
        return NULL;
    w->fd = epoll_create1(EPOLL_CLOEXEC);
    if (w->fd < 0) {
        free(w);
        return NULL;
    }
    return w;
}

void watch_destroy(struct watch *w)
{
    if (w)
        close(w->fd);
    free(w);
}

int watch_add(struct watch *w, int fd, uint64_t tag)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = tag};
    return epoll_ctl(w->fd, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : SHEAF_EIO;
}

void watch_remove(struct watch *w, int fd)
{
    struct epoll_event unused = {0};
    epoll_ctl(w->fd, EPOLL_CTL_DEL, fd, &unused);
}

size_t watch_ready(struct watch *w, uint64_t *tags, size_t cap)
{
    struct epoll_event events[64];
    int n = epoll_wait(w->fd, events, cap < 64 ? (int)cap : 64, 0);
    for (int i = 0; i < n; i++)
        tags[i] = events[i].data.u64;
    return n > 0 ? (size_t)n : 0;
}

int watch_fd(const struct watch *w)
{
    return w->fd;
}

size_t watch_fds(const struct watch *w, struct pollfd *out, size_t cap)
{
    if (cap > 0)
        out[0] = (struct pollfd){.fd = w->fd, .events = POLLIN};
    return cap > 0 ? 1 : 0;
}
