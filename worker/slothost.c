/* SPDX-License-Identifier: MIT
 *
 * slothost: see slothost.h.
 */
#include "worker/slothost.h"
#include "common/err.h"
#include "worker/slotfiles.h"
#include "worker/slotoutput.h"

#include <stdio.h>
#include <string.h>

#define MAX_LINE 4096u

_Static_assert(GROUPSUM_NAME_BYTES + 1 + 256 * sizeof(double) <= PAGE_SIDE_MAX, "a group row fits an entry");

static bool write_line(struct slothost *h, uint32_t level, const char *text, uint32_t len)
{
    char entry[1 + MAX_LINE];
    entry[0] = (char)level;
    memcpy(entry + 1, text, len);
    return slotlink_side(h->link, SIDE_LOG, entry, len + 1, false);
}

void slothost_line(struct slothost *h, uint32_t level, const char *text, size_t len)
{
    h->dirty = true;
    uint32_t n = len < MAX_LINE ? (uint32_t)len : MAX_LINE;
    if (h->log_bytes + n > SLOTHOST_TASK_LOG || !write_line(h, level, text, n)) {
        h->log_dropped += len;
        return;
    }
    h->log_bytes += n + 1; /* an empty line is not for nothing */
    h->log_dropped += len - n;
}

static void host_log(const struct sheaf_host *host, uint32_t level, const char *text)
{
    const char *line = text ? text : "";
    slothost_line(host->self, level > SHEAF_LOG_ERROR ? SHEAF_LOG_ERROR : level, line, strlen(line));
}

static int32_t host_fail(const struct sheaf_host *host, const char *text)
{
    struct slothost *h = host->self;
    h->dirty = true;
    snprintf(h->reason, sizeof h->reason, "%s", text ? text : "");
    return SHEAF_FAILED;
}

static bool host_stop_requested(const struct sheaf_host *host)
{
    const struct slothost *h = host->self;
    return h->link->word != 0 && atomic_load_explicit(&h->link->page->stop.v, memory_order_relaxed) == h->link->word;
}

static bool host_report(const struct sheaf_host *host, uint64_t step, double value)
{
    (void)step, (void)value;
    return !host_stop_requested(host);
}

/* Rows that were left out unnoticed would be wrong results: the task fails. */
static int32_t host_emit(const struct sheaf_host *host, const char *group, const double *values)
{
    struct slothost *h = host->self;
    h->dirty = true;
    const char *why = groupsum_emit(&h->groups, group, values, h->drops_groups);
    h->row.len = 0;
    if (!why && buf_reserve(&h->row, GROUPSUM_NAME_BYTES + 1 + h->n_group_values * sizeof(double)))
        why = "emit: out of memory for the groups of this task";
    h->refused = h->refused || why;
    return why ? host_fail(host, why) : SHEAF_OK_STATUS;
}

static void *host_scratch(const struct sheaf_host *host, uint64_t size)
{
    struct slothost *h = host->self;
    h->dirty = true;
    return slotscratch_get(&h->scratch, size);
}

static const void *host_cache(const struct sheaf_host *host, const char *name, uint64_t size, sheaf_build_fn build,
                              void *user)
{
    return slotcache_get(host->self, name, size, build, user);
}

static void *host_row(const struct sheaf_host *host, uint32_t output)
{
    const struct slothost *h = host->self;
    return slotoutput_row(h->output, output);
}

/* A file that is missing unnoticed would be a wrong result: the task fails. */
static const char *host_path(const struct sheaf_host *host, const char *name)
{
    struct slothost *h = host->self;
    struct diag d = {{0}};
    char path[TASKFILES_PATH], *kept = NULL;
    h->dirty = true;
    int rc = h->files && h->running
                 ? slotfiles_path(h->files, name, path, &d)
                 : diag_fail(&d, SHEAF_EINVAL, "path: files are for tasks of a plugin that says so (files)");
    if (!rc && !(kept = slotscratch_get(&h->scratch, strlen(path) + 1)))
        diag_fail(&d, SHEAF_ENOMEM, "path: out of memory");
    if (kept)
        return memcpy(kept, path, strlen(path) + 1);
    h->refused = true;
    host_fail(host, d.text);
    return NULL;
}

int32_t slothost_settle(struct slothost *h, uint64_t index, int32_t status)
{
    struct diag d = {{0}};
    status = h->refused ? SHEAF_FAILED : status;
    if (!h->files || slotfiles_end(h->files, index, status != SHEAF_OK_STATUS, &d) == 0)
        return status;
    size_t len = strlen(h->reason);
    snprintf(h->reason + len, sizeof h->reason - len, len > 0 ? " (%s)" : "%s", d.text);
    return SHEAF_FAILED;
}

static const void *host_table(const struct sheaf_host *host, const char *id)
{
    static const struct sheaf_output_rows rows = {.struct_size = sizeof rows, .row = host_row};
    static const struct sheaf_files files = {.struct_size = sizeof files, .path = host_path};
    const struct slothost *h = host->self;
    if (strcmp(id, SHEAF_OUTPUT_TABLE) == 0)
        return &rows;
    if (strcmp(id, SHEAF_FILES_TABLE) == 0)
        return &files;
    if (strcmp(id, SHEAF_CACHE_TABLE) == 0)
        return &slotcache_table;
    if (strcmp(id, SHEAF_KEYS_TABLE) == 0)
        return h->keys;
    return strcmp(id, SHEAF_SCRIPT_TABLE) == 0 ? &h->script : NULL;
}

void slothost_init(struct slothost *h, struct slotlink *l, uint32_t n_group_values)
{
    *h = (struct slothost){.link = l,
                           .script = {.struct_size = sizeof h->script},
                           .n_group_values = n_group_values,
                           .groups.n_values = n_group_values};
    h->host = (struct sheaf_host){
        .abi_major = SHEAF_ABI_MAJOR,
        .abi_minor = SHEAF_ABI_MINOR,
        .struct_size = (uint32_t)sizeof h->host,
        .self = h,
        .log = host_log,
        .fail = host_fail,
        .report = host_report,
        .stop_requested = host_stop_requested,
        .emit = host_emit,
        .scratch = host_scratch,
        .cache = host_cache,
        .table = host_table,
    };
}

static void send_groups(struct slothost *h)
{
    for (uint32_t i = 0; i < groupsum_count(&h->groups); i++) {
        struct groupsum_row g = groupsum_at(&h->groups, i);
        h->row.len = 0; /* emit has seen to its room */
        buf_append(&h->row, g.name, strlen(g.name) + 1);
        buf_append(&h->row, g.sums, h->n_group_values * sizeof(*g.sums));
        slotlink_side(h->link, SIDE_GROUP, h->row.data, (uint32_t)h->row.len, true);
    }
}

void slothost_end_call(struct slothost *h, bool keep)
{
    if (keep)
        send_groups(h);
    groupsum_clear(&h->groups);
    h->refused = false;
    if (h->log_dropped > 0) {
        char line[64];
        int n = snprintf(line, sizeof line, "%llu bytes dropped", (unsigned long long)h->log_dropped);
        /* without room even for this: the next call that ends says it */
        if (write_line(h, SHEAF_LOG_WARN, line, (uint32_t)n))
            h->log_dropped = 0;
    }
    h->log_bytes = 0;
    h->reason[0] = '\0';
    slotscratch_reset(&h->scratch);
    h->dirty = h->log_dropped > 0;
}
