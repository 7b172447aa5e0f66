# SPDX-License-Identifier: MIT
"""Output files: a task's files appear under the output folder whole or not at all, once, whatever crashes. Tasks are those of
tests/plugins/files.c; what each file should hold its name says."""

import itertools
import os
import random
import shutil
import signal

import pytest

from conftest import wait_until
from support import descendants, done, has_got_to, signal_all, table

N = 60


def files(world, filename="sweep.yaml", n=N, output="out", params=None, **fields):
    params = {"x": {"from": 0, "to": n - 1, "step": 1}, **(params or {})}
    output = {"dir": output} if isinstance(output, str) else output
    return world.sweep(filename, plugin="files", output=output, params=params, goal=None, **fields)


def names(x):
    return f"{x}.txt", f"sub/{x % 10}/{x}.txt"


def entries(path):
    """Folders and files that people see: also while tasks come and go in the hidden folder."""
    folders, names_found = [], []
    for at, below, here in os.walk(path):
        below[:] = [name for name in below if not name.startswith(".sheaf-")]
        folders += [os.path.relpath(os.path.join(at, name), path) for name in below]
        names_found += [os.path.relpath(os.path.join(at, name), path) for name in here]
    return sorted(folders), sorted(names_found)


def found(path):
    """The texts of all files, which are whole."""
    texts = {name: (path / name).read_text() for name in entries(path)[1]}
    for name, text in texts.items():
        x = name.rsplit("/", 1)[-1].split(".")[0]
        assert text and (name == "same" or text == f"{x}\n" * text.count("\n")), name
    return texts


def check(path, xs, lines=1, others=(), tidy=True):
    """There are the files of these tasks, whole, and no others."""
    texts = found(path)
    assert sorted(texts) == sorted([*(name for x in xs for name in names(x)), *others])
    assert all(text.count("\n") == lines for name, text in texts.items() if name not in others)
    assert entries(path)[0] == sorted({*(f"sub/{x % 10}" for x in xs), *(["sub"] if xs else [])})
    assert len(list(path.glob(".*"))) == (0 if tidy else 1)


# ---- the plain case ----

def test_files_appear_under_their_names(world):
    out = world.path / "out"
    r = world.json("run", files(world), "--slots", "2")
    assert r["state"] == "done" and r["goal"] is None and r["output"] == {"dir": str(out), "files": 2 * N}
    check(out, range(N))
    assert world.json("show", "last")["output"] == r["output"]
    assert f"{out}: {2 * N} files" in world.run("show", "last").stdout
    assert float(table(world)[7]["done"]) == 1
    again = world.json("run", "sweep.yaml")  # its own files are in nobody's way
    assert again["output"] == r["output"] and again["resumed"] == N
    assert world.json("run", "sweep.yaml", "--set", "limits.attempts=2")["output"] == r["output"]
    (out / "7.txt").rename(world.path / "kept")
    assert world.refused("run", "sweep.yaml").endswith(f"of its {2 * N} files 1 is gone: make them again with --fresh --overwrite")
    (world.path / "kept").rename(out / "7.txt")
    assert world.json("run", "sweep.yaml")["output"] == r["output"]
    world.run("rm", "last")
    check(out, range(N))
    line = world.refused("run", "sweep.yaml", code=None)
    assert "out: the folder is not empty (" in line and line.endswith("replace files of the same names with --overwrite")
    (out / "sub" / "other").write_text("1\n")
    (out / "1.txt").write_text("old\n")
    digest = world.json("run", "sweep.yaml", "--overwrite", "--verify", "100%")["digest"]
    assert digest == r["digest"]
    (out / "sub" / "other").unlink()  # a stranger's, which stays where it is
    check(out, range(N))


def test_files_and_rows(world):
    r = world.json("run", files(world, output={"file": "o.sheaf", "dir": "out"}, config={"rows": True}, params={"how": "fail", "at": 7}), code=3)
    assert r["output"]["files"] == 2 * (N - 1) and r["output"]["digest"] == world.json("inspect", "o.sheaf")["digest"]
    check(world.path / "out", [x for x in range(N) if x != 7])  # nothing of it can be tried again
    for output, why in (({"file": "o.sheaf"}, "files makes files (two texts a task); add output: {file: FILE.sheaf, dir: FOLDER}"),
                        ({"dir": "o"}, "files makes output arrays (one...); add output: {file: FILE.sheaf, dir: FOLDER}")):
        assert world.refused("run", files(world, output=output, config={"rows": True})).endswith(why)


# ---- tasks that go wrong ----

@pytest.mark.parametrize("how, reason", [
    ("fail", "as it was told"), ("crash", "signal 9"), ("link", "the file other, which it has made, is no regular file"),
    ("absolute", 'the name of the file "/etc/x" is absolute; it counts from the output folder'),
    ("same", "task {a} writes same, which task {b} has written")])
def test_a_task_that_fails_leaves_nothing(world, how, reason):
    at = 7 if how != "same" else -1
    sweep = files(world, n=8, params={"how": how, "at": at}, limits={"attempts": 2})
    r = world.json("run", sweep, "--slots", "2", code=3)
    good = [int(row["task"]) for row in table(world) if row["status"] == "done"]
    first = r["failures"][0]
    assert first["reason"].endswith(reason.format(a=first["task"], b=good[0])), first
    assert len(good) == (1 if how == "same" else 7) and r["output"]["files"] == 2 * len(good) + (how == "same")
    check(world.path / "out", good, others=["same"] if how == "same" else [], tidy=False)
    world.json("retry", "last", "--failed", code=3)
    check(world.path / "out", good, others=["same"] if how == "same" else [], tidy=False)
    world.run("rm", "last")
    check(world.path / "out", good, others=["same"] if how == "same" else [])


def test_a_first_mistake_is_in_nobodys_way(world):
    world.json("run", files(world, n=8, params={"how": "fail"}), code=4)
    assert world.json("run", files(world, n=8))["output"]["files"] == 16
    check(world.path / "out", range(8))


# ---- folders that cannot be ----

def test_folders_that_cannot_be_are_refused_before_work(world):
    world.file("file", "1")
    (world.path / "full").mkdir()
    world.file("full/x", "1")
    for name, why in (("no/out", "No such file or directory"), ("file", "it is not a folder; choose another name"),
                      ("file/out", "file is not a folder"), (str(world.state / "out"), "choose another one"),
                      ("full", "the folder is not empty (x); choose another one, or replace files of the same names with --overwrite")):
        line = world.refused("run", files(world, output=name), code=None)
        assert why in line, line
    for fields, why in ((dict(output=None), "files makes files (two texts a task); add output: {dir: FOLDER}"),
                        (dict(output={"file": "o.sheaf"}), "add output: {file: FILE.sheaf, dir: FOLDER}"),
                        (dict(output="o" * 2890), "the path of the output folder is over 2900 bytes; give a shorter one"),
                        (dict(keep={"best": 3}), "an output needs the results of all trials; remove keep")):
        assert world.refused("run", files(world, **fields)).endswith(why)
    assert not (world.path / "out").exists() and (world.path / "full" / "x").read_text() == "1"


def test_a_dry_run_and_plugin_try_leave_nothing(world):
    assert f"output: files in {world.path / 'out'}" in world.run("run", files(world), "--dry-run").stdout
    assert not (world.path / "out").exists()
    assert "file 5.txt\n" in world.run("plugin", "try", "files", "--set", "x=5").stdout
    assert world.json("plugin", "inspect", "files")["files"] == "two texts a task"
    world.run("plugin", "try", "files", "--set", "x=5", "--output", "kept")
    check(world.path / "kept", [5])
    assert sorted(world.json("plugin", "try", "files", "--set", "x=5")["files"]) == sorted(names(5))
    r = world.run("plugin", "try", "files", "--set", "how=dots", code=4)
    assert 'plugin bug: the name of the file "a/../x" has a part that begins with a dot' in r.stderr


# ---- stopped and killed ----

def test_rm_takes_what_does_not_count(world):
    """Files of a task that was killed before it was counted, as they are claimed."""
    out, p = world.path / "out", world.start("run", slow(world, "other"), "--slots", "1")
    wait_until(lambda: p.poll() is not None or done(world) > 0, "it has begun")
    signal_all([p.pid, *descendants(p.pid)], signal.SIGKILL)
    p.communicate()
    wait_until(lambda: not world.processes(), "the others end by themselves")
    good = [int(row["task"]) for row in table(world) if row["status"] == "done"]
    log = next((world.path / "other").glob(".sheaf-*/claims/*"))
    log.write_text(log.read_text() + f"{SLOW - 1} 1\nhalf\n")
    (world.path / "other" / "half").write_text("1\n")
    world.run("rm", "last")
    check(world.path / "other", good, lines=50)
    world.json("run", files(world, n=8, params={"how": "fail", "at": 7}), code=3)
    (out / "7.txt").write_text("7\n")  # of somebody else: the folder is tidied
    world.run("rm", "last")
    check(out, range(7), others=["7.txt"])



SLOW = 240


def slow(world, output="out"):
    return files(world, "slow.yaml", n=SLOW, output=output, params={"spin": 3000000, "lines": 50})


def test_what_is_done_stays_when_a_sweep_is_stopped(world):
    for fresh in ((), *[("--fresh", "--overwrite")] * 9):
        p = world.start("run", slow(world), "--slots", "2", *fresh)
        if has_got_to(world, p, 30):
            break
    p.send_signal(signal.SIGINT)
    p.communicate()
    good = [int(row["task"]) for row in table(world) if row["status"] == "done"]
    assert 30 <= len(good) < SLOW
    check(world.path / "out", good, lines=50, tidy=False)
    assert world.json("show", "last")["output"]["files"] == 2 * len(good)
    other = files(world, "other.yaml", n=3)
    assert "the folder is not empty" in world.refused("run", other, code=None)
    r = world.json("run", "slow.yaml", "--slots", "5")
    assert r["resumed"] == len(good) and r["output"]["files"] == 2 * SLOW
    check(world.path / "out", range(SLOW), lines=50)


def test_two_sweeps_in_one_folder(world):
    p = world.start("run", slow(world), "--slots", "1")
    wait_until(lambda: p.poll() is not None or done(world) > 0, "it has begun")
    other = files(world, "other.yaml", n=3)
    line = world.refused("run", other, "--overwrite", code=None)
    assert line.endswith("another sweep is at work in it"), line
    p.kill()
    p.communicate()
    wait_until(lambda: not world.processes(), "the others end by themselves")
    assert "the folder is not empty" in world.refused("run", other)  # which takes nothing from the first
    assert world.json("run", other, "--overwrite")["output"]["files"] == 6
    r = world.run("run", "slow.yaml", code=2)  # it would mix its files with theirs
    assert "start over with --fresh --overwrite" in r.stderr
    shutil.rmtree(world.path / "out")
    r = world.run("run", "slow.yaml", code=2)
    assert "the folder is gone: start over with --fresh" in r.stderr
    assert world.refused("run", other).endswith("the folder is gone: make it again with --fresh")
    assert world.json("run", other, "--fresh")["output"]["files"] == 6
    check(world.path / "out", range(3))


KINDS = [["slot"], ["worker"], ["broker"], ["broker", "worker", "slot"], ["client"], []]


def disturb(world, p, before, roles, steps):
    """Kills these, and a little later the client, once so many tasks more are done. False: it is over."""
    for step in steps:
        if not has_got_to(world, p, before + step):
            return False
        signal_all([p.pid] if roles == ["client"] else [pid for pid, role in descendants(p.pid).items() if role in roles], signal.SIGKILL)
        found(world.path / "out")
        roles = ["client"]
    return True


SWEEPS = int(os.environ.get("SHEAF_FILES_SWEEPS", 1))


@pytest.mark.parametrize("seed", range(SWEEPS))
def test_files_are_whole_whatever_is_killed(world, seed):
    """With SHEAF_FILES_SWEEPS so many sweeps, at random moments."""
    sweep, draw, before, goes_on = slow(world), random.Random(seed), 0, True
    for kind in itertools.count():
        if not goes_on or kind == (20 if SWEEPS > 1 else len(KINDS)):
            break
        p = world.start("run", sweep, "--slots", draw.choice((1, 2, 5)), "--json")
        goes_on = disturb(world, p, before, KINDS[kind % len(KINDS)], sorted(draw.sample(range(1, 40), 2)))
        p.communicate()
        wait_until(lambda: not world.processes(), "the others end by themselves")
        found(world.path / "out")
        before = done(world)
    r = world.json("run", sweep, "--slots", "2")
    assert r["state"] == "done" and r["output"]["files"] == 2 * SLOW
    check(world.path / "out", range(SLOW), lines=50)


def test_a_worker_that_is_late_harms_nothing(world):
    """One of two is stopped in the middle and lost; when it goes on, the sweep is over."""
    url = f"ipc://{world.runtime}/b"
    started = [world.start("broker", "--listen", url, "--state", world.path / "broker", stdout=None, stderr=None)]
    world.env["SHEAF_BROKER"] = url
    wait_until(lambda: world.run("list", code=None).returncode == 0, "the broker answers")
    started += [world.start("worker", "--broker", url, "--slots", "1", stdout=None, stderr=None) for _ in range(2)]
    p = world.start("run", slow(world), "--json")
    late = started[1].pid
    wait_until(lambda: p.poll() is not None or (done(world) >= 30 and descendants(late)), "both work")
    pids = [late, *descendants(late)]
    assert signal_all(pids, signal.SIGSTOP)
    out, err = p.communicate()
    assert p.returncode == 0 and f'"files":{2 * SLOW}' in out, err
    check(world.path / "out", range(SLOW), lines=50)
    assert signal_all(pids, signal.SIGCONT)
    wait_until(lambda: "slot" not in descendants(late).values(), "its slots have ended")
    check(world.path / "out", range(SLOW), lines=50)
    r = world.json("run", files(world, n=4, output="other", params={"how": "fail", "at": 2}), code=3)
    assert r["output"]["files"] == 6
    check(world.path / "other", (0, 1, 3), tidy=False)
    world.run("rm", "last")
    check(world.path / "other", (0, 1, 3))
    for process in reversed(started):
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
