# SPDX-License-Identifier: MIT
"""Keyed sweeps: a task sees its key's rows and no others, of every partitioned array, as NumPy cuts them."""

import csv
import json
import math
import os
import random

import numpy as np
import pytest

from support import digest_of, refused_line, scores_of, table

ROWS = {"A": 7, "B": 0, "C": 12, "DD": 1, "É": 5}  # of t; B has rows in `other` only


def rows_of(keys, seed=1):
    """A shuffled table of (key, day, v)."""
    rng = random.Random(seed)
    rows = [(k, 10 * d, rng.uniform(-1, 1)) for k, n in keys.items() for d in range(n)]
    rng.shuffle(rows)
    return rows


def write(world, name, column, rows):
    with open(world.path / f"{name}.csv", "w", newline="") as f:
        csv.writer(f).writerows([(column, "day", "v"), *rows])


def pack(world, column="sym", keys=None, other=(("B", 1, 4.5), ("A", 0, 2.0), ("B", 0, 0.25))):
    """Tables t and other by key, an array that is not cut. Returns the rows of t."""
    t = rows_of(ROWS if keys is None else keys)
    write(world, "t", column, t)
    write(world, "other", column, other)
    np.save(world.path / "whole.npy", np.array([1.0, 2.0, 4.0]))
    world.run("pack", "d.sheaf", "whole=whole.npy", "--csv", "t=t.csv", "--csv", "other=other.csv", "--key", column, "--order", "day")
    return t


def total(values):
    """As the plugin adds: from left to right."""
    sum = 0.0
    for v in values:
        sum += v
    return sum


def of_key(rows, key):
    return [v for k, _, v in sorted(rows, key=lambda r: r[1]) if k == key]


def key_number(text):
    return sum((i + 1) * b for i, b in enumerate(text.encode()))


def run(world, code=0, slots=2, **fields):
    fields = {"plugin": "keyed", "data": "d.sheaf", "params": {"x": [0, 1]}, "goal": {"maximize": "test"}, **fields}
    return world.json("run", world.sweep(**fields), "--slots", str(slots), code=code)


def test_a_task_sees_its_key_and_no_other(world):
    t = pack(world)
    r = run(world, keys="sym", reduce={"key": "sum"})
    keys = sorted(ROWS)
    assert r["tasks"]["total"] == 2 * len(keys)
    rows = table(world)
    everything = None
    for row in rows:
        key = keys[int(row["task"]) % len(keys)]
        mine = of_key(t, key)
        test, train, n, cube, other, whole, kind, number, seen, n_train, n_test = scores_of(row)
        everything = seen if everything is None else everything
        assert test == total(mine) + float(row["trial"]) and train == 0 and n == n_test == len(mine) == ROWS[key] and n_train == 0
        assert other == {"A": 2.0, "B": 4.75}.get(key, 0) and whole == 7 and cube == 0
        assert (kind, number) == (1, key_number(key))
        assert seen == everything and math.isclose(seen, total(v for *_, v in t), rel_tol=1e-12)  # open sees all keys
    assert r["best"][0]["trial"] == 1
    assert math.isclose(r["best"][0]["scores"]["test"], total(total(of_key(t, k)) + 1 for k in keys), rel_tol=1e-15)
    for slots in (1, 5):
        assert run(world, slots=slots, keys="sym", reduce={"key": "sum"}, name=f"{slots} slots")["digest"] == r["digest"]


@pytest.mark.parametrize("keys, numbers", [({-3: 2, 10: 3, 200: 1}, [-3, 10, 200]),
                                           ({"2020-01-31": 2, "1969-12-31": 1}, [-1, 18292])], ids=["int", "date"])
def test_keys_may_be_numbers_and_days(world, keys, numbers):
    t = pack(world, "id", keys, other=[(k, 0, 1.0) for k in keys])
    run(world, keys="id", params={})
    for i, row in enumerate(table(world)):
        key = sorted(keys)[i]
        test, _, n, *_ = scores_of(row)
        assert test == total(of_key(t, key)) and n == keys[key]
        assert scores_of(row)[6:8] == [2, numbers[i]]


def test_splits_cut_each_keys_own_rows(world):
    t = pack(world, keys={k: 10 for k in "ABC"}, other=[("A", 0, 1.0)])
    run(world, keys="sym", params={"x": 0}, split={"walk_forward": {"train": 4, "test": 3}})
    rows = table(world)
    assert len(rows) == 6
    for i, row in enumerate(rows):
        mine, at = of_key(t, "ABC"[i // 2]), 3 * (i % 2)
        assert scores_of(row)[:2] == [total(mine[at + 4:at + 7]), total(mine[at:at + 4])]
    run(world, keys="sym", params={"x": 0}, split={"k_fold": {"k": 2, "shuffle": True}})
    folds = [scores_of(row) for row in table(world)]
    for i, key in enumerate("ABC"):
        a, b = folds[2 * i:2 * i + 2]
        assert math.isclose(a[0] + a[1], total(of_key(t, key)), abs_tol=1e-12) and a[-2:] == b[-2:] == [5, 5]
        assert math.isclose(a[0], b[1], abs_tol=1e-12)


def test_arrays_along_a_list_of_keys(world):
    cube = np.random.default_rng(3).integers(-9, 9, (4, 3, 2)).astype("f8")
    np.save(world.path / "cube.npy", cube)
    (world.path / "keys.txt").write_text("d\nb\nc\na\n")
    world.run("pack", "d.sheaf", "cube=cube.npy", "--keys", "keys.txt")
    run(world, keys="key", params={})
    assert [scores_of(row)[3] for row in table(world)] == [cube["dbca".index(k)].sum() for k in "abcd"]


def test_without_keys_the_whole_is_seen(world):
    t = pack(world)
    run(world, params={})
    row, = table(world)
    assert scores_of(row)[2] == len(t) and scores_of(row)[6:8] == [0, 0]
    assert math.isclose(scores_of(row)[0], total(v for *_, v in t), rel_tol=1e-12)


def test_a_range_of_keys(world):
    r = world.json("run", world.sweep(plugin="keyed", keys={"range": [-2, 3]}, params={"x": [0, 1]}, goal={"maximize": "test"}))
    assert r["tasks"]["total"] == 10
    assert [scores_of(row)[6:8] for row in table(world)] == [[2, k] for k in range(-2, 3)] * 2


@pytest.mark.parametrize("keys, kind, texts, numbers", [
    (None, 0, [], [0]), ({"range": [-2, 3]}, 2, [], range(-2, 3)), ({"files": "in/*"}, 3, ["in/a", "in/bb", "in/c"], [0, 0, 0]),
    ("sym", 1, sorted(ROWS), [0] * 5)])
def test_a_plugin_is_told_of_all_keys(world, keys, kind, texts, numbers):
    pack(world)
    (world.path / "in").mkdir()
    for path in texts if kind == 3 else []:
        world.file(path, "")
    texts = [str(world.path / t) if kind == 3 else t for t in texts]
    told = [kind, 1, len(numbers), sum(numbers), sum(len(t.encode()) for t in texts), 1]
    world.run("run", world.sweep(plugin="allkeys", data="d.sheaf", keys=keys, params=None, goal={"maximize": "kind"}))
    assert [scores_of(row) for row in table(world)] == [told] * len(numbers)
    tried = world.json("plugin", "try", "allkeys", "--key", "-7")
    assert list(tried["scores"].values()) == [2, 1, 1, -7, 0, 1]


def by_files(world, pattern, **fields):
    return world.sweep(plugin="keyed", keys={"files": pattern}, params={"x": [0, 1]}, goal={"maximize": "test"}, **fields)


def test_each_file_is_a_key(world):
    """Regular files in the order of their names' bytes, links to them among them; the folder's own name is no pattern."""
    folder = world.path / "in [a-z]*?\\"
    (folder / "sub.csv").mkdir(parents=True)
    names = ["b.csv", "B.csv", "a b.csv", "é.csv", "a,\"q\".csv"]
    for name in [*names, ".hidden.csv", "a.txt"]:
        (folder / name).write_text(name)
    (folder / "link.csv").symlink_to("a.txt")
    (folder / "broken.csv").symlink_to("nowhere")
    os.mkfifo(folder / "fifo.csv")
    wanted = sorted((str(folder / name) for name in [*names, "link.csv"]), key=lambda p: p.encode())
    sweep = by_files(world, "*.csv")
    sweep = sweep.rename(folder / sweep.name)
    r = world.json("run", sweep)
    assert r["tasks"]["total"] == 2 * len(wanted)
    assert [scores_of(row)[6:8] for row in table(world)] == [[3, key_number(path)] for path in wanted] * 2
    absolute = by_files(world, str(world.path / "in*" / "?.csv"), name="absolute")  # é is two bytes
    assert world.json("run", absolute)["tasks"]["total"] == 4


@pytest.mark.parametrize("pattern, line", [
    ("in/*.csv", "no file matches DIR/in/*.csv; correct the pattern"),
    ("nowhere/*", "no file matches DIR/nowhere/*; correct the pattern"),
    ("file/*", "no file matches DIR/file/*; correct the pattern"),
    ("*.dir", "no file matches DIR/*.dir; correct the pattern"),
    ("*\t", "DIR/x : its name is not UTF-8 or has a control character; rename it"),
    (b"\xff*".decode(errors="surrogateescape"), None),
])
def test_patterns_without_files(world, pattern, line):
    (world.path / "in").mkdir()
    (world.path / "a.dir").mkdir()
    world.file("file", "")
    world.file("x\t", "")
    if line is None:  # what YAML cannot say, a star can
        pattern, line = "*y", "DIR/?y: its name is not UTF-8 or has a control character; rename it"
        (world.path / "\udcffy").write_text("")
    assert refused_line(world, "run", by_files(world, pattern)) == "DIR/sweep.yaml:1:94: " + line


def test_a_pattern_that_is_too_long_with_its_folder(world):
    folder = world.path / ("d" * 200)
    folder.mkdir()
    sweep = by_files(world, "x" * 4000)
    sweep = sweep.rename(folder / sweep.name)
    line = "the pattern with the sweep file's folder before it is longer than 4096 bytes; shorten it"
    assert refused_line(world, "run", sweep) == f"DIR/{folder.name}/sweep.yaml:1:94: {line}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read(world):
    (world.path / "in").mkdir(mode=0)
    line = "a folder that DIR/in/* leads through cannot be read; correct the pattern or its rights"
    assert refused_line(world, "run", by_files(world, "in/*")) == "DIR/sweep.yaml:1:94: " + line
    (world.path / "in").chmod(0o700)


@pytest.mark.parametrize("keys, csv_keys, json_keys", [
    ({"range": [-1, 2]}, ["-1", "0", "1"], [-1, 0, 1]),
    ({"files": "*.in"}, ["DIR/a,b.in", "DIR/c.in", "DIR/é.in"], ["DIR/a,b.in", "DIR/c.in", "DIR/é.in"]),
    ({"a,b": 1, '"q"': 2, "z": 1}, ['"q"', "a,b", "z"], ['"q"', "a,b", "z"]),
    ({"7": 1, "-3": 2, "12": 1}, ["-3", "7", "12"], [-3, 7, 12]),
    ({"2024-02-29": 1, "1969-12-31": 2, "1970-01-01": 1}, ["1969-12-31", "1970-01-01", "2024-02-29"],
     ["1969-12-31", "1970-01-01", "2024-02-29"]),
    (None, ["0"], [0]),
], ids=["range", "files", "texts", "ints", "dates", "none"])
def test_results_name_the_key(world, keys, csv_keys, json_keys):
    for name in ["a,b.in", "c.in", "é.in"]:
        world.file(name, "")
    fields = dict(plugin="keyed", params={"x": [0, 1]}, goal={"maximize": "test"}, keys=keys)
    if keys is not None and not {"range", "files"} & keys.keys():
        pack(world, "sym", keys, other=[(k, 0, 1.0) for k in keys])
        fields |= {"keys": "sym", "data": "d.sheaf"}
    r = world.json("run", world.sweep(**fields))
    assert (r["keys"], r["splits"], r["trials"]) == (len(csv_keys), 1, 2)
    wanted = [k.replace("DIR", str(world.path)) for k in csv_keys]
    assert [row["key"] for row in table(world)] == 2 * wanted
    lines = [json.loads(line) for line in world.run("results", "last", "--tasks", "--format", "jsonl").stdout.splitlines()]
    assert [line["key"] for line in lines] == 2 * [k.replace("DIR", str(world.path)) if isinstance(k, str) else k for k in json_keys]
    assert ("keys" in world.run("show", "last").stdout) == (keys is not None)
    dry = world.run("run", "sweep.yaml", "--dry-run").stdout
    assert (" keys" in dry.splitlines()[0]) == (keys is not None)


def test_failures_and_logs_name_the_key(world):
    sweep = world.sweep(plugin="fault", keys={"range": [5, 8]}, params={"x": [0, 1], "mode": "error", "at": 3})
    r = world.json("run", sweep, code=3)
    assert [(f["task"], f["key"]) for f in r["failures"]] == [(3, 5)]
    assert "task 3 (key 5) failed (error, attempt 1)" in world.run("show", "last").stdout
    world.run("run", world.sweep(plugin="fault", keys={"range": [5, 8]}, params={"x": [0, 1], "mode": "print", "at": 3}))
    line = world.run("logs", "last").stdout.splitlines()[0]
    assert line.startswith("task 3 (key 5) info: "), line
    assert {(o["task"], o["key"]) for o in map(json.loads, world.run("logs", "last", "--json").stdout.splitlines())} == {(3, 5)}


def tried(world, *args):
    return world.json("plugin", "try", "keyed", *args)["scores"]


def test_try_takes_a_key(world):
    t = pack(world)
    for key in ROWS:
        s = tried(world, "--data", "d.sheaf", "--key", key)
        assert (s["test"], s["rows"], s["number"], s["kind"]) == (total(of_key(t, key)), ROWS[key], key_number(key), 1)
        assert s["all"] != s["test"] and s["whole"] == 7
    assert tried(world, "--data", "d.sheaf", "--key", "C", "--train", "0:2", "--test", "2:5")["train"] == total(of_key(t, "C")[:2])
    assert tried(world, "--data", "d.sheaf")["rows"] == len(t)
    assert tried(world, "--key", "-12")["number"] == -12 and tried(world, "--key", "-12")["kind"] == 2
    path = tried(world, "--key", "in/a.csv")
    assert (path["kind"], path["number"]) == (3, key_number(str(world.path / "in/a.csv")))
    assert world.refused("plugin", "try", "keyed", "--data", "d.sheaf", "--key", "c") == (
        "sheaf: --key c: the data has no such key; did you mean C? (known: A, B, C, DD, É)")
    assert "within 0:1" in world.refused("plugin", "try", "keyed", "--data", "d.sheaf", "--key", "DD", "--test", "0:2")


DAYS = [10 * d for d in range(12)]


def with_calendar(world, keys, days=DAYS, dtype="i8"):
    """keys: {key: its days, of which one may come twice}. Returns the rows."""
    rng = random.Random(5)
    t = [(k, day, rng.uniform(-1, 1)) for k, its in keys.items() for day in its]
    rng.shuffle(t)
    write(world, "t", "sym", t)
    np.save(world.path / "days.npy", np.array(days, dtype=dtype))
    world.run("pack", "d.sheaf", "--force", "days=days.npy", "--csv", "t=t.csv", "--key", "sym", "--order", "day")
    return t


def on(t, key, days):
    """The sum of the key's rows on those days, and how many there are."""
    mine = [(day, v) for k, day, v in t if k == key]
    mine = [v for day, v in sorted(mine, key=lambda r: r[0]) if day in days]
    return total(mine), len(mine)


def check_cells(world, t, keys, cells):
    rows = table(world)
    assert len(rows) == len(keys) * len(cells)
    for i, row in enumerate(rows):
        key, (train, test) = sorted(keys)[i // len(cells)], cells[i % len(cells)]
        want = [*on(t, key, test), *on(t, key, train)]
        assert row["status"] == ("done" if want[1] and want[3] else "skipped"), (row, want)
        if row["status"] == "done":
            score = scores_of(row)
            assert [score[0], score[10], score[1], score[9]] == want
    return [row["status"] for row in rows]


CALENDARS = {"all": DAYS, "from six on": DAYS[6:], "a hole": DAYS[:3] + DAYS[9:], "one day": DAYS[4:5], "twice": sorted(DAYS * 2),
             "around": [-7, -5, *DAYS[2:8], 111, 500], "outside": [-1, 999]}


def test_windows_of_a_calendar(world):
    """Keys that have different days: windows are cut in the calendar that they share, a key's rows are those on the window's days, and
    cells without rows count as skipped, in counts, trials and digest."""
    t = with_calendar(world, CALENDARS)
    fields = dict(keys="sym", params={"x": 0}, reduce={"split": "sum", "key": "sum"})
    r = run(world, split={"walk_forward": {"train": 4, "test": 3, "step": 2}, "on": "days"}, **fields)
    cells = [(DAYS[s:s + 4], DAYS[s + 4:s + 7]) for s in (0, 2, 4)]
    statuses = check_cells(world, t, CALENDARS, cells)
    assert r["tasks"] == {"total": 21, "done": statuses.count("done"), "failed": 0, "skipped": statuses.count("skipped")}
    assert statuses.count("done") == 9 and statuses[15:18] == ["skipped"] * 3  # of `outside`
    rows = table(world)
    assert math.isclose(r["best"][0]["scores"]["test"], sum(scores_of(x)[0] for x in rows if x["status"] == "done"), rel_tol=1e-12)
    assert r["digest"] == digest_of(rows)
    for slots in (1, 5):
        again = run(world, slots=slots, split={"walk_forward": {"train": 4, "test": 3, "step": 2}, "on": "days"}, **fields, name=f"s{slots}")
        assert again["digest"] == r["digest"]


@pytest.mark.parametrize("k_fold", [{"k": 3}, {"k": 3, "shuffle": True}, {"k": 3, "stratify": "days"}])
def test_folds_of_a_calendar(world, k_fold):
    t = with_calendar(world, CALENDARS)
    np.save(world.path / "whole.npy", np.arange(12.0))
    run(world, keys="sym", params={"x": 0}, split={"k_fold": k_fold, "on": "days"})
    if "shuffle" not in k_fold:
        folds = [DAYS[4 * i:4 * i + 4] if "stratify" not in k_fold else DAYS[i::3] for i in range(3)]
        check_cells(world, t, CALENDARS, [(sorted(set(DAYS) - set(f)), f) for f in folds])
        return
    counts = {}
    for i, row in enumerate(table(world)):  # `all` says which days are dealt to which fold
        key = sorted(CALENDARS)[i // 3]
        if row["status"] == "done":
            counts[key] = counts.get(key, 0) + scores_of(row)[10]
            assert scores_of(row)[9] + scores_of(row)[10] == len([d for d in CALENDARS[key] if d in DAYS])
    assert counts == {"all": 12, "from six on": 6, "a hole": 6, "twice": 24, "around": 6}


def test_a_calendar_of_dates(world):
    text = "sym,day,v\nA,2024-01-02,1\nA,2024-01-04,2\nB,2024-01-03,4.0\nB,2024-01-05,8\n"
    world.file("t.csv", text)
    world.file("c.csv", "day\n2024-01-02\n2024-01-03\n2024-01-04\n2024-01-05\n")
    world.run("pack", "d.sheaf", "--csv", "t=t.csv", "--csv", "c=c.csv", "--key", "sym", "--order", "day")
    run(world, keys="sym", params={"x": 0}, split={"walk_forward": {"train": 2, "test": 2}, "on": "c.day"})
    assert [scores_of(row)[:2] for row in table(world)] == [[2, 1], [8, 4]]
