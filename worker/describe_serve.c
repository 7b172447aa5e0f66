/* SPDX-License-Identifier: MIT
 *
 * describe_serve: the child's side of describe.h. It runs foreign code, so it says everything that it has to say in one write at
 * the end, and whatever ends the process before that is seen as what it is.
 */
#include "common/buf.h"
#include "common/codec.h"
#include "worker/describe.h"
#include "worker/pluginhost.h"
#include "worker/tryhost.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* All of descriptor 0, NUL-terminated. */
static int read_input(struct buf *out, const char *what, size_t most, struct diag *d)
{
    char block[4096];
    ssize_t n;
    while ((n = read(0, block, sizeof block)) > 0 || (n < 0 && errno == EINTR)) {
        if (n < 0)
            continue;
        if (out->len + (size_t)n > most)
            return diag_fail(d, SHEAF_ELIMIT, "the plugin's %s is larger than %zu bytes", what, most);
        if (buf_append(out, block, (size_t)n) != 0)
            return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    }
    if (n < 0)
        return diag_fail(d, SHEAF_EIO, "the plugin's %s cannot be read: %s", what, strerror(errno));
    return buf_append(out, "", 1) ? diag_fail(d, SHEAF_ENOMEM, "out of memory") : 0;
}

static int describe(const struct plugin_place *place, const char *config, struct arena *arena, struct plan_plugin *out,
                    struct diag *d)
{
    const struct sheaf_plugin *plugin;
    int rc = pluginhost_load(place->path, &plugin, d);
    if (rc)
        return rc;
    struct tryhost *host = tryhost_create(NULL);
    if (!host)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    const struct sheaf_script script = {.struct_size = sizeof script,
                                        .script = place->script[0] ? place->script : NULL};
    tryhost_set_script(host, &script);
    rc = pluginhost_describe(plugin, tryhost_host(host), config, place->path, arena, out, d);
    tryhost_destroy(host);
    return rc;
}

static int answer(char tag, const void *body, size_t len)
{
    struct buf out = {0};
    uint8_t head[5] = {(uint8_t)tag, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), (uint8_t)(len >> 24)};
    int rc = buf_append(&out, head, sizeof head);
    if (!rc)
        rc = buf_append(&out, body, len);
    for (size_t at = 0; !rc && at < out.len;) {
        ssize_t n = write(DESCRIBE_ANSWER_FD, out.data + at, out.len - at);
        if (n > 0)
            at += (size_t)n;
        else if (errno != EINTR)
            rc = SHEAF_EIO;
    }
    buf_finish(&out);
    return rc;
}

/* A crash is expected business here: no core file. And should our parent die, a hanging plugin dies soon after. */
static void prepare_process(int timeout_ms)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    alarm(2 * (unsigned)timeout_ms / 1000);
}

/* The answer, and the exit status. */
static int tell(const struct plan_plugin *p, int rc, struct diag *d)
{
    struct buf body = {0};
    if (!rc && (rc = codec_encode(&plan_plugin_codec, p, &body)) != 0)
        diag_fail(d, rc, "plugin %s: its descriptor is too large: %s", plugin_label(p->path, p->script),
                  sheaf_strerror(rc));
    int sent = rc ? answer('E', d->text, strlen(d->text)) : answer('P', body.data, body.len);
    buf_finish(&body);
    return sent ? 1 : rc ? 2 : 0;
}

int describe_serve(const struct plugin_place *place)
{
    prepare_process(describe_timeout_ms);
    struct arena arena;
    arena_init(&arena, PLAN_MAX_BYTES);
    struct buf config = {0};
    struct diag d = {{0}};
    struct plan_plugin p;
    int rc = read_input(&config, "config", DESCRIBE_MAX_CONFIG, &d);
    if (!rc)
        rc = describe(place, (const char *)config.data, &arena, &p, &d);
    rc = tell(&p, rc, &d);
    buf_finish(&config);
    arena_finish(&arena);
    return rc;
}

int describe_serve_probe(describe_find_fn find)
{
    struct arena arena;
    arena_init(&arena, 0);
    struct buf bytes = {0};
    struct diag d = {{0}};
    struct plan plan = {0};
    int rc = read_input(&bytes, "plan", PLAN_MAX_BYTES, &d);
    if (!rc)
        rc = plan_decode(bytes.data, bytes.len - 1, &arena, &plan, &d);
    if (!rc) {
        prepare_process(describe_probe_ms(&plan));
        rc = find(&plan, &arena, &d);
    }
    rc = tell(&plan.plugin, rc, &d);
    buf_finish(&bytes);
    arena_finish(&arena);
    return rc;
}
