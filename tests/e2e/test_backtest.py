# SPDX-License-Identifier: MIT
"""The plugins signals and portfolio against their reference in plain Python, on five years of the S&P 500: every signal and every score of a
grid over both, whatever the number of slots.

Market and reference lie outside of the repository, as in test_equality.py; what they give is kept in $SHEAF_TEST_CACHE."""

import hashlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from conftest import BUILD, SOURCE
from support import has_got_to, pids_of, scores_of, signal_all, table
from test_equality import SHARED, check_scores, load
from test_outputs import arrays

REFERENCE, PREPARE = SHARED / "reference" / "backtest.py", SHARED / "data" / "prepare.py"
NEEDED = [REFERENCE, REFERENCE.parent / "sums.py", PREPARE, SHARED / "data" / "sp500_5yr" / "all_stocks_5yr.csv.gz"]
needs_reference = pytest.mark.skipif(not all(p.is_file() for p in NEEDED),
                                     reason=f"NOTHING WAS COMPARED: {SHARED} has no market and reference (set SHEAF_SHARED)")
SCORES = ["total_return", "sharpe", "max_drawdown", "trades"]
SIGNALS = {"rule": ["sma", "rsi"], "fast": [5, 40], "slow": 30, "period": 10, "lower": 35.0}
PORTFOLIO = {"max_positions": [1, 7, 600], "commission_bps": 5.0, "stop_loss": [0.0, 0.05]}


def trials_of(params):
    """The trials of a grid, as keyword arguments."""
    values = [v if isinstance(v, list) else [v] for v in params.values()]
    return [dict(zip(params, t)) for t in itertools.product(*values)]


def compute(folder):
    """What the reference makes of five years of the S&P 500."""
    subprocess.run([sys.executable, "-W", "ignore", str(PREPARE), str(folder), "sp500"], check=True)
    close, module, made, each = np.load(folder / "sp500" / "close.npy"), load(REFERENCE), {}, []
    for trial in trials_of(SIGNALS):
        which = trial["rule"], trial["fast"] if trial["rule"] == "sma" else None  # seconds each
        if which not in made:
            signals = np.array([module.signals(c, **trial) for c in close])
            scores = [module.portfolio(close, signals, **rules) for rules in trials_of(PORTFOLIO)]
            made[which] = signals, [[of_trial[name] for name in SCORES] for of_trial in scores]
        each.append(made[which])
    return {"close": close, "signals": np.array([s for s, _ in each]), "scores": np.array([s for _, s in each])}


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """close [symbol, day], in which many have gaps or begin late, signals [trial, symbol, day], and scores [trial, trial of PORTFOLIO,
    score]."""
    folder, key = tmp_path_factory.mktemp("market"), hashlib.blake2b(repr((SIGNALS, PORTFOLIO)).encode(), digest_size=16)
    for path in NEEDED:
        key.update(path.read_bytes())
    cache = pathlib.Path(os.environ.get("SHEAF_TEST_CACHE", folder)) / f"backtest-{key.hexdigest()}.npz"
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        own = cache.parent / f"{cache.stem}.{os.getpid()}.npz"
        np.savez_compressed(own, **compute(folder))
        own.rename(cache)  # another run may be at it too
    return np.load(cache)


def pack(world, file="prices.sheaf", **named):
    for name, array in named.items():
        np.save(world.path / f"{name}.npy", array)
    world.run("pack", file, *(f"{name}={name}.npy" for name in named), "--force")


def signals_sweep(world, symbols, filename="signals.yaml", **fields):
    return world.sweep(filename, **{"plugin": "signals", "data": "prices.sheaf", "keys": {"range": [0, symbols]}, "output": "signals.sheaf",
                                    "params": SIGNALS, "goal": None, **fields})


def portfolio_sweep(world, **fields):
    return world.sweep("portfolio.yaml", **{"plugin": "portfolio", "data": "market.sheaf", "params": PORTFOLIO,
                                            "goal": {"maximize": "sharpe"}, **fields})


def backtest(world, symbols, signals=SIGNALS, funds=PORTFOLIO, **config):
    """Both as the stages of one file."""
    first = {"name": "signals", "plugin": "signals", "config": config, "data": "prices.sheaf", "keys": {"range": [0, symbols]},
             "params": signals, "output": "signals.sheaf"}
    second = {"name": "portfolio", "plugin": "portfolio", "config": config, "data": ["prices.sheaf", {"stage": "signals", "along": "trials"}],
              "params": funds, "goal": {"maximize": "sharpe"}}
    return world.file("backtest.yaml", json.dumps({"stages": [first, second]}))


def scores_of_all(world):
    return np.array([scores_of(row) for row in table(world)])


def made_signals(world, trials, symbols, days, file="signals.sheaf"):
    """[trial, symbol, day], of a sweep with the parameters SIGNALS."""
    names = {"rule": "<i4", "fast": "<i8", "slow": "<i8", "period": "<i8", "lower": "<f8"}
    a = arrays(world.path / file, trials, signal=("<f8", (trials, symbols, 1, days)), key_name=("<i8", (symbols,)),
               **{f"trial_{name}": (dtype, (trials,)) for name, dtype in names.items()})
    return a["signal"][:, :, 0]


@needs_reference
def test_every_signal_and_score_equals_the_reference_on_1_2_and_5_slots_in_both_layouts(world, market):
    close, digests = market["close"], set()
    for turned in (False, True):
        pack(world, close=close.T.copy() if turned else close)
        sweep = backtest(world, len(close), transposed=turned)
        for slots in (1, 2, 5):
            r = world.json("run", sweep, "--slots", slots, "--fresh", "--overwrite")
            digests.add((r["stages"][0]["output"]["digest"], r["digest"]))
        assert np.array_equal(made_signals(world, *market["signals"].shape), market["signals"])
        check_scores(scores_of_all(world), market["scores"].reshape(-1, len(SCORES)))
    assert len(digests) == 1


@pytest.fixture
def made_up(world):
    """Makes prices.sheaf, [day, symbol]."""
    def make(days, symbols):
        subprocess.run([BUILD / "bin" / "factors_prices", world.path / "close.npy", str(days), str(symbols), "1"], check=True)
        world.run("pack", "prices.sheaf", "close=close.npy")
    return make


def test_the_examples_run(world, made_up):
    made_up(700, 40)
    for plugin, file in (("signals", "signals.yaml"), ("portfolio", "backtest.yaml")):
        shutil.copy(SOURCE / "plugins" / plugin / "example" / file, world.path)
    r = world.json("run", "signals.yaml")
    assert r["state"] == "done" and r["trials"] == 4 and r["tasks"]["done"] == 160
    digest = r["output"]["digest"]
    r = world.json("run", "backtest.yaml", "--overwrite")
    assert r["stages"][0]["output"]["digest"] == digest and r["tasks"]["done"] == r["trials"] == 24
    assert {"signals.fast", "signals.slow", "max_positions"} <= set(r["best"][0]["params"])


def test_killed_again_and_again_both_stages_have_the_same_digests(world, made_up):
    made_up(1500, 200)
    sweep = backtest(world, 200, {"fast": list(range(2, 10)), "slow": [100, 150, 200]}, {"max_positions": list(range(1, 131)), "stop_loss": 0.1},
                     transposed=True)
    whole = world.json("run", sweep, "--slots", "2")
    for _ in whole["stages"] + [whole]:
        world.run("rm", "last")
    p = world.start("run", sweep, "--slots", "2", "--json", "--overwrite")
    for tasks in (4800, 3120):  # of one stage and of the other
        def count(world):
            r = world.run("show", "last", "--json", code=None)
            of = json.loads(r.stdout)["tasks"] if r.returncode == 0 else {"total": 0}
            return of["done"] if of["total"] == tasks else tasks * (0 < of["total"] < tasks)
        for i, role in enumerate(("slot", "worker", "broker", "slot")):
            if has_got_to(world, p, tasks * (1 + i) // 20, count):  # on a busy machine it may be over before the last ones
                signal_all(pids_of(p.pid, role)[:1], signal.SIGKILL)
    out, err = p.communicate()
    assert p.returncode == 0, err
    r = json.loads(out)
    assert r["digest"] == whole["digest"] and r["stages"][0]["output"] == whole["stages"][0]["output"]


def test_bad_signals_are_refused_or_fail_and_say_so(world):
    pack(world, close=np.ones((3, 50)))
    for params, why in (({"fast": 0}, "fast is 0; signals takes a whole number of at least 1"),
                        ({"period": 0}, "period is 0; signals takes a whole number of at least 1"),
                        ({"rule": "ema"}, "ema"), ({"fats": 3}, "did you mean fast?")):
        line = world.refused("run", signals_sweep(world, 3, params=params))
        assert why in line, line
    line = world.refused("run", signals_sweep(world, 3, config={"transpose": True}))
    assert line.endswith("config takes {transposed: true} or nothing")
    r = world.json("run", signals_sweep(world, 5), code=3)
    assert {f["reason"] for f in r["failures"]} == {"there is no symbol 3: the data has 3", "there is no symbol 4: the data has 3"}
    r = world.json("run", signals_sweep(world, 3, keys=None, output="none.sheaf"), code=4)
    assert r["failures"][0]["reason"] == "a task is a symbol: add keys: {range: [0, SYMBOLS]}"


def test_what_cannot_be_traded_is_refused_or_fails_and_says_so(world):
    rng = np.random.default_rng(3)
    close, signal = 100 * np.cumprod(1 + rng.normal(0, 0.01, (4, 30)), axis=1), rng.integers(-1, 2, (4, 30)).astype(float)
    close[1], close[:, 7] = np.nan, np.nan  # a symbol that never trades, and a day without trades
    pack(world, "market.sheaf", close=close, signal=signal)
    for params, why in (({"max_positions": 0}, "max_positions is 0; portfolio takes a whole number of at least 1"), ({}, "max_positions"),
                        ({"max_positions": 1, "cash": 0}, "cash is 0; portfolio takes a number of at least 1e-06"),
                        ({"max_positions": 1, "stop_loss": 1.5}, "stop_loss is 1.5; portfolio takes a number from 0 to 1"),
                        ({"max_positions": 1, "commission_bps": -1}, "commission_bps is -1; portfolio takes a number of at least 0")):
        line = world.refused("run", portfolio_sweep(world, data="market.sheaf", params=params))
        assert why in line, line
    sweep = portfolio_sweep(world, data="market.sheaf", params={"max_positions": [2, 400]})
    assert world.json("run", sweep)["tasks"]["done"] == 2
    assert all(np.isfinite(scores_of(row)).all() for row in table(world))
    pack(world, "market.sheaf", close=close, signal=signal[:3])
    r = world.run("run", sweep, "--fresh", code=2)
    assert "close has 4 symbols on 30 days, signal has 3 on 30" in r.stderr, r
    pack(world, "market.sheaf", close=np.where(signal > 0, 0, close), signal=signal)
    r = world.json("run", sweep, "--fresh", code=4)
    assert {f["reason"][-14:] for f in r["failures"]} == {"is not above 0"}
    pack(world, "market.sheaf", close=close)
    assert "signal" in world.refused("run", sweep, code=None)
    pack(world, "market.sheaf", close=close, signal=signal)
    r = world.json("run", portfolio_sweep(world, data="market.sheaf", keys={"range": [0, 2]}, params={"max_positions": 1}), code=4)
    assert {f["reason"] for f in r["failures"]} == {"a task trades all symbols: remove keys"}
