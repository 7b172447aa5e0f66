/* SPDX-License-Identifier: MIT */
#include "sweep/calendar.h"

#include "sweep/element.h"

struct calendar {
    const struct dataset *ds;
    const struct dataset_array *order;
    const struct sheaf_view *days;
    uint64_t first, n; /* the key's rows in `order` */
    struct sheaf_range ranges[2][2];
    int64_t *lists[2]; /* room for the rows of any key */
};

bool calendar_type(uint32_t dtype)
{
    return element_discrete(dtype) && dtype != SHEAF_DT_CODE; /* codes of two arrays are of two dictionaries */
}

bool calendar_arrays(const struct plan_split *s, const struct dataset *ds, const struct dataset_array **days,
                     const struct dataset_array **order)
{
    *days = ds != NULL ? dataset_find(ds, s->on) : NULL;
    *order = ds != NULL ? dataset_find(ds, s->order) : NULL;
    return *days != NULL && *order != NULL && (*order)->partitioned && (*days)->view.rank == 1 &&
           (*order)->view.rank == 1 && calendar_type((*days)->view.dtype) &&
           (*days)->view.dtype == (*order)->view.dtype;
}

/* The first of elements [from, to) that is not below value (or, `above`, that is above it); they ascend. */
static uint64_t search(const struct sheaf_view *v, uint64_t from, uint64_t to, int64_t value, bool above)
{
    while (from < to) {
        uint64_t mid = from + (to - from) / 2;
        int64_t x = element_at(v, mid);
        if (above ? x <= value : x < value)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

/* The first day from `day` on that is not before value; the last day is not. Mostly it is one of the next two. */
static uint64_t advance(const struct sheaf_view *days, uint64_t day, int64_t value)
{
    for (int i = 0; i < 2; i++, day++)
        if (element_at(days, day) >= value)
            return day;
    return search(days, day, days->shape[0], value, false);
}

/* The row of [from, to) that does not fit, `to` when all do. */
static uint64_t misfit_in(const struct sheaf_view *days, const struct sheaf_view *order, uint64_t from, uint64_t to)
{
    uint64_t n = days->shape[0], day = 0;
    for (uint64_t r = from; r < to; r++) {
        int64_t value = element_at(order, r);
        if (r > from && value < element_at(order, r - 1))
            return r;
        if (n == 0 || value < element_at(days, 0) || value > element_at(days, n - 1))
            continue;
        day = advance(days, day, value);
        if (element_at(days, day) != value)
            return r;
    }
    return to;
}

uint64_t calendar_misfit(const struct dataset *ds, const struct dataset_array *days, const struct dataset_array *order,
                         uint64_t *row)
{
    uint64_t n = dataset_keys(ds);
    for (uint64_t k = 0; k < n; k++) {
        uint64_t from, to;
        dataset_key_rows(ds, order, k, &from, &to);
        *row = misfit_in(&days->view, &order->view, from, to) - from;
        if (*row < to - from)
            return k;
    }
    return n;
}

struct calendar *calendar_create(const struct plan_split *s, const struct dataset *ds, struct arena *arena,
                                 struct diag *d)
{
    const struct dataset_array *days, *order;
    uint64_t most = 0;
    if (!calendar_arrays(s, ds, &days, &order) || days->view.shape[0] != s->n_rows) {
        (void)diag_fail(d, SHEAF_ECORRUPT, "the plan has a calendar, and the dataset none like it");
        return NULL;
    }
    for (uint64_t k = 0; k < dataset_keys(ds); k++) {
        uint64_t from, to;
        dataset_key_rows(ds, order, k, &from, &to);
        most = to - from > most ? to - from : most;
    }
    bool lists = s->kind == SPLIT_K_FOLD && (s->shuffle || s->stratify[0] != '\0');
    struct calendar *c = arena_alloc(arena, sizeof *c);
    if (c != NULL)
        *c = (struct calendar){.ds = ds, .order = order, .days = &days->view};
    for (int i = 0; c != NULL && lists && i < 2; i++)
        if ((c->lists[i] = arena_alloc(arena, (size_t)most * sizeof(int64_t))) == NULL)
            c = NULL;
    if (c == NULL)
        (void)diag_fail(d, SHEAF_ENOMEM, "out of memory for the rows of a key");
    return c;
}

void calendar_enter(struct calendar *c, uint64_t key)
{
    uint64_t to;
    dataset_key_rows(c->ds, c->order, key, &c->first, &to);
    c->n = to - c->first;
}

static struct sheaf_range rows_of_days(const struct calendar *c, const struct sheaf_range *days)
{
    const struct sheaf_view *order = &c->order->view;
    uint64_t end = c->first + c->n;
    uint64_t from = search(order, c->first, end, element_at(c->days, days->from), false);
    uint64_t to = search(order, from, end, element_at(c->days, days->to - 1), true);
    return (struct sheaf_range){from - c->first, to - c->first};
}

static struct sheaf_rows list_of_days(const struct calendar *c, const struct sheaf_rows *days, int64_t *list)
{
    const struct sheaf_view *order = &c->order->view;
    struct sheaf_rows out = {.list = list};
    uint64_t r = c->first, end = c->first + c->n;
    for (uint64_t i = 0; i < days->n && r < end; i++) {
        int64_t day = element_at(c->days, (uint64_t)days->list[i]);
        while (r < end && element_at(order, r) < day)
            r++;
        for (; r < end && element_at(order, r) == day; r++)
            list[out.n++] = (int64_t)(r - c->first);
    }
    return out;
}

struct sheaf_rows calendar_rows(struct calendar *c, const struct sheaf_rows *days, int which)
{
    if (days->list != NULL)
        return list_of_days(c, days, c->lists[which]);
    struct sheaf_rows out = {.ranges = c->ranges[which]};
    for (uint64_t i = 0; i < days->n_ranges; i++) {
        struct sheaf_range r = rows_of_days(c, &days->ranges[i]);
        if (r.from == r.to)
            continue;
        c->ranges[which][out.n_ranges++] = r;
        out.n += r.to - r.from;
    }
    return out;
}
