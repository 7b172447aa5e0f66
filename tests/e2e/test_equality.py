# SPDX-License-Identifier: MIT
"""The wfo plugin against its reference in plain NumPy: every score of every task of the whole grid, on two real markets, for
several numbers of slots.

Markets, grid and reference lie outside of the repository: in $SHEAF_SHARED, or in ../shared beside the checkout. What they give is
kept in $SHEAF_TEST_CACHE if that is set: the references are a minute's work."""

import hashlib
import importlib.util
import itertools
import multiprocessing
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from conftest import SOURCE
from support import digest_of, number, scores_of, table

SHARED = pathlib.Path(os.environ.get("SHEAF_SHARED", SOURCE.parent / "shared"))
NEEDED = [SHARED / "data" / "prepare.py", SHARED / "peers" / "wfo_pool.py", SHARED / "reference" / "wfo.py"]
SCORES = ["sharpe", "total_return", "max_drawdown", "mean_ic", "turnover"]
SPLIT = {"train": 252, "test": 63, "step": 63}
MARKETS = {"etf": ("etf/factors.npy", "etf/returns.npy"), "sp500": ("sp500/factors43.npy", "sp500/returns43.npy")}

pytestmark = pytest.mark.skipif(not all(p.is_file() for p in NEEDED),
                                reason=f"NOTHING WAS COMPARED: {SHARED} has no markets and reference (set SHEAF_SHARED)")


def load(path):
    sys.path.insert(0, str(path.parent))  # for what it imports itself
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def grid():
    return load(SHARED / "peers" / "wfo_pool.py").GRID


def reference_begin(*inputs):
    """In each process of the pool, once."""
    global wfo, job
    wfo, job = load(SHARED / "reference" / "wfo.py"), inputs


def reference_of(trial):
    """The scores of one trial in every window."""
    factors, returns, windows, ic = job
    rows = [wfo.evaluate(factors, returns, w, *trial, ic=ic) for w in windows]
    return [[row[name] for name in SCORES] for row in rows]


def compute_reference(factors, returns):
    """[trial, window, score] of the whole grid."""
    module = load(SHARED / "reference" / "wfo.py")
    inputs = factors, returns, module.windows(len(factors), **SPLIT), module.rank_ic(factors, returns)
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), reference_begin, inputs) as pool:
        return np.array(pool.map(reference_of, list(itertools.product(*grid().values())), chunksize=16))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """The folder with the markets' arrays."""
    out = tmp_path_factory.mktemp("markets")
    subprocess.run([sys.executable, "-W", "ignore", str(NEEDED[0]), str(out), *MARKETS], check=True)
    return out


@pytest.fixture(scope="session", params=list(MARKETS))
def market(request, prepared, tmp_path_factory):
    """(files of factors and returns, reference scores)"""
    files = [prepared / name for name in MARKETS[request.param]]
    key = hashlib.blake2b(digest_size=16)
    for path in [*files, *NEEDED[1:], NEEDED[2].parent / "sums.py"]:
        key.update(path.read_bytes())
    kept = os.environ.get("SHEAF_TEST_CACHE")
    folder = pathlib.Path(kept) if kept else tmp_path_factory.mktemp("reference")
    cache = folder / f"wfo-{key.hexdigest()}.npy"
    if not cache.exists():
        folder.mkdir(parents=True, exist_ok=True)
        own = folder / f"{cache.stem}.{os.getpid()}.npy"
        np.save(own, compute_reference(*(np.load(path) for path in files)))
        own.rename(cache)  # another run may be at it too
    return files, np.load(cache)


@pytest.fixture
def packed(world, market):
    """The world with the market packed, and the reference."""
    (factors, returns), reference = market
    world.run("pack", "market.sheaf", f"factors={factors}", f"returns={returns}")
    return world, reference


def wfo_sweep(world, params, filename="sweep.yaml", **fields):
    return world.sweep(filename, plugin="wfo", data="market.sheaf", params=params, split={"walk_forward": SPLIT},
                       goal={"maximize": "sharpe"}, **fields)


def check_scores(ours, reference):
    """Within 1e-9 relative, 1e-12 absolute near zero; nothing missing, nothing extra."""
    assert ours.shape == reference.shape
    assert np.array_equal(np.isnan(ours), np.isnan(reference))
    both = np.isfinite(reference)
    wrong = both & ~(np.abs(ours - reference) <= np.maximum(1e-9 * np.abs(reference), 1e-12))
    assert not wrong.any(), f"{wrong.sum()} of {wrong.size} scores differ, the first at {np.argwhere(wrong)[0]}"


def test_every_score_of_the_grid_equals_the_reference_on_1_2_and_5_slots(packed):
    world, reference = packed
    sweep, digests, seen = wfo_sweep(world, grid()), set(), None
    n_trials, n_windows = reference.shape[:2]
    for slots in (1, 2, 5):
        r = world.json("run", sweep, "--slots", slots, "--fresh", code=None)
        assert r["tasks"]["done"] + r["tasks"]["failed"] == r["tasks"]["total"] == n_trials * n_windows
        digests.add(r["digest"])
        rows = table(world)
        assert [(int(x["task"]), int(x["trial"]), int(x["split"])) for x in rows] == [
            (i, i // n_windows, i % n_windows) for i in range(n_trials * n_windows)]
        scores = np.array([scores_of(x) for x in rows])
        check_scores(scores.reshape(reference.shape), reference)
        failed = np.array([x["status"] == "failed" for x in rows])
        assert np.array_equal(failed, np.isnan(reference).all(axis=2).ravel())
        assert seen is None or np.array_equal(scores, seen, equal_nan=True)  # bit for bit
        seen = scores
    assert len(digests) == 1
    assert digest_of(rows) == digests.pop()


def test_the_npy_table_holds_the_same_numbers(packed):
    world, reference = packed
    world.run("run", wfo_sweep(world, grid()), code=None)
    world.run("results", "last", "--tasks", "--format", "npy", "-o", "all.npy")
    check_scores(np.load(world.path / "all.npy").reshape(reference.shape), reference)


def test_keeping_the_best_only_changes_no_digest_and_no_ranking(packed):
    world, _ = packed
    everything = world.json("run", wfo_sweep(world, grid()), "--top", "20", code=None)
    best = world.json("run", wfo_sweep(world, grid(), "best.yaml", keep={"best": 20}), "--slots", "2", "--top", "20", code=None)
    assert best["sweep"] != everything["sweep"] and best["digest"] == everything["digest"]
    assert len(best["best"]) == 20 and best["best"] == everything["best"]


def test_the_best_trials_are_those_of_the_reference(packed):
    world, reference = packed
    r = world.json("run", wfo_sweep(world, grid()), "--top", "1000", code=None)
    means = reference[:, :, 0].mean(axis=1)
    ours = [b["trial"] for b in r["best"]]
    assert len(set(ours)) == len(ours) == 1000
    order = np.concatenate([means[ours], np.sort(np.delete(means, ours))[::-1]])
    assert np.all(order[:-1] - order[1:] >= -1e-9 * np.abs(means).max())
    trials = list(itertools.product(*grid().values()))
    assert all(tuple(b["params"].values()) == trials[b["trial"]] for b in r["best"])
    first = r["best"][0]["spread"]["sharpe"]
    cells = reference[ours[0], :, 0]
    assert first["n"] == len(cells)
    assert [first["std"], first["min"], first["max"]] == pytest.approx([cells.std(), cells.min(), cells.max()], rel=1e-9)


REDUCTIONS = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max, "std": np.std, "sum": np.sum}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduced_scores_are_what_numpy_makes_of_the_tasks(packed, name):
    world, _ = packed
    params = {"n_factors": [1, 3, 10], "top_n": [1, 4], "rebalance": [1, 21], "weighting": ["equal", "ic"], "cost_bps": 5.0}
    world.run("run", wfo_sweep(world, params, reduce={"split": name}))
    cells = np.array([scores_of(row) for row in table(world)]).reshape(24, -1, len(SCORES))
    trials = table(world, "--trials")
    ours = np.array([[number(row[score]) for score in SCORES] for row in trials])
    np.testing.assert_allclose(ours, REDUCTIONS[name](cells, axis=1), rtol=1e-12, atol=1e-15)
    assert [(row["n_factors"], row["weighting"]) for row in trials] == [
        (str(n), w) for n in (1, 3, 10) for _ in range(4) for w in ("equal", "ic")]
    assert {row["tasks"] for row in trials} == {str(cells.shape[1])} and {row["failed"] for row in trials} == {"0"}
