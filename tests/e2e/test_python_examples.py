# SPDX-License-Identifier: MIT
"""The examples of plugins/python: a reference in NumPy that is imported as it is, scikit-learn, pandas and Parquet files, each against the same
computation without sheaf."""

import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from conftest import BUILD, SANITIZED, SOURCE
from support import scores_of, table

EXAMPLES = SOURCE / "plugins" / "python" / "examples"
SHARED = pathlib.Path(os.environ.get("SHEAF_SHARED", SOURCE.parent / "shared"))
REFERENCE = [SHARED / "data" / "prepare.py", SHARED / "reference" / "wfo.py"]
SCORES = ["sharpe", "total_return", "max_drawdown", "mean_ic", "turnover"]

pytestmark = pytest.mark.skipif(not (BUILD / "plugins" / "python.so").is_file(),
                                reason="NOTHING WAS TESTED: the plugin python was not built (python3-dev is missing)")


def example(world, name):
    for end in ("py", "yaml"):
        shutil.copy(EXAMPLES / f"{name}.{end}", world.path)
    return f"{name}.yaml"


def pack(world, dataset, **arrays):
    words = []
    for name, array in arrays.items():
        np.save(world.path / f"{name}.npy", array)
        words.append(f"{name}={name}.npy")
    world.run("pack", dataset, *words)


@pytest.mark.skipif(not all(p.is_file() for p in REFERENCE), reason=f"NOTHING WAS COMPARED: {SHARED} has no market and reference")
@pytest.mark.skipif(SANITIZED, reason="minutes of NumPy, and nothing of ours that other tests do not run")
def test_the_reference_as_it_is_equals_the_plugin_in_c(world):
    subprocess.run([sys.executable, "-W", "ignore", str(REFERENCE[0]), str(world.path), "etf"], check=True)
    files = [np.load(world.path / "etf" / f"{name}.npy") for name in ("factors", "returns")]
    pack(world, "market.sheaf", factors=files[0], returns=files[1])
    world.env["PYTHONPATH"] = str(REFERENCE[1].parent)
    sweep = example(world, "wfo_reference")
    few = ["--set", "params.n_factors=[1, 5]", "--set", "params.top_n=[2, 10]", "--set", "params.rebalance=[1, 21]"]
    found = {}
    for plugin in ("wfo_reference.py", "wfo"):
        for slots in (1, 2, 5) if plugin != "wfo" else (2,):
            r = world.json("run", sweep, "--slots", slots, "--fresh", "--set", f"plugin={plugin}", *few)
            rows = np.array([[float(row[name]) for name in SCORES] for row in table(world)])
            assert r["tasks"]["done"] == len(rows) == 32 * 16
            assert found.setdefault(plugin, (r["digest"], rows))[0] == r["digest"]
    ours, reference = found["wfo"][1], found["wfo_reference.py"][1]
    assert (np.abs(ours - reference) <= np.maximum(1e-9 * np.abs(reference), 1e-12)).all()


def test_cross_validation_with_scikit_learn(world):
    linear_model = pytest.importorskip("sklearn.linear_model", reason="NOTHING WAS TESTED: there is no scikit-learn")
    random = np.random.default_rng(5)
    x = random.normal(size=(400, 6))
    y = x @ np.arange(6.0) + random.normal(size=400)
    pack(world, "table.sheaf", X=x, y=y)
    sweep = example(world, "crossval")
    digests = {world.json("run", sweep, "--slots", n, "--fresh", code=None)["digest"] for n in (1, 2)}
    assert len(digests) == 1
    # the same model on the same rows: contiguous folds, which need no list of ours
    r = world.json("run", sweep, "--set", "split={k_fold: {k: 5}}", "--set", "params={model: ridge, alpha: 10.0}", "--set", "where=1 < 2")
    for i, row in enumerate(table(world)):
        test = np.zeros(400, bool)
        test[80 * i:80 * i + 80] = True
        guess = linear_model.Ridge(alpha=10.0).fit(x[~test], y[~test]).predict(x[test])
        assert float(row["mse"]) == pytest.approx(((guess - y[test]) ** 2).mean(), rel=1e-9)
    assert r["tasks"]["done"] == 5


def test_a_strategy_in_pandas(world):
    pd = pytest.importorskip("pandas", reason="NOTHING WAS TESTED: there is no pandas")
    random = np.random.default_rng(6)
    close = 100 * np.cumprod(1 + 0.01 * random.normal(size=700))
    days = pd.bdate_range("2020-01-01", periods=700)
    pd.DataFrame({"day": days.strftime("%Y-%m-%d"), "close": close}).to_csv(world.path / "prices.csv", index=False)
    world.run("pack", "prices.sheaf", "--csv", "prices=prices.csv")
    sweep = example(world, "crossover")
    r = world.json("run", sweep, "--slots", 2)
    assert r["tasks"]["failed"] == 0
    rows = [row for row in table(world) if row["status"] == "done"]
    params = {row["trial"]: (int(row["fast"]), int(row["slow"])) for row in table(world, "--trials")}
    series = pd.Series(pd.read_csv(world.path / "prices.csv").close.values, index=days)
    for row in rows:
        fast, slow = params[row["trial"]]
        held = (series.rolling(fast).mean() > series.rolling(slow).mean()).shift(1, fill_value=False)
        at = 252 + 126 * int(row["split"])
        earned = series.pct_change().where(held, 0.0).iloc[at:at + 126]
        assert scores_of(row)[0] == pytest.approx((1 + earned).prod() - 1, rel=1e-9)
    groups = {row["group"] for row in table(world, "--groups")}
    assert groups <= {"2020", "2021", "2022"} and groups


PARQUET = SOURCE / "build-python"  # made by deploy/setup ci


@pytest.mark.skipif(not list(PARQUET.glob("lib/python3*/site-packages/pyarrow")),
                    reason="NOTHING WAS TESTED: there is no build-python with pyarrow (deploy/setup ci)")
@pytest.mark.skipif(SANITIZED, reason="megabytes of Arrow, and nothing of ours that other tests do not run")
def test_parquet_by_date(world):
    subprocess.run([BUILD / "bin" / "transpose_stocks", world.path, "9", "60", "3"], check=True)
    (world.path / "stocks").mkdir()
    convert = ("import sys, pathlib, pyarrow.csv as c, pyarrow.parquet as q\n"
               "for p in pathlib.Path('.').glob('*.csv'): q.write_table(c.read_csv(p), f'stocks/{p.stem}.parquet')\n")
    back = ("import json, pathlib, pyarrow.parquet as q\n"
            "print(json.dumps({p.stem: q.read_table(p).to_pylist() for p in pathlib.Path('by_date').iterdir()}))\n")
    python = PARQUET / "bin" / "python3"
    subprocess.run([python, "-c", convert], cwd=world.path, check=True)
    wanted = {}
    for path in sorted(world.path.glob("S*.csv")):
        for row in csv.DictReader(path.read_text().splitlines()):
            wanted.setdefault(row.pop("date"), []).append(
                {"symbol": path.stem, **{k: int(v) if k == "volume" else float(v) for k, v in row.items()}})
    world.env["VIRTUAL_ENV"] = str(PARQUET)
    sweep = example(world, "parquet_by_date")
    for slots in (1, 2):
        shutil.rmtree(world.path / "by_date", ignore_errors=True)
        r = world.json("run", sweep, "--slots", slots, "--fresh")
        assert r["tasks"]["done"] == 9
        got = subprocess.run([python, "-c", back], cwd=world.path, check=True, capture_output=True, text=True).stdout
        assert json.loads(got) == wanted
