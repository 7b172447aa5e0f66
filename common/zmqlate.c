/* SPDX-License-Identifier: MIT
 *
 * zmqlate: libzmq, loaded when one of its functions is called first. A slot and a describing child never call one: they
 * start in less than half the time, and a plugin runs in a process that has none of libzmq's fifteen libraries (libstdc++,
 * Kerberos, ...) beside it. The functions have libzmq's own names, so that our code includes <zmq.h> and nothing else; they
 * are hidden, so that libzmq itself never finds them. The portable twin links with libzmq as usual (common/CMakeLists.txt).
 */
#include "common/err.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

/* The library, or the end of the process: nothing of ours works without it, and setup installs it. */
static void *library(void)
{
    void *handle = dlopen(SHEAF_ZMQ_LIBRARY, RTLD_LAZY | RTLD_LOCAL); /* the same one each time */
    if (!handle) {
        (void)fprintf(stderr, "sheaf: cannot load %s: %s; install libzmq (deploy/setup does)\n", SHEAF_ZMQ_LIBRARY,
                      dlerror());
        _exit(1);
    }
    return handle;
}

static void *find(const char *name)
{
    void *found = dlsym(library(), name);
    SHEAF_ASSERT(found != NULL);
    return found;
}

#define LATE(type, name, parameters, arguments)                                                                        \
    type name parameters                                                                                               \
    {                                                                                                                  \
        static void *_Atomic found; /* two threads find the same */                                                    \
        void *at = atomic_load_explicit(&found, memory_order_relaxed);                                                 \
        if (!at)                                                                                                       \
            atomic_store_explicit(&found, at = find(#name), memory_order_relaxed);                                     \
        type(*function) parameters;                                                                                    \
        memcpy(&function, &at, sizeof(function)); /* an object pointer becomes one of a function */                    \
        return function arguments;                                                                                     \
    }

LATE(void *, zmq_ctx_new, (void), ())
LATE(int, zmq_ctx_term, (void *ctx), (ctx))
LATE(void *, zmq_socket, (void *ctx, int type), (ctx, type))
LATE(int, zmq_close, (void *s), (s))
LATE(int, zmq_setsockopt, (void *s, int option, const void *value, size_t len), (s, option, value, len))
LATE(int, zmq_getsockopt, (void *s, int option, void *value, size_t *len), (s, option, value, len))
LATE(int, zmq_bind, (void *s, const char *endpoint), (s, endpoint))
LATE(int, zmq_connect, (void *s, const char *endpoint), (s, endpoint))
LATE(int, zmq_send, (void *s, const void *data, size_t len, int flags), (s, data, len, flags))
LATE(int, zmq_poll, (zmq_pollitem_t * items, int n, long timeout), (items, n, timeout))
LATE(int, zmq_errno, (void), ())
LATE(const char *, zmq_strerror, (int err), (err))
LATE(int, zmq_msg_init, (zmq_msg_t * m), (m))
LATE(int, zmq_msg_init_data, (zmq_msg_t * m, void *data, size_t len, zmq_free_fn *done, void *hint),
     (m, data, len, done, hint))
LATE(int, zmq_msg_send, (zmq_msg_t * m, void *s, int flags), (m, s, flags))
LATE(int, zmq_msg_recv, (zmq_msg_t * m, void *s, int flags), (m, s, flags))
LATE(int, zmq_msg_close, (zmq_msg_t * m), (m))
LATE(int, zmq_msg_move, (zmq_msg_t * to, zmq_msg_t *from), (to, from))
LATE(void *, zmq_msg_data, (zmq_msg_t * m), (m))
LATE(size_t, zmq_msg_size, (const zmq_msg_t *m), (m))
LATE(int, zmq_msg_more, (const zmq_msg_t *m), (m))
LATE(int, zmq_msg_get, (const zmq_msg_t *m, int property), (m, property))
LATE(int, zmq_socket_monitor, (void *s, const char *address, int events), (s, address, events))
