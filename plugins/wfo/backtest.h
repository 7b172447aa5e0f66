/* SPDX-License-Identifier: MIT
 *
 * backtest: one window of the walk-forward rotation: factors chosen on the train days, a book of equal weights remade on some of the
 * test days, and the scores of the days that it earned. Definitions: README.md beside this file.
 */
#ifndef WFO_BACKTEST_H
#define WFO_BACKTEST_H

#include "tables.h"

enum { SCORE_SHARPE, SCORE_TOTAL_RETURN, SCORE_MAX_DRAWDOWN, SCORE_MEAN_IC, SCORE_TURNOVER, N_SCORES };

/* Train days [a, b), test days [c, d): a < b <= c < d <= days. */
struct window {
    uint64_t a, b, c, d;
};

struct settings {
    uint64_t n_factors, top_n, rebalance; /* each at least 1 */
    bool by_ic;                           /* weight factors by their mean correlation, not by its sign */
    double cost_bps;
};

/* What a window's train days say about the factors. */
struct verdict {
    uint64_t a, b;  /* of which train days; b 0 = empty */
    double *mean;   /* [kinds]: mean correlation; NaN = there is none */
    uint64_t *rank; /* [kinds]: 0 for the strongest; UINT64_MAX = unusable */
};

/* Fills v for train days [a, b). */
void verdict_fill(struct verdict *v, const struct market *m, const struct tables *t, uint64_t a, uint64_t b);

/* Bytes of work memory for one run; 0 when that is no number. */
uint64_t backtest_work_size(const struct market *m, const struct window *w, const struct settings *s);

/* Scores one window. false when no factor can be chosen; scores are untouched then. */
bool backtest_run(const struct market *m, const struct tables *t, const struct verdict *v, const struct window *w,
                  const struct settings *s, void *work, double *scores);

#endif
