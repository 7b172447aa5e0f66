/* SPDX-License-Identifier: MIT
 *
 * wake where POSIX is all there is: a pipe with at least one byte in it while set.
 */
#include "broker/wake.h"

#include "common/err.h"
#include "common/fsutil.h"

#include <fcntl.h>
#include <unistd.h>

int wake_init(struct wake *w)
{
    int fds[2];
    if (pipe_make(fds, O_NONBLOCK) != 0)
        return SHEAF_EIO;
    w->fd = fds[0];
    w->write = fds[1];
    return 0;
}

void wake_finish(struct wake *w)
{
    close(w->fd);
    close(w->write);
}

void wake_set(struct wake *w)
{
    ssize_t n = write(w->write, "", 1);
    (void)n; /* fails only when the pipe is full: it is set, then */
}

void wake_clear(struct wake *w)
{
    char bytes[256];
    while (read(w->fd, bytes, sizeof(bytes)) > 0)
        ;
}
