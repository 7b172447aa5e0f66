# SPDX-License-Identifier: MIT
"""Python functions as plugins: what they are given and may return, and everything that can go wrong with them."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from conftest import BUILD, PORTABLE, SOURCE
from support import refused_line, table

pytestmark = pytest.mark.skipif(not (BUILD / "plugins" / "python.so").is_file(),
                                reason="NOTHING WAS TESTED: the plugin python was not built (python3-dev is missing)")

N = 20
VALUE = "@sheaf.plugin(scores=['value'])\n"


def script(world, text, name="strategy.py"):
    return world.file(name, "import sheaf\n" + textwrap.dedent(text))  # so line 2 is the first of the text


@pytest.fixture
def numpy_inside(world):
    script(world, "import importlib.util\ndef score(data):\n    return importlib.util.find_spec('numpy') is not None\n")
    if world.json("plugin", "try", "strategy.py")["scores"] != {"score": 1}:
        pytest.skip("NOTHING WAS TESTED: the Python that sheaf was built with has no NumPy")


def pack(world, **arrays):
    words = []
    for name, array in arrays.items():
        np.save(world.path / f"{name}.npy", array)
        words.append(f"{name}={name}.npy")
    world.run("pack", "data.sheaf", *words)


def run(world, text, code=0, slots=2, args=(), **fields):
    """The outcome of a sweep over x = 1 ... 20 (unless params are given) with that script."""
    script(world, text)
    fields = {"params": {"x": list(range(1, N + 1))}, **fields}
    return world.json("run", world.sweep(plugin="strategy.py", **fields), "--slots", slots, *args, code=code)


def failures(world, text, params=None, **fields):
    """The kind and reason of the one task of that script."""
    r = run(world, text, code=None, slots=1, params=params or {}, **fields)
    assert r["tasks"]["failed"] == 1, r
    return r["failures"][0]["kind"], r["failures"][0]["reason"]


# ---- what a function is given ----

PLAIN = """
    from typing import Annotated, Literal
    import enum

    class Weight(enum.Enum):
        EQUAL = 1
        IC = 2

    def score(data, *, top: Annotated[int, (1, 50), "how many"], alpha: float = 0.5, on: bool = True, name: str = "abc",
              how: Literal["x", "y"] = "y", weight: Weight = Weight.IC, plain=3, bare=1.5):
        '''A plain function.

        More about it.'''
        assert (type(top), type(alpha), type(on), type(name), type(weight)) == (int, float, bool, str, Weight)
        return {"a": top * alpha + on + len(name) + (how == "y") + weight.value + plain + bare, "b": -top}
"""


def test_a_function_is_a_plugin(world):
    script(world, PLAIN)
    p = world.json("plugin", "inspect", "strategy.py")
    assert (p["name"], p["summary"], p["scores"]) == ("strategy", "A plain function.", [])
    assert [(x["name"], x["type"]) for x in p["params"]] == [
        ("top", "int"), ("alpha", "float"), ("on", "bool"), ("name", "text"), ("how", "choice"), ("weight", "choice"),
        ("plain", "int"), ("bare", "float")]
    digests = set()
    for slots in (1, 2, 5):
        r = run(world, PLAIN, slots=slots, args=["--fresh"], goal={"maximize": "a"},
                params={"top": [1, 2], "alpha": {"from": 0, "to": 1, "count": 3}, "weight": ["EQUAL", "IC"], "how": ["x", "y"],
                        "name": ["", "abc"], "on": [True, False]})
        digests.add(r["digest"])
        assert r["tasks"]["done"] == 2 * 3 * 2 ** 4
    assert len(digests) == 1
    for row in table(world, "--trials"):
        a = int(row["top"]) * float(row["alpha"]) + (row["on"] == "true") + len(row["name"]) + (row["how"] == "y") + \
            (2 if row["weight"] == "IC" else 1) + 3 + 1.5
        assert (float(row["a"]), float(row["b"])) == (a, -int(row["top"]))


def test_annotations_that_nobody_needs(world):
    script(world, """
        import functools
        from typing import TYPE_CHECKING, Annotated
        if TYPE_CHECKING:
            import numpy as np
        class Data: pass
        def same(f):
            @functools.wraps(f)
            def wrapped(*args, **kwargs): return f(*args, **kwargs)
            return wrapped
        @same
        def score(data: "np.Data", x: "Annotated[int, (1, 3)]", y: "np.float64" = 1.5, *, z: "bool") -> "np.ndarray":
            return x
        class Callable:
            def __call__(self, data: "np.Data", n: "int", m: "np.x" = 3): return n
        called = Callable()
        """)
    for plugin, params in (("strategy.py", [("x", "int"), ("y", "float"), ("z", "bool")]), ("strategy.py:called", [("n", "int"), ("m", "int")])):
        p = world.json("plugin", "inspect", plugin)
        assert [(x["name"], x["type"]) for x in p["params"]] == params


def test_one_number_is_called_what_the_goal_says(world, numpy_inside):
    for returned in ("x", "float(x)", "__import__('numpy').float32(x)", "True", "float('nan')", "float('-inf')"):
        r = run(world, f"def score(data, x: int):\n    return {returned}\n", goal={"maximize": "growth"}, args=["--fresh"])
        assert r["best"][0]["trial"] == (N - 1 if "x" in returned else 0)
        assert list(r["best"][0]["scores"]) == ["growth"]


def test_a_function_of_any_name_or_module(world):
    script(world, "def other(data, *, x: int): return -x\n")
    package = world.path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "mod.py").write_text("def f(*, x: int):\n    return x * 2\n")
    world.file("marked.py", "import sheaf\n@sheaf.plugin(scores=['value'], name='mine')\ndef g(x): return 0.0\n"
                            "@sheaf.plugin\ndef score(data, x: int): return 3\n")
    for plugin, best in (("strategy.py:other", -1), ("./strategy.py:other", -1), ("pack.mod:f", 2 * N), ("marked.py:score", 3)):
        r = world.json("run", world.sweep(plugin=plugin, params={"x": list(range(1, N + 1))}))
        assert r["best"][0]["scores"] == {"value": best}


def test_data(world, numpy_inside):
    f = np.arange(60.0).reshape(20, 3)
    pack(world, f=f, d=np.arange(20, dtype="i4"), b=np.arange(20) % 2 == 0, u=np.arange(20, dtype="u8"))
    text = """
        import numpy as np
        @sheaf.plugin(scores=["value", "train", "test", "seed", "ok"])
        def score(data, *, x: int):
            f = data["f"]
            ok = f is data.f and f.shape == (20, 3) and not f.flags.writeable and not f.flags.owndata and data.key is None
            ok = ok and {n: str(data[n].dtype) for n in data} == {"f": "float64", "d": "int32", "b": "bool", "u": "uint64"}
            ok = ok and len(data) == 4 and "q" not in data and data.d.sum() == 190 and data.b.sum() == 10
            try:
                f[0, 0] = 1
            except ValueError as e:
                ok = ok and "read-only" in str(e)
            try:
                data.nothing
            except AttributeError as e:
                ok = ok and str(e) == "the data has no array nothing; it has b, d, f, u"
            return {"value": f[data.test].sum() * x, "train": f[data.train].sum(), "test": float(data.index),
                    "seed": data.seed % 1000, "ok": ok}
        """
    for split in ({"walk_forward": {"train": 8, "test": 4}}, {"k_fold": {"k": 4}}, {"k_fold": {"k": 5, "shuffle": True}}, None):
        run(world, text, data="data.sheaf", split=split, params={"x": [1, 2]}, args=["--fresh"])
        rows = table(world)
        n = len(rows) // 2
        for i, row in enumerate(rows):
            assert float(row["ok"]) == 1 and float(row["test"]) == i
            s = i % n
            if split is None:
                test, train = f.sum(), 0
            elif "walk_forward" in split:
                test, train = f[8 + 4 * s:12 + 4 * s].sum(), f[4 * s:8 + 4 * s].sum()
            else:
                test, train = float(row["value"]) / (1 + i // n), f.sum() - float(row["value"]) / (1 + i // n)
                assert split["k_fold"].get("shuffle") or test == f[5 * s:5 * s + 5].sum()
            assert (float(row["value"]), float(row["train"])) == (test * (1 + i // n), train)
        assert len({row["seed"] for row in rows}) > n / 2
        if split and "k_fold" in split:
            assert sum(float(row["value"]) for row in rows[:n]) == f.sum()


def test_data_without_numpy(world):
    pack(world, f=np.arange(60.0).reshape(20, 3))
    r = run(world, """
        import sys
        sys.modules["numpy"] = None
        def score(data, x: int):
            f = data.f
            assert type(f) is memoryview and f.readonly and f.shape == (20, 3) and type(data.test) is memoryview
            return x * sum(f[i, 1] for i in data.test)
        """, data="data.sheaf", split={"k_fold": {"k": 4, "shuffle": True}})
    assert r["tasks"]["done"] == N * 4


def test_data_keeps_nothing_of_a_task(world, numpy_inside):
    pack(world, c=np.arange(1, 21.0))
    world.file("t.csv", "price\n1.5\n2.5\n")
    world.run("pack", "table.sheaf", "--csv", "t=t.csv")
    words = ["data.c = data.c * 1.01", "data['c'] = data.c * 2", "del data.c", "del data['c']", "data.mine = x", "data.seed = x",
             "data.key = 'a'", "data._ready = {}"]
    for name, lines in (("data.sheaf", words), ("table.sheaf", ["data.t.price = x", "data.t['price'] = x", "del data.t.price"])):
        for word in lines:
            r = run(world, f"def score(data, x: int):\n    try:\n        {word}\n    except AttributeError as e:\n        "
                           "assert str(e) == 'data is read-only; keep it in a variable'\n        return x\n",
                    data=name, args=["--fresh"], params={"x": [1, 2]})
            assert r["best"][0]["scores"] == {"value": 2}, word


def test_texts_and_tables(world, numpy_inside):
    world.file("t.csv", "day,who,price\n2024-01-01,b,1.5\n2024-01-02,a,2.5\n2024-01-03,b,3.5\n")
    world.run("pack", "data.sheaf", "--csv", "t=t.csv")
    r = run(world, """
        def score(data, x: int):
            who = data.dictionary["t.who"]
            assert who == ("a", "b") and [who[c] for c in data.t.who] == ["b", "a", "b"]
            assert data.t["day"][0] == 19723 and str(data["t.day"].dtype) == "int32"
            return data.t.price[data.test].sum()
        """, data="data.sheaf")
    assert r["best"][0]["scores"] == {"value": 7.5}


def test_keys(world, numpy_inside):
    world.file("t.csv", "who,price\na,1\nb,2\nb,3\nc,5\n")
    world.run("pack", "data.sheaf", "--csv", "t=t.csv", "--key", "who")
    text = """
        @sheaf.plugin(scores=["value", "key", "rows"])
        def score(data, x: int):
            assert data.t.price.flags.owndata is False
            return {"value": data.t.price[data.test].sum() * x, "key": ord(data.key), "rows": len(data["t.price"])}
        """
    run(world, text, data="data.sheaf", keys="who", params={"x": [1, 2]})
    found = [(float(r["value"]), chr(int(float(r["key"]))), float(r["rows"])) for r in table(world)]
    assert found == [(1, "a", 1), (5, "b", 2), (5, "c", 1), (2, "a", 1), (10, "b", 2), (10, "c", 1)]
    r = run(world, "def score(data, x: int): return x * data.key\n", keys={"range": [3, 6]}, args=["--fresh"])
    assert [float(row["value"]) for row in table(world)[:4]] == [3, 4, 5, 6] and r["tasks"]["done"] == 3 * N
    run(world, "def score(data, x: int): return open(data.key).read() and x\n", keys={"files": "*.csv"}, args=["--fresh"])


def test_a_task_that_fails_before_it_begins_leaves_the_next_one_its_own_rows(world, numpy_inside):
    world.file("t.csv", "who,price\na,1\nb,2\nb,3\nc,5\n")
    world.run("pack", "data.sheaf", "--csv", "t=t.csv", "--key", "who")
    r = run(world, """
        whole = sheaf.Data._forget
        def broken(data):  # as a signal's handler that raises there
            sheaf.Data._forget = whole
            raise TimeoutError
        @sheaf.plugin(scores=["value"])
        def score(data, x: int):
            if x == 3:
                sheaf.Data._forget = broken
            assert len(data.t.price) == {"a": 1, "b": 2, "c": 1}[data.key]
            return x
        """, code=3, slots=1, data="data.sheaf", keys="who", order="key", params={"x": [1, 2, 3]})
    assert (r["tasks"]["done"], {f["reason"].split(": ")[-1] for f in r["failures"]}) == (7, {"TimeoutError"}), r


def test_only_the_arrays_that_are_named(world):
    pack(world, f=np.arange(20.0), g=np.arange(7.0))
    text = "@sheaf.plugin(arrays=['f'])\ndef score(data, x: int):\n    return len(data) + len(data.f[data.test])\n"
    r = run(world, text, data="data.sheaf", split={"k_fold": {"k": 4}})
    assert r["best"][0]["scores"] == {"value": 6}
    text = "@sheaf.plugin(rows=['f'])\ndef score(data, x: int):\n    return len(data) + len(data.f[data.test])\n"
    r = run(world, text, data="data.sheaf", split={"k_fold": {"k": 4}}, args=["--fresh"])
    assert r["best"][0]["scores"] == {"value": 7}
    script(world, "def score(data, x: int):\n    return 1\n")
    sweep = world.sweep(plugin="strategy.py", data="data.sheaf", split={"k_fold": {"k": 4}})
    assert "nothing to split: the plugin names no row axis" in world.refused("run", sweep)
    script(world, "@sheaf.plugin(arrays=['h'])\ndef score(data, x: int):\n    return 1\n")
    assert "the data has no array h (any type), which strategy needs" in world.refused("run", sweep)


# ---- what it can do ----

def test_what_the_host_offers(world, numpy_inside):
    pack(world, f=np.arange(20.0))
    r = run(world, """
        import numpy as np
        calls = []
        def build():
            calls.append(1)
            return np.arange(10, dtype="i2").reshape(2, 5)
        @sheaf.plugin(scores=["value"], groups=["n", "sum"])
        def score(data, x: int):
            sheaf.emit("even" if x % 2 == 0 else "odd", [1, x])
            sheaf.emit("all", {"sum": x, "n": 1})
            assert sheaf.report(0, 1.5) is True and sheaf.stop_requested() is False
            sheaf.log("a line", "warning")
            table = sheaf.cache("table", build)
            assert table.shape == (2, 5) and table.dtype == np.int16 and not table.flags.writeable
            assert sheaf.cache("table", build) is table and len(calls) <= 1
            assert bytes(sheaf.cache("bytes", lambda: b"abc")) == b"abc" and len(sheaf.cache("none", lambda: b"")) == 0
            assert sheaf.cache("empty", lambda: np.zeros((0, 3))).shape == (0, 3)
            return float(table.sum()) + sheaf.config["more"]
        """, data="data.sheaf", config={"more": 5})
    assert r["best"][0]["scores"] == {"value": 50}
    assert "task 3 warning: a line" in world.run("logs", "last").stdout


def test_arrays_that_are_cached(world, numpy_inside):
    text = """
        import numpy as np
        @sheaf.plugin(scores=["value"])
        def score(data):
            np.save("m.npy", np.arange(6.0))
            for i, made in enumerate((np.array(1.5), np.float32(1.5), np.arange(12).reshape(3, 4).T, np.load("m.npy", mmap_mode="r"),
                                      np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]), np.zeros((0, 3)))):
                found = sheaf.cache(f"array {i}", lambda: made)
                assert type(found) is np.ndarray and not found.flags.writeable, made
                assert (found.shape, found.dtype, found.tolist()) == (made.shape, made.dtype, made.tolist())
            for i, made in enumerate((np.ma.array([1, 2], mask=[0, 1]), np.array([(1, 2)], dtype="i4,i4").view(np.recarray))):
                try:
                    sheaf.cache(f"other {i}", lambda: made)
                except TypeError as e:
                    assert type(made).__name__ + ", which would come back as a plain array" in str(e), e
                else:
                    assert False, made
            return 1
        """
    r = run(world, text, params={}, slots=1)
    assert r["tasks"]["done"] == 1, r["failures"]
    p = subprocess.run([sys.executable, "-c", "import strategy; print(strategy.score(None))"], cwd=world.path, text=True,
                       env={**world.env, "PYTHONPATH": str(SOURCE / "sdk" / "python")}, stdout=subprocess.PIPE)
    assert p.stdout == "1\n"


def test_numbers_that_are_emitted(world, numpy_inside):
    for values in ("2", "2.0", "True + 1", "np.float32(2)", "np.int8(2)", "np.array(2.0)", "np.array([2])", "[2]", "(v for v in [2])",
                   "Fraction(4, 2)", "{'a': np.float32(2)}"):
        run(world, f"import numpy as np\nfrom fractions import Fraction\n@sheaf.plugin(scores=['value'], groups=['a'])\n"
                   f"def score(data, x: int):\n    sheaf.emit('all', {values})\n    return x\n", args=["--fresh"])
        assert [float(row["a"]) for row in table(world, "--groups")] == [2.0] * N, values


EMITTED = {  # what is emitted to two groups, why that fails
    "None": "TypeError: sheaf.emit: the values are None; give a number, a list of numbers or a dict",
    "open": "TypeError: sheaf.emit: the values are builtin_function_or_method; give a number, a list of numbers or a dict",
    "1": "ValueError: sheaf.emit: one value, but groups has 2",
    "[1]": "ValueError: sheaf.emit: 1 values, but groups has 2",
    "{'a': 1, 'c': 2}": "KeyError: 'sheaf.emit: no value b'",
    "'12'": "TypeError: must be real number, not str",
    "(1 / 0 for v in [1])": "ZeroDivisionError: division by zero",
    "changing": "ZeroDivisionError: float",
    "{'a': V(), 'b': V()}": "ZeroDivisionError: float",
}


@pytest.mark.parametrize("values", EMITTED)
def test_wrong_values_are_emitted(world, values):
    kind, reason = failures(world, f"""
        class V:
            def __float__(self):
                changing.clear()
                raise ZeroDivisionError('float')
        changing = [V(), V()]
        @sheaf.plugin(scores=['value'], groups=['a', 'b'])
        def score(data):
            sheaf.emit('all', {values})
        """)
    assert kind == "error" and reason.split(": ", 1)[1] == EMITTED[values]


def test_print_goes_to_the_tasks_log(world):
    run(world, "import sys\nprint('at import')\ndef score(data, x: int):\n    print('x is', x)\n"
               "    sys.stdout.reconfigure(encoding='utf-8', line_buffering=True)\n    print('own ä', file=sys.__stdout__)\n"
               "    print('wrong?', file=sys.stderr)\n    sys.stdout.buffer.write(b'raw\\n')\n    return x\n")
    logs = world.run("logs", "last", *([] if PORTABLE else ["--task", "3"])).stdout  # the twin sees pipes, not tasks
    lines = [line.split(": ", 1)[1] for line in logs.splitlines()]
    assert {"x is 4", "raw", "wrong?", "own ä"} <= set(lines) and (PORTABLE or len(lines) == 4)


def test_the_interpreter_starts_once_a_slot(world):
    started = world.path / "started"
    run(world, f"import os\nopen({str(started)!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
               "def score(data, x: int): return x\n", params={"x": {"from": 1, "to": 2000}})
    pids = started.read_text().split()
    assert len(set(pids)) == len(pids) <= 4  # one that describes, one that finds out the scores, two slots


def test_sets_are_in_the_same_order_in_every_slot(world):
    r = run(world, "def score(data, x: int):\n    return ','.join({'a', 'b', 'c', 'd', 'e', 'f'}).index('a')\n")
    assert r["best"][0]["spread"]["value"]["std"] == 0 and len({row["value"] for row in table(world)}) == 1


def test_a_virtual_environment_is_used(world):
    program, version = embedded(world)
    folder = world.path / "venv"
    packages = folder / "lib" / f"python{version}" / "site-packages"
    packages.mkdir(parents=True)
    (folder / "bin").mkdir()
    os.symlink(program, folder / "bin" / "python3")
    (folder / "pyvenv.cfg").write_text(f"home = {os.path.dirname(program)}\nversion = {version}.0\n")
    (packages / "only_here.py").write_text("answer = 42\n")
    text = "def score(data, x: int):\n    import only_here\n    return only_here.answer\n"
    script(world, text)
    sweep = world.sweep(plugin="strategy.py")
    assert "No module named 'only_here'" in world.refused("run", sweep)
    path = world.env["PATH"]
    world.env["VIRTUAL_ENV"] = str(folder)
    assert world.json("run", sweep)["best"][0]["scores"] == {"value": 42}
    del world.env["VIRTUAL_ENV"]
    world.env["PATH"] = f"{folder}/bin:{path}"
    assert world.json("run", sweep, "--fresh")["best"][0]["scores"] == {"value": 42}
    (folder / "pyvenv.cfg").write_text(f"home = {os.path.dirname(program)}\nversion = 3.1.0\n")
    assert "No module named 'only_here'" in world.refused("run", sweep, "--fresh")
    world.env["VIRTUAL_ENV"] = str(folder)
    assert f"the virtual environment {folder} is of Python 3.1, but this sheaf runs {version}; leave it, or configure " \
           f"sheaf with -DSHEAF_PYTHON={folder}/bin/python3" in world.refused("run", sweep, "--fresh")


def embedded(world):
    """The interpreter that the plugin was built with, and its version."""
    script(world, "import sys\ndef score(data):\n    print(sys.executable, '%d.%d' % sys.version_info[:2])\n    return 1\n", "who.py")
    return world.run("plugin", "try", "who.py").stdout.splitlines()[0].split()


# ---- what is wrong with a script ----

WRONG = {  # text, what is said behind "sweep.yaml:1:12: plugin DIR/strategy.py: "
    "syntax": ("def score(data):\n  1 +\n", "describe failed: strategy.py:3: SyntaxError: invalid syntax"),
    "syntax of a helper": ("import helper\n", "describe failed: helper.py:1: SyntaxError: invalid syntax"),
    "NUL": ("def score(data):\n  '\0'\n", "describe failed: strategy.py:3: SyntaxError: there is a NUL byte"),
    "NUL in a helper": ("import nul\n", "describe failed: nul.py:1: SyntaxError: there is a NUL byte"),
    "no function": ("def other(data): pass\n", "describe failed: it has no function score; it defines other (plugin: "
                                              "strategy.py:other takes that one)"),
    "nothing": ("", "describe failed: it has no function score; it defines none"),
    "no callable": ("score = 3\n", "describe failed: its score is no function"),
    "several": ("@sheaf.plugin\ndef a(d): pass\n@sheaf.plugin\ndef b(d): pass\n",
                "describe failed: it marks several functions with @sheaf.plugin: a, b; name one, as in plugin: strategy.py:a"),
    "import": ("import nothing_of_that_name\n", "describe failed: strategy.py:2: ModuleNotFoundError: No module named "
                                                "'nothing_of_that_name'"),
    "raises": ("def f():\n    raise ValueError('a\\nb')\nf()\n", "describe failed: strategy.py:3: ValueError: a b"),
    "exits": ("import sys\nsys.exit(3)\n", "describe failed: strategy.py:3: SystemExit: 3"),
    "_exits": ("import os\nprint('bye', flush=True)\nos._exit(3)\n",
               "ended its process with exit status 3 while it was loaded or described; it last wrote: bye"),
    "crashes": ("import ctypes\nctypes.string_at(0)\n", "crashed while it was loaded or described: signal 11 (Segmentation fault)"),
    "type": ("def score(data, x: list): pass\n", "describe failed: parameter x: list is none of int, float, bool, str, "
                                                 "Literal[...] and an Enum"),
    "none": ("def score(data, x=None): pass\n", "describe failed: parameter x: NoneType is none of int, float, bool, str, "
                                                "Literal[...] and an Enum"),
    "default": ("def score(data, x: int = 1.5): pass\n",
                "describe failed: parameter x: its default 1.5 is of another type than its annotation says"),
    "choice": ("from typing import Literal\ndef score(data, x: Literal['a'] = 'b'): pass\n",
               "describe failed: parameter x: its default 'b' is none of its choices"),
    "limits": ("from typing import Annotated\ndef score(data, x: Annotated[int, 5]): pass\n",
               "describe failed: parameter x: its limits are 5; write Annotated[int, (LEAST, MOST)]"),
    "beyond": ("from typing import Annotated\ndef score(data, x: Annotated[int, (1, 5)] = 7): pass\n",
               "parameter 'x': its default 7 is outside of [1, 5] (no limits are min > max)"),
    "annotation": ("def score(data, x: 'Nothing'): pass\n",
                   "describe failed: an annotation of score cannot be read: x: name 'Nothing' is not defined"),
    "args": ("def score(data, *x): pass\n", "describe failed: score takes *x; a sweep's parameters need names"),
    "kwargs": ("def score(data, **x): pass\n", "describe failed: score takes **x; a sweep's parameters need names"),
    "position": ("def score(data, x, /): pass\n", "describe failed: score takes x by position only; parameters are given by name"),
    "threads": ("@sheaf.plugin(threads=0)\ndef score(data): pass\n",
                "describe failed: sheaf.plugin: threads is 0; give a whole number from 1 to 1024"),
    "rows": ("@sheaf.plugin(arrays=['a'], rows=['b'])\ndef score(data): pass\n",
             "describe failed: sheaf.plugin: rows has b, which arrays has not"),
    "score name": ("@sheaf.plugin(scores=['a b'])\ndef score(data): pass\n",
                   "score 1: its name 'a b' must be letters, digits and _, no digit first"),
    "emit at import": ("sheaf.emit('a', 1)\n", "describe failed: strategy.py:2: ValueError: sheaf.emit: say what the values are "
                                               "called: @sheaf.plugin(groups=[...])"),
    # the task that finds out the scores
    "probe raises": ("def score(data, x: int):\n    return 1 / 0\n",
                     "task 0, run to find out its scores, failed: strategy.py:3: ZeroDivisionError: division by zero"),
    "probe None": ("def score(data, x: int): pass\n", "task 0, run to find out its scores, failed: it returned None; return a "
                                                      "number, or a dict of numbers"),
    "probe text": ("def score(data, x: int): return '1'\n", "task 0, run to find out its scores, failed: it returned str; return a "
                                                            "number, or a dict of numbers"),
    "probe keys": ("def score(data, x: int): return {1: 2}\n", "task 0, run to find out its scores, failed: it returned a dict with a "
                                                               "key that is no text; the keys are the names of the scores"),
    "probe value": ("def score(data, x: int): return {'value': None}\n", "task 0, run to find out its scores, failed: it returned "
                                                                         "value as None; return a number, or a dict of numbers"),
    "probe empty": ("def score(data, x: int): return {}\n", "it returns no score; a plugin needs at least one"),
    "probe name": ("def score(data, x: int): return {'a b': 1}\n",
                   "score 1: its name 'a b' must be letters, digits and _, no digit first"),
    "probe dies": ("import os\ndef score(data, x: int): os._exit(4)\n",
                   "ended its process with exit status 4 while it ran one task to find out its scores"),
    "probe crashes": ("import ctypes\ndef score(data, x: int): ctypes.string_at(0)\n",
                      "crashed while it ran one task to find out its scores: signal 11 (Segmentation fault)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_scripts(world, case):
    text, said = WRONG[case]
    script(world, text)
    world.file("helper.py", "1 +\n")
    world.file("nul.py", "\0")
    world.sweep(plugin="strategy.py", params={"x": 1})
    line = refused_line(world, "run", "sweep.yaml")
    assert line.startswith("sweep.yaml:1:12: plugin DIR/strategy.py: " + said), line


SWEEPS = {  # fields, line
    "no such score": (dict(goal={"maximize": "sharp"}), "strategy has no score sharp; did you mean sharpe? (known: "
                                                        "sharpe, turnover)"),
    "lacks a parameter": (dict(params={}), "strategy needs the parameter x; add it to params: a whole number"),
    "unknown parameter": (dict(params={"x": 1, "xx": 2}), "strategy has no parameter xx; did you mean x?"),
    "wrong type": (dict(params={"x": 1.5}), "params.x is 1.5; strategy takes a whole number"),
    "no such file": (dict(plugin="strategi.py"), "sweep.yaml:1:12: there is no plugin strategi.py; check its path"),
    "no such function": (dict(plugin="strategy.py:scor"), "sweep.yaml:1:12: plugin DIR/strategy.py:scor: describe failed: it has no "
                                                          "function scor; it defines score"),
    "no such module": (dict(plugin="nothing.mod:score"), "sweep.yaml:1:12: plugin DIR/nothing.mod:score: describe failed: there is no "
                                                         "module nothing in DIR or among the installed ones"),
    "the plugin itself": (dict(plugin="python"), "BUILD/plugins/python.so: describe failed: it runs scripts: name one, as in "
                                                 "plugin: FILE.py, FILE.py:FUNCTION or MODULE:FUNCTION"),
}


@pytest.mark.parametrize("case", SWEEPS)
def test_wrong_sweeps(world, case):
    fields, said = SWEEPS[case]
    script(world, "def score(data, *, x: int): return {'sharpe': x, 'turnover': 1}\n")
    world.sweep(**{"plugin": "strategy.py", "params": {"x": 1}, "goal": {"maximize": "sharpe"}, **fields})
    line = refused_line(world, "run", "sweep.yaml")
    assert said in line, line


# ---- what goes wrong in a task ----

RETURNS = {  # what the task returns, why it fails
    "'a'": "it returned str; return a number, or a dict of numbers",
    "None": "it returned None; return a number, or a dict of numbers",
    "[1.0]": "it returned list; return a number, or a dict of numbers",
    "{}": "it returned no score 'value'",
    "{'valu': 1}": "it returned a score 'valu' that the sweep does not have (value)",
    "{'value': 1, 'b': 2}": "it returned a score 'b' that the sweep does not have (value)",
    "{'value': 'x'}": "it returned value as str; return a number, or a dict of numbers",
    "10 ** 400": "OverflowError: int too large to convert to float",
    "1j": "it returned complex; return a number, or a dict of numbers",
}


@pytest.mark.parametrize("returned", RETURNS)
def test_wrong_returns(world, returned):
    kind, reason = failures(world, VALUE + f"def score(data): return {returned}\n")
    assert (kind, reason) == ("error", RETURNS[returned])


@pytest.mark.parametrize("returned", ("{Key('value'): 1.0}", "{Key('value'): 1.0, 'b': 2}", "{'b': Value()}", "{'value': Value()}"))
def test_a_return_value_that_raises_leaves_nothing_to_the_next_task(world, returned):
    r = run(world, f"""
        class Key(str):
            def __hash__(self): return hash(str(self))
            def __eq__(self, other): raise ZeroDivisionError('eq')
        class Value:
            def __float__(self):
                made.clear()
                raise ZeroDivisionError('float')
        made = {{}}
        @sheaf.plugin(scores=['value'])
        def score(data, x: int):
            global made
            if x % 2:
                made = {returned}
                return made
            return {{'value': x}}
        """, code=3, slots=1)
    assert r["tasks"]["done"] == r["tasks"]["failed"] == N // 2
    said = "that the sweep does not have (value)" if "'b': V" in returned else "ZeroDivisionError: " + ("eq" if "Key" in returned else "float")
    assert all(f["reason"].endswith(said) and f["attempts"] == 1 for f in r["failures"]), r["failures"]


def test_one_number_where_there_are_several_scores(world):
    kind, reason = failures(world, "@sheaf.plugin(scores=['value', 'b'])\ndef score(data): return 1.0\n")
    assert reason == "it returned one number, but its scores are value, b; return a dict"


def test_an_exception_is_a_failed_task_with_its_traceback(world):
    r = run(world, "def inner(x):\n    if x % 2:\n        raise KeyError(f'odd {x}')\n"
                   + VALUE + "def score(data, x: int):\n    inner(x)\n    return x\n", code=3)
    assert r["tasks"]["failed"] == N // 2
    assert r["failures"][0]["reason"] == "strategy.py:4: KeyError: 'odd 1'" and r["failures"][0]["attempts"] == 1
    logs = world.run("logs", "last", "--task", "0").stdout
    assert "Traceback (most recent call last):" in logs and 'strategy.py", line 7, in score' in logs and "KeyError: 'odd 1'" in logs


@pytest.mark.parametrize("step", ("-1", "2 ** 64", "-2 ** 64", "1.5"))
def test_wrong_steps_are_reported(world, step):
    kind, reason = failures(world, VALUE + f"def score(data):\n    sheaf.report({step}, 1)\n    return 1\n")
    said = "TypeError: 'float' object cannot be interpreted as an integer"
    if "." not in step:
        said = f"ValueError: sheaf.report: the step {eval(step)} is not from 0 to 2**64 - 1"
    assert (kind, reason) == ("error", f"strategy.py:4: {said}")


RAISED = {  # an exception, what is said of it
    r"ValueError('a\0b')": r"ValueError: a\x00b",
    r"ValueError('a\ud800b')": r"ValueError: a\ud800b",
    "Mute()": "Mute: (its __str__ raised ZeroDivisionError)",
    "SyntaxError('bad')": "SyntaxError: bad",
    r"KeyError('ä\n€')": r"KeyError: 'ä\n€'",
}


@pytest.mark.parametrize("raised", RAISED)
def test_exceptions_that_are_hard_to_say(world, raised):
    text = "class Mute(Exception):\n    def __str__(self): return str(1 / 0)\n" + VALUE + \
        "def score(data):\n    sheaf.log('a\\0b\\ud800c')\n    raise " + raised + "\n"
    assert failures(world, text) == ("error", "strategy.py:7: " + RAISED[raised])
    logs = world.run("logs", "last").stdout
    assert "Traceback (most recent call last):" in logs and r"a\x00b\ud800c" in logs and 'strategy.py", line 7, in score' in logs


MISBEHAVIOUR = {  # body of a task; kind, start of the reason
    "import os; os._exit(5)": ("exit", "exit"),
    "import sys; sys.exit(5)": ("error", "strategy.py:4: SystemExit: 5"),
    "raise KeyboardInterrupt": ("error", "strategy.py:4: KeyboardInterrupt"),
    "import ctypes; ctypes.string_at(0)": ("crash", "signal 11"),
    "import os; os.abort()": ("crash", "signal 6"),
    "def f(): return f()\n    f()": ("error", "strategy.py:4: RecursionError"),
    "import threading; t = threading.Thread(target=lambda: out.append(host()), daemon=True); t.start(); t.join(); raise out[0]":
        ("error", "strategy.py:8: RuntimeError: sheaf.report: only for the thread that runs the task, while it runs"),
}


@pytest.mark.parametrize("body", MISBEHAVIOUR)
def test_misbehaviour(world, body):
    kind, start = MISBEHAVIOUR[body]
    text = VALUE + f"def score(data):\n    {body}\n"
    text += "out = []\ndef host():\n    try:\n        sheaf.report(0, 1)\n    except RuntimeError as e:\n        return e\n"
    found, reason = failures(world, text, limits={"attempts": 1})
    assert found == kind and reason.startswith(start), reason


def test_a_task_that_forks(world):
    r = run(world, """
        import os
        @sheaf.plugin(scores=["value"])
        def score(data, x: int):
            pid = os.fork()
            if pid == 0:
                try:
                    sheaf.report(0, 1)
                except RuntimeError as e:
                    print(e)
                return 1000000  # comes back from the task: to nobody
            assert os.waitpid(pid, 0)[1] == 0
            return x
        """)
    assert r["best"][0]["scores"] == {"value": N} and r["tasks"]["done"] == N


def test_processes_and_threads_of_a_task(world):
    r = run(world, """
        import multiprocessing, subprocess, sys
        from concurrent.futures import ThreadPoolExecutor
        def double(x):
            return 2 * x
        @sheaf.plugin(scores=["value"], threads=2)
        def score(data, x: int):
            with ThreadPoolExecutor(2) as pool:
                a = sum(pool.map(double, range(x)))
            with multiprocessing.get_context("fork").Pool(2) as pool:
                b = sum(pool.map(double, range(x)))
            with multiprocessing.get_context("spawn").Pool(1) as pool:  # imports this script, and sheaf with it
                b += sum(pool.map(double, [1])) - 2
            c = int(subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True).stdout)
            return a - b + c
        """, params={"x": [1, 2, 3]})
    assert r["best"][0]["scores"] == {"value": 42} and r["tasks"]["done"] == 3


def test_the_data_is_there_for_threads_and_forked_processes(world, numpy_inside):
    world.file("t.csv", "who,price\nb,1.5\na,2.5\n")
    world.run("pack", "data.sheaf", "--csv", "t=t.csv")
    r = run(world, """
        import os, threading
        @sheaf.plugin(scores=["value"], threads=2)
        def score(data, x: int):
            found = []
            def look():
                found.append(data.dictionary["t.who"][1] == "b" and data.t.price[0])
            if x % 2:  # nobody has read them before
                thread = threading.Thread(target=look)
                thread.start()
                thread.join()
                return x * found[0]
            pid = os.fork()
            if pid == 0:
                look()
                os._exit(found != [1.5])
            return x * 1.5 if os.waitpid(pid, 0)[1] == 0 else -1
        """, data="data.sheaf", slots=1, params={"x": [1]})
    assert r["best"][0]["scores"] == {"value": 1.5}
    sweep = world.sweep(plugin="strategy.py", data="data.sheaf", params={"x": [2]})
    assert world.json("run", sweep, "--slots", 1, "--fresh")["best"][0]["scores"] == {"value": 3}


# ---- a script that changes ----

def test_a_changed_script_is_another_plugin(world):
    world.file("helper.py", "factor = 1\n")
    text = "import helper\ndef score(data, x: int): return x * helper.factor\n"
    assert run(world, text)["best"][0]["scores"] == {"value": N}
    sweep = world.path / "sweep.yaml"
    assert world.json("run", sweep)["resumed"] == N
    world.file("helper.py", "factor = 22\n")
    line = world.refused("run", sweep)
    assert line.endswith("the plugin has changed since this sweep began: put the old one back, or start over with --fresh")
    assert world.json("run", sweep, "--fresh")["best"][0]["scores"] == {"value": 22 * N}
    script(world, text + "# another comment\n")
    world.refused("run", sweep)


def test_a_helper_of_the_same_size_and_second_is_another(world):
    text = "import helper\ndef score(data, x: int): return x * helper.factor\n"
    helper = world.file("helper.py", "factor = 1\n")
    os.utime(helper, (1.6e9, 1.6e9))
    script(world, "def score(data):\n    import py_compile\n    py_compile.compile('helper.py')\n    return 1\n", "compile.py")
    world.run("plugin", "try", "compile.py")  # as another program of that Python would leave it
    assert list((world.path / "__pycache__").glob("helper.*.pyc"))
    world.file("helper.py", "factor = 2\n")
    os.utime(helper, (1.6e9, 1.6e9))
    assert run(world, text)["best"][0]["scores"] == {"value": 2 * N}
    script(world, "def f(*, x: int): return x * factor\nfrom helper import factor\n", "mod.py")
    assert world.json("run", world.sweep(plugin="mod:f", params={"x": 5}))["best"][0]["scores"] == {"value": 10}


def test_without_the_plugin_python_scripts_are_refused(world):
    copy = world.path / "bin" / "sheaf"
    copy.parent.mkdir()
    copy.write_bytes((BUILD / "bin" / "sheaf").read_bytes())
    copy.chmod(0o755)
    script(world, PLAIN)
    world.env["SHEAF_PLUGIN_PATH"] = ""
    p = subprocess.run([copy, "plugin", "inspect", "strategy.py"], env=world.env, cwd=world.path, stderr=subprocess.PIPE, text=True)
    assert p.stderr == ("sheaf: strategy.py: this sheaf has no plugin python (python.so), which runs Python: install "
                                  "Python's development files (python3-dev) and build it again\n") and p.returncode == 2
