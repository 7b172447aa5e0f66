# SPDX-License-Identifier: MIT
"""Output arrays: what tasks fill becomes a dataset, the same one whoever ran them and whoever was killed. Tasks are those of
tests/plugins/rows.c; what their rows should hold numpy says."""

import os
import signal

import numpy as np
import pytest

from conftest import SANITIZED, wait_until
from support import STATE_FILES, descendants, has_got_to, signal_all, table

DAYS = 10
PRICES = np.arange(DAYS * 2.0).reshape(DAYS, 2) + 1



@pytest.fixture
def prices(world):
    np.save(world.path / "prices.npy", PRICES)
    world.run("pack", "prices.sheaf", "prices=prices.npy")
    return world


def rows(world, filename="sweep.yaml", n=50, output="out.sheaf", params=None, **fields):
    params = {"x": {"from": 0, "to": n - 1, "step": 1}, **(params or {})}
    return world.sweep(filename, plugin="rows", data="prices.sheaf", output=output, params=params, goal=None, **fields)


def pages(n):
    return (n + 4095) // 4096 * 4096


def arrays(path, trials=1, **shapes):
    """The arrays of a dataset file, by the layout that data/header.h tells: by name, each at the next page behind the header."""
    data = path.read_bytes()
    assert data[:8] == b"SHEAFDS1"
    shapes["trials.run"] = ("?", (trials,))
    at, found = pages(16 + int.from_bytes(data[8:16], "little") + 32), {}
    for name, (dtype, shape) in sorted(shapes.items()):
        found[name] = np.frombuffer(data, dtype, int(np.prod(shape)), pages(at)).reshape(shape)
        at = pages(at) + found[name].nbytes
    assert at == len(data)
    return found


def check(path, n, empty=(), keys=1, params=("x",), key_names=None, big=3):
    """The file holds the rows of n trials x keys tasks, but for those in `empty`."""
    more = {f"trial_{p}": ("<f8", (n,)) for p in params}
    shapes = {"series": ("<f8", (n, keys, 1, DAYS)), "pair": ("<i4", (n, keys, 1, 2, big)), "one": ("<f4", (n, keys, 1)),
              "never": ("<f8", (n, keys, 1)), **more}
    if key_names is not None:
        shapes["key_name"] = ("<i8", (keys,))
    a = arrays(path, n, **shapes)
    x = np.arange(n, dtype=float)
    series = np.broadcast_to(PRICES[:, 0] * x[:, None, None, None], (n, keys, 1, DAYS)).copy()
    one = np.broadcast_to(x[:, None, None], (n, keys, 1)).astype("<f4")
    pair = (np.arange(n * keys)[:, None] + np.arange(2 * big)).reshape(n, keys, 1, 2, big).astype("<i4")
    for i in empty:
        series[i], one[i], pair[i] = np.nan, np.nan, 0
    assert np.array_equal(a["series"], series, equal_nan=True)
    assert np.array_equal(a["one"], one, equal_nan=True)
    assert np.array_equal(a["pair"], pair)
    assert np.isnan(a["never"]).all()
    if "x" in params:
        assert np.array_equal(a["trial_x"], x)
    if key_names is not None:
        assert list(a["key_name"]) == list(key_names)


def parts(world):
    return [p.name for p in world.path.rglob(".*.part")]


# ---- the plain case ----

def test_rows_become_a_dataset_that_equals_numpys(prices):
    r = prices.json("run", rows(prices))
    assert r["state"] == "done" and r["goal"] is None and r["best"] == []
    assert r["output"]["path"] == str(prices.path / "out.sheaf")
    check(prices.path / "out.sheaf", 50)
    shown = prices.json("inspect", "out.sheaf", "--verify")
    assert shown["digest"] == r["output"]["digest"] and parts(prices) == []
    assert [a["shape"] for a in shown["arrays"] if a["name"] == "pair"] == [[50, 1, 1, 2, 3]]
    assert prices.json("show", "last")["output"] == r["output"]
    assert r["output"]["digest"] in prices.run("show", "last").stdout
    assert float(table(prices)[7]["done"]) == 1


def test_slots_and_names_change_nothing_in_the_digest(prices):
    digests = {prices.json("run", rows(prices, f"s{n}.yaml", n=400, output=f"out{n}.sheaf"), "--slots", n)["output"]["digest"]
               for n in (1, 2, 5)}
    assert len(digests) == 1


def test_rows_of_tasks_that_fail_die_or_are_skipped_stay_empty(prices):
    sweep = rows(prices, n=30, params={"bad": 7, "crash": 11}, where=["x != 20"], limits={"attempts": 2})
    r = prices.json("run", sweep, "--slots", "2", code=3)
    assert r["tasks"] == {"total": 30, "done": 27, "failed": 2, "skipped": 1}
    check(prices.path / "out.sheaf", 30, empty=(7, 11, 20), params=("x", "bad", "crash"))
    assert prices.refused("retry", "last", "--failed", code=None).endswith("the output file of this sweep is complete: run the sweep again with --fresh --overwrite")


def test_keys_are_an_axis_and_named(prices):
    prices.run("run", rows(prices, n=4, keys={"range": [5, 12]}))
    check(prices.path / "out.sheaf", 4, keys=7, key_names=range(5, 12))


def test_the_order_of_execution_changes_nothing(prices):
    fields = dict(n=6, keys={"range": [0, 5]}, params={"bad": 2})
    by_trial = prices.json("run", rows(prices, "a.yaml", output="a.sheaf", **fields), code=3)
    by_key = prices.json("run", rows(prices, "b.yaml", output="b.sheaf", order="key", **fields), code=3)
    assert by_key["output"]["digest"] == by_trial["output"]["digest"]
    check(prices.path / "b.sheaf", 6, empty=[2], keys=5, key_names=range(5), params=("x", "bad"))


def test_an_output_is_found_beside_the_sweep_file_and_is_data_of_another(prices):
    (prices.path / "sub").mkdir()
    os.rename(prices.path / "prices.sheaf", prices.path / "sub" / "prices.sheaf")
    r = prices.json("run", rows(prices, "sub/one.yaml", n=6))
    assert r["output"]["path"] == str(prices.path / "sub" / "out.sheaf")
    # [6, 1, 1, 10] is taken for two axes, because the surplus ones have one element
    two = prices.sweep("two.yaml", plugin="folded", data="sub/out.sheaf", params={"x": [0]}, goal={"maximize": "total"})
    r = prices.json("run", two)
    assert r["best"][0]["scores"] == {"rows": 6.0, "columns": 10.0, "total": PRICES[:, 0].sum() * 15, "prices": 0.0}


def test_large_rows_take_no_more_memory_than_one_a_slot(prices):
    big = 1 << 19  # 4 MiB a row
    r = prices.json("run", rows(prices, n=60, config={"big": big}), "--slots", "2")
    check(prices.path / "out.sheaf", 60, big=big)
    assert SANITIZED or r["peak_memory_mb"] < 60  # the file has 240 MB


# ---- what is there already, and what is not ----

def test_a_file_that_is_there_is_not_replaced_unless_asked_for(prices):
    out = prices.file("out.sheaf", "precious")
    sweep = rows(prices)
    line = prices.refused("run", sweep)
    assert line == f"sheaf: output {out}: the file exists; replace it with --overwrite, or choose another name"
    assert out.read_text() == "precious" and parts(prices) == []
    r = prices.json("run", sweep, "--overwrite")
    check(out, 50)
    again = prices.json("run", sweep)  # its own file is in nobody's way
    assert again["output"] == r["output"] and again["resumed"] == 50
    assert prices.json("run", sweep, "--fresh", "--overwrite")["output"] == r["output"]
    assert "--overwrite" in prices.refused("run", sweep, "--fresh")
    assert prices.json("run", sweep)["resumed"] == 50  # refused before anything was forgotten


def test_a_file_that_was_removed_is_made_again_only_when_asked_for(prices):
    sweep = rows(prices)
    r = prices.json("run", sweep)
    os.unlink(prices.path / "out.sheaf")
    line = prices.run("run", sweep, code=2).stderr
    assert "the file is gone: make it again with --fresh" in line
    assert prices.json("run", sweep, "--fresh")["output"] == r["output"]


def test_folders_and_names_that_cannot_be(prices):
    for name, why in (("no/out.sheaf", "No such file or directory"), ("prices.npy/out.sheaf", "not a folder"),
                      ("sub", "there is something that is no file")):
        (prices.path / "sub").mkdir(exist_ok=True)
        line = prices.refused("run", rows(prices, output=name), code=None)
        assert why in line, line
    (prices.path / "here").symlink_to(".")
    for name in ("prices.sheaf", "here/prices.sheaf"):
        line = prices.refused("run", rows(prices, output=name), "--overwrite")
        assert line.endswith("output is the file that data names; give another one")
    line = prices.refused("run", rows(prices, output=None))
    assert line.endswith("sweep.yaml:1:1: rows makes output arrays (series...); add output: FILE.sheaf")
    line = prices.refused("run", rows(prices, keep={"best": 3}))
    assert line.endswith("an output needs the results of all trials; remove keep")
    line = prices.refused("run", rows(prices, config={"big": 1 << 40}))
    assert line.endswith("a row of the output pair is over 1024 MiB; let a task make a smaller part")
    line = prices.refused("run", rows(prices, n=10**9, config={"big": 1 << 20}))
    assert line.endswith("the output would be over 4096 GiB; make fewer or smaller rows")


def test_a_dry_run_makes_no_file(prices):
    r = prices.json("run", rows(prices, n=1000), "--dry-run")
    assert r["output_bytes"] > 1000 * (DAYS * 8 + 24)
    assert not (prices.path / "out.sheaf").exists() and parts(prices) == []


# ---- stopped, killed, beside others ----

def slow(world, filename="slow.yaml", output="out.sheaf", n=600):
    return rows(world, filename, n=n, output=output, params={"spin": 1000000})


def slow_started(world, sweep, tasks, *more):
    """A run of which so many tasks are done and which still runs."""
    for fresh in ((), *[("--fresh", "--overwrite")] * 9):
        p = world.start("run", sweep, "--slots", "2", "--json", *fresh, *more)
        if has_got_to(world, p, tasks):
            return p
        p.communicate()
    raise AssertionError("it is always over before it is seen")


@pytest.fixture
def undisturbed(prices):
    return prices, prices.json("run", slow(prices, "other.yaml", "other.sheaf"))["output"]["digest"]


@pytest.mark.parametrize("roles", [["slot"], ["worker"], ["broker"], ["broker", "worker", "slot"]], ids="+".join)
def test_the_file_is_the_same_whatever_is_killed(undisturbed, roles):
    world, digest = undisturbed
    p = slow_started(world, slow(world), 200)
    assert signal_all([pid for pid, role in descendants(p.pid).items() if role in roles], signal.SIGKILL)
    out, err = p.communicate()
    assert p.returncode == 0, err
    check(world.path / "out.sheaf", 600, params=("x", "spin"))
    assert world.json("show", "last")["output"]["digest"] == digest and parts(world) == []


def test_what_is_half_made_goes_on_after_the_client_is_killed_and_goes_with_its_sweep(undisturbed):
    world, digest = undisturbed
    sweep = slow(world)
    p = slow_started(world, sweep, 200)
    p.kill()
    p.communicate()
    wait_until(lambda: not world.processes(), "the others end by themselves")
    assert len(parts(world)) == 1 and not (world.path / "out.sheaf").exists()
    shown = world.json("show", "last")
    assert shown["state"] == "paused" and shown["output"]["digest"] is None
    r = world.json("run", sweep, "--slots", "2")
    assert r["resumed"] >= 200 and r["output"]["digest"] == digest and parts(world) == []
    world.run("rm", "last")
    assert (world.path / "out.sheaf").exists()
    os.unlink(world.path / "out.sheaf")
    p = slow_started(world, sweep, 100)
    p.send_signal(signal.SIGINT)
    p.communicate()
    assert len(parts(world)) == 1
    world.run("rm", "last")
    assert parts(world) == [] and not (world.path / "out.sheaf").exists()


def test_a_half_made_file_that_has_gone_is_not_taken_for_a_whole_one(prices):
    sweep = slow(prices)
    p = slow_started(prices, sweep, 100)
    p.send_signal(signal.SIGINT)
    p.communicate()
    os.unlink(prices.path / parts(prices)[0])
    r = prices.run("run", sweep, code=2)
    assert "the file that it is made in is gone or damaged: start over with --fresh" in r.stderr
    assert prices.json("run", sweep, "--fresh")["state"] == "done"
    check(prices.path / "out.sheaf", 600, params=("x", "spin"))


def test_two_sweeps_that_make_one_file(prices):
    sweep = slow(prices)
    p = slow_started(prices, sweep, 50)
    line = prices.refused("run", sweep, "--state", prices.path / "elsewhere", code=None)
    assert line.endswith("out.sheaf: another sweep is making it")
    r = prices.json("run", rows(prices, "quick.yaml", n=20))  # another one, which is through first
    check(prices.path / "out.sheaf", 20)
    _, err = p.communicate()
    assert p.returncode == 2 and "the file exists; replace it with --overwrite, or choose another name" in err
    assert prices.json("inspect", "out.sheaf")["digest"] == r["output"]["digest"]
    r = prices.json("run", sweep, "--overwrite")  # nothing is lost
    assert r["resumed"] == 600 and r["state"] == "done"
    check(prices.path / "out.sheaf", 600, params=("x", "spin"))
    assert parts(prices) == [] and [str(f) for f in prices.path.glob(".*")] == []


def test_one_sweep_in_two_state_directories(undisturbed):
    """What one knows to be done is not in the file that the other has begun anew."""
    world, digest = undisturbed
    sweep, there = slow(world), ["--state", world.path / "elsewhere"]
    for tasks, state in ((200, []), (1, there)):
        p = slow_started(world, sweep, tasks, *state)
        p.send_signal(signal.SIGINT)
        p.communicate()
    line = world.run("run", sweep, code=2).stderr
    assert line.rstrip().endswith("the same sweep in another state directory has begun it anew: start over with --fresh")
    world.run("rm", "last")
    assert len(parts(world)) == 1
    assert world.json("run", sweep, *there)["output"]["digest"] == digest


def test_nothing_is_left_in_the_state_directory(prices):
    prices.run("run", rows(prices))
    files = [str(f.relative_to(prices.state)) for f in prices.state.rglob("*") if f.is_file()]
    assert [f for f in files if not STATE_FILES.fullmatch(f)] == []
