/* SPDX-License-Identifier: MIT
 *
 * results_groups: the group rows of one trial, gathered from the stream and summed.
 */
#ifndef SHEAF_BROKER_RESULTS_GROUPS_H
#define SHEAF_BROKER_RESULTS_GROUPS_H

#include "broker/results_pages.h"
#include "broker/results_rows.h"

/* Writes one row for each group of a finished trial, in bytewise order of their names: the sums of what its tasks emitted, in index
 * order. Trials must rise from call to call; rows of trials in between are passed over. 0 or an error. */
int results_groups_trial(struct pages *groups, uint64_t trial, enum results_format format, struct sink *s,
                         struct diag *d);

#endif
