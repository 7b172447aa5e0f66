/* SPDX-License-Identifier: MIT
 *
 * sweepfile: lets yamltree, overrides and sweepschema do their work in this order, and answers
 * what is needed before the plugin is described.
 */
#include "sweep/sweepfile.h"

#include "common/fsutil.h"
#include "sweep/overrides.h"
#include "sweep/sweepfile_impl.h"
#include "sweep/sweepschema.h"
#include "sweep/sweepstages.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_BYTES ((size_t)1 << 20)

static int no_memory(struct diag *d, const char *path)
{
    return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory while reading it", path);
}

static json_t *to_json(const struct ynode *n);

static json_t *map_to_json(const struct ynode *map)
{
    json_t *object = json_object();
    for (const struct ynode *n = map->first; object != NULL && n != NULL; n = n->next) {
        if (json_object_set_new(object, n->key->value.text, to_json(n)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *list_to_json(const struct ynode *list)
{
    json_t *array = json_array();
    for (const struct ynode *n = list->first; array != NULL && n != NULL; n = n->next) {
        if (json_array_append_new(array, to_json(n)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* NULL when out of memory, which the callers' set and append pass on. */
static json_t *to_json(const struct ynode *n)
{
    if (n->kind == YNODE_MAP)
        return map_to_json(n);
    if (n->kind == YNODE_LIST)
        return list_to_json(n);
    switch (n->value.kind) {
    case SCALAR_NULL:
        return json_null();
    case SCALAR_BOOL:
        return json_boolean(n->value.i != 0);
    case SCALAR_INT:
        return json_integer(n->value.i);
    case SCALAR_FLOAT:
        return json_real(n->value.f);
    default:
        return json_stringn(n->value.text, n->value.len);
    }
}

/* Sorted keys and no blanks: equal configs are equal texts, and so equal sweeps. */
static int render_config(struct sweepfile *f, struct diag *d)
{
    const struct ynode *node = ynode_get(f->root, "config");
    if (node == NULL) {
        f->config = "{}";
        return 0;
    }
    json_t *json = to_json(node);
    char *text = json != NULL ? json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
    json_decref(json);
    if (text == NULL)
        return no_memory(d, f->path);
    size_t len = strlen(text);
    f->config = arena_text(f->arena, text, len);
    free(text);
    if (len > CONFIG_BYTES)
        return place_fail(&node->at, d, "config is larger than 1 MiB; pass the name of a file in it");
    return f->config != NULL ? 0 : no_memory(d, f->path);
}

static int name_paths(struct sweepfile *f, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t dir = slash == NULL ? 0 : (size_t)(slash - path);
    f->path = arena_text(f->arena, path, strlen(path));
    if (slash == path)
        f->dir = "/";
    else
        f->dir = slash == NULL ? "." : arena_text(f->arena, path, dir);
    f->absolute = path_absolute(f->arena, NULL, path);
    return f->path != NULL && f->dir != NULL && f->absolute != NULL ? 0 : SHEAF_ENOMEM;
}

/* From the file to the sweep that is asked for. */
static int enter_stage(struct sweepfile *f, uint32_t stage, struct diag *d)
{
    const struct ynode *stages = sweepstages_of(f->root);
    f->whole = f->root;
    SHEAF_ASSERT(stages != NULL || stage == 0);
    if (stages == NULL)
        return 0;
    int err = sweepstages_check(f->root, f->dir, d);
    if (err == 0 && (stage == 0 || stage > stages->n))
        return place_fail(&stages->at, d, "this file has %u stages, one sweep after another; `sheaf run` runs it",
                          stages->n);
    struct ynode *at = stages->first;
    for (uint32_t i = 1; err == 0 && i < stage; i++)
        at = at->next;
    if (err == 0)
        f->root = at;
    return err;
}

static int parse(struct sweepfile *f, const char *bytes, size_t len, const struct sweep_overrides *o, struct diag *d)
{
    int err = yamltree_parse(f->path, true, bytes, len, f->arena, &f->root, d);
    if (err == 0 && f->root == NULL)
        return diag_fail(d, SHEAF_EINVAL, "%s:1:1: the file is empty; begin with plugin: NAME", f->path);
    if (err == 0 && f->root->kind == YNODE_MAP)
        err = overrides_apply(f->root, o, f->arena, d);
    if (err == 0)
        err = enter_stage(f, o != NULL ? o->stage : 0, d);
    if (err == 0 && f->root->kind == YNODE_MAP)
        err = overrides_seed(f->root, o, f->arena, d);
    if (err == 0)
        err = sweepschema_check(f->root, d);
    if (err == 0)
        err = overrides_limit(o != NULL ? o->limit : NULL, &f->limit, d);
    if (err == 0)
        err = overrides_verify(o != NULL ? o->verify : NULL, &f->verify_ppm, d);
    f->overwrite = o != NULL && o->overwrite;
    return err != 0 ? err : render_config(f, d);
}

struct sweepfile *sweepfile_parse(const char *path, const char *bytes, size_t len, const struct sweep_overrides *o,
                                  struct diag *d)
{
    struct sweepfile *f = calloc(1, sizeof *f);
    if (f == NULL) {
        no_memory(d, path);
        return NULL;
    }
    f->arena = &f->own;
    arena_init(f->arena, 0);
    int err = name_paths(f, path);
    if (err != 0)
        no_memory(d, path);
    else
        err = parse(f, bytes, len, o, d);
    if (err != 0) {
        sweepfile_destroy(f);
        return NULL;
    }
    return f;
}

int sweepfile_load(const char *path, struct buf *text, struct diag *d)
{
    struct diag why = {{0}};
    if (path[0] == '\0')
        return diag_fail(d, SHEAF_EINVAL, "the name of the sweep file is empty; give SWEEP.yaml");
    int err = file_read(path, YAMLTREE_BYTES, text, &why);
    if (err == SHEAF_ENOENT)
        return diag_fail(d, SHEAF_EINVAL, "%s: there is no such file; check the name of the sweep file", path);
    if (err == SHEAF_ELIMIT)
        return diag_fail(d, SHEAF_EINVAL,
                         "%s: larger than %zu MiB; put long lists of trials into a file (search: list)", path,
                         YAMLTREE_BYTES >> 20);
    return err != 0 ? diag_fail(d, err, "%s", why.text) : 0;
}

int sweepfile_stages(const char *path, const struct buf *text, const struct sweep_overrides *o, struct arena *arena,
                     struct sweep_stages *out, struct diag *d)
{
    struct sweepfile f = {.arena = arena};
    struct ynode *root = NULL;
    out->n = 0;
    int err = name_paths(&f, path);
    if (err != 0)
        return no_memory(d, path);
    err = yamltree_parse(path, true, (const char *)text->data, text->len, arena, &root, d);
    if (err == 0 && root != NULL && root->kind == YNODE_MAP)
        err = overrides_apply(root, o, arena, d);
    const struct ynode *stages = err == 0 ? sweepstages_of(root) : NULL;
    if (stages == NULL)
        return err;
    err = sweepstages_check(root, f.dir, d);
    for (const struct ynode *s = err == 0 ? stages->first : NULL; s != NULL; s = s->next)
        out->names[out->n++] = sweepschema_text(s, "name", "");
    return err;
}

void sweepfile_destroy(struct sweepfile *f)
{
    if (f == NULL)
        return;
    arena_finish(f->arena);
    free(f);
}

const char *sweepfile_plugin(const struct sweepfile *f)
{
    return sweepschema_text(f->root, "plugin", NULL);
}

const char *sweepfile_config(const struct sweepfile *f)
{
    return f->config;
}

static const struct ynode *data_at(const struct sweepfile *f, uint32_t i)
{
    const struct ynode *n = ynode_get(f->root, "data");
    if (n == NULL || n->kind != YNODE_LIST)
        return i == 0 ? n : NULL;
    for (n = n->first; n != NULL && i > 0; i--)
        n = n->next;
    return n;
}

const struct place *sweepfile_data_at(const struct sweepfile *f, uint32_t i)
{
    const struct ynode *n = data_at(f, i);
    return n != NULL ? &n->at : sweepfile_at(f, "data");
}

/* A file's name without folder and ending. */
static const char *stem(const struct sweepfile *f, const char *file)
{
    const char *slash = strrchr(file, '/'), *base = slash != NULL ? slash + 1 : file, *dot = strrchr(base, '.');
    return arena_text(f->arena, base, dot != NULL ? (size_t)(dot - base) : strlen(base));
}

bool sweepfile_data(const struct sweepfile *f, uint32_t i, struct sweepfile_data *out)
{
    const struct ynode *n = data_at(f, i);
    if (n == NULL)
        return false;
    const char *place = place_text(&n->at, f->arena);
    *out = (struct sweepfile_data){.file = n->kind == YNODE_SCALAR ? n->value.text : sweepschema_text(n, "file", NULL),
                                   .stage = sweepschema_text(n, "stage", NULL),
                                   .place = place != NULL ? place : f->path};
    if (out->stage != NULL)
        out->file = sweepstages_output(f->whole, out->stage);
    if (ynode_get(n, "along") == NULL)
        return true;
    out->along = sweepschema_text(n, "as", out->stage);
    if (out->along == NULL && out->file != NULL)
        out->along = stem(f, out->file);
    if (out->along == NULL)
        out->along = ""; /* no memory, or no such stage: no name at all is refused */
    return true;
}

bool sweepfile_keys_are_files(const struct sweepfile *f)
{
    return ynode_find(f->root, "keys.files") != NULL;
}

bool sweepfile_makes_files_before(const struct sweepfile *f, uint32_t i)
{
    const struct ynode *stages = sweepstages_of(f->whole), *s = stages != NULL ? stages->first : f->root;
    for (; s != f->root && i > 0; i--)
        s = s->next;
    return s != f->root && ynode_find(s, "output.dir") != NULL;
}

const char *sweepfile_dir(const struct sweepfile *f)
{
    return f->dir;
}

const struct place *sweepfile_at(const struct sweepfile *f, const char *field)
{
    const struct ynode *n = ynode_find(f->root, field);
    return n != NULL ? &n->at : &f->root->at;
}

const char *sweepfile_place(const struct sweepfile *f, const char *field)
{
    const char *text = place_text(sweepfile_at(f, field), f->arena);
    return text != NULL ? text : f->path;
}

int sweepfile_goals(const struct sweepfile *f, struct arena *arena, struct plan_score **out, uint32_t *n)
{
    const struct ynode *goal = ynode_get(f->root, "goal");
    uint32_t most = goal != NULL && goal->kind == YNODE_LIST ? goal->n : 1;
    *out = arena_alloc(arena, most * sizeof **out);
    if (*out == NULL)
        return SHEAF_ENOMEM;
    const struct ynode *at = goal != NULL && goal->kind == YNODE_LIST ? goal->first : goal;
    for (*n = 0; *n < most; at = at != NULL ? at->next : NULL) {
        const char *name = at != NULL ? at->first->value.text : "score";
        name = arena_text(arena, name, strlen(name));
        if (name == NULL)
            return SHEAF_ENOMEM;
        (*out)[(*n)++] = (struct plan_score){.name = name, .unit = "", .help = ""};
    }
    return SHEAF_OK;
}
