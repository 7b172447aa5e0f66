/* SPDX-License-Identifier: MIT
 *
 * watch elsewhere: poll over a table.
 */
#include "worker/watch.h"
#include "common/err.h"

#include <stdlib.h>
#include <string.h>

struct watch {
    struct pollfd *fds;
    uint64_t *tags;
    size_t n, cap, next; /* next: where the following turn begins, so that nobody starves */
};

struct watch *watch_create(size_t cap)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->cap = cap;
    w->fds = calloc(cap, sizeof *w->fds);
    w->tags = calloc(cap, sizeof *w->tags);
    if (w->fds && w->tags)
        return w;
    watch_destroy(w);
    return NULL;
}

void watch_destroy(struct watch *w)
{
    if (!w)
        return;
    free(w->fds);
    free(w->tags);
    free(w);
}

int watch_add(struct watch *w, int fd, uint64_t tag)
{
    if (w->n == w->cap)
        return SHEAF_ELIMIT;
    w->fds[w->n] = (struct pollfd){.fd = fd, .events = POLLIN};
    w->tags[w->n++] = tag;
    return 0;
}

void watch_remove(struct watch *w, int fd)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->fds[i].fd != fd)
            continue;
        w->n--;
        w->fds[i] = w->fds[w->n];
        w->tags[i] = w->tags[w->n];
        return;
    }
}

size_t watch_ready(struct watch *w, uint64_t *tags, size_t cap)
{
    size_t found = 0;
    if (w->n == 0 || poll(w->fds, (nfds_t)w->n, 0) <= 0)
        return 0;
    size_t start = w->next % w->n;
    for (size_t i = 0; i < w->n && found < cap; i++) {
        size_t at = (start + i) % w->n;
        if (!(w->fds[at].revents & (POLLIN | POLLHUP | POLLERR)))
            continue;
        tags[found++] = w->tags[at];
        w->next = at + 1;
    }
    return found;
}

int watch_fd(const struct watch *w)
{
    (void)w;
    return -1;
}

size_t watch_fds(const struct watch *w, struct pollfd *out, size_t cap)
{
    size_t n = w->n < cap ? w->n : cap;
    if (n > 0)
        memcpy(out, w->fds, n * sizeof *out);
    return n;
}
