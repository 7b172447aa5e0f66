# SPDX-License-Identifier: MIT
"""Files with stages: one sweep after another, the later ones on what the earlier ones have made. tests/plugins/rows.c makes it, folded.c
sums it, and fails when it is open for other data than those of its task."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess

import numpy as np
import pytest

from conftest import SANITIZED, wait_until
from support import descendants, has_got_to, table

ROUNDS = int(os.environ.get("SHEAF_STAGES_ROUNDS", "1"))
PRICES = np.arange(20.0).reshape(10, 2) + 1
TOTAL = PRICES[:, 0].sum()


@pytest.fixture
def prices(world):
    np.save(world.path / "prices.npy", PRICES)
    world.run("pack", "prices.sheaf", "prices=prices.npy")
    return world


def first(n=5, **fields):
    return {"name": "rows", "plugin": "rows", "data": "prices.sheaf", "output": "rows.sheaf", "keys": {"range": [0, 3]},
            "params": {"x": {"from": 1, "to": n, "step": 1}, **fields.pop("params", {})}, **fields}


def second(**fields):
    return {"name": "sums", "plugin": "folded", "data": [{"stage": "rows", "along": "trials"}, "prices.sheaf"],
            "params": {"x": [0, 1]}, "goal": {"maximize": "total"}, **fields}


def staged(world, *stages, filename="sweep.yaml", **fields):
    return world.file(filename, json.dumps({**fields, "stages": list(stages)}))


def test_stages_run_one_after_another_and_the_best_has_the_parameters_of_all(prices):
    sweep = staged(prices, first(), second(), name="sums of rows")
    r = prices.run("run", sweep, "--slots", "2")
    assert r.stderr.splitlines()[:1] == ["sheaf: stage 1 of 2: rows"] and "sheaf: stage 2 of 2: sums" in r.stderr
    head = r.stdout.splitlines()[0].split()
    assert head == ["trial", "rows.trial", "rows.x", "x", "rows", "columns", "total", "prices"] or head[:4] == ["trial", "rows.trial", "rows.x", "x"]
    j = prices.json("run", sweep)
    assert j["name"] == "sums of rows: sums" and j["resumed"] == 10 and [s["name"] for s in j["stages"]] == ["sums of rows: rows"]
    assert j["stages"][0]["resumed"] == 15 and j["stages"][0]["output"]["digest"] == j["data"][0]
    assert j["best"][0]["params"] == {"rows.trial": 4, "rows.x": 5, "x": 0} and j["best"][0]["scores"]["total"] == 15 * TOTAL
    assert [float(row["total"]) for row in table(prices, "--trials")] == [x * 3 * TOTAL for x in range(1, 6) for _ in range(2)]
    assert [s["name"] for s in prices.json("list")["sweeps"]] == ["sums of rows: rows", "sums of rows: sums"]


def test_a_changed_stage_makes_the_later_ones_anew(prices):
    prices.run("run", staged(prices, first(), second()))
    changed = staged(prices, first(n=3), second())
    assert prices.run("run", changed, code=2).stderr.endswith("rows.sheaf: the file exists; replace it with --overwrite, or choose another name\n")
    j = prices.json("run", changed, "--overwrite")
    assert j["trials"] == 6 and j["resumed"] == 0
    by_name = prices.json("run", changed, "--set", "stages.sums.params.x=[5]", "--seed", "7", "--overwrite")
    assert by_name["trials"] == 3 and by_name["best"][0]["params"]["x"] == 5


def test_what_a_stage_has_made_must_still_be_there(prices):
    sweep = staged(prices, first(), second())
    prices.run("run", sweep)
    made = prices.path / "rows.sheaf"
    other = prices.path / "kept.sheaf"
    made.rename(other)
    said = prices.run("run", sweep, code=2).stderr.splitlines()[-2:]
    assert said == [f"sheaf: output {made}: the file is gone: make it again with --fresh",
                    "sheaf: --fresh is for all stages; `sheaf rm 1` forgets rows alone, and the same command (with --overwrite where its file is there) makes it again"]
    shutil.copy(prices.path / "prices.sheaf", made)
    said = prices.run("run", sweep, code=2).stderr
    assert f"{made} is another file now" in said and "`sheaf rm 1` forgets rows alone" in said, said
    made.unlink()
    other.rename(made)
    assert prices.json("run", sweep)["resumed"] == 10
    made.unlink()
    prices.run("rm", "1")  # as was advised
    again = prices.json("run", sweep)
    assert again["stages"][0]["resumed"] == 0 and again["resumed"] == 10
    prices.run("rm", str(again["stages"][0]["sweep"]))
    again = prices.json("run", sweep, "--overwrite")
    assert again["stages"][0]["resumed"] == 0 and again["resumed"] == 10
    assert prices.json("run", sweep, "--fresh", "--overwrite")["resumed"] == 0


def test_a_stage_with_failed_tasks_is_the_last(prices):
    r = prices.run("run", staged(prices, first(params={"bad": 2}), second()), code=3)
    assert r.stderr.splitlines()[-1] == ("sheaf: stage rows has tasks that failed, so that sums does not begin; mend what they failed of, "
                                         "`sheaf rm 1`, and run the same again with --overwrite")
    assert "3 failed" in r.stdout and "stage 2" not in r.stderr
    # who wants to go on all the same has the file
    alone = prices.sweep("alone.yaml", **{**second(data={"file": "rows.sheaf", "along": "trials"}), "name": "alone"})
    assert prices.json("run", alone)["trials"] == 10


def test_everything_is_checked_before_the_first_stage_begins(prices):
    (prices.path / "there.sheaf").write_text("precious")
    for stage, line in (
        (second(params={"y": 1}), "unknown parameter"), (second(goal={"maximize": "totl"}), "folded has no score totl; did you mean total?"),
        (second(plugin="no_such"), "no_such"), (second(data=[{"stage": "rows"}, "none.sheaf"]), "there is no file"),
        (second(output="o.sheaf"), "folded makes no output arrays; remove output"), (second(plugin="describe_fail"), "describe"),
        (second(data="prices.sheaf"), "the data has no array series"), ({**first(), "name": "b", "output": "there.sheaf", "data": {"stage": "rows"}},
                                                                       "there.sheaf: the file exists; replace it"),
        (second(search={"method": "random", "trials": 3}), "trials of an earlier sweep (along) are an axis of a grid; use method: grid"),
        (second(data=[{"stage": "rows", "along": "trials", "as": "1a"}, "prices.sheaf"]), "the trials of 1a need a name"),
        (second(where=["rows.x > 1", "x <"]), 'where "x <": '), (second(where=["row.x > 1"]), "no parameter 'row.x'"),
        (second(where=["rows.x > 1"], order="key"), "order is key, but the sweep has no keys"),
        (second(keys="asset"), "what the stage rows makes is not partitioned by asset, nor by anything; write keys"),
        (second(data={"stage": "row"}), "there is no stage row; did you mean rows?"),
    ):
        said = prices.refused("run", staged(prices, first(), stage))
        assert line in said or "folded has no parameter y" in said, said
        assert not (prices.path / "rows.sheaf").exists()
    assert "has 2 stages" in prices.refused("run", staged(prices, first(), second()), "--limit", "3")


def test_dry_run_says_what_it_can(prices):
    sweep = staged(prices, first(), second())
    out = prices.run("run", sweep, "--dry-run").stdout
    assert "stage 1 of 2: rows\n15 tasks = 5 trials x 3 keys" in out
    assert out.endswith("stage 2 of 2: sums\nchecked as far as that can be before an earlier stage has made its data\n")
    j = prices.json("run", sweep, "--dry-run")
    assert [s and s["tasks"] for s in j["stages"]] == [15, None] and j["dry_run"]
    prices.run("run", sweep)
    assert "10 tasks = 10 trials\n" in prices.run("run", sweep, "--dry-run").stdout
    # what is there of another sweep's is no data of this one
    changed = staged(prices, first(n=3), second(), filename="changed.yaml")
    assert [s and s["tasks"] for s in prices.json("run", changed, "--dry-run", "--overwrite")["stages"]] == [9, None]
    shutil.copy(prices.path / "prices.sheaf", prices.path / "rows.sheaf")
    assert [s and s["tasks"] for s in prices.json("run", sweep, "--dry-run", "--overwrite")["stages"]] == [15, None]


def test_files_of_a_stage_are_keys_of_the_next(world):
    sweep = staged(world, {"name": "make", "plugin": "files", "output": {"dir": "mid"}, "params": {"x": [1, 2, 3]}},
                   {"name": "use", "plugin": "keyed", "keys": {"files": "mid/*.txt"}, "goal": {"maximize": "test"}})
    assert [s and s["tasks"] for s in world.json("run", sweep, "--dry-run")["stages"]] == [3, None]
    assert world.json("run", sweep)["tasks"]["total"] == 3
    assert [s and s["tasks"] for s in world.json("run", sweep, "--dry-run")["stages"]] == [3, 3]


def test_a_stage_takes_what_the_stages_before_have_made_and_nothing_else(prices):
    spin = 20_000_000 if SANITIZED else 200_000_000
    between = first(n=1, keys={"range": [0, 1]}, params={"spin": spin}, output="between.sheaf")
    p = prices.start("run", staged(prices, first(), {**between, "name": "between"}, second()), "--slots", "1")
    wait_until(lambda: p.poll() is not None or list(prices.path.glob("*between.sheaf*")), "the stage runs")
    p.send_signal(signal.SIGSTOP)
    shutil.copy(prices.path / "prices.sheaf", prices.path / "other.sheaf")
    (prices.path / "other.sheaf").rename(prices.path / "rows.sheaf")
    p.send_signal(signal.SIGCONT)
    _, err = p.communicate()
    assert p.returncode == 2 and err.endswith("rows.sheaf is not what the stage rows has made, but another file; the same command says how to make it again\n"), err


def test_the_file_is_read_once(prices):
    reader, writer = os.pipe()
    os.write(writer, prices.sweep().read_bytes())
    os.close(writer)
    with open(reader) as pipe:
        assert prices.json("run", "/dev/stdin", stdin=pipe)["trials"] == 10
    sweep = staged(prices, first(), second())
    p = prices.start("run", sweep, "--json")
    said = p.stderr.readline()
    assert said == "sheaf: stage 1 of 2: rows\n"
    staged(prices, {**second(data="none.sheaf"), "name": "other"})  # edited meanwhile
    out, err = p.communicate()
    assert p.returncode == 0 and json.loads(out)["name"] == "sums" and json.loads(out)["trials"] == 10, err


@pytest.mark.parametrize("when", ["as it is done", "as it ends"])
def test_ctrl_c_behind_a_stage_is_not_lost(prices, when):
    """The client sleeps until its broker has done the stage; or the worker does not end, which is waited for."""
    spin = 20_000_000 if SANITIZED else 200_000_000
    sweep = staged(prices, first(n=1, keys={"range": [0, 1]}, params={"spin": spin}), second())
    p = prices.start("run", sweep, "--slots", "1")
    wait_until(lambda: p.poll() is not None or list(prices.path.glob("*rows.sheaf*")), "the stage runs")
    p.send_signal(signal.SIGSTOP)
    wait_until(lambda: prices.json("show", "last")["state"] == "done", "the stage is done")
    below = {role: pid for pid, role in descendants(p.pid).items()}
    if when == "as it ends":
        os.kill(below["worker"], signal.SIGSTOP)
        p.send_signal(signal.SIGCONT)
        wait_until(lambda: "broker" not in descendants(p.pid).values(), "the broker has ended")
    p.send_signal(signal.SIGINT)
    p.send_signal(signal.SIGCONT)
    _, err = p.communicate()
    assert p.returncode == 5 and "stage 2" not in err and f"`sheaf run {sweep}` goes on from there" in err, err
    prices.check_clean()
    again = prices.json("run", sweep)
    assert again["stages"][0]["resumed"] == 1 and again["tasks"]["done"] == 2


def test_three_stages_and_a_broker_elsewhere(prices):
    third = {**first(), "name": "more", "data": ["prices.sheaf", {"stage": "rows", "along": "trials"}], "output": "more.sheaf", "params": {"x": [2, 4]}, "where": ["rows.x > 3"]}
    del third["keys"]
    last = second(data={"stage": "more", "along": "trials", "as": "m"}, params={"x": 0})
    sweep = staged(prices, first(), third, last)
    j = prices.json("run", sweep)
    assert j["trials"] == 4 and list(j["best"][0]["params"]) == ["m.trial", "m.rows.trial", "m.rows.x", "m.x", "x"]
    assert len(j["stages"]) == 2
    sock = f"ipc://{prices.runtime}/b.sock"
    broker = prices.start("broker", "--state", prices.path / "elsewhere", "--listen", sock)
    worker = prices.start("worker", "--broker", sock, "--slots", "2")
    try:
        again = prices.json("run", sweep, "--broker", sock, "--overwrite")
        assert again["digest"] == j["digest"] and again["sweep"] == 3
    finally:
        for p in (worker, broker):
            p.send_signal(signal.SIGTERM)
            p.communicate()


def test_slots_and_kills_anywhere_change_nothing(prices):
    spin = 300_000 if SANITIZED else 3_000_000
    stages = (first(n=12, params={"spin": spin}), second(params={"x": {"from": 0, "to": 30, "step": 1}}))
    digests = set()
    for slots in (1, 2, 5):
        j = prices.json("run", staged(prices, *stages), "--slots", slots, "--fresh", "--overwrite")
        digests.add((j["stages"][0]["output"]["digest"], j["digest"]))
    assert len(digests) == 1
    for seed in range(ROUNDS):
        assert killed(prices, stages, seed) in digests


def killed(prices, stages, seed):
    """The digests of a run that was killed again and again, with the same command each time."""
    rng, kills = random.Random(seed), 0
    sweep = staged(prices, *stages, filename="killed.yaml", name="killed")
    sweep.write_text(sweep.read_text().replace("rows.sheaf", f"killed{seed}.sheaf"))
    while True:
        # on a fast machine all may be done before the first one comes: then once more from the beginning
        p = prices.start("run", sweep, "--json", "--slots", "2", *(() if kills else ("--fresh", "--overwrite")))
        try:
            p.wait(rng.uniform(0.02, 0.4) if kills < 12 else None)
        except subprocess.TimeoutExpired:
            # not one that only describes a plugin: the plugin would be said to have crashed
            below = [pid for pid, role in descendants(p.pid).items() if role in ("broker", "worker", "slot")]
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(rng.choice([*below, p.pid]), signal.SIGKILL)
            kills += 1
        out, err = p.communicate()
        if p.returncode == 0 and kills:
            break
        assert p.returncode in (0, -9, 1) or "run it again" in err, err
    (prices.path / f"killed{seed}.sheaf").unlink()
    j = json.loads(out)
    return j["stages"][0]["output"]["digest"], j["digest"]


def test_ctrl_c_ends_all_stages_and_the_same_command_goes_on(prices):
    sweep = staged(prices, first(n=12, params={"spin": 10_000_000}), second())
    p = prices.start("run", sweep, "--slots", "1", "--set", "stages.sums.params.x=[1]")
    assert has_got_to(prices, p, 3)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate()
    assert p.returncode == 5 and "stage 2" not in err
    command = f"sheaf run {sweep} --set 'stages.sums.params.x=[1]'"
    assert err.splitlines()[-1] == f"sheaf: stopped; what is done is kept, `{command}` goes on from there"
    j = prices.json("run", sweep, "--set", "stages.sums.params.x=[1]")
    assert j["trials"] == 12 and j["stages"][0]["resumed"] >= 3
