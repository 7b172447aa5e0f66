# SPDX-License-Identifier: MIT
"""A cross-validation with scikit-learn: one task fits one model on one fold. The folds are sheaf's (`split: k_fold`), the data
is shared by all slots, and the parameters are those of the sweep.

sheaf run crossval.yaml, with data made by: sheaf pack table.sheaf X=X.npy y=y.npy"""

from typing import Annotated, Literal

import sheaf
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error, r2_score


@sheaf.plugin(scores=["mse", "r2"])
def score(data, *, model: Literal["ridge", "forest"] = "ridge", alpha: Annotated[float, (0, 1e6)] = 1.0,
          depth: Annotated[int, (1, 30)] = 4):
    if model == "ridge":
        estimator = Ridge(alpha=alpha)
    else:
        # what is random in a task begins with its seed
        estimator = RandomForestRegressor(20, max_depth=depth, random_state=data.seed % 2**32)
    estimator.fit(data.X[data.train], data.y[data.train])
    guess = estimator.predict(data.X[data.test])
    return {"mse": mean_squared_error(data.y[data.test], guess), "r2": r2_score(data.y[data.test], guess)}
