/* SPDX-License-Identifier: MIT
 *
 * lives: see lives.h.
 */
#include "tests/crash/lives.h"

#include "common/fsutil.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lives *lives_new(const char *dir, uint64_t seed)
{
    struct lives *t = calloc(1, sizeof(*t));
    SHEAF_ASSERT(t && strlen(dir) < sizeof(t->dir));
    strcpy(t->dir, dir);
    t->r.state = seed;
    ledger_init(&t->ledger);
    return t;
}

static struct scribe_batch *take_open(struct lives *t)
{
    struct scribe_batch *b = t->open;
    if (b)
        t->open = b->next;
    return b;
}

void lives_free(struct lives *t)
{
    for (struct scribe_batch *b; (b = take_open(t));)
        ledger_batch_free(b);
    while (t->log) {
        struct scribe_batch *b = t->log;
        t->log = b->next;
        ledger_batch_free(b);
    }
    ledger_finish(&t->ledger);
    free(t);
}

void lives_wrong(struct lives *t, const char *what, const char *more)
{
    if (!t->wrong[0])
        snprintf(t->wrong, sizeof(t->wrong), "%s: %s", what, more);
}

void lives_root(char *root, size_t size)
{
    snprintf(root, size, "%s/sheafcrash-%ld", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid());
    SHEAF_ASSERT(dir_remove(root) == 0 && dir_make(root, 0700, NULL) == 0);
}

const char *lives_path(const char *root, const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *p = paths[next++ % 8];
    SHEAF_ASSERT((size_t)snprintf(p, sizeof(paths[0]), "%s/%s", root, name) < sizeof(paths[0]));
    return p;
}

/* ---- acknowledging ---- */

static void acknowledge(struct lives *t, struct scribe_batch *b)
{
    ledger_apply(&t->ledger, b);
    b->next = t->log;
    t->log = b;
}

static void wait_open(struct lives *t, struct scribe_batch *b)
{
    struct scribe_batch **at = &t->open;
    while (*at)
        at = &(*at)->next;
    b->next = NULL;
    *at = b;
}

static bool equal(const struct buf *found, const struct ledger *l)
{
    struct buf want = {0};
    ledger_dump(l, &want);
    bool same = want.len == found->len && (!want.len || memcmp(want.data, found->data, want.len) == 0);
    buf_finish(&want);
    return same;
}

/* What was found is the acknowledged state, or that and some of the batches whose commit nobody heard of, in their order. Those
 * are seen now, so that from now on they must stay. */
static void compare(struct lives *t, const struct buf *found)
{
    bool same = equal(found, &t->ledger);
    while (!same && t->open) {
        acknowledge(t, take_open(t));
        same = equal(found, &t->ledger);
    }
    if (!same)
        lives_wrong(t, "compared with the ledger", "acknowledged rows are missing or changed, or others are there");
    for (struct scribe_batch *b; (b = take_open(t));)
        ledger_batch_free(b);
}

static int one_text(void *out, int columns, char **values, char **names)
{
    (void)columns, (void)names;
    snprintf(out, 64, "%s", values[0] ? values[0] : "");
    return 0;
}

static bool check(struct lives *t)
{
    struct buf found = {0};
    char verdict[64] = "";
    t->err = ledger_dump_journal(t->journal, 64 + rnd_below(&t->r, 1 << 18), &found, &t->d);
    if (t->err == 0)
        compare(t, &found);
    buf_finish(&found);
    if (t->err)
        return false;
    int rc = sqlite3_exec(t->journal->db, "PRAGMA integrity_check", one_text, verdict, NULL);
    if (rc == SQLITE_OK && !disk_has_failed() && strcmp(verdict, "ok") != 0)
        lives_wrong(t, "integrity_check", verdict);
    return true;
}

/* ---- a life ---- */

bool lives_open(struct lives *t, bool checked)
{
    t->d.text[0] = '\0';
    t->err = journal_open(t->dir, true, &t->journal, &t->d);
    if (t->err)
        t->journal = NULL;
    return t->err == 0 && (!checked || check(t));
}

void lives_close(struct lives *t)
{
    journal_close(t->journal);
    t->journal = NULL;
}

static void during(const struct lives *t, bool inside)
{
    if (t->during)
        t->during(inside);
}

bool lives_commit(struct lives *t)
{
    struct scribe_batch *b = ledger_batch(&t->ledger, &t->r, rnd_below(&t->r, 2));
    if (rnd_below(&t->r, 12) == 0)
        t->journal->wal_pages = INT_MAX; /* a checkpoint is due */
    during(t, true);
    t->err = journal_begin(t->journal, &t->d);
    for (uint32_t i = 0; i < b->n_ops && t->err == 0; i++)
        t->err = journal_apply(t->journal, &b->ops[i], &t->d);
    if (t->early)
        acknowledge(t, b);
    if (t->err == 0)
        t->err = journal_commit(t->journal, &t->d);
    during(t, false);
    if (t->early)
        return t->err == 0;
    if (t->err)
        wait_open(t, b);
    else
        acknowledge(t, b);
    return t->err == 0;
}

bool lives_work_by_thread(struct lives *t, uint32_t n)
{
    struct scribe *s = scribe_start(&t->journal);
    uint64_t durable = 0;
    int err = 0;
    SHEAF_ASSERT(s);
    for (uint32_t i = 0; i < n && err == 0; i++) {
        struct scribe_batch *b = ledger_batch(&t->ledger, &t->r, false), *copy = calloc(1, sizeof(*copy));
        SHEAF_ASSERT(copy);
        *copy = (struct scribe_batch){.ticket = b->ticket, .ops = b->ops, .n_ops = b->n_ops};
        arena_init(&copy->arena, 0);
        wait_open(t, b);
        scribe_push(s, copy);
        while (err == 0 && durable < b->ticket) {
            struct scribe_read *answered;
            poll(&(struct pollfd){.fd = scribe_fd(s), .events = POLLIN}, 1, -1);
            err = scribe_news(s, &durable, &answered, &t->d);
        }
        if (durable >= b->ticket)
            acknowledge(t, take_open(t));
    }
    scribe_finish(s, NULL);
    t->err = err;
    return err == 0;
}
