# SPDX-License-Identifier: MIT
"""What tasks emit for groups: the sums and the digest over them are those that Python computes, whatever the number of slots and whatever
is killed; what is too much fails the task, and what is not kept is announced."""

import signal

import pytest

from support import digest_of, finished, pids_of, signal_all, started, table

N = 300  # tasks, each of which is a trial
ROWS, GROUPS = 20_000, 20  # rows that a task emits: 1,000 for each of its groups; a millisecond or so


@pytest.fixture
def sweep(world):
    return world.sweep(plugin="groups", params={"x": {"from": 0, "to": N - 1, "step": 1}, "rows": ROWS, "groups": GROUPS, "lines": 0,
                                                "fail": True})


def check(world, r):
    """Every seventh task fails, and has no rows."""
    groups, good = table(world, "--groups"), [i for i in range(N) if i % 7 != 3]
    per_group = ROWS // GROUPS
    assert [(int(g["trial"]), g["group"], float(g["count"]), float(g["index"])) for g in groups] == [
        (i, name, per_group, per_group * i) for i in good for name in sorted(f"g{k}" for k in range(GROUPS))]
    assert r["digest"] == digest_of(table(world), groups)
    assert r["groups"] == len(groups) and r["tasks"]["failed"] == N - len(good)
    return r["digest"]


def test_sums_and_digest_do_not_depend_on_the_slots(world, sweep):
    assert len({check(world, world.json("run", sweep, "--slots", slots, "--fresh", code=3)) for slots in (1, 2, 5)}) == 1


@pytest.mark.parametrize("role", ["slot", "worker", "broker"])
def test_killed_in_the_middle_nothing_counts_twice(world, sweep, role):
    p = world.start("run", sweep, "--slots", "2", "--json")
    started(world, p, N // 4)
    signal_all(pids_of(p.pid, role)[:1], signal.SIGKILL)
    p.communicate()
    check(world, world.json("show", "last"))


def test_more_trials_have_the_digest_of_all(world, sweep):
    part = world.json("run", sweep, "--limit", N // 2, code=3)["digest"]
    assert check(world, world.json("run", sweep, code=3)) != part


@pytest.mark.parametrize("params, why", [
    ({"rows": 1_000_000, "groups": 1_000_000}, "emit: more than 65,536 groups, or 16 MiB of them, in one task"),
    ({"rows": 1, "bytes": 1 << 20}, "emit: a group's name has to be UTF-8 of at most 65,535 bytes"),
])
def test_too_much_fails_the_task(world, params, why):
    r = world.json("run", world.sweep(plugin="groups", params={"x": [1, 2], "lines": 0, **params}), "--slots", "2", code=4)
    assert [(f["kind"], f["reason"]) for f in r["failures"]] == [("error", why)] * 2 and r["groups"] == 0


@pytest.mark.parametrize("ignore", ["false", "true"])
def test_a_trial_run_refuses_what_a_sweep_does(world, ignore):
    args = [arg for value in ["rows=1", f"bytes={1 << 20}", f"ignore={ignore}"] for arg in ["--set", value]]
    r = world.json("plugin", "try", "groups", *args, code=4)
    assert r["reason"] == "emit: a group's name has to be UTF-8 of at most 65,535 bytes"


def test_as_much_as_may_be_in_many_tasks(world):
    sweep = world.sweep(plugin="groups", params={"x": [1, 2], "rows": 65536, "groups": 65536, "lines": 0})
    r = world.json("run", sweep, "--slots", "2")
    groups = table(world, "--groups")
    assert r["groups"] == len(groups) == 2 * 65536 and r["digest"] == digest_of(table(world), groups)


def test_keep_best_says_that_it_stores_none(world):
    sweep = world.sweep(plugin="groups", params={"x": [1, 2, 3], "lines": 0}, keep={"best": 2})
    p = world.run("run", sweep, "--slots", "1")
    assert "sheaf: keep: best stores no groups: what the plugin groups emits is left out (keep: all has it)\n" in p.stderr
    r = world.json("show", "last")
    assert r["groups"] == 0 and r["digest"] == digest_of([{"status": "done", "value": str(x / 2)} for x in (1, 2, 3)])
    assert "no group rows" in world.run("results", "last", "--groups", code=2).stderr
