/* SPDX-License-Identifier: MIT
 *
 * slot: the process (see slot.h) and its loop. A null task must cost nothing that can be seen, so the loop has no
 * system call a task: what has to be restored by one is restored a chunk, the clock is read and tasks are claimed every few
 * microseconds, and consecutive tasks share whatever their indices share.
 */
#include "worker/slot.h"
#include "common/clock.h"
#include "sweep/tally.h"
#include "worker/fpstate.h"
#include "common/procinfo.h"
#include "worker/slot_impl.h"
#include "worker/slotfiles.h"
#include "worker/slotio.h"
#include "worker/slotoutput.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FALLBACK_REASON "the plugin returned a failure without saying why (host->fail)"
#define CLAIM_NS 4000 /* as much work is claimed, and done, at once */
#define MAX_CLAIM 64u

/* ---- one task ---- */

/* Seeds come a few at a time. */
static uint64_t seed_of(struct slot *s, uint64_t index)
{
    if (!s->has_cell || index - s->first_seed >= PHILOX_LANES) {
        philox_lows(s->plan.seed, index, PHILOX_TASK, s->seeds);
        s->first_seed = index;
    }
    return s->seeds[index - s->first_seed];
}

/* Indices mostly come one after another: then nothing is divided. */
void slot_locate(struct slot *s, uint64_t index)
{
    const struct plan *p = &s->plan;
    struct cell c = s->cell;
    if (!s->has_cell || index != s->task.index + 1) {
        c = space_cell(p, index);
    } else if (++c.split == p->splits) {
        c.split = 0;
        if (++c.key == p->keys) {
            c.key = 0;
            c.trial++;
        }
    }
    if (!s->has_cell || c.trial != s->cell.trial)
        s->allowed = space_trial(s->space, c.trial, &s->task.params);
    bool other_key = !s->has_cell || c.key != s->cell.key;
    if (other_key && s->plan.key_axis.kind != KEYS_NONE)
        slot_enter_key(s, c.key);
    if (s->splitter && (!s->has_cell || c.split != s->cell.split || (other_key && s->calendar)))
        slot_enter_split(s, c.split);
    s->wanted = s->allowed && !s->no_rows;
    s->task.seed = seed_of(s, index);
    s->cell = c;
    s->has_cell = true;
    s->task.index = index;
    s->task.trial = c.trial;
    s->task.split = c.split;
}

static void publish_failed(struct slot *s)
{
    const char *why = s->host.reason[0] ? s->host.reason : FALLBACK_REASON;
    slotlink_side(&s->link, SIDE_FAIL, why, (uint32_t)strlen(why), true);
    slothost_end_call(&s->host, false);
    slotlink_publish(&s->link, TASK_FAILED, s->nans);
}

/* Where a row cannot be written nothing can be done, and it is not the task's fault: another slot tries it again. */
static void store_rows(struct slot *s)
{
    struct diag d = {{0}};
    if (slotoutput_store(s->host.output, s->task.index, &d) == 0)
        return;
    slotio_flush();
    fprintf(stderr, "sheaf: %s\n", d.text);
    fflush(stderr);
    slotio_flush();
    _exit(1);
}

/* The plugin is open for the trials of earlier sweeps that the task is about; else it fails for the reason that open gave. */
static bool open_trial(struct slot *s)
{
    struct diag d = {{0}};
    if (slot_go_along(s, &d) == 0)
        return true;
    slotio_flush();
    snprintf(s->host.reason, sizeof s->host.reason, "%s", d.text);
    return false;
}

static void run_task(struct slot *s)
{
    fpstate_restore();
    for (uint32_t i = 0; i < s->plan.plugin.n_scores; i++)
        s->scores[i] = s->nans[i];
    if (s->host.output)
        slotoutput_begin(s->host.output);
    if (s->plan.plugin.scoreless)
        s->scores[0] = 1;
    s->host.running = true;
    int32_t status = s->plugin->run(&s->host.host, s->plugin_state, &s->task, s->scores);
    s->host.running = false;
    if (s->host.output && status == SHEAF_OK_STATUS)
        store_rows(s);
    if (s->host.dirty || slotio_pending()) {
        slotio_flush();
        status = slothost_settle(&s->host, s->task.index, status);
        if (status == SHEAF_OK_STATUS)
            slothost_end_call(&s->host, true);
    }
    if (status == SHEAF_OK_STATUS)
        slotlink_publish(&s->link, TASK_DONE, s->scores);
    else
        publish_failed(s);
}

/* ---- a chunk ---- */

/* What a task may have changed, and a system call is needed to see. */
static void restore_process(const struct slot *s)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(s->umask);
    uselocale(LC_GLOBAL_LOCALE);
    setlocale(LC_ALL, "C");
    if (s->cwd >= 0 && fchdir(s->cwd) != 0)
        return; /* the directory is gone: so it is for every task */
}

/* Adds the time since the mark, less what was waited, to the page. */
static int64_t account(struct slot *s)
{
    int64_t now = clock_mono_ns(), waited = s->link.waited_ns;
    int64_t spent = now - s->mark_ns;
    int64_t inside = spent - (waited - s->mark_waited_ns);
    _Atomic uint64_t *sum = &s->link.page->plugin_ns.v;
    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + (uint64_t)inside,
                          memory_order_release);
    s->mark_ns = now;
    s->mark_waited_ns = waited;
    return spent;
}

/* n tasks were done: how many of them are to be claimed at once from now on? */
static void read_clock(struct slot *s, uint32_t n)
{
    int64_t spent = account(s);
    int64_t next = spent > 0 ? n * (int64_t)CLAIM_NS / spent : 2 * (int64_t)n;
    int64_t most = n < MAX_CLAIM / 2 ? 2 * (int64_t)n : MAX_CLAIM;
    s->claim = next < 1 ? 1 : next > most ? (uint32_t)most : (uint32_t)next;
}

static void run_position(struct slot *s, uint64_t position, uint64_t word)
{
    s->link.word = word;
    page_enter(s->link.page, word);
    slot_locate(s, space_index(&s->plan, position));
    if (!s->wanted)
        slotlink_publish(&s->link, TASK_SKIPPED, s->nans);
    else if (!s->has_trials || open_trial(s))
        run_task(s);
    else
        publish_failed(s);
}

/* Claims some tasks from offset i and runs them; returns how many, 0 = the chunk is over. */
static uint32_t run_claim(struct slot *s, const struct slotmsg *order, uint32_t i)
{
    struct page *page = s->link.page;
    bool asked = page_asked(page, order->seq);
    uint32_t n = page_claim(page, order->seq, i, asked ? 1 : s->claim), done = 0;
    while (done < n) {
        run_position(s, order->first + i + done, page_pack(order->seq, i + done));
        done++;
        if (page_asked(page, order->seq))
            break; /* the rest may be taken */
    }
    if (done > 0)
        read_clock(s, done);
    return done;
}

static void run_chunk(struct slot *s, const struct slotmsg *order)
{
    struct page *page = s->link.page;
    restore_process(s);
    s->task.attempt = order->attempt;
    s->mark_ns = clock_mono_ns();
    s->mark_waited_ns = s->link.waited_ns;
    if (s->claim == 0)
        s->claim = 1;
    atomic_store(&page->state.v, PAGE_RUNNING);
    uint32_t i = 0;
    for (uint32_t n; (n = run_claim(s, order, i)) > 0;)
        i += n;
    account(s);
    atomic_store(&page->state.v, PAGE_IDLE);
    slotlink_news(&s->link);
}

/* ---- the process ---- */

static _Noreturn void retire(struct slot *s)
{
    if (s->opened)
        s->plugin->close(&s->host.host, s->plugin_state);
    slotfiles_close(s->host.files);
    slotio_flush();
    slothost_end_call(&s->host, false);
    slotlink_news(&s->link);
    _exit(0); /* exit handlers of plugin and C library may crash, and have nothing to save */
}

static _Noreturn void serve(struct slot *s)
{
    for (;;) {
        while (s->link.n_orders == 0 && !s->link.retire)
            slotlink_receive(&s->link);
        if (s->link.n_orders == 0)
            retire(s);
        struct slotmsg order = s->link.orders[0];
        s->link.orders[0] = s->link.orders[1];
        s->link.n_orders--;
        run_chunk(s, &order);
    }
}

static bool parse_fd(const char *text, int *out)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (errno || *end || end == text || v < 0 || v > INT32_MAX)
        return false;
    *out = (int)v;
    return true;
}

/* Maps the whole of what a descriptor refers to and closes it. NULL when that fails. */
static void *map_whole(int fd, int prot, int flags, size_t *size)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size <= 0)
        return NULL;
    *size = (size_t)st.st_size;
    void *map = mmap(NULL, *size, prot, flags, fd, 0);
    close(fd);
    return map == MAP_FAILED ? NULL : map;
}

static _Noreturn void slot_run(struct slot *s, const void *plan_bytes, size_t plan_len)
{
    struct diag d = {{0}};
    s->cwd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->umask = umask(077);
    umask(s->umask);
    if (slot_open(s, plan_bytes, plan_len, &d) != 0) {
        slotlink_say(&s->link, SLOT_FAILED, 0, d.text);
        _exit(2);
    }
    atomic_store(&s->link.page->state.v, PAGE_IDLE);
    slotlink_say(&s->link, SLOT_READY, 0, NULL);
    serve(s);
}

int slot_main(int argc, char **argv)
{
    int sock, page_fd, plan_fd, lifeline, parent;
    if (argc != 6 || !parse_fd(argv[1], &sock) || !parse_fd(argv[2], &page_fd) || !parse_fd(argv[3], &plan_fd) ||
        !parse_fd(argv[4], &lifeline) || !parse_fd(argv[5], &parent)) {
        fputs("sheaf slot: this command is for workers only\n", stderr);
        return 2;
    }
    if (!procinfo_die_with_parent((pid_t)parent, lifeline))
        _exit(1);
    (void)fcntl(sock, F_SETFD, FD_CLOEXEC);
    static struct slot s;
    size_t page_len, plan_len;
    void *page = map_whole(page_fd, PROT_READ | PROT_WRITE, MAP_SHARED, &page_len);
    void *plan = map_whole(plan_fd, PROT_READ, MAP_PRIVATE, &plan_len);
    if (!page || !plan) {
        fputs("sheaf slot: its shared memory cannot be mapped\n", stderr);
        return 2;
    }
    slotlink_init(&s.link, sock, page);
    slot_run(&s, plan, plan_len);
}
