# SPDX-License-Identifier: MIT
"""The results digest is what docs/index-space.md says, computed again in Python from the table of all tasks, and depends on nothing but
the results: not on slots, on what is kept, on where and under which surroundings the sweep runs."""

import os
import shutil

import pytest

from support import BLOCK, digest_of, scores_of, table

MANY = 2 * BLOCK + 4321


def echo(world, filename="sweep.yaml", n=MANY, **fields):
    return world.sweep(filename, params={"x": {"from": 0, "to": n - 1, "step": 1}}, **fields)


def test_null_tasks_over_several_blocks(world):
    r = world.json("run", echo(world), "--slots", "2")
    rows = table(world)
    assert r["tasks"]["done"] == len(rows) == MANY
    assert all(int(row["task"]) == i and float(row["value"]) == i / 2 for i, row in enumerate(rows))
    assert r["digest"] == digest_of(rows)
    assert world.json("run", echo(world, "best.yaml", keep={"best": 10}), "--slots", "5")["digest"] == r["digest"]


@pytest.mark.parametrize("n", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1])
def test_at_the_edges_of_a_block(world, n):
    r = world.json("run", echo(world, n=n), "--slots", "2")
    assert r["digest"] == digest_of([{"status": "done", "value": str(i / 2)} for i in range(n)])


def test_failed_skipped_and_strange_scores(world):
    world.file("trials.csv", "mode,x\n" + "".join(f"{m},{x}\n" for m in ("none", "nan", "error", "segv")
                                                  for x in ("-0.0", "1e300", "-5e-324", "0.1")))
    sweep = world.sweep(plugin="fault", params={"every": 1, "at": 0}, search={"method": "list", "file": "trials.csv"},
                        where="x < 1e299")
    r = world.json("run", sweep, "--slots", "2", code=3)
    rows = table(world)
    assert [row["status"] for row in rows] == ["done", "skipped", "done", "done"] * 2 + ["failed", "skipped", "failed", "failed"] * 2
    assert str(scores_of(rows[0])[0]) == "-0.0" and rows[4]["value"] == ""
    assert r["digest"] == digest_of(rows)


def test_the_first_trials_have_the_digest_of_a_sweep_of_them(world):
    limited = world.json("run", echo(world), "--limit", "1000")
    assert limited["digest"] == world.json("run", echo(world, "short.yaml", n=1000))["digest"]


# ---- surroundings ----

def test_surroundings_change_nothing(world):
    reference = world.json("run", echo(world, n=5000))["digest"]
    far = world.path / "a folder with spaces, 'quotes' and \u00e4"
    far.mkdir()
    shutil.copy(world.path / "sweep.yaml", far / "x.yaml")
    world.env.update(LC_ALL="de_DE.UTF-8", LC_NUMERIC="de_DE.UTF-8", TZ="Asia/Kathmandu", OMP_NUM_THREADS="7", LANG="tr_TR.UTF-8")
    r = world.json("run", "x.yaml", "--state", "st ate/deep", "--slots", "2", cwd=far, umask=0o077)
    assert r["digest"] == reference and r["resumed"] == 0
    assert world.json("run", "x.yaml", "--state", "st ate/deep", cwd=far)["resumed"] == 5000


def test_without_home_and_runtime_directory(world):
    reference = world.json("run", echo(world, n=3000))["digest"]
    for name in ("HOME", "XDG_RUNTIME_DIR"):
        del world.env[name]
    assert world.json("run", "sweep.yaml", "--state", "other")["digest"] == reference


def test_with_signals_ignored_and_descriptors_closed(world):
    reference = world.json("run", echo(world, n=3000))["digest"]

    def rough():
        import signal
        for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGUSR1, signal.SIGTERM})
        os.close(0)

    r = world.run("run", "sweep.yaml", "--fresh", "--json", preexec_fn=rough, stdin=None)
    assert reference in r.stdout
