/* SPDX-License-Identifier: MIT */
#include "sweep/sweepstages.h"

#include "common/fsutil.h"
#include "sweep/suggest.h"
#include "sweep/sweepschema.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define MAX_NAME 63u     /* bytes of a stage's name: it stands before its parameters in the next one */
#define MAX_TITLE 190u   /* and of the file's, with which it makes the sweep's */
#define CYCLE_BYTES 400u /* shown of a cycle */

struct stages_check {
    const struct ynode *stages;
    const char *dir; /* where relative paths start */
};

static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

const struct ynode *sweepstages_of(const struct ynode *root)
{
    return root != NULL && root->kind == YNODE_MAP ? ynode_get(root, "stages") : NULL;
}

static const char *name_of(const struct ynode *stage)
{
    return sweepschema_text(stage, "name", "");
}

static const struct ynode *find_stage(const struct ynode *stages, const char *name)
{
    for (const struct ynode *s = stages->first; s != NULL; s = s->next)
        if (strcmp(name_of(s), name) == 0)
            return s;
    return NULL;
}

static const char *output_of(const struct ynode *stage)
{
    const struct ynode *output = ynode_get(stage, "output");
    return output != NULL && output->kind == YNODE_MAP ? sweepschema_text(output, "file", NULL)
                                                       : sweepschema_text(stage, "output", NULL);
}

const char *sweepstages_output(const struct ynode *root, const char *name)
{
    const struct ynode *stages = sweepstages_of(root), *s = stages != NULL ? find_stage(stages, name) : NULL;
    return s != NULL ? output_of(s) : NULL;
}

/* ---- the list and its names ---- */

static int check_name(const struct ynode *stages, const struct ynode *stage, struct diag *d)
{
    const struct ynode *name = ynode_get(stage, "name");
    char shown[SCALAR_SHOWN];
    if (name == NULL)
        return place_fail(&stage->at, d, "this stage has no name; add name: NAME, by which later stages know it");
    size_t n = name->kind == YNODE_SCALAR && name->value.kind == SCALAR_TEXT ? name->value.len : 0;
    bool good = n > 0 && n <= MAX_NAME && strchr(LETTERS, name->value.text[0]) != NULL;
    for (size_t i = 0; good && i < n; i++)
        good = strchr(LETTERS, name->value.text[i]) != NULL || strchr("0123456789", name->value.text[i]) != NULL;
    if (!good)
        return place_fail(&name->at, d,
                          "the name of a stage is %s; give one of letters, digits and _, at most %u, no digit first",
                          ynode_show(name, shown), MAX_NAME);
    return find_stage(stages, name->value.text) == stage
               ? 0
               : place_fail(&name->at, d, "two stages are called %s; give one of them another name", name->value.text);
}

static int check_list(const struct ynode *stages, struct diag *d)
{
    char shown[SCALAR_SHOWN];
    if (stages->kind != YNODE_LIST || stages->n == 0 || stages->n > SWEEP_MAX_STAGES)
        return place_fail(&stages->at, d, "stages is %s; give a list of 1 to %u sweeps, each with a name",
                          stages->kind == YNODE_LIST ? (stages->n == 0 ? "an empty list" : "a longer list")
                                                     : ynode_show(stages, shown),
                          SWEEP_MAX_STAGES);
    for (const struct ynode *s = stages->first; s != NULL; s = s->next) {
        if (s->kind != YNODE_MAP)
            return place_fail(&s->at, d, "a stage is %s; give a sweep: a map with name, plugin and so on",
                              ynode_show(s, shown));
        int err = check_name(stages, s, d);
        if (err != 0)
            return err;
    }
    return 0;
}

/* ---- which stage uses which ---- */

/* The entries of a stage's `data`: after NULL the first, else the next. */
static const struct ynode *next_data(const struct ynode *stage, const struct ynode *after)
{
    const struct ynode *data = ynode_get(stage, "data");
    if (data == NULL || data->kind != YNODE_LIST)
        return after == NULL ? data : NULL;
    return after == NULL ? data->first : after->next;
}

/* Those of them that name another stage. */
static const struct ynode *next_use(const struct ynode *stage, const struct ynode *after)
{
    const struct ynode *n = next_data(stage, after);
    while (n != NULL && (n->kind != YNODE_MAP || ynode_get(n, "stage") == NULL))
        n = next_data(stage, n);
    return n;
}

/* Can `to` be come by from `from`, using stage after stage? The way is in `shown`, "from -> ... -> to". A stage is visited once: it is put
 * into `seen` by its number. */
static bool leads_to(const struct ynode *stages, const struct ynode *from, const struct ynode *to, uint64_t *seen,
                     char *shown)
{
    uint32_t number = 0;
    for (const struct ynode *s = stages->first; s != from; s = s->next)
        number++;
    size_t len = strlen(shown);
    snprintf(shown + len, CYCLE_BYTES - len, "%s%s", len > 0 ? " -> " : "", name_of(from));
    if (from == to)
        return true;
    *seen |= (uint64_t)1 << number;
    for (const struct ynode *use = next_use(from, NULL); use != NULL; use = next_use(from, use)) {
        const struct ynode *used = find_stage(stages, sweepschema_text(use, "stage", ""));
        uint32_t position = 0;
        for (const struct ynode *s = stages->first; used != NULL && s != used; s = s->next)
            position++;
        if (used != NULL && (*seen >> position & 1) == 0 && leads_to(stages, used, to, seen, shown))
            return true;
    }
    shown[len] = '\0';
    return false;
}

static int unknown_stage(const struct ynode *stages, const struct ynode *name, struct diag *d)
{
    struct suggest near;
    suggest_begin(&near, name->value.text);
    for (const struct ynode *s = stages->first; s != NULL; s = s->next)
        suggest_offer(&near, name_of(s));
    return place_fail(&name->at, d, "there is no stage %.80s; %s", name->value.text, suggest_advice(&near));
}

/* The stage that it names comes before it, and makes a file. */
static int check_use(const struct ynode *stages, const struct ynode *stage, const struct ynode *name, struct diag *d)
{
    const struct ynode *used = find_stage(stages, name->value.text);
    char cycle[CYCLE_BYTES] = "";
    uint64_t seen = 0;
    if (used == NULL)
        return unknown_stage(stages, name, d);
    if (leads_to(stages, used, stage, &seen, cycle))
        return place_fail(&name->at, d, "stages use each other: %s -> %s; break the cycle", name_of(stage), cycle);
    for (const struct ynode *s = stage; s != NULL; s = s->next)
        if (s == used)
            return place_fail(&name->at, d, "the stage %s comes later; put it before %s", name_of(used),
                              name_of(stage));
    if (output_of(used) == NULL)
        return place_fail(&name->at, d, "the stage %s makes no output file; add output: FILE.sheaf to it",
                          name_of(used));
    return 0;
}

/* ---- which files they take and make ---- */

/* Do two of them, as written, mean one file? */
static bool is_same(const char *dir, const char *a, const char *b)
{
    char paths[2][PATH_MAX];
    const char *written[] = {a, b};
    for (int i = 0; i < 2; i++) {
        bool absolute = written[i][0] == '/';
        int n = snprintf(paths[i], PATH_MAX, "%s%s%s", absolute ? "" : dir, absolute ? "" : "/", written[i]);
        if (n < 0 || n >= PATH_MAX)
            return false; /* no file can be called that */
    }
    return path_same(paths[0], paths[1]);
}

/* A file that an earlier stage makes is named as the stage's: by that sheaf knows that it is made anew. */
static int check_file(const struct stages_check *c, const struct ynode *stage, const struct ynode *file, struct diag *d)
{
    const struct ynode *s = c->stages->first;
    for (; file != NULL && s != stage; s = s->next)
        if (output_of(s) != NULL && is_same(c->dir, output_of(s), file->value.text))
            return place_fail(&file->at, d, "%.200s is what the stage %s makes; write {stage: %s}", file->value.text,
                              name_of(s), name_of(s));
    return 0;
}

/* The file that an entry of `data` names, NULL = it names a stage. */
static const struct ynode *file_of(const struct ynode *entry)
{
    return entry->kind == YNODE_MAP ? ynode_get(entry, "file") : entry;
}

static int check_data(const struct stages_check *c, const struct ynode *stage, struct diag *d)
{
    int err = 0;
    for (const struct ynode *n = next_data(stage, NULL); n != NULL && err == 0; n = next_data(stage, n)) {
        const struct ynode *use = n->kind == YNODE_MAP ? ynode_get(n, "stage") : NULL;
        err = use != NULL ? check_use(c->stages, stage, use, d) : check_file(c, stage, file_of(n), d);
    }
    return err;
}

/* The folder that a stage's tasks make files in, or NULL. */
static const char *dir_of(const struct ynode *stage)
{
    const struct ynode *output = ynode_get(stage, "output");
    return output != NULL && output->kind == YNODE_MAP ? sweepschema_text(output, "dir", NULL) : NULL;
}

/* The second one would find it full, when the first one has done all its work. */
static int check_dir(const struct stages_check *c, const struct ynode *stage, struct diag *d)
{
    const char *dir = dir_of(stage);
    for (const struct ynode *s = c->stages->first; dir != NULL && s != stage; s = s->next)
        if (dir_of(s) != NULL && is_same(c->dir, dir_of(s), dir))
            return place_fail(&ynode_get(stage, "output")->at, d,
                              "the stages %s and %s make files in the same folder; give one of them another one",
                              name_of(s), name_of(stage));
    return 0;
}

/* Two stages that make one file would each refuse what the other has made; one that makes what an earlier one takes would, with
 * --overwrite, change what that one is, and the next run would begin anew. */
static int check_output(const struct stages_check *c, const struct ynode *stage, struct diag *d)
{
    const char *output = output_of(stage);
    const struct ynode *field = ynode_get(stage, "output");
    for (const struct ynode *s = c->stages->first; output != NULL && s != stage->next; s = s->next) {
        if (s != stage && output_of(s) != NULL && is_same(c->dir, output_of(s), output))
            return place_fail(&field->at, d, "the stages %s and %s make the same file; give one of them another name",
                              name_of(s), name_of(stage));
        for (const struct ynode *n = next_data(s, NULL); n != NULL; n = next_data(s, n))
            if (file_of(n) != NULL && is_same(c->dir, file_of(n)->value.text, output))
                return place_fail(&field->at, d, "%.200s is what the stage %s takes as data; make another one", output,
                                  name_of(s));
    }
    return 0;
}

int sweepstages_check(const struct ynode *root, const char *dir, struct diag *d)
{
    const struct stages_check c = {sweepstages_of(root), dir};
    const struct ynode *name = ynode_get(root, "name");
    SHEAF_ASSERT(c.stages != NULL);
    int err = check_list(c.stages, d);
    if (err == 0)
        err = sweepschema_check(root, d);
    if (err == 0 && name != NULL && name->value.len > MAX_TITLE)
        return place_fail(&name->at, d, "name has %zu bytes; give at most %u, for a file with stages", name->value.len,
                          MAX_TITLE);
    for (const struct ynode *s = c.stages->first; err == 0 && s != NULL; s = s->next) {
        err = check_data(&c, s, d);
        if (err == 0)
            err = check_output(&c, s, d);
        if (err == 0)
            err = check_dir(&c, s, d);
    }
    return err;
}
