/* SPDX-License-Identifier: MIT
 *
 * pack: see pack.h. Everything is opened, typed and ordered before the first byte is written, so that nearly all
 * mistakes are found early; then each array is streamed through the writer, in the order of the names.
 */
#include "data/pack.h"

#include "common/arena.h"
#include "data/dataset.h"
#include "data/frame.h"
#include "data/keys.h"
#include "data/npy.h"
#include "data/order.h"
#include "data/writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file of keyed rows: a table, or the list of keys. */
struct keyed {
    struct frame frame;
    struct column *column; /* of the keys; NULL: the table has none */
    struct order order;
    uint64_t *starts;
    uint32_t partition; /* 1 + position in the header; 0: not keyed */
};

/* Where the elements of an array come from: an .npy file, or a column of a table. */
struct source {
    const char *name;
    const struct npy *npy;
    const struct column *column;
    const struct keyed *keyed; /* what orders the rows; NULL: nothing */
    const struct keyed *table; /* the column's */
};

struct packing {
    const struct pack_job *job;
    struct diag *d;
    struct arena arena;
    struct npy *npys;
    struct keyed *tables;
    struct keyed list; /* of keys */
    struct keys keys;
    struct source *sources;
    uint32_t n_sources;
    struct header plan;
};

static int no_memory(const struct packing *p)
{
    return diag_fail(p->d, SHEAF_ENOMEM, "%s: out of memory", p->job->out);
}

/* Letters, digits, _, - and, in names of arrays, points; so that no name needs quotes anywhere. */
static bool good_name(const char *name, bool points)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < n; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool later = (c >= '0' && c <= '9') || c == '-' || (c == '.' && points);
        if (!letter && (i == 0 || !later))
            return false;
    }
    return n > 0 && n <= 255;
}

/* The file to make replaces none that it is made of. */
static int check_input(const struct packing *p, const char *path, const struct stat *out)
{
    struct stat in;

    if (stat(path, &in) != 0 || in.st_dev != out->st_dev || in.st_ino != out->st_ino)
        return 0;
    return diag_fail(p->d, SHEAF_EINVAL, "%s is read and would be replaced; give the dataset another name", path);
}

/* The file to make must not be there, or be one that may be lost. */
static int check_out(const struct packing *p)
{
    const struct pack_job *job = p->job;
    struct stat out;
    int err = 0;

    if (job->out[0] == '\0')
        return diag_fail(p->d, SHEAF_EINVAL, "the name of the dataset to make is empty; give OUT.sheaf");
    if (stat(job->out, &out) != 0)
        return 0;
    if (S_ISDIR(out.st_mode))
        return diag_fail(p->d, SHEAF_EINVAL, "%s: a directory; give the name of a file in it", job->out);
    if (!job->replace)
        return diag_fail(p->d, SHEAF_EBUSY, "%s: the file exists; replace it with --force", job->out);
    for (uint32_t i = 0; err == 0 && i < job->n_arrays; i++)
        err = check_input(p, job->arrays[i].path, &out);
    for (uint32_t i = 0; err == 0 && i < job->n_tables; i++)
        err = check_input(p, job->tables[i].path, &out);
    if (err == 0 && job->keys != NULL)
        err = check_input(p, job->keys, &out);
    return err;
}

/* What can be refused before any file is read. */
static int check_request(const struct packing *p)
{
    const struct pack_job *job = p->job;
    int err = check_out(p);

    if (err != 0)
        return err;
    for (uint32_t i = 0; i < job->n_arrays; i++)
        if (!good_name(job->arrays[i].name, true))
            return diag_fail(p->d, SHEAF_EINVAL,
                             "'%s' is no name for an array; begin with a letter, then letters, digits, _, - and .",
                             job->arrays[i].name);
    for (uint32_t i = 0; i < job->n_tables; i++) {
        if (!good_name(job->tables[i].name, false))
            return diag_fail(p->d, SHEAF_EINVAL,
                             "'%s' is no name for a table; begin with a letter, then letters, digits, _ and -",
                             job->tables[i].name);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(job->tables[i].name, job->tables[j].name) == 0)
                return diag_fail(p->d, SHEAF_EINVAL, "two tables are called '%s'; names must differ",
                                 job->tables[i].name);
    }
    return 0;
}

static int open_arrays(struct packing *p)
{
    int err = 0;

    p->npys = arena_alloc(&p->arena, p->job->n_arrays * sizeof *p->npys);
    if (p->npys == NULL)
        return no_memory(p);
    for (uint32_t i = 0; err == 0 && i < p->job->n_arrays; i++)
        err = npy_open(p->job->arrays[i].path, &p->npys[i], p->d);
    return err;
}

/* Sorts a keyed file and adds its keys. */
static int order_keyed(struct packing *p, struct keyed *k, const struct column *by)
{
    int err = order_make(&k->frame, k->column, by, &k->order, p->d);

    if (err == 0)
        err = keys_add(&p->keys, &k->frame, k->column, &k->order, p->d);
    return err;
}

static int read_tables(struct packing *p)
{
    const struct pack_job *job = p->job;
    bool ordered = false, keyed = false;
    int err = 0;

    p->tables = arena_alloc(&p->arena, job->n_tables * sizeof *p->tables);
    if (p->tables == NULL)
        return no_memory(p);
    for (uint32_t i = 0; err == 0 && i < job->n_tables; i++) {
        struct keyed *k = &p->tables[i];
        const struct column *by = NULL;
        k->frame = (struct frame){.name = job->tables[i].name, .path = job->tables[i].path, .near = job->out};
        err = frame_read(&k->frame, p->d);
        if (err != 0 || job->key == NULL || (k->column = frame_find(&k->frame, job->key)) == NULL)
            continue;
        keyed = true;
        if (job->order != NULL)
            by = frame_find(&k->frame, job->order);
        ordered = ordered || by != NULL;
        err = order_keyed(p, k, by);
    }
    if (err != 0)
        return err;
    if (job->key != NULL && !keyed && job->keys == NULL)
        return diag_fail(p->d, SHEAF_EINVAL, "no table has the key column '%s'", job->key);
    if (job->order != NULL && !ordered)
        return diag_fail(p->d, SHEAF_EINVAL, "no table with the key column has the order column '%s'", job->order);
    return 0;
}

/* The file of keys must be a set, and some array must be as long. */
static int check_list(const struct packing *p)
{
    const struct order *o = &p->list.order;
    char name[200];

    for (uint64_t i = 1; i < o->n; i++) {
        if (o->rows[i].key != o->rows[i - 1].key)
            continue;
        keys_name(p->list.column, &o->rows[i], name, sizeof name);
        return diag_fail(p->d, SHEAF_EINVAL, "%s: the key '%s' is there twice", p->job->keys, name);
    }
    for (uint32_t i = 0; i < p->job->n_arrays; i++)
        if (p->npys[i].rank > 0 && p->npys[i].shape[0] == o->n)
            return 0;
    return diag_fail(p->d, SHEAF_EINVAL, "%s: no array has a first axis as long as this list of %" PRIu64 " keys",
                     p->job->keys, o->n);
}

static int read_list(struct packing *p)
{
    struct keyed *k = &p->list;
    int err;

    if (p->job->keys == NULL)
        return 0;
    k->frame = (struct frame){.name = "", .path = p->job->keys, .near = p->job->out, .lines = "key"};
    err = frame_read(&k->frame, p->d);
    if (err != 0)
        return err;
    if (k->frame.rows == 0)
        return diag_fail(p->d, SHEAF_EINVAL, "%s: no keys; write one a line", p->job->keys);
    k->column = &k->frame.columns[0];
    err = order_keyed(p, k, NULL);
    return err == 0 ? check_list(p) : err;
}

static int add_partition(struct packing *p, struct keyed *k, uint32_t capacity)
{
    struct header_partition *part;

    if (k->column == NULL)
        return 0;
    SHEAF_ASSERT(p->plan.n_partitions < capacity);
    k->starts = keys_starts(&p->keys, k->column, &k->order);
    if (k->starts == NULL)
        return no_memory(p);
    part = &p->plan.partitions[p->plan.n_partitions++];
    part->table = k->frame.name;
    part->rows = k->frame.rows;
    part->starts = (struct slice){k->starts, ((size_t)p->keys.n + 1) * sizeof *k->starts};
    k->partition = p->plan.n_partitions;
    return 0;
}

static int compare_tables(const void *a, const void *b)
{
    const struct keyed *const *x = a, *const *y = b;
    return strcmp((*x)->frame.name, (*y)->frame.name);
}

/* The keys and the partition index of the header; partitions in the order of their tables' names. */
static int plan_keys(struct packing *p)
{
    uint32_t n = p->job->n_tables;
    const char *name = p->job->key != NULL ? p->job->key : "key";
    struct keyed **sorted = arena_alloc(&p->arena, n * sizeof(struct keyed *));
    int err;

    p->plan.key_column = p->plan.order_column = "";
    if (p->job->key == NULL && p->job->keys == NULL)
        return 0;
    p->plan.partitions = arena_alloc(&p->arena, (n + 1) * sizeof *p->plan.partitions);
    if (sorted == NULL || p->plan.partitions == NULL)
        return no_memory(p);
    err = keys_sort(&p->keys, p->d);
    p->plan.key_column = name;
    p->plan.order_column = p->job->order != NULL ? p->job->order : "";
    /* Tables of a header line only have keys of no type; any will do. */
    p->plan.key_dtype = p->keys.dtype == 0 ? SHEAF_DT_CODE : p->keys.dtype;
    p->plan.n_keys = p->keys.n;
    p->plan.keys = p->keys.dtype == SHEAF_DT_CODE ? (struct slice){p->keys.texts.texts.data, p->keys.texts.texts.len}
                                                  : (struct slice){p->keys.ints.data, p->keys.ints.len};
    for (uint32_t i = 0; i < n; i++)
        sorted[i] = &p->tables[i];
    if (n > 1)
        qsort(sorted, n, sizeof(struct keyed *), compare_tables);
    if (err == 0)
        err = add_partition(p, &p->list, n + 1);
    for (uint32_t i = 0; err == 0 && i < n; i++)
        err = add_partition(p, sorted[i], n + 1);
    for (uint32_t i = 0; err == 0 && i < n; i++)
        if (p->tables[i].order.moved)
            err = order_cut(&p->tables[i].order, ORDER_BLOCK, p->job->out, p->d);
    return err;
}

static int compare_sources(const void *a, const void *b)
{
    const struct source *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Every array and every column, by name. */
static int list_sources(struct packing *p)
{
    uint64_t n = p->job->n_arrays;

    for (uint32_t i = 0; i < p->job->n_tables; i++)
        n += p->tables[i].frame.n_columns;
    if (n > HEADER_MAX_ARRAYS)
        return diag_fail(p->d, SHEAF_ELIMIT, "%" PRIu64 " arrays; a dataset holds at most %u", n, HEADER_MAX_ARRAYS);
    p->sources = arena_alloc(&p->arena, (size_t)n * sizeof *p->sources);
    if (p->sources == NULL)
        return no_memory(p);
    for (uint32_t i = 0; i < p->job->n_arrays; i++) {
        const struct npy *npy = &p->npys[i];
        bool keyed = p->list.column != NULL && npy->rank > 0 && npy->shape[0] == p->list.frame.rows;
        p->sources[p->n_sources++] =
            (struct source){.name = p->job->arrays[i].name, .npy = npy, .keyed = keyed ? &p->list : NULL};
    }
    for (uint32_t i = 0; i < p->job->n_tables; i++) {
        const struct keyed *k = &p->tables[i];
        for (uint32_t j = 0; j < k->frame.n_columns; j++) {
            const struct column *c = &k->frame.columns[j];
            char *name = arena_printf(&p->arena, "%s.%s", k->frame.name, c->name);
            if (name == NULL)
                return no_memory(p);
            p->sources[p->n_sources++] =
                (struct source){.name = name, .column = c, .keyed = k->column == NULL ? NULL : k, .table = k};
        }
    }
    if (n > 1)
        qsort(p->sources, (size_t)n, sizeof *p->sources, compare_sources);
    for (uint32_t i = 1; i < p->n_sources; i++)
        if (strcmp(p->sources[i - 1].name, p->sources[i].name) == 0)
            return diag_fail(p->d, SHEAF_EINVAL, "two arrays are called '%s'; names must differ", p->sources[i].name);
    return 0;
}

static bool plan_npy(struct packing *p, const struct npy *npy, struct header_array *a)
{
    a->table = "";
    a->dtype = npy->dtype;
    a->rank = npy->rank;
    a->dims = arena_alloc(&p->arena, npy->rank * sizeof *a->dims);
    for (uint32_t i = 0; a->dims != NULL && i < npy->rank; i++)
        a->dims[i].n = npy->shape[i];
    return a->dims != NULL;
}

static bool plan_column(struct packing *p, const struct source *s, struct header_array *a)
{
    const struct column *c = s->column;

    a->table = s->table->frame.name;
    a->dtype = c->dtype;
    a->rank = 1;
    a->dims = arena_alloc(&p->arena, sizeof *a->dims);
    if (a->dims == NULL)
        return false;
    a->dims[0].n = s->table->frame.rows;
    if (c->dtype == SHEAF_DT_CODE) {
        a->n_dictionary = c->dict.n;
        a->dictionary = (struct slice){c->dict.texts.data, c->dict.texts.len};
    }
    return true;
}

static int plan_arrays(struct packing *p)
{
    p->plan.n_arrays = p->n_sources;
    p->plan.arrays = arena_alloc(&p->arena, p->n_sources * sizeof *p->plan.arrays);
    if (p->plan.arrays == NULL)
        return no_memory(p);
    for (uint32_t i = 0; i < p->n_sources; i++) {
        const struct source *s = &p->sources[i];
        struct header_array *a = &p->plan.arrays[i];
        a->name = s->name;
        a->partition = s->keyed == NULL ? 0 : s->keyed->partition;
        if (s->npy != NULL ? !plan_npy(p, s->npy, a) : !plan_column(p, s, a))
            return no_memory(p);
    }
    return 0;
}

static int put(void *writer, const void *data, size_t n, struct diag *d)
{
    return writer_write(writer, data, n, d);
}

/* Rows of an .npy file; neighbours that stay neighbours go together. */
static int write_npy(const struct packing *p, const struct source *s, struct writer *w)
{
    const struct order *o = s->keyed == NULL ? NULL : &s->keyed->order;
    struct npy_sink sink = {.put = put, .user = w, .d = p->d};
    uint64_t rows = npy_rows(s->npy);
    int err = 0;

    if (o == NULL || !o->moved)
        return npy_stream(s->npy, 0, rows, &sink);
    for (uint64_t i = 0, n; err == 0 && i < rows; i += n) {
        uint64_t from = o->rows[i].row;
        for (n = 1; i + n < rows && o->rows[i + n].row == from + n;)
            n++;
        err = npy_stream(s->npy, from, from + n, &sink);
    }
    return err;
}

/* Elements of a column in the table's order, block by block. */
static int write_moved(const struct packing *p, const struct source *s, struct writer *w)
{
    const struct order *o = &s->keyed->order;
    uint32_t size = dtype_size(s->column->dtype);
    const uint8_t *data = s->column->data;
    uint8_t *block = malloc((size_t)(o->n < o->block ? o->n : o->block) * size);
    int err = 0;

    if (block == NULL)
        return no_memory(p);
    for (uint64_t i = 0, n; err == 0 && i < o->n; i += n) {
        n = o->n - i < o->block ? o->n - i : o->block;
        for (uint64_t j = i; j < i + n; j++)
            memcpy(block + o->rows[j].order * size, data + o->rows[j].row * size, size);
        err = writer_write(w, block, (size_t)n * size, p->d);
    }
    free(block);
    return err;
}

static int write_source(const struct packing *p, const struct source *s, struct writer *w)
{
    if (s->npy != NULL)
        return write_npy(p, s, w);
    if (s->keyed != NULL && s->keyed->order.moved)
        return write_moved(p, s, w);
    return writer_write(w, s->column->data, (size_t)s->table->frame.rows * dtype_size(s->column->dtype), p->d);
}

static int write_all(struct packing *p, uint8_t digest[HASH_BYTES])
{
    struct writer *w = NULL;
    int err = writer_create(p->job->out, &p->plan, p->job->replace, &w, p->d);

    for (uint32_t i = 0; err == 0 && i < p->n_sources; i++)
        err = write_source(p, &p->sources[i], w);
    if (err == 0)
        return writer_commit(&w, digest, p->d);
    writer_destroy(&w);
    return err;
}

static void finish_keyed(struct keyed *k)
{
    order_finish(&k->order);
    frame_finish(&k->frame);
    free(k->starts);
}

static void finish(struct packing *p)
{
    for (uint32_t i = 0; p->npys != NULL && i < p->job->n_arrays; i++)
        npy_close(&p->npys[i]);
    for (uint32_t i = 0; p->tables != NULL && i < p->job->n_tables; i++)
        finish_keyed(&p->tables[i]);
    finish_keyed(&p->list);
    keys_finish(&p->keys);
    arena_finish(&p->arena);
}

int pack_run(const struct pack_job *job, uint8_t digest[HASH_BYTES], struct diag *d)
{
    struct packing p = {.job = job, .d = d};
    int err;

    arena_init(&p.arena, 0);
    err = check_request(&p);
    if (err == 0)
        err = open_arrays(&p);
    if (err == 0)
        err = read_tables(&p);
    if (err == 0)
        err = read_list(&p);
    if (err == 0)
        err = plan_keys(&p);
    if (err == 0)
        err = list_sources(&p);
    if (err == 0)
        err = plan_arrays(&p);
    if (err == 0)
        err = write_all(&p, digest);
    finish(&p);
    return err;
}
