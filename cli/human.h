/* SPDX-License-Identifier: MIT
 *
 * human: numbers as people read them. Each writes at most cap bytes with the NUL and returns out.
 */
#ifndef SHEAF_CLI_HUMAN_H
#define SHEAF_CLI_HUMAN_H

#include <stddef.h>
#include <stdint.h>

char *human_count(uint64_t n, char *out, size_t cap);   /* 18,432 */
char *human_rate(double per_s, char *out, size_t cap);  /* 9.7 k/s */
char *human_seconds(double s, char *out, size_t cap);   /* 1.9 s, 2:05, 3:00:10, 4 d 3 h */
char *human_score(double v, char *out, size_t cap);     /* 5 significant digits; "-" for NaN */
char *human_bytes(double bytes, char *out, size_t cap); /* 9.1 MB */

#endif
