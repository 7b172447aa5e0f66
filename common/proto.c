/* SPDX-License-Identifier: MIT
 *
 * proto: the tables behind every message. One codec a struct, one row a message type; encode and decode are loops over
 * them (common/codec.h). Every text, list and blob has a cap, so that a peer cannot make us hold more than one frame says.
 * What arithmetic relies on later (a run's lengths, ranges that do not wrap) is checked here, once, for all readers.
 */
#include "common/proto.h"

#include <inttypes.h>
#include <string.h>

#define MAX_HEAD 256u /* three numbers today */
#define MAX_NAME 1024u
#define MAX_REASON 4096u
#define MAX_TAIL 8192u
#define MAX_LOG_TEXT 16384u
#define MAX_GROUP_NAME 65535u /* as sheaf_host.emit promises */
#define MAX_PATH 4096u
#define MAX_VALUES 2048u /* PLAN_MAX_SCORES of 8 bytes */
#define MAX_HELD 65536u
#define MAX_LEASES 65536u
#define MAX_RUNS 65536u
#define MAX_ROWS 262144u /* failures, log lines, group rows of one message */
#define MAX_SEQS 65536u
#define MAX_BEST 10000u
#define MAX_SLOTS 65536u
#define MAX_PLAN ((uint64_t)64 << 20) /* PLAN_MAX_BYTES */
#define MAX_BLOB ((uint64_t)PROTO_MAX_BODY)

static const struct codec_field head_fields[] = {
    CODEC_F(CODEC_U32, struct msg_head, major, 0),
    CODEC_F(CODEC_U32, struct msg_head, minor, 0),
    CODEC_F(CODEC_U32, struct msg_head, type, 0),
};
static const struct codec head_codec = CODEC_OF(struct msg_head, head_fields);

/* Of a head of another major version only the first field is certain. */
static const struct codec head_major_codec = {
    .name = "struct msg_head", .size = sizeof(struct msg_head), .fields = head_fields, .n_fields = 1};

static const struct codec empty_codec = {.name = "no fields"};

static const struct codec_field error_fields[] = {
    CODEC_F(CODEC_I64, struct msg_error, err, 0),
    CODEC_F(CODEC_TEXT, struct msg_error, text, MAX_REASON),
};
static const struct codec error_codec = CODEC_OF(struct msg_error, error_fields);

/* ---- worker and broker ---- */

static const struct codec_field held_fields[] = {
    CODEC_F(CODEC_U64, struct msg_held, sweep, 0),      CODEC_F(CODEC_U64, struct msg_held, lease, 0),
    CODEC_F(CODEC_U64, struct msg_held, from, 0),       CODEC_F(CODEC_U64, struct msg_held, to, 0),
    CODEC_F(CODEC_U64, struct msg_held, left, 0),       CODEC_F(CODEC_U32, struct msg_held, flags, 0),
    CODEC_F(CODEC_U64, struct msg_held, granted_to, 0),
};
static const struct codec held_codec = CODEC_OF(struct msg_held, held_fields);

static const struct codec_field hello_fields[] = {
    CODEC_F(CODEC_TEXT, struct msg_hello, instance, 64),
    CODEC_F(CODEC_TEXT, struct msg_hello, host, MAX_NAME),
    CODEC_F(CODEC_U32, struct msg_hello, pid, 0),
    CODEC_F(CODEC_U32, struct msg_hello, slots, MAX_SLOTS),
    CODEC_F(CODEC_BIN, struct msg_hello, fingerprint, 1024),
    CODEC_LIST(struct msg_hello, held, n_held, &held_codec, MAX_HELD),
};
static const struct codec hello_codec = CODEC_OF(struct msg_hello, hello_fields);

static const struct codec_field welcome_fields[] = {
    CODEC_F(CODEC_U64, struct msg_welcome, epoch, 0),
    CODEC_F(CODEC_U32, struct msg_welcome, beat_ms, 0),
    CODEC_F(CODEC_U32, struct msg_welcome, lost_ms, 0),
    CODEC_F(CODEC_BOOL, struct msg_welcome, resend, 0),
};
static const struct codec welcome_codec = CODEC_OF(struct msg_welcome, welcome_fields);

static const struct codec_field beat_fields[] = {
    CODEC_F(CODEC_U64, struct msg_beat, epoch, 0),
    CODEC_LIST(struct msg_beat, held, n_held, &held_codec, MAX_HELD),
    CODEC_F(CODEC_U64, struct msg_beat, memory_bytes, 0),
    CODEC_F(CODEC_I64, struct msg_beat, cpu_ns, 0),
};
static const struct codec beat_codec = CODEC_OF(struct msg_beat, beat_fields);

static const struct codec_field want_fields[] = {
    CODEC_F(CODEC_U32, struct msg_want, idle, MAX_SLOTS),
    CODEC_F(CODEC_I64, struct msg_want, backlog_ns, 0),
    CODEC_F(CODEC_U64, struct msg_want, sweep, 0),
    CODEC_F(CODEC_F64, struct msg_want, tasks_per_s, 0),
};
static const struct codec want_codec = CODEC_OF(struct msg_want, want_fields);

static const struct codec_field sweep_fields[] = {
    CODEC_F(CODEC_U64, struct msg_sweep, sweep, 0),
    CODEC_F(CODEC_BOOL, struct msg_sweep, now, 0),
};
static const struct codec sweep_codec = CODEC_OF(struct msg_sweep, sweep_fields);

static const struct codec_field plan_fields[] = {
    CODEC_F(CODEC_U64, struct msg_plan, sweep, 0),
    CODEC_F(CODEC_BIN, struct msg_plan, plan, MAX_PLAN),
};
static const struct codec plan_msg_codec = CODEC_OF(struct msg_plan, plan_fields);

static const struct codec_field lease_fields[] = {
    CODEC_F(CODEC_U64, struct msg_lease, sweep, 0), CODEC_F(CODEC_U64, struct msg_lease, lease, 0),
    CODEC_F(CODEC_U64, struct msg_lease, from, 0),  CODEC_F(CODEC_U64, struct msg_lease, to, 0),
    CODEC_F(CODEC_U32, struct msg_lease, flags, 0),
};
static const struct codec lease_codec = CODEC_OF(struct msg_lease, lease_fields);

static const struct codec_field grant_fields[] = {
    CODEC_LIST(struct msg_grant, leases, n_leases, &lease_codec, MAX_LEASES),
};
static const struct codec grant_codec = CODEC_OF(struct msg_grant, grant_fields);

static const struct codec_field run_fields[] = {
    CODEC_F(CODEC_U64, struct msg_run, from, 0),
    CODEC_F(CODEC_U64, struct msg_run, n, 0),
    CODEC_F(CODEC_BIN, struct msg_run, status, MAX_BLOB),
    CODEC_F(CODEC_BIN, struct msg_run, scores, MAX_BLOB),
};
static const struct codec run_codec = CODEC_OF(struct msg_run, run_fields);

static const struct codec_field failure_fields[] = {
    CODEC_F(CODEC_U64, struct msg_failure, position, 0),         CODEC_F(CODEC_U32, struct msg_failure, kind, 0),
    CODEC_F(CODEC_TEXT, struct msg_failure, reason, MAX_REASON), CODEC_F(CODEC_U32, struct msg_failure, attempts, 0),
    CODEC_F(CODEC_TEXT, struct msg_failure, tail, MAX_TAIL),
};
static const struct codec failure_codec = CODEC_OF(struct msg_failure, failure_fields);

static const struct codec_field log_fields[] = {
    CODEC_F(CODEC_U64, struct msg_log, position, 0),
    CODEC_F(CODEC_BOOL, struct msg_log, has_position, 0),
    CODEC_F(CODEC_U32, struct msg_log, level, 0),
    CODEC_F(CODEC_TEXT, struct msg_log, text, MAX_LOG_TEXT),
};
static const struct codec log_codec = CODEC_OF(struct msg_log, log_fields);

static const struct codec_field group_fields[] = {
    CODEC_F(CODEC_U64, struct msg_group, position, 0),
    CODEC_F(CODEC_TEXT, struct msg_group, group, MAX_GROUP_NAME),
    CODEC_F(CODEC_BIN, struct msg_group, values, MAX_VALUES),
};
static const struct codec group_codec = CODEC_OF(struct msg_group, group_fields);

static const struct codec_field report_fields[] = {
    CODEC_F(CODEC_U64, struct msg_report, seq, 0),
    CODEC_F(CODEC_U64, struct msg_report, sweep, 0),
    CODEC_F(CODEC_U64, struct msg_report, lease, 0),
    CODEC_F(CODEC_BOOL, struct msg_report, closed, 0),
    CODEC_LIST(struct msg_report, runs, n_runs, &run_codec, MAX_RUNS),
    CODEC_LIST(struct msg_report, failures, n_failures, &failure_codec, MAX_ROWS),
    CODEC_LIST(struct msg_report, logs, n_logs, &log_codec, MAX_ROWS),
    CODEC_LIST(struct msg_report, groups, n_groups, &group_codec, MAX_ROWS),
    CODEC_F(CODEC_U64, struct msg_report, logs_dropped, 0),
    CODEC_F(CODEC_I64, struct msg_report, plugin_ns, 0),
    CODEC_F(CODEC_U32, struct msg_report, slots_used, MAX_SLOTS),
    CODEC_F(CODEC_TEXT, struct msg_report, broken, MAX_REASON),
};
static const struct codec report_codec = CODEC_OF(struct msg_report, report_fields);

static const struct codec_field seq_fields[] = {
    CODEC_F(CODEC_U64, struct msg_seq, seq, 0),
};
static const struct codec seq_codec = CODEC_OF(struct msg_seq, seq_fields);

static const struct codec_field ack_fields[] = {
    CODEC_LIST(struct msg_ack, seqs, n_seqs, &seq_codec, MAX_SEQS),
};
static const struct codec ack_codec = CODEC_OF(struct msg_ack, ack_fields);

static const struct codec_field take_fields[] = {
    CODEC_F(CODEC_U64, struct msg_take, sweep, 0),
    CODEC_F(CODEC_U64, struct msg_take, lease, 0),
    CODEC_F(CODEC_U64, struct msg_take, to, 0),
};
static const struct codec take_codec = CODEC_OF(struct msg_take, take_fields);

/* ---- client and broker ---- */

static const struct codec_field submit_fields[] = {
    CODEC_F(CODEC_BIN, struct msg_submit, plan, MAX_PLAN), CODEC_F(CODEC_BIN, struct msg_submit, identity, 64),
    CODEC_F(CODEC_BOOL, struct msg_submit, watch, 0),      CODEC_F(CODEC_U32, struct msg_submit, every_ms, 0),
    CODEC_F(CODEC_U32, struct msg_submit, top, MAX_BEST),
};
static const struct codec submit_codec = CODEC_OF(struct msg_submit, submit_fields);

static const struct codec_field submitted_fields[] = {
    CODEC_F(CODEC_U64, struct msg_submitted, sweep, 0),
    CODEC_F(CODEC_U64, struct msg_submitted, resumed, 0),
};
static const struct codec submitted_codec = CODEC_OF(struct msg_submitted, submitted_fields);

static const struct codec_field watch_fields[] = {
    CODEC_F(CODEC_U64, struct msg_watch, sweep, 0),
    CODEC_F(CODEC_U32, struct msg_watch, every_ms, 0),
    CODEC_F(CODEC_U32, struct msg_watch, top, MAX_BEST),
    CODEC_F(CODEC_BOOL, struct msg_watch, plan, 0),
};
static const struct codec watch_codec = CODEC_OF(struct msg_watch, watch_fields);

static const struct codec_field best_fields[] = {
    CODEC_F(CODEC_U64, struct msg_best, trial, 0),
    CODEC_F(CODEC_BOOL, struct msg_best, failed, 0),
    CODEC_F(CODEC_U64, struct msg_best, n, 0),
    CODEC_F(CODEC_BIN, struct msg_best, scores, MAX_VALUES),
    CODEC_F(CODEC_BIN, struct msg_best, std, MAX_VALUES),
    CODEC_F(CODEC_BIN, struct msg_best, min, MAX_VALUES),
    CODEC_F(CODEC_BIN, struct msg_best, max, MAX_VALUES),
    CODEC_F(CODEC_U64, struct msg_best, n_failed, 0),
};
static const struct codec best_codec = CODEC_OF(struct msg_best, best_fields);

static const struct codec_field status_fields[] = {
    CODEC_F(CODEC_U64, struct msg_status, sweep, 0),
    CODEC_F(CODEC_TEXT, struct msg_status, name, MAX_NAME),
    CODEC_F(CODEC_U32, struct msg_status, state, 0),
    CODEC_F(CODEC_BOOL, struct msg_status, final, 0),
    CODEC_F(CODEC_U64, struct msg_status, total, 0),
    CODEC_F(CODEC_U64, struct msg_status, done, 0),
    CODEC_F(CODEC_U64, struct msg_status, failed, 0),
    CODEC_F(CODEC_U64, struct msg_status, skipped, 0),
    CODEC_F(CODEC_U64, struct msg_status, running, 0),
    CODEC_F(CODEC_U64, struct msg_status, resumed, 0),
    CODEC_F(CODEC_F64, struct msg_status, seconds, 0),
    CODEC_F(CODEC_F64, struct msg_status, tasks_per_second, 0),
    CODEC_LIST(struct msg_status, best, n_best, &best_codec, MAX_BEST),
    CODEC_F(CODEC_F64, struct msg_status, cpu_seconds, 0),
    CODEC_F(CODEC_F64, struct msg_status, efficiency, 0),
    CODEC_F(CODEC_F64, struct msg_status, peak_memory_mb, 0),
    CODEC_F(CODEC_U64, struct msg_status, groups, 0),
    CODEC_LIST(struct msg_status, failures, n_failures, &failure_codec, 1024),
    CODEC_F(CODEC_U32, struct msg_status, slots, 0),
    CODEC_F(CODEC_BIN, struct msg_status, digest, 64),
    CODEC_F(CODEC_TEXT, struct msg_status, qualified, MAX_REASON),
    CODEC_F(CODEC_TEXT, struct msg_status, reason, MAX_REASON),
    CODEC_F(CODEC_BOOL, struct msg_status, limit_hit, 0),
    CODEC_F(CODEC_U64, struct msg_status, verified, 0),
    CODEC_F(CODEC_U64, struct msg_status, mismatched, 0),
    CODEC_F(CODEC_U64, struct msg_status, log_lines, 0),
    CODEC_F(CODEC_BIN, struct msg_status, plan, MAX_PLAN),
    CODEC_F(CODEC_I64, struct msg_status, created_wall_ms, 0),
    CODEC_F(CODEC_U32, struct msg_status, workers, 0),
    CODEC_F(CODEC_BIN, struct msg_status, output, 64),
    CODEC_F(CODEC_BOOL, struct msg_status, has_files, 0),
    CODEC_F(CODEC_U64, struct msg_status, files, 0),
};
static const struct codec status_codec = CODEC_OF(struct msg_status, status_fields);

static const struct codec_field listed_fields[] = {
    CODEC_F(CODEC_U64, struct msg_listed, sweep, 0),          CODEC_F(CODEC_TEXT, struct msg_listed, name, MAX_NAME),
    CODEC_F(CODEC_U32, struct msg_listed, state, 0),          CODEC_F(CODEC_U64, struct msg_listed, total, 0),
    CODEC_F(CODEC_U64, struct msg_listed, done, 0),           CODEC_F(CODEC_U64, struct msg_listed, failed, 0),
    CODEC_F(CODEC_U64, struct msg_listed, trials, 0),         CODEC_F(CODEC_I64, struct msg_listed, created_wall_ms, 0),
    CODEC_F(CODEC_TEXT, struct msg_listed, plugin, MAX_PATH), CODEC_F(CODEC_TEXT, struct msg_listed, source, MAX_PATH),
};
static const struct codec listed_codec = CODEC_OF(struct msg_listed, listed_fields);

static const struct codec_field listing_fields[] = {
    CODEC_LIST(struct msg_listing, sweeps, n_sweeps, &listed_codec, MAX_ROWS),
};
static const struct codec listing_codec = CODEC_OF(struct msg_listing, listing_fields);

static const struct codec_field read_fields[] = {
    CODEC_F(CODEC_U64, struct msg_read, sweep, 0), CODEC_F(CODEC_U32, struct msg_read, kind, 0),
    CODEC_F(CODEC_U64, struct msg_read, from, 0),  CODEC_F(CODEC_BOOL, struct msg_read, only_task, 0),
    CODEC_F(CODEC_U64, struct msg_read, task, 0),
};
static const struct codec read_codec = CODEC_OF(struct msg_read, read_fields);

static const struct codec_field page_fields[] = {
    CODEC_F(CODEC_U64, struct msg_page, next, 0),
    CODEC_F(CODEC_BOOL, struct msg_page, end, 0),
    CODEC_LIST(struct msg_page, runs, n_runs, &run_codec, MAX_RUNS),
    CODEC_LIST(struct msg_page, failures, n_failures, &failure_codec, MAX_ROWS),
    CODEC_LIST(struct msg_page, logs, n_logs, &log_codec, MAX_ROWS),
    CODEC_LIST(struct msg_page, groups, n_groups, &group_codec, MAX_ROWS),
};
static const struct codec page_codec = CODEC_OF(struct msg_page, page_fields);

_Static_assert(sizeof(struct msg_status) <= PROTO_MAX_STRUCT, "the largest body fits into a caller's buffer");
_Static_assert(sizeof(struct msg_report) <= PROTO_MAX_STRUCT, "and so does the second largest");

struct message {
    const char *name;
    const struct codec *codec;
};

static const struct message messages[] = {
    [MSG_ERROR] = {"ERROR", &error_codec},
    [MSG_SUBMIT] = {"SUBMIT", &submit_codec},
    [MSG_WATCH] = {"WATCH", &watch_codec},
    [MSG_CANCEL] = {"CANCEL", &sweep_codec},
    [MSG_REMOVE] = {"REMOVE", &sweep_codec},
    [MSG_RETRY] = {"RETRY", &sweep_codec},
    [MSG_LIST] = {"LIST", &empty_codec},
    [MSG_READ] = {"READ", &read_codec},
    [MSG_STOP] = {"STOP", &empty_codec},
    [MSG_HELLO] = {"HELLO", &hello_codec},
    [MSG_BEAT] = {"BEAT", &beat_codec},
    [MSG_WANT] = {"WANT", &want_codec},
    [MSG_NEED_PLAN] = {"NEED_PLAN", &sweep_codec},
    [MSG_REPORT] = {"REPORT", &report_codec},
    [MSG_TAKEN] = {"TAKEN", &take_codec},
    [MSG_BYE] = {"BYE", &empty_codec},
    [MSG_WELCOME] = {"WELCOME", &welcome_codec},
    [MSG_PLAN] = {"PLAN", &plan_msg_codec},
    [MSG_GRANT] = {"GRANT", &grant_codec},
    [MSG_ACK] = {"ACK", &ack_codec},
    [MSG_TAKE] = {"TAKE", &take_codec},
    [MSG_DROP] = {"DROP", &sweep_codec},
    [MSG_QUIT] = {"QUIT", &empty_codec},
    [MSG_SUBMITTED] = {"SUBMITTED", &submitted_codec},
    [MSG_STATUS] = {"STATUS", &status_codec},
    [MSG_LISTING] = {"LISTING", &listing_codec},
    [MSG_PAGE] = {"PAGE", &page_codec},
    [MSG_DONE] = {"DONE", &empty_codec},
};

#define N_MESSAGES (sizeof(messages) / sizeof(messages[0]))

const struct codec *proto_codec(uint32_t type)
{
    return type < N_MESSAGES ? messages[type].codec : NULL;
}

const char *proto_name(uint32_t type)
{
    return type < N_MESSAGES && messages[type].name ? messages[type].name : "?";
}

/* Appends one object; on failure the buffer is as it was. */
static int append(const struct codec *c, const void *obj, struct buf *out)
{
    size_t start = out->len;
    int err = codec_encode(c, obj, out);
    if (err == 0 && out->len - start > PROTO_MAX_BODY)
        err = SHEAF_ELIMIT;
    if (err)
        out->len = start;
    return err;
}

int proto_encode(uint32_t type, const void *body, struct buf *head, struct buf *frame)
{
    const struct codec *c = proto_codec(type);
    SHEAF_ASSERT(c && (body || c->n_fields == 0));
    const struct msg_head h = {.major = PROTO_MAJOR, .minor = PROTO_MINOR, .type = type};
    size_t start = head->len;
    int err = append(&head_codec, &h, head);
    if (err)
        return err;
    err = append(c, body, frame);
    if (err)
        head->len = start;
    return err;
}

int proto_head(const void *bytes, size_t len, struct msg_head *head, struct diag *d)
{
    if (len > MAX_HEAD)
        return diag_fail(d, SHEAF_EPROTO, "message head of %zu bytes; it has at most %u", len, MAX_HEAD);
    struct arena scratch;
    arena_init(&scratch, 0);
    struct msg_head h = {0};
    int err = codec_decode(&head_major_codec, bytes, len, &scratch, &h, d);
    if (err == 0 && h.major != PROTO_MAJOR) {
        struct msg_head whole = {0};
        if (codec_decode(&head_codec, bytes, len, &scratch, &whole, NULL) == 0)
            h = whole;
        *head = h;
        err = diag_fail(d, SHEAF_EVERSION,
                        "the peer speaks protocol %" PRIu32 ".%" PRIu32
                        ", this program %u.%u; run the same release on both",
                        h.major, h.minor, PROTO_MAJOR, PROTO_MINOR);
    } else if (err == 0) {
        err = codec_decode(&head_codec, bytes, len, &scratch, &h, d);
        if (err == 0)
            *head = h;
    }
    arena_finish(&scratch);
    return err;
}

/* ---- what arithmetic relies on ---- */

static int check_range(uint32_t type, uint64_t from, uint64_t to, struct diag *d)
{
    if (from <= to)
        return 0;
    return diag_fail(d, SHEAF_EPROTO, "%s: a lease from %" PRIu64 " to %" PRIu64, proto_name(type), from, to);
}

static int check_held(uint32_t type, const struct msg_held *held, uint32_t n, struct diag *d)
{
    for (uint32_t i = 0; i < n; i++) {
        if (check_range(type, held[i].from, held[i].to, d) || check_range(type, held[i].from, held[i].granted_to, d))
            return SHEAF_EPROTO;
    }
    return 0;
}

static int check_leases(const struct msg_grant *g, struct diag *d)
{
    for (uint32_t i = 0; i < g->n_leases; i++) {
        if (check_range(MSG_GRANT, g->leases[i].from, g->leases[i].to, d))
            return SHEAF_EPROTO;
    }
    return 0;
}

/* A run holds at least one task, does not wrap, has a status for each or for none, and whole float64 for each. */
static int check_runs(uint32_t type, const struct msg_run *runs, uint32_t n, struct diag *d)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct msg_run *r = &runs[i];
        bool ok = r->n > 0 && r->from <= UINT64_MAX - r->n && (r->status.len == 0 || r->status.len == r->n) &&
                  r->scores.len % 8 == 0 && (r->scores.len / 8) % r->n == 0;
        if (!ok)
            return diag_fail(d, SHEAF_EPROTO,
                             "%s: run %" PRIu32 " of %" PRIu64 " tasks from %" PRIu64
                             " with %zu status bytes and %zu bytes of scores",
                             proto_name(type), i, r->n, r->from, r->status.len, r->scores.len);
    }
    return 0;
}

static int check_groups(uint32_t type, const struct msg_group *groups, uint32_t n, struct diag *d)
{
    for (uint32_t i = 0; i < n; i++) {
        if (groups[i].values.len % 8 != 0)
            return diag_fail(d, SHEAF_EPROTO, "%s: group row %" PRIu32 " has %zu bytes of values", proto_name(type), i,
                             groups[i].values.len);
    }
    return 0;
}

static int check_best(const struct msg_status *s, struct diag *d)
{
    for (uint32_t i = 0; i < s->n_best; i++) {
        const struct msg_best *b = &s->best[i];
        size_t len = b->scores.len;
        if (len % 8 != 0 || b->std.len != len || b->min.len != len || b->max.len != len)
            return diag_fail(d, SHEAF_EPROTO, "STATUS: trial %" PRIu64 " with %zu bytes of scores", b->trial, len);
    }
    return 0;
}

static int check_body(uint32_t type, const void *obj, struct diag *d)
{
    const struct msg_report *report = obj;
    const struct msg_page *page = obj;
    const struct msg_hello *hello = obj;
    const struct msg_beat *beat = obj;
    int err = 0;
    switch (type) {
    case MSG_HELLO:
        return check_held(type, hello->held, hello->n_held, d);
    case MSG_BEAT:
        return check_held(type, beat->held, beat->n_held, d);
    case MSG_GRANT:
        return check_leases(obj, d);
    case MSG_REPORT:
        err = check_runs(type, report->runs, report->n_runs, d);
        return err ? err : check_groups(type, report->groups, report->n_groups, d);
    case MSG_PAGE:
        err = check_runs(type, page->runs, page->n_runs, d);
        return err ? err : check_groups(type, page->groups, page->n_groups, d);
    case MSG_STATUS:
        return check_best(obj, d);
    default:
        return 0;
    }
}

int proto_body(uint32_t type, const void *bytes, size_t len, struct arena *arena, void *obj, struct diag *d)
{
    const struct codec *c = proto_codec(type);
    if (!c)
        return diag_fail(d, SHEAF_EPROTO, "unknown message type %" PRIu32, type);
    if (len > PROTO_MAX_BODY)
        return diag_fail(d, SHEAF_ELIMIT, "%s of %zu bytes; the most is %zu", proto_name(type), len, PROTO_MAX_BODY);
    /* obj is written on success only, so the checks look at a copy. */
    void *body = arena_alloc(arena, c->size);
    if (!body)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory for a %s", proto_name(type));
    int err = codec_decode(c, bytes, len, arena, body, d);
    if (err == 0)
        err = check_body(type, body, d);
    if (err == 0)
        memcpy(obj, body, c->size);
    return err;
}
