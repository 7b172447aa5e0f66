/* SPDX-License-Identifier: MIT
 *
 * output: what the file of a plan looks like, see output.h; what is done to it is in outputfile.c.
 */
#include "sweep/output.h"

#include "data/dataset.h"
#include "sweep/keynames.h"
#include "sweep/output_impl.h"
#include "sweep/sources.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int output_rows(struct plan *p, struct diag *d)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < p->plugin.n_outputs; i++) {
        struct plan_output *o = &p->plugin.outputs[i];
        o->row_bytes = dtype_size(o->dtype);
        for (uint32_t k = 0; k < o->rank; k++)
            if (__builtin_mul_overflow(o->row_bytes, o->axes[k].n, &o->row_bytes) || o->row_bytes > PLAN_MAX_ROW_BYTES)
                return diag_fail(d, SHEAF_ELIMIT,
                                 "a row of the output %s is over %" PRIu64 " MiB; let a task make a smaller part",
                                 o->name, PLAN_MAX_ROW_BYTES >> 20);
        all += o->row_bytes;
    }
    if (all > PLAN_MAX_ROW_BYTES)
        return diag_fail(d, SHEAF_ELIMIT, "the rows of a task are over %" PRIu64 " MiB; let a task make a smaller part",
                         PLAN_MAX_ROW_BYTES >> 20);
    return 0;
}

/* ---- the header ---- */

static int no_memory(struct diag *d)
{
    return diag_fail(d, SHEAF_ENOMEM, "out of memory for the output's header");
}

static struct header_dim *dims_of(struct arena *a, const struct plan *p, const struct plan_output *o)
{
    struct header_dim *dims = arena_alloc(a, (3 + (size_t)o->rank) * sizeof *dims);
    if (dims == NULL)
        return NULL;
    dims[0].n = p->trials;
    dims[1].n = p->keys;
    dims[2].n = p->splits;
    for (uint32_t i = 0; i < o->rank; i++)
        dims[3 + i].n = o->axes[i].n;
    return dims;
}

int output_by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Makes the texts a dictionary: ascending, each once, as the header holds them. */
static int set_dictionary(struct arena *a, const char **texts, uint32_t n, struct output_array *out)
{
    uint32_t kept = 0;
    size_t bytes = 0;
    qsort(texts, n, sizeof *texts, output_by_text);
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || strcmp(texts[kept - 1], texts[i]) != 0)
            texts[kept++] = texts[i];
    for (uint32_t i = 0; i < kept; i++)
        bytes += strlen(texts[i]) + 1;
    char *all = arena_alloc(a, bytes + 1), *at = all;
    if (all == NULL)
        return SHEAF_ENOMEM;
    for (uint32_t i = 0; i < kept; i++)
        at = stpcpy(at, texts[i]) + 1;
    out->texts = texts;
    out->header.n_dictionary = kept;
    out->header.dictionary = (struct slice){all, bytes};
    return 0;
}

/* The texts that a parameter may have in this sweep. */
static int add_texts(struct arena *a, const struct plan *p, const struct plan_axis *axis, struct output_array *out)
{
    const struct plan_param *param = &p->plugin.params[axis->param];
    bool choice = param->type == SHEAF_CHOICE;
    uint32_t n = choice ? param->n_choices : axis->n_values;
    const char **texts = arena_alloc(a, (n + (size_t)1) * sizeof *texts);
    if (texts == NULL)
        return SHEAF_ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        texts[i] = choice ? param->choices[i] : axis->values[i].text;
    return set_dictionary(a, texts, n, out);
}

static uint32_t dtype_of(uint32_t type)
{
    return type == SHEAF_INT     ? SHEAF_DT_I64
           : type == SHEAF_FLOAT ? SHEAF_DT_F64
           : type == SHEAF_BOOL  ? SHEAF_DT_BOOL
                                 : SHEAF_DT_CODE;
}

static int add_trials(struct arena *a, const struct plan *p, uint32_t i, struct output_array *out)
{
    const struct plan_axis *axis = &p->axes[i];
    const struct plan_param *param = &p->plugin.params[axis->param];
    struct header_array *h = &out->header;
    out->axis = axis;
    h->name = arena_printf(a, "trial.%s", param->name);
    h->dtype = dtype_of(param->type);
    h->dims = arena_alloc(a, sizeof *h->dims);
    h->rank = 1;
    if (h->name == NULL || h->dims == NULL)
        return SHEAF_ENOMEM;
    h->dims[0].n = p->trials;
    return h->dtype == SHEAF_DT_CODE ? add_texts(a, p, axis, out) : 0;
}

/* The keys as people read them; a range's are numbers. */
static int add_keys(struct arena *a, const struct plan *p, struct output_array *out)
{
    struct header_array *h = &out->header;
    struct keynames names;
    char none[KEYNAMES_NUMBER];
    h->name = "key.name";
    h->dtype = p->key_axis.kind == KEYS_RANGE ? SHEAF_DT_I64 : SHEAF_DT_CODE;
    h->dims = arena_alloc(a, sizeof *h->dims);
    h->rank = 1;
    if (h->dims == NULL)
        return SHEAF_ENOMEM;
    h->dims[0].n = p->keys;
    if (h->dtype == SHEAF_DT_I64)
        return 0;
    const char **texts = arena_alloc(a, (size_t)p->keys * sizeof *texts);
    if (texts == NULL || keynames_init(&names, p) != 0)
        return SHEAF_ENOMEM;
    for (uint64_t k = 0; k < p->keys; k++)
        texts[k] = keynames_text(&names, k, none);
    keynames_finish(&names);
    return set_dictionary(a, texts, (uint32_t)p->keys, out);
}

static int add_run(struct arena *a, const struct plan *p, struct output_array *out)
{
    struct header_array *h = &out->header;
    out->run = true;
    h->name = SOURCES_TRIALS;
    h->dtype = SHEAF_DT_BOOL;
    h->dims = arena_alloc(a, sizeof *h->dims);
    h->rank = 1;
    if (h->dims == NULL)
        return SHEAF_ENOMEM;
    h->dims[0].n = p->trials;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct output_array *)a)->header.name, ((const struct output_array *)b)->header.name);
}

/* All arrays of the file, by name. */
static int list_arrays(const struct plan *p, struct arena *a, struct output_file *f)
{
    bool keyed = p->key_axis.kind != KEYS_NONE;
    uint32_t n = p->plugin.n_outputs + p->n_axes + 1 + keyed, k = 0;
    f->n_arrays = n;
    f->arrays = arena_alloc(a, (n + (size_t)1) * sizeof *f->arrays);
    f->header.arrays = arena_alloc(a, (n + (size_t)1) * sizeof *f->header.arrays);
    if (f->arrays == NULL || f->header.arrays == NULL)
        return SHEAF_ENOMEM;
    memset(f->arrays, 0, (n + (size_t)1) * sizeof *f->arrays);
    for (uint32_t i = 0; i < p->plugin.n_outputs; i++, k++) {
        const struct plan_output *o = &p->plugin.outputs[i];
        f->arrays[k].output = o;
        f->arrays[k].header =
            (struct header_array){.name = o->name, .dtype = o->dtype, .dims = dims_of(a, p, o), .rank = 3 + o->rank};
        if (f->arrays[k].header.dims == NULL)
            return SHEAF_ENOMEM;
    }
    for (uint32_t i = 0; i < p->n_axes; i++, k++)
        if (add_trials(a, p, i, &f->arrays[k]) != 0)
            return SHEAF_ENOMEM;
    if (add_run(a, p, &f->arrays[k++]) != 0)
        return SHEAF_ENOMEM;
    if (keyed && add_keys(a, p, &f->arrays[k]) != 0)
        return SHEAF_ENOMEM;
    qsort(f->arrays, n, sizeof *f->arrays, by_name);
    for (uint32_t i = 0; i < n; i++) {
        f->header.arrays[i] = f->arrays[i].header;
        f->header.arrays[i].table = "";
    }
    return 0;
}

static int too_large(struct diag *d)
{
    return diag_fail(d, SHEAF_ELIMIT, "the output would be over %" PRIu64 " GiB; make fewer or smaller rows",
                     PLAN_MAX_OUTPUT_BYTES >> 30);
}

int output_header(const struct plan *p, struct arena *a, struct output_file *f, struct diag *d)
{
    *f = (struct output_file){.header = {.key_column = ""}};
    if (list_arrays(p, a, f) != 0)
        return no_memory(d);
    f->header.n_arrays = f->n_arrays;
    int err = header_lay_out(&f->header, d);
    if (err != 0)
        return err;
    if (f->header.body_bytes > PLAN_MAX_OUTPUT_BYTES)
        return too_large(d);
    size_t digests = (size_t)header_chunks(&f->header) * HASH_BYTES;
    uint8_t digest[HASH_BYTES];
    struct buf front = {0};
    f->digests = arena_alloc(a, digests + 1);
    if (f->digests == NULL)
        return no_memory(d);
    memset(f->digests, 0, digests + 1);
    f->header.digests = (struct slice){f->digests, digests};
    err = header_front(&f->header, &front, digest, d); /* its length does not depend on the digests */
    f->body_at = front.len;
    buf_finish(&front);
    return err;
}

static void place(const struct output_file *f, const struct plan_output *o, uint64_t *offset)
{
    for (uint32_t i = 0; i < f->n_arrays; i++)
        if (f->arrays[i].output == o)
            *offset = f->body_at + f->header.arrays[i].offset;
}

int output_lay_out(struct plan *p, struct diag *d)
{
    struct arena a;
    struct output_file f;
    arena_init(&a, 0);
    int err = output_header(p, &a, &f, d);
    for (uint32_t i = 0; err == 0 && i < p->plugin.n_outputs; i++)
        place(&f, &p->plugin.outputs[i], &p->plugin.outputs[i].offset);
    p->output_bytes = err == 0 ? f.body_at + f.header.body_bytes : 0;
    arena_finish(&a);
    return err == 0 && p->output_bytes > PLAN_MAX_OUTPUT_BYTES ? too_large(d) : err;
}

bool output_fits(const struct plan *p, const struct output_file *f)
{
    for (uint32_t i = 0; i < p->plugin.n_outputs; i++) {
        uint64_t offset = 0;
        place(f, &p->plugin.outputs[i], &offset);
        if (offset != p->plugin.outputs[i].offset)
            return false;
    }
    return p->output_bytes == f->body_at + f->header.body_bytes;
}

int output_part_path(const struct plan *p, char out[OUTPUT_PATH], struct diag *d)
{
    uint8_t identity[HASH_BYTES];
    char text[HASH_TEXT];
    const char *slash = strrchr(p->output_path, '/'), *base = slash == NULL ? p->output_path : slash + 1;
    int err = plan_identity(p, identity);
    if (err != 0)
        return diag_fail(d, err, "%s", sheaf_strerror(err));
    hash_text(identity, text);
    int n = snprintf(out, OUTPUT_PATH, "%.*s.%.200s.%.16s.part", (int)(base - p->output_path), p->output_path, base,
                     text + 3);
    return n < (int)OUTPUT_PATH ? 0 : diag_fail(d, SHEAF_ELIMIT, "%s: the path is too long", p->output_path);
}

void output_clear(void *row, uint32_t dtype, uint64_t n)
{
    if (dtype == SHEAF_DT_F64) {
        double *at = row;
        for (uint64_t i = 0; i < n; i++)
            at[i] = (double)NAN;
    } else if (dtype == SHEAF_DT_F32) {
        float *at = row;
        for (uint64_t i = 0; i < n; i++)
            at[i] = NAN;
    } else {
        memset(row, 0, (size_t)(n * dtype_size(dtype)));
    }
}
