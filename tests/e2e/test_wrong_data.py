# SPDX-License-Identifier: MIT
"""Every wrong dataset and every wrong input of pack, with the whole of what is said: one line, exit code 2, nothing on stdout, nothing begun,
and nothing made. What test_pack.py refuses is not repeated here. Files are made by hand: a library would not write them."""

import math
import os
import struct

import pytest

from support import refused_line


def npy(descr="'<f8'", fortran="False", shape="(3,)", data=bytes(24), version=(1, 0), head=None, magic=b"\x93NUMPY"):
    text = head if head is not None else f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"
    text = text.encode() + b" " * 10 + b"\n"
    return magic + bytes(version) + struct.pack("<H" if version[0] == 1 else "<I", len(text)) + text + data


def array(*shape, descr="<f8"):
    return npy(f"'{descr}'", shape=repr(shape), data=bytes(math.prod(shape) * int(descr[2])))


def listing(world):
    return sorted(p.name for p in world.path.iterdir())


# ---- what pack reads ----

ARRAYS = {
    "f16": (npy(descr="'<f16'"), "dtype '<f16': only float32 and float64 are read; convert it with .astype('float64')"),
    "x": (npy(descr="'<x8'"), "dtype '<x8' is unknown; convert it with .astype"),
    "i3": (npy(descr="'<i3'"), "dtype '<i3' is unknown; convert it with .astype"),
    "descr 5": (npy(descr="5"), "malformed .npy header: 'descr' is no text"),
    "fortran maybe": (npy(fortran="Maybe"), "malformed .npy header: 'fortran_order' is neither True nor False"),
    "v4": (npy(version=(4, 0)), ".npy format version 4.0 is unknown; versions 1 to 3 are read"),
    "short": (npy(data=bytes(23)), "the file is cut off: 23 bytes of elements where its shape needs 24"),
    "none": (npy(data=b""), "the file is cut off: 0 bytes of elements where its shape needs 24"),
    "long": (npy(data=bytes(25)), "1 byte follows the array; save one array a file"),
    "overflow": (npy(shape="(4294967296, 4294967296, 2)"),
        "malformed .npy header: 'shape' is larger than any file can be"),
    "huge": (npy(shape="(99999999999999999999,)"), "malformed .npy header: 'shape' holds something that is no size"),
    "negative": (npy(shape="(-3,)"), "malformed .npy header: 'shape' holds something that is no size"),
    "float shape": (npy(shape="(3.0,)"), "malformed .npy header: 'shape' does not end"),
    "list shape": (npy(shape="[3]"), "malformed .npy header: 'shape' is no tuple"),
    "no descr": (npy(head="{'fortran_order': False, 'shape': (3,), }"),
        "malformed .npy header: descr, fortran_order or shape is missing"),
    "twice": (npy(head="{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"),
        "malformed .npy header: a name twice"),
    "unknown": (npy(head="{'descr': '<f8', 'colour': 1, 'fortran_order': False, 'shape': (3,), }"),
        "malformed .npy header: an unknown name"),
    "no dict": (npy(head="hello"), "malformed .npy header: no dictionary"),
    "open dict": (npy(head="{'descr': '<f8', "), "malformed .npy header: a name is missing"),
    "after dict": (npy(head="{'descr': '<f8', 'fortran_order': False, 'shape': (3,), } import os"),
        "malformed .npy header: something follows the dictionary"),
    "magic": (npy(magic=b"\x93NUMPZ"), "not an .npy file; write it with numpy.save"),
    "cut head": (npy()[:20], "malformed .npy header: the file ends inside it"),
    "cut magic": (b"\x93NUM", "not an .npy file; write it with numpy.save"),
    "text": (b"1,2,3\n", "not an .npy file; write it with numpy.save"),
    "sheaf": (b"SHEAFDS1" + bytes(100), "not an .npy file; write it with numpy.save"),
    "header len": (b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(30), "malformed .npy header: it is longer than 1 MiB"),
    "pickle": (b"\x80\x04\x95", "not an .npy file; write it with numpy.save"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_wrong_arrays(world, name):
    data, line = ARRAYS[name]
    (world.path / "x.npy").write_bytes(data)
    assert refused_line(world, "pack", "o.sheaf", "x=x.npy") == "x.npy: " + line
    assert listing(world) == ["x.npy"]


@pytest.mark.parametrize("data", [npy(descr="'>f8'"), npy(fortran="True", shape="(3, 1)"), npy(version=(2, 0)), npy(version=(3, 0)),
                                  npy(shape="(0,)", data=b""), npy(shape="()", data=bytes(8))],
                         ids=["big endian", "fortran order", "version 2", "version 3", "no elements", "scalar"])
def test_unusual_arrays_are_no_mistake(world, data):
    (world.path / "x.npy").write_bytes(data)
    world.run("pack", "o.sheaf", "x=x.npy")


TABLES = {
    "newline": (b"\n", "1:1: the file is empty; its first line must name the columns"),
    "blank": (b"  \n", "1:1: a column without a name; the first line must name every column"),
    "ragged crlf": (b"a,b\r\n1,2\r\n3\r\n", "3:1: 1 field where the header has 2: every line needs the same number"),
    "trailing comma": (b"a,b\n1,2,\n", "2:5: 3 fields where the header has 2: every line needs the same number"),
    "semicolons": (b"a;b\n1;2\n", "1:1: one column with a ';' in its name; columns are separated by commas"),
    "tabs": (b"a\tb\n1\t2\n", "1:1: a tab in a column's name; columns are separated by commas"),
    "binary": (bytes(range(256)), "1:1: a NUL byte: this is no text file"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(50), "1:1: not UTF-8; convert the file first, for example with iconv"),
    "gzip": (b"\x1f\x8b\x08\0" + bytes(50), "1:4: a NUL byte: this is no text file"),
    "latin1 header": (b"caf\xe9,b\n1,2\n", "1:1: not UTF-8; convert the file first, for example with iconv"),
    "open quote": (b'a,b\n1,"x\n', "2:3: this quote is never closed"),
    "quoted newline": (b'a,b\n"x\ny",1\n"z\n', "4:1: this quote is never closed"),
    "blank name": (b" ,b\n1,2\n", "1:1: a column without a name; the first line must name every column"),
    "date": (b"d\n2020-02-30\n", "2:1: there is no such day, but column 'd' has dates; correct it"),
}


@pytest.mark.parametrize("name", TABLES)
def test_wrong_tables(world, name):
    data, line = TABLES[name]
    (world.path / "t.csv").write_bytes(data)
    assert refused_line(world, "pack", "o.sheaf", "--csv", "t=t.csv") == "t.csv:" + line
    assert listing(world) == ["t.csv"]


def test_unusual_tables_are_no_mistake(world):
    shapes = {
        b"a,b\n": [0], b"a,b": [0], b"a,b\r\n": [0],  # a header only: no rows
        b"a,b\r\n1,2\r\n": [1], b"a,b\r1,2\r": [1], b"\xef\xbb\xbfa,b\n1,2\n": [1], b"a,b\n1,2\n\n3,4\n": [2],
        b'a,b\n"x\ny",1\n': [1], b"a,b\nnan,1\n": [1],
    }
    for text, shape in shapes.items():
        (world.path / "t.csv").write_bytes(text)
        world.run("pack", "o.sheaf", "--csv", "t=t.csv", "--force")
        assert {a["name"]: a["shape"] for a in world.json("inspect", "o.sheaf")["arrays"]} == {"t.a": shape, "t.b": shape}
    types = {"2020-01-01\n2020-12-31\n": "date", "2020-02-30\nx\n": "code", "2020-01-01\n01/02/2020\n": "code", "1\nx\n": "code",
             "99999999999999999999\n": "float64", "1.5\n\n2\n": "float64"}
    for text, dtype in types.items():
        world.file("t.csv", "d\n" + text)
        world.run("pack", "o.sheaf", "--csv", "t=t.csv", "--force")
        assert world.json("inspect", "o.sheaf")["arrays"][0]["dtype"] == dtype


KEYED = [
    ("k,v\n,2\n1,2\n", ["--key", "k"],
     "t.csv: column 'k' has fractions or empty cells; keys are texts, integers or dates"),
    ("k,v\n1,2\n", ["--key", "k", "--order", "o"],
     "no table with the key column has the order column 'o'"),
    ("k,v\n1,2\n", ["--order", "v"],
     "pack --order orders the rows of a key; say --key COLUMN too"),
    ("k\n2020-02-30\n2020-01-01\n", ["--key", "k"],
     "t.csv:2:1: there is no such day, but column 'k' has dates; correct it"),
    ("k,day\n1,2020-01-01\n1,2020-13-01\n", ["--key", "k", "--order", "day"],
     "t.csv:3:3: there is no such day, but column 'day' has dates; correct it"),
]


@pytest.mark.parametrize("text,words,line", KEYED)
def test_wrong_keys(world, text, words, line):
    world.file("t.csv", text)
    assert refused_line(world, "pack", "o.sheaf", "--csv", "t=t.csv", *words) == line
    assert listing(world) == ["t.csv"]


LISTS_OF_KEYS = {
    b"": "k: no keys; write one a line",
    b"a\nb\na\n": "k: the key 'a' is there twice",
    b"a\nb\n": "k: no array has a first axis as long as this list of 2 keys",
    b"a\nb\n\xe9\n": "k:3:1: not UTF-8; convert the file first, for example with iconv",
    b"a\nb\n\0\n": "k:3:1: a NUL byte: this is no text file",
}


@pytest.mark.parametrize("keys", LISTS_OF_KEYS)
def test_wrong_lists_of_keys(world, keys):
    (world.path / "x.npy").write_bytes(npy())
    (world.path / "k").write_bytes(keys)
    assert refused_line(world, "pack", "o.sheaf", "x=x.npy", "--keys", "k") == LISTS_OF_KEYS[keys]
    assert listing(world) == ["k", "x.npy"]


def test_tables_whose_keys_differ_in_type(world):
    world.file("t.csv", "k\nx\n")
    world.file("u.csv", "k\n1\n")
    line = "u.csv: the keys are of type int64, but in t.csv of type text; they must agree"
    assert refused_line(world, "pack", "o.sheaf", "--csv", "t=t.csv", "--csv", "u=u.csv", "--key", "k") == line


REQUESTS = [
    (["o.sheaf", "=x.npy"], "'' is no name for an array; begin with a letter, then letters, digits, _, - and ."),
    (["o.sheaf", "é=x.npy"], "'é' is no name for an array; begin with a letter, then letters, digits, _, - and ."),
    (["o.sheaf", "--csv", "t=x.npy"], "x.npy:1:8: a NUL byte: this is no text file"),
    (["o.sheaf", "--csv", "a.b=t.csv"], "'a.b' is no name for a table; begin with a letter, then letters, digits, _ and -"),
    (["o.sheaf", "--csv", "t=t.csv", "--csv", "t=t.csv"], "two tables are called 't'; names must differ"),
    (["o.sheaf", "t.a=x.npy", "--csv", "t=t.csv"], "two arrays are called 't.a'; names must differ"),
    (["o.sheaf", "x=none.npy"], "none.npy: No such file or directory"),
    (["o.sheaf", "--csv", "t=none.csv"], "none.csv: No such file or directory"),
    (["o.sheaf", "--csv", "t=."], ".: not a regular file; it is read twice, so save it to one first"),
    (["o.sheaf", "--csv", "t=t.csv", "--key", ""], "no table has the key column ''"),
    (["x=x.npy", "y=x.npy"],
     "pack: 'x=x.npy' is no dataset to make; its name comes first: sheaf pack OUT.sheaf ..."),
    (["", "x=x.npy"], "the name of the dataset to make is empty; give OUT.sheaf"),
    ([".", "x=x.npy"], ".: a directory; give the name of a file in it"),
    (["t.csv", "x=x.npy"], "t.csv: the file exists; replace it with --force"),
    (["x.npy", "x=x.npy", "--force"], "x.npy is read and would be replaced; give the dataset another name"),
    (["t.csv", "--csv", "t=./t.csv", "--force"], "./t.csv is read and would be replaced; give the dataset another name"),
    (["t.csv", "x=x.npy", "--keys", "t.csv", "--force"],
     "t.csv is read and would be replaced; give the dataset another name"),
    (["/proc/o.sheaf", "x=x.npy"], "/proc/o.sheaf: cannot create the file: No such file or directory"),
]


@pytest.mark.parametrize("words,line", REQUESTS)
def test_wrong_requests_of_pack(world, words, line):
    (world.path / "x.npy").write_bytes(npy())
    world.file("t.csv", "a,b\n1,2\n")
    assert refused_line(world, "pack", *words) == line
    assert listing(world) == ["t.csv", "x.npy"] and (world.path / "x.npy").read_bytes() == npy()


# ---- datasets that a sweep cannot use ----

WFO = "plugin: wfo\ndata: d.sheaf\ngoal: {maximize: sharpe}\n"
ROWS = "plugin: context\ndata: d.sheaf\ngoal: {maximize: x}\n"
GOOD = {"factors": array(20, 3, 2), "returns": array(20, 3)}
TWENTY = {"rows": array(20), "regime": array(20, descr="<i4")}

UNFIT = {  # arrays, sweep, line
    "a missing array": ({"factors": array(20, 3, 2)}, WFO,
        "2:7: the data has no array returns (float64 with 2 axes), which wfo needs; pack it under this name (it has: factors)"),
    "other names": ({"prices": array(20, 3), "volumes": array(20, 3)}, WFO,
        "2:7: the data has no array factors (float64 with 3 axes), which wfo needs; pack it under this name "
        "(it has: prices, volumes)"),
    "another type": ({**GOOD, "factors": array(20, 3, 2, descr="<f4")}, WFO,
        "2:7: the array factors is float32 with 3 axes, but wfo takes float64 with 3 axes; pack it as that"),
    "integers": ({**GOOD, "factors": array(20, 3, 2, descr="<i8")}, WFO,
        "2:7: the array factors is int64 with 3 axes, but wfo takes float64 with 3 axes; pack it as that"),
    "another rank": ({**GOOD, "factors": array(20, 6)}, WFO,
        "2:7: the array factors is float64 with 2 axes, but wfo takes float64 with 3 axes; pack it as that"),
    "one axis": ({**GOOD, "returns": array(20)}, WFO,
        "2:7: the array returns is float64 with 1 axis, but wfo takes float64 with 2 axes; pack it as that"),
    "rows that differ": ({**GOOD, "returns": array(19, 3)}, WFO,
        "2:7: factors has 20 rows (day), but returns has 19; pack them equally long"),
    "a single value": ({"rows": npy(shape="()", data=bytes(8))}, ROWS,
        "2:7: the array rows is a single value, but context cuts its rows; pack it with an axis"),
    "a window that does not fit": (TWENTY, ROWS + "split: {walk_forward: {train: 15, test: 6}}\n",
        "4:23: no window fits: train 15 + gap 0 + test 6 = 21 rows, the data has 20 (row); make them smaller"),
    "a gap that is too large": (TWENTY, ROWS + "split: {walk_forward: {train: 10, test: 5, gap: 6}}\n",
        "4:23: no window fits: train 10 + gap 6 + test 5 = 21 rows, the data has 20 (row); make them smaller"),
    "an anchored window": (TWENTY, ROWS + "split: {walk_forward: {train: 20, test: 1, anchored: true}}\n",
        "4:23: no window fits: train 20 + gap 0 + test 1 = 21 rows, the data has 20 (row); make them smaller"),
    "windows near the end of numbers": (TWENTY,
        ROWS + "split: {walk_forward: {train: 1000000000000000, test: 1000000000000000, gap: 1000000000000000}}\n",
        "4:23: no window fits: train 1000000000000000 + gap 1000000000000000 + test 1000000000000000 = 3000000000000000 rows, "
        "the data has 20 (row); make them smaller"),
    "a window on no rows": ({"rows": array(0)}, ROWS + "split: {walk_forward: {train: 1, test: 1}}\n",
        "4:23: no window fits: train 1 + gap 0 + test 1 = 2 rows, the data has 0 (row); make them smaller"),
    "too many folds": (TWENTY, ROWS + "split: {k_fold: {k: 21}}\n",
        "4:17: 21 folds do not fit: the data has 20 rows (row); make k smaller"),
    "strata of a near name": (TWENTY, ROWS + "split: {k_fold: {k: 2, stratify: regim}}\n",
        "4:34: the data has no array regim; did you mean regime? (known: regime, rows)"),
    "strata of no name": (TWENTY, ROWS + "split: {k_fold: {k: 2, stratify: zebra}}\n",
        "4:34: the data has no array zebra; use one of: regime, rows"),
    "strata of another length": ({"rows": array(20), "regime": array(19, descr="<i4")}, ROWS + "split: {k_fold: {k: 2, stratify: regime}}\n",
        "4:34: regime cannot stratify: it must have one axis of 20 rows (row); name another array"),
    "strata of two axes": ({"rows": array(20), "regime": array(20, 2)}, ROWS + "split: {k_fold: {k: 2, stratify: regime}}\n",
        "4:34: regime cannot stratify: it must have one axis of 20 rows (row); name another array"),
    "strata of floats": ({"rows": array(20), "regime": array(20)}, ROWS + "split: {k_fold: {k: 2, stratify: regime}}\n",
        "4:34: regime cannot stratify: it holds floats; name an array of ints, bools or texts"),
    "no axis to split": ({"factors": array(20)}, "plugin: sum\ndata: d.sheaf\ngoal: {maximize: total}\nsplit: {k_fold: {k: 2}}\n",
        "4:8: nothing to split: the plugin names no row axis; remove split"),
    "no array to split": ({"x": array(20)}, ROWS + "split: {k_fold: {k: 2}}\n",
        "4:8: nothing to split: the data has no array rows, whose rows context cuts; pack it, or remove split"),
    "2^63 tasks": ({"rows": array(100000, descr="<i1")},
        ROWS + "params: {n: {from: 0, to: 999999999999999}}\nsplit: {walk_forward: {train: 1, test: 1}}\n",
        "4:9: 1000000000000000 trials x 99999 splits are 2^63 tasks or more; give fewer of either"),
    "2^63 random tasks": ({"rows": array(100000, descr="<i1")},
        ROWS + "params: {x: {from: 0, to: 1}}\nsearch: {method: random, trials: 9000000000000000}\n"
        "split: {walk_forward: {train: 1, test: 1}}\n",
        "4:9: 9000000000000000 trials x 99999 splits are 2^63 tasks or more; give fewer of either"),
}


def pack(world, arrays, out="d.sheaf"):
    for name, data in arrays.items():
        (world.path / f"{name}.npy").write_bytes(data)
    world.run("pack", out, "--force", *(f"{name}={name}.npy" for name in arrays))
    os.chmod(world.path / out, 0o644)
    return (world.path / out).read_bytes()


@pytest.mark.parametrize("name", UNFIT)
def test_data_that_does_not_fit_the_sweep(world, name):
    arrays, sweep, line = UNFIT[name]
    pack(world, arrays)
    world.file("sweep.yaml", sweep)
    assert refused_line(world, "run", "sweep.yaml") == "sweep.yaml:" + line


# ---- damaged and foreign files in the place of a dataset ----

def flipped(good, at):
    return good[:at] + bytes([good[at] ^ 4]) + good[at + 1:]


DAMAGED = {
    "nothing": (lambda good: b"", "not a sheaf dataset: the file is empty"),
    "text": (lambda good: b"1,2,3\n", "not a sheaf dataset; make one with `sheaf pack`"),
    "npy": (lambda good: npy(), "not a sheaf dataset; make one with `sheaf pack`"),
    "the magic flipped": (lambda good: flipped(good, 0), "not a sheaf dataset; make one with `sheaf pack`"),
    "another format": (lambda good: good[:7] + b"2" + good[8:], "dataset format '2', but this sheaf reads format '1': pack it again"),
    "the header's length flipped": (lambda good: flipped(good, 8), "the header is damaged: fetch or pack the file again"),
    "the header flipped": (lambda good: flipped(good, 100), "the header is damaged: fetch or pack the file again"),
    "cut in the magic": (lambda good: good[:5], "not a sheaf dataset; make one with `sheaf pack`"),
    "cut in the header": (lambda good: good[:40], "the file is cut off: fetch or pack it again"),
    "cut in the data": (lambda good: good[:5000], "904 bytes of arrays where the header tells of 4576: fetch or pack it again"),
    "one byte missing": (lambda good: good[:-1], "4575 bytes of arrays where the header tells of 4576: fetch or pack it again"),
    "one byte more": (lambda good: good + b"x", "4577 bytes of arrays where the header tells of 4576: fetch or pack it again"),
    "the first array flipped": (lambda good: flipped(good, 4096), "chunk 0 is damaged (factors, returns): fetch or pack the file again"),
    "the last byte flipped": (lambda good: flipped(good, len(good) - 1),
        "chunk 0 is damaged (factors, returns): fetch or pack the file again"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_dataset_is_refused_before_anything_runs(world, name):
    damage, line = DAMAGED[name]
    good = pack(world, GOOD)
    (world.path / "d.sheaf").write_bytes(damage(good))
    world.file("sweep.yaml", WFO)
    for words in (["run", "sweep.yaml"], ["run", "sweep.yaml", "--dry-run"]):
        assert refused_line(world, *words) == "sweep.yaml:2:7: DIR/d.sheaf: " + line
    assert refused_line(world, "inspect", "d.sheaf", "--verify") == "d.sheaf: " + line


def test_damage_after_the_first_run_is_found(world):
    """A file that was checked once is checked again when it is another one."""
    good = pack(world, {"rows": array(20)})
    world.file("sweep.yaml", ROWS)
    world.run("run", "sweep.yaml")
    world.run("run", "sweep.yaml", "--fresh")
    (world.path / "d.sheaf").write_bytes(flipped(good, len(good) - 1))
    line = f"sheaf: sweep.yaml:2:7: {world.path}/d.sheaf: chunk 0 is damaged (rows): fetch or pack the file again"
    assert world.refused("run", "sweep.yaml", "--fresh") == line
    (world.path / "d.sheaf").write_bytes(good)
    world.run("run", "sweep.yaml")


def test_no_dataset_at_all(world):
    world.file("sweep.yaml", "plugin: wfo\ngoal: {maximize: sharpe}\n")
    line = "sweep.yaml:1:1: wfo needs the array factors (float64 with 3 axes); add data: FILE.sheaf"
    assert refused_line(world, "run", "sweep.yaml") == line
    os.mkfifo(world.path / "d.sheaf")
    world.file("sweep.yaml", WFO)
    assert refused_line(world, "run", "sweep.yaml") == "sweep.yaml:2:7: DIR/d.sheaf: not a regular file, so not a dataset"
    assert refused_line(world, "inspect", "d.sheaf") == "d.sheaf: not a regular file, so not a dataset"
    assert refused_line(world, "inspect", "b2:1234") == "b2:1234: No such file or directory"
