# SPDX-License-Identifier: MIT
"""A thousand slots that die, by their plugin's doing and by kill -9, leave nothing behind in the worker that started them: no
process, no zombie, no descriptor, no shared memory, no memory; and nothing in its broker or on disk."""

import os
import pathlib
import re
import signal
import time

import pytest

from conftest import PORTABLE, SANITIZED, wait_until
from support import STATE_FILES, descendants, pids_of

KILLS = 150 if SANITIZED or PORTABLE else 1000
FIRST = KILLS // 10  # what grows until then is not a leak
GROWTH = 256 << 10  # bytes of noise: an allocator's pages


def has(pid):
    """What a process holds: its descriptors by kind, its shared mappings, its threads."""
    proc = pathlib.Path(f"/proc/{pid}")
    links = [os.readlink(fd) for fd in (proc / "fd").iterdir()]
    maps = [line for line in (proc / "maps").read_text().splitlines() if "memfd:" in line or "/sheaf-" in line or "(deleted)" in line]
    links = [re.sub(r"[0-9]+", "#", re.sub(r"-\w{6} \(deleted\)$", "-XXXXXX (deleted)", link)) for link in links]  # mkstemp's names
    return {"descriptors": sorted(links), "shared": len(maps),
            "threads": len(list((proc / "task").iterdir()))}


def private_bytes(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kb) << 10 for kb in re.findall(r"^Private_\w+: +(\d+) kB", text, re.MULTILINE))


def children(pid):
    """Every child, also one that has ended and was not waited for."""
    return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


@pytest.fixture
def parts(world):
    """A broker and a worker of two slots that outlive their sweeps."""
    url = f"ipc://{world.runtime / 'broker'}"
    broker = world.start("broker", "--listen", url, "--state", world.state, stdout=None, stderr=None)
    worker = world.start("worker", "--broker", url, "--slots", "2", stdout=None, stderr=None)
    world.env["SHEAF_BROKER"] = url
    wait_until(lambda: world.run("list", code=None).returncode == 0, "the broker answers")
    yield broker.pid, worker.pid
    for p in (worker, broker):
        p.terminate()
        assert p.wait(timeout=30) == 0


def crash(world, deaths, mode):
    """A sweep in which so many slots die: every third task kills its first."""
    sweep = world.sweep(plugin="fault", params={"mode": mode, "every": 3, "at": 1, "attempts": 1,
                                                "x": {"from": 1, "to": 3 * deaths, "step": 1}})
    r = world.json("run", sweep)
    assert r["tasks"] == {"total": 3 * deaths, "done": 3 * deaths, "failed": 0, "skipped": 0}
    return deaths


def kill(world, worker, deaths):
    """A sweep whose slots are killed from outside, again and again, each once some tasks were run in its time: slots that die before
    their first are started with growing pauses."""
    notes = world.path / "notes"
    notes.write_bytes(b"")
    p = world.start("run", world.sweep(plugin="sleep", limits={"attempts": 1000},
                                       params={"ms": 2, "note": str(notes), "x": {"from": 1, "to": 1000000, "step": 1}}))
    seen, dead = {}, set()
    while len(dead) < deaths:
        assert p.poll() is None, p.communicate()
        for pid in set(pids_of(worker, "slot")) - dead:
            if seen.setdefault(pid, notes.stat().st_size) + 8 * 8 <= notes.stat().st_size:
                os.kill(pid, signal.SIGKILL)
                dead.add(pid)
        time.sleep(0.001)
    p.send_signal(signal.SIGINT)
    p.communicate()
    assert p.returncode == 5
    return len(dead)


def at_rest(world, broker, worker):
    """What both have when no slot is left, nor a zombie, nor the connection of a client that has ended."""
    wait_until(lambda: not descendants(worker) and children(worker) == children(broker) == [], "no slot is left, nor a zombie")
    connections = []

    def closed():
        connections.append(has(broker)["descriptors"].count("socket:[#]"))
        return connections[-1] == 2  # the one that listens, and the worker's
    wait_until(closed, f"the clients' connections are closed: {connections[-3:]}")
    return has(broker), has(worker)


def test_slots_that_die_leave_nothing(world, parts):
    broker, worker = parts
    dead = crash(world, FIRST // 2, "segv") + kill(world, worker, FIRST // 2)
    before, memory = at_rest(world, *parts), private_bytes(worker)
    print(f"{memory >> 10} kB after {dead} deaths")
    for mode in ("segv", "exit", "kill"):
        dead += crash(world, KILLS // 5, mode)
    dead += kill(world, worker, KILLS - dead)
    after, grown = at_rest(world, *parts), private_bytes(worker) - memory
    print(f"{grown >> 10} kB more after {dead}")
    assert dead >= KILLS and after == before
    assert SANITIZED or grown <= GROWTH  # a sanitizer keeps what was freed
    files = [str(f.relative_to(world.state)) for f in world.state.rglob("*") if f.is_file()]
    assert set(files) <= {"lock", "journal.db", "journal.db-wal", "endpoint"}, files
