/* SPDX-License-Identifier: MIT
 *
 * renamenew: see renamenew.h.
 */
#include "common/renamenew.h"

#include <unistd.h>

int rename_new(int from_folder, const char *from, int to_folder, const char *to)
{
    return linkat(from_folder, from, to_folder, to, 0) == 0 ? unlinkat(from_folder, from, 0) : -1;
}
