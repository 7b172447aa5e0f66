# SPDX-License-Identifier: MIT
"""A broker that was killed in the middle of a large sweep goes on with what is missing, and nothing that was acknowledged is granted again.
How long it takes until its first lease is printed (pytest -s), not judged: docs/performance.md has the figures.

Environment: SHEAF_RECOVERY_TASKS = how many tasks have ended by then."""

import os
import pathlib
import socket
import sqlite3
import time

import pytest

from conftest import PORTABLE, SANITIZED, wait_until
from tap import Ledger, Tap

ENDED = int(os.environ.get("SHEAF_RECOVERY_TASKS", 50_000 if SANITIZED or PORTABLE else 1_000_000))


class Parts:
    """Broker, tap and worker, which can be killed and started again."""

    def __init__(self, world, n):
        self.world, self.ledger = world, Ledger(n)
        self.broker_path = world.runtime / "broker"
        world.env["SHEAF_BROKER"] = f"ipc://{self.broker_path}"
        self.processes = []
        self.start()
        self.tap = Tap(world.runtime / "tap", self.broker_path, self.ledger)

    def listens(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(str(self.broker_path)) == 0

    def start(self):
        """Seconds from the broker's start until it listens are part of its time."""
        began = time.monotonic()
        broker = self.world.start("broker", "--listen", f"ipc://{self.broker_path}", "--state", self.world.state, stdout=None, stderr=None)
        wait_until(self.listens, "the broker listens")
        worker = self.world.start("worker", "--broker", f"ipc://{self.world.runtime / 'tap'}", "--slots", "2", stdout=None, stderr=None)
        self.processes = [worker, broker]
        return began

    def kill(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def stop(self):
        for process in self.processes:
            process.terminate()
            assert process.wait(60) == 0
        self.tap.ended()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def take_apart(world):
    """As if every task had been reported alone, the last one first: a row each."""
    journal = sqlite3.connect(world.state / "journal.db")
    runs = journal.execute("SELECT sweep, first, n, scores FROM run ORDER BY first DESC").fetchall()
    journal.execute("DELETE FROM run")
    for sweep, first, n, scores in runs:
        journal.executemany("INSERT INTO run(sweep, first, n, failed, status, scores) VALUES(?, ?, 1, 0, NULL, ?)",
                            [(sweep, first + i, scores[8 * i:8 * i + 8]) for i in reversed(range(n))])
    journal.commit()
    journal.close()


@pytest.mark.parametrize("how", ["all", "best", "all, a row a task"])
def test_a_killed_broker_takes_up_what_had_ended(world, how):
    total = 1_000_000_000  # so much that a worker's next leases are far from the end
    parts = Parts(world, 4 * ENDED)
    sweep = world.sweep(plugin="brief", params={"us": 0, "rows": 1000, "x": {"from": 1, "to": total, "step": 1}},
                        keep={"best": 10} if how == "best" else None)
    client = world.start("run", sweep, stdout=None, stderr=None)
    wait_until(lambda: parts.ledger.acknowledged.sum() >= ENDED, "tasks were acknowledged", 600)
    client.kill()
    client.wait()
    parts.kill()
    wait_until(lambda: not world.processes(), "everything has ended")
    acknowledged = int(parts.ledger.acknowledged.sum())
    if how == "all, a row a task":
        take_apart(world)
    parts.ledger.first_grant = None
    began = parts.start()
    wait_until(lambda: parts.ledger.first_grant, "a lease is granted")
    cpu = cpu_seconds(parts.processes[1].pid)
    print(f"keep {how}, {acknowledged} tasks: first lease after {parts.ledger.first_grant - began:.2f} s, {cpu:.2f} s of CPU time")
    seen = world.json("show", "last")
    assert acknowledged <= seen["tasks"]["done"] < total and seen["resumed"] >= acknowledged
    world.run("cancel", "last")
    parts.stop()
    assert parts.ledger.wrong == []
