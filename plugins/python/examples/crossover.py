# SPDX-License-Identifier: MIT
"""A strategy in pandas: long while the fast average is above the slow one, decided on the day before. What it earns and how often it
trades are summed over each calendar year by groups.

sheaf run crossover.yaml, with data made by: sheaf pack prices.sheaf --csv prices=prices.csv (columns day, close)"""

import pandas as pd
import sheaf


@sheaf.plugin(scores=["growth", "trades"], groups=["earned"])
def score(data, *, fast: int, slow: int = 50):
    days = pd.to_datetime(data.prices.day, unit="D")
    close = pd.Series(data.prices.close, index=days)
    long = (close.rolling(fast).mean() > close.rolling(slow).mean()).shift(1, fill_value=False)
    earned = close.pct_change().where(long, 0.0)
    earned = earned.iloc[data.test]
    for year, total in earned.groupby(earned.index.year).sum().items():
        sheaf.emit(str(year), total)
    return {"growth": (1 + earned).prod() - 1, "trades": int(long.iloc[data.test].diff().abs().sum())}
