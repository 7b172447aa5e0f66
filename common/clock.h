/* SPDX-License-Identifier: MIT
 *
 * clock: the monotonic clock in nanoseconds (for every deadline), the wall clock (for people only), CPU time.
 */
#ifndef SHEAF_COMMON_CLOCK_H
#define SHEAF_COMMON_CLOCK_H

#include <stdint.h>

#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL

int64_t clock_mono_ns(void);
int64_t clock_wall_ms(void); /* since the Unix epoch */
int64_t clock_cpu_ns(void);  /* user and system time of this process */

#endif
