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
static int read_config(struct buf *out, struct diag *d)
{
    char block[4096];
    ssize_t n;
    while ((n = read(0, block, sizeof block)) > 0 || (n < 0 && errno == EINTR)) {
        if (n < 0)
            continue;
        if (out->len + (size_t)n > DESCRIBE_MAX_CONFIG)
            return diag_fail(d, SHEAF_ELIMIT, "the plugin's config is larger than %zu bytes", DESCRIBE_MAX_CONFIG);
        if (buf_append(out, block, (size_t)n) != 0)
            return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    }
    if (n < 0)
        return diag_fail(d, SHEAF_EIO, "the plugin's config cannot be read: %s", strerror(errno));
    return buf_append(out, "", 1) ? diag_fail(d, SHEAF_ENOMEM, "out of memory") : 0;
}

static int describe(const char *path, const char *config, struct arena *arena, struct plan_plugin *out, struct diag *d)
{
    const struct sheaf_plugin *plugin;
    int rc = pluginhost_load(path, &plugin, d);
    if (rc)
        return rc;
    struct tryhost *host = tryhost_create(NULL);
    if (!host)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    rc = pluginhost_describe(plugin, tryhost_host(host), config, path, arena, out, d);
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

int describe_serve(const char *path)
{
    /* A crash is expected business here: no core file. And should our parent die, a hanging plugin dies soon after. */
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    alarm(2 * (unsigned)describe_timeout_ms / 1000);

    struct arena arena;
    arena_init(&arena, PLAN_MAX_BYTES);
    struct buf config = {0}, body = {0};
    struct diag d = {{0}};
    struct plan_plugin p;
    int rc = read_config(&config, &d);
    if (!rc)
        rc = describe(path, (const char *)config.data, &arena, &p, &d);
    if (!rc && (rc = codec_encode(&plan_plugin_codec, &p, &body)) != 0)
        diag_fail(&d, rc, "plugin %s: its descriptor is too large: %s", path, sheaf_strerror(rc));
    int sent = rc ? answer('E', d.text, strlen(d.text)) : answer('P', body.data, body.len);
    buf_finish(&body);
    buf_finish(&config);
    arena_finish(&arena);
    return sent ? 1 : rc ? 2 : 0;
}
