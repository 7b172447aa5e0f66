/* SPDX-License-Identifier: MIT
 *
 * sweepschema: the tables, and one recursive walk that holds a tree against them. To add a field, add a row; a
 * rule between the fields of one map is that section's `rule`.
 */
#include "sweep/sweepschema.h"

#include "sweep/outdir.h"
#include "sweep/plan.h"
#include "sweep/suggest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What a field may hold: any of these. */
enum {
    F_TEXT = 1 << 0,   /* not empty, at most `max` bytes when that is not 0 */
    F_INT = 1 << 1,    /* min to max */
    F_NUMBER = 1 << 2, /* above min (the bound itself is refused), at most max */
    F_BOOL = 1 << 3,
    F_WORD = 1 << 4,   /* one of words */
    F_SCALAR = 1 << 5, /* any value but an empty or infinite one */
    F_MAP = 1 << 6,    /* of section */
    F_LIST = 1 << 7,   /* at least one of what else the field may hold */
    F_TREE = 1 << 8,   /* a map of anything */
    F_LATER = 1 << 9,  /* known, but this version lacks it */
};

struct section;

struct field {
    const char *name; /* NULL: every name (a map of the user's own names) */
    unsigned kinds;
    double min, max;
    const char *const *words, *const *later; /* NULL-terminated */
    const struct section *section;
    bool required;
    const char *give; /* "...; give <this>"; made from kinds when NULL */
};

struct section {
    const struct field *fields;
    size_t n_fields;
    int (*rule)(const struct ynode *map, const char *path, struct diag *d); /* or NULL */
};

#define SECTION(fields_, rule_)                                                                                        \
    {                                                                                                                  \
        .fields = (fields_), .n_fields = sizeof(fields_) / sizeof((fields_)[0]), .rule = (rule_)                       \
    }

#define PATH_BYTES 200
#define MAX_NAME 256 /* as the plan carries it */
#define MAX_PATH 4000
#define MAX_EXPRESSION 4096
#define MAX_ROWS 1e15
#define MAX_TRIALS 9e15

const char *const sweepschema_methods[] = {"grid", "random", "list", NULL};
const char *const sweepschema_reductions[] = {"mean", "median", "min", "max", "std", "sum", NULL};
static const char *const later_methods[] = {"lhs", "sobol", "tpe", "cmaes", NULL};
static const char *const scales[] = {"linear", "log", NULL};
const char *const sweepschema_orders[] = {"trial", "key", NULL};
static const char *const alongs[] = {"trials", NULL};
static const char *const keeps[] = {"all", NULL};

static int one_of_two(const struct ynode *map, const char *path, const char *a, const char *b, struct diag *d)
{
    if (ynode_get(map, a) != NULL && ynode_get(map, b) != NULL)
        return place_fail(&map->last->key->at, d, "%s has both %s and %s; keep one", path, a, b);
    if (map->n == 0)
        return place_fail(&map->at, d, "%s is an empty map; give %s or %s", path, a, b);
    return 0;
}

static int rule_keys(const struct ynode *map, const char *path, struct diag *d)
{
    const struct ynode *range = ynode_get(map, "range");
    int err = one_of_two(map, path, "range", "files", d);
    if (err != 0 || range == NULL)
        return err;
    char shown[SCALAR_SHOWN];
    if (range->kind != YNODE_LIST)
        return place_fail(&range->at, d, "%s.range is %s; give two whole numbers [FROM, TO]", path,
                          ynode_show(range, shown));
    if (range->n != 2)
        return place_fail(&range->at, d, "%s.range has %u number%s; give two, [FROM, TO]", path, range->n,
                          range->n == 1 ? "" : "s");
    int64_t from = range->first->value.i, to = range->last->value.i;
    if (from >= to)
        return place_fail(&range->at, d,
                          "%s.range [%" PRId64 ", %" PRId64
                          "] is empty; TO, which is not a key itself, must be above FROM",
                          path, from, to);
    return 0;
}

static int rule_split(const struct ynode *map, const char *path, struct diag *d)
{
    int err = one_of_two(map, path, "walk_forward", "k_fold", d);
    if (err == 0 && ynode_get(map, "walk_forward") == NULL && ynode_get(map, "k_fold") == NULL)
        return place_fail(&map->at, d, "%s has neither walk_forward nor k_fold; give one", path);
    return err;
}

static int rule_goal(const struct ynode *map, const char *path, struct diag *d)
{
    return one_of_two(map, path, "maximize", "minimize", d);
}

static int rule_range(const struct ynode *map, const char *path, struct diag *d)
{
    const struct ynode *step = ynode_get(map, "step"), *count = ynode_get(map, "count");
    if (step != NULL && count != NULL)
        return place_fail(&count->key->at, d, "%s has both step and count; keep one", path);
    if (step != NULL && strcmp(sweepschema_text(map, "scale", ""), "log") == 0)
        return place_fail(&step->key->at, d, "%s has a step on a log scale; give count instead", path);
    return 0;
}

static int rule_search(const struct ynode *map, const char *path, struct diag *d)
{
    const char *method = sweepschema_text(map, "method", "grid");
    const struct ynode *trials = ynode_get(map, "trials"), *file = ynode_get(map, "file");
    if (strcmp(method, "list") != 0 && file != NULL)
        return place_fail(&file->key->at, d, "%s.file is for method: list only; remove it or set method: list", path);
    if (strcmp(method, "list") == 0 && file == NULL)
        return place_fail(&map->at, d, "%s.file is missing; add file: TRIALS.csv (or .jsonl)", path);
    if (strcmp(method, "grid") == 0 && trials != NULL)
        return place_fail(&trials->key->at, d,
                          "%s.trials is not for a grid, which runs every combination; remove it or use --limit", path);
    if (strcmp(method, "random") == 0 && trials == NULL)
        return place_fail(&map->at, d, "%s.trials is missing; add trials: N, how many to draw", path);
    return 0;
}

static const struct field search_fields[] = {
    {.name = "method", .kinds = F_WORD, .words = sweepschema_methods, .later = later_methods},
    {.name = "trials", .kinds = F_INT, .min = 1, .max = MAX_TRIALS},
    {.name = "seed", .kinds = F_INT, .min = 0, .max = 9223372036854775807.0},
    {.name = "file", .kinds = F_TEXT, .max = MAX_PATH, .give = "the name of a .csv or .jsonl file"},
};
static const struct section search_section = SECTION(search_fields, rule_search);

static const struct field range_fields[] = {
    {.name = "from", .kinds = F_SCALAR, .required = true, .give = "a number"},
    {.name = "to", .kinds = F_SCALAR, .required = true, .give = "a number"},
    {.name = "step", .kinds = F_INT | F_NUMBER, .min = 0, .max = 1e300, .give = "a number above 0"},
    {.name = "count", .kinds = F_INT, .min = 1, .max = MAX_TRIALS},
    {.name = "scale", .kinds = F_WORD, .words = scales},
};
static const struct section range_section = SECTION(range_fields, rule_range);

static const struct field param_fields[] = {
    {.kinds = F_SCALAR | F_LIST | F_MAP,
     .section = &range_section,
     .give = "a value, a list [A, B], or a range {from: A, to: B}"},
};
static const struct section params_section = SECTION(param_fields, NULL);

static const struct field walk_forward_fields[] = {
    {.name = "train", .kinds = F_INT, .min = 1, .max = MAX_ROWS, .required = true},
    {.name = "test", .kinds = F_INT, .min = 1, .max = MAX_ROWS, .required = true},
    {.name = "step", .kinds = F_INT, .min = 1, .max = MAX_ROWS},
    {.name = "gap", .kinds = F_INT, .min = 0, .max = MAX_ROWS},
    {.name = "anchored", .kinds = F_BOOL},
};
static const struct section walk_forward_section = SECTION(walk_forward_fields, NULL);

static const struct field k_fold_fields[] = {
    {.name = "k", .kinds = F_INT, .min = 2, .max = 100000, .required = true},
    {.name = "shuffle", .kinds = F_BOOL},
    {.name = "stratify", .kinds = F_TEXT, .max = MAX_NAME, .give = "the name of an array"},
};
static const struct section k_fold_section = SECTION(k_fold_fields, NULL);

static const struct field split_fields[] = {
    {.name = "walk_forward", .kinds = F_MAP, .section = &walk_forward_section, .give = "{train: ROWS, test: ROWS}"},
    {.name = "k_fold", .kinds = F_MAP, .section = &k_fold_section, .give = "{k: FOLDS}"},
    {.name = "on", .kinds = F_TEXT, .max = MAX_NAME, .give = "the name of an array of days"},
};
static const struct section split_section = SECTION(split_fields, rule_split);

static const struct field reduce_fields[] = {
    {.name = "split", .kinds = F_WORD, .words = sweepschema_reductions},
    {.name = "key", .kinds = F_WORD, .words = sweepschema_reductions},
};
static const struct section reduce_section = SECTION(reduce_fields, NULL);

static const struct field goal_fields[] = {
    {.name = "maximize", .kinds = F_TEXT, .max = MAX_NAME, .give = "the name of a score"},
    {.name = "minimize", .kinds = F_TEXT, .max = MAX_NAME, .give = "the name of a score"},
};
static const struct section goal_section = SECTION(goal_fields, rule_goal);

static const struct field limits_fields[] = {
    {.name = "task_seconds", .kinds = F_NUMBER, .min = 0, .max = PLAN_MAX_TASK_SECONDS},
    {.name = "memory_mb", .kinds = F_INT, .min = 1, .max = PLAN_MAX_MEMORY_MB},
    {.name = "attempts", .kinds = F_INT, .min = 1, .max = PLAN_MAX_ATTEMPTS},
    {.name = "failures", .kinds = F_INT, .min = 1, .max = MAX_TRIALS},
};
static const struct section limits_section = SECTION(limits_fields, NULL);

static const struct field keep_fields[] = {
    {.name = "best", .kinds = F_INT, .min = 1, .max = PLAN_MAX_BEST, .required = true},
};
static const struct section keep_section = SECTION(keep_fields, NULL);

static int rule_output(const struct ynode *map, const char *path, struct diag *d)
{
    return map->n > 0 ? 0 : place_fail(&map->at, d, "%s is an empty map; give file or dir", path);
}

static const struct field output_fields[] = {
    {.name = "file", .kinds = F_TEXT, .max = MAX_PATH, .give = "the name of the .sheaf file to make"},
    {.name = "dir", .kinds = F_TEXT, .max = OUTDIR_PATH, .give = "the name of the folder for the tasks' files"},
};
static const struct section output_section = SECTION(output_fields, rule_output);

static int rule_data(const struct ynode *map, const char *path, struct diag *d)
{
    int err = one_of_two(map, path, "stage", "file", d);
    const struct ynode *as = ynode_get(map, "as");
    if (err == 0 && ynode_get(map, "stage") == NULL && ynode_get(map, "file") == NULL)
        return place_fail(&map->at, d, "%s has neither stage nor file; give one", path);
    if (err == 0 && as != NULL && ynode_get(map, "along") == NULL)
        return place_fail(&as->key->at, d, "%s.as names the trials of along; add along: trials, or remove it", path);
    return err;
}

static const struct field data_fields[] = {
    {.name = "stage", .kinds = F_TEXT, .max = MAX_NAME, .give = "the name of an earlier stage"},
    {.name = "file", .kinds = F_TEXT, .max = MAX_PATH, .give = "the name of a .sheaf file"},
    {.name = "along", .kinds = F_WORD, .words = alongs},
    {.name = "as", .kinds = F_TEXT, .max = MAX_NAME, .give = "a name for its trials"},
};
static const struct section data_section = SECTION(data_fields, rule_data);

static const struct field keys_fields[] = {
    {.name = "range",
     .kinds = F_INT | F_LIST,
     .min = -9223372036854775808.0,
     .max = 9223372036854775807.0,
     .give = "two whole numbers [FROM, TO]"},
    {.name = "files", .kinds = F_TEXT, .max = MAX_PATH, .give = "a pattern like \"in/*.csv\""},
};
static const struct section keys_section = SECTION(keys_fields, rule_keys);

static const struct field root_fields[] = {
    {.name = "name", .kinds = F_TEXT, .max = MAX_NAME},
    {.name = "plugin", .kinds = F_TEXT, .max = MAX_PATH, .required = true, .give = "the name or path of a plugin"},
    {.name = "config", .kinds = F_TREE, .give = "a map {OPTION: VALUE}"},
    {.name = "data",
     .kinds = F_TEXT | F_MAP | F_LIST,
     .max = MAX_PATH,
     .section = &data_section,
     .give = "the name of a .sheaf file, {stage: NAME} or a list of these"},
    {.name = "keys",
     .kinds = F_TEXT | F_MAP,
     .max = MAX_NAME,
     .section = &keys_section,
     .give = "a key column, {range: [FROM, TO]} or {files: PATTERN}"},
    {.name = "search", .kinds = F_MAP, .section = &search_section, .give = "a map {method: grid}"},
    {.name = "params", .kinds = F_MAP, .section = &params_section, .give = "a map {PARAMETER: VALUES}"},
    {.name = "where", .kinds = F_TEXT | F_LIST, .max = MAX_EXPRESSION, .give = "a constraint like \"fast < slow\""},
    {.name = "split", .kinds = F_MAP, .section = &split_section, .give = "{walk_forward: {train: ROWS, test: ROWS}}"},
    {.name = "order", .kinds = F_WORD, .words = sweepschema_orders},
    {.name = "reduce", .kinds = F_MAP, .section = &reduce_section, .give = "a map {split: mean}"},
    {.name = "goal",
     .kinds = F_MAP | F_LIST,
     .section = &goal_section,
     .give = "{maximize: SCORE} or {minimize: SCORE}"},
    {.name = "limits", .kinds = F_MAP, .section = &limits_section, .give = "a map {task_seconds: 60}"},
    {.name = "output",
     .kinds = F_TEXT | F_MAP,
     .max = MAX_PATH,
     .section = &output_section,
     .give = "the name of the .sheaf file to make, or {dir: FOLDER}"},
    {.name = "requires", .kinds = F_LATER},
    {.name = "keep",
     .kinds = F_WORD | F_MAP,
     .words = keeps,
     .section = &keep_section,
     .give = "all or {best: TRIALS}"},
};

/* A name stands where a sweep's number or `last` may stand, and in one line of a table. */
static int rule_root(const struct ynode *map, const char *path, struct diag *d)
{
    (void)path;
    const struct ynode *name = ynode_get(map, "name");
    const char *text = sweepschema_text(map, "name", "");
    char shown[SCALAR_SHOWN];
    if (text[0] != '\0' && (strspn(text, "0123456789") == strlen(text) || strcmp(text, "last") == 0))
        return place_fail(&name->at, d, "name is %s, which means another sweep in `sheaf show`; add a word to it",
                          ynode_show(name, shown));
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return place_fail(&name->at, d, "name has a line break or another control character; remove it");
    const struct ynode *data = ynode_get(map, "data");
    if (data != NULL && data->kind == YNODE_LIST && data->n > PLAN_MAX_DATA)
        return place_fail(&data->at, d, "data has %u datasets; give at most %u", data->n, PLAN_MAX_DATA);
    return 0;
}

static const struct section root_section = SECTION(root_fields, rule_root);

static const struct field frame_fields[] = {
    {.name = "name", .kinds = F_TEXT, .max = MAX_NAME},
    {.name = "stages", .kinds = F_MAP | F_LIST, .section = &root_section, .give = "a list of sweeps, each with a name"},
};
static const struct section frame_section = SECTION(frame_fields, rule_root);

static bool has_word(const char *const *words, const char *word)
{
    for (; words != NULL && *words != NULL; words++)
        if (strcmp(*words, word) == 0)
            return true;
    return false;
}

static const char *expected(const struct field *f, char out[SUGGEST_BYTES])
{
    char bound[SCALAR_NUMBER];
    scalar_number(f->min, bound);
    if (f->give != NULL)
        snprintf(out, SUGGEST_BYTES, "%s", f->give);
    else if ((f->kinds & F_INT) != 0)
        snprintf(out, SUGGEST_BYTES, "a whole number of at least %s", bound);
    else if ((f->kinds & F_NUMBER) != 0)
        snprintf(out, SUGGEST_BYTES, "a number above %s", bound);
    else if ((f->kinds & F_BOOL) != 0)
        snprintf(out, SUGGEST_BYTES, "true or false");
    else
        snprintf(out, SUGGEST_BYTES, "a text (numbers in quotes)");
    return out;
}

/* The upper bound is named only to those who hit it: most are far away. */
static bool is_too_much(const struct field *f, const struct ynode *n, char out[SUGGEST_BYTES])
{
    const struct scalar *s = &n->value;
    char bound[SCALAR_NUMBER];
    scalar_number(f->max, bound);
    if (n->kind != YNODE_SCALAR || f->max <= 0)
        return false;
    bool number = s->kind == SCALAR_INT || (s->kind == SCALAR_FLOAT && (f->kinds & F_NUMBER) != 0);
    if ((f->kinds & (F_INT | F_NUMBER)) != 0 && number && s->f > f->max)
        snprintf(out, SUGGEST_BYTES, "at most %s", bound);
    else if ((f->kinds & F_TEXT) != 0 && s->kind == SCALAR_TEXT && (double)s->len > f->max)
        snprintf(out, SUGGEST_BYTES, "at most %s bytes", bound);
    else
        return false;
    return true;
}

static int wrong_value(const struct field *f, const struct ynode *n, const char *path, struct diag *d)
{
    char shown[SCALAR_SHOWN], give[SUGGEST_BYTES];
    bool scalar = n->kind == YNODE_SCALAR, numbers = (f->kinds & (F_INT | F_NUMBER | F_SCALAR)) != 0;
    if (scalar && numbers && n->value.kind == SCALAR_NONFINITE)
        snprintf(give, sizeof give, "a finite one");
    else if (scalar && numbers && n->value.kind == SCALAR_HUGE)
        snprintf(give, sizeof give, "one that fits");
    else if (!is_too_much(f, n, give))
        expected(f, give);
    return place_fail(&n->at, d, "%s is %s; give %s", path, ynode_show(n, shown), give);
}

static int wrong_word(const struct field *f, const struct ynode *n, const char *path, struct diag *d)
{
    char shown[SCALAR_SHOWN];
    struct suggest s;
    suggest_begin(&s, n->kind == YNODE_SCALAR ? n->value.text : "");
    for (const char *const *w = f->words; *w != NULL; w++)
        suggest_offer(&s, *w);
    if (n->kind == YNODE_SCALAR && has_word(f->later, n->value.text))
        return place_fail(&n->at, d, "this version does not have %s %s yet; use one of: %s", path, n->value.text,
                          s.known);
    return place_fail(&n->at, d, "%s is %s; %s", path, ynode_show(n, shown), suggest_advice(&s));
}

/* A whole number within the bounds, compared as int64: 2^53 and up have no exact double. */
static bool int_fits(const struct field *f, int64_t i)
{
    return i >= (int64_t)f->min && (f->max >= 9.2e18 || i <= (int64_t)f->max);
}

static bool scalar_fits(const struct field *f, const struct scalar *s)
{
    bool number = s->kind == SCALAR_INT || s->kind == SCALAR_FLOAT;
    if ((f->kinds & F_SCALAR) != 0 && (number || s->kind == SCALAR_TEXT || s->kind == SCALAR_BOOL))
        return true;
    if ((f->kinds & F_NUMBER) != 0 && number && s->f > f->min && s->f <= f->max)
        return true;
    if ((f->kinds & (F_INT | F_NUMBER)) == F_INT && s->kind == SCALAR_INT && int_fits(f, s->i))
        return true;
    if ((f->kinds & F_BOOL) != 0 && s->kind == SCALAR_BOOL)
        return true;
    if ((f->kinds & F_WORD) != 0 && s->kind == SCALAR_TEXT && has_word(f->words, s->text))
        return true;
    return (f->kinds & F_TEXT) != 0 && s->kind == SCALAR_TEXT && s->len > 0 &&
           (f->max <= 0 || (double)s->len <= f->max);
}

static int check_section(const struct section *s, const struct ynode *map, const char *path, struct diag *d);

/* Values inside a free tree: everything but what JSON cannot say. */
static int check_tree(const struct ynode *n, const char *path, struct diag *d)
{
    char shown[SCALAR_SHOWN];
    if (n->kind == YNODE_SCALAR && (n->value.kind == SCALAR_NONFINITE || n->value.kind == SCALAR_HUGE))
        return place_fail(&n->at, d, "%s holds %s, which JSON cannot carry; put it in quotes", path,
                          ynode_show(n, shown));
    for (const struct ynode *c = n->first; c != NULL; c = c->next) {
        int err = check_tree(c, path, d);
        if (err != 0)
            return err;
    }
    return 0;
}

static int check_list(const struct field *f, const struct ynode *list, const char *path, struct diag *d)
{
    if (list->n == 0)
        return place_fail(&list->at, d, "%s is an empty list; give at least one value", path);
    struct field item = *f;
    if ((f->kinds & F_SCALAR) != 0) {
        item.kinds &= ~(unsigned)F_MAP; /* a list of a parameter's values holds values, not ranges */
        item.give = "one value";
    }
    for (const struct ynode *n = list->first; n != NULL; n = n->next) {
        int err = 0;
        if (n->kind == YNODE_MAP && (item.kinds & F_MAP) != 0)
            err = check_section(f->section, n, path, d);
        else if (n->kind != YNODE_SCALAR || !scalar_fits(&item, &n->value))
            err = wrong_value(&item, n, path, d);
        if (err != 0)
            return err;
    }
    return 0;
}

static int check_value(const struct field *f, const struct ynode *n, const char *path, struct diag *d)
{
    if (n->kind == YNODE_MAP && (f->kinds & F_TREE) != 0)
        return check_tree(n, path, d);
    if (n->kind == YNODE_MAP && (f->kinds & F_MAP) != 0)
        return check_section(f->section, n, path, d);
    if (n->kind == YNODE_LIST && (f->kinds & F_LIST) != 0)
        return check_list(f, n, path, d);
    if (n->kind == YNODE_SCALAR && scalar_fits(f, &n->value))
        return 0;
    return (f->kinds & (F_WORD | F_MAP)) == F_WORD ? wrong_word(f, n, path, d) : wrong_value(f, n, path, d);
}

static const struct field *find_field(const struct section *s, const char *name)
{
    for (size_t i = 0; i < s->n_fields; i++)
        if (s->fields[i].name == NULL || strcmp(s->fields[i].name, name) == 0)
            return &s->fields[i];
    return NULL;
}

static int unknown_field(const struct section *s, const struct ynode *n, const char *path, struct diag *d)
{
    struct suggest near;
    suggest_begin(&near, n->key->value.text);
    for (size_t i = 0; i < s->n_fields; i++)
        if ((s->fields[i].kinds & F_LATER) == 0)
            suggest_offer(&near, s->fields[i].name);
    return place_fail(&n->key->at, d, "unknown field %s; %s", path, suggest_advice(&near));
}

static int check_required(const struct section *s, const struct ynode *map, const char *path, struct diag *d)
{
    char give[SUGGEST_BYTES];
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        if (f->required && ynode_get(map, f->name) == NULL)
            return place_fail(&map->at, d, "%s%s%s is missing; add %s: followed by %s", path,
                              path[0] != '\0' ? "." : "", f->name, f->name, expected(f, give));
    }
    return 0;
}

static int check_section(const struct section *s, const struct ynode *map, const char *path, struct diag *d)
{
    for (const struct ynode *n = map->first; n != NULL; n = n->next) {
        char inner[PATH_BYTES];
        snprintf(inner, sizeof inner, "%s%s%.100s", path, path[0] != '\0' ? "." : "", n->key->value.text);
        const struct field *f = find_field(s, n->key->value.text);
        if (f == NULL)
            return unknown_field(s, n, inner, d);
        if ((f->kinds & F_LATER) != 0)
            return place_fail(&n->key->at, d, "this version does not have %s yet; remove it", inner);
        int err = check_value(f, n, inner, d);
        if (err != 0)
            return err;
    }
    int err = check_required(s, map, path, d);
    return err != 0 || s->rule == NULL ? err : s->rule(map, path, d);
}

int sweepschema_check(const struct ynode *root, struct diag *d)
{
    char shown[SCALAR_SHOWN];
    if (root->kind != YNODE_MAP)
        return place_fail(&root->at, d, "a sweep file is a map of fields, this is %s; begin with plugin: NAME",
                          ynode_show(root, shown));
    return check_section(ynode_get(root, "stages") != NULL ? &frame_section : &root_section, root, "", d);
}

int64_t sweepschema_int(const struct ynode *root, const char *path, int64_t def)
{
    const struct ynode *n = ynode_find(root, path);
    return n != NULL ? n->value.i : def;
}

double sweepschema_number(const struct ynode *root, const char *path, double def)
{
    const struct ynode *n = ynode_find(root, path);
    return n != NULL ? n->value.f : def;
}

bool sweepschema_bool(const struct ynode *root, const char *path, bool def)
{
    const struct ynode *n = ynode_find(root, path);
    return n != NULL ? n->value.i != 0 : def;
}

const char *sweepschema_text(const struct ynode *root, const char *path, const char *def)
{
    const struct ynode *n = ynode_find(root, path);
    return n != NULL && n->kind == YNODE_SCALAR ? n->value.text : def;
}

uint32_t sweepschema_word(const struct ynode *root, const char *path, const char *const *words, uint32_t def)
{
    const char *word = sweepschema_text(root, path, NULL);
    for (uint32_t i = 0; word != NULL && words[i] != NULL; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return def;
}
