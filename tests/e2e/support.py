# SPDX-License-Identifier: MIT
"""What several test files share: tables that sheaf prints, a second implementation of the results digest, the processes
below a process, and a sweep to disturb."""

import csv
import hashlib
import json
import math
import os
import pathlib
import re
import struct
from collections import Counter

from conftest import BUILD, PATIENCE, wait_until

BLOCK = 1024  # tasks, as docs/index-space.md says
STATUS = {"done": b"\1", "failed": b"\2", "skipped": b"\3"}


def table(world, what="--tasks", sweep="last"):
    """The rows of `sheaf results` as dictionaries of texts."""
    return list(csv.DictReader(world.run("results", sweep, what, "--format", "csv").stdout.splitlines()))


def number(text):
    """CSV leaves out what is no number."""
    return float(text) if text else math.nan


def scores_of(row):
    """The scores of a row of --tasks, in the plugin's order."""
    return [number(text) for name, text in row.items() if name not in ("task", "trial", "key", "split", "status")]


def pack(v):
    """A number as the digest has it."""
    return struct.pack("<Q", 0x7ff8 << 48) if math.isnan(v) else struct.pack("<d", v)


def digest_of(rows, groups=()):
    """The results digest of a table of --tasks in which every task has ended, and of the --groups of a sweep without failures."""
    blocks, n_scores = hashlib.blake2b(digest_size=32), len(scores_of(rows[0]))
    for at in range(0, len(rows), BLOCK):
        block = hashlib.blake2b(digest_size=32)
        for row in rows[at:at + BLOCK]:
            values = scores_of(row) if row["status"] == "done" else [math.nan] * n_scores
            block.update(STATUS[row["status"]])
            block.update(b"".join(map(pack, values)))
        blocks.update(block.digest())
    if not groups:
        return "b2:" + blocks.hexdigest()
    named = hashlib.blake2b(digest_size=32)
    for row in groups:
        values = [number(text) for name, text in row.items() if name not in ("trial", "group")]
        named.update(struct.pack("<Q", int(row["trial"])) + row["group"].encode() + b"\0" + b"".join(map(pack, values)))
    return "b2:" + hashlib.blake2b(blocks.digest() + named.digest(), digest_size=32).hexdigest()


def descendants(pid):
    """Every process below pid, as {pid: role}; the role is the program's first argument: broker, worker or slot."""
    found = {}
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:  # it has ended meanwhile
        return found
    for thread in threads:
        try:
            pids = pathlib.Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
        except OSError:  # the thread has
            continue
        for child in map(int, pids):
            try:
                words = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if len(words) > 1:  # not one that has ended
                found[child] = words[1].decode()
            found.update(descendants(child))
    return found


def pids_of(pid, role):
    return [p for p, r in descendants(pid).items() if r == role]


def signal_all(pids, number):
    """How many of them were there to get it."""
    hit = 0
    for pid in pids:
        try:
            os.kill(pid, number)
            hit += 1
        except ProcessLookupError:  # it ended with one before it
            pass
    return hit


class Ones:
    """A sweep of N tasks that keep a core busy for 2 ms each, killed and stopped in the middle by tests."""

    N = 1500
    DIGEST = digest_of([{"status": "done", "value": str(x)} for x in range(N)])
    MOMENTS = {"at once": None, "early": 1, "in the middle": N // 2, "near the end": N * 8 // 10}  # tasks that are done

    def __init__(self, world):
        self.world = world
        self.notes = world.path / "notes"  # what was run, see tests/plugins/sleep.c
        self.sweep = world.sweep(plugin="sleep", params={"ms": 2, "spin": True, "note": str(self.notes),
                                                         "x": {"from": 0, "to": self.N - 1, "step": 1}})

    def start(self, *more):
        return self.world.start("run", self.sweep, "--slots", "2", "--json", *more)

    def start_to(self, moment):
        """A run that has got so far and still runs: on a busy machine it may be over before we have seen it, and is begun again."""
        for more in ((), *[("--fresh",)] * 9):
            self.forget()
            p = self.start(*more)
            near = moment == "near the end"  # the last report but one may be too early, the last one is too late: count the runs
            if has_got_to(self.world, p, self.MOMENTS[moment], (lambda _: len(self.runs())) if near else done):
                return p
            assert p.communicate() and p.returncode == 0
        raise AssertionError(f"it is always over before it is seen {moment}")

    def check_done(self, r):
        assert r["digest"] == self.DIGEST and r["state"] == "done"
        assert r["tasks"] == {"total": self.N, "done": self.N, "failed": 0, "skipped": 0}

    def runs(self):
        """How often each task was run since the last forget()."""
        data = self.notes.read_bytes() if self.notes.exists() else b""
        return Counter(i for (i,) in struct.iter_unpack("<Q", data))

    def forget(self):
        self.notes.unlink(missing_ok=True)


def done(world):
    """How many tasks of the last sweep are done, 0 before there is one."""
    r = world.run("show", "last", "--json", code=None)
    return json.loads(r.stdout)["tasks"]["done"] if r.returncode == 0 else 0


def has_got_to(world, p, tasks, count=done):
    """Waits until a slot of that run runs and so many tasks are done, or counted otherwise. False: it is over."""
    wait_until(lambda: p.poll() is not None or pids_of(p.pid, "slot"), "a slot runs")
    wait_until(lambda: tasks is None or p.poll() is not None or count(world) >= tasks, f"{tasks} tasks are done")
    return p.poll() is None


def started(world, p, tasks):
    assert has_got_to(world, p, tasks), p.communicate()


def finished(world, p):
    """The outcome of a run that gets to its end by itself and leaves nothing behind."""
    out, err = p.communicate(timeout=2 * PATIENCE)
    assert p.returncode == 0, err
    check_nothing_left(world)
    return json.loads(out)


STATE_FILES = re.compile("lock|numbers|verified-[0-9a-f]{16}|[0-9a-f]{16}/(lock|source|number|name|journal.db|journal.db-wal|client)")


def check_nothing_left(world):
    world.check_clean()
    files = [str(f.relative_to(world.state)) for f in world.state.rglob("*") if f.is_file()]
    assert [f for f in files if not STATE_FILES.fullmatch(f)] == []


def refused_line(world, *args, code=2):
    """The one line of a command that is refused before anything is begun, without what differs from machine to machine."""
    line = world.refused(*args, code=code)
    assert line.startswith("sheaf: ")
    line = line[len("sheaf: "):].replace(str(world.path), "DIR").replace(str(BUILD), "BUILD")
    assert not world.state.exists()
    line = re.sub(r"/[0-9a-f]{16}: ", "/SWEEP: ", line)
    return re.sub(r" in BUILD/tests/plugins, [^;]*;", " in PLACES;", line)
