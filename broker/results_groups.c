/* SPDX-License-Identifier: MIT
 *
 * results_groups: the rows of one trial come in index order and are summed as they pass, so that every figure is the same
 * whatever order the tasks ended in; what is held is a row a group.
 */
#include "broker/results_groups.h"

#include "sweep/groupsum.h"

#include <stdlib.h>
#include <string.h>

static int out_of_memory(struct diag *d)
{
    return diag_fail(d, SHEAF_ENOMEM, "out of memory for the groups of one trial");
}

/* Sums the rows of tasks [from, to); what lies before is passed over. */
static int gather(struct pages *groups, uint64_t from, uint64_t to, struct groupsum *sums, struct diag *d)
{
    int err = 0;
    while (err == 0) {
        const struct msg_group *g = pages_group(groups, &err, d);
        if (!g)
            break;
        if (g->position >= to) {
            pages_back(groups);
            break;
        }
        if (g->position >= from && groupsum_add(sums, g->group, strlen(g->group), g->values.data) != 0)
            err = out_of_memory(d);
    }
    return err;
}

static int write_rows(const struct plan *p, uint64_t trial, const struct groupsum *sums, enum results_format format,
                      struct sink *s, struct diag *d)
{
    struct groupsum_row *rows = groupsum_sorted(sums);
    if (!rows)
        return out_of_memory(d);
    for (uint32_t i = 0; i < groupsum_count(sums); i++)
        rows_group(s, p, format, &(struct group_row){.trial = trial, .group = rows[i].name, .values = rows[i].sums});
    free(rows);
    return s->err;
}

int results_groups_trial(struct pages *groups, uint64_t trial, enum results_format format, struct sink *s,
                         struct diag *d)
{
    const struct plan *p = groups->plan;
    uint64_t cells = p->keys * p->splits;
    struct groupsum sums = {.n_values = p->plugin.n_group_values};
    int err = gather(groups, trial * cells, (trial + 1) * cells, &sums, d);
    if (err == 0 && groupsum_count(&sums) > 0)
        err = write_rows(p, trial, &sums, format, s, d);
    groupsum_finish(&sums);
    return err;
}
