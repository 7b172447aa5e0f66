# SPDX-License-Identifier: MIT
"""Plugins that cannot be used, and stored sweeps that cannot be gone on with: the whole of what is said, one line, exit code 2, and
what is stored stays as it was."""

import json
import os
import shutil
import signal

import pytest

from conftest import BUILD, PATIENCE, SHEAF, wait_until
from support import done, pids_of, refused_line

PLUGINS = BUILD / "tests" / "plugins"


def plugin_file(world, name, plugin="echo", change=lambda data: data):
    """A copy of a plugin under another name, perhaps another one."""
    data = change((PLUGINS / f"{plugin}.so").read_bytes())
    new = world.path / f"{name}.new"  # not over the bytes that a process has mapped
    new.write_bytes(data)
    new.rename(world.path / name)


# ---- plugins ----

def test_files_that_are_no_plugins(world):
    world.file("text.so", "int main() { return 0; }\n")
    world.file("empty.so", "")
    shutil.copy(SHEAF, world.path / "program.so")
    (world.path / "folder.so").mkdir()
    os.mkfifo(world.path / "pipe.so")
    os.symlink("loop.so", world.path / "loop.so")
    lines = {
        "text": "plugin DIR/text.so: not a shared object; compile it with -shared -fPIC",
        "empty": "plugin DIR/empty.so: not a shared object; compile it with -shared -fPIC",
        "folder": "plugin DIR/folder.so: not a file; give a name or the path of a .so file",
        "pipe": "plugin DIR/pipe.so: not a file; give a name or the path of a .so file",
        "loop": "plugin ./loop.so: Too many levels of symbolic links",
        "none": "there is no plugin ./none.so; check its path",
    }
    for name, line in lines.items():
        world.sweep(plugin=f"./{name}.so")
        assert refused_line(world, "run", "sweep.yaml") == "sweep.yaml:1:12: " + line
        assert refused_line(world, "plugin", "inspect", f"./{name}.so") == line
    world.sweep(plugin="./program.so")
    assert refused_line(world, "run", "sweep.yaml").startswith("sweep.yaml:1:12: plugin DIR/program.so: cannot be loaded: ")


def test_a_plugin_whose_library_is_missing(world):
    if b"libc.so.6\0" not in (PLUGINS / "fault.so").read_bytes():
        pytest.skip("it needs no libc.so.6")
    plugin_file(world, "fault.so", "fault", lambda data: data.replace(b"libc.so.6\0", b"libX.so.6\0"))
    world.sweep(plugin="./fault.so")
    assert refused_line(world, "run", "sweep.yaml") == (
        "sweep.yaml:1:12: plugin DIR/fault.so: cannot be loaded: libX.so.6: cannot open shared object file: No such file or directory")


def test_two_plugins_of_one_name(world):
    for folder in ("a", "b"):
        (world.path / folder).mkdir()
        plugin_file(world, f"{folder}/mine.so")
    world.env["SHEAF_PLUGIN_PATH"] = f"{world.path}/a:{world.path}/b"
    world.sweep(plugin="mine")
    line = "two plugins are called 'mine': DIR/a/mine.so and DIR/b/mine.so; give the path of the one you mean"
    assert refused_line(world, "run", "sweep.yaml") == "sweep.yaml:1:12: " + line
    assert refused_line(world, "plugin", "inspect", "mine") == line
    assert refused_line(world, "plugin", "try", "mine") == line
    world.run("run", world.sweep(plugin="a/mine.so"))


def test_plugins_that_hang_are_stopped(world):
    """At the same time: each of them takes 10 s."""
    hanging = ("ctor_hang", "describe_hang")
    for name in (*hanging, "open_hang"):
        world.sweep(f"{name}.yaml", plugin=name, limits={"task_seconds": 1})
    runs = {name: world.start("run", f"{name}.yaml") for name in (*hanging, "open_hang")}
    inspects = {name: world.start("plugin", "inspect", name) for name in hanging}
    for name, wrote in zip(hanging, ("; it last wrote: refused: in the constructor", "")):
        line = f"plugin {PLUGINS}/{name}.so: did not describe itself within 10 s and was stopped{wrote}\n"
        for p, place in ((runs[name], f"{name}.yaml:1:12: "), (inspects[name], "")):
            out, err = p.communicate(timeout=PATIENCE)
            assert (p.returncode, out, err) == (2, "", f"sheaf: {place}{line}")
    out, err = runs["open_hang"].communicate(timeout=PATIENCE)
    line = f"plugin {PLUGINS}/open_hang.so: died while it was loaded and opened (killed after 10 s)"
    assert runs["open_hang"].returncode == 2
    assert [row for row in err.splitlines() if "tasks" not in row] == [f"sheaf: {line}"]  # beside the progress
    assert f"reason: {line}\n" in out


OPEN = {
    "open_fail": "plugin BUILD/open_fail.so: open failed: nothing to open here",
    "open_crash": "plugin BUILD/open_crash.so: died while it was loaded and opened (signal 11): refused: in open and on another line",
}


@pytest.mark.parametrize("name", OPEN)
def test_plugins_that_do_not_open(world, name):
    """They are found out by the slots, so there is a sweep, and its outcome is printed as always."""
    line = OPEN[name].replace("BUILD", str(PLUGINS))
    r = world.run("run", world.sweep(plugin=name), "--slots", "2", "--json", code=2)
    assert r.stderr == f"sheaf: {line}\n"
    shown = json.loads(r.stdout)
    assert (shown["state"], shown["reason"]) == ("failed", line)
    assert shown["tasks"] == {"total": 10, "done": 0, "failed": 0, "skipped": 0}
    assert world.refused("run", "sweep.yaml", "--dry-run") == f"sheaf: {line}"


# ---- sweeps that were begun otherwise ----

ROWS = 40


def dataset(world, first="0"):
    """Rows that are enough for some windows; `first` makes another file of the same shape."""
    world.file("t.csv", "x\n" + first + "\n" + "\n".join(str(i) for i in range(1, ROWS)) + "\n")
    world.run("pack", "d.sheaf", "--csv", "t=t.csv", "--force")


def check_kept(world, digest):
    assert world.json("show", "1")["digest"] == digest
    assert [s["sweep"] for s in world.json("list")["sweeps"]] == [1]


def test_a_plugin_that_changed(world):
    plugin_file(world, "mine.so")
    world.sweep(plugin="./mine.so")
    before = world.json("run", "sweep.yaml")
    plugin_file(world, "mine.so", change=lambda data: data + b"\0")
    line = "sheaf: the plugin has changed since this sweep began: put the old one back, or start over with --fresh"
    assert world.refused("run", "sweep.yaml") == line
    assert world.refused("run", "sweep.yaml", "--limit", "10") == line  # the same sweep
    check_kept(world, before["digest"])
    plugin_file(world, "mine.so")  # the old one is back
    assert world.json("run", "sweep.yaml")["resumed"] == 10
    plugin_file(world, "mine.so", change=lambda data: data + b"\0")
    assert world.json("run", "sweep.yaml", "--fresh")["resumed"] == 0


def test_data_that_changed(world):
    dataset(world)
    world.sweep(plugin="echo", data="d.sheaf")
    before = world.json("run", "sweep.yaml")
    dataset(world, first="99")
    line = "sheaf: the data has changed since this sweep began: put the old dataset back, or start over with --fresh"
    assert world.refused("run", "sweep.yaml") == line
    check_kept(world, before["digest"])
    dataset(world)
    assert world.json("run", "sweep.yaml")["resumed"] == 10


def test_files_that_changed(world):
    """A file that comes, goes or is written again changes what the keys are."""
    plugin_file(world, "mine.so", "keyed")
    for name in "abc":
        world.file(f"{name}.in", name)
    world.sweep(plugin="./mine.so", keys={"files": "*.in"}, params={"x": 1}, goal={"maximize": "test"})
    before = world.json("run", "sweep.yaml")
    line = "sheaf: the files of its keys have changed since this sweep began: put the old ones back, or start over with --fresh"
    times = (world.path / "b.in").stat()
    world.file("b.in", "b2")
    assert world.refused("run", "sweep.yaml") == line
    world.file("b.in", "b")
    os.utime(world.path / "b.in", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert world.json("run", "sweep.yaml")["resumed"] == 3
    world.file("d.in", "d")
    assert world.refused("run", "sweep.yaml") == line
    check_kept(world, before["digest"])
    assert world.json("run", "sweep.yaml", "--fresh")["tasks"]["total"] == 4


def test_trials_that_changed(world):
    world.file("t.csv", "x\n1\n2\n3\n")
    world.sweep(search={"method": "list", "file": "t.csv"}, params=None)
    before = world.json("run", "sweep.yaml")
    world.file("t.csv", "x\n1\n5\n3\n")
    assert world.refused("run", "sweep.yaml") == (
        "sheaf: the list of trials has changed since this sweep began: put the old one back, or start over with --fresh")
    world.file("t.csv", "x\n1\n2\n")
    assert world.refused("run", "sweep.yaml") == (
        "sheaf: this sweep has more trials already: ask for at least as many, or start over with --fresh")
    check_kept(world, before["digest"])
    world.file("t.csv", "x\n1\n2\n3\n4\n")
    assert world.json("run", "sweep.yaml")["resumed"] == 3


def test_fewer_random_trials(world):
    fields = dict(params={"x": {"from": 0.0, "to": 1.0}})
    world.run("run", world.sweep(search={"method": "random", "trials": 9}, **fields))
    world.sweep(search={"method": "random", "trials": 5}, **fields)
    line = "sheaf: this sweep has more trials already: ask for at least as many, or start over with --fresh"
    assert world.refused("run", "sweep.yaml") == line


def test_a_sweep_of_which_nothing_is_done_begins_anew(world):
    """Whoever mends a plugin that did not open must not be asked to put the broken one back."""
    plugin_file(world, "mine.so", "open_fail")
    world.sweep(plugin="./mine.so")
    world.run("run", "sweep.yaml", code=2)
    plugin_file(world, "mine.so")
    r = world.run("run", "sweep.yaml")
    assert r.stderr == "sheaf: the plugin has changed since this sweep began; none of its tasks is done, so it begins anew\n"
    assert "done: 10 of 10 tasks done" in r.stdout
    assert [(s["sweep"], s["state"]) for s in world.json("list")["sweeps"]] == [(1, "done")]


@pytest.mark.parametrize("what", ["plugin", "dataset"])
def test_files_that_change_under_a_running_sweep(world, what):
    """Slots go on with what they have mapped. One that is started later must not mix the old with the new."""
    dataset(world)
    plugin_file(world, "mine.so", "sleep")
    world.sweep(plugin="./mine.so", data="d.sheaf", params={"ms": 20, "x": {"from": 0, "to": 2999, "step": 1}})
    p = world.start("run", "sweep.yaml", "--slots", "1", "--json")
    wait_until(lambda: p.poll() is not None or pids_of(p.pid, "slot"), "a slot runs")
    wait_until(lambda: p.poll() is not None or done(world) > 0, "tasks are done")
    if what == "plugin":
        plugin_file(world, "mine.so", "sleep", lambda data: data + b"\0")
        line = f"plugin {world.path}/mine.so: it has"
    else:
        dataset(world, first="99")
        line = f"dataset {world.path}/d.sheaf: it has"
    for pid in pids_of(p.pid, "slot"):
        os.kill(pid, signal.SIGKILL)
    out, err = p.communicate(timeout=PATIENCE)
    line += " changed since the sweep began; run the sweep again, or put the old file back"
    assert p.returncode == 2
    assert [row for row in err.splitlines() if "tasks" not in row] == [f"sheaf: {line}"]
    ended = json.loads(out)
    assert ended["state"] == "failed" and ended["reason"] == line and 0 < ended["tasks"]["done"] < 3000
