/* SPDX-License-Identifier: MIT
 *
 * tryhost: see tryhost.h.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "worker/tryhost.h"
#include "common/err.h"
#include "data/dataset.h"
#include "sweep/output.h"
#include "sweep/groupsum.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct block {
    struct block *next;
    void *memory;
};

struct cache {
    struct cache *next;
    char *name;
    void *memory;
    uint64_t size, mapped;
};

struct tryhost {
    struct sheaf_host host;
    struct sheaf_script script;
    struct sheaf_key key; /* the only one */
    FILE *log;
    struct block *scratch;
    struct cache *caches;
    struct tryhost_counts counts;
    struct groupsum groups; /* of this task */
    bool refused;
    const struct plan_output *outputs;
    void *rows[PLAN_MAX_OUTPUTS]; /* in scratch; NULL = not asked for */
    uint32_t n_outputs;
    const char *folder; /* where files are made; NULL = the temporary one */
    struct taskfiles files;
    bool building; /* inside a build function: cache does not nest */
    char reason[1024];
};

static void complain(struct tryhost *t, const char *what)
{
    fprintf(t->log, "plugin bug: %s\n", what);
}

static void try_log(const struct sheaf_host *host, uint32_t level, const char *text)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    struct tryhost *t = host->self;
    if (level > SHEAF_LOG_ERROR)
        complain(t, "log with an unknown level");
    fprintf(t->log, "plugin %s: %s\n", names[level > SHEAF_LOG_ERROR ? SHEAF_LOG_ERROR : level], text ? text : "");
}

static int32_t try_fail(const struct sheaf_host *host, const char *text)
{
    struct tryhost *t = host->self;
    snprintf(t->reason, sizeof t->reason, "%s", text ? text : "");
    return SHEAF_FAILED;
}

static bool try_report(const struct sheaf_host *host, uint64_t step, double value)
{
    struct tryhost *t = host->self;
    t->counts.reports++;
    fprintf(t->log, "plugin report: step %llu: %.17g\n", (unsigned long long)step, value);
    return true;
}

static bool try_stop_requested(const struct sheaf_host *host)
{
    (void)host;
    return false;
}

static int32_t try_emit(const struct sheaf_host *host, const char *group, const double *values)
{
    struct tryhost *t = host->self;
    const char *why = groupsum_emit(&t->groups, group, values, false);
    if (why) {
        t->refused = true;
        complain(t, why);
        return try_fail(host, why);
    }
    t->counts.rows++;
    fprintf(t->log, "plugin emit: %s:", group);
    for (uint32_t i = 0; i < t->groups.n_values; i++)
        fprintf(t->log, " %.17g", values[i]);
    fputc('\n', t->log);
    return SHEAF_OK_STATUS;
}

static void *try_scratch(const struct sheaf_host *host, uint64_t size)
{
    struct tryhost *t = host->self;
    struct block *b = malloc(sizeof *b);
    uint64_t rounded = (size + 63) & ~(uint64_t)63;
    if (!b)
        return NULL;
    if (rounded < size || rounded > SIZE_MAX) {
        free(b);
        return NULL;
    }
    b->memory = aligned_alloc(64, rounded ? rounded : 64);
    if (!b->memory) {
        free(b);
        return NULL;
    }
    memset(b->memory, 0xa5, rounded); /* what is read before it is written shows */
    b->next = t->scratch;
    t->scratch = b;
    t->counts.scratch_bytes += size;
    return b->memory;
}

static void *map_zeroed(uint64_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void cache_destroy(struct cache *c)
{
    if (c->memory)
        munmap(c->memory, c->mapped);
    free(c->name);
    free(c);
}

/* A cache entry whose memory is still zeroes and writable. */
static struct cache *cache_create(const char *name, uint64_t size)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct cache *c = calloc(1, sizeof *c);
    if (!c || size > SIZE_MAX - page) {
        free(c);
        return NULL;
    }
    c->size = size;
    c->mapped = size ? (size + page - 1) / page * page : page;
    c->name = strdup(name);
    c->memory = map_zeroed(c->mapped);
    if (c->name && c->memory)
        return c;
    cache_destroy(c);
    return NULL;
}

static const struct cache *cache_find(const struct tryhost *t, const char *name)
{
    const struct cache *c = t->caches;
    while (c && strcmp(c->name, name) != 0)
        c = c->next;
    return c;
}

static const void *cache_build(struct tryhost *t, const char *name, uint64_t size, sheaf_build_fn build, void *user)
{
    struct cache *c = cache_create(name, size);
    if (!c)
        return NULL;
    t->building = true;
    int32_t status = build(&t->host, c->memory, size, user);
    t->building = false;
    if (status != SHEAF_OK_STATUS) {
        cache_destroy(c);
        return NULL;
    }
    mprotect(c->memory, c->mapped, PROT_READ);
    c->next = t->caches;
    t->caches = c;
    t->counts.caches++;
    t->counts.cache_bytes += size;
    return c->memory;
}

struct copy_of {
    const void *bytes;
    uint64_t size;
};

static int32_t copy_value(const struct sheaf_host *host, void *memory, uint64_t size, void *user)
{
    (void)host;
    const struct copy_of *from = user;
    if (size > 0)
        memcpy(memory, from->bytes, (size_t)size);
    return SHEAF_OK_STATUS;
}

static const void *try_cache(const struct sheaf_host *host, const char *name, uint64_t size, sheaf_build_fn build,
                             void *user)
{
    struct tryhost *t = host->self;
    const char *bug = t->building       ? "cache called inside a build function"
                      : !name || !build ? "cache without a name or a build function"
                                        : NULL;
    const struct cache *c = bug ? NULL : cache_find(t, name);
    if (c && c->size != size)
        bug = "cache called again for the same name with another size";
    if (bug) {
        complain(t, bug);
        try_fail(host, bug);
        return NULL;
    }
    return c ? c->memory : cache_build(t, name, size, build, user);
}

/* As try_cache, for a value whose size its builder tells. */
static const void *try_cache_any(const struct sheaf_host *host, const char *name, sheaf_make_fn make, void *user,
                                 uint64_t *size)
{
    struct tryhost *t = host->self;
    const char *bug = t->building      ? "cache called inside a build function"
                      : !name || !make ? "cache without a name or a build function"
                                       : NULL;
    const struct cache *c = bug ? NULL : cache_find(t, name);
    if (bug) {
        complain(t, bug);
        try_fail(host, bug);
        return NULL;
    }
    struct copy_of value = {0};
    if (!c) {
        t->building = true;
        int32_t status = make(host, user, &value.bytes, &value.size);
        t->building = false;
        const void *memory = status == SHEAF_OK_STATUS ? cache_build(t, name, value.size, copy_value, &value) : NULL;
        *size = value.size;
        return memory;
    }
    *size = c->size;
    return c->memory;
}

/* What is released lives on: another task may ask for it. */
static void try_cache_release(const struct sheaf_host *host, const void *memory)
{
    struct tryhost *t = host->self;
    const struct cache *c = t->caches;
    while (c && c->memory != memory)
        c = c->next;
    if (!c)
        complain(t, "released what is no cache");
}

static const struct sheaf_cache cache_table = {
    .struct_size = sizeof(struct sheaf_cache), .get = try_cache_any, .release = try_cache_release};

static void *try_row(const struct sheaf_host *host, uint32_t output)
{
    struct tryhost *t = host->self;
    if (output >= t->n_outputs) {
        complain(t, "the row of an output that the descriptor does not name");
        return NULL;
    }
    const struct plan_output *o = &t->outputs[output];
    if (!t->rows[output]) {
        t->rows[output] = try_scratch(host, o->row_bytes);
        t->counts.scratch_bytes -= t->rows[output] ? o->row_bytes : 0; /* not the plugin's */
        if (t->rows[output])
            output_clear(t->rows[output], o->dtype, o->row_bytes / dtype_size(o->dtype));
    }
    return t->rows[output];
}

static uint64_t try_count_keys(const struct sheaf_host *host)
{
    (void)host;
    return 1;
}

static bool try_key(const struct sheaf_host *host, uint64_t index, struct sheaf_key *out)
{
    const struct tryhost *t = host->self;
    if (index > 0)
        return false;
    *out = t->key;
    return true;
}

static const struct sheaf_keys keys_table = {.struct_size = sizeof keys_table, .count = try_count_keys, .key = try_key};

static const char *try_path(const struct sheaf_host *host, const char *name)
{
    struct tryhost *t = host->self;
    struct diag d = {{0}};
    char path[TASKFILES_PATH], *kept = NULL;
    const char *temporary = getenv("TMPDIR"), *parent = temporary && temporary[0] ? temporary : "/tmp";
    int rc = t->files.fd < 0 ? taskfiles_make(&t->files, t->folder ? t->folder : parent, "sheaf-", &d) : 0;
    rc = rc ? rc : taskfiles_path(&t->files, name, path, &d);
    if (!rc && (kept = try_scratch(host, strlen(path) + 1)) != NULL) {
        t->counts.scratch_bytes -= strlen(path) + 1; /* not the plugin's */
        return memcpy(kept, path, strlen(path) + 1);
    }
    t->refused = true;
    if (rc == SHEAF_EINVAL)
        complain(t, d.text);
    try_fail(host, rc ? d.text : "out of memory");
    return NULL;
}

static const void *try_table(const struct sheaf_host *host, const char *id)
{
    static const struct sheaf_output_rows rows = {.struct_size = sizeof rows, .row = try_row};
    static const struct sheaf_files files = {.struct_size = sizeof files, .path = try_path};
    const struct tryhost *t = host->self;
    if (strcmp(id, SHEAF_OUTPUT_TABLE) == 0)
        return &rows;
    if (strcmp(id, SHEAF_FILES_TABLE) == 0)
        return &files;
    if (strcmp(id, SHEAF_CACHE_TABLE) == 0)
        return &cache_table;
    if (strcmp(id, SHEAF_KEYS_TABLE) == 0)
        return &keys_table;
    return strcmp(id, SHEAF_SCRIPT_TABLE) == 0 ? &t->script : NULL;
}

struct tryhost *tryhost_create(FILE *log)
{
    struct tryhost *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->log = log ? log : stderr;
    t->script.struct_size = sizeof t->script;
    t->files.fd = -1;
    t->host = (struct sheaf_host){
        .abi_major = SHEAF_ABI_MAJOR,
        .abi_minor = SHEAF_ABI_MINOR,
        .struct_size = (uint32_t)sizeof t->host,
        .self = t,
        .log = try_log,
        .fail = try_fail,
        .report = try_report,
        .stop_requested = try_stop_requested,
        .emit = try_emit,
        .scratch = try_scratch,
        .cache = try_cache,
        .table = try_table,
    };
    return t;
}

void tryhost_set_script(struct tryhost *t, const struct sheaf_script *script)
{
    t->script = *script;
}

void tryhost_set_key(struct tryhost *t, const struct sheaf_key *key)
{
    t->key = *key;
}

static void free_scratch(struct tryhost *t)
{
    while (t->scratch) {
        struct block *b = t->scratch;
        t->scratch = b->next;
        free(b->memory);
        free(b);
    }
}

void tryhost_destroy(struct tryhost *t)
{
    if (!t)
        return;
    free_scratch(t);
    taskfiles_remove(&t->files);
    groupsum_finish(&t->groups);
    while (t->caches) {
        struct cache *c = t->caches;
        t->caches = c->next;
        cache_destroy(c);
    }
    free(t);
}

const struct sheaf_host *tryhost_host(struct tryhost *t)
{
    return &t->host;
}

void tryhost_begin_task(struct tryhost *t, uint32_t n_group_values)
{
    free_scratch(t);
    taskfiles_clear(&t->files);
    memset(t->rows, 0, sizeof t->rows);
    groupsum_clear(&t->groups);
    t->groups.n_values = n_group_values;
    t->refused = false;
    t->counts.rows = t->counts.reports = t->counts.scratch_bytes = 0;
    t->reason[0] = 0;
}

void tryhost_set_outputs(struct tryhost *t, const struct plan_output *outputs, uint32_t n)
{
    SHEAF_ASSERT(n <= PLAN_MAX_OUTPUTS);
    t->outputs = outputs;
    t->n_outputs = n;
}

const void *tryhost_row(const struct tryhost *t, uint32_t output)
{
    return output < t->n_outputs ? t->rows[output] : NULL;
}

void tryhost_set_folder(struct tryhost *t, const char *folder)
{
    t->folder = folder;
}

int tryhost_files(struct tryhost *t, const struct taskfiles **out, struct diag *d)
{
    *out = NULL;
    if (t->files.fd < 0 || !t->files.used)
        return 0;
    *out = &t->files;
    return taskfiles_list(&t->files, d);
}

bool tryhost_refused(const struct tryhost *t)
{
    return t->refused;
}

const char *tryhost_reason(const struct tryhost *t)
{
    return t->reason;
}

struct tryhost_counts tryhost_counts(const struct tryhost *t)
{
    return t->counts;
}
