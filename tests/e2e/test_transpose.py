# SPDX-License-Identifier: MIT
"""The transpose plugin against a plain Python version, on made-up stocks and on the real ones, whoever runs the tasks and whoever is
killed.

The real stocks lie outside of the repository: in $SHEAF_SHARED, or in ../shared beside the checkout."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

from conftest import BUILD, SANITIZED, SOURCE, wait_until
from support import pids_of, refused_line, signal_all, table

SHARED = pathlib.Path(os.environ.get("SHEAF_SHARED", SOURCE.parent / "shared"))
PREPARE = SHARED / "data" / "prepare.py"


def expected(folder):
    """{file name: bytes} as it should be."""
    header, days = None, {}
    for path in sorted(folder.iterdir(), key=lambda p: p.stem):
        first, *lines = path.read_bytes().splitlines()
        header = b"symbol" + first[len(b"date"):] + b"\n"
        for line in lines:
            days.setdefault(line[:10].decode(), []).append(path.stem.encode() + line[10:] + b"\n")
    return {f"{day}.csv": header + b"".join(rows) for day, rows in days.items()}


def check(folder, wanted):
    """These files and nothing else."""
    assert {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == wanted
    assert not [p for p in folder.rglob(".*")]


def make_stocks(world, *words):
    (world.path / "stocks").mkdir()
    subprocess.run([BUILD / "bin" / "transpose_stocks", world.path / "stocks", *map(str, words)], check=True)
    return expected(world.path / "stocks")


def by_date(world, name="by_date", **fields):
    return world.sweep(f"{name}.yaml", plugin="transpose", keys={"files": "stocks/*.csv"}, output={"dir": name}, params=None, goal=None,
                       **fields)


def test_the_example(world):
    wanted = make_stocks(world, 40, 370, 1)
    shutil.copy(SOURCE / "plugins" / "transpose" / "example" / "by_date.yaml", world.path)
    r = world.json("run", "by_date.yaml")
    assert r["tasks"]["done"] == 40
    check(world.path / "by_date", wanted)
    groups = {row["group"]: (float(row["files"]), float(row["rows"])) for row in table(world, "--groups")}
    assert groups == {year: (sum(n.startswith(year) for n in wanted),
                             sum(w.count(b"\n") - 1 for n, w in wanted.items() if n.startswith(year))) for year in ("2000", "2001")}
    for slots in (1, 5):
        again = world.json("run", by_date(world, f"again{slots}"), "--slots", slots)
        assert again["digest"] == r["digest"]
        check(world.path / f"again{slots}", wanted)


@pytest.mark.skipif(not PREPARE.is_file(), reason=f"NOTHING WAS COMPARED: {SHARED} has no stocks (set SHEAF_SHARED)")
@pytest.mark.skipif(SANITIZED, reason="25 MB through the same lines as the made-up ones")
def test_the_real_stocks(world):
    subprocess.run([sys.executable, str(PREPARE), str(world.path), "stocks"], check=True)
    wanted = expected(world.path / "stocks")
    assert len(wanted) == 1259 and len(list((world.path / "stocks").iterdir())) == 505
    assert world.json("run", by_date(world), "--slots", 2)["tasks"]["done"] == 505
    check(world.path / "by_date", wanted)


@pytest.mark.parametrize("role", ["slot", "worker", "broker", "run"])
def test_whoever_is_killed(world, role):
    """In the middle of reading or of writing; a second run finishes what is left. When it is over before the kill, there is another one."""
    wanted = make_stocks(world, 90, 150, 2)
    for attempt in range(20):
        name = f"out{attempt}"
        p = world.start("run", by_date(world, name), "--slots", 2, "--json")
        seen = wait_until(lambda: p.poll() is not None or (attempt % 2 == 0 and pids_of(p.pid, "slot")) or
                          len(list((world.path / name).glob("*.csv"))) > 5, "it has begun")
        pids = [p.pid] if role == "run" else pids_of(p.pid, role)
        hit = seen is not True and signal_all(pids, signal.SIGKILL)
        p.communicate()
        wait_until(lambda: not world.processes(), "all have ended")
        world.json("run", by_date(world, name), "--slots", 5)
        check(world.path / name, wanted)
        if hit and attempt > 0:
            return
    raise AssertionError(f"it is always over before the {role} is killed")


WRONG = {  # a file's text, fields, line
    "a line": ("date,p\n2020-01-02,1\n2020-01-03\n", {}, "B.csv:3: it has 1 column, and the header has 2"),
    "a day": ("date,p\n2020-02-30,1\n", {}, "B.csv:2: '2020-02-30' is not a day: write YYYY-MM-DD"),
    "a column": ("date,p\n", {"config": {"by": "day"}}, "B.csv:1: it has no column day; its columns are date,p"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files_end_the_sweep_with_their_line(world, case):
    text, fields, said = WRONG[case]
    (world.path / "stocks").mkdir()
    world.file("stocks/A.csv", "date,p\n2020-01-02,1\n")
    world.file("stocks/B.csv", text)
    r = world.run("run", by_date(world, **fields), code=2)
    # where both are wrong, the first that is read is named
    assert f"open failed: {world.path}/stocks/{said}" in r.stderr.replace("A.csv:1: it has no", "B.csv:1: it has no")
    assert list(world.path.glob("by_date/*.csv")) == []


def test_wrong_sweeps(world):
    (world.path / "stocks").mkdir()
    world.file("stocks/A.csv", "date,p\n2020-01-02,1\n")
    by_date(world, config={"to": "x"})
    assert "describe failed: config takes {by: COLUMN, name: COLUMN} or less" in refused_line(world, "run", "by_date.yaml")
    world.sweep(plugin="transpose", keys={"range": [0, 2]}, output={"dir": "out"}, params=None, goal=None)
    assert 'its input is the sweep\'s keys: add keys: {files: "FOLDER/*.csv"}' in world.run("run", "sweep.yaml", code=2).stderr
