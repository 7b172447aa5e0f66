# SPDX-License-Identifier: MIT
"""sheaf run and what goes with it, through the real broker, worker and slots."""

import json
import os
import pty
import re
import select
import shlex
import signal
import socket
import threading
import time

import pytest

from conftest import PATIENCE, SHEAF, wait_until

FIELDS = ["version", "sweep", "name", "state", "tasks", "trials", "seconds", "tasks_per_second", "goal", "best", "cpu_seconds",
          "efficiency", "peak_memory_mb", "groups", "failures", "slots", "plugin", "data", "digest"]


def fault(world, mode, every=10, n=100, **fields):
    """A sweep of n tasks of which every tenth goes wrong in that way."""
    return world.sweep(plugin="fault", params={"mode": mode, "every": every, "x": list(range(n))}, **fields)


def slow(world, ms=100, n=400, **params):
    return world.sweep("slow.yaml", plugin="sleep", params={"ms": ms, **params, "x": list(range(n))})


def running(world, *args, done=1):
    """A started `sheaf run` of which at least `done` tasks have ended."""
    p = world.start("run", *args)

    def under_way():
        assert p.poll() is None, p.communicate()
        r = world.run("show", "last", "--json", code=None)
        if r.returncode != 0:
            return False
        shown = json.loads(r.stdout)
        return shown["state"] == "running" and shown["tasks"]["done"] >= done  # not what an earlier run left

    wait_until(under_way, "the sweep is under way")
    return p


def rows(text):
    return [line.split(",") for line in text.splitlines()]


# ---- the plain case ----

def test_a_grid_runs_to_its_end(world):
    r = world.json("run", world.sweep(name="ten", params={"x": {"from": 1, "to": 100, "step": 1}}))
    assert [k for k in FIELDS if k not in r] == []
    assert list(r)[:len(FIELDS)] == FIELDS
    assert r["version"] == 1 and r["sweep"] == 1 and r["state"] == "done"
    assert r["tasks"] == {"total": 100, "done": 100, "failed": 0, "skipped": 0}
    assert r["trials"] == 100 and r["goal"] == {"maximize": "value"}
    assert len(r["best"]) == 10
    assert r["best"][0] == {"trial": 99, "params": {"x": 100.0}, "scores": {"value": 50.0},
                            "spread": {"value": {"std": 0.0, "min": 50.0, "max": 50.0, "n": 1}}}
    assert [b["scores"]["value"] for b in r["best"]] == [50 - i / 2 for i in range(10)]
    assert re.fullmatch("b2:[0-9a-f]{64}", r["digest"]) and re.fullmatch("b2:[0-9a-f]{64}", r["plugin"])
    assert r["data"] is None and r["failures"] == [] and r["seconds"] > 0 and r["slots"] >= 1


def test_the_table_goes_to_stdout_and_nothing_else_to_stderr(world):
    r = world.run("run", world.sweep())
    lines = r.stdout.splitlines()
    assert lines[0].split() == ["trial", "x", "value"]
    assert lines[1].split() == ["9", "10", "5"]
    assert "10 of 10 tasks done" in r.stdout and "sheaf results 1" in r.stdout
    assert r.stderr == ""


def test_numbers_read_back_exactly(world):
    values = [0.1, 1 / 3, 1e-300, 1.7976931348623157e308, -2.5e-8, 123456789.12345679]
    r = world.json("run", world.sweep(params={"x": values}))
    assert sorted(b["params"]["x"] for b in r["best"]) == sorted(values)
    assert all(b["scores"]["value"] == b["params"]["x"] * 0.5 for b in r["best"])


def test_slots_change_nothing_in_the_results(world):
    digests = {world.json("run", world.sweep(params={"x": {"from": 0, "to": 5000, "step": 1}}), "--slots", n, "--fresh")["digest"]
               for n in (1, 2, 5)}
    assert len(digests) == 1


def test_minimize_top_limit_set_and_seed(world):
    sweep = world.sweep(goal={"minimize": "value"})
    r = world.json("run", sweep, "--top", "3")
    assert [b["trial"] for b in r["best"]] == [0, 1, 2] and r["goal"] == {"minimize": "value"}
    r = world.json("run", sweep, "--limit", "4")
    assert r["tasks"]["total"] == 4 and r["trials"] == 4
    r = world.json("run", sweep, "--set", "params.x=[7, 8]")
    assert [b["params"]["x"] for b in r["best"]] == [7.0, 8.0]
    random = world.sweep("random.yaml", params={"x": {"from": 0.0, "to": 1.0}}, search={"method": "random", "trials": 5})
    a, b, c = (world.json("run", random, *seed) for seed in ([], ["--seed", "0"], ["--seed", "1"]))
    assert a["digest"] == b["digest"] != c["digest"]


def test_where_excludes_are_skipped(world):
    r = world.json("run", world.sweep(where=["x > 4"]))
    assert r["tasks"] == {"total": 10, "done": 6, "failed": 0, "skipped": 4}
    assert min(b["params"]["x"] for b in r["best"]) == 5.0


def test_a_dry_run_measures_and_keeps_nothing(world):
    sweep = slow(world, ms=20, n=1000)
    r = world.json("run", sweep, "--dry-run", "--slots", "2")
    assert r["tasks"] == 1000 and 1 <= r["probed"] <= 200
    assert 0.015 < r["task_seconds"] < 1
    assert r["seconds"] == pytest.approx(r["task_seconds"] * 1000 / 2)
    assert "1,000 tasks" in world.run("run", sweep, "--dry-run").stdout
    assert world.json("list")["sweeps"] == []


def test_the_figures_of_a_sweep_that_is_over_at_once_are_those_of_all_of_it(world):
    """Not of what the worker had told until its last beat."""
    r = world.json("run", world.sweep(plugin="sleep", params={"ms": 200, "spin": True, "polite": False, "x": 1}))
    inside = r["efficiency"] * r["seconds"] * r["slots"]
    assert 0.19 < inside <= r["seconds"]
    assert r["cpu_seconds"] > 0.02  # a task that spins, however loaded the machine is


# ---- failures ----

def test_failed_tasks_are_exit_3_and_told(world):
    r = world.json("run", fault(world, "error"), code=3)
    assert r["tasks"] == {"total": 100, "done": 90, "failed": 10, "skipped": 0} and r["state"] == "done"
    assert [f["task"] for f in r["failures"]] == list(range(0, 100, 10))
    assert {f["kind"] for f in r["failures"]} == {"error"} and {f["attempts"] for f in r["failures"]} == {1}
    text = world.run("show", "last").stdout
    assert "task 0 failed (error" in text


def test_a_crash_costs_its_task_only(world):
    r = world.json("run", fault(world, "segv"), code=3)
    assert r["tasks"]["done"] == 90 and r["tasks"]["failed"] == 10
    first = r["failures"][0]
    assert (first["task"], first["kind"], first["attempts"]) == (0, "crash", 3) and "signal 11" in first["reason"]


def test_every_task_failed_is_exit_4(world):
    r = world.json("run", fault(world, "error", every=1, n=20), code=4)
    assert r["tasks"]["failed"] == 20
    assert all(b["scores"]["value"] is None for b in r["best"])


def test_a_limit_on_failures_stops_early_with_exit_7(world):
    r = world.json("run", fault(world, "error", every=2, n=5000, limits={"failures": 5}), "--slots", "1", code=7)
    assert r["state"] == "failed" and 5 <= r["tasks"]["failed"] < 2500 and "failures" in r["reason"]


def test_a_time_limit_is_one_task(world):
    r = world.json("run", fault(world, "hang", every=8, n=8, limits={"task_seconds": 0.5, "attempts": 1}), code=3)
    assert [(f["task"], f["kind"]) for f in r["failures"]] == [(0, "timeout")]
    assert r["qualified"]


def test_a_plugin_that_cannot_open_is_exit_2(world):
    r = world.run("run", world.sweep(plugin="open_fail"), code=2)
    assert r.stderr.startswith("sheaf: ")


def test_nan_scores_are_null_and_rank_last(world):
    r = world.json("run", fault(world, "nan", every=5, n=10))
    assert [b["scores"]["value"] for b in r["best"]][-2:] == [None, None]
    assert r["tasks"]["failed"] == 0


# ---- the state directory ----

def test_a_finished_sweep_is_answered_from_the_journal(world):
    sweep = world.sweep()
    first, second = world.json("run", sweep), world.json("run", sweep)
    assert first["digest"] == second["digest"] and first["sweep"] == second["sweep"] == 1
    assert second["resumed"] == 10


def test_numbers_names_and_last(world):
    a, b = world.sweep("a.yaml"), world.sweep("b.yaml", params={"x": [5]}, name="five")
    world.run("run", a)
    world.run("run", b)
    listed = world.json("list")["sweeps"]
    assert [(s["sweep"], s["name"], s["state"]) for s in listed] == [(1, "", "done"), (2, "five", "done")]
    assert world.json("show", "five")["sweep"] == world.json("show", "last")["sweep"] == world.json("show", 2)["sweep"] == 2
    world.run("run", a)
    assert world.json("show", "last")["sweep"] == 1
    assert "echo" in world.run("list", "--json").stdout and "five" in world.run("list").stdout


def test_show_prints_what_run_printed(world):
    ran = world.json("run", fault(world, "error"), code=3)
    shown = world.json("show", "1")
    volatile = ["resumed", "cpu_seconds"]
    assert {k: v for k, v in shown.items() if k not in volatile} == {k: v for k, v in ran.items() if k not in volatile}
    assert world.json("wait", "1", code=3)["digest"] == ran["digest"]


def test_more_trials_continue_a_random_sweep(world):
    search = {"method": "random", "trials": 50}
    fields = dict(params={"x": {"from": 0.0, "to": 1.0}})
    world.run("run", world.sweep(search=search, **fields))
    more = world.json("run", world.sweep(search={**search, "trials": 80}, **fields))
    assert more["sweep"] == 1 and more["resumed"] == 50 and more["tasks"]["done"] == 80
    fresh = world.json("run", world.sweep(search={**search, "trials": 80}, **fields), "--fresh")
    assert fresh["resumed"] == 0 and fresh["digest"] == more["digest"] and fresh["sweep"] == 1


def test_a_changed_plugin_is_refused_unless_fresh(world):
    copy = world.path / "mine.so"
    plugins = SHEAF.parent.parent / "tests" / "plugins"
    copy.write_bytes((plugins / "echo.so").read_bytes())
    sweep = world.sweep(plugin="./mine.so")
    world.run("run", sweep)
    copy.write_bytes((plugins / "echo.so").read_bytes() + b"\0")
    assert "--fresh" in world.refused("run", sweep)
    world.run("run", sweep, "--fresh")


def test_rm_removes_one_sweep_and_its_number_for_good(world):
    world.run("run", world.sweep())
    world.run("run", world.sweep(params={"x": [1]}))
    world.run("rm", "2")
    assert [s["sweep"] for s in world.json("list")["sweeps"]] == [1]
    world.refused("show", "2")
    world.run("run", world.sweep(params={"x": [2]}))
    assert [s["sweep"] for s in world.json("list")["sweeps"]] == [1, 3]


def test_retry_runs_the_failed_tasks_again(world):
    r = world.json("run", fault(world, "error"), code=3)
    again = world.json("retry", "1", "--failed", code=3)  # they fail again, and nothing else runs
    assert again["tasks"] == r["tasks"] and again["digest"] == r["digest"]
    world.run("run", world.sweep("fine.yaml"))
    assert "no failed tasks" in world.refused("retry", "last", "--failed")


def test_logs(world):
    world.run("run", world.sweep(plugin="groups", params={"lines": 4, "x": [1, 2, 3]}))
    lines = world.run("logs", "last").stdout.splitlines()
    assert len(lines) == 12 and {line.split()[2] for line in lines} == {"debug:", "info:", "warning:", "error:"}
    one = [json.loads(line) for line in world.run("logs", "1", "--task", "2", "--json").stdout.splitlines()]
    assert len(one) == 4 and {line["task"] for line in one} == {2}


# ---- results ----

def test_results_agree_in_every_format(world):
    numpy = pytest.importorskip("numpy")
    world.run("run", fault(world, "error"), code=3)
    table = rows(world.run("results", "1", "--tasks").stdout)
    assert table[0] == ["task", "trial", "key", "split", "status", "value"]
    assert [int(r[0]) for r in table[1:]] == list(range(100))
    values = [float(r[5]) if r[4] == "done" else None for r in table[1:]]
    assert values == [None if i % 10 == 0 else i * 0.5 for i in range(100)]
    objects = [json.loads(line) for line in world.run("results", "1", "--tasks", "--format", "jsonl").stdout.splitlines()]
    assert [o["value"] if "value" in o else o["scores"]["value"] for o in objects] == values
    world.run("results", "1", "--tasks", "--format", "npy", "-o", "out.npy")
    array = numpy.load(world.path / "out.npy")
    assert array.shape[0] == 100
    trials = rows(world.run("results", "1", "--trials").stdout)
    assert trials[0][0] == "trial" and "x" in trials[0] and trials[0][-3:] == ["value", "tasks", "failed"]
    assert len(trials) == 101


def test_results_of_a_sweep_that_still_runs(world):
    p = running(world, slow(world), done=3)
    table = rows(world.run("results", "last", "--tasks").stdout)
    assert len([r for r in table[1:] if r[4] == "done"]) >= 3
    p.send_signal(signal.SIGINT)
    p.communicate()
    assert p.returncode == 5


# ---- ends before the end ----

def test_ctrl_c_once_keeps_what_is_done(world):
    sweep = slow(world, ms=50)
    p = running(world, sweep, "--slots", "2", done=5)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate()
    assert p.returncode == 5
    assert f"`sheaf run {sweep}` goes on from there" in err and "again to end at once" in err and "cancelled" in out
    world.check_clean()
    shown = world.json("show", "last")
    assert shown["state"] == "cancelled" and 5 <= shown["tasks"]["done"] < 400
    world.run("wait", "last", code=5)
    rest = world.json("run", slow(world, ms=50), "--set", "params.ms=50", "--slots", "5")
    assert rest["resumed"] == shown["tasks"]["done"] and rest["tasks"]["done"] == 400


def test_the_command_that_goes_on_is_told(world):
    sweep = slow(world, ms=50)
    args = ["--set", "params.ms=[51, 52]", "--limit", "300", "--seed", "7", "--state", "here"]
    p = world.start("run", sweep, *args, "--slots", "2")
    wait_until(lambda: p.poll() is not None or world.run("results", "last", "--tasks", "--state", "here", code=None).stdout.count(",done,") > 3,
               "tasks are done")
    p.send_signal(signal.SIGINT)
    _, err = p.communicate()
    (command,) = re.findall("`(.*)`", err)
    words = shlex.split(command)
    assert words[0] == "sheaf" and sorted(words[2:]) == sorted([str(sweep), *args])
    assert world.json(*words[1:])["resumed"] > 3


def test_ctrl_c_waits_for_running_tasks(world):
    p = running(world, slow(world, ms=1500, n=20, polite=False), "--slots", "1", done=1)
    p.send_signal(signal.SIGINT)
    p.communicate()
    done = world.json("show", "last")["tasks"]["done"]
    assert p.returncode == 5 and done >= 2


def test_ctrl_c_twice_ends_at_once(world):
    p = world.start("run", slow(world, ms=60000, polite=False, n=4))
    wait_until(lambda: world.process("slot"), "a slot runs")
    p.send_signal(signal.SIGINT)
    line = p.stderr.readline()
    assert "again to end at once" in line
    began = time.monotonic()
    p.send_signal(signal.SIGINT)
    p.communicate()
    assert p.returncode == 5
    assert time.monotonic() - began < 30  # the task would have taken 60 s
    world.check_clean()


def test_sigterm_is_a_clean_stop(world):
    p = running(world, slow(world))
    p.terminate()
    p.communicate()
    assert p.returncode == 5
    assert world.json("show", "last")["state"] == "cancelled"


def test_cancel_from_outside(world):
    p = running(world, slow(world))
    world.run("cancel", "last")
    p.communicate()
    assert p.returncode == 5
    assert "does not run" in world.refused("cancel", "last")


def test_wait_follows_and_ends_with_the_run(world):
    p = running(world, slow(world, ms=30, n=60), "--slots", "2")
    waited = world.run("wait", "last", "--json")
    out, _ = p.communicate()
    assert p.returncode == 0
    r = json.loads(waited.stdout)
    assert r["tasks"]["done"] == 60 and r["digest"] in out


def test_a_second_run_of_the_same_sweep_is_refused(world):
    sweep = slow(world)
    p = running(world, sweep)
    line = world.refused("run", sweep)
    assert "sheaf wait 1" in line
    world.refused("run", sweep, "--fresh")
    world.refused("rm", "1")
    assert p.poll() is None
    p.send_signal(signal.SIGINT)
    p.communicate()
    assert p.returncode == 5


def test_two_sweeps_run_side_by_side(world):
    a = running(world, slow(world))
    assert world.json("run", world.sweep())["tasks"]["done"] == 10
    states = {s["sweep"]: s["state"] for s in world.json("list")["sweeps"]}
    assert states == {1: "running", 2: "done"}
    a.send_signal(signal.SIGINT)
    a.communicate()


def test_readers_are_never_in_the_way(world):
    sweep = world.sweep()
    world.run("run", sweep)
    stop = threading.Event()
    codes = []

    def read():
        while not stop.is_set():
            codes.append(world.run("show", "last", code=None).returncode)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(15):
            world.run("run", sweep)
    finally:
        stop.set()
        reader.join()
    assert set(codes) == {0}


# ---- kill -9 ----

@pytest.mark.parametrize("role", ["broker", "worker", "slot"])
def test_a_killed_part_is_replaced(world, role):
    reference = world.json("run", slow(world, ms=20, n=200), "--slots", "2")["digest"]
    p = running(world, slow(world, ms=20, n=200), "--slots", "2", "--fresh", "--json", done=5)
    os.kill(wait_until(lambda: world.process(role), role), signal.SIGKILL)
    out, err = p.communicate()
    assert p.returncode == 0, err
    r = json.loads(out)
    assert r["digest"] == reference and r["tasks"]["done"] == 200


@pytest.mark.parametrize("role", ["broker", "worker"])
def test_a_part_that_was_told_to_end_is_replaced(world, role):
    """It tidies up behind itself, unlike one that was killed; its successor must still be found."""
    sweep = slow(world, ms=20, n=200)
    p = running(world, sweep, "--slots", "2", "--json", done=5)
    os.kill(wait_until(lambda: world.process(role), role), signal.SIGTERM)
    out, err = p.communicate(timeout=PATIENCE)
    assert p.returncode == 0, err
    assert json.loads(out)["tasks"]["done"] == 200


def test_a_killed_client_leaves_nothing_and_is_resumed(world):
    sweep = slow(world, ms=20, n=200)
    reference = world.json("run", sweep, "--slots", "2")["digest"]
    p = running(world, sweep, "--slots", "2", "--fresh", done=5)
    p.kill()
    p.communicate()
    wait_until(lambda: not world.processes(), "everything ended")
    world.check_clean()  # the broker has seen to its socket
    shown = world.json("show", "last")
    assert shown["state"] in ("paused", "cancelled")
    assert "nobody runs" in world.refused("wait", "last") or shown["state"] == "cancelled"
    r = world.json("run", sweep, "--slots", "2")
    assert r["digest"] == reference and r["resumed"] >= 5


def test_a_resume_right_after_a_kill_waits_for_the_old_broker(world):
    sweep = slow(world, ms=20, n=200)
    p = running(world, sweep, "--slots", "2", done=5)
    p.kill()
    r = world.json("run", sweep, "--slots", "2")
    assert r["tasks"]["done"] == 200
    p.communicate()


def test_a_socket_that_nobody_could_remove_is_removed_by_the_next_run(world):
    p = running(world, slow(world), done=1)
    p.send_signal(signal.SIGSTOP)  # so that it starts no other broker
    os.kill(world.process("broker"), signal.SIGKILL)
    p.kill()
    p.communicate()
    wait_until(lambda: not world.processes(), "everything ended")
    (left,) = (world.runtime / "sheaf").iterdir()
    draft = left.with_name("." + left.name[1:])
    with socket.socket(socket.AF_UNIX) as nobody_listens:
        nobody_listens.bind(str(draft))
    world.run("run", world.sweep())
    assert not left.exists()
    assert draft.exists()  # too young to be sure about
    os.utime(draft, (1, 1))
    world.run("run", world.sweep("b.yaml", params={"x": [1]}))
    assert not draft.exists()
    world.run("rm", "1")  # its recorded endpoint leads nowhere, which must not be in the way


def test_a_broker_that_ends_with_an_error_of_its_own_is_not_started_again(world):
    p = running(world, slow(world), done=1)
    p.send_signal(signal.SIGSTOP)
    os.kill(world.process("broker"), signal.SIGKILL)
    wait_until(lambda: not world.process("broker"), "the broker has ended")
    (journal,) = world.state.rglob("journal.db")
    journal.with_name("journal.db-wal").unlink()
    journal.write_bytes(b"no journal" * 10000)
    p.send_signal(signal.SIGCONT)
    _, err = p.communicate()
    reason, summary = [line for line in err.splitlines() if "tasks" not in line]  # but progress
    assert p.returncode == 1 and "is damaged" in reason
    assert summary == "sheaf: the broker gave up (exit status 2); the line above says why"


# ---- progress ----

def read_all(fd):
    data = b""
    while True:
        try:
            chunk = os.read(fd, 65536)
        except OSError:  # EIO: the other side is closed
            return data.decode(errors="replace")
        if not chunk:
            return data.decode(errors="replace")
        data += chunk


def test_a_terminal_gets_a_bar_that_goes_away(world):
    ours, theirs = pty.openpty()
    p = world.start("run", slow(world, ms=50, n=40), "--slots", "2", stderr=theirs)
    os.close(theirs)
    text = read_all(ours)
    out, _ = p.communicate()
    os.close(ours)
    assert p.returncode == 0
    frames = [f for f in text.split("\r") if f.strip("\x1b[K")]
    assert len(frames) >= 3 and all("[" in f and "%" in f and "/40 tasks" in f for f in frames)
    assert "best value" in frames[-1] and text.endswith("\r\x1b[K")
    assert "\n" not in text and "%  " not in out


def test_elsewhere_progress_is_a_line_every_few_seconds(world):
    r = world.run("run", slow(world, ms=200, n=60), "--slots", "2")
    lines = r.stderr.splitlines()
    assert 1 <= len(lines) <= 3
    assert all("/60 tasks" in line and "\x1b" not in line and "\r" not in line for line in lines)
