/* SPDX-License-Identifier: MIT
 *
 * seeds_plan: plans of every shape that a client makes: the searches, splits, keys, an output, datasets along earlier trials.
 */
#include "common/err.h"
#include "sheaf/plugin.h"
#include "sweep/plan_fixture.h"
#include "tests/fuzz/seeds.h"

#include <string.h>

static struct plan_fixture fixture;

static struct plan *begin(uint64_t trials, uint64_t splits)
{
    plan_fixture_init(&fixture, trials, splits);
    return &fixture.plan;
}

static void end(const char *dir, const char *name)
{
    struct buf out = {0};
    SHEAF_ASSERT(plan_encode(&fixture.plan, &out) == 0);
    seed_write(dir, "plan", name, &out);
    buf_finish(&out);
}

static void searches(const char *dir)
{
    static const uint8_t codes[] = {0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
    static struct plan_value values[] = {{.f = 1, .text = ""}, {.f = 2, .text = ""}};
    static const char *where[] = {"x < 0.5 or x == 1"};
    struct plan *p = begin(5, 1);
    p->where = where;
    p->n_where = 1;
    end(dir, "grid");
    begin(9, 1)->method = METHOD_RANDOM;
    fixture.axis.log = true;
    fixture.axis.from.f = 0.5;
    end(dir, "random");
    begin(3, 1)->method = METHOD_LIST;
    fixture.axis.kind = AXIS_LIST;
    fixture.axis.values = values;
    fixture.axis.n_values = 2;
    fixture.axis.codes = (struct slice){codes, sizeof codes};
    end(dir, "list");
}

static void splits_and_keys(const char *dir)
{
    begin(4, 5)->split.shuffle = true;
    end(dir, "folds");
    struct plan *p = begin(4, 1);
    p->splits = 9;
    p->split = (struct plan_split){.kind = SPLIT_WALK_FORWARD,
                                   .train = 10,
                                   .test = 10,
                                   .step = 10,
                                   .n_rows = 100,
                                   .stratify = "",
                                   .row_axis = "day"};
    end(dir, "windows");
    p = begin(4, 1);
    p->keys = 2;
    p->key_axis =
        (struct plan_key_axis){.kind = KEYS_COLUMN, .column = "symbol", .dtype = SHEAF_DT_CODE, .names = {"A\0B", 4}};
    p->order = ORDER_KEY;
    end(dir, "keys");
}

static void makes_an_output(const char *dir)
{
    static struct plan_extent axes[] = {{.n = 3, .array = ""}};
    static struct plan_output outputs[] = {{"row", SHEAF_DT_F64, axes, 1, "", "", 24, 4096}};
    struct plan *p = begin(4, 1);
    p->plugin.outputs = outputs;
    p->plugin.n_outputs = 1;
    p->output_path = "/out.sheaf";
    p->output_bytes = 8192;
    end(dir, "output");
}

static void goes_along(const char *dir)
{
    static const uint8_t codes[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static struct plan_value numbers[] = {{.i = 0, .text = ""}, {.i = 2, .text = ""}},
                             texts[] = {{.text = "a"}, {.text = "b"}};
    static struct plan_data data[] = {{.path = "/a", .along = "s", .made = true, .trials = 3, .param = 1},
                                      {.path = "/b", .along = ""}};
    static struct plan_param params[3];
    static struct plan_axis axes[3];
    struct plan *p = begin(4, 1);
    params[0] = params[1] = params[2] = fixture.param;
    params[1].name = "s.trial", params[1].type = SHEAF_INT;
    params[2].name = "s.note", params[2].type = SHEAF_TEXT;
    axes[0] = axes[1] = axes[2] = fixture.axis;
    axes[0].name = "s.trial", axes[0].param = 1, axes[0].kind = AXIS_CHOICES, axes[0].values = numbers;
    axes[1].name = "s.note", axes[1].param = 2, axes[1].kind = AXIS_CARRIED, axes[1].values = texts;
    axes[0].n_values = axes[1].n_values = 2;
    axes[1].codes = (struct slice){codes, sizeof codes};
    p->plugin.params = params;
    p->plugin.n_params = 3;
    p->axes = axes;
    p->n_axes = 3;
    p->n_carried = 2;
    p->trials = 8;
    p->data = data;
    p->n_data = 2;
    end(dir, "along");
}

void seeds_plan(const char *dir)
{
    searches(dir);
    splits_and_keys(dir);
    makes_an_output(dir);
    goes_along(dir);
}
