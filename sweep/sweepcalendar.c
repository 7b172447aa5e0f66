/* SPDX-License-Identifier: MIT
 *
 * sweepcalendar: `split: {on: ARRAY}`: is the array a calendar, and do the rows of every key lie on its days?
 */
#include "sweep/sweepplan.h"

#include "data/dataset.h"
#include "data/field.h"
#include "sweep/calendar.h"
#include "sweep/element.h"
#include "sweep/suggest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int not_a_calendar(struct planner *p, const struct ynode *n, const char *why)
{
    return place_fail(&n->at, p->d, "%.80s cannot be a calendar: %s", n->value.text, why);
}

static const char *show(const struct sheaf_view *v, uint64_t row, char out[24])
{
    int64_t value = element_at(v, row);
    if (v->dtype == SHEAF_DT_DATE)
        field_date_text(value, out);
    else
        snprintf(out, 24, "%" PRId64, value);
    return out;
}

/* An array of days that ascend. */
static int check_days(struct planner *p, const struct ynode *n, const struct dataset_array *a)
{
    char why[160], day[24], before[24];
    if (a->partitioned)
        return not_a_calendar(p, n,
                              "it is cut by the keys, which would share it; name an array that is not partitioned");
    if (a->view.rank != 1) {
        snprintf(why, sizeof why, "it has %u axes; name an array of days with one", a->view.rank);
        return not_a_calendar(p, n, why);
    }
    if (!calendar_type(a->view.dtype)) {
        snprintf(why, sizeof why, "it holds %s; name an array of days or whole numbers", dtype_name(a->view.dtype));
        return not_a_calendar(p, n, why);
    }
    for (uint64_t i = 1; i < a->view.shape[0]; i++) {
        if (element_at(&a->view, i) > element_at(&a->view, i - 1))
            continue;
        snprintf(why, sizeof why, "%s follows %s; sort it, each day once", show(&a->view, i, day),
                 show(&a->view, i - 1, before));
        return not_a_calendar(p, n, why);
    }
    return 0;
}

/* The column by which the rows of that array are ordered, or NULL. */
static const struct dataset_array *order_of(struct planner *p, const struct dataset_array *rows)
{
    char name[1100];
    const char *column = dataset_order_column(p->ds);
    if (rows->table[0] == '\0' || column[0] == '\0')
        return NULL;
    snprintf(name, sizeof name, "%s.%s", rows->table, column);
    return dataset_find(p->ds, name);
}

/* Arrays of several tables may share the row axis: their rows must be of the same days. */
static int check_tables(struct planner *p, const struct ynode *n, const struct dataset_array *order)
{
    for (uint32_t i = 0; i < p->plugin->n_arrays; i++) {
        const struct plan_array *want = &p->plugin->arrays[i];
        const struct dataset_array *a = dataset_find(p->ds, want->name);
        if (a == NULL || want->row_axis[0] == '\0' || strcmp(a->table, p->rows->table) == 0)
            continue;
        const struct dataset_array *other = order_of(p, a);
        size_t bytes = (size_t)order->view.shape[0] * dtype_size(order->view.dtype);
        if (other == NULL || other->view.dtype != order->view.dtype ||
            memcmp(other->view.data, order->view.data, bytes) != 0)
            return place_fail(&n->at, p->d, "the rows of %s and %s are not of the same days; pack them so",
                              p->rows->name, a->name);
    }
    return 0;
}

static int check_rows(struct planner *p, const struct ynode *n, const struct dataset_array *days,
                      const struct dataset_array *order)
{
    char space[24], day[24];
    uint64_t row, first, to, key = calendar_misfit(p->ds, days, order, &row);
    if (key == p->out->keys)
        return 0;
    const char *name = dataset_key_name(p->ds, key, space);
    dataset_key_rows(p->ds, order, key, &first, &to);
    (void)show(&order->view, first + row, day);
    if (row > 0 && element_at(&order->view, first + row) < element_at(&order->view, first + row - 1))
        return place_fail(&n->at, p->d, "the rows of the key %.80s are not ordered by %s; pack the data again", name,
                          order->name);
    return place_fail(&n->at, p->d, "the key %.80s has a row of %s, a day that %s lacks; add it, or leave the row out",
                      name, day, days->name);
}

int sweepcalendar_resolve(struct planner *p, const struct ynode *n)
{
    struct plan_split *s = &p->out->split;
    if (!s->keyed)
        return place_fail(&n->at, p->d, "split.on is for rows that are cut by keys; remove it, or add keys: COLUMN");
    const struct dataset_array *days = dataset_find(p->ds, n->value.text), *order = order_of(p, p->rows);
    struct suggest near;
    suggest_begin(&near, n->value.text);
    for (uint32_t i = 0; i < dataset_count(p->ds); i++)
        suggest_offer(&near, dataset_at(p->ds, i)->name);
    if (days == NULL)
        return place_fail(&n->at, p->d, "the data has no array %.80s; %s", n->value.text, suggest_advice(&near));
    int err = check_days(p, n, days);
    if (err != 0)
        return err;
    if (order == NULL)
        return place_fail(&n->at, p->d,
                          "nothing says of which day the rows of %s are; pack it as a table with --order COLUMN",
                          p->rows->name);
    if (order->view.dtype != days->view.dtype)
        return place_fail(&n->at, p->d, "%s holds %s, but %s, by which rows are ordered, %s; pack them alike",
                          days->name, dtype_name(days->view.dtype), order->name, dtype_name(order->view.dtype));
    err = check_tables(p, n, order);
    if (err == 0)
        err = check_rows(p, n, days, order);
    s->on = days->name;
    s->order = order->name;
    s->n_rows = days->view.shape[0];
    return err;
}
