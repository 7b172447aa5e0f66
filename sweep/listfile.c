/* SPDX-License-Identifier: MIT
 *
 * listfile: reads line by line, so that only the codes and the distinct values are held. The two formats differ in how
 * a line becomes cells; what a cell means is one function for both.
 */
#include "sweep/listfile.h"

#include "common/fsutil.h"
#include "common/text.h"
#include "sheaf/plugin.h"
#include "sweep/dictionary.h"
#include "sweep/suggest.h"
#include "sweep/sweepvalue.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct column {
    uint32_t param;
    struct dictionary values;
    struct buf codes; /* uint32 little-endian, one a trial */
};

struct reader {
    const struct listfile_in *in;
    struct arena *arena;
    struct diag *d;
    const char *path; /* as errors name it */
    struct place at;  /* of the line or cell at hand */
    struct column columns[PLAN_MAX_PARAMS];
    uint32_t n_columns;
    uint64_t trials;
};

static int no_memory(struct reader *r)
{
    return diag_fail(r->d, SHEAF_ENOMEM, "%s: out of memory while reading the trials", r->path);
}

static int add_column(struct reader *r, const char *name)
{
    const struct plan_plugin *plugin = r->in->plugin;
    struct suggest near;
    suggest_begin(&near, name);
    uint32_t param = plugin->n_params;
    if (name[0] == '\0')
        return place_fail(&r->at, r->d, "a column without a name; write the parameter's name");
    for (uint32_t i = 0; i < plugin->n_params; i++) {
        suggest_offer(&near, plugin->params[i].name);
        if (strcmp(plugin->params[i].name, name) == 0)
            param = i;
    }
    if (param == plugin->n_params)
        return place_fail(&r->at, r->d, "%s has no parameter %.80s; %s", plugin->name, name, suggest_advice(&near));
    for (uint32_t c = 0; c < r->n_columns; c++)
        if (r->columns[c].param == param)
            return place_fail(&r->at, r->d, "the column %.80s stands here twice; remove one", name);
    r->columns[r->n_columns++] = (struct column){.param = param};
    return 0;
}

static int add_cell(struct reader *r, struct column *c, const struct scalar *s)
{
    const struct plan_param *param = &r->in->plugin->params[c->param];
    struct value_sink sink = {r->in->plugin->name, param, r->arena, r->d};
    struct plan_value value;
    int err = sweepvalue_convert(&sink, s, &r->at, param->name, &value);
    if (err != 0)
        return err;
    uint32_t code = 0;
    err = dictionary_code(&c->values, param->type, &value, &code);
    if (err == SHEAF_ELIMIT)
        return place_fail(&r->at, r->d, "%s has more than %u different values; give fewer, or use method: random",
                          param->name, DICTIONARY_MAX);
    uint8_t bytes[4] = {(uint8_t)code, (uint8_t)(code >> 8), (uint8_t)(code >> 16), (uint8_t)(code >> 24)};
    if (err == 0)
        err = buf_append(&c->codes, bytes, sizeof bytes);
    return err == 0 ? 0 : no_memory(r);
}

static int count_trial(struct reader *r)
{
    if (++r->trials * r->n_columns > LISTFILE_CELLS)
        return place_fail(&r->at, r->d, "more than %" PRIu64 " trials; split the list into several sweeps",
                          LISTFILE_CELLS / r->n_columns);
    return 0;
}

/* Cuts the next cell of a CSV line in place; *rest is what follows its comma, NULL after the last. */
static int csv_cell(struct reader *r, char **rest, char **cell, size_t *len)
{
    char *s = *rest;
    s += strspn(s, " \t");
    if (*s != '"') {
        size_t n = strcspn(s, ",");
        *rest = s[n] == ',' ? s + n + 1 : NULL;
        while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
            n--;
        s[n] = '\0';
        *cell = s;
        *len = n;
        return 0;
    }
    char *to = s, *from = s + 1;
    for (; *from != '\0' && (*from != '"' || from[1] == '"'); from++) {
        from += *from == '"';
        *to++ = *from;
    }
    if (*from != '"')
        return place_fail(&r->at, r->d, "a quoted cell is not closed on its line; add the missing \"");
    from += 1 + strspn(from + 1, " \t");
    if (*from != ',' && *from != '\0')
        return place_fail(&r->at, r->d, "text after a quoted cell; put a comma between or double the inner quotes");
    *rest = *from == ',' ? from + 1 : NULL;
    *to = '\0';
    *cell = s;
    *len = (size_t)(to - s);
    return 0;
}

/* A cell has no type of its own: for a text or a choice it is its spelling, else it is read as YAML would. */
static struct scalar csv_scalar(const struct reader *r, const struct column *c, const char *cell, size_t len)
{
    uint32_t type = r->in->plugin->params[c->param].type;
    return scalar_parse(cell, len, type == SHEAF_TEXT || type == SHEAF_CHOICE);
}

static int csv_line(struct reader *r, char *line)
{
    bool header = r->n_columns == 0;
    uint32_t n = 0;
    for (char *rest = line; rest != NULL; n++) {
        char *cell = NULL;
        size_t len = 0;
        r->at.column = (uint32_t)(rest - line) + 1;
        int err = csv_cell(r, &rest, &cell, &len);
        if (err == 0 && header) {
            err = add_column(r, cell);
        } else if (err == 0 && n >= r->n_columns) {
            err = place_fail(&r->at, r->d, "a cell too many: the header has %u; remove it", r->n_columns);
        } else if (err == 0) {
            struct scalar s = csv_scalar(r, &r->columns[n], cell, len);
            err = add_cell(r, &r->columns[n], &s);
        }
        if (err != 0)
            return err;
    }
    if (n < r->n_columns)
        return place_fail(&r->at, r->d, "%u cell%s, but the header has %u; add the missing ones", n, n == 1 ? "" : "s",
                          r->n_columns);
    return header ? 0 : count_trial(r);
}

/* false for what no parameter can be: an array or an object. */
static bool json_scalar(const json_t *v, struct scalar *s)
{
    switch (json_typeof(v)) {
    case JSON_STRING:
        *s = scalar_parse(json_string_value(v), json_string_length(v), true);
        return true;
    case JSON_INTEGER:
        *s = (struct scalar){SCALAR_INT, (double)json_integer_value(v), json_integer_value(v), "", 0};
        return true;
    case JSON_REAL:
        *s = (struct scalar){SCALAR_FLOAT, json_real_value(v), 0, "", 0};
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *s = (struct scalar){SCALAR_BOOL, json_is_true(v), json_is_true(v), "", 0};
        return true;
    case JSON_NULL:
        *s = scalar_parse("", 0, false);
        return true;
    default:
        return false;
    }
}

static int json_cell(struct reader *r, struct column *c, const json_t *v)
{
    const char *name = r->in->plugin->params[c->param].name;
    struct scalar s;
    if (v == NULL)
        return place_fail(&r->at, r->d, "%s is missing, which the first line has; give it on every line", name);
    if (!json_scalar(v, &s))
        return place_fail(&r->at, r->d, "%s is a list or a map; give one value", name);
    char number[SCALAR_NUMBER];
    if (s.kind == SCALAR_BOOL)
        s.text = s.i != 0 ? "true" : "false";
    else if (s.kind == SCALAR_INT)
        snprintf(number, sizeof number, "%" PRId64, s.i);
    else if (s.kind == SCALAR_FLOAT) /* 1.0 shall not look like a whole number in an error text */
        snprintf(number, sizeof number, fabs(s.f) < 1e15 && floor(s.f) == s.f ? "%.1f" : "%.15g", s.f);
    if (s.kind == SCALAR_INT || s.kind == SCALAR_FLOAT)
        s.text = number;
    s.len = s.kind == SCALAR_TEXT ? s.len : strlen(s.text);
    return add_cell(r, c, &s);
}

static int json_object_cells(struct reader *r, json_t *object)
{
    const char *name;
    json_t *value;
    int err = 0;
    if (r->n_columns == 0) {
        json_object_foreach(object, name, value) if (err == 0) err = add_column(r, name);
        if (err == 0 && r->n_columns == 0)
            err = place_fail(&r->at, r->d, "an object without parameters; give at least one");
    }
    for (uint32_t c = 0; c < r->n_columns && err == 0; c++)
        err = json_cell(r, &r->columns[c], json_object_get(object, r->in->plugin->params[r->columns[c].param].name));
    if (err == 0 && json_object_size(object) > r->n_columns)
        err = place_fail(&r->at, r->d, "%zu parameters, but the first line has %u; give the same on every line",
                         json_object_size(object), r->n_columns);
    return err != 0 ? err : count_trial(r);
}

static int json_line(struct reader *r, char *line)
{
    json_error_t why;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &why);
    r->at.column = object == NULL && why.column > 0 ? (uint32_t)why.column : 1;
    if (object == NULL)
        return place_fail(&r->at, r->d, "not JSON: %s; write one object a line", why.text);
    int err = json_is_object(object) ? json_object_cells(r, object)
                                     : place_fail(&r->at, r->d, "not an object; write {\"PARAMETER\": VALUE, ...}");
    json_decref(object);
    return err;
}

/* One line without its end into `line` (LISTFILE_LINE + 1 bytes). 1 = a line, 0 = the file ends, or an error. */
static int next_line(struct reader *r, FILE *file, char *line)
{
    size_t n = 0;
    int c;
    r->at.line++;
    r->at.column = 1;
    while ((c = getc_unlocked(file)) != EOF && c != '\n') {
        if (n == LISTFILE_LINE)
            return place_fail(&r->at, r->d, "a line of more than %zu bytes; write one trial a line", LISTFILE_LINE);
        if (c == '\0')
            return place_fail(&r->at, r->d, "a NUL byte; save the file as UTF-8 text");
        line[n++] = (char)c;
    }
    if (ferror(file))
        return diag_fail(r->d, file_error(errno), "%s: cannot be read: %s", r->path, strerror(errno));
    if (c == EOF && n == 0)
        return 0;
    if (n > 0 && line[n - 1] == '\r')
        n--;
    line[n] = '\0';
    if (!text_is_utf8(line, n))
        return place_fail(&r->at, r->d, "not UTF-8 text; save the file as UTF-8");
    if (r->at.line == 1 && strncmp(line, "\xEF\xBB\xBF", 3) == 0)
        memmove(line, line + 3, n - 2); /* a byte order mark, as spreadsheets write it */
    return 1;
}

static int read_lines(struct reader *r, FILE *file, int (*take)(struct reader *, char *))
{
    char *line = malloc(LISTFILE_LINE + 1);
    int err = 0;
    if (line == NULL)
        return no_memory(r);
    while (err == 0 && (r->in->max_trials == 0 || r->trials < r->in->max_trials)) {
        int got = next_line(r, file, line);
        if (got <= 0) {
            err = got;
            break;
        }
        if (line[strspn(line, " \t")] != '\0')
            err = take(r, line);
    }
    free(line);
    if (err == 0 && r->trials == 0)
        return diag_fail(r->d, SHEAF_EINVAL, "%s:1:1: no trials; write one a line", r->path);
    return err;
}

static int fill_axes(struct reader *r, struct plan *out)
{
    for (uint32_t i = 0; i < r->n_columns; i++) {
        struct column *c = &r->columns[i];
        struct plan_axis *a = &out->axes[i];
        uint32_t n = c->values.n;
        struct plan_value *values = arena_alloc(r->arena, n * sizeof *values);
        void *codes = arena_alloc(r->arena, c->codes.len);
        if (values == NULL || codes == NULL)
            return no_memory(r);
        memcpy(values, c->values.values, n * sizeof *values);
        memcpy(codes, c->codes.data, c->codes.len);
        *a = (struct plan_axis){.name = r->in->plugin->params[c->param].name,
                                .param = c->param,
                                .kind = AXIS_LIST,
                                .values = values,
                                .n_values = n,
                                .count = n,
                                .codes = {codes, c->codes.len}};
        a->from.text = a->to.text = a->step.text = "";
    }
    out->n_axes = r->n_columns;
    out->trials = r->trials;
    return 0;
}

static int read_open(struct reader *r, FILE *file, struct plan *out)
{
    const char *dot = strrchr(r->in->name, '.');
    int err;
    if (dot != NULL && strcmp(dot, ".csv") == 0)
        err = read_lines(r, file, csv_line);
    else if (dot != NULL && strcmp(dot, ".jsonl") == 0)
        err = read_lines(r, file, json_line);
    else
        err = place_fail(r->in->at, r->d, "%s is neither .csv nor .jsonl; name a file of one of these", r->in->name);
    return err != 0 ? err : fill_axes(r, out);
}

int listfile_parse(const struct listfile_in *in, FILE *file, const char *path, struct arena *arena, struct plan *out,
                   struct diag *d)
{
    struct reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory while reading the trials", path);
    *r = (struct reader){.in = in, .arena = arena, .d = d, .path = path, .at = {.source = path}};
    int err = read_open(r, file, out);
    for (uint32_t i = 0; i < r->n_columns; i++) {
        dictionary_finish(&r->columns[i].values);
        buf_finish(&r->columns[i].codes);
    }
    free(r);
    return err;
}

int listfile_read(const struct listfile_in *in, struct arena *arena, struct plan *out, struct diag *d)
{
    bool here = in->name[0] == '/' || strcmp(in->dir, ".") == 0;
    const char *path = here ? in->name : arena_printf(arena, "%s/%s", in->dir, in->name);
    if (path == NULL)
        return diag_fail(d, SHEAF_ENOMEM, "%s: out of memory while reading the trials", in->name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return place_fail(in->at, d, "%s: %s; check search.file", path, strerror(errno));
    int err = listfile_parse(in, file, path, arena, out, d);
    fclose(file);
    return err;
}
