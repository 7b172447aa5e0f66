/* SPDX-License-Identifier: MIT
 *
 * door: a monitor of libzmq says which descriptors are connections, and each message tells its own. A connection is closed by
 * shutdown(), which libzmq takes for the peer's doing. Between the news and the call the number may have come to mean another
 * connection, which then is made anew: no harm is done.
 */
#include "broker/door.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define MONITOR "inproc://door"
#define SPARE_FDS 64u            /* for everything that is no connection */
#define FLOOR_NS (60 * NS_PER_S) /* growth is measured against the least of the last minute or two */
#define EVENTS (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED)

struct connection {
    bool open, cut;
    int64_t since, heard; /* heard 0: never */
};

struct door {
    void *socket, *monitor;
    struct connection *at; /* by descriptor */
    int n;
    uint32_t count, most;
    uint64_t closed;
    int64_t looked_at, floor_at;
    uint64_t floor, floor_next; /* least memory: in the interval before, in this one */
    bool grown;                 /* by DOOR_CALM, at the last look */
    int64_t pressed_at;         /* the silent ones were closed because of it; 0 = they were not */
    uint64_t pressed_memory;
    int64_t give_back_at; /* what has been freed by then */
    bool warned;
};

static uint32_t connections_allowed(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DOOR_MOST + SPARE_FDS)
        return DOOR_MOST;
    return limit.rlim_cur > (rlim_t)2 * SPARE_FDS ? (uint32_t)limit.rlim_cur - SPARE_FDS : SPARE_FDS;
}

int door_open(void *ctx, void *socket, struct door **out, struct diag *d)
{
    struct door *door = calloc(1, sizeof(*door));
    if (!door)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    door->most = connections_allowed();
    door->floor = door->floor_next = UINT64_MAX;
    door->socket = socket;
    door->monitor = zmq_socket(ctx, ZMQ_PAIR);
    /* Without a limit: libzmq's thread waits for room in this queue, and holds a lock meanwhile that door_close wants. */
    int no_limit = 0;
    if (!door->monitor || zmq_setsockopt(door->monitor, ZMQ_RCVHWM, &no_limit, sizeof(no_limit)) != 0 ||
        zmq_setsockopt(door->monitor, ZMQ_SNDHWM, &no_limit, sizeof(no_limit)) != 0 ||
        zmq_socket_monitor(socket, MONITOR, EVENTS) != 0 || zmq_connect(door->monitor, MONITOR) != 0) {
        door_close(door);
        return diag_fail(d, SHEAF_EIO, "cannot watch the socket: %s", zmq_strerror(zmq_errno()));
    }
    *out = door;
    return 0;
}

void door_close(struct door *door)
{
    if (!door)
        return;
    /* No news without a listener: libzmq would lose their memory. */
    zmq_socket_monitor(door->socket, NULL, 0);
    if (door->monitor)
        zmq_close(door->monitor);
    free(door->at);
    free(door);
}

/* ---- news ---- */

static struct connection *place(struct door *door, int fd)
{
    if (fd >= door->n) {
        int n = fd + 64;
        struct connection *grown = realloc(door->at, (size_t)n * sizeof(*grown));
        if (!grown)
            return NULL;
        memset(grown + door->n, 0, (size_t)(n - door->n) * sizeof(*grown));
        door->at = grown;
        door->n = n;
    }
    return &door->at[fd];
}

static void cut(struct door *door, int fd)
{
    door->at[fd].cut = true;
    door->closed++;
    (void)shutdown(fd, SHUT_RDWR);
}

static void accepted(struct door *door, int fd, int64_t now)
{
    struct connection *c = place(door, fd);
    if (!c)
        return;
    door->count += !c->open;
    *c = (struct connection){.open = true, .since = now};
    if (door->count > door->most)
        cut(door, fd);
}

static void ended(struct door *door, int fd)
{
    if (fd < 0 || fd >= door->n || !door->at[fd].open)
        return;
    door->at[fd] = (struct connection){0};
    door->count--;
}

/* Each event is a frame of its number and value, and one with the address. False when there is none. */
static bool take_event(struct door *door, int64_t now)
{
    uint8_t bytes[6] = {0};
    uint16_t event;
    int32_t fd;
    bool more = true;
    for (int n = 0; more; n++) {
        zmq_msg_t frame;
        (void)zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, door->monitor, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&frame);
            return false;
        }
        if (n == 0 && zmq_msg_size(&frame) == sizeof(bytes))
            memcpy(bytes, zmq_msg_data(&frame), sizeof(bytes));
        more = zmq_msg_more(&frame);
        (void)zmq_msg_close(&frame);
    }
    memcpy(&event, bytes, sizeof(event));
    memcpy(&fd, bytes + sizeof(event), sizeof(fd));
    if (event == ZMQ_EVENT_ACCEPTED && fd >= 0)
        accepted(door, fd, now);
    else if (event != 0)
        ended(door, fd);
    return true;
}

static void take_events(struct door *door, int64_t now)
{
    while (take_event(door, now))
        ;
}

void door_heard(struct door *door, const zmq_msg_t *frame, int64_t now)
{
    int fd = zmq_msg_get(frame, ZMQ_SRCFD);
    if (fd < 0)
        return;
    if (fd >= door->n || !door->at[fd].open)
        take_events(door, now);
    if (fd < door->n)
        door->at[fd].heard = now;
}

/* ---- looking ---- */

/* Closes whoever has not said anything since then. How many those were. */
static uint32_t cut_silent(struct door *door, int64_t since, bool strangers_only)
{
    uint32_t n = 0;
    for (int fd = 0; fd < door->n; fd++) {
        const struct connection *c = &door->at[fd];
        int64_t last = c->heard ? c->heard : c->since;
        if (!c->open || c->cut || last > since || (strangers_only && c->heard))
            continue;
        cut(door, fd);
        n++;
    }
    return n;
}

static void note_floor(struct door *door, int64_t now, uint64_t memory)
{
    if (now - door->floor_at >= FLOOR_NS) {
        door->floor = door->floor_next;
        door->floor_next = memory;
        door->floor_at = now;
    }
    if (memory < door->floor_next)
        door->floor_next = memory;
    if (memory < door->floor)
        door->floor = memory;
}

/* What was closed takes a while to be freed: only when that has not helped, or when it grows on, everybody goes. */
static void watch_memory(struct door *door, int64_t now, uint64_t memory)
{
    note_floor(door, now, memory);
    door->grown = memory - door->floor >= DOOR_CALM;
    if (memory - door->floor < DOOR_GROWTH) {
        door->pressed_at = 0;
        return;
    }
    bool all = door->pressed_at != 0;
    if (all && now - door->pressed_at < DOOR_SILENT_NS && memory < door->pressed_memory + DOOR_GROWTH)
        return;
    uint32_t n = cut_silent(door, all ? now : now - DOOR_SILENT_NS, false);
    log_warn("%llu MiB of memory more than a minute ago: %u %s connections were closed",
             (unsigned long long)((memory - door->floor) >> 20), n, all ? "more" : "silent");
    if (all) /* if it is ours after all, it is the measure from now on */
        door->floor = door->floor_next = memory;
    door->pressed_at = all ? 0 : now;
    door->pressed_memory = memory;
    door->give_back_at = now + DOOR_SILENT_NS / 2;
}

bool door_due(const struct door *door, int64_t now)
{
    return now - door->looked_at >= DOOR_LOOK_NS;
}

int64_t door_wait(const struct door *door, int64_t now)
{
    int64_t left = door->looked_at + (door->grown ? DOOR_LOOK_NS : DOOR_REST_NS) - now;
    return left > 0 ? left : 0;
}

void door_look(struct door *door, int64_t now, uint64_t memory)
{
    uint64_t before = door->closed;
    door->looked_at = now;
    take_events(door, now);
    (void)cut_silent(door, now - DOOR_STRANGER_NS, true);
    watch_memory(door, now, memory);
    if (door->give_back_at && now >= door->give_back_at) {
        mem_give_back();
        door->give_back_at = 0;
    }
    if (door->closed > before && !door->warned)
        log_warn("a connection was closed that had brought no message of ours");
    door->warned = door->warned || door->closed > before;
}

uint32_t door_count(const struct door *door)
{
    return door->count;
}

uint64_t door_closed(const struct door *door)
{
    return door->closed;
}
