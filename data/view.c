/* SPDX-License-Identifier: MIT
 *
 * view: an array with fewer axes than it has, for those who ask for so many.
 */
#include "data/dataset.h"

struct sheaf_view dataset_view(const struct dataset_array *a, uint32_t rank)
{
    struct sheaf_view v = a->view;
    uint32_t surplus = rank > 0 && v.rank > rank && !a->partitioned ? v.rank - rank : 0, kept = 0;

    for (uint32_t i = 0; i < a->view.rank; i++) {
        if (surplus > 0 && a->view.shape[i] == 1) {
            surplus--;
            continue;
        }
        v.shape[kept] = a->view.shape[i];
        v.strides[kept++] = a->view.strides[i];
    }
    if (surplus > 0)
        return a->view;
    for (uint32_t i = kept; i < v.rank; i++)
        v.shape[i] = 0, v.strides[i] = 0;
    v.rank = kept;
    return v;
}
