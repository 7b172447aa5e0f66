/* SPDX-License-Identifier: MIT
 *
 * sweepoutput: the file that a sweep of a plugin with output arrays makes: how long the axes of its rows are in this
 * dataset, where it is, how large it becomes; and the folder for files of tasks.
 */
#include "sweep/sweepplan.h"

#include "common/fsutil.h"
#include "data/dataset.h"
#include "sweep/outdir.h"
#include "sweep/output.h"
#include "sweep/sweepschema.h"

#include <inttypes.h>
#include <string.h>

/* Rows that the keys cut: as many as each key has, if that is one number. */
static int resolve_keyed(struct planner *p, const struct plan_output *o, const struct dataset_array *a, uint64_t *n)
{
    char space[2][24];
    for (uint64_t k = 0; k < p->out->keys; k++) {
        uint64_t from, to;
        dataset_key_rows(p->ds, a, k, &from, &to);
        if (k > 0 && to - from != *n)
            return place_fail(sweepfile_at(p->f, "keys"), p->d,
                              "the output %s is as long as the array %s, of which the key %.60s has %" PRIu64
                              " rows and %.60s %" PRIu64 "; pack them equally long",
                              o->name, a->name, dataset_key_name(p->ds, 0, space[0]), *n,
                              dataset_key_name(p->ds, k, space[1]), to - from);
        *n = to - from;
    }
    return 0;
}

/* With how many axes the plugin sees that array; 0 = with those that it has. */
static uint32_t rank_of(const struct planner *p, const char *array)
{
    for (uint32_t i = 0; i < p->plugin->n_arrays; i++)
        if (strcmp(p->plugin->arrays[i].name, array) == 0)
            return p->plugin->arrays[i].rank;
    return 0;
}

/* An axis that is as long as one of an array. */
static int resolve_extent(struct planner *p, const struct plan_output *o, struct plan_extent *e)
{
    const struct place *at = sweepfile_at(p->f, "data");
    const struct dataset_array *a = sources_find(p->all, e->array, NULL);
    if (a == NULL)
        return place_fail(at, p->d, "the output %s is as long as the array %s, which the data does not have; pack it",
                          o->name, e->array);
    const struct sheaf_view view = dataset_view(a, rank_of(p, e->array));
    if (e->of >= view.rank)
        return place_fail(at, p->d, "the output %s is as long as axis %u of the array %s, which has %u", o->name,
                          e->of + 1, e->array, view.rank);
    e->n = view.shape[e->of];
    if (p->out->key_axis.kind == KEYS_COLUMN && a->partitioned && e->of == 0) {
        int err = resolve_keyed(p, o, a, &e->n);
        if (err != 0)
            return err;
    }
    if (e->n == 0)
        return place_fail(at, p->d, "the output %s is as long as the array %s, which is empty; pack one with rows",
                          o->name, e->array);
    return 0;
}

/* The plan has a copy of the plugin's table, with every length in it. */
static int resolve_rows(struct planner *p)
{
    struct plan_plugin *plugin = &p->out->plugin;
    struct plan_output *outputs = arena_alloc(p->arena, plugin->n_outputs * sizeof *outputs);
    if (outputs == NULL)
        return sweepplan_no_memory(p);
    memcpy(outputs, plugin->outputs, plugin->n_outputs * sizeof *outputs);
    plugin->outputs = outputs;
    for (uint32_t i = 0; i < plugin->n_outputs; i++) {
        struct plan_output *o = &outputs[i];
        struct plan_extent *axes = arena_alloc(p->arena, (o->rank + (size_t)1) * sizeof *axes);
        if (axes == NULL)
            return sweepplan_no_memory(p);
        if (o->rank > 0)
            memcpy(axes, o->axes, o->rank * sizeof *axes);
        o->axes = axes;
        for (uint32_t k = 0; k < o->rank; k++) {
            int err = axes[k].array[0] != '\0' ? resolve_extent(p, o, &axes[k]) : 0;
            if (err != 0)
                return err;
        }
    }
    return 0;
}

/* Puts the field's place before what sweep/output.h says. */
static int at_output(struct planner *p, int err, const struct diag *why)
{
    if (err == 0 || err == SHEAF_ENOMEM)
        return err == 0 ? 0 : sweepplan_no_memory(p);
    return place_fail(sweepfile_at(p->f, "output"), p->d, "%s", why->text);
}

/* The field that names the file, or the folder; NULL = there is none. */
static const struct ynode *output_field(const struct planner *p, const char *name)
{
    const struct ynode *field = ynode_get(p->f->root, "output");
    if (field == NULL || field->kind == YNODE_MAP)
        return ynode_get(field, name);
    return strcmp(name, "file") == 0 ? field : NULL;
}

static int name_file(struct planner *p, const struct ynode *field)
{
    struct plan *out = p->out;
    out->output_path = path_absolute(p->arena, p->f->dir, field->value.text);
    if (out->output_path == NULL)
        return sweepplan_no_memory(p);
    for (uint32_t i = 0; i < out->n_data; i++)
        if (path_same(out->output_path, out->data[i].path)) /* --overwrite would replace the data */
            return place_fail(&field->at, p->d, "output is the file that data names; give another one");
    return 0;
}

static int lay_out_file(struct planner *p)
{
    struct diag why = {{0}};
    int err = resolve_rows(p);
    if (err == 0)
        err = at_output(p, output_rows(p->out, &why), &why);
    return err == 0 ? at_output(p, output_lay_out(p->out, &why), &why) : err;
}

static int name_dir(struct planner *p, const struct ynode *field)
{
    const char *path = path_absolute(p->arena, p->f->dir, field->value.text);
    size_t n = path == NULL ? 0 : strlen(path);
    if (path == NULL)
        return sweepplan_no_memory(p);
    while (n > 1 && path[n - 1] == '/')
        n--;
    if (n > OUTDIR_PATH)
        return place_fail(&field->at, p->d, "the path of the output folder is over %u bytes; give a shorter one",
                          OUTDIR_PATH);
    p->out->output_dir = arena_text(p->arena, path, n);
    return p->out->output_dir == NULL ? sweepplan_no_memory(p) : 0;
}

/* What the plugin makes and the sweep file names must be the same. */
static int check_fields(struct planner *p, const struct ynode *file, const struct ynode *dir)
{
    const struct plan_plugin *plugin = p->plugin;
    const struct place *at = sweepfile_at(p->f, "output");
    if (file == NULL && plugin->n_outputs > 0)
        return place_fail(at, p->d, "%s makes output arrays (%s...); add output: %s", plugin->name,
                          plugin->outputs[0].name, dir == NULL ? "FILE.sheaf" : "{file: FILE.sheaf, dir: FOLDER}");
    if (dir == NULL && plugin_makes_files(plugin))
        return place_fail(at, p->d, "%s makes files (%s); add output: %s", plugin->name, plugin->files,
                          file == NULL ? "{dir: FOLDER}" : "{file: FILE.sheaf, dir: FOLDER}");
    if (file != NULL && plugin->n_outputs == 0)
        return place_fail(&file->at, p->d, "%s makes no output arrays; remove output%s", plugin->name,
                          dir == NULL ? "" : ".file");
    if (dir != NULL && !plugin_makes_files(plugin))
        return place_fail(&dir->at, p->d, "%s makes no files; remove output%s", plugin->name,
                          file == NULL ? "" : ".dir");
    if ((file != NULL || dir != NULL) && p->out->keep_best > 0)
        return place_fail(at, p->d, "an output needs the results of all trials; remove keep");
    return 0;
}

int sweepoutput_names(struct planner *p)
{
    const struct ynode *file = output_field(p, "file"), *dir = output_field(p, "dir");
    p->out->output_path = p->out->output_dir = "";
    p->out->output_replace = p->f->overwrite && (file != NULL || dir != NULL);
    int err = check_fields(p, file, dir);
    if (err == 0 && file != NULL)
        err = name_file(p, file);
    return err == 0 && dir != NULL ? name_dir(p, dir) : err;
}

int sweepoutput_resolve(struct planner *p)
{
    int err = sweepoutput_names(p);
    return err == 0 && plan_has_output(p->out) ? lay_out_file(p) : err;
}
