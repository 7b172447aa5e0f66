# SPDX-License-Identifier: MIT
"""kill -9, SIGSTOP and SIGCONT of slots, worker, broker and client at random moments of a sweep of 100,000 short tasks; each is
started again as a user or a service manager would. An external ledger (tap.py, and tables read while it runs) knows what was
acknowledged: at the end all of it is there, nothing twice, and every round has the same results, bit for bit.

Environment: SHEAF_CHAOS_ROUNDS = how many, SHEAF_CHAOS_SEED = the first one's seed. A seed gives the same disturbances at the same
times; what they hit is the machine's affair."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import struct
import time
import traceback

import numpy
import pytest

from conftest import PORTABLE, SANITIZED, SHEAF, SOURCE, World, wait_until
from support import BLOCK, descendants
from tap import ACK, GRANT, HELLO, REPORT, Ledger, Tap, unpack

ROUNDS = int(os.environ.get("SHEAF_CHAOS_ROUNDS", 4 if SANITIZED or PORTABLE else 50))
FIRST = int(os.environ.get("SHEAF_CHAOS_SEED", 1))
TOGETHER = 2 if SANITIZED else 8  # rounds at a time: they mostly sleep
UNREACHABLE = 6  # exit code: the broker was stopped, or killed and is not there again
LONGEST = 300  # seconds after which a round counts as hanging

TRIALS, SPLITS, EVERY = 20000, 5, 16  # a group row every so many tasks
N = TRIALS * SPLITS
SCORES = numpy.arange(N, dtype="u8") * 48271 % 2147483647 * 1.0  # see tests/plugins/brief.c
GROUPS = (N + EVERY - 1) // EVERY
MEANS = SCORES.reshape(TRIALS, SPLITS).sum(1) / SPLITS


def digest_of(scores, best):
    """The results digest of tasks that are all done, one score each (docs/index-space.md), and, unless the sweep keeps its best, of
    the groups that they emit: no trial has more than one row."""
    cells = numpy.zeros(len(scores), [("status", "u1"), ("score", "<f8")])
    cells["status"], cells["score"] = 1, scores
    blocks = [hashlib.blake2b(cells[at:at + BLOCK].tobytes(), digest_size=32).digest() for at in range(0, len(cells), BLOCK)]
    digest = hashlib.blake2b(b"".join(blocks), digest_size=32)
    if not best:
        named = hashlib.blake2b(b"".join(struct.pack("<Q5sd", i // SPLITS, b"some", i) for i in range(0, len(scores), EVERY)), digest_size=32)
        digest = hashlib.blake2b(digest.digest() + named.digest(), digest_size=32)
    return "b2:" + digest.hexdigest()


DIGEST = {best: digest_of(SCORES, best) for best in (False, True)}


class Victim:
    """A process that cannot be mistaken for a later one of the same number."""

    def __init__(self, pid):
        self.fd = os.pidfd_open(pid)

    def signal(self, number):
        try:
            signal.pidfd_send_signal(self.fd, number)
        except OSError:  # it has ended, or the round has
            pass

    def go_on(self):
        self.signal(signal.SIGCONT)
        os.close(self.fd)


class Round:
    """One sweep with its disturbances. `apart`: broker, worker and client by hand, with the tap between worker and broker;
    else `sheaf run` alone."""

    def __init__(self, seed, folder, data):
        self.random = random.Random(seed)
        self.seed, self.folder = seed, folder
        folder.mkdir()
        self.world = World(folder)
        self.apart = self.random.random() < 0.7
        self.best = self.random.random() < 0.2  # keep: best
        self.spin = self.random.random() < 0.5
        self.slots = self.random.randint(1, 4)
        self.plan = self.draw()
        self.sweep = self.world.sweep(
            plugin="brief", data=str(data), split={"walk_forward": {"train": 5, "test": 3}}, limits={"attempts": 50},
            params={"us": 20, "spin": self.spin, "rows": EVERY, "x": {"from": 0, "to": TRIALS - 1, "step": 1}},
            keep={"best": 100} if self.best else None)
        self.processes, self.stopped, self.readers, self.lines = {}, [], [], []
        self.resting = {}  # when the dead ones start again
        self.shown = numpy.zeros(N, bool)
        self.began, self.faults, self.result = 0, 0, None
        self.ledger = self.tap = None

    def draw(self):
        """What happens when: (seconds after the start, what, to whom, for how long). An ambush is a kill when the tap has read the
        next message of some kind: an acknowledgement before it arrives, a lease that nobody has heard of."""
        at, plan = 0, []
        for _ in range(self.random.randint(4, 16)):
            at += self.random.expovariate(5)
            what = self.random.choice(("kill", "kill", "ambush", "stop", "stop", "read"))
            whom = self.random.choice(("slot", "slot", "worker", "broker", "client", "all"))
            length = self.random.uniform(0.1, 1) if self.random.random() < 0.8 else self.random.uniform(1, 10)
            plan.append((at, what, whom, length))
        return plan

    def note(self, text):
        self.lines.append(f"{time.monotonic() - self.began:7.3f} {text}")

    # ---- the parts ----

    def command(self, role):
        broker = self.world.runtime / "broker"
        if role == "broker":
            return ["broker", "--listen", f"ipc://{broker}", "--state", self.folder / "state"]
        if role == "worker":
            return ["worker", "--broker", f"ipc://{self.world.runtime / 'tap'}", "--slots", self.slots]
        if self.apart:
            return ["run", self.sweep, "--broker", f"ipc://{broker}", "--json", "--top", "5"]
        return ["run", self.sweep, "--slots", self.slots, "--json", "--top", "5"]

    def start(self, role):
        with open(self.folder / f"{role}.out", "w") as out, open(self.folder / f"{role}.err", "a") as err:
            self.processes[role] = self.world.start(*self.command(role), stdout=out, stderr=err)

    def begin(self):
        self.began = time.monotonic()
        if self.apart:
            self.ledger = Ledger(N)
            self.start("broker")
            self.tap = Tap(self.world.runtime / "tap", self.world.runtime / "broker", self.ledger)
            self.start("worker")
        self.start("client")

    def text(self, name):
        return (self.folder / name).read_text(errors="replace")

    def may_go_on(self, code):
        """May a client that ended so have been told the truth? Then its user starts it again."""
        last = self.text("client.err").strip().rsplit("\n", 1)[-1]
        return code in (-signal.SIGKILL, UNREACHABLE) or any(reason in last for reason in (
            "without any progress",       # a part was killed before it could do anything, four times
            "in use by another process",  # the old broker is stopped and has the journal
            "is running already"))        # the old client is stopped

    def tend(self):
        """Starts again what has died. True when the sweep has got to its end."""
        for role, process in list(self.processes.items()):
            code = process.poll()
            if code is None:
                continue
            if role == "client" and code == 0:
                self.result = json.loads(self.text("client.out"))
                return True
            good = self.may_go_on(code) if role == "client" else code == -signal.SIGKILL
            assert good, f"the {role} ended with {code}"
            if time.monotonic() >= self.resting.setdefault(role, time.monotonic() + self.random.choice((0, 0.02, 0.3))):
                del self.resting[role]
                self.note(f"{role} starts again after {code}")
                self.start(role)
        return False

    # ---- disturbances ----

    def pids(self, whom):
        found = {"broker": [], "worker": [], "slot": [], "client": [self.processes["client"].pid]}
        for role, process in self.processes.items():
            if role != "client":
                found[role].append(process.pid)
            for pid, below in descendants(process.pid).items():
                found.get(below, []).append(pid)
        return [pid for pids in found.values() for pid in pids] if whom == "all" else found[whom]

    def disturb(self, what, whom, length):
        if what == "read":
            self.read()
            return
        pids = self.pids(whom)
        if whom == "slot" and pids:
            pids = [self.random.choice(pids)]
        victims = []
        for pid in pids:
            try:
                victims.append(Victim(pid))
            except ProcessLookupError:
                pass
        if not victims:
            return
        self.faults += 1
        self.note(f"{what} {whom}" + (f" for {length:.2f} s" if what == "stop" else ""))
        if what == "ambush" and self.ledger:
            kind = self.random.choice((ACK, ACK, GRANT, REPORT))
            self.ledger.ambush = kind, lambda: [victim.signal(signal.SIGKILL) for victim in victims]
            self.stopped.append((time.monotonic() + LONGEST, victims))
            return
        for victim in victims:
            victim.signal(signal.SIGSTOP if what == "stop" else signal.SIGKILL)
        self.stopped.append((time.monotonic() + (length if what == "stop" else 0), victims))

    def let_go(self, all_of_them=False):
        now, still = time.monotonic(), []
        for until, victims in self.stopped:
            if until <= now or all_of_them:
                for victim in victims:
                    victim.go_on()
            else:
                still.append((until, victims))
        self.stopped = still

    # ---- tables that are read while it runs ----

    def read(self):
        if self.best:
            return  # there is no such table
        known = self.shown.copy()
        if self.ledger:
            known |= self.ledger.acknowledged
        path = self.folder / f"shown-{len(self.lines)}.npy"
        self.note("read")
        reader = self.world.start(*self.table_command("--tasks", path), stdout=None, stderr=open(self.folder / "reader.err", "a"))
        self.readers.append((reader, path, known))

    def table_command(self, what, path):
        command = ["results", "last", what, "--format", "npy", "-o", path]
        return command + ["--broker", f"ipc://{self.world.runtime / 'broker'}"] if self.apart else command

    def hear_readers(self, all_of_them=False):
        for entry in list(self.readers):
            reader, path, known = entry
            if all_of_them:
                reader.wait(60)
            if reader.poll() is None:
                continue
            self.readers.remove(entry)
            if reader.returncode != 0:  # whom it asked was killed or stopped
                continue
            scores = numpy.load(path).reshape(N)
            path.unlink()
            there = ~numpy.isnan(scores)
            self.note(f"{there.sum()} tasks were shown")
            assert not (known & ~there).any(), f"{(known & ~there).sum()} acknowledged tasks are not shown, {(known & ~there).argmax()} first"
            assert (scores[there] == SCORES[there]).all()
            self.shown |= there

    # ---- the end ----

    def check_result(self):
        r = self.result
        assert r["state"] == "done" and r["tasks"] == {"total": N, "done": N, "failed": 0, "skipped": 0}, r
        assert r["digest"] == DIGEST[self.best] and r["groups"] == (0 if self.best else GROUPS) and r["failures"] == []
        order = numpy.argsort(-MEANS, kind="stable")[:5]
        assert [(b["trial"], b["scores"]["value"]) for b in r["best"]] == [(t, MEANS[t]) for t in order]
        for b in r["best"]:
            cells, spread = SCORES.reshape(TRIALS, SPLITS)[b["trial"]], b["spread"]["value"]
            assert (spread["n"], spread["min"], spread["max"]) == (SPLITS, cells.min(), cells.max())
            assert spread["std"] == pytest.approx(cells.std(), rel=1e-12)

    def check_tables(self):
        if self.best:
            return
        for what, expected in (("--tasks", SCORES), ("--trials", MEANS)):
            path = self.folder / "end.npy"
            self.world.run(*self.table_command(what, path))
            assert (numpy.load(path).reshape(len(expected)) == expected).all(), what

    def check_journal(self):
        """Every position in one row only, and every group row once."""
        (path,) = (self.folder / "state").rglob("journal.db")
        journal = sqlite3.connect(path)
        runs = sorted(journal.execute("SELECT first, n FROM run"))
        groups = journal.execute("SELECT count(*), count(DISTINCT position) FROM grp").fetchone()
        journal.close()
        assert groups == ((0, 0) if self.best else (GROUPS, GROUPS))
        if not self.best:
            assert sum(n for _, n in runs) == N and all(a + n == b for (a, n), (b, _) in zip(runs, runs[1:])) and runs[0][0] == 0

    def check_ledger(self):
        if self.ledger is None:
            return
        assert self.ledger.wrong == []
        acknowledged = self.ledger.acknowledged
        assert (self.ledger.scores[acknowledged] == SCORES[acknowledged]).all()
        self.note(f"{self.ledger.acks} acknowledgements of {acknowledged.sum()} tasks, {self.ledger.grants} leases")

    def settle(self):
        """The disturbances are over. Who was hit by the last one starts again."""
        if self.ledger:
            self.ledger.ambush = None
        self.let_go(True)
        self.hear_readers(True)
        if self.apart:
            wait_until(self.all_live, "broker and worker live")

    def all_live(self):
        for role in ("broker", "worker"):
            if self.processes[role].poll() == -signal.SIGKILL:
                self.start(role)
        broker = ["--broker", f"ipc://{self.world.runtime / 'broker'}"]
        return self.world.run("list", *broker, code=None).returncode == 0 and self.tap.connected()

    def end(self):
        """Everything ends as it should when it is told to."""
        for role in ("worker", "broker"):
            process = self.processes.get(role)
            if process is not None:
                process.terminate()
                assert process.wait(60) == 0, f"the {role} ended with {process.returncode}"
        if self.tap is not None:
            self.tap.ended()
            self.tap = None
        # A client that started while the killed ones were still dying took their socket for a living one's: the next run sees to it.
        self.world.run("run", self.world.sweep("other.yaml"), "--state", self.folder / "other")
        self.world.check_clean()

    def carry_out(self):
        plan = list(self.plan)
        self.begin()
        while not self.tend():
            elapsed = time.monotonic() - self.began
            assert elapsed < LONGEST, "it does not get to its end"
            while plan and plan[0][0] <= elapsed:
                self.disturb(*plan.pop(0)[1:])
            self.let_go()
            self.hear_readers()
            time.sleep(0.005)
        self.settle()
        self.check_result()
        self.check_tables()
        self.end()
        self.check_journal()
        self.check_ledger()

    def run(self):
        """None, or what went wrong."""
        try:
            self.carry_out()
            shutil.rmtree(self.folder)  # a thousand of them would fill the disk
            return None
        except Exception:
            return self.story() + traceback.format_exc()
        finally:
            self.let_go(True)
            for process in [*self.processes.values(), *(reader for reader, _, _ in self.readers)]:
                process.kill()
                process.wait()
            if self.tap is not None:
                self.tap.ended()
            self.world.finish()

    def story(self):
        repeat = f"SHEAF={SHEAF} SHEAF_CHAOS_ROUNDS=1 SHEAF_CHAOS_SEED={self.seed} python3 -m pytest {pathlib.Path(__file__).resolve()} -k rounds"
        head = f"\n==== round {self.seed} failed; {'apart' if self.apart else 'run'}, {self.slots} slots; again with\n{repeat}\n"
        errors = "".join(f"-- {path.name}\n{path.read_text(errors='replace')[-2000:]}" for path in sorted(self.folder.glob("*.err")))
        wrong = "\n".join(self.ledger.wrong[:20]) if self.ledger else ""
        return head + "\n".join(self.lines) + "\n" + errors + wrong + "\n"


@pytest.mark.parametrize("path", sorted((SOURCE / "tests" / "golden").glob("*.bin")), ids=lambda path: path.stem)
def test_the_tap_reads_every_message(path):
    message = path.read_bytes()
    (major, _, kind), at = unpack(message)
    body, end = unpack(message, at)
    assert major == 1 and end == len(message) and isinstance(body, list)
    assert (kind, path.stem) in {(HELLO, "HELLO"), (REPORT, "REPORT"), (GRANT, "GRANT"), (ACK, "ACK")} or kind not in (HELLO, REPORT, GRANT, ACK)


@pytest.fixture
def data(tmp_path):
    """The rows of five splits."""
    world = World(tmp_path)
    numpy.save(tmp_path / "rows.npy", numpy.arange(20.0))
    world.run("pack", "rows.sheaf", "rows=rows.npy")
    world.finish()
    return tmp_path / "rows.sheaf"


def test_rounds_of_kills_and_pauses_lose_nothing_and_count_nothing_twice(tmp_path, data):
    print(f"rounds {FIRST} to {FIRST + ROUNDS - 1}")
    rounds = [Round(seed, tmp_path / f"round-{seed}", data) for seed in range(FIRST, FIRST + ROUNDS)]
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        stories = [story for story in pool.map(Round.run, rounds) if story]
    print(f"{sum(r.faults for r in rounds)} disturbances, {sum(r.ledger.acks for r in rounds if r.ledger)} acknowledgements in the ledger")
    assert not stories, "".join(stories[:3])
    assert any(r.faults for r in rounds)
