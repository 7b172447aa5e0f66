# SPDX-License-Identifier: MIT
"""Devices that are full, read-only, too small or broken, journals that are damaged, in use or not ours, limits that are too low:
one line that says what to do, nothing that was acknowledged is lost, and the same command goes on once it can."""

import ctypes
import errno
import json
import os
import pathlib
import re
import resource
import shutil
import sqlite3
import subprocess

import pytest

from conftest import BUILD, SANITIZED, wait_until
from support import digest_of, done, table

TASKS = 400_000
DIGEST = {}


def digest(tasks):
    """Of the echo plugin over x = 1 .. tasks."""
    if tasks not in DIGEST:
        DIGEST[tasks] = digest_of([{"status": "done", "value": repr(x / 2)} for x in range(1, tasks + 1)])
    return DIGEST[tasks]


def echo(world, tasks=TASKS):
    return world.sweep(params={"x": {"from": 1, "to": tasks, "step": 1}})


def journal(world):
    return next(world.state.glob("*/journal.db"))


@pytest.fixture(autouse=True)
def ends_early(world):
    """A broker that ends as soon as it has begun: libzmq does not free what its peers had sent by then."""
    ignored = world.file("lsan", "leak:libzmq.so\n")
    world.env["LSAN_OPTIONS"] = f"suppressions={ignored}:print_suppressions=0"


# ---- devices ----

@pytest.fixture(scope="module")
def namespace():
    """A mount namespace of this process' own: what is mounted here nobody else sees, and it goes with the process."""
    libc = ctypes.CDLL(None, use_errno=True)
    CLONE_NEWNS = 0x20000
    if libc.unshare(CLONE_NEWNS) != 0 or subprocess.run(["mount", "--make-rprivate", "/"], check=False).returncode != 0:
        pytest.skip("mounting takes root and mount namespaces")


@pytest.fixture
def tmpfs(namespace):
    mounted = []

    def mount(path, options):
        path.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)
        mounted.append(path)

    yield mount
    for path in mounted:
        subprocess.run(["umount", "-l", str(path)], check=True)


def remount(path, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(path)], check=True)


def test_a_full_device_stops_the_sweep_and_room_lets_it_go_on(world, tmpfs):
    small = world.path / "small"
    tmpfs(small, "size=2m,mode=0700")
    world.state = small / "state"
    world.env["SHEAF_STATE"] = str(world.state)
    sweep = echo(world)
    for _ in range(2):  # it stays full, and says the same again
        r = world.run("run", sweep, "--slots", "2", code=1)
        assert r.stdout == ""
        first = r.stderr.splitlines()[0]
        assert first.startswith(f"sheaf: {journal(world)}: cannot ") and "full" in first, first
        assert first.endswith("; make room on its device and start again"), first
        kept = table(world)
        assert done(world) == len(kept) and all(row["status"] == "done" for row in kept)
    resumed = done(world)
    assert 0 < resumed < TASKS
    remount(small, "size=64m")
    r = world.json("run", sweep, "--slots", "2")
    assert r["state"] == "done" and r["digest"] == digest(TASKS) and r["resumed"] == resumed


# ---- output files ----

def rows(world, output, n, big):
    """A sweep with an output file of n tasks of 8 * big bytes each, see tests/plugins/rows.c."""
    (world.path / "p.npy").write_bytes(
        b"\x93NUMPY\1\0\x76\0" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }".ljust(117) + b"\n" + bytes(8))
    world.run("pack", "p.sheaf", "prices=p.npy", "--force")
    return world.sweep("rows.yaml", plugin="rows", data="p.sheaf", output=str(output), goal=None, config={"big": big},
                       params={"x": {"from": 0, "to": n - 1, "step": 1}})


def test_an_output_that_the_device_has_no_room_for_is_refused_before_work(world, tmpfs):
    small = world.path / "small"
    tmpfs(small, "size=64m")
    sweep = rows(world, small / "out.sheaf", 100, 1 << 17)
    line = world.refused("run", sweep, code=None)
    assert "cannot reserve" in line and line.endswith("No space left on device"), line
    assert list(small.iterdir()) == []
    remount(small, "size=200m")
    assert world.json("run", sweep)["state"] == "done"


@pytest.mark.parametrize("how, slots", [("well", 2), ("unlooked", 1)])
def test_files_that_the_device_has_no_room_for_fail_their_tasks(world, tmpfs, how, slots):
    """Whether the plugin looks at what its writes return, or, with one slot, not: nothing that is cut short appears."""
    small = world.path / "small"
    tmpfs(small, "size=8m")
    lines, n = 400000, 10
    sweep = world.sweep(plugin="files", output={"dir": str(small / "out")}, goal=None,
                        params={"x": list(range(n)), "lines": lines, "how": how})
    r = world.json("run", sweep, "--slots", slots, code=3)
    failed = r["tasks"]["failed"]
    told = [f["reason"] for f in r["failures"]]
    assert 0 < failed < n and all("make room" in reason or "cannot be" in reason for reason in told), told
    assert any("out: the device is full; make room, then run sheaf retry N --failed" in reason for reason in told), told

    def whole():
        found = [p for p in (small / "out").rglob("*.txt") if ".sheaf-" not in str(p)]
        assert all(p.stat().st_size == 2 * lines for p in found)
        return len(found)

    assert whole() == 2 * (n - failed) == r["output"]["files"]
    remount(small, "size=80m")
    assert world.json("retry", "last", "--failed")["output"]["files"] == whole() == 2 * n
    assert sorted(p.name for p in (small / "out").glob("*")) == sorted([*(f"{x}.txt" for x in range(n)), "sub"])


def test_an_output_on_a_read_only_device_is_refused_before_work(world, tmpfs):
    place = world.path / "place"
    tmpfs(place, "size=1m")
    remount(place, "ro")
    sweep = rows(world, place / "out.sheaf", 3, 3)
    made = world.sweep("files.yaml", plugin="files", output={"dir": str(place / "out")}, goal=None, params={"x": [1]})
    for s in (sweep, made):
        assert world.refused("run", s, code=None).endswith("Read-only file system")
    remount(place, "rw")
    for s in (sweep, made):
        assert world.json("run", s)["state"] == "done"


def test_a_read_only_state_directory_is_refused_in_one_line(world, tmpfs):
    place = world.path / "place"
    tmpfs(place, "mode=0700")
    world.state = place / "state"
    world.env["SHEAF_STATE"] = str(world.state)
    sweep = echo(world, 100)
    world.run("run", sweep)
    remount(place, "ro")
    for command in (["show", "last"], ["results", "last"]):
        assert world.refused(*command, code=1).endswith("Read-only file system"), command
    other = world.sweep("other.yaml", params={"x": [1, 2, 3]})
    for args in (["run", sweep], ["run", other]):
        r = world.run(*args, code=1)
        assert r.stdout == "" and r.stderr.splitlines()[0].endswith("Read-only file system"), r.stderr
    r = world.run("broker", "--listen", f"ipc://{world.runtime}/b", "--state", world.path / "place" / "new", code=1)
    assert r.stderr.count("\n") == 1 and "Read-only file system" in r.stderr
    remount(place, "rw")
    assert world.json("run", sweep)["digest"] == digest(100)


@pytest.mark.parametrize("full", [False, True])
def test_a_small_dev_shm_is_no_limit(world, tmpfs, full):
    """Shared memory is made of memfds and datasets are files: 64 MB of /dev/shm, as containers have them, are as good as any."""
    shm = pathlib.Path("/dev/shm")
    tmpfs(shm, "size=64m")
    if full:
        ballast = shm / "ballast"
        with pytest.raises(OSError):
            with open(ballast, "wb", buffering=0) as f:
                while True:
                    f.write(bytes(1 << 20))
    world.env["TMPDIR"] = str(world.temporary)
    sweep = world.sweep(plugin="cached", params={"x": list(range(8)), "kb": 100 * 1024, "tables": 1})
    r = world.json("run", sweep, "--slots", "2")
    assert r["tasks"]["done"] == 8


def test_a_full_temporary_directory_and_dev_shm_at_once_are_no_bus_error(world, tmpfs):
    tmpfs(world.temporary, "size=64k")
    tmpfs(pathlib.Path("/dev/shm"), "size=64k")
    r = world.run("run", echo(world, 1000), "--slots", "2", code=None)
    assert r.returncode in (0, 1) and "signal" not in r.stderr, r.stderr
    if r.returncode == 1:
        assert "No space left on device" in r.stderr
    remount(world.temporary, "size=64m")
    assert world.json("run", echo(world, 1000), "--slots", "2")["digest"] == digest(1000)


def test_packing_onto_a_full_device_leaves_nothing(world, tmpfs):
    small = world.path / "small"
    tmpfs(small, "size=256k")
    rows = "".join(f"k{i % 9},{i}\n" for i in range(50000))
    csv = world.file("t.csv", "k,v\n" + rows)
    line = world.refused("pack", small / "out.sheaf", "--csv", f"t={csv}", "--key", "k", code=1)
    assert "No space left on device" in line
    assert list(small.iterdir()) == []


# ---- limits ----

def limited(which, soft):
    def apply():
        resource.setrlimit(which, (soft, soft))
    return {"preexec_fn": apply}


@pytest.mark.parametrize("files", [8, 12, 14, 16, 20, 24, 30, 36])
def test_too_few_descriptors_are_said_in_one_line(world, files):
    r = world.run("run", echo(world, 100), code=1, **limited(resource.RLIMIT_NOFILE, files))
    assert r.stdout == "" and r.stderr.count("\n") == 1, r.stderr
    assert re.search("only [0-9]+ more files can be opened where [0-9]+ are needed .*; raise the limit: ulimit -n$", r.stderr.strip())


@pytest.mark.parametrize("role", ["broker", "worker"])
@pytest.mark.parametrize("files", [8, 14, 20])
def test_too_few_descriptors_for_a_role_are_said_in_one_line(world, role, files):
    url = f"ipc://{world.runtime}/b"
    args = ["--listen", url, "--state", world.path / "s"] if role == "broker" else ["--broker", url]
    r = world.run(role, *args, code=1, **limited(resource.RLIMIT_NOFILE, files))
    assert r.stderr.count("\n") == 1 and "raise the limit: ulimit -n" in r.stderr, r.stderr


def test_a_few_more_descriptors_are_enough(world):
    r = world.run("run", echo(world, 1000), "--slots", "4", "--json", **limited(resource.RLIMIT_NOFILE, 64))
    assert json.loads(r.stdout)["digest"] == digest(1000)


def test_a_limit_on_the_size_of_files_is_an_error_and_not_a_signal(world):
    sweep = echo(world)
    r = world.run("run", sweep, "--slots", "2", code=1, **limited(resource.RLIMIT_FSIZE, 1 << 20))
    assert r.stdout == "" and "signal" not in r.stderr, r.stderr
    assert r.stderr.startswith(f"sheaf: {journal(world)}: cannot ") and "File too large" in r.stderr.splitlines()[0], r.stderr
    assert world.json("run", sweep, "--slots", "2")["digest"] == digest(TASKS)


# ---- calls that fail in the real broker ----

@pytest.mark.skipif(SANITIZED, reason="a sanitizer wants to be loaded before the library that makes calls fail")
@pytest.mark.parametrize("calls, error", [("write", errno.ENOSPC), ("write", errno.EIO), ("sync", errno.EIO), ("open", errno.EMFILE)])
def test_whichever_call_of_the_broker_fails_the_same_command_goes_on(world, calls, error):
    sweep, mark, failed = echo(world, 2000), world.path / "mark", 0
    for n in range(1, 1000):
        shutil.rmtree(world.state, ignore_errors=True)
        mark.unlink(missing_ok=True)
        env = {**world.env, "LD_PRELOAD": str(BUILD / "tests" / "fail_io.so"), "SHEAF_FAIL_ROLE": "broker",
               "SHEAF_FAIL_CALLS": calls, "SHEAF_FAIL_AT": str(n), "SHEAF_FAIL_ERRNO": str(error),
               "SHEAF_FAIL_BELOW": str(world.state), "SHEAF_FAIL_MARK": str(mark)}
        r = world.run("run", sweep, "--slots", "1", "--json", code=None, env=env)
        if not mark.exists():
            break
        failed += 1
        assert r.returncode in (0, 1), (n, r)
        if r.returncode == 1:
            assert r.stdout == "" and re.match(f"sheaf: .*({os.strerror(error)}|is full|readonly database|unable to open)", r.stderr), (n, r)
            assert 1 <= r.stderr.count("\n") <= 2, (n, r)
            kept = done(world)
            r = world.run("run", sweep, "--slots", "1", "--json")
            assert json.loads(r.stdout)["resumed"] >= kept, n
        assert json.loads(r.stdout)["digest"] == digest(2000), n
    assert failed > 3


# ---- journals that are in use, damaged or not ours ----

def test_a_state_directory_in_use_names_the_one_who_has_it(world):
    state, first, second = world.path / "s", f"ipc://{world.runtime}/1", f"ipc://{world.runtime}/2"
    p = world.start("broker", "--listen", first, "--state", state)
    wait_until(lambda: (state / "endpoint").exists(), "the broker runs")
    line = world.refused("broker", "--listen", second, "--state", state)
    assert line == f"sheaf: state directory {state} is in use by process {p.pid}; end it or choose another directory"
    p.terminate()
    p.communicate()
    p = world.start("broker", "--listen", second, "--state", state)
    wait_until(lambda: (state / "endpoint").exists(), "another broker runs")
    p.terminate()
    p.communicate()


def without_log(db):
    db.with_name("journal.db-wal").unlink()


def random_bytes(db):
    without_log(db)
    db.write_bytes(bytes((i * i * 131 + i // 7) % 256 for i in range(65536)))


def text_file(db):
    without_log(db)
    db.write_text("this is no database\n" * 100)


def empty(db):
    db.write_bytes(b"")


def missing(db):
    db.unlink()


def cut_short(db):
    """As long as one page after its log was written back."""
    with sqlite3.connect(db) as c:
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.write_bytes(db.read_bytes()[:40000])


def foreign(db):
    without_log(db)
    db.unlink()
    with sqlite3.connect(db) as c:
        c.execute("CREATE TABLE recipe(name TEXT)")


def newer(db):
    with sqlite3.connect(db) as c:
        c.execute("PRAGMA user_version=1000")


def folder(db):
    without_log(db)
    db.unlink()
    db.mkdir()


NO_DATABASE = "cannot open it: file is not a database; it is damaged or not a journal of sheaf: restore it from a copy, or choose another state directory"
DAMAGED = "cannot .*: database disk image is malformed; it is damaged or not a journal of sheaf: restore it from a copy, or choose another state directory"
DAMAGES = {
    random_bytes: f"DB: {NO_DATABASE}",
    text_file: f"DB: {NO_DATABASE}",
    empty: "DB is damaged: it is empty or missing, and its log is not; restore it from a copy",
    missing: "DB is damaged: it is empty or missing, and its log is not; restore it from a copy",
    cut_short: f"DB: {DAMAGED}",
    foreign: "DB is not a journal of sheaf but another program's database; choose another state directory",
    newer: "DB has format 1000, this program reads format [0-9]+; use a newer sheaf",
    folder: "DB: cannot open: Is a directory",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_a_damaged_or_foreign_journal_is_said_in_one_line_and_left_alone(world, damage):
    sweep = echo(world, 1000)
    world.run("run", sweep)
    db = journal(world)
    damage(db)
    before = db.read_bytes() if db.is_file() else None
    expected = DAMAGES[damage].replace("DB", re.escape(str(db)))
    code = 1 if damage is folder else 2
    for command in ("show", "results"):
        line = world.refused(command, "last", code=code)
        assert re.fullmatch("sheaf: " + expected, line), line
    listed = world.run("list")
    assert re.fullmatch("sheaf: sweep 1: " + expected + "\n", listed.stderr), listed.stderr
    r = world.run("run", sweep, code=None)
    assert r.returncode in (1, 2) and r.stdout == ""
    assert re.fullmatch("sheaf: " + expected, r.stderr.splitlines()[0]), r.stderr
    if damage is not missing:
        assert (db.read_bytes() if db.is_file() else None) == before
