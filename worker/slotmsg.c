/* SPDX-License-Identifier: MIT
 *
 * slotmsg: see slotmsg.h. A stream socket, which every POSIX system has; a message is sent in one call, so that it
 * arrives whole or, when there is no room, not at all.
 */
#define _GNU_SOURCE /* CMSG_SPACE, MSG_CMSG_CLOEXEC where there is one */
#include "worker/slotmsg.h"
#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void attach_fd(struct msghdr *h, union control *c, int fd)
{
    memset(c, 0, sizeof *c);
    h->msg_control = c->bytes;
    h->msg_controllen = sizeof c->bytes;
    struct cmsghdr *m = CMSG_FIRSTHDR(h);
    m->cmsg_level = SOL_SOCKET;
    m->cmsg_type = SCM_RIGHTS;
    m->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(m), &fd, sizeof fd);
}

int slotmsg_send(int sock, const struct slotmsg *m, const char *text, int fd, bool wait)
{
    char bytes[sizeof *m + SLOTMSG_MAX];
    SHEAF_ASSERT(m->len <= SLOTMSG_MAX);
    memcpy(bytes, m, sizeof *m);
    if (m->len > 0)
        memcpy(bytes + sizeof *m, text, m->len);
    size_t done = 0, size = sizeof *m + m->len;
    while (done < size) {
        struct iovec part = {.iov_base = bytes + done, .iov_len = size - done};
        struct msghdr h = {.msg_iov = &part, .msg_iovlen = 1};
        union control control;
        if (fd >= 0 && done == 0)
            attach_fd(&h, &control, fd);
        ssize_t n = sendmsg(sock, &h, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
        if (n >= 0)
            done += (size_t)n;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return done == 0 ? SHEAF_EBUSY : SHEAF_EGONE; /* half a message cannot be mended */
        else if (errno != EINTR)
            return SHEAF_EGONE;
    }
    return 0;
}

static void take_fd(struct msghdr *h, int *fd)
{
    for (struct cmsghdr *m = CMSG_FIRSTHDR(h); m; m = CMSG_NXTHDR(h, m)) {
        if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
            continue;
        if (*fd >= 0)
            close(*fd);
        memcpy(fd, CMSG_DATA(m), sizeof *fd);
        (void)fcntl(*fd, F_SETFD, FD_CLOEXEC);
    }
}

static int receive_exactly(int sock, void *to, size_t len, int *fd)
{
    while (len > 0) {
        struct iovec part = {.iov_base = to, .iov_len = len};
        union control control;
        struct msghdr h = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
        ssize_t n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC);
        if (n == 0 || (n < 0 && errno != EINTR))
            return SHEAF_EGONE;
        if (n < 0)
            continue;
        take_fd(&h, fd);
        to = (char *)to + n;
        len -= (size_t)n;
    }
    return 0;
}

int slotmsg_receive(int sock, struct slotmsg *m, char *text, int *fd)
{
    char head[sizeof *m];
    *fd = -1;
    int rc = receive_exactly(sock, head, sizeof head, fd);
    memcpy(m, head, sizeof *m);
    if (!rc && m->len > SLOTMSG_MAX)
        rc = SHEAF_EPROTO;
    if (!rc)
        rc = receive_exactly(sock, text, m->len, fd);
    if (rc) {
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
        return rc;
    }
    text[m->len] = '\0';
    return 0;
}

int slotmsg_fill(struct slotmsg_inbox *in, int sock)
{
    if (in->len == sizeof in->bytes)
        return 0;
    ssize_t n;
    do
        n = recv(sock, in->bytes + in->len, sizeof in->bytes - in->len, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (n <= 0)
        return SHEAF_EGONE;
    in->len += (size_t)n;
    return 1;
}

int slotmsg_next(struct slotmsg_inbox *in, struct slotmsg *m, char *text)
{
    if (in->len < sizeof *m)
        return 0;
    memcpy(m, in->bytes, sizeof *m);
    if (m->len > SLOTMSG_MAX)
        return SHEAF_EPROTO;
    size_t size = sizeof *m + m->len;
    if (in->len < size)
        return 0;
    memcpy(text, in->bytes + sizeof *m, m->len);
    text[m->len] = '\0';
    memmove(in->bytes, in->bytes + size, in->len - size);
    in->len -= size;
    return 1;
}
