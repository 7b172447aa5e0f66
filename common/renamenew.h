/* SPDX-License-Identifier: MIT
 *
 * renamenew: gives a file another name that nobody has.
 */
#ifndef SHEAF_COMMON_RENAMENEW_H
#define SHEAF_COMMON_RENAMENEW_H

/* As renameat of a file, but atomically refuses a name that is there: 0, or -1 with errno, EEXIST then. */
int rename_new(int from_folder, const char *from, int to_folder, const char *to);

#endif
