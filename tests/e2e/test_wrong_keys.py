# SPDX-License-Identifier: MIT
"""Wrong keys and calendars, with the whole of what is said: one line, exit code 2, nothing on stdout, nothing begun. What needs no dataset of
its own is in sweep/sweepfile_cases.h and test_wrong.py."""

import struct

import numpy as np
import pytest

from support import refused_line

TABLE = "sym,day,v\nA,10,1.5\nA,20,2\nA,30,3\nB,10,4\nB,30,5\n"


def pack(world, text=TABLE, *arrays, order=True, key="sym"):
    world.file("t.csv", text)
    options = ["--key", key, *(["--order", "day"] if order else [])]
    world.run("pack", "d.sheaf", "--csv", "t=t.csv", *arrays, *(options if key else []))


def refused(world, **fields):
    """The line that a sweep of these fields gets, behind the file's name and line."""
    world.sweep(**{"plugin": "keyed", "params": {"x": 1}, "goal": {"maximize": "test"}, "data": "d.sheaf", **fields})
    line = refused_line(world, "run", "sweep.yaml")
    place, text = line.split(": ", 1)
    assert place.startswith("sweep.yaml:1:")
    column = int(place.rsplit(":", 1)[1])
    return (world.path / "sweep.yaml").read_text()[column - 1:], text


def test_the_key_column(world):
    pack(world, key=None)
    assert refused(world, keys="sym")[1] == "the data is not partitioned; pack it with `sheaf pack --key sym`"
    (world.path / "d.sheaf").unlink()
    pack(world)
    at, line = refused(world, keys="day")
    assert line == "the data is partitioned by sym, not by day; write keys: sym, or pack it with --key day" and at.startswith('"day"')
    (world.path / "d.sheaf").unlink()
    pack(world, "sym,day,v\n")
    assert refused(world, keys="sym", plugin="echo", goal={"maximize": "value"})[1] == (
        "the data has no keys: its column sym has no rows; pack it with some")


def test_what_pack_says_of_keys(world):
    world.file("t.csv", TABLE)
    assert refused_line(world, "pack", "d.sheaf", "--csv", "t=t.csv", "--key", "symbol") == "no table has the key column 'symbol'"
    world.file("t.csv", "sym,v\n1.5,1\n")
    assert refused_line(world, "pack", "d.sheaf", "--csv", "t=t.csv", "--key", "sym") == (
        "t.csv: column 'sym' has fractions or empty cells; keys are texts, integers or dates")


def test_keys_that_are_empty_doubled_or_unsorted_are_keys(world):
    """An empty text is a key like any other; rows of one key need not lie together, nor keys in order."""
    pack(world, "sym,day,v\nB,1,1.0\n,1,2\nA,1,4\nB,2,8\n,3,16\n")
    world.sweep(plugin="keyed", keys="sym", params={"x": 0}, goal={"maximize": "test"}, data="d.sheaf")
    world.run("run", "sweep.yaml")
    rows = [line.split(",")[2:6] for line in world.run("results", "last", "--tasks").stdout.splitlines()[1:]]
    assert rows == [["", "0", "done", "18"], ["A", "0", "done", "4"], ["B", "0", "done", "9"]]


def test_keys_of_different_rows(world):
    pack(world)
    at, line = refused(world, keys="sym", split={"k_fold": {"k": 2}})
    assert line == "keys have different rows: A 3, B 2 (row); name a calendar that they share with on: ARRAY, or pack them equally long"
    assert at.startswith('{"k_fold"')


CALENDARS = {
    "two axes": ([[10, 20, 30]], "i8", "days cannot be a calendar: it has 2 axes; name an array of days with one"),
    "floats": ([10, 20, 30], "f8", "days cannot be a calendar: it holds float64; name an array of days or whole numbers"),
    "other type": ([10, 20, 30], "i4", "days holds int32, but t.day, by which rows are ordered, int64; pack them alike"),
    "unsorted": ([10, 30, 20], "i8", "days cannot be a calendar: 20 follows 30; sort it, each day once"),
    "doubled": ([10, 20, 20, 30], "i8", "days cannot be a calendar: 20 follows 20; sort it, each day once"),
    "a day is missing": ([10, 30], "i8", "the key A has a row of 20, a day that days lacks; add it, or leave the row out"),
    "empty": ([], "i8", "3 folds do not fit: the data has 0 rows (row); make k smaller"),
}


@pytest.mark.parametrize("name", CALENDARS)
def test_wrong_calendars(world, name):
    days, dtype, line = CALENDARS[name]
    np.save(world.path / "days.npy", np.array(days, dtype=dtype))
    pack(world, TABLE, "days=days.npy")
    at, text = refused(world, keys="sym", split={"k_fold": {"k": 3}, "on": "days"})
    assert text == line and at.startswith('{"k": 3}' if name == "empty" else '"days"')


def test_rows_without_an_order(world):
    np.save(world.path / "days.npy", np.array([10, 20, 30]))
    pack(world, TABLE, "days=days.npy", order=False)
    assert refused(world, keys="sym", split={"k_fold": {"k": 3}, "on": "days"})[1] == (
        "nothing says of which day the rows of t.v are; pack it as a table with --order COLUMN")


SECOND = {
    "other counts": ("sym,day,v\nA,10,1.5\nB,10,1\nB,30,1\n", "t.v has 3 rows of the key A, but u.v has 1; pack them equally long"),
    "not cut": ("day,v\n10,1.5\n", "t.v is partitioned by sym, but u.v is not, and both have the rows (row); pack them alike"),
    "other days": (TABLE.replace("A,20", "A,10"), "the rows of t.v and u.v are not of the same days; pack them so"),
    "no days": (TABLE.replace("day", "d"), "the rows of t.v and u.v are not of the same days; pack them so"),
}


@pytest.mark.parametrize("name", SECOND)
def test_tables_that_share_rows(world, name):
    text, line = SECOND[name]
    world.file("u.csv", text)
    np.save(world.path / "days.npy", np.array([10, 20, 30]))
    pack(world, TABLE, "days=days.npy", "--csv", "u=u.csv")
    at, text = refused(world, keys="sym", split={"k_fold": {"k": 3}, "on": "days"})
    assert text == line and at.startswith('"days"' if "days" in name else '"d.sheaf"')


def test_rows_that_do_not_ascend(world):
    """pack sorts them; whoever makes a dataset otherwise must, too."""
    np.save(world.path / "days.npy", np.array([10, 20, 30]))
    pack(world, TABLE, "days=days.npy")
    at = next(a["offset"] for a in world.json("inspect", "d.sheaf")["arrays"] if a["name"] == "t.day")
    with open(world.path / "d.sheaf", "r+b") as f:
        f.seek(at + 8)
        f.write(struct.pack("<q", 5))
    assert refused(world, keys="sym", split={"k_fold": {"k": 3}, "on": "days"})[1] == (
        "the rows of the key A are not ordered by t.day; pack the data again")
