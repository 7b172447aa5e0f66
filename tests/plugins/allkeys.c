/* SPDX-License-Identifier: MIT
 *
 * allkeys: scores what "sheaf.keys/1" tells of all keys of the sweep, in open as in run.
 */
#include "kit.h"

#include <stdbool.h>
#include <string.h>

static const struct sheaf_array arrays[] = {{"t.v", SHEAF_DT_F64, 1, false, NULL, "whatever has the keys"}};
static const struct sheaf_score scores[] = {
    {"kind", "", "of the task's key, as the table has it"},
    {"is_mine", "", "1: what the table has for the task's key is the task's key"},
    {"keys", "", "how many there are"},
    {"numbers", "", "sum of their numbers"},
    {"bytes", "", "of their texts"},
    {"opened", "", "1: open was told the same"},
};

struct sums {
    double keys, numbers, bytes;
};

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host, (void)config;
    out->name = "allkeys", out->version = "1", out->summary = "scores what it is told of all keys";
    out->arrays = arrays, out->n_arrays = COUNT(arrays);
    out->scores = scores, out->n_scores = COUNT(scores);
    return SHEAF_OK_STATUS;
}

static struct sums add_up(const struct sheaf_host *host)
{
    const struct sheaf_keys *table = host->table(host, SHEAF_KEYS_TABLE);
    struct sums s = {.keys = (double)table->count(host)};
    struct sheaf_key key;
    for (uint64_t i = 0; table->key(host, i, &key); i++) {
        s.numbers += (double)key.i;
        s.bytes += key.text ? (double)strlen(key.text) : 0;
    }
    return s;
}

static int32_t open_plugin(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                           void **state)
{
    static struct sums s;
    (void)config, (void)dataset;
    s = add_up(host);
    *state = &s;
    return SHEAF_OK_STATUS;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    const struct sheaf_keys *table = host->table(host, SHEAF_KEYS_TABLE);
    const struct sums s = add_up(host), *opened = state;
    struct sheaf_key key;
    if (!table->key(host, task->key.index, &key))
        return host->fail(host, "the task's key is none");
    bool mine = key.index == task->key.index && key.i == task->key.i && key.kind == task->key.kind &&
                same_text(key.text, task->key.text);
    out[0] = key.kind;
    out[1] = mine;
    out[2] = s.keys;
    out[3] = s.numbers;
    out[4] = s.bytes;
    out[5] = s.keys == opened->keys && s.numbers == opened->numbers && s.bytes == opened->bytes;
    return SHEAF_OK_STATUS;
}

static void close_plugin(const struct sheaf_host *host, void *state)
{
    (void)host, (void)state;
}

KIT_ENTRY;
