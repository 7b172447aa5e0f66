# SPDX-License-Identifier: MIT
"""Whole runs in which every process, each slot too, is looked at by valgrind: no use of memory that is not ours or holds
nothing yet, and nothing lost at the end. Every command of a user is run at least once."""

import re
import shutil
import signal

import pytest

from conftest import SANITIZED, wait_until
from support import done

VALGRIND = shutil.which("valgrind")
pytestmark = [
    pytest.mark.skipif(not VALGRIND, reason="there is no valgrind; deploy/setup ci installs it"),
    pytest.mark.skipif(SANITIZED, reason="a sanitizer looks at the memory already"),
]
FOUND = 99  # the exit status of a process in which something was found


class Watched:
    """The world's commands under valgrind, and what it said about each process."""

    def __init__(self, world):
        self.world = world
        self.logs = world.path / "valgrind"
        self.logs.mkdir()
        self.prefix = [VALGRIND, "--trace-children=yes", "--vgdb=no", "--leak-check=full", "--show-leak-kinds=definite,indirect",
                       "--errors-for-leak-kinds=definite,indirect", f"--error-exitcode={FOUND}", "--num-callers=30",
                       f"--log-file={self.logs}/%p"]

    def start(self, *args):
        return self.world.start(*args, prefix=self.prefix)

    def run(self, *args, code=0):
        return self.world.run(*args, code=code, prefix=self.prefix)

    def reports(self):
        """A report for each process, by what it was: run, broker, worker, slot, ..."""
        found = {}
        for path in self.logs.iterdir():
            text = path.read_text()
            command = re.search(r"^==\d+== Command: \S+ (\S+)", text, re.M)
            assert command, text
            found.setdefault(command[1], []).append(text)
        return found

    def check(self, **least):
        """Nothing was found in any process, and there were at least so many of each kind that told so to its end."""
        clean = {}
        for role, texts in self.reports().items():
            for text in texts:
                summary = re.search(r"ERROR SUMMARY: (\d+) errors", text)
                lost = re.search(r"definitely lost: ([\d,]+) bytes", text)
                assert "Invalid" not in text and "uninitialised" not in text, text  # also in one that was killed
                assert not summary or summary[1] == "0", text
                assert not lost or lost[1] == "0", text
                clean[role] = clean.get(role, 0) + (summary is not None)
        assert {role: clean.get(role, 0) >= n for role, n in least.items()} == dict.fromkeys(least, True), clean


@pytest.fixture
def watched(world):
    return Watched(world)


def test_a_finding_in_a_slot_is_seen(world, watched):
    """The proof that the other tests can fail."""
    fault = {"mode": "segv", "every": 2, "x": [1, 2]}
    watched.run("run", world.sweep(plugin="fault", params=fault, limits={"attempts": 1}), "--slots", "1", code=3)
    assert any("Invalid" in text for text in watched.reports()["slot"])
    with pytest.raises(AssertionError, match="Invalid"):
        watched.check()


@pytest.mark.parametrize("keep", ["all", "{best: 5}"])
def test_a_run_over_a_dataset(world, watched, keep):
    watched.run("demo", "market", "--days", "400", "--assets", "5")
    command = ["run", "market/wfo.yaml", "--slots", "2", "--limit", "32", "--set", f"keep={keep}"]
    watched.run(*command)
    watched.run(*command)  # answered from the journal
    watched.check(demo=1, run=2, broker=1, worker=1)


def test_a_run_whose_tasks_fail_and_whose_slots_die(world, watched):
    params = {"mode": ["none", "error", "exit", "kill", "nan"], "every": 3, "x": [1, 2, 3, 4]}
    watched.run("run", world.sweep(plugin="fault", params=params, limits={"attempts": 2}), "--slots", "2", code=3)
    watched.run("retry", "last", "--failed", code=3)
    watched.check(run=1, retry=1, broker=2, worker=2)


def test_what_plugins_may_do(world, watched):
    sweeps = [world.sweep("groups.yaml", plugin="groups", params={"lines": 4, "x": [1, 2, 3]}),
              world.sweep("cached.yaml", plugin="cached", params={"tables": 3, "x": [1, 2, 3, 4, 5, 6]}),
              world.sweep("random.yaml", params={"x": {"from": 0.0, "to": 1.0}}, search={"method": "random", "trials": 500})]
    for sweep in sweeps:
        watched.run("run", sweep, "--slots", "2")
    watched.check(run=3, broker=3, worker=3)


def test_commands_that_read(world, watched):
    sweep = world.sweep(name="ten")
    world.run("run", sweep)
    for command in (["list"], ["list", "--json"], ["show", "ten"], ["show", "ten", "--json"], ["wait", "1"], ["logs", "1"],
                    ["results", "1"], ["results", "1", "--tasks"], ["results", "1", "--trials", "--format", "jsonl"],
                    ["results", "1", "--tasks", "--format", "npy", "-o", "out.npy"], ["run", sweep, "--dry-run"], ["rm", "1"]):
        watched.run(*command)
    watched.run("show", "ten", code=2)
    watched.check(list=2, show=3, wait=1, logs=1, results=4, rm=1)


def test_a_cancelled_run(world, watched):
    p = watched.start("run", world.sweep(plugin="sleep", params={"ms": 50, "x": list(range(2000))}), "--slots", "2")
    wait_until(lambda: done(world) > 0, "it is at work")  # before that Ctrl-C ends everything at once
    p.send_signal(signal.SIGINT)
    out, err = p.communicate()
    assert p.returncode == 5, err
    watched.check(run=1, broker=1, worker=1)


def test_a_broker_and_a_worker_by_hand(world, watched):
    url = f"ipc://{world.runtime}/broker"
    started = [watched.start("broker", "--listen", url, "--state", world.path / "broker"),
               watched.start("worker", "--broker", url, "--slots", "2")]
    world.env["SHEAF_BROKER"] = url
    wait_until(lambda: world.run("list", code=None).returncode == 0, "the broker answers")
    for name in ("a", "b"):
        watched.run("run", world.sweep(f"{name}.yaml", params={"x": list(range(300))}, name=name))
    watched.run("list")
    for p in reversed(started):
        p.send_signal(signal.SIGTERM)
        out, err = p.communicate()
        assert p.returncode == 0, err
    watched.check(broker=1, worker=1, slot=2, run=2, list=1)
