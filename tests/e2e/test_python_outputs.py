# SPDX-License-Identifier: MIT
"""What a Python function makes besides scores: rows of output arrays, and files."""

import numpy as np
import pytest

from conftest import BUILD
from support import refused_line
from test_outputs import arrays
from test_python import numpy_inside, pack, script  # noqa: F401 (a fixture)

pytestmark = pytest.mark.skipif(not (BUILD / "plugins" / "python.so").is_file(),
                                reason="NOTHING WAS TESTED: the plugin python was not built (python3-dev is missing)")

F = np.arange(60.0).reshape(20, 3)


def run(world, text, code=0, slots=2, args=(), **fields):
    script(world, text)
    fields = {"params": {"x": list(range(1, 6))}, "goal": None, **fields}
    return world.json("run", world.sweep(plugin="strategy.py", **fields), "--slots", slots, *args, code=code)


# ---- output arrays ----

ROWS = """
    @sheaf.plugin(outputs={"signal": ("float64", "f"), "pair": ("int32", 2, ("f", 1)), "one": bool, "half": ("float32", "f"),
                           "day": "date", "never": ("int8", 4)})
    def score(data, x: int):
        row = sheaf.output("signal")
        row[:] = data.f[:, 0] * x
        assert row is not sheaf.output("signal") and (sheaf.output("signal") == row).all()
        sheaf.output("pair")[...] = [[x] * 3, [data.index] * 3]
        sheaf.output("one", x % 2 == 1)
        half = sheaf.output("half", data.f[:, 1])
        assert half.dtype == "f4" and half.flags.writeable and half.shape == (20,)
        sheaf.output("day")[()] = x
    """


def test_each_task_fills_its_rows(world, numpy_inside):  # noqa: F811
    pack(world, f=F)
    r = run(world, ROWS, data="data.sheaf", output="out.sheaf")
    assert r["tasks"]["done"] == 5
    a = arrays(world.path / "out.sheaf", 5, signal=("<f8", (5, 1, 1, 20)), pair=("<i4", (5, 1, 1, 2, 3)), one=("?", (5, 1, 1)),
               half=("<f4", (5, 1, 1, 20)), day=("<i4", (5, 1, 1)), never=("i1", (5, 1, 1, 4)), trial_x=("<i8", (5,)))
    x = np.arange(1, 6)
    assert np.array_equal(a["signal"][:, 0, 0], np.outer(x, F[:, 0])) and np.array_equal(a["half"][:, 0, 0], [F[:, 1]] * 5)
    assert np.array_equal(a["pair"][:, 0, 0, 0, 0], x) and np.array_equal(a["pair"][:, 0, 0, 1, 2], x - 1)
    assert list(a["one"].ravel()) == [True, False] * 2 + [True] and list(a["day"].ravel()) == list(x) and not a["never"].any()
    again = run(world, ROWS, data="data.sheaf", output="again.sheaf", slots=5)
    assert again["output"]["digest"] == r["output"]["digest"]


def test_rows_beside_scores_of_a_key_and_without_data(world, numpy_inside):  # noqa: F811
    r = run(world, """
        @sheaf.plugin(scores=["value"], outputs={"row": (float, 3)})
        def score(*, x: int):
            sheaf.output("row", [x, x + 1, x + 2])
            if x == 2:
                raise ValueError("no")
            return x
        """, output="out.sheaf", goal={"maximize": "value"}, code=3)
    assert r["best"][0]["scores"] == {"value": 5} and r["tasks"]["failed"] == 1
    row = arrays(world.path / "out.sheaf", 5, row=("<f8", (5, 1, 1, 3)), trial_x=("<i8", (5,)))["row"]
    assert np.array_equal(row[:, 0, 0], [[np.nan] * 3 if x == 2 else [x, x + 1, x + 2] for x in range(1, 6)], equal_nan=True)


def test_rows_take_whole_numbers_that_fit_and_dates(world, numpy_inside):  # noqa: F811
    text = """
        import datetime
        import numpy
        KEPT = []
        VALUES = [("i32", 3_000_000_000), ("u8", 300), ("i32", numpy.int64(-2**40)), ("u64", -1), ("day", datetime.date.max - datetime.date.min)]
        @sheaf.plugin(outputs={"i32": "int32", "u8": "uint8", "u64": "uint64", "day": "date", "days": ("date", 2)})
        def score(*, x: int):
            if x <= 5:
                sheaf.output(*VALUES[x - 1])
            elif x == 6:
                KEPT.append(sheaf.output("i32"))
            sheaf.output("u64", 2**64 - 1)
            sheaf.output("day", datetime.date(1970, 1, 3))
            sheaf.output("days", numpy.array(["1970-01-02", "1969-12-31"], dtype="datetime64[ns]"))
            cycle = [sheaf.output("u8")]
            cycle.append(cycle)
        """
    r = run(world, text, output="out.sheaf", params={"x": list(range(1, 8))}, code=3, slots=1)
    reasons = [f["reason"] for f in r["failures"]]
    assert len(reasons) == 6 and all("OverflowError" in reason for reason in reasons[:4]), reasons
    assert "TypeError" in reasons[4] and reasons[5].endswith("it keeps the row of an output array, which is its task's; keep a copy of it")
    a = arrays(world.path / "out.sheaf", 7, i32=("<i4", (7, 1, 1)), u8=("u1", (7, 1, 1)), u64=("<u8", (7, 1, 1)), day=("<i4", (7, 1, 1)),
               days=("<i4", (7, 1, 1, 2)), trial_x=("<i8", (7,)))
    assert a["u64"][6, 0, 0] == 2**64 - 1 and a["day"][6, 0, 0] == 2 and list(a["days"][6, 0, 0]) == [1, -1]


def test_a_file_left_open_fails_its_task(world):
    r = run(world, """
        KEPT = []
        @sheaf.plugin(files="x.txt")
        def score(*, x: int):
            f = open(sheaf.output(f"{x}.txt"), "w")
            f.write("12345")
            if x == 2:
                KEPT.append(f)
        """, output={"dir": "out"}, code=3)
    assert [f["reason"].split(": ", 1)[1] for f in r["failures"]] == ["the task has left its file 2.txt open; close it"]
    assert {p.name: p.read_text() for p in (world.path / "out").glob("*.txt")} == {f"{x}.txt": "12345" for x in (1, 3, 4, 5)}


def test_rows_without_numpy(world):
    run(world, """
        import array, sys
        sys.modules["numpy"] = None
        @sheaf.plugin(outputs={"row": ("float64", 3), "one": "int64", "never": ("int8", 4)})
        def score(*, x: int):
            row = sheaf.output("row")
            assert type(row) is memoryview and not row.readonly and row.shape == (3,)
            row[0] = x
            sheaf.output("row", array.array("d", [x, 2, 3]))
            sheaf.output("one", x)
        """, output="out.sheaf")
    a = arrays(world.path / "out.sheaf", 5, row=("<f8", (5, 1, 1, 3)), one=("<i8", (5, 1, 1)), never=("i1", (5, 1, 1, 4)), trial_x=("<i8", (5,)))
    tried = world.run("plugin", "try", "strategy.py", "--set", "x=3")
    assert "output row: a row of 24 bytes\n" in tried.stdout and "output never: a row of 4 bytes, not asked for" in tried.stdout
    assert [list(r) for r in a["row"][:, 0, 0]] == [[x, 2, 3] for x in range(1, 6)] and list(a["one"].ravel()) == [1, 2, 3, 4, 5]


WRONG_ROWS = {
    "sheaf.output('other')": "KeyError: 'sheaf.output: there is no output other; it has row, one'",
    "sheaf.output('row', [1, 2])": "ValueError: sheaf.output: a row of row has the shape (3,), and the value (2,)",
    "sheaf.output('row')[:] = [1, 2]": "ValueError: could not broadcast input array from shape (2,) into shape (3,)",
    "sheaf.output('one', 1.5)": "TypeError: sheaf.output: one is int64, and the value float64; convert it first",
    "import threading; t = threading.Thread(target=lambda: found.append(sheaf.output('row'))); t.start(); t.join(); found[0]":
        "IndexError: list index out of range",
    "return 1.0": "it returned float, but it has outputs and no scores; name them: @sheaf.plugin(scores=[...])",
}


def test_wrong_rows(world, numpy_inside):  # noqa: F811
    lines = "".join(f"    if x == {i}: {line}\n" for i, line in enumerate(WRONG_ROWS))
    script(world, "found = []\n@sheaf.plugin(outputs={'row': (float, 3), 'one': 'int64'})\ndef score(*, x: int):\n" + lines)
    r = world.json("run", world.sweep(plugin="strategy.py", params={"x": list(range(len(WRONG_ROWS)))}, goal=None, output="out.sheaf"),
                   "--slots", 1, code=4)
    said = [f["reason"].partition(": ")[2] if f["reason"].startswith("strategy.py:") else f["reason"] for f in r["failures"]]
    assert said == list(WRONG_ROWS.values())


WRONG = {
    "outputs={'a': 'f8'}": "sheaf.plugin: output a: there is no type f8; it is one of bool, int8, int16, int32, int64, uint8, uint16, "
                           "uint32, uint64, float32, float64, date",
    "outputs={'a': (float, 0)}": "sheaf.plugin: output a: an axis is 0; write a number from 1 on, an array whose first axis is as long, or "
                                 "(ARRAY, AXIS)",
    "outputs={'a': (float, ('f', 9))}": "sheaf.plugin: output a: an axis is ('f', 9); write a number from 1 on, an array whose first axis "
                                        "is as long, or (ARRAY, AXIS)",
    "outputs={'a': (float, 'g')}, arrays=['f']": "sheaf.plugin: an output is as long as g, which arrays has not",
    "outputs=['a']": "TypeError: sheaf.plugin: outputs is a dict of names, such as {'signal': ('float64', 'close')}",
    "files='a\\nb'": "TypeError: sheaf.plugin: files is one line that says which files it makes",
    "outputs={'a b': float}": "output 1: its name 'a b' must be letters, digits and _, no digit first",
}


@pytest.mark.parametrize("marks", WRONG)
def test_wrong_declarations(world, marks):
    script(world, f"@sheaf.plugin({marks})\ndef score(data): pass\n")
    world.sweep(plugin="strategy.py", params=None, goal=None, output="out.sheaf")
    assert WRONG[marks] in refused_line(world, "run", "sweep.yaml")


def test_an_array_that_gives_the_length_must_be_there(world):
    pack(world, g=F)
    script(world, "@sheaf.plugin(outputs={'a': (float, 'f')})\ndef score(data): pass\n")
    line = world.refused("run", world.sweep(plugin="strategy.py", data="data.sheaf", params=None, goal=None, output="out.sheaf"))
    assert "the data has no array f (any type), which strategy needs" in line


def test_all_keys(world):
    text = """
        @sheaf.plugin(scores=["value"])
        def score(data):
            assert sheaf.keys() == {}
            assert data.key is None or sheaf.keys()[data.index] == data.key
            return 1
        """
    (world.path / "in").mkdir()
    for name in ("b", "a"):
        world.file(f"in/{name}", "")
    for keys, told in ((None, (None,)), ({"range": [-1, 2]}, (-1, 0, 1)),
                       ({"files": "in/*"}, (str(world.path / "in/a"), str(world.path / "in/b")))):
        r = run(world, text.replace("{}", repr(told)), params=None, keys=keys, goal={"maximize": "value"}, args=["--fresh"])
        assert r["tasks"]["done"] == len(told)


# ---- files ----

FILES = """
    import os, pathlib
    @sheaf.plugin(files="a text of each task")
    def score(*, x: int):
        path = sheaf.output(f"{x}/text.txt")
        assert os.path.isabs(path) and path == sheaf.output(pathlib.Path(f"{x}/text.txt"))
        with open(path, "w") as f:
            f.write(str(x))
        if x == 3:
            raise ValueError("after the file")
    """


def files_of(folder):
    """But for what the sweep itself keeps there while tasks may be retried."""
    files = (p for p in folder.rglob("*") if p.is_file() and not p.relative_to(folder).parts[0].startswith(".sheaf-"))
    return {str(p.relative_to(folder)): p.read_text() for p in files}


def test_files_of_tasks(world):
    r = run(world, FILES, output={"dir": "out"}, code=3)
    assert [f["reason"] for f in r["failures"]] == ["strategy.py:11: ValueError: after the file"]
    assert files_of(world.path / "out") == {f"{x}/text.txt": str(x) for x in (1, 2, 4, 5)}
    assert "files: a text of each task" in " ".join(world.run("plugin", "inspect", "strategy.py").stdout.split())


def test_files_beside_rows_and_scores(world, numpy_inside):  # noqa: F811
    r = run(world, """
        @sheaf.plugin(scores=["value"], outputs={"row": ("int64", 2)}, files="one of each task")
        def score(*, x: int):
            sheaf.output("row", [x, -x])
            with open(sheaf.output(f"{x}.bin"), "w") as f:
                f.write("#" * x)
            return x
        """, output={"dir": "out", "file": "out.sheaf"}, goal={"maximize": "value"})
    assert r["best"][0]["scores"] == {"value": 5}
    assert files_of(world.path / "out") == {f"{x}.bin": "#" * x for x in range(1, 6)}
    assert arrays(world.path / "out.sheaf", 5, row=("<i8", (5, 1, 1, 2)), trial_x=("<i8", (5,)))["row"].sum() == 0


def test_wrong_files(world):
    lines = ("sheaf.output('/tmp/x')", "sheaf.output('a/../b')", "sheaf.output(3)", "sheaf.output('x.csv', 1)")
    script(world, "@sheaf.plugin(files='none')\ndef score(*, x: int):\n" +
           "".join(f"    if x == {i}: {line}\n" for i, line in enumerate(lines)))
    r = world.json("run", world.sweep(plugin="strategy.py", params={"x": list(range(len(lines)))}, goal=None, output={"dir": "out"}),
                   "--slots", 1, code=4)
    no = "ValueError: sheaf.output: there can be no file '{}': a name is relative, no part of it is empty or begins with a point, and it is not " \
         "too long"
    assert [f["reason"].partition(": ")[2] for f in r["failures"]] == [
        no.format("/tmp/x"), no.format("a/../b"), "TypeError: expected str, bytes or os.PathLike object, not int",
        "KeyError: \"sheaf.output: there is no output x.csv; say so: @sheaf.plugin(outputs={'NAME': ('float64', ...)})\""]
    assert files_of(world.path / "out") == {}
    script(world, "def score(*, x: int):\n    sheaf.output('a.csv')\n    return 1\n")
    assert ("there is no output a.csv; say so: @sheaf.plugin(outputs={'NAME': ('float64', ...)}), or files='which files' for files" in
            world.run("run", world.sweep(plugin="strategy.py", params={"x": 1}), code=2).stderr)
