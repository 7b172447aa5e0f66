# SPDX-License-Identifier: MIT
"""Plugins that crash, hang, leak, lie and print: they cost the tasks in which they do it, and nothing else."""

import json
import signal

import pytest

from conftest import PORTABLE, SANITIZED
from support import digest_of, scores_of, table

N = 600
EVERY = 100  # a task in so many goes wrong
BAD = list(range(7, N, EVERY))
CRASHES = {"segv": signal.SIGSEGV, "abort": signal.SIGABRT, "kill": signal.SIGKILL, "fpe": signal.SIGFPE,
           "stackoverflow": signal.SIGSEGV}


def fault(world, filename="sweep.yaml", n=N, limits=None, **params):
    params = {"every": EVERY, "at": 7, **params, "x": {"from": 0, "to": n - 1, "step": 1}}
    return world.sweep(filename, plugin="fault", params=params, limits=limits)


def expected(bad=()):
    """The digest of a run in which those tasks failed."""
    return digest_of([{"status": "failed" if i in bad else "done", "value": str(i / 2)} for i in range(N)])


def check_costs_its_tasks_only(world, r, kind, reason, attempts):
    assert r["state"] == "done" and r["tasks"] == {"total": N, "done": N - len(BAD), "failed": len(BAD), "skipped": 0}
    assert [(f["task"], f["kind"], f["attempts"]) for f in r["failures"]] == [(i, kind, attempts) for i in BAD]
    assert all(reason in f["reason"] for f in r["failures"]), r["failures"]
    rows = table(world)
    assert [row["status"] for row in rows] == ["failed" if i in BAD else "done" for i in range(N)]
    assert [scores_of(row)[0] for row in rows if row["status"] == "done"] == [i / 2 for i in range(N) if i not in BAD]
    assert r["digest"] == expected(BAD) == digest_of(rows)


@pytest.mark.parametrize("mode", CRASHES)
def test_a_crash_costs_its_task_after_three_attempts(world, mode):
    r = world.json("run", fault(world, mode=mode), "--slots", "2", code=3)
    check_costs_its_tasks_only(world, r, "crash", f"signal {CRASHES[mode]:d}", 3)


@pytest.mark.parametrize("mode, status", [("exit", 7), ("exit_ok", 0)])
def test_an_exit_costs_its_task_after_three_attempts(world, mode, status):
    r = world.json("run", fault(world, mode=mode), "--slots", "2", code=3)
    check_costs_its_tasks_only(world, r, "exit", f"exit {status}", 3)


@pytest.mark.parametrize("mode, reason", [("error", "fault: an error as told"), ("no_reason", "without saying why")])
def test_an_error_is_final_at_once(world, mode, reason):
    r = world.json("run", fault(world, mode=mode), "--slots", "2", code=3)
    check_costs_its_tasks_only(world, r, "error", reason, 1)


@pytest.mark.parametrize("mode", ["hang", "spin"])
def test_a_task_that_runs_too_long_is_stopped(world, mode):
    r = world.json("run", fault(world, mode=mode, limits={"task_seconds": 0.25, "attempts": 2}), "--slots", "2", code=3)
    check_costs_its_tasks_only(world, r, "timeout", "task_seconds", 2)
    assert "task_seconds" in r["qualified"]


no_memory_limits = pytest.mark.skipif(SANITIZED or PORTABLE, reason="memory is neither measured by the portable twins nor beside a sanitizer")


@no_memory_limits
def test_a_task_that_takes_too_much_memory_is_stopped(world):
    r = world.json("run", fault(world, mode="hoard", mb=200, limits={"memory_mb": 120}), "--slots", "2", code=3)
    check_costs_its_tasks_only(world, r, "memory", "memory_mb", 3)
    assert "memory_mb" in r["qualified"]


@no_memory_limits
def test_a_slow_leak_costs_no_task(world):
    r = world.json("run", fault(world, mode="leak", mb=30, every=10, limits={"memory_mb": 120}), "--slots", "1")
    assert r["tasks"]["done"] == N and r["digest"] == expected()


def test_nan_is_a_score(world):
    r = world.json("run", fault(world, mode="nan"), "--slots", "2", "--top", "600")
    assert r["tasks"]["failed"] == 0
    assert [b["trial"] for b in r["best"]] == [i for i in reversed(range(N)) if i not in BAD] + BAD
    assert [row["value"] for row in table(world) if int(row["task"]) in BAD] == [""] * len(BAD)


@pytest.mark.parametrize("mode", ["segv", "exit", "hang"])
def test_what_goes_wrong_in_the_first_attempts_only_changes_nothing(world, mode):
    r = world.json("run", fault(world, mode=mode, attempts=2, limits={"task_seconds": 0.25}), "--slots", "2")
    assert r["tasks"]["failed"] == 0 and r["failures"] == [] and r["digest"] == expected()


def test_the_number_of_attempts_is_a_limit_of_the_sweep(world):
    sweep = fault(world, mode="segv", attempts=4, limits={"attempts": 4})
    assert world.json("run", sweep, code=3)["failures"][0]["attempts"] == 4
    more = world.json("run", fault(world, mode="segv", attempts=4, limits={"attempts": 5}), "--fresh")
    assert more["tasks"]["failed"] == 0 and more["digest"] == expected()


@no_memory_limits
def test_every_way_of_going_wrong_in_one_sweep(world):
    modes = ["none", "segv", "abort", "exit", "hang", "error", "nan", "hoard"]
    sweep = world.sweep(plugin="fault", params={"mode": modes, "every": 20, "mb": 200, "x": list(range(40))},
                        limits={"task_seconds": 1, "memory_mb": 120, "attempts": 2})
    r = world.json("run", sweep, "--slots", "2", code=3)
    kinds = {1: "crash", 2: "crash", 3: "exit", 4: "timeout", 5: "error", 7: "memory"}
    assert {f["task"]: f["kind"] for f in r["failures"]} == {40 * m + i: kind for m, kind in kinds.items() for i in (0, 20)}
    assert r["tasks"]["done"] == 40 * len(modes) - 2 * len(kinds)


# ---- the end of the whole sweep ----

@pytest.mark.parametrize("mode", ["error", "segv"])
def test_a_sweep_stops_early_after_so_many_failures(world, mode):
    r = world.json("run", fault(world, mode=mode, every=2, at=1, n=20000, limits={"failures": 30, "attempts": 1}), code=7)
    assert r["state"] == "failed" and "limits.failures" in r["reason"] and "limits.failures" in r["qualified"]
    assert 30 <= r["tasks"]["failed"] < 9000


@pytest.mark.parametrize("mode", ["error", "exit"])
def test_a_sweep_in_which_every_task_failed_is_exit_4(world, mode):
    r = world.json("run", fault(world, mode=mode, every=1, at=0, n=40, limits={"attempts": 1}), "--slots", "2", code=4)
    assert r["state"] == "done" and r["tasks"] == {"total": 40, "done": 0, "failed": 40, "skipped": 0}
    assert len(r["failures"]) == 20  # the first ones
    assert [f["task"] for f in r["failures"]] == list(range(20))


def test_retry_runs_the_failed_tasks_again_when_the_world_was_mended(world):
    broken = world.file("broken", "")
    r = world.json("run", fault(world, mode="segv", file=str(broken)), "--slots", "2", code=3)
    assert r["tasks"]["failed"] == len(BAD)
    again = world.json("retry", "last", "--failed", code=3)
    assert again["tasks"] == r["tasks"] and again["digest"] == r["digest"]
    broken.unlink()
    mended = world.json("retry", "last", "--failed")
    assert mended["tasks"] == {"total": N, "done": N, "failed": 0, "skipped": 0} and mended["failures"] == []
    assert mended["digest"] == expected()
    assert world.json("show", "last")["digest"] == expected()
    assert "no failed tasks" in world.refused("retry", "last", "--failed")


def test_a_failed_sweep_is_answered_from_the_journal_until_it_is_retried(world):
    broken = world.file("broken", "")
    sweep = fault(world, mode="exit", file=str(broken))
    world.json("run", sweep, code=3)
    broken.unlink()
    r = world.json("run", sweep, code=3)
    assert r["resumed"] == N and r["tasks"]["failed"] == len(BAD)
    assert world.json("run", sweep, "--fresh")["digest"] == expected()


def test_a_trial_with_a_failed_cell_ranks_last_and_has_no_scores(world):
    numpy = pytest.importorskip("numpy")
    numpy.save(world.path / "rows.npy", numpy.arange(20.0))
    world.run("pack", "rows.sheaf", "rows=rows.npy")
    sweep = world.sweep(plugin="fault", data="rows.sheaf", params={"mode": "error", "every": 10, "x": [3, 1, 2]},
                        split={"walk_forward": {"train": 5, "test": 3}})
    r = world.json("run", sweep, code=3)
    assert r["tasks"] == {"total": 15, "done": 13, "failed": 2, "skipped": 0}
    assert [(b["trial"], b["scores"]["value"]) for b in r["best"]] == [(1, 0.5), (0, None), (2, None)]
    assert [(t["value"], t["tasks"], t["failed"]) for t in table(world, "--trials")] == [
        ("", "5", "1"), ("0.5", "5", "0"), ("", "5", "1")]


# ---- what it said before ----

def logged(world, *args):
    return [json.loads(line) for line in world.run("logs", "last", "--json", *args).stdout.splitlines()]


def test_the_log_of_a_task_that_died_is_kept(world):
    r = world.json("run", fault(world, mode="exit"), code=3)
    assert {f["tail"] for f in r["failures"]} == {"fault: exit 7 as told"}
    lines = logged(world)
    assert {line["task"] for line in lines} == set(BAD) and {line["text"] for line in lines} == {"fault: exit 7 as told"}
    assert [line["task"] for line in logged(world, "--task", "107")] == [107] * 3  # a line an attempt
    assert "task 107 warning: fault: exit 7 as told" in world.run("logs", "last", "--task", "107").stdout
    assert logged(world, "--task", "108") == []


@pytest.mark.skipif(PORTABLE, reason="the portable twin of slotio cannot say which task printed")
def test_what_a_task_prints_is_its_own_and_is_cut_off_at_some_length(world):
    r = world.json("run", fault(world, mode="print", mb=2), "--slots", "2")
    assert r["digest"] == expected()
    lines = logged(world, "--task", "7")
    for level in ("info", "warning"):  # stdout and stderr
        texts = [line["text"] for line in lines if line["level"] == level and line["text"].isdigit()]
        assert texts[:100] == [f"{i:063d}" for i in range(100)] and len(texts) < 32768
    assert {line["task"] for line in logged(world)} == set(BAD)


# ---- plugins that never get to a task (test_wrong_state.py has more) ----

def test_a_plugin_that_does_not_open_can_be_given_up(world):
    p = world.start("run", world.sweep(plugin="open_hang"))
    line = p.stderr.readline()  # of progress: it runs
    assert "0/10 tasks" in line
    p.send_signal(signal.SIGINT)
    p.communicate()
    assert p.returncode == 5


# ---- state between tasks ----

def test_verify_finds_a_plugin_that_keeps_state(world):
    sweep = world.sweep(plugin="stateful", params={"x": list(range(400))})
    r = world.json("run", sweep, "--verify", "20%", "--slots", "2", code=3)
    assert {f["kind"] for f in r["failures"]} == {"verify"} and r["tasks"]["failed"] == 0
    out = world.run("run", sweep, "--verify", "20%", "--fresh", code=3).stdout
    assert "tasks run twice" in out and "keep state between tasks?" in out


def test_verify_finds_nothing_in_a_plugin_that_keeps_none(world):
    sweep = world.sweep(plugin="stateful", params={"count": False, "x": list(range(400))})
    plain = world.json("run", sweep, "--slots", "2")
    r = world.json("run", sweep, "--verify", "20%", "--slots", "2", "--fresh")
    assert r["failures"] == [] and r["digest"] == plain["digest"]
    assert ", 0 with other scores" in world.run("run", sweep, "--verify", "100%", "--slots", "2", "--fresh").stdout


def test_what_a_plugin_leaves_behind_in_its_process_is_put_right(world):
    r = world.json("run", world.sweep(plugin="rude", params={"x": list(range(1, 301))}, goal={"maximize": "third"}), "--slots", "2")
    rows = [scores_of(row) for row in table(world)]
    assert [row[:2] for row in rows] == [[x / 3, 0] for x in range(1, 301)]  # as rounded to nearest
    assert r["tasks"]["done"] == 300
