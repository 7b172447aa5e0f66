/* SPDX-License-Identifier: MIT
 *
 * crewslot: how a slot process starts and ends. It gets stdin from /dev/null, two pipes, the order socket, its page and the
 * plan, and nothing else; it leads a process group of its own, so that a Ctrl-C does not reach it and what it starts dies
 * with it.
 */
#include "common/fsutil.h"
#include "common/text.h"
#include "worker/crew_impl.h"
#include "common/procinfo.h"
#include "worker/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_SOCK = 3, CHILD_PAGE, CHILD_PLAN, CHILD_LIFELINE, CHILD_END };
#define CHILD_FDS (CHILD_END - CHILD_SOCK)

/* The slot's ends of what it shares with us. -1 = none. */
struct child_ends {
    int sock, out, err;
    struct memfile page;
};

/* ---- start ---- */

/* The plan in sealed memory. Slots of one sweep start one after another: the last one is kept. */
static int keep_plan(struct crew *c, struct slice plan, struct diag *d)
{
    if (c->plan_map && c->plan_file.size == plan.len && memcmp(c->plan_map, plan.data, plan.len) == 0)
        return 0;
    if (c->plan_map)
        munmap(c->plan_map, (size_t)c->plan_file.size);
    c->plan_map = NULL;
    memfile_close(&c->plan_file);
    int rc = memfile_create(&c->plan_file, plan.len, d);
    for (size_t at = 0; !rc && at < plan.len;) {
        ssize_t n = pwrite(c->plan_file.rw, (const char *)plan.data + at, plan.len - at, (off_t)at);
        if (n > 0)
            at += (size_t)n;
        else if (errno != EINTR)
            rc = diag_fail(d, errno == ENOSPC ? SHEAF_ENOSPC : SHEAF_EIO, "the plan cannot be shared: %s",
                           strerror(errno));
    }
    if (!rc && memfile_seal(&c->plan_file) != 0)
        rc = diag_fail(d, SHEAF_EIO, "the plan cannot be sealed: %s", strerror(errno));
    if (rc)
        return rc;
    void *map = mmap(NULL, plan.len, PROT_READ, MAP_PRIVATE, c->plan_file.ro, 0);
    c->plan_map = map == MAP_FAILED ? NULL : map;
    return c->plan_map ? 0 : diag_fail(d, SHEAF_ENOMEM, "the plan cannot be mapped: %s", strerror(errno));
}

static int output_pipe(int *ours, int *theirs)
{
    int fds[2];
    if (pipe_make(fds, 0) != 0)
        return SHEAF_EIO;
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK); /* not theirs: what a plugin prints waits for room */
    *ours = fds[0];
    *theirs = fds[1];
    return 0;
}

static int make_ends(struct crew_slot *s, struct child_ends *theirs, uint32_t n_scores, struct diag *d)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return diag_fail(d, SHEAF_EIO, "no socket for a slot: %s", strerror(errno));
    (void)fcntl(pair[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(pair[1], F_SETFD, FD_CLOEXEC);
    s->sock = pair[0];
    theirs->sock = pair[1];
    if (output_pipe(&s->pipes[0].fd, &theirs->out) != 0 || output_pipe(&s->pipes[1].fd, &theirs->err) != 0)
        return diag_fail(d, SHEAF_EIO, "no pipe for a slot: %s", strerror(errno));
    s->map_size = page_size(n_scores);
    int rc = memfile_create(&theirs->page, s->map_size, d);
    if (rc)
        return rc;
    void *map = MAP_FAILED;
    if (memfile_fix_size(&theirs->page) == 0)
        map = mmap(NULL, s->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, theirs->page.rw, 0);
    if (map == MAP_FAILED)
        return diag_fail(d, SHEAF_ENOMEM, "the page of a slot cannot be mapped: %s", strerror(errno));
    s->map = map;
    page_reader_init(&s->reader, map, n_scores);
    return 0;
}

static void close_ends(struct child_ends *e)
{
    const int fds[] = {e->sock, e->out, e->err};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    memfile_close(&e->page);
}

/* Libraries that start threads by themselves: a slot is one core unless the descriptor says more. */
static const char *const thread_variables[] = {"OMP_NUM_THREADS",   "OPENBLAS_NUM_THREADS",  "GOTO_NUM_THREADS",
                                               "MKL_NUM_THREADS",   "BLIS_NUM_THREADS",      "NUMEXPR_NUM_THREADS",
                                               "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"};
#define N_THREAD_VARIABLES (sizeof thread_variables / sizeof thread_variables[0])

static int spawn_slot(struct crew *c, struct crew_slot *s, const struct child_ends *e, uint32_t threads, struct diag *d)
{
    char texts[N_THREAD_VARIABLES][48], parent[16], numbers[CHILD_FDS][4];
    const char *env[N_THREAD_VARIABLES + 1] = {NULL};
    for (size_t i = 0; i < N_THREAD_VARIABLES; i++) {
        snprintf(texts[i], sizeof texts[i], "%s=%u", thread_variables[i], threads ? threads : 1);
        env[i] = texts[i];
    }
    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    for (int i = 0; i < CHILD_FDS; i++)
        snprintf(numbers[i], sizeof numbers[i], "%d", CHILD_SOCK + i);
    const char *argv[] = {c->exe, "slot", numbers[0], numbers[1], numbers[2], numbers[3], parent, NULL};
    const struct spawn_fd fds[] = {{c->null_fd, 0},
                                   {e->out, 1},
                                   {e->err, 2},
                                   {e->sock, CHILD_SOCK},
                                   {e->page.rw, CHILD_PAGE},
                                   {c->plan_file.ro, CHILD_PLAN},
                                   {c->lifeline[0], CHILD_LIFELINE}};
    const struct spawn_spec spec = {
        .argv = argv, .fds = fds, .n_fds = sizeof fds / sizeof fds[0], .env = env, .own_group = true};
    return spawn_process(&spec, &s->pid, d);
}

static int watch_slot(struct crew *c, uint32_t slot)
{
    struct crew_slot *s = &c->slots[slot];
    const int fds[N_SOURCES] = {[SOURCE_SOCK] = s->sock,
                                [SOURCE_OUT] = s->pipes[0].fd,
                                [SOURCE_ERR] = s->pipes[1].fd,
                                [SOURCE_END] = s->end_fd};
    int rc = 0;
    for (uint32_t i = 0; i < N_SOURCES && !rc; i++)
        if (fds[i] >= 0)
            rc = watch_add(c->watch, fds[i], (uint64_t)slot * N_SOURCES + i);
    return rc;
}

int crewslot_start(struct crew *c, uint32_t slot, struct slice plan_bytes, const struct plan *plan, struct diag *d)
{
    struct crew_slot *s = &c->slots[slot];
    struct child_ends theirs = {.sock = -1, .out = -1, .err = -1, .page = MEMFILE_NONE};
    memset(s, 0, sizeof *s);
    s->sock = s->end_fd = s->pipes[0].fd = s->pipes[1].fd = -1;
    s->pipes[0].left = s->pipes[1].left = CREW_OUTPUT;
    s->n_group_values = plan->plugin.n_group_values;
    int rc = keep_plan(c, plan_bytes, d);
    rc = rc ? rc : make_ends(s, &theirs, plan->plugin.n_scores, d);
    rc = rc ? rc : spawn_slot(c, s, &theirs, plan->plugin.threads, d);
    close_ends(&theirs);
    if (rc) {
        crewslot_clear(c, slot);
        return rc;
    }
    s->state = CREW_LIVE;
    s->end_fd = procinfo_end_fd(s->pid);
    keeper_join(c->keeper, slot, plan);
    if (watch_slot(c, slot) != 0)
        crewslot_break(c, slot, "it cannot be watched"); /* its death is told: so start has succeeded */
    return 0;
}

/* ---- end ---- */

void crewslot_kill(struct crew *c, uint32_t slot)
{
    const struct crew_slot *s = &c->slots[slot];
    if (s->state != CREW_LIVE)
        return;
    kill(-s->pid, SIGKILL); /* what it has started, too */
    kill(s->pid, SIGKILL);
}

void crewslot_break(struct crew *c, uint32_t slot, const char *why)
{
    if (!c->slots[slot].broken)
        c->slots[slot].broken = why;
    crewslot_kill(c, slot);
}

static int64_t children_cpu_ns(void)
{
    struct rusage u;
    getrusage(RUSAGE_CHILDREN, &u);
    return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000 +
           ((int64_t)u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

bool crewslot_reap(struct crew *c, uint32_t slot, bool wait)
{
    struct crew_slot *s = &c->slots[slot];
    siginfo_t info = {0};
    int rc;
    do
        rc = waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOWAIT | (wait ? 0 : WNOHANG));
    while (rc != 0 && errno == EINTR);
    if (rc == 0 && info.si_pid == 0)
        return false;
    kill(-s->pid, SIGKILL); /* what it left running; before it is reaped, while the number is surely its own */
    int64_t before = children_cpu_ns();
    while (waitpid(s->pid, &s->wait_status, 0) < 0 && errno == EINTR)
        ;
    s->cpu_ns = children_cpu_ns() - before;
    c->dead_cpu_ns += s->cpu_ns;
    crewdrain_messages(c, slot);
    crewdrain_output(c, slot, 0);
    crewdrain_output(c, slot, 1);
    s->state = CREW_ENDED;
    s->news = true;
    keeper_leave(c->keeper, slot);
    return true;
}

void crewslot_clear(struct crew *c, uint32_t slot)
{
    struct crew_slot *s = &c->slots[slot];
    int fds[] = {s->sock, s->end_fd, s->pipes[0].fd, s->pipes[1].fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] < 0)
            continue;
        watch_remove(c->watch, fds[i]);
        close(fds[i]);
    }
    if (s->map)
        munmap(s->map, s->map_size);
    s->map = NULL;
    s->state = CREW_EMPTY;
}

/* Whether it was inside run: it had announced a task that is not finished. All records have been taken. */
static void find_guilty(const struct crew_slot *s, struct slot_death *death)
{
    uint64_t current = atomic_load(&s->reader.page->current.v);
    death->seq = page_seq(current);
    death->offset = page_offset(current);
    death->in_task = s->n_sent > 0 && death->seq == s->orders[0].chunk.seq && death->offset == s->done &&
                     death->offset < s->orders[0].end;
}

/* Cleans each line and keeps the line ends. */
static void clean_lines(char *text)
{
    for (char *line = text; line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        text_one_line(line);
        if (end)
            *end = '\n';
        line = end ? end + 1 : NULL;
    }
}

/* The end of what went through the stream, then of what went to the descriptor past it, then our own word. */
static void make_tail(const struct crew_slot *s, char out[CREW_TAIL + 1])
{
    char all[PAGE_ERR_BYTES + CREW_TAIL + 256];
    page_err_read(&s->reader, all);
    size_t n = strlen(all), keep = s->raw_len < CREW_TAIL ? s->raw_len : CREW_TAIL;
    for (size_t i = 0; i < keep; i++) {
        char byte = s->raw[(s->raw_len - keep + i) % CREW_TAIL];
        all[n++] = byte ? byte : ' ';
    }
    all[n] = '\0';
    if (s->broken)
        n += (size_t)snprintf(all + n, 200, "%ssheaf: this slot was killed: %s", n > 0 ? "\n" : "", s->broken);
    while (n > 0 && all[n - 1] == '\n')
        all[--n] = '\0';
    size_t skip = n > CREW_TAIL ? n - CREW_TAIL : 0;
    memcpy(out, all + skip, n - skip + 1);
    clean_lines(out);
}

void crewslot_bury(struct crew *c, uint32_t slot)
{
    struct crew_slot *s = &c->slots[slot];
    char tail[CREW_TAIL + 1], open_error[SLOTMSG_MAX + 1];
    make_tail(s, tail);
    memcpy(open_error, s->open_error, sizeof open_error);
    struct slot_death death = {.by_signal = WIFSIGNALED(s->wait_status),
                               .was_ready = s->ready,
                               .open_error = s->has_open_error ? open_error : NULL,
                               .tail = tail,
                               .cpu_ns = s->cpu_ns};
    death.code = death.by_signal ? WTERMSIG(s->wait_status) : WEXITSTATUS(s->wait_status);
    find_guilty(s, &death);
    crewslot_clear(c, slot);
    c->ev.died(c->ev.ctx, slot, &death);
}
