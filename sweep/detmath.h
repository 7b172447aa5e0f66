/* SPDX-License-Identifier: MIT
 *
 * detmath: exp and log from additions, multiplications and divisions alone, so that a log scale has the same bits on
 * every machine (the C library's functions differ from version to version and from one processor to another). Errors
 * are below 1 unit in the last place. Needs IEEE double arithmetic without contraction (-ffp-contract=off).
 */
#ifndef SHEAF_SWEEP_DETMATH_H
#define SHEAF_SWEEP_DETMATH_H

/* e^x; infinity above 709.78, 0 below -745.13, NaN for NaN. */
double det_exp(double x);

/* Natural logarithm; -infinity for 0, NaN below 0 and for NaN. */
double det_log(double x);

#endif
