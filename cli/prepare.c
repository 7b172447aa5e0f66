/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* st_mtim */
#include "cli/prepare.h"
#include "cli/state.h"
#include "common/fsutil.h"
#include "sweep/outdir.h"
#include "sweep/output.h"
#include "sweep/planarrays.h"
#include "worker/describe.h"
#include "worker/pluginfind.h"
#include "worker/selfexe.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

void prepare_init(struct prepared *p)
{
    memset(p, 0, sizeof *p);
    arena_init(&p->arena, 0);
}

void prepare_finish(struct prepared *p)
{
    buf_finish(&p->bytes);
    for (uint32_t i = 0; i < PLAN_MAX_DATA; i++)
        dataset_close(p->data[i]);
    sweepfile_destroy(p->file);
    arena_finish(&p->arena);
    prepare_init(p);
}

int prepare_read(struct prepared *p, const char *path, const struct buf *text, const struct sweep_overrides *o,
                 struct diag *d)
{
    p->file = sweepfile_parse(path, (const char *)text->data, text->len, o, d);
    return p->file != NULL ? SHEAF_OK : SHEAF_EINVAL;
}

/* Puts the place of a field of the sweep file before an error that was found elsewhere. */
static int at_field(const struct prepared *p, const char *field, int err, const struct diag *found, struct diag *d)
{
    const char *place = sweepfile_place(p->file, field);
    const char *text = found->text[0] != '\0' ? found->text : sheaf_strerror(err);
    return diag_fail(d, err, "%s: %s", place != NULL ? place : field, text);
}

static int describe(struct prepared *p, struct plan_plugin *plugin, struct diag *d)
{
    struct diag found = {{0}};
    struct plugin_place place;
    int err = plugin_find(sweepfile_plugin(p->file), sweepfile_dir(p->file), &p->arena, &place, &found);
    if (err == SHEAF_OK)
        err = plugin_describe_child(selfexe_path(), &place, sweepfile_config(p->file), &p->meanwhile, &p->arena, plugin,
                                    &found);
    if (err == SHEAF_OK)
        err = planarrays_expand(plugin, &p->sources, &p->arena, &found);
    return err == SHEAF_OK ? err : at_field(p, "plugin", err, &found, d);
}

/* A plugin that cannot say which scores it returns runs one task, of a plan that takes the goal's word for them. */
static int find_scores(struct prepared *p, struct plan_plugin *plugin, struct diag *d)
{
    struct plan_plugin guess = *plugin;
    struct plan plan;
    if (sweepfile_goals(p->file, &p->arena, &guess.scores, &guess.n_scores) != SHEAF_OK)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    int err = sweepfile_plan(p->file, &guess, &p->sources, &p->arena, &plan, d);
    if (err != SHEAF_OK)
        return err;
    struct diag found = {{0}};
    err = plugin_probe_child(selfexe_path(), &plan, &p->arena, plugin, &found);
    return err == SHEAF_OK ? err : at_field(p, "plugin", err, &found, d);
}

/* What tells this file from another or a changed one; NULL when it cannot be said. */
static const char *file_mark(struct prepared *p, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return NULL;
    return arena_printf(&p->arena, "%ju %ju %jd %jd.%09ld %jd.%09ld", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino,
                        (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                        (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

/* The same for an entry of `data`. */
static int at_data(const struct sweepfile_data *entry, int err, const struct diag *found, struct diag *d)
{
    return diag_fail(d, err, "%s: %s", entry->place, found->text[0] != '\0' ? found->text : sheaf_strerror(err));
}

/* What a stage has made, NULL = that is not known. */
static const uint8_t *digest_of(const struct prepared *p, const char *stage)
{
    for (uint32_t i = 0; p->made != NULL && stage != NULL && i < p->made->stages->n; i++)
        if (strcmp(p->made->stages->names[i], stage) == 0)
            return p->made->at[i].known ? p->made->at[i].digest : NULL;
    return NULL;
}

static bool has_digest(const struct dataset *ds, const uint8_t *digest)
{
    return memcmp(dataset_digest(ds), digest, HASH_BYTES) == 0;
}

static int open_one(struct prepared *p, uint32_t i, const struct sweepfile_data *entry, struct diag *d)
{
    struct source source = {.along = entry->along, .made = entry->stage != NULL};
    struct diag found = {{0}};
    if (entry->file == NULL)
        return diag_fail(d, SHEAF_EINVAL, "%s: this sweep is no stage; name a file, or write stages", entry->place);
    if (strncmp(entry->file, "b2:", 3) == 0)
        return diag_fail(d, SHEAF_EINVAL,
                         "%s: this version does not find data by its digest yet; give the name of a .sheaf file",
                         entry->place);
    source.path = path_absolute(&p->arena, sweepfile_dir(p->file), entry->file);
    if (source.path == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    p->data_mark[i] = file_mark(p, source.path);
    int err = dataset_open(source.path, &p->data[i], &found);
    if (err == SHEAF_ENOENT)
        (void)diag_fail(&found, err,
                        source.made
                            ? "%s, which another stage makes, is gone; the same command says how to make it again"
                            : "there is no file %s; check data, or make it with `sheaf pack`",
                        source.path);
    source.ds = p->data[i];
    const uint8_t *digest = digest_of(p, entry->stage);
    if (err == SHEAF_OK && digest != NULL && !has_digest(source.ds, digest))
        err = diag_fail(
            &found, SHEAF_EINVAL,
            "%s is not what the stage %s has made, but another file; the same command says how to make it again",
            source.path, entry->stage);
    if (err == SHEAF_OK)
        err = sources_add(&p->sources, &source, &p->arena, &found);
    return err == SHEAF_OK ? err : at_data(entry, err, &found, d);
}

static int open_data(struct prepared *p, struct diag *d)
{
    struct sweepfile_data entry;
    int err = SHEAF_OK;
    for (uint32_t i = 0; err == SHEAF_OK && sweepfile_data(p->file, i, &entry); i++)
        err = open_one(p, i, &entry, d);
    return err;
}

int prepare_plan(struct prepared *p, struct diag *d)
{
    struct plan_plugin plugin;
    int err = open_data(p, d);
    if (err == SHEAF_OK)
        err = describe(p, &plugin, d);
    if (err == SHEAF_OK && plugin.n_scores == 0)
        err = find_scores(p, &plugin, d);
    if (err == SHEAF_OK)
        err = sweepfile_plan(p->file, &plugin, &p->sources, &p->arena, &p->plan, d);
    if (err != SHEAF_OK)
        return err;
    if (p->drop_in != NULL)
        p->plan.output_path = "";
    if (p->drop_in != NULL && plan_has_files(&p->plan) &&
        (p->plan.output_dir = arena_printf(&p->arena, "%s/files", p->drop_in)) == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    err = plan_encode(&p->plan, &p->bytes);
    if (err != SHEAF_OK)
        return diag_fail(d, err, "the sweep is too large for a plan of 64 MiB: %s", sheaf_strerror(err));
    err = plan_identity(&p->plan, p->identity);
    return err == SHEAF_OK ? err : diag_fail(d, err, "%s", sheaf_strerror(err));
}

/* Is there what a stage makes? */
static bool is_made(const struct prepared *p, const char *stage, const char *path)
{
    const uint8_t *digest = digest_of(p, stage);
    struct dataset *ds = NULL;
    struct stat st;
    if (p->made == NULL)
        return stat(path, &st) == 0;
    bool is = digest != NULL && dataset_open(path, &ds, NULL) == SHEAF_OK && has_digest(ds, digest);
    dataset_close(ds);
    return is;
}

/* Opens what no stage makes. *made, *missing: there is something that one makes; and it is not there. */
static int open_given(struct prepared *p, bool *made, bool *missing, struct diag *d)
{
    struct sweepfile_data entry;
    int err = SHEAF_OK;
    uint32_t opened = 0;
    for (uint32_t i = 0; err == SHEAF_OK && sweepfile_data(p->file, i, &entry); i++) {
        const char *path = NULL;
        if (entry.stage == NULL) {
            err = open_one(p, opened++, &entry, d);
            continue;
        }
        *made = true;
        path = entry.file != NULL ? path_absolute(&p->arena, sweepfile_dir(p->file), entry.file) : NULL;
        *missing = *missing || path == NULL || !is_made(p, entry.stage, path);
    }
    return err;
}

int prepare_check_places(const struct plan *p, struct diag *d)
{
    int err = plan_has_output(p) ? output_check(p, d) : SHEAF_OK;
    return err == SHEAF_OK && plan_has_files(p) ? outdir_check(p, d) : err;
}

/* A file or folder that is there may be this very sweep's, unless that cannot have run yet. */
static int check_places(const struct plan *p, bool missing, struct diag *d)
{
    struct diag why = {{0}};
    int err = prepare_check_places(p, &why);
    if (err == SHEAF_OK || (err == SHEAF_EBUSY && !missing))
        return SHEAF_OK;
    return diag_fail(d, err, "%s", why.text);
}

/* Are its keys files, and may they be those of a stage that is not done? */
static bool waits_for_files(const struct prepared *p)
{
    bool waits = false;
    for (uint32_t i = 0; p->made != NULL && sweepfile_keys_are_files(p->file) && i < p->made->stages->n; i++)
        waits |= !p->made->at[i].done && sweepfile_makes_files_before(p->file, i);
    return waits;
}

int prepare_check(struct prepared *p, bool *waits, struct diag *d)
{
    struct plan_plugin plugin;
    bool made = false;
    *waits = false;
    int err = open_given(p, &made, waits, d);
    if (err == SHEAF_OK)
        err = describe(p, &plugin, d);
    if (err != SHEAF_OK)
        return err;
    /* files may be what another stage makes, and scores what a probe finds out */
    if (made || sweepfile_keys_are_files(p->file) || plugin.n_scores == 0)
        err = sweepfile_check(p->file, &plugin, &p->arena, &p->plan, d);
    else
        err = sweepfile_plan(p->file, &plugin, &p->sources, &p->arena, &p->plan, d);
    if (err == SHEAF_OK)
        err = check_places(&p->plan, *waits, d);
    *waits = *waits || waits_for_files(p);
    return err;
}

uint64_t prepare_data_bytes(const struct prepared *p)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < p->sources.n; i++)
        bytes += dataset_bytes(p->data[i]);
    return bytes;
}

static int verify_one(struct prepared *p, uint32_t i, const char *state_root, struct diag *d)
{
    char digest[HASH_TEXT];
    hash_text(dataset_digest(p->data[i]), digest);
    const char *mark = p->data_mark[i];
    const char *file = arena_printf(&p->arena, "verified-%.16s", digest + 3);
    bool remembers = state_root != NULL && mark != NULL && file != NULL;
    if (remembers && state_noted(state_root, file, mark, &p->arena))
        return SHEAF_OK;
    struct diag found = {{0}};
    struct sweepfile_data entry;
    int err = dataset_verify(p->data[i], &found);
    if (err != SHEAF_OK)
        return sweepfile_data(p->file, i, &entry) ? at_data(&entry, err, &found, d) : err;
    const char *now = file_mark(p, p->plan.data[i].path); /* another file may have taken its place meanwhile */
    if (remembers && now != NULL && strcmp(now, mark) == 0)
        state_note(state_root, file, mark, &p->arena);
    return SHEAF_OK;
}

int prepare_verify(struct prepared *p, const char *state_root, struct diag *d)
{
    int err = SHEAF_OK;
    for (uint32_t i = 0; err == SHEAF_OK && i < p->sources.n; i++)
        if (dataset_bytes(p->data[i]) <= PREPARE_VERIFY_BYTES)
            err = verify_one(p, i, state_root, d);
    return err;
}
