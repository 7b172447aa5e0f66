/* SPDX-License-Identifier: MIT
 *
 * fpstate: the floating-point control state (rounding, traps, denormals), which a plugin or its constructors may change
 * and which must be the same before every task. Checked in a nanosecond on x86-64; elsewhere set each time.
 */
#ifndef SHEAF_WORKER_FPSTATE_H
#define SHEAF_WORKER_FPSTATE_H

#include <fenv.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__)

#define FPSTATE_MXCSR 0x1f80u      /* round to nearest, all traps masked, denormals kept */
#define FPSTATE_MXCSR_MASK 0xffc0u /* without the sticky flags */
#define FPSTATE_X87 0x037fu

static inline void fpstate_restore(void)
{
    uint16_t x87;
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    if ((__builtin_ia32_stmxcsr() & FPSTATE_MXCSR_MASK) != FPSTATE_MXCSR || x87 != FPSTATE_X87) {
        x87 = FPSTATE_X87;
        __builtin_ia32_ldmxcsr(FPSTATE_MXCSR);
        __asm__ volatile("fnclex\n\tfldcw %0" : : "m"(x87));
    }
}

#else

static inline void fpstate_restore(void)
{
    fesetenv(FE_DFL_ENV);
}

#endif

#endif
