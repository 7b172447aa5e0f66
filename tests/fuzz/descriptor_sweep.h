/* SPDX-License-Identifier: MIT
 *
 * descriptor_sweep: the sweep file of the descriptor's target, where an input has none of its own. It names one parameter of every
 * type of the fixture's plugin.
 */
#ifndef SHEAF_TESTS_FUZZ_DESCRIPTOR_SWEEP_H
#define SHEAF_TESTS_FUZZ_DESCRIPTOR_SWEEP_H

#define DESCRIPTOR_SWEEP                                                                                               \
    "plugin: wfo\ndata: d.sheaf\nparams:\n  top_n: [1, 2]\n  lookback: {from: 20, to: 250, step: 10}\n"                \
    "  alpha: {from: 1e-4, to: 1, scale: log, count: 5}\n  weighting: [equal, ic]\n  cost_bps: 5\n"                    \
    "where: \"top_n < lookback\"\nsplit: {walk_forward: {train: 252, test: 63}}\ngoal: {maximize: sharpe}\n"

#endif
