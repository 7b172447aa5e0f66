/* SPDX-License-Identifier: MIT
 *
 * pluginhost: see pluginhost.h. RTLD_NOW, so that a missing symbol is a refusal and not a death in the middle of a
 * task; RTLD_LOCAL, so that plugins do not see one another.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include "worker/pluginhost.h"
#include "worker/descriptor.h"
#include "worker/pluginfind.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* dlerror's text without the path in front of it, which our own line has already. */
static const char *dl_reason(const char *path)
{
    const char *text = dlerror();
    if (!text)
        return "no reason given";
    size_t n = strlen(path);
    return strncmp(text, path, n) == 0 && strncmp(text + n, ": ", 2) == 0 ? text + n + 2 : text;
}

static int check_entry(const char *path, const struct sheaf_plugin *p, struct diag *d)
{
    if (p->abi_major != SHEAF_ABI_MAJOR || p->abi_minor > SHEAF_ABI_MINOR)
        return diag_fail(d, SHEAF_EVERSION,
                         "plugin %s: built for ABI %u.%u, but this sheaf has %u.%u (%s); build it with this sheaf's "
                         "sheaf/plugin.h",
                         path, p->abi_major, p->abi_minor, SHEAF_ABI_MAJOR, SHEAF_ABI_MINOR,
                         p->abi_major != SHEAF_ABI_MAJOR ? "another major" : "a newer minor");
    if (p->struct_size != sizeof *p)
        return diag_fail(
            d, SHEAF_EVERSION,
            "plugin %s: its entry says ABI %u.%u but has %u bytes, not %zu; set .struct_size = sizeof(struct "
            "sheaf_plugin)",
            path, p->abi_major, p->abi_minor, p->struct_size, sizeof *p);
    const char *missing = !p->describe ? "describe" : !p->open ? "open" : !p->run ? "run" : !p->close ? "close" : NULL;
    if (missing)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: its entry has no function '%s'", path, missing);
    return 0;
}

/* Said by ourselves: the loader's "file too short" and "invalid ELF header" help nobody. */
static bool is_shared_object(const char *path)
{
#ifdef __ELF__
    char magic[4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, magic, sizeof magic) : -1;
    if (fd >= 0)
        close(fd);
    return n < 0 || (n == (ssize_t)sizeof magic && memcmp(magic, "\177ELF", sizeof magic) == 0);
#else
    (void)path;
    return true;
#endif
}

int pluginhost_load(const char *path, const struct sheaf_plugin **out, struct diag *d)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return diag_fail(d, errno == ENOENT ? SHEAF_ENOENT : SHEAF_EIO, "plugin %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: not a file; give a name or the path of a .so file", path);
    if (!is_shared_object(path))
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: not a shared object; compile it with -shared -fPIC", path);
    char real[PATH_MAX]; /* dlopen looks for a bare name elsewhere */
    if (!realpath(path, real))
        return diag_fail(d, SHEAF_EIO, "plugin %s: %s", path, strerror(errno));
    void *object = dlopen(real, RTLD_NOW | RTLD_LOCAL);
    if (!object)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: cannot be loaded: %s", path, dl_reason(real));
    const struct sheaf_plugin *entry = dlsym(object, SHEAF_PLUGIN_SYMBOL);
    if (!entry)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: exports no " SHEAF_PLUGIN_SYMBOL "; see sheaf/plugin.h", path);
    int rc = check_entry(path, entry, d);
    if (!rc)
        *out = entry;
    return rc;
}

/* The host that describe sees. `self` is this struct. */
struct describe_host {
    struct sheaf_host host;
    const struct sheaf_host *outer;
    char reason[512];
};

static void describe_log(const struct sheaf_host *host, uint32_t level, const char *text)
{
    const struct describe_host *h = host->self;
    h->outer->log(h->outer, level, text);
}

static int32_t describe_fail(const struct sheaf_host *host, const char *text)
{
    struct describe_host *h = host->self;
    snprintf(h->reason, sizeof h->reason, "%s", text ? text : "");
    return SHEAF_FAILED;
}

static const void *describe_table(const struct sheaf_host *host, const char *id)
{
    const struct describe_host *h = host->self;
    /* the functions of the others take the host of a slot, and are not for describe */
    return strcmp(id, SHEAF_SCRIPT_TABLE) == 0 ? h->outer->table(h->outer, id) : NULL;
}

static bool refuse_report(const struct sheaf_host *host, uint64_t step, double value)
{
    (void)host, (void)step, (void)value;
    return true;
}

static bool refuse_stop(const struct sheaf_host *host)
{
    (void)host;
    return false;
}

static int32_t refuse_emit(const struct sheaf_host *host, const char *group, const double *values)
{
    (void)group, (void)values;
    return describe_fail(host, "emit is not for describe");
}

static void *refuse_scratch(const struct sheaf_host *host, uint64_t size)
{
    (void)size;
    describe_fail(host, "scratch is not for describe");
    return NULL;
}

static const void *refuse_cache(const struct sheaf_host *host, const char *name, uint64_t size, sheaf_build_fn build,
                                void *user)
{
    (void)name, (void)size, (void)build, (void)user;
    describe_fail(host, "cache is not for describe");
    return NULL;
}

static void describe_host_init(struct describe_host *h, const struct sheaf_host *outer)
{
    *h = (struct describe_host){.outer = outer};
    h->host = (struct sheaf_host){
        .abi_major = SHEAF_ABI_MAJOR,
        .abi_minor = SHEAF_ABI_MINOR,
        .struct_size = (uint32_t)sizeof h->host,
        .self = h,
        .log = describe_log,
        .fail = describe_fail,
        .report = refuse_report,
        .stop_requested = refuse_stop,
        .emit = refuse_emit,
        .scratch = refuse_scratch,
        .cache = refuse_cache,
        .table = describe_table,
    };
}

int pluginhost_digest(const char *path, const char *identity, uint8_t out[HASH_BYTES], struct diag *d)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return diag_fail(d, SHEAF_EIO, "plugin %s: cannot be read: %s", path, strerror(errno));
    hash_state state;
    hash_begin(&state);
    static char block[65536];
    ssize_t n;
    while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            hash_update(&state, block, (size_t)n);
    int error = errno;
    close(fd);
    if (n < 0)
        return diag_fail(d, SHEAF_EIO, "plugin %s: cannot be read: %s", path, strerror(error));
    hash_update(&state, identity, strlen(identity));
    hash_end(&state, out);
    return 0;
}

/* What the descriptor does not say: where it comes from. */
static int fill_origin(const char *path, const char *script, const char *config, struct arena *arena,
                       struct plan_plugin *out, struct diag *d)
{
    uint8_t *digest = arena_alloc(arena, HASH_BYTES);
    out->path = arena_text(arena, path, strlen(path));
    out->script = arena_text(arena, script, strlen(script));
    out->config = arena_text(arena, config, strlen(config));
    if (!digest || !out->path || !out->script || !out->config)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    out->digest = (struct slice){digest, HASH_BYTES};
    return pluginhost_digest(path, out->identity, digest, d);
}

int pluginhost_describe(const struct sheaf_plugin *plugin, const struct sheaf_host *host, const char *config,
                        const char *path, struct arena *arena, struct plan_plugin *out, struct diag *d)
{
    struct describe_host h;
    describe_host_init(&h, host);
    struct sheaf_descriptor descriptor = {0};
    const struct sheaf_script *table = host->table(host, SHEAF_SCRIPT_TABLE);
    const char *script = table && table->script ? table->script : "", *label = plugin_label(path, script);
    if (plugin->describe(&h.host, config, &descriptor) != SHEAF_OK_STATUS)
        return diag_fail(d, SHEAF_EINVAL, "plugin %s: describe failed: %s", label,
                         h.reason[0] ? h.reason : "it gave no reason (host->fail)");
    struct plan_plugin p = {.abi_major = plugin->abi_major, .abi_minor = plugin->abi_minor};
    struct diag inner = {{0}};
    bool probes = plugin->table && plugin->table(SHEAF_PROBE_TABLE);
    bool makes = descriptor.n_outputs > 0 || (descriptor.files && descriptor.files[0]);
    int rc = descriptor.n_scores == 0 && !makes && !probes
                 ? diag_fail(&inner, SHEAF_EINVAL, "it returns no score; a plugin needs at least one")
                 : descriptor_copy(&descriptor, arena, &p, &inner);
    if (rc)
        return diag_fail(d, rc, "plugin %s: %s", label, inner.text);
    rc = fill_origin(path, script, config, arena, &p, d);
    if (!rc)
        *out = p;
    return rc;
}

int pluginhost_script(const struct plan_plugin *p, struct arena *arena, struct sheaf_script *out, struct diag *d)
{
    const char **arrays = arena_alloc(arena, (p->n_arrays + 1) * sizeof *arrays);
    const char **scores = arena_alloc(arena, (p->n_scores + 1) * sizeof *scores);
    if (!arrays || !scores)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < p->n_arrays; i++)
        arrays[i] = p->arrays[i].name;
    for (uint32_t i = 0; i < p->n_scores; i++)
        scores[i] = p->scores[i].name;
    *out = (struct sheaf_script){.struct_size = sizeof *out,
                                 .script = p->script[0] ? p->script : NULL,
                                 .arrays = arrays,
                                 .n_arrays = p->n_arrays,
                                 .scores = scores,
                                 .n_scores = p->n_scores};
    return 0;
}
