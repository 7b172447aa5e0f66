/* SPDX-License-Identifier: MIT
 *
 * keynames: the keys of a sweep as people read them, found by their number. A plan carries the names one behind the
 * other; here is where every so manieth begins.
 */
#ifndef SHEAF_SWEEP_KEYNAMES_H
#define SHEAF_SWEEP_KEYNAMES_H

#include "sweep/plan.h"

#define KEYNAMES_NUMBER 24u /* room for a key that is a number */

struct keynames {
    const struct plan *plan;
    uint32_t *marks; /* offsets in the plan's names */
};

/* The plan must outlive it. 0 or SHEAF_ENOMEM; then as after keynames_finish. */
int keynames_init(struct keynames *k, const struct plan *p);
void keynames_finish(struct keynames *k);

/* The name of key `key` < plan->keys: the text, the number, the day as YYYY-MM-DD, the path; "0" when the sweep has no keys.
 * Lives in the plan or in `space`. */
const char *keynames_text(const struct keynames *k, uint64_t key, char space[KEYNAMES_NUMBER]);

/* Are the names whole numbers, and to be written as such? */
bool keynames_are_numbers(const struct plan *p);

#endif
