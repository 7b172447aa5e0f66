# SPDX-License-Identifier: MIT
"""Several datasets, and one that another sweep has made, along its trials. tests/plugins/rows.c makes it; folded.c sums what it is
given, and fails when it is open for other data than those of its task."""

import numpy as np
import pytest

from support import table

DAYS = 10
PRICES = np.arange(DAYS * 2.0).reshape(DAYS, 2) + 1
TOTAL = PRICES[:, 0].sum()
KEYS = 3


@pytest.fixture
def made(world):
    """made.sheaf: 12 trials of x and spin, of which `where` leaves out x = 2, and those with x = 4 fail."""
    np.save(world.path / "prices.npy", PRICES)
    world.run("pack", "prices.sheaf", "prices=prices.npy")
    sweep = world.sweep("make.yaml", plugin="rows", data="prices.sheaf", output="made.sheaf", goal=None, where=["x != 2"],
                        keys={"range": [0, KEYS]}, params={"x": [0, 1, 2, 3, 4, 5], "spin": [0, 7], "bad": 4})
    world.run("run", sweep, code=3)
    return world


def along(world, filename="along.yaml", data=None, **fields):
    fields = {"params": {"x": [10, 20]}, "goal": {"maximize": "total"}, **fields}
    data = data or [{"file": "made.sheaf", "along": "trials"}, "prices.sheaf"]
    return world.sweep(filename, data=data, **{"plugin": "folded", **fields})


def expected(x):
    return np.nan if x == 4 else x * TOTAL * KEYS


def test_a_task_sees_its_trial_of_the_earlier_sweep_and_results_have_its_parameters(made):
    r = made.json("run", along(made), "--top", "20", "--slots", "2")
    assert r["state"] == "done" and r["trials"] == 20 and r["tasks"]["skipped"] == 0  # x = 2 is no trial here
    assert len(r["data"]) == 2
    best = r["best"][0]
    assert list(best["params"].items()) == [("made.trial", 10), ("made.bad", 4), ("made.spin", 0), ("made.x", 5), ("x", 10)]
    rows = table(made, "--trials")
    trials = [(x, spin, y) for x in (0, 1, 3, 4, 5) for spin in (0, 7) for y in (10, 20)]
    assert len(rows) == len(trials)
    for row, (x, spin, y) in zip(rows, trials):
        assert (float(row["made.x"]), int(row["made.spin"]), float(row["x"])) == (x, spin, y)
        assert int(row["made.trial"]) == 2 * x + (spin == 7)
        assert (row["rows"], row["columns"]) == (str(KEYS), str(DAYS)) and float(row["prices"]) == PRICES.sum()
        np.testing.assert_equal(float(row["total"] or "nan"), expected(x))
    shown = made.run("show", "last").stdout
    assert "made.x" in shown and "made.spin" in shown and "made.bad" not in shown  # a constant


def test_slots_order_and_kills_change_nothing(made):
    digests = {made.json("run", along(made, f"s{n}.yaml", name=f"s{n}", limits={"attempts": n}), "--slots", n, "--fresh")["digest"]
               for n in (1, 2, 5)}
    assert len(digests) == 1
    by_key = along(made, "k.yaml", keys={"range": [0, 3]}, order="key")
    assert made.json("run", by_key)["tasks"]["done"] == 60


def test_where_speaks_of_both_and_an_output_carries_on(made):
    sweep = made.sweep("two.yaml", plugin="rows", data=["prices.sheaf", {"file": "made.sheaf", "along": "trials", "as": "s"}],
                       params={"x": [1, 3, 9]}, where=["s.x == x"], goal=None, output="two.sheaf")
    r = made.json("run", sweep)
    assert r["tasks"] == {"total": 30, "done": 4, "failed": 0, "skipped": 26}
    names = {a["name"] for a in made.json("inspect", "two.sheaf", "--verify")["arrays"]}
    assert names >= {"trial.s.x", "trial.s.spin", "trial.s.trial", "trial.x", "trials.run"}
    three = along(made, "three.yaml", data={"file": "two.sheaf", "along": "trials"}, params={"x": 0})
    rows = made.json("run", three, "--top", "9")["best"]
    assert [(b["params"]["two.s.x"], b["params"]["two.x"]) for b in rows] == [(3, 3), (3, 3), (1, 1), (1, 1)]
    assert rows[0]["scores"]["total"] == 3 * TOTAL and made.json("run", along(made, "part.yaml"), "--limit", "3")["trials"] == 3


def test_a_python_function_sees_its_trial(made):
    made.file("both.py", "def score(data, *, x: float) -> float:\n    return float(data.series.sum())\n")
    r = made.json("run", along(made, plugin="both.py", goal={"maximize": "total"}), "--top", "20", "--slots", "2")
    for b in r["best"]:
        total = b["scores"]["total"]
        np.testing.assert_equal(np.nan if total is None else total, expected(b["params"]["made.x"]))
    assert len(r["best"]) == 20


def test_a_python_function_has_a_cache_for_each_trial_and_none_stays_mapped(made):
    made.file("cached.py", """
import sheaf
def score(data, *, x: float):
    total = sheaf.cache("total", lambda: data.series.sum().reshape(1))
    return {"total": float(total[0]), "maps": float(open("/proc/self/maps").read().count("memfd:"))}
""")
    r = made.json("run", along(made, plugin="cached.py", goal={"maximize": "total"}), "--top", "20", "--slots", "1")
    for b in r["best"]:
        np.testing.assert_equal(np.nan if b["scores"]["total"] is None else b["scores"]["total"], expected(b["params"]["made.x"]))
    assert len(r["best"]) == 20 and len({b["scores"]["maps"] for b in r["best"]}) == 1


def test_a_plugin_that_refuses_a_trial_fails_its_tasks_only(made):
    r = made.json("run", along(made, config={"whole": True}), code=3)
    assert r["tasks"] == {"total": 20, "done": 16, "failed": 4, "skipped": 0}
    assert r["failures"][0]["reason"].endswith("open failed: folded: there is a NaN, or no cache")


def test_a_sweep_does_not_go_on_with_another_second_dataset(made):
    sweep = along(made)
    made.run("run", sweep)
    np.save(made.path / "prices.npy", PRICES + 1)
    made.run("pack", "prices.sheaf", "prices=prices.npy", "--force")
    assert "the data has changed since this sweep began" in made.refused("run", sweep)


def test_two_datasets_along_their_trials_are_a_product(made):
    small = made.sweep("small.yaml", plugin="rows", data="prices.sheaf", output="small.sheaf", goal=None, params={"x": [7, 8]})
    made.run("run", small)
    both = along(made, data=[{"file": "made.sheaf", "along": "trials"}, {"file": "small.sheaf", "along": "trials"}])
    assert made.refused("run", both).endswith(": two of the datasets have an array series; pack one of them under another name")
    sum_plugin = made.sweep("sum.yaml", data=[{"file": "made.sheaf", "along": "trials"}, {"file": "small.sheaf", "along": "trials"}],
                            params={"x": [1, 2]})
    r = made.json("run", sum_plugin, "--top", "1")
    assert r["trials"] == 10 * 2 * 2 and list(r["best"][0]["params"])[0] == "made.trial"


WRONG = [
    ({"file": "prices.sheaf", "along": "trials"}, {}, "{d}/prices.sheaf is not what a sweep has made (it has no array trials.run), so "
     "that it has no trials; remove along, or name an output file"),
    ({"file": "made.sheaf", "along": "keys"}, {}, "data.along is \"keys\"; use one of: trials"),
    ({"file": "made.sheaf", "as": "x"}, {}, "data.as names the trials of along; add along: trials, or remove it"),
    ({"along": "trials"}, {}, "data has neither stage nor file; give one"),
    ({"file": "made.sheaf", "stage": "a"}, {}, "data has both stage and file; keep one"),
    ({"stage": "a"}, {}, "this sweep is no stage; name a file, or write stages"),
    ({"file": "made.sheaf", "along": "trials", "as": "a b"}, {}, "the trials of a b need a name of letters, digits and _ (it stands "
     "before their parameters); add as: NAME"),
    ([{"file": "made.sheaf", "along": "trials"}] * 2, {}, "two datasets are called made; give one of them another name with as: NAME"),
    ({"file": "made.sheaf", "along": "trials"}, {"search": {"method": "random", "trials": 3}},
     "trials of an earlier sweep (along) are an axis of a grid; use method: grid"),
    (["prices.sheaf"] * 17, {}, "data has 17 datasets; give at most 16"),
    ("made.sheaf", {}, "the array series is float64 with 4 axes, but folded takes float64 with 2 axes; a sweep has made it: take it along: trials"),
    ({"file": "made.sheaf", "along": "trials"}, {"where": ["made.y == 1"]}, "where \"made.y == 1\": column 1: the plugin has no "
     "parameter 'made.y' (texts need quotes); did you mean made.x? (known: x, made.trial, made.bad, made.spin, made.x)"),
]


def test_what_cannot_be_gone_along_is_refused(made):
    for data, more, line in WRONG:
        said = made.refused("run", along(made, "bad.yaml", data=data, **more))
        assert said.split(": ", 2)[2] == line.format(d=made.path) and "/bad.yaml:1:" in said


def test_what_only_looks_like_an_output_is_refused(made):
    def told(run=(True, True), **named):
        arrays = {"trials.run": np.array(run), **named}
        for name, array in arrays.items():
            np.save(made.path / f"{name}.npy", array)
        made.run("pack", "fake.sheaf", *(f"{name}={name}.npy" for name in arrays), "--force")
        return made.refused("run", along(made, "fake.yaml", plugin="echo", data={"file": "fake.sheaf", "along": "trials"}, params={"x": [1]},
                                         goal={"maximize": "value"})).split(": ", 2)[2]
    no_parameter = "{} of fake is no parameter of a sweep; make that file again"
    assert told(**{"trial.x": np.array([1.0, np.nan])}) == no_parameter.format("trial.x")
    assert told(**{"trial.x": np.zeros(2, "f4")}) == no_parameter.format("trial.x")
    assert told(**{"trial." + "x" * 129: np.zeros(2)}).startswith("trial.xxx")
    assert told((False, False)) == "none of the trials of fake has run; loosen its where"
    assert told(np.ones(1 << 21, bool)) == "fake has 2097152 trials; at most 1048576 can be gone along"
    assert told(np.ones((2, 2), bool)).startswith(f"{made.path}/fake.sheaf is not what a sweep has made")
    assert told(**{"trial.trial": np.zeros(2)}).startswith("fake has a parameter called trial, as its trials are here")
    many = {f"trial.p{i}": np.zeros(2) for i in range(256)}
    assert told(**many).startswith("with those of earlier sweeps there are 258") and "at most 256" in told(**many)
    # values of a trial that has not run are nobody's, and other arrays with two elements are whole
    np.save(made.path / "trial.x.npy", np.array([1.0, np.nan]))
    np.save(made.path / "trials.run.npy", np.array([True, False]))
    made.run("pack", "fake.sheaf", "trials.run=trials.run.npy", "trial.x=trial.x.npy", "--force")
    assert made.json("run", "fake.yaml")["best"][0]["params"] == {"fake.trial": 0, "fake.x": 1, "x": 1}
