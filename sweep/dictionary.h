/* SPDX-License-Identifier: MIT
 *
 * dictionary: the distinct values of one column in the order of their first appearance, with a number each. A longer list
 * with the same beginning gives the same numbers.
 */
#ifndef SHEAF_SWEEP_DICTIONARY_H
#define SHEAF_SWEEP_DICTIONARY_H

#include "sweep/plan.h"

#define DICTIONARY_MAX (1u << 20) /* as the plan's decoder allows */

/* All zero is an empty one. */
struct dictionary {
    struct plan_value *values;
    uint32_t n, cap;
    uint32_t *slots; /* open addressing: position + 1, 0 = free */
    uint32_t n_slots;
};

/* The number of a value of that parameter type, new or known. 0, SHEAF_ENOMEM, SHEAF_ELIMIT. */
int dictionary_code(struct dictionary *dict, uint32_t type, const struct plan_value *value, uint32_t *code);
void dictionary_finish(struct dictionary *dict);

#endif
