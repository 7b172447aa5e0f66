# SPDX-License-Identifier: MIT
"""The fifo_pnl plugin against its reference in plain Python, on a ledger of 505 real symbols and on a made-up one: every sum of every symbol
and broker, whatever the number of slots and whatever is killed.

The real ledger and the reference lie outside of the repository, as in test_equality.py."""

import csv
import itertools
import math
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from conftest import BUILD, SOURCE
from support import digest_of, number, pids_of, scores_of, signal_all, started, table
from test_equality import SHARED, check_scores, load

REFERENCE, PREPARE = SHARED / "reference" / "fifo_pnl.py", SHARED / "data" / "prepare.py"
NAMES = ["realized", "unrealized", "fees", "closed", "wins", "closes", "holding"]
TRIALS = list(itertools.product(["fifo", "lifo", "average"], [0.0, 1.5], [0, 600]))
PARAMS = {"matching": ["fifo", "lifo", "average"], "fee_bps": [0.0, 1.5], "start_day": [0, 600]}

needs_reference = pytest.mark.skipif(not (REFERENCE.is_file() and PREPARE.is_file()),
                                     reason=f"NOTHING WAS COMPARED: {SHARED} has no ledger and reference (set SHEAF_SHARED)")


def make_ledger(folder, symbols, days, a_day, brokers, seed=1):
    subprocess.run([BUILD / "bin" / "fifo_pnl_ledger", folder, *map(str, (symbols, days, a_day, brokers, seed))], check=True)


def pack(world, folder):
    world.run("pack", "ledger.sheaf", "--csv", f"trades={folder}/trades.csv", "--csv", f"closes={folder}/closes.csv", "--key", "symbol")


def read(folder):
    """{symbol: (trades, closes)} as the reference takes them."""
    ledger = {}
    with open(folder / "closes.csv") as f:
        for symbol, day, close in itertools.islice(csv.reader(f), 1, None):
            ledger.setdefault(symbol, ([], []))[1].append((int(day), number(close)))
    with open(folder / "trades.csv") as f:
        for symbol, day, broker, quantity, price in itertools.islice(csv.reader(f), 1, None):
            ledger[symbol][0].append((int(day), int(broker), float(quantity), float(price)))
    return ledger


def expected(ledger):
    """[trial, symbol, score], and {(trial, broker): sums} over symbols."""
    evaluate, scores, groups = load(REFERENCE).evaluate, [], {}
    for trial, params in enumerate(TRIALS):
        for symbol in sorted(ledger):
            of_brokers = evaluate(*ledger[symbol], *params)
            scores.append([sum(out[k] for out in of_brokers.values()) for k in range(len(NAMES))])
            for broker, sums in of_brokers.items():
                groups[trial, str(broker)] = [a + b for a, b in zip(groups.get((trial, str(broker)), [0.0] * len(NAMES)), sums)]
    return np.array(scores), groups


def sweep_of(world, **fields):
    return world.sweep(**{"plugin": "fifo_pnl", "data": "ledger.sheaf", "keys": "symbol", "params": PARAMS, "reduce": {"key": "sum"},
                          "goal": {"maximize": "realized"}, **fields})


def check_run(world, r, reference):
    scores, groups = reference
    rows = table(world)
    check_scores(np.array([scores_of(x) for x in rows]), scores)
    found = table(world, "--groups")
    assert [(int(g["trial"]), g["group"]) for g in found] == sorted(groups)
    check_scores(np.array([[float(g[name]) for name in NAMES] for g in found]), np.array([groups[key] for key in sorted(groups)]))
    assert r["digest"] == digest_of(rows, found)
    return r["digest"]


@needs_reference
def test_every_sum_of_the_real_ledger_equals_the_reference_on_1_2_and_5_slots(world):
    subprocess.run([sys.executable, "-W", "ignore", str(PREPARE), str(world.path), "ledger"], check=True)
    pack(world, world.path / "ledger")
    reference = expected(read(world.path / "ledger"))
    assert reference[0].shape == (len(TRIALS) * 505, len(NAMES)) and len(reference[1]) == len(TRIALS) * 4
    sweep = sweep_of(world)
    assert len({check_run(world, world.json("run", sweep, "--slots", slots, "--fresh"), reference) for slots in (1, 2, 5)}) == 1


@needs_reference
def test_the_made_up_ledger_is_the_references(world):
    """Its trades are those that the reference draws around its closes; it has gaps, short positions and a symbol without trades."""
    make_ledger(world.path, 40, 300, 3, 6, seed=5)
    ledger, module = read(world.path), load(REFERENCE)
    for i, symbol in enumerate(sorted(ledger)):
        days, closes = zip(*ledger[symbol][1])
        assert ledger[symbol][0] == module.ledger(days, closes, 6, 3, 5 + i)
    with open(world.path / "closes.csv", "a") as f:
        f.write("T,1,\nT,2,5\n")
    pack(world, world.path)
    reference = expected(read(world.path))
    assert len({check_run(world, world.json("run", sweep_of(world, order=order)), reference) for order in ("trial", "key")}) == 1


@pytest.mark.parametrize("role", ["slot", "worker", "broker"])
def test_killed_in_the_middle_it_has_the_same_digest(world, role):
    make_ledger(world.path, 60, 200, 3, 20)
    pack(world, world.path)
    sweep = sweep_of(world, params={**PARAMS, "fee_bps": [x / 4 for x in range(40)]})
    whole = world.json("run", sweep, "--slots", "2", "--fresh")["digest"]
    p = world.start("run", sweep, "--slots", "2", "--json", "--fresh")
    started(world, p, 3000)
    signal_all(pids_of(p.pid, role)[:1], signal.SIGKILL)
    p.communicate()
    assert p.returncode == 0 and world.json("show", "last")["digest"] == whole
    assert digest_of(table(world), table(world, "--groups")) == whole


def test_the_example_runs(world):
    make_ledger(world.path, 30, 250, 3, 5)
    pack(world, world.path)
    shutil.copy(SOURCE / "plugins" / "fifo_pnl" / "example" / "pnl.yaml", world.path)
    r = world.json("run", "pnl.yaml")
    assert r["tasks"]["done"] == 90 and r["groups"] == 450
    assert all(math.isfinite(v) for best in r["best"] for v in best["scores"].values())


def test_a_bad_row_is_named(world):
    make_ledger(world.path, 2, 50, 2, 3)
    lines = (world.path / "trades.csv").read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("S00001")) + 4
    symbol, day, broker, _, price = lines[at].split(",")
    lines[at] = f"{symbol},{day},{broker},0,{price}"
    (world.path / "trades.csv").write_text("\n".join(lines) + "\n")
    pack(world, world.path)
    r = world.json("run", sweep_of(world, params={}), code=3)
    assert [(f["task"], f["reason"]) for f in r["failures"]] == [(1, "row 5 of the trades of S00001: its quantity is 0")]
    r = world.json("run", world.sweep("whole.yaml", plugin="fifo_pnl", data="ledger.sheaf", params={}, goal={"maximize": "realized"}), code=4)
    assert r["failures"][0]["reason"].endswith("its day is before the one of the row above (does the sweep lack `keys`?)")
