/* SPDX-License-Identifier: MIT
 *
 * journal_fuzz: a script (journal_script.h) of changes to a journal that real sweeps have left: bytes of the file and of its log,
 * and well-formed rows with hostile contents. It is opened by the real loader, taken up by the real logic of the broker, asked
 * what clients ask, and its results are written as every kind of file. Whatever is in it: an error or an answer.
 */
#include "broker/broker_fixture.h"
#include "broker/results.h"
#include "cli/offline.h"
#include "common/fsutil.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/journal_script.h"
#include "tests/fuzz/script.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS_MOST 64u
#define SMALL_SWEEP 100000u /* larger ones are written as npy, too, and slowly */
#define FILE_MAX ((size_t)1 << 20)

static char dir[] = "/dev/shm/sheaf_fuzz_XXXXXX"; /* memory, so that nothing waits for a disk */
static struct buf pristine;
static FILE *nowhere;

/* ---- the journal that is spoilt ---- */

static void exec(sqlite3 *db, const char *sql)
{
    SHEAF_ASSERT(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static void path_of(char path[64], const char *name)
{
    snprintf(path, 64, "%s/%s", dir, name);
}

/* Two sweeps, one of which keeps its best trials only; with failures, a log line and a group. */
static void run_sweeps(struct broker_fixture *f)
{
    fixture_sweep(f);
    struct msg_lease l = worker_gets(f, WORKER_A);
    worker_reports_all_kinds(f, WORKER_A, &l, l.from, 2);
    worker_reports(f, WORKER_A, &l, l.from + 2, l.to - l.from - 2, true);
    worker_does_all(f, WORKER_A);
    plan_fixture_init(&f->plan, 20, 1);
    f->plan.plan.name = f->plan.plan.source = "second";
    f->plan.plan.keep_best = 3;
    f->plan.plan.seed = 2;
    (void)client_gets_sweep(f);
    worker_does_all(f, WORKER_A);
    fixture_settle(f);
}

/* One small file without a log, its pages as small as they can be. */
static void make_pristine(void)
{
    static struct broker_fixture f;
    struct diag d = {""};
    char path[128];
    sqlite3 *db;
    fixture_init(&f);
    run_sweeps(&f);
    journal_close(f.journal);
    f.journal = NULL;
    snprintf(path, sizeof(path), "%s/journal.db", f.dir);
    SHEAF_ASSERT(sqlite3_open(path, &db) == SQLITE_OK);
    exec(db, "PRAGMA journal_mode=DELETE; PRAGMA page_size=512; VACUUM");
    SHEAF_ASSERT(sqlite3_close(db) == SQLITE_OK && file_read(path, FILE_MAX, &pristine, &d) == 0);
    fixture_finish(&f);
}

static void set_up(void)
{
    make_pristine();
    nowhere = fopen("/dev/null", "w");
    SHEAF_ASSERT(nowhere && mkdtemp(dir));
}

/* ---- steps ---- */

static void bind(sqlite3_stmt *st, struct step *s)
{
    switch (step_number(s, 1) % 4) {
    case 0:
        sqlite3_bind_null(st, 1);
        break;
    case 1:
        sqlite3_bind_int64(st, 1, (sqlite3_int64)step_number(s, 8));
        break;
    case 2:
        sqlite3_bind_text(st, 1, (const char *)s->bytes, s->len, SQLITE_STATIC);
        break;
    default:
        sqlite3_bind_blob(st, 1, s->bytes, s->len, SQLITE_STATIC);
        break;
    }
}

static void set_value(sqlite3 *db, struct step *s)
{
    const char *column = journal_columns[s->arg % (sizeof(journal_columns) / sizeof(journal_columns[0]))];
    int table = (int)strcspn(column, "."), row = (int)step_number(s, 1);
    const char *name = column + table + 1, *key = table == 7 ? "position" : table == 3 ? "id" : "sweep";
    char sql[256];
    sqlite3_stmt *st;
    snprintf(sql, sizeof(sql), "UPDATE %.*s SET %s = ?1 WHERE %s = (SELECT %s FROM %.*s ORDER BY %s LIMIT 1 OFFSET %d)",
             table, column, name, key, key, table, column, key, row % 8);
    SHEAF_ASSERT(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
    bind(st, s);
    (void)sqlite3_step(st); /* a NULL where there must be none stays out */
    sqlite3_finalize(st);
}

static void copy_row(sqlite3 *db, const struct step *s)
{
    const char *table = journal_tables[s->arg % (sizeof(journal_tables) / sizeof(journal_tables[0]))];
    char sql[256];
    snprintf(
        sql, sizeof(sql),
        "CREATE TEMP TABLE one AS SELECT * FROM %s LIMIT 1; UPDATE one SET id = NULL; INSERT INTO %s SELECT * FROM one;"
        "DROP TABLE one",
        table, table);
    (void)sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* Rows first: afterwards the file need not be a database any more. Returns its bytes, the caller's. */
static unsigned char *change_rows(const uint8_t *data, size_t size, size_t *len)
{
    struct script script = {data, data + size};
    struct step s;
    sqlite3 *db;
    sqlite3_int64 n = 0;
    unsigned char *copy = sqlite3_malloc64(pristine.len);
    SHEAF_ASSERT(copy && sqlite3_open(":memory:", &db) == SQLITE_OK);
    memcpy(copy, pristine.data, pristine.len);
    SHEAF_ASSERT(sqlite3_deserialize(db, "main", copy, (sqlite3_int64)pristine.len, (sqlite3_int64)pristine.len,
                                     SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) == SQLITE_OK);
    for (uint32_t i = 0; i < STEPS_MOST && script_next(&script, &s); i++)
        if (s.kind == JOURNAL_STEP_VALUE)
            set_value(db, &s);
        else if (s.kind == JOURNAL_STEP_COPY)
            copy_row(db, &s);
    unsigned char *bytes = sqlite3_serialize(db, "main", &n, 0);
    SHEAF_ASSERT(bytes && sqlite3_close(db) == SQLITE_OK);
    *len = (size_t)n;
    return bytes;
}

static void write_file(const char *name, const void *bytes, size_t len)
{
    char path[64];
    path_of(path, name);
    FILE *f = fopen(path, "wb");
    SHEAF_ASSERT(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
}

static void make_files(const uint8_t *data, size_t size)
{
    struct script script = {data, data + size};
    struct step s;
    struct buf log = {0};
    size_t len;
    unsigned char *bytes = change_rows(data, size, &len);
    for (uint32_t i = 0; i < STEPS_MOST && script_next(&script, &s); i++) {
        if (s.kind == JOURNAL_STEP_PATCH) {
            size_t at = len ? (size_t)step_number(&s, 4) % len : 0;
            memcpy(bytes + at, s.bytes, s.len < len - at ? s.len : len - at);
        } else if (s.kind == JOURNAL_STEP_CUT) {
            size_t end = (size_t)step_number(&s, 4);
            len = end < len ? end : len;
        } else if (s.kind == JOURNAL_STEP_LOG) {
            SHEAF_ASSERT(buf_append(&log, s.bytes, s.len) == 0);
        }
    }
    write_file("journal.db", bytes, len);
    if (log.len > 0)
        write_file("journal.db-wal", log.data, log.len);
    sqlite3_free(bytes);
    buf_finish(&log);
}

static void remove_files(void)
{
    static const char *const names[] = {"journal.db", "journal.db-wal", "journal.db-journal", "lock"};
    char path[64];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_of(path, names[i]);
        (void)unlink(path);
    }
}

/* ---- what is done with it ---- */

struct reader {
    struct offline *offline;
    struct client_msg replies[READ_GROUPS + 1];
};

static int read_page(void *ctx, const struct msg_read *read, struct msg_page *page, struct diag *d)
{
    struct reader *r = ctx;
    SHEAF_ASSERT(read->kind <= READ_GROUPS);
    struct client_msg *m = &r->replies[read->kind];
    int err = offline_call(r->offline, MSG_READ, read, MSG_PAGE, m, d);
    if (err == 0)
        memcpy(page, m->body, sizeof(*page));
    return err;
}

static void write_results(struct reader *r, const struct plan *plan, uint64_t sweep)
{
    struct results_source source = {.ctx = r, .sweep = sweep, .page = read_page};
    for (enum results_what what = RESULTS_TASKS; what <= RESULTS_GROUPS; what++)
        for (enum results_format format = RESULTS_CSV; format <= RESULTS_NPY; format++) {
            struct diag d = {""};
            if (format == RESULTS_NPY && plan_tasks(plan) > SMALL_SWEEP)
                continue;
            int err = results_write(plan, &source, what, format, nowhere, &d);
            SHEAF_ASSERT((err == 0) == (d.text[0] == '\0'));
        }
}

static void ask(struct reader *r, uint64_t sweep)
{
    struct diag d = {""};
    struct client_msg m;
    struct plan plan;
    struct arena a;
    client_msg_init(&m);
    arena_init(&a, 0);
    struct msg_watch watch = {.sweep = sweep, .top = 100, .plan = true};
    if (offline_call(r->offline, MSG_WATCH, &watch, MSG_STATUS, &m, &d) == 0) {
        const struct msg_status *s = m.body;
        SHEAF_ASSERT(plan_decode(s->plan.data, s->plan.len, &a, &plan, &d) == 0); /* or it had not been taken up */
        write_results(r, &plan, sweep);
    }
    arena_finish(&a);
    client_msg_finish(&m);
}

static void use(struct reader *r)
{
    struct diag d = {""};
    struct client_msg m;
    client_msg_init(&m);
    SHEAF_ASSERT(offline_call(r->offline, MSG_LIST, NULL, MSG_LISTING, &m, &d) == 0);
    const struct msg_listing *l = m.body;
    for (uint32_t i = 0; i < l->n_sweeps; i++)
        ask(r, l->sweeps[i].sweep);
    client_msg_finish(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag d = {""};
    struct reader r = {.offline = NULL};
    if (pristine.len == 0)
        set_up();
    make_files(data, size);
    for (uint32_t i = 0; i <= READ_GROUPS; i++)
        client_msg_init(&r.replies[i]);
    int err = offline_open(dir, &r.offline, &d);
    SHEAF_ASSERT((err == 0) == (d.text[0] == '\0'));
    if (err == 0)
        use(&r);
    offline_close(r.offline);
    for (uint32_t i = 0; i <= READ_GROUPS; i++)
        client_msg_finish(&r.replies[i]);
    remove_files();
    return 0;
}
