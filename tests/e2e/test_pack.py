# SPDX-License-Identifier: MIT
"""Datasets: pack and inspect on files that NumPy and Python's csv module wrote, read back by the offsets that inspect tells."""

import csv
import datetime
import hashlib
import os
import pathlib
import random
import signal
import struct

import numpy as np
import pytest

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]
NAMES = {"?": "bool", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64", "u1": "uint8", "u2": "uint16",
         "u4": "uint32", "u8": "uint64", "f4": "float32", "f8": "float64"}
NUMPY = {**{v: "<" + k if k not in ("?", "i1", "u1") else k for k, v in NAMES.items()}, "code": "<i4", "date": "<i4"}
EPOCH = datetime.date(1970, 1, 1)


def read(world, path):
    """Everything of a dataset: its inspect object, and its arrays by name as NumPy sees them."""
    facts = world.json("inspect", path, "--verify")
    body = (world.path / path).read_bytes()
    arrays = {}
    for a in facts["arrays"]:
        assert a["offset"] % 4096 == 0 or a["bytes"] == 0
        raw = body[a["offset"]:a["offset"] + a["bytes"]]
        arrays[a["name"]] = np.frombuffer(raw, NUMPY[a["dtype"]]).reshape(a["shape"])
    return facts, arrays


def array_facts(facts, name):
    return next(a for a in facts["arrays"] if a["name"] == name)


def sample(dtype, shape, seed=1):
    rng = np.random.default_rng(seed)
    n = int(np.prod(shape))
    if dtype == "?":
        return rng.integers(0, 2, n).astype("?").reshape(shape)
    size = np.dtype(dtype).itemsize
    raw = rng.integers(0, 256, n * size, dtype="u1").tobytes()  # every bit pattern, NaNs of all kinds among them
    return np.frombuffer(raw, dtype).reshape(shape)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_come_back_bit_for_bit(world, dtype, endian, order):
    shapes = {"flat": (7,), "matrix": (5, 9), "cube": (4, 3, 6), "deep": (2, 1, 3, 1, 2, 2, 1, 2), "scalar": (),
              "empty": (0, 4), "hollow": (3, 0, 2)}
    expected, words = {}, []
    for name, shape in shapes.items():
        a = sample(dtype, shape)
        np.save(world.path / f"{name}.npy", np.asarray(a.astype(a.dtype.newbyteorder(endian)), order=order))
        expected[name] = a
        words.append(f"{name}={name}.npy")
    world.run("pack", "out.sheaf", *words)
    facts, arrays = read(world, "out.sheaf")
    assert list(arrays) == sorted(shapes)
    for name, a in expected.items():
        assert array_facts(facts, name)["dtype"] == NAMES[dtype]
        assert arrays[name].shape == a.shape
        assert arrays[name].tobytes() == a.tobytes()  # bytes in C order: NaNs keep their payloads


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_all_versions_of_the_format_are_read(world, version):
    a = sample("f8", (3, 4))
    with open(world.path / "a.npy", "wb") as f:
        np.lib.format.write_array(f, a, version=version)
    world.run("pack", "out.sheaf", "a=a.npy")
    assert read(world, "out.sheaf")[1]["a"].tobytes() == a.tobytes()


def test_large_arrays_in_fortran_order(world):
    a = np.asfortranarray(np.arange(1500 * 700 * 9, dtype="i4").reshape(1500, 700, 9))  # 38 MB: more than one block
    np.save(world.path / "a.npy", a)
    world.run("pack", "out.sheaf", "a=a.npy")
    assert np.array_equal(read(world, "out.sheaf")[1]["a"], a)


def test_rows_larger_than_a_block_in_fortran_order(world):
    a = np.asfortranarray(np.arange(2 * 5_000_000, dtype="i8").reshape(2, 5_000_000))  # 40 MB a row
    np.save(world.path / "a.npy", a)
    world.run("pack", "out.sheaf", "a=a.npy")
    assert np.array_equal(read(world, "out.sheaf")[1]["a"], a)


def test_the_file_is_as_documented(world):
    """An independent reader, from data/header.h alone: magic, length, header, digest, padding, chunk digests."""
    np.save(world.path / "a.npy", np.arange(700_000.0))  # 5.6 MB: two chunks
    world.run("pack", "out.sheaf", "a=a.npy")
    f = (world.path / "out.sheaf").read_bytes()
    assert f[:8] == b"SHEAFDS1"
    n, = struct.unpack("<Q", f[8:16])
    header = f[16:16 + n]
    digest = hashlib.blake2b(header, digest_size=32).digest()
    assert f[16 + n:48 + n] == digest
    body_at = (48 + n + 4095) // 4096 * 4096
    assert f[48 + n:body_at] == bytes(body_at - 48 - n)
    body = f[body_at:]
    assert body == np.arange(700_000.0).tobytes()
    chunks = [hashlib.blake2b(body[i:i + (4 << 20)], digest_size=32).digest() for i in range(0, len(body), 4 << 20)]
    assert len(chunks) == 2 and header.endswith(b"".join(chunks) + b"\xa0")  # what follows is no order column
    assert world.json("inspect", "out.sheaf")["digest"] == "b2:" + digest.hex()


def test_the_same_input_gives_the_same_bytes(world):
    np.save(world.path / "a.npy", sample("f8", (50, 3)))
    np.save(world.path / "b.npy", sample("i4", (7,)))
    world.file("t.csv", "k,v\nx,1\ny,2\nx,3\n")
    one = world.json("pack", "one.sheaf", "a=a.npy", "b=b.npy", "--csv", "t=t.csv", "--key", "k")
    two = world.json("pack", "--key", "k", "--csv=t=t.csv", "two.sheaf", "b=b.npy", "a=a.npy")
    assert one["digest"] == two["digest"]
    assert (world.path / "one.sheaf").read_bytes() == (world.path / "two.sheaf").read_bytes()


# ---- tables ----

def write_csv(path, header, rows, **style):
    with open(path, "w", newline="", encoding="utf-8") as f:
        w = csv.writer(f, **style)
        w.writerow(header)
        w.writerows(rows)


def texts(facts, arrays, name):
    dictionary = array_facts(facts, name)["dictionary"]
    assert dictionary == sorted(set(dictionary), key=lambda s: s.encode())
    return [dictionary[c] for c in arrays[name]]


@pytest.mark.parametrize("style", [{}, {"lineterminator": "\n"}, {"quoting": csv.QUOTE_ALL}])
def test_columns_as_python_wrote_them(world, style):
    rng = random.Random(3)
    alphabet = ["a", "B", ",", '"', "\n", "\r\n", "é", "日", " ", ""]
    rows = []
    for _ in range(3000):
        f = rng.choice([rng.uniform(-1, 1) * 10.0 ** rng.randint(-300, 300), rng.gauss(0, 1), float(rng.randint(-9, 9))])
        rows.append([rng.randint(-2**63, 2**63 - 1), repr(f), "" if rng.random() < 0.2 else rng.randint(-5, 5),
                     (EPOCH + datetime.timedelta(rng.randint(-300000, 900000))).isoformat(),
                     "".join(rng.choices(alphabet, k=rng.randint(0, 5)))])
    write_csv(world.path / "t.csv", ["i", "f", "holes", "day", "t"], rows, **style)
    world.run("pack", "out.sheaf", "--csv", "t=t.csv")
    facts, arrays = read(world, "out.sheaf")
    assert [a["dtype"] for a in facts["arrays"]] == ["date", "float64", "float64", "int64", "code"]
    assert arrays["t.i"].tolist() == [r[0] for r in rows]
    assert arrays["t.f"].tobytes() == np.array([float(r[1]) for r in rows]).tobytes()
    assert np.array_equal(arrays["t.holes"], [np.nan if r[2] == "" else r[2] for r in rows], equal_nan=True)
    assert arrays["t.day"].tolist() == [(datetime.date.fromisoformat(r[3]) - EPOCH).days for r in rows]
    assert texts(facts, arrays, "t.t") == [r[4] for r in rows]


def test_keys_and_order(world):
    rng = random.Random(5)
    days = [(EPOCH + datetime.timedelta(d)).isoformat() for d in range(15000, 15040)]
    prices = [[rng.choice(["Z", "A", "a", "é", "M"]), rng.choice(days), i] for i in range(2000)]
    trades = [[rng.choice(["B", "M"]), rng.random(), i] for i in range(500)]
    write_csv(world.path / "prices.csv", ["sym", "day", "n"], prices)
    write_csv(world.path / "trades.csv", ["sym", "price", "n"], trades)
    world.run("pack", "out.sheaf", "--csv", "prices=prices.csv", "--csv", "trades=trades.csv", "--key", "sym", "--order",
              "day")
    facts, arrays = read(world, "out.sheaf")
    keys = facts["keys"]
    assert keys["column"] == "sym" and keys["dtype"] == "text" and keys["values"] == ["A", "B", "M", "Z", "a", "é"]
    starts = {p["table"]: p["starts"] for p in keys["partitions"]}
    for i, key in enumerate(keys["values"]):
        # Python's sort is stable, as ours must be.
        expected = [r[2] for r in sorted((r for r in prices if r[0] == key), key=lambda r: r[1])]
        assert arrays["prices.n"][starts["prices"][i]:starts["prices"][i + 1]].tolist() == expected
        expected = [r[2] for r in trades if r[0] == key]
        assert arrays["trades.n"][starts["trades"][i]:starts["trades"][i + 1]].tolist() == expected
    assert all(a["partitioned"] for a in facts["arrays"])


def test_a_list_of_keys(world):
    a = np.asfortranarray(sample("f4", (5, 3)))
    np.save(world.path / "a.npy", a)
    np.save(world.path / "days.npy", np.arange(9))
    world.file("keys.txt", "MSFT\nAAPL\nGE\nT\nIBM\n")
    world.run("pack", "out.sheaf", "a=a.npy", "days=days.npy", "--key", "symbol", "--keys", "keys.txt")
    facts, arrays = read(world, "out.sheaf")
    assert facts["keys"]["values"] == ["AAPL", "GE", "IBM", "MSFT", "T"]
    assert facts["keys"]["column"] == "symbol"
    assert facts["keys"]["partitions"] == [{"table": None, "starts": [0, 1, 2, 3, 4, 5]}]
    assert arrays["a"].tobytes() == a[[1, 2, 4, 0, 3]].tobytes()
    assert array_facts(facts, "a")["partitioned"] and not array_facts(facts, "days")["partitioned"]


def test_dates_as_keys(world):
    world.file("t.csv", "day,v\n2020-01-03,1\n1969-12-31,2\n2020-01-03,3\n")
    world.run("pack", "out.sheaf", "--csv", "t=t.csv", "--key", "day")
    keys = read(world, "out.sheaf")[0]["keys"]
    assert keys["dtype"] == "date" and keys["values"] == ["1969-12-31", "2020-01-03"]
    out = world.run("inspect", "out.sheaf").stdout
    assert "keys: day, 2: 1969-12-31 ... 2020-01-03\n" in out


# ---- refusals ----

BAD_ARRAYS = {
    "half": (lambda p: np.save(p, np.zeros(3, "f2")),
             "x.npy: dtype '<f2': only float32 and float64 are read; convert it with .astype('float64')"),
    "complex": (lambda p: np.save(p, np.zeros(3, "c16")),
                "x.npy: dtype '<c16': complex numbers are not read; save the real and imaginary parts"),
    "objects": (lambda p: np.save(p, np.array([None, 1], object)),
                "x.npy: dtype '|O': Python objects are not read; convert it to numbers with .astype"),
    "texts": (lambda p: np.save(p, np.array(["abc"])),
              "x.npy: dtype '<U3': texts are not read; save codes, or pack a CSV table"),
    "times": (lambda p: np.save(p, np.array(["2020-01-01"], "M8[D]")),
              "x.npy: dtype '<M8[D]': times are not read; save them with .astype('int64')"),
    "structured": (lambda p: np.save(p, np.zeros(3, [("a", "f8")])),
                   "x.npy: structured types are not read; save one array a field"),
    "nine axes": (lambda p: np.save(p, np.zeros((1,) * 9)), "x.npy: more than 8 axes; reshape it"),
    "zip": (lambda p: np.savez(open(p, "wb"), np.zeros(3)), "x.npy: not an .npy file; write it with numpy.save"),
    "empty": (lambda p: p.write_bytes(b""), "x.npy: not an .npy file: it is empty"),
    "missing": (lambda p: None, "x.npy: No such file or directory"),
    "folder": (lambda p: p.mkdir(), "x.npy: not a regular file"),
    "pipe": (lambda p: os.mkfifo(p), "x.npy: not a regular file"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_that_cannot_be_read_are_refused(world, name):
    make, line = BAD_ARRAYS[name]
    make(world.path / "x.npy")
    assert world.refused("pack", "out.sheaf", "x=x.npy") == "sheaf: " + line
    assert not (world.path / "out.sheaf").exists()


def test_cut_arrays_are_refused(world):
    np.save(world.path / "x.npy", np.zeros(10))
    whole = (world.path / "x.npy").read_bytes()
    (world.path / "x.npy").write_bytes(whole[:-1])
    line = "sheaf: x.npy: the file is cut off: 79 bytes of elements where its shape needs 80"
    assert world.refused("pack", "out.sheaf", "x=x.npy") == line
    (world.path / "x.npy").write_bytes(whole + whole)
    line = f"sheaf: x.npy: {len(whole)} bytes follow the array; save one array a file"
    assert world.refused("pack", "out.sheaf", "x=x.npy") == line


BAD_TABLES = {
    b"": "t.csv:1:1: the file is empty; its first line must name the columns",
    b"\xef\xbb\xbf": "t.csv:1:1: the file is empty; its first line must name the columns",
    b"a,b\n1\n": "t.csv:2:1: 1 field where the header has 2: every line needs the same number",
    b"a,b\n1,2\n3,4,5\n": "t.csv:3:5: 3 fields where the header has 2: every line needs the same number",
    b"a,b\n\"x\ny\",1\n2,\"z\n": "t.csv:4:3: this quote is never closed",
    b"a,b\n1,x\"y\"\n": "t.csv:2:4: a quote inside a field; quote the whole field and write this quote twice",
    b"a,b\n\"x\"y,1\n": "t.csv:2:4: text after the closing quote; a quote inside a quoted field is written twice",
    b"a,b\n1,\x00\n": "t.csv:2:3: a NUL byte: this is no text file",
    "a\n1\n".encode("utf-16"): "t.csv:1:4: a NUL byte: this is no text file",
    b"a,b\n1,caf\xe9\n": "t.csv:2:3: not UTF-8; convert the file first, for example with iconv",
    b",b\n1,2\n": "t.csv:1:1: a column without a name; the first line must name every column",
    b"a,b,a\n1,2,3\n": "t.csv:1:5: a column name that was used before; names must differ",
    b"k,v\n1.5,2\n": "t.csv: column 'k' has fractions or empty cells; keys are texts, integers or dates",
    b"v,w\n1.5,2\n": "no table has the key column 'k'",
}


@pytest.mark.parametrize("text", BAD_TABLES)
def test_tables_that_cannot_be_read_are_refused(world, text):
    (world.path / "t.csv").write_bytes(text)
    assert world.refused("pack", "out.sheaf", "--csv", "t=t.csv", "--key", "k") == "sheaf: " + BAD_TABLES[text]
    assert sorted(p.name for p in world.path.iterdir()) == ["t.csv"]


WRONG = [
    ((), "pack wants OUT.sheaf; see sheaf pack --help"),
    (("o.sheaf",), "pack wants NAME=FILE.npy or --csv TABLE=FILE.csv; see sheaf pack --help"),
    (("o.sheaf", "a.npy"), "pack: 'a.npy' is not NAME=FILE.npy; see sheaf pack --help"),
    (("o.sheaf", "a="), "pack: 'a=' is not NAME=FILE.npy; see sheaf pack --help"),
    (("o.sheaf", "--csv", "t.csv"), "pack: 't.csv' is not NAME=FILE.csv; see sheaf pack --help"),
    (("o.sheaf", "t=t.csv"), "pack: t.csv is a table; write --csv t=t.csv"),
    (("o.sheaf", "a=a.npy", "--order", "day"), "pack --order orders the rows of a key; say --key COLUMN too"),
    (("o.sheaf", "a b=a.npy"), "'a b' is no name for an array; begin with a letter, then letters, digits, _, - and ."),
    (("o.sheaf", "a=a.npy", "a=a.npy"), "two arrays are called 'a'; names must differ"),
    (("nowhere/o.sheaf", "a=a.npy"), "nowhere/o.sheaf: cannot create the file: No such file or directory"),
    (("o.sheaf", "a=a.npy", "--keys", "k.txt"), "k.txt: no array has a first axis as long as this list of 2 keys"),
]


@pytest.mark.parametrize("words,line", WRONG)
def test_wrong_requests_are_refused(world, words, line):
    np.save(world.path / "a.npy", np.zeros(3))
    world.file("k.txt", "x\ny\n")
    assert world.refused("pack", *words) == "sheaf: " + line


def test_an_existing_file_needs_force(world):
    np.save(world.path / "a.npy", np.zeros(3))
    out = world.file("out.sheaf", "precious")
    line = "sheaf: out.sheaf: the file exists; replace it with --force"
    assert world.refused("pack", "out.sheaf", "a=a.npy") == line
    assert out.read_text() == "precious"
    world.run("pack", "out.sheaf", "a=a.npy", "--force")
    assert read(world, "out.sheaf")[1]["a"].tolist() == [0, 0, 0]
    assert out.stat().st_mode & 0o222 == 0
    # A failure keeps what was there.
    before = out.read_bytes()
    world.refused("pack", "out.sheaf", "a=missing.npy", "--force")
    assert out.read_bytes() == before
    assert sorted(p.name for p in world.path.iterdir()) == ["a.npy", "out.sheaf"]


# ---- damage ----

def make_small(world):
    np.save(world.path / "a.npy", np.arange(1000.0))
    world.file("t.csv", "k,v\nx,1\ny,2\nx,3\n")
    world.run("pack", "good.sheaf", "a=a.npy", "--csv", "t=t.csv", "--key", "k")
    return (world.path / "good.sheaf").read_bytes()


def test_every_flipped_bit_is_found(world):
    good = make_small(world)
    rng = random.Random(11)
    places = list(range(0, 60)) + [len(good) - 1] + rng.sample(range(len(good)), 60)
    for at in places:
        bad = bytearray(good)
        bad[at] ^= 1 << rng.randrange(8)
        (world.path / "bad.sheaf").write_bytes(bad)
        assert world.refused("inspect", "bad.sheaf", "--verify").startswith("sheaf: bad.sheaf: "), at


def test_damage_is_told_where_it_is(world):
    bad = bytearray(make_small(world))
    offset = array_facts(world.json("inspect", "good.sheaf"), "a")["offset"]
    bad[offset + 5] ^= 1
    (world.path / "bad.sheaf").write_bytes(bad)
    world.run("inspect", "bad.sheaf")  # the header is sound
    line = "sheaf: bad.sheaf: chunk 0 is damaged (a, t.k, t.v): fetch or pack the file again"
    assert world.refused("inspect", "bad.sheaf", "--verify") == line


def test_cut_files_are_refused(world):
    good = make_small(world)
    for n in [1, 7, 8, 15, 16, 17, 100, 4095, 4096, len(good) - 1, len(good) // 2]:
        (world.path / "bad.sheaf").write_bytes(good[:n])
        assert world.refused("inspect", "bad.sheaf").startswith("sheaf: bad.sheaf: ")
    (world.path / "bad.sheaf").write_bytes(good + b"\0")
    assert "bytes of arrays where the header tells of" in world.refused("inspect", "bad.sheaf")


def test_foreign_files_are_refused(world):
    np.save(world.path / "a.npy", np.zeros(3))
    line = "not a sheaf dataset; make one with `sheaf pack`"
    assert world.refused("inspect", "a.npy") == f"sheaf: a.npy: {line}"
    world.file("empty", "")
    assert world.refused("inspect", "empty") == "sheaf: empty: not a sheaf dataset: the file is empty"
    assert world.refused("inspect", ".") == "sheaf: .: not a regular file, so not a dataset"
    assert world.refused("inspect", "missing") == "sheaf: missing: No such file or directory"
    (world.path / "v2").write_bytes(b"SHEAFDS2" + bytes(5000))
    line = "sheaf: v2: dataset format '2', but this sheaf reads format '1': pack it again"
    assert world.refused("inspect", "v2") == line


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_pack_leaves_nothing_under_the_name(world, how):
    a = np.zeros((1500, 1500, 16))  # 288 MB in Fortran order: long enough to be caught at work
    np.save(world.path / "a.npy", np.asfortranarray(a))

    def at_work(p):
        """The output is open, under whatever name."""
        try:
            links = [os.readlink(x) for x in pathlib.Path(f"/proc/{p.pid}/fd").iterdir()]
        except OSError:
            return False
        return any(x.startswith(str(world.path)) and not x.endswith("a.npy") for x in links)

    for _ in range(20):  # until it was caught: we may be the ones who were not scheduled
        p = world.start("pack", "out.sheaf", "a=a.npy", "--force")
        while p.poll() is None and not at_work(p):
            pass
        p.send_signal(how)
        p.communicate()
        if p.returncode != 0:
            break
        (world.path / "out.sheaf").unlink()
    assert p.returncode == -how
    left = sorted(x.name for x in world.path.iterdir())
    if how == signal.SIGKILL:  # file systems that cannot make files without a name keep the hidden one
        left = [x for x in left if not x.startswith(".out.sheaf.")]
    assert left == ["a.npy"]


# ---- people ----

def test_inspect_for_people(world):
    np.save(world.path / "cube.npy", np.zeros((3, 4, 5)))
    np.save(world.path / "one.npy", np.array(5))
    world.file("t.csv", "k,v\nx,1\ny,2\nx,3\n")
    digest = world.json("pack", "out.sheaf", "cube=cube.npy", "one=one.npy", "--csv", "t=t.csv", "--key", "k")["digest"]
    lines = world.run("inspect", "out.sheaf", "--verify").stdout.splitlines()
    assert lines[0].startswith("out.sheaf: ") and lines[0].endswith(digest)
    assert [line.split() for line in lines[1:]] == [
        ["array", "dtype", "shape", "bytes"],
        ["cube", "float64", "3", "x", "4", "x", "5", "480"],
        ["one", "int64", "scalar", "8"],
        ["t.k", "code", "3", "12", "2", "texts,", "by", "key"],
        ["t.v", "int64", "3", "24", "by", "key"],
        ["keys:", "k,", "2:", "x", "...", "y"],
        ["verified:", "every", "chunk", "has", "its", "digest"]]


def test_demo_makes_the_same_market_every_time(world):
    world.run("demo", "one")
    world.run("demo", "two")
    names = ["factors.npy", "market.sheaf", "returns.npy", "wfo.yaml"]
    assert sorted(p.name for p in (world.path / "one").iterdir()) == names
    for name in names:
        assert (world.path / "one" / name).read_bytes() == (world.path / "two" / name).read_bytes()
    factors, returns = np.load(world.path / "one/factors.npy"), np.load(world.path / "one/returns.npy")
    assert factors.shape == (1398, 43, 18) and returns.shape == (1398, 43)
    assert np.isnan(returns[0]).all() and np.isfinite(returns[1:]).all()
    assert np.isnan(factors[0]).any() and np.isfinite(factors[250:]).all()
    assert abs(np.nanstd(factors) - 1) < 0.02 and 0.01 < np.nanstd(returns) < 0.03
    _, arrays = read(world, "one/market.sheaf")
    assert arrays["factors"].tobytes() == factors.tobytes() and arrays["returns"].tobytes() == returns.tobytes()
    # The promised signal: yesterday's factor 1 goes with today's returns.
    f, r = factors[5:-1, :, 1], returns[6:]
    assert np.mean([np.corrcoef(f[t], r[t])[0, 1] for t in range(len(f))]) > 0.04


def test_demo_of_other_sizes_and_seeds(world):
    world.run("demo", "a", "--seed", "7", "--days", "20", "--assets", "3", "--factors", "2")
    world.run("demo", "b", "--seed", "8", "--days", "20", "--assets", "3", "--factors", "2")
    a, b = np.load(world.path / "a/factors.npy"), np.load(world.path / "b/factors.npy")
    assert a.shape == (20, 3, 2) and not np.array_equal(a, b, equal_nan=True)
    line = "sheaf: a/factors.npy: the file exists; replace it with --force"
    assert world.refused("demo", "a") == line
    world.run("demo", "a", "--force", "--days", "30")
    assert np.load(world.path / "a/factors.npy").shape == (30, 43, 18)
    line = "sheaf: demo: days x assets x factors is more than a file can hold"
    assert world.refused("demo", "c", "--days", "18446744073709551615") == line
