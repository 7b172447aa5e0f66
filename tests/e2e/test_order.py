# SPDX-License-Identifier: MIT
"""The order of execution changes positions and nothing else: in order of keys every result is that of the order of trials, whatever the
number of slots, whoever is killed, and whatever is run again."""

import json
import signal
import struct

import pytest

from conftest import wait_until
from support import descendants, done, finished, has_got_to, signal_all, started, table


def told(world, state):
    """All that a sweep has to say of its results, but for the order of log lines."""
    out = {}
    for what in ("--tasks", "--trials", "--groups"):
        for form in ("csv", "jsonl") if what == "--groups" else ("csv", "jsonl", "npy"):
            world.run("results", "last", what, "--format", form, "-o", "out", "--state", state)
            out[what, form] = (world.path / "out").read_bytes()
            (world.path / "out").unlink()
    out["logs"] = sorted(world.run("logs", "last", "--state", state).stdout.splitlines())
    return out


@pytest.mark.parametrize("split", [None, {"k_fold": {"k": 3}}], ids=["cells", "splits"])
def test_results_are_those_of_the_order_of_trials(world, split):
    """Failed, skipped and verified tasks, group rows and log lines among them."""
    fields = dict(plugin="groups", keys={"range": [0, 5]}, params={"x": list(range(1, 31)), "fail": True}, where=["x != 7"],
                  reduce={"key": "sum"})
    if split:  # which needs rows
        lines = [f"{k},{day},{day * (1 + ord(k))}.5" for k in "ABCDE" for day in range(6)]
        world.file("t.csv", "\n".join(["sym,day,v", *lines]) + "\n")
        world.run("pack", "d.sheaf", "--csv", "t=t.csv", "--key", "sym", "--order", "day")
        fields = dict(plugin="keyed", data="d.sheaf", keys="sym", params={"x": list(range(1, 31))}, where=["x != 7"], split=split,
                      goal={"maximize": "test"})
    code = 0 if split else 3
    world.sweep("trial.yaml", **fields)
    world.sweep("key.yaml", order="key", **fields)
    r = world.json("run", "trial.yaml", "--state", "trial", code=code)
    assert r["tasks"]["skipped"] == 5 * (3 if split else 1) and (split or r["tasks"]["failed"] > 10)
    wanted = told(world, "trial")
    for slots in (1, 2, 5):
        k = world.json("run", "key.yaml", "--state", f"key{slots}", "--slots", slots, "--verify", "10%", code=code)
        assert k["digest"] == r["digest"] and k["tasks"] == r["tasks"] and k["best"] == r["best"]
        assert k["failures"] == r["failures"] and k["verify"]["tasks"] > 0 and k["verify"]["mismatched"] == 0
        assert told(world, f"key{slots}") == wanted


N_KEYS, N_TRIALS = 10, 100


def slow(world, order="key"):
    """1,000 tasks of 2 ms, each of which notes that it has run."""
    return world.sweep(f"{order}.yaml", plugin="sleep", order=order, keys={"range": [0, N_KEYS]},
                       params={"ms": 2, "spin": True, "note": str(world.path / "notes"),
                               "x": {"from": 0, "to": N_TRIALS - 1, "step": 1}})


def noted(world):
    data = (world.path / "notes").read_bytes() if (world.path / "notes").exists() else b""
    return [i for (i,) in struct.iter_unpack("<Q", data)]


def test_one_slot_runs_all_trials_of_a_key_and_then_the_next(world):
    r = world.json("run", slow(world), "--slots", "1", "--set", "params.ms=0")
    assert noted(world) == [trial * N_KEYS + key for key in range(N_KEYS) for trial in range(N_TRIALS)]
    assert r["digest"] == world.json("run", slow(world, "trial"), "--set", "params.ms=0")["digest"]


@pytest.fixture
def digest(world):
    d = world.json("run", slow(world, "trial"), "--set", "params.ms=0", "--set", "params.note=''", "--state", "trial")["digest"]
    return d


@pytest.mark.parametrize("roles", [["slot"], ["worker"], ["broker"], ["broker", "worker", "slot"]], ids="+".join)
def test_killed_parts_are_replaced(world, digest, roles):
    for more in ((), *[("--fresh",)] * 9):  # on a busy machine it may be over before we have seen it
        p = world.start("run", slow(world), "--slots", "2", "--json", *more)
        if has_got_to(world, p, 400):
            break
        p.communicate()
    assert signal_all([pid for pid, role in descendants(p.pid).items() if role in roles], signal.SIGKILL)
    r = finished(world, p)
    assert r["digest"] == digest and r["tasks"]["done"] == N_KEYS * N_TRIALS


def test_a_killed_run_goes_on_where_it_was(world, digest):
    p = world.start("run", slow(world), "--slots", "2", "--json")
    started(world, p, 300)
    partial = table(world)  # also while it runs: what is there, in order of indices
    tasks = [int(row["task"]) for row in partial]
    assert tasks == sorted(tasks) and tasks
    signal_all([p.pid, *descendants(p.pid)], signal.SIGKILL)
    p.communicate()
    wait_until(lambda: not world.processes(), "all have ended", 20)
    before = done(world)
    assert before >= 300
    stored = {int(row["task"]) for row in table(world)}
    ran = len(noted(world))
    r = world.json("run", slow(world))
    assert r["resumed"] == before == len(stored) and r["digest"] == digest
    assert not stored & set(noted(world)[ran:])  # nothing runs again


def test_retry(world):
    """Failed tasks run again, and no others; then all is as it had always been so."""
    broken = world.file("broken", "")
    fields = dict(plugin="fault", keys={"range": [0, 5]}, params={"x": list(range(1, 21)), "mode": "error", "every": 3, "file": str(broken)})
    r = world.json("run", world.sweep("trial.yaml", **fields), "--state", "trial", code=3)
    k = world.json("run", world.sweep("key.yaml", order="key", **fields), code=3)
    assert (k["tasks"], k["failures"], k["digest"]) == (r["tasks"], r["failures"], r["digest"])
    again = world.json("retry", "last", "--failed", code=3)
    assert (again["tasks"], again["failures"], again["digest"]) == (r["tasks"], r["failures"], r["digest"])
    lines = [json.loads(line) for line in world.run("results", "last", "--tasks", "--format", "jsonl").stdout.splitlines()]
    assert [line["task"] for line in lines if "failure" in line] == list(range(0, 100, 3))
    broken.unlink()
    mended = world.json("retry", "last", "--failed")
    assert mended["tasks"]["done"] == 100 and mended["resumed"] == 66
    assert mended["digest"] == world.json("run", "trial.yaml", "--state", "mended")["digest"]
