/* SPDX-License-Identifier: MIT
 *
 * slot_fuzz: a script (slot_script.h) of what a slot that runs foreign code may do to its worker: anything in the shared page, on
 * the order socket, on stderr, and its death at any moment. The crew that reads it and the worker's logic behind it are the real
 * ones; only the process is not there. Whatever comes: the worker lives, and what it reports can be read.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/slot_script.h"
#include "tests/fuzz/workerhost.h"
#include "sweep/plan_fixture.h"
#include "sweep/tally.h"
#include "worker/crew_impl.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS 2u
#define STEPS_MOST 300u
#define NO_PROCESS 0x7ffffff0 /* no kernel gives such a number */
#define GUARD 4096u

/* The slot's ends. */
struct hostile {
    int sock, err, end;
    uint64_t records; /* published */
};

struct world {
    struct workerhost host;
    struct crew *crew;
    struct slot_ops ops;
    struct hostile slots[SLOTS];
};

static struct world *world;    /* op_start's; the other ops have the crew as their context */
static uint8_t *places[SLOTS]; /* address space for pages, between pages that nobody may touch */

/* ---- a slot without a process ---- */

static void close_ends(struct hostile *h)
{
    const int fds[] = {h->sock, h->err};
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    *h = (struct hostile){.sock = -1, .err = -1, .end = -1};
}

static void *map_page(uint32_t slot, size_t size)
{
    size_t most = page_size(1) + page_size(PLAN_MAX_SCORES); /* larger than any */
    if (!places[slot])
        places[slot] = mmap(NULL, most + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHEAF_ASSERT(places[slot] != MAP_FAILED && size <= most);
    /* at the end of the place, so that what lies behind the page is forbidden, too */
    void *map = mmap(places[slot] + GUARD + most - size, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    SHEAF_ASSERT(map != MAP_FAILED);
    return map;
}

static int op_start(void *ctx, uint32_t slot, uint64_t sweep, struct slice bytes, const struct plan *plan)
{
    struct crew *c = ctx;
    struct crew_slot *s = &c->slots[slot];
    struct hostile *h = &world->slots[slot];
    int pair[2], pipe_fds[2];
    (void)sweep, (void)bytes;
    SHEAF_ASSERT(s->state == CREW_EMPTY);
    close_ends(h);
    memset(s, 0, sizeof(*s));
    SHEAF_ASSERT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pipe(pipe_fds) == 0);
    SHEAF_ASSERT(fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(pipe_fds[1], F_SETFL, O_NONBLOCK) == 0);
    s->sock = pair[0];
    s->pipes[0].fd = -1;
    s->pipes[1].fd = pipe_fds[0];
    s->end_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    *h = (struct hostile){.sock = pair[1], .err = pipe_fds[1], .end = s->end_fd};
    s->pipes[0].left = s->pipes[1].left = CREW_OUTPUT;
    s->n_group_values = plan->plugin.n_group_values;
    s->map_size = page_size(plan->plugin.n_scores);
    s->map = map_page(slot, s->map_size);
    page_reader_init(&s->reader, s->map, plan->plugin.n_scores);
    s->state = CREW_LIVE;
    s->pid = NO_PROCESS;
    keeper_join(c->keeper, slot, plan);
    const int fds[N_SOURCES] = {
        [SOURCE_SOCK] = s->sock, [SOURCE_OUT] = -1, [SOURCE_ERR] = pipe_fds[0], [SOURCE_END] = s->end_fd};
    for (uint32_t i = 0; i < N_SOURCES; i++)
        SHEAF_ASSERT(fds[i] < 0 || watch_add(c->watch, fds[i], (uint64_t)slot * N_SOURCES + i) == 0);
    return 0;
}

/* ---- what it does ---- */

static void put_message(const struct hostile *h, struct step *s)
{
    struct slotmsg m = {.type = (uint32_t)step_number(s, 1), .size = step_number(s, 8)};
    m.len = s->len < SLOTMSG_MAX ? s->len : SLOTMSG_MAX;
    if (h->sock >= 0)
        (void)slotmsg_send(h->sock, &m, (const char *)s->bytes, -1, false);
}

static void put_word(struct page *p, struct step *s)
{
    _Atomic uint64_t *words[] = {&p->current.v,   &p->claimed.v,    &p->head.v,     &p->side_head.v, &p->end[0].v,
                                 &p->end[1].v,    &p->stop.v,       &p->tail.v,     &p->side_tail.v, &p->state.v,
                                 &p->plugin_ns.v, &p->wants_wake.v, &p->err_bytes.v};
    uint64_t which = step_number(s, 1) % (sizeof(words) / sizeof(words[0])), set = step_number(s, 1) & 1;
    uint64_t number = step_number(s, 8);
    atomic_store(words[which], set ? number : atomic_load(words[which]) + number);
}

static void put_records(struct hostile *h, const struct page_reader *r, struct step *s)
{
    uint8_t *status = page_status(r->page);
    for (uint64_t n = step_number(s, 2); n > 0; n--, h->records++) {
        uint8_t one = s->len ? s->bytes[0] : TASK_DONE;
        status[h->records & (r->cap - 1)] = one;
        if (s->len > 1) {
            s->bytes++;
            s->len--;
        }
    }
    atomic_store(&r->page->head.v, h->records);
}

static void put_side(struct page *p, struct step *s)
{
    static char text[PAGE_SIDE_MAX];
    struct side_head head = {.kind = (uint32_t)step_number(s, 1), .word = step_number(s, 8), .len = s->len};
    memcpy(text, s->bytes, s->len);
    (void)page_side_write(p, &head, text);
}

static void act(struct world *w, uint32_t slot, struct step *s)
{
    struct crew_slot *c = &w->crew->slots[slot];
    struct hostile *h = &w->slots[slot];
    uint64_t one = 1, at;
    switch (s->kind) {
    case SLOT_STEP_SOCKET:
        if (h->sock >= 0)
            (void)send(h->sock, s->bytes, s->len, MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    case SLOT_STEP_MESSAGE:
        put_message(h, s);
        break;
    case SLOT_STEP_WORD:
        put_word(c->reader.page, s);
        break;
    case SLOT_STEP_BYTES:
        at = step_number(s, 4) % c->map_size;
        memcpy((uint8_t *)c->map + at, s->bytes, s->len < c->map_size - at ? s->len : c->map_size - at);
        break;
    case SLOT_STEP_RECORDS:
        put_records(h, &c->reader, s);
        break;
    case SLOT_STEP_SIDE:
        put_side(c->reader.page, s);
        break;
    case SLOT_STEP_OUTPUT:
        SHEAF_ASSERT(write(h->err, s->bytes, s->len) != 0 || s->len == 0);
        break;
    case SLOT_STEP_CLOSE:
        close_ends(&(struct hostile){.sock = h->sock, .err = -1});
        h->sock = -1;
        break;
    case SLOT_STEP_DIES:
        SHEAF_ASSERT(write(h->end, &one, sizeof(one)) > 0);
        break;
    default:
        break;
    }
}

/* What a slot was sent is read, or its socket would fill up. */
static void swallow_orders(const struct hostile *h)
{
    char bytes[4096];
    while (h->sock >= 0 && recv(h->sock, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ;
}

static void take(struct world *w, struct step *s)
{
    uint32_t slot = s->arg % SLOTS;
    workerhost_pass(&w->host, s->kind == SLOT_STEP_TIME ? s->arg * 20 * NS_PER_MS : 0);
    if (s->kind == SLOT_STEP_BROKER)
        workerhost_message(&w->host, s);
    else if (w->crew->slots[slot].state == CREW_LIVE)
        act(w, slot, s);
    crew_service(w->crew, true);
    workerhost_turn(&w->host);
    for (uint32_t i = 0; i < SLOTS; i++)
        swallow_orders(&w->slots[i]);
}

/* ---- one input ---- */

static void say(struct workerhost *h, uint32_t type, const void *body)
{
    SHEAF_ASSERT(worker_message(h->worker, type, body) == 0);
}

static void begin(struct world *w)
{
    struct diag d = {""};
    struct plan_fixture plan;
    struct buf bytes = {0};
    struct msg_lease lease = {.sweep = 1, .lease = SLOT_LEASE, .to = SLOT_TASKS};
    world = w;
    for (uint32_t i = 0; i < SLOTS; i++)
        w->slots[i] = (struct hostile){.sock = -1, .err = -1, .end = -1};
    workerhost_init(&w->host, SLOTS);
    w->crew = crew_create("/nowhere", SLOTS, &w->host.events, &d);
    SHEAF_ASSERT(w->crew);
    w->ops = *crew_ops(w->crew);
    w->ops.start = op_start;
    worker_set_ops(w->host.worker, &w->ops);
    plan_fixture_init(&plan, SLOT_ALL, 1);
    SHEAF_ASSERT(plan_encode(&plan.plan, &bytes) == 0);
    say(&w->host, MSG_WELCOME, &(struct msg_welcome){.epoch = 5, .beat_ms = 1000, .lost_ms = 5000});
    say(&w->host, MSG_PLAN, &(struct msg_plan){1, {bytes.data, bytes.len}});
    say(&w->host, MSG_GRANT, &(struct msg_grant){.leases = &lease, .n_leases = 1});
    workerhost_turn(&w->host);
    buf_finish(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct script script = {data, data + size};
    struct step s;
    begin(&w);
    for (uint32_t i = 0; i < STEPS_MOST && script_next(&script, &s); i++)
        take(&w, &s);
    crew_destroy(w.crew);
    workerhost_finish(&w.host);
    for (uint32_t i = 0; i < SLOTS; i++)
        close_ends(&w.slots[i]);
    return 0;
}
