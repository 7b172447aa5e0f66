# SPDX-License-Identifier: MIT
"""The factors plugin against its reference in NumPy, on two real markets, and as the stage in front of wfo.

Markets and reference lie outside of the repository: in $SHEAF_SHARED, or in ../shared beside the checkout."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import warnings

import numpy as np
import pytest

from conftest import BUILD, SOURCE
from support import table
from test_outputs import arrays

SHARED = pathlib.Path(os.environ.get("SHEAF_SHARED", SOURCE.parent / "shared"))
PREPARE = SHARED / "data" / "prepare.py"
compared = pytest.mark.skipif(not PREPARE.is_file(), reason=f"NOTHING WAS COMPARED: {SHARED} has no markets (set SHEAF_SHARED)")


@pytest.fixture(scope="module")
def markets(tmp_path_factory):
    """The closes of each market, [day, asset], and prepare.py itself."""
    out = tmp_path_factory.mktemp("markets")
    spec = importlib.util.spec_from_file_location("prepare", PREPARE)
    prepare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prepare)
    subprocess.run([shutil.which("python3", path="/usr/bin") or "python3", PREPARE, out, "etf", "sp500"], check=True)
    return {"etf": np.load(out / "etf" / "close.npy"), "sp500": np.load(out / "sp500" / "close.npy").T.copy()}, prepare


def made(world, close, *args, **config):
    """Runs the plugin over all days; its two arrays as wfo sees them, and the outcome."""
    days, assets = close.shape
    np.save(world.path / "close.npy", np.ascontiguousarray(close.T if config.get("transposed") else close))
    world.run("pack", "prices.sheaf", "close=close.npy", "--force")
    sweep = world.sweep("factors.yaml", plugin="factors", data="prices.sheaf", keys={"range": [0, days]}, config=config,
                        output="factors.sheaf", params=None, goal=None)
    r = world.json("run", sweep, "--fresh", "--overwrite", *args)
    a = arrays(world.path / "factors.sheaf", factors=("<f8", (days, assets, 18)), returns=("<f8", (days, assets)),
               key_name=("<i8", (days,)))
    return a["factors"], a["returns"], r


def check_equal(got, wanted):
    """Within 1e-9 relative, and NaN in the same places."""
    assert got.shape == wanted.shape
    assert np.array_equal(np.isnan(got), np.isnan(wanted))
    ok = ~np.isnan(wanted)
    worst = np.abs(got[ok] - wanted[ok]) / np.maximum(np.abs(wanted[ok]), 1e-12)
    assert worst.max() <= 1e-9, worst.max()


@compared
@pytest.mark.parametrize("market", ["etf", "sp500"])
def test_the_cube_equals_the_references(world, markets, market):
    closes, prepare = markets
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty slices
        factors, returns = prepare.factors_of(closes[market])
    got, got_returns, r = made(world, closes[market])
    check_equal(got, factors)
    check_equal(got_returns, returns)
    assert r["tasks"]["done"] == len(returns)


def test_slots_and_layout_change_nothing(world):
    rng = np.random.default_rng(7)
    close = 100 * np.cumprod(1 + rng.normal(0, 0.01, (300, 11)), axis=0)
    close[rng.random(close.shape) < 0.01] = np.nan
    first = made(world, close)
    for slots in (1, 2, 5):
        assert made(world, close, "--slots", slots)[2]["output"]["digest"] == first[2]["output"]["digest"]
    turned = made(world, close, transposed=True)
    assert np.array_equal(turned[0], first[0], equal_nan=True) and np.array_equal(turned[1], first[1], equal_nan=True)


def test_the_example_runs_and_wfo_runs_on_what_it_makes(world):
    subprocess.run([BUILD / "bin" / "factors_prices", world.path / "close.npy", "700", "40", "1"], check=True)
    world.run("pack", "prices.sheaf", "close=close.npy")
    shutil.copy(SOURCE / "plugins" / "factors" / "example" / "rotation.yaml", world.path)
    r = world.json("run", "rotation.yaml")
    assert r["state"] == "done" and r["trials"] == 12 and r["stages"][0]["tasks"]["done"] == 700
    made_of = arrays(world.path / "factors.sheaf", factors=("<f8", (700, 40, 18)), returns=("<f8", (700, 40)), key_name=("<i8", (700,)))
    scores = [row["sharpe"] for row in table(world)]
    np.save(world.path / "f.npy", made_of["factors"])
    np.save(world.path / "r.npy", made_of["returns"])
    world.run("pack", "plain.sheaf", "factors=f.npy", "returns=r.npy")
    world.run("run", "rotation.yaml", "--set", "stages.wfo.data=plain.sheaf")
    assert [row["sharpe"] for row in table(world)] == scores


def test_what_is_not_a_day_fails_its_task_and_says_so(world):
    np.save(world.path / "close.npy", np.ones((5, 2)))
    world.run("pack", "prices.sheaf", "close=close.npy")
    fields = {"plugin": "factors", "data": "prices.sheaf", "output": "out.sheaf", "params": None, "goal": None}
    r = world.json("run", world.sweep("beyond.yaml", **fields, keys={"range": [3, 7]}), code=3)
    assert [f["reason"] for f in r["failures"]] == ["there is no day 5: the data has 5", "there is no day 6: the data has 5"]
    r = world.json("run", world.sweep("none.yaml", **{**fields, "output": "none.sheaf"}), code=4)
    assert r["failures"][0]["reason"] == "a task is a day: add keys: {range: [0, DAYS]}"
    line = world.refused("run", world.sweep("config.yaml", **fields, config={"transpose": True}, keys={"range": [0, 5]}))
    assert line.endswith("config takes {transposed: true} or nothing")
