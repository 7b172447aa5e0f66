/* SPDX-License-Identifier: MIT
 *
 * page_stress [-t] STEALS [SEED]: a slot runs chunk after chunk, a worker orders them two ahead and takes back their tails at the worst
 * moments it finds, until it has taken STEALS of them; each task must have run once, if it is none of a tail's, else never.
 * Two processes over a shared mapping, as in production; with -t two threads, for the thread sanitizer. Prints its rate, or
 * what went wrong, and ends with 1. Linked with page_broken.c it is to find the error there.
 */
#include "common/clock.h"
#include "worker/memfile.h"
#include "worker/page.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 6u /* tasks of a chunk */
#define RECORDS 64u

/* Beside the page: what the socket and the slot's end tell in production. A cache line each. */
struct shared {
    _Alignas(64) _Atomic uint32_t ordered; /* chunks, by the worker */
    _Atomic uint32_t over;                 /* nothing follows */
    _Alignas(64) _Atomic uint32_t left;    /* chunks that the slot is through with */
};

struct stress {
    struct page_reader reader;
    struct shared *shared;
    uint64_t steals; /* to be done */
    uint64_t seed;
    /* the worker's, as struct crew_slot has it: the slot was told of `sent` chunks from `first` on, and `done` records of that came */
    uint32_t first, sent, done;
    uint32_t count[2], end[2]; /* of the chunks with even and odd seq: as ordered, as lowered */
    uint64_t tried, taken, tasks;
};

static uint32_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return (uint32_t)(*x >> 32);
}

/* Mostly nothing, sometimes a few dozen instructions, rarely the rest of a time slice. */
static void dawdle(uint64_t *x)
{
    uint32_t r = next_random(x);
    if (r % 16384 == 0)
        sched_yield();
    if (r % 4 == 0)
        for (uint32_t spin = r >> 16 & 127; spin > 0; spin--)
            atomic_signal_fence(memory_order_seq_cst);
}

/* Stays on its core for a while: the races want both sides to run. */
static void spin(uint32_t *n)
{
    if (++*n % 256 == 0)
        sched_yield();
}

/* ---- the slot ---- */

/* What says which task it was, exactly. */
static double record_of(uint32_t seq, uint32_t offset)
{
    return (double)seq * 64 + offset;
}

static void run_task(struct stress *s, uint32_t seq, uint32_t offset)
{
    const double score = record_of(seq, offset);
    for (uint32_t n = 0; !page_publish(s->reader.page, 1, &score);)
        spin(&n);
}

static void run_chunk(struct stress *s, uint32_t seq, uint64_t *x)
{
    struct page *page = s->reader.page;
    uint32_t i = 0;
    for (;;) {
        uint32_t n = page_claim(page, seq, i, page_asked(page, seq) ? 1 : 1 + next_random(x) % 4);
        if (n == 0)
            return;
        for (bool asked = false; n > 0 && !asked; n--, asked = page_asked(page, seq)) {
            dawdle(x);
            run_task(s, seq, i++);
        }
        dawdle(x);
    }
}

static void *slot_main(void *arg)
{
    struct stress *s = arg;
    uint64_t x = s->seed * 2 + 1;
    for (uint32_t seq = 1;; seq++) {
        for (uint32_t n = 0; atomic_load(&s->shared->ordered) < seq; spin(&n))
            if (atomic_load(&s->shared->over))
                return NULL;
        run_chunk(s, seq, &x);
        atomic_store(&s->shared->left, seq);
    }
}

/* ---- the worker ---- */

/* As crew_advance: what has all its records makes way, and the slot is told of two chunks. */
static void advance(struct stress *s, uint64_t *x)
{
    while (s->sent > 0 && s->done >= s->end[s->first & 1]) {
        s->done -= s->end[s->first++ & 1];
        s->sent--;
    }
    while (s->sent < 2) {
        uint32_t seq = s->first + s->sent++;
        s->count[seq & 1] = s->end[seq & 1] = 1 + next_random(x) % MOST;
        s->tasks += s->count[seq & 1];
        page_open_chunk(s->reader.page, seq, s->end[seq & 1]);
        atomic_store(&s->shared->ordered, seq);
    }
}

static bool wrong(const struct stress *s, const char *what, uint32_t seq, uint32_t offset)
{
    printf("task %u of chunk %u %s, after %llu tails\n", offset, seq, what, (unsigned long long)s->taken);
    return false;
}

/* Records come in the order of chunks and offsets, one for each task below its chunk's end. */
static bool take_records(struct stress *s, uint64_t *x)
{
    uint8_t status[RECORDS];
    double scores[RECORDS];
    uint32_t left = atomic_load(&s->shared->left); /* before the records are counted */
    uint64_t n = page_ready(&s->reader);
    if (n == 0 && left >= s->first && s->done < s->end[s->first & 1])
        return wrong(s, "was lost", s->first, s->done);
    n = n < RECORDS ? n : RECORDS;
    page_take(&s->reader, n, status, scores);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t told = (uint64_t)scores[i];
        if (scores[i] != record_of(s->first, s->done))
            return wrong(s, "was run twice, or after it was taken back", (uint32_t)(told / 64), (uint32_t)(told % 64));
        s->done++;
        advance(s, x);
    }
    return true;
}

/* Takes a tail, or tries to. */
static bool steal(struct stress *s, uint32_t seq, uint64_t *x)
{
    uint32_t *end = &s->end[seq & 1], start;
    if (*end == 0)
        return true;
    s->tried++;
    start = page_lower(s->reader.page, seq, next_random(x) % *end, *end);
    if (seq == s->first && start < s->done)
        return wrong(s, "was taken back after it had run", seq, start);
    s->taken += start < *end;
    *end = start;
    return true;
}

/* The slot moves, so that most tails are taken while it runs. */
static void wait_for_slot(const struct stress *s)
{
    uint32_t before = atomic_load(&s->shared->left);
    for (uint32_t n = 0; page_ready(&s->reader) == 0 && atomic_load(&s->shared->left) == before;) {
        if (atomic_load(&s->shared->left) >= s->first + s->sent - 1)
            return; /* it has nothing to do */
        spin(&n);
    }
}

static bool worker_main(struct stress *s)
{
    uint64_t x = s->seed * 2 + 2;
    bool right = true;
    s->first = 1;
    while (right && s->taken < s->steals) {
        advance(s, &x);
        for (uint32_t n = 1 + next_random(&x) % 3; n > 0 && right; n--) {
            dawdle(&x);
            right = steal(s, s->first + (next_random(&x) % 4 == 0), &x);
        }
        advance(s, &x); /* a chunk that was emptied makes way although the slot may still look at it */
        wait_for_slot(s);
        right = right && take_records(s, &x);
    }
    atomic_store(&s->shared->over, 1);
    return right;
}

/* ---- both ---- */

static bool with_thread(struct stress *s)
{
    pthread_t slot;
    if (pthread_create(&slot, NULL, slot_main, s) != 0)
        return false;
    bool right = worker_main(s);
    pthread_join(slot, NULL);
    return right;
}

static bool with_process(struct stress *s)
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0) {
        slot_main(s);
        _exit(0);
    }
    bool right = worker_main(s);
    return waitpid(pid, &status, 0) == pid && status == 0 && right;
}

/* One mapping for the page and for what the two say to each other. */
static bool make_page(struct stress *s)
{
    size_t page = page_size(1), size = page + sizeof(struct shared);
    struct memfile file = MEMFILE_NONE;
    struct diag d = {""};
    if (memfile_create(&file, size, &d) != 0) {
        fprintf(stderr, "page_stress: %s\n", d.text);
        return false;
    }
    uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.rw, 0);
    memfile_close(&file);
    if (map == MAP_FAILED)
        return false;
    page_reader_init(&s->reader, map, 1);
    s->shared = (struct shared *)(void *)(map + page);
    return true;
}

int main(int argc, char **argv)
{
    bool threads = argc > 1 && strcmp(argv[1], "-t") == 0;
    char **arg = argv + 1 + threads;
    struct stress s = {.seed = 1};
    if (argc - 1 - threads < 1 || (s.steals = strtoull(arg[0], NULL, 10)) == 0) {
        fprintf(stderr, "usage: page_stress [-t] STEALS [SEED]\n");
        return 2;
    }
    if (arg[1])
        s.seed = strtoull(arg[1], NULL, 10);
    if (!make_page(&s))
        return 2;
    int64_t begun = clock_mono_ns();
    if (!(threads ? with_thread(&s) : with_process(&s))) {
        printf("with seed %llu\n", (unsigned long long)s.seed);
        return 1;
    }
    double seconds = (double)(clock_mono_ns() - begun) / 1e9;
    printf("%llu tails taken in %llu attempts, of %llu tasks, none lost or run twice: %.1f s, %.0f steals/s\n",
           (unsigned long long)s.taken, (unsigned long long)s.tried, (unsigned long long)s.tasks, seconds,
           (double)s.taken / seconds);
    return 0;
}
