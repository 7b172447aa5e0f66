/* SPDX-License-Identifier: MIT
 *
 * element: elements of arrays of integers, bools, texts and days as numbers that sort as they do.
 */
#ifndef SHEAF_SWEEP_ELEMENT_H
#define SHEAF_SWEEP_ELEMENT_H

#include "sheaf/plugin.h"

#include <stdbool.h>

/* Is every element of the type such a number? Not so floats. */
bool element_discrete(uint32_t dtype);

/* Element `row` along axis 0 of an array of such a type. Of one array, or two of the same type (texts: and one dictionary), it
 * compares as the elements do. */
int64_t element_at(const struct sheaf_view *v, uint64_t row);

#endif
