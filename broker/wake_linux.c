/* SPDX-License-Identifier: MIT
 *
 * wake for Linux: one eventfd.
 */
#include "broker/wake.h"

#include "common/err.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int wake_init(struct wake *w)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return SHEAF_EIO;
    w->fd = w->write = fd;
    return 0;
}

void wake_finish(struct wake *w)
{
    close(w->fd);
}

void wake_set(struct wake *w)
{
    const uint64_t one = 1;
    ssize_t n = write(w->write, &one, sizeof(one));
    (void)n; /* fails only when the counter is full: it is set, then */
}

void wake_clear(struct wake *w)
{
    uint64_t count;
    ssize_t n = read(w->fd, &count, sizeof(count));
    (void)n; /* fails only when it was not set */
}
