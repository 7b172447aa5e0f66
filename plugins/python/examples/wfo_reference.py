# SPDX-License-Identifier: MIT
"""A walk-forward factor rotation in plain NumPy: the function `evaluate` of a module wfo.py that knows nothing of sheaf.

PYTHONPATH=FOLDER_OF_WFO sheaf run wfo_reference.yaml"""

import math
from typing import Literal

import sheaf
import wfo


@sheaf.plugin(scores=["sharpe", "total_return", "max_drawdown", "mean_ic", "turnover"], arrays=["factors", "returns"])
def score(data, *, n_factors: int, top_n: int, rebalance: int, weighting: Literal["equal", "ic"], cost_bps: float = 0):
    # a table that all tasks share: computed once a machine
    ic = sheaf.cache("ic", lambda: wfo.rank_ic(data.factors, data.returns))
    window = data.train.start, data.train.stop, data.test.start, data.test.stop
    scores = wfo.evaluate(data.factors, data.returns, window, n_factors, top_n, rebalance, weighting, cost_bps, ic=ic)
    if math.isnan(scores["sharpe"]):
        raise ValueError("no factor")
    return scores
