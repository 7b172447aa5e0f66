# SPDX-License-Identifier: MIT
"""What tasks are told (parameters, rows, seeds), end to end: the context plugin scores it, and tests/ref/space_ref.py and a few lines of
Python say what it should have been told."""

import itertools
import sys

import numpy as np
import pytest

from conftest import SOURCE
from support import number, table

sys.path.insert(0, str(SOURCE / "tests" / "ref"))
import space_ref  # noqa: E402

COLOURS = ["red", "green", "blue"]
X, N, COLOUR, TEXT, FLAG = range(5)  # positions of the plugin's parameters
ROWS = 47


def told(world, params, code=0, rows=False, goal="x", args=(), **fields):
    """Runs a sweep of the context plugin; its tasks as dictionaries of numbers, and the outcome."""
    if rows:
        np.save(world.path / "rows.npy", np.arange(ROWS, dtype=np.float64))
        np.save(world.path / "regime.npy", np.array([(i * i) % 7 % 3 for i in range(ROWS)], dtype=np.int32))
        world.run("pack", "rows.sheaf", "rows=rows.npy", "regime=regime.npy")
        fields["data"] = "rows.sheaf"
    r = world.json("run", world.sweep(plugin="context", params=params, goal={"maximize": goal}, **fields), *args, code=code)
    tasks = [{k: v if k == "status" else number(v) for k, v in row.items()} for row in table(world)]
    assert [t["task"] for t in tasks] == list(range(r["tasks"]["total"]))
    return tasks, r


def check_index(tasks, splits=1, seed=0):
    for i, t in enumerate(tasks):
        if t["status"] == "skipped":
            continue
        assert (t["index"], t["trial"], t["split"], t["key"], t["attempt"]) == (i, i // splits, i % splits, 0, 1)
        assert t["seed"] == (space_ref.draw(seed, i, space_ref.STREAM_TASK, 0) & space_ref.MASK64) >> 11


def check_rows(tasks, divisions):
    """divisions: (train rows, test rows) of each split."""
    for i, t in enumerate(tasks):
        train, test = divisions[i % len(divisions)]
        assert (t["n_train"], t["train_sum"], t["n_test"], t["test_sum"]) == (len(train), sum(train), len(test), sum(test)), t


def values(t):
    return t["x"], t["n"], COLOURS[int(t["colour"])], t["text"], t["flag"]


# ---- trials ----

def test_a_grid_varies_its_first_parameter_slowest(world):
    tasks, r = told(world, {"colour": ["blue", "red"], "n": {"from": -2, "to": 4, "step": 3}, "flag": [True, False],
                            "x": {"from": 0.0, "to": 0.3, "step": 0.1}, "text": "hello"})
    points = [0 + k * 0.1 for k in range(3)] + [0.3]
    expected = [(x, n, c, 5, f) for c, n, f, x in itertools.product(["blue", "red"], [-2, 1, 4], [1, 0], points)]
    assert [values(t) for t in tasks] == expected
    assert r["trials"] == 48
    check_index(tasks)


def axis(param, kind, low, high, step=0, count=0, log=False, choices=()):
    bounds = {"ints": [low, high, step]} if kind in ("int", "log_int") else {"floats": [float(v).hex() for v in (low, high, step)]}
    return space_ref.Axis({"param": param, "kind": kind, "count": count, "log": log, "values": list(choices), **bounds})


def test_log_scales_of_a_grid_have_the_points_of_the_definition(world):
    tasks, _ = told(world, {"x": {"from": 1e-4, "to": 1.0, "scale": "log", "count": 7},
                            "n": {"from": 1, "to": 100, "scale": "log", "count": 10}})
    x, n = axis(X, "float", 1e-4, 1.0, count=7, log=True), axis(N, "log_int", 1, 100, count=10, log=True)
    points, how_many = n.digits()
    expected = [(x.point(a), points(b)) for a in range(7) for b in range(how_many)]
    assert [(t["x"], t["n"]) for t in tasks] == expected
    assert [b for a, b in expected[:10]] == [1, 2, 3, 5, 8, 13, 22, 36, 60, 100]


RANDOM = {"x": {"from": 1e-3, "to": 10.0, "scale": "log"}, "n": {"from": 1, "to": 1000, "scale": "log"}, "colour": COLOURS[::-1],
          "flag": [False, True]}


def random_trials(seed, trials, where=lambda x, n, colour, flag: True):
    axes = [axis(X, "float", 1e-3, 10.0, log=True), axis(N, "log_int", 1, 1000, log=True),
            axis(COLOUR, "choices", 0, 0, choices=COLOURS[::-1]), axis(FLAG, "choices", 0, 0, choices=[0, 1])]
    for trial in range(trials):
        for attempt in range(1001):
            drawn = [a.random(space_ref.draw(seed, trial, space_ref.STREAM_PARAM + a.param, attempt)) for a in axes]
            if where(*drawn):
                break
        yield drawn


def drawn_values(t):
    return [t["x"], t["n"], COLOURS[int(t["colour"])], t["flag"]]


@pytest.mark.parametrize("seed", [0, 42, 2**63 - 1])
def test_random_trials_are_those_of_the_definition(world, seed):
    tasks, _ = told(world, RANDOM, search={"method": "random", "trials": 300, "seed": seed}, args=["--slots", "2"])
    assert [drawn_values(t) for t in tasks] == list(random_trials(seed, 300))
    check_index(tasks, seed=seed)


def test_random_trials_that_are_excluded_are_drawn_again(world):
    where = ["n < 50 * x", "colour != \"red\""]
    tasks, r = told(world, RANDOM, search={"method": "random", "trials": 200, "seed": 7}, where=where)
    assert r["tasks"] == {"total": 200, "done": 200, "failed": 0, "skipped": 0}
    assert [drawn_values(t) for t in tasks] == list(random_trials(7, 200, lambda x, n, c, f: n < 50 * x and c != "red"))


def test_more_random_trials_only_run_the_new_ones(world):
    told(world, RANDOM, search={"method": "random", "trials": 100, "seed": 3})
    tasks, r = told(world, RANDOM, search={"method": "random", "trials": 250, "seed": 3})
    assert r["resumed"] == 100 and r["sweep"] == 1
    assert [drawn_values(t) for t in tasks] == list(random_trials(3, 250))
    _, other = told(world, RANDOM, search={"method": "random", "trials": 250, "seed": 4})
    assert other["resumed"] == 0 and other["sweep"] == 2 and other["digest"] != r["digest"]
    _, fresh = told(world, RANDOM, search={"method": "random", "trials": 250, "seed": 3}, args=["--fresh"])
    assert fresh["digest"] == r["digest"] and fresh["resumed"] == 0
    sweep = world.sweep(plugin="context", params=RANDOM, goal={"maximize": "x"}, search={"method": "random", "trials": 20, "seed": 3})
    assert "more trials already" in world.refused("run", sweep)


LIST = [(0.5, -3, "green"), (1 / 3, 10**15, "red"), (-2e-300, 0, "blue"), (0.5, -3, "green")]


@pytest.mark.parametrize("name", ["trials.csv", "trials.jsonl"])
def test_a_list_runs_its_rows(world, name):
    lines = {"trials.csv": ["x,n,colour", *(f"{x!r},{n},{c}" for x, n, c in LIST)],
             "trials.jsonl": [f'{{"x": {x!r}, "n": {n}, "colour": "{c}"}}' for x, n, c in LIST]}
    world.file(name, "\n".join(lines[name]) + "\n")
    tasks, r = told(world, {"text": "1234567"}, search={"method": "list", "file": name})
    assert [values(t) for t in tasks] == [(x, n, c, 7, 0) for x, n, c in LIST]
    assert r["trials"] == 4 and [b["trial"] for b in r["best"]] == [0, 3, 1, 2]
    world.file(name, "\n".join(lines[name] + [lines[name][-1].replace("green", "blue")]) + "\n")
    tasks, more = told(world, {"text": "1234567"}, search={"method": "list", "file": name})
    assert more["resumed"] == 4 and more["trials"] == 5 and values(tasks[4])[2] == "blue"


def test_where_skips_trials_of_a_grid_with_all_their_tasks(world):
    tasks, r = told(world, {"n": list(range(6)), "x": [0.0, 1.0, 2.5]}, rows=True, where="n % 2 == 0 and (x < n or n == 0)",
                    split={"k_fold": {"k": 2}})
    allowed = [n % 2 == 0 and (x < n or n == 0) for n in range(6) for x in (0.0, 1.0, 2.5)]
    assert [t["status"] for t in tasks] == ["done" if ok else "skipped" for ok in allowed for _ in range(2)]
    assert r["tasks"] == {"total": 36, "done": 2 * sum(allowed), "failed": 0, "skipped": 36 - 2 * sum(allowed)}
    assert len(r["best"]) == sum(allowed)
    check_index(tasks, splits=2)


# ---- splits ----

@pytest.mark.parametrize("window", [{"train": 10, "test": 5}, {"train": 8, "test": 4, "step": 1}, {"train": 10, "test": 5, "gap": 3},
                                    {"train": 12, "test": 7, "step": 9, "gap": 2, "anchored": True}, {"train": 46, "test": 1}], ids=str)
def test_walk_forward_tasks_get_their_windows(world, window):
    tasks, r = told(world, {"n": [1, 2, 3]}, rows=True, split={"walk_forward": window})
    train, test, gap, step = window["train"], window["test"], window.get("gap", 0), window.get("step", window["test"])
    divisions = [(range(0 if window.get("anchored") else s, s + train), range(s + train + gap, s + train + gap + test))
                 for s in range(0, ROWS - train - gap - test + 1, step)]
    assert r["tasks"]["total"] == 3 * len(divisions)
    check_rows(tasks, divisions)
    check_index(tasks, splits=len(divisions))


def test_contiguous_folds_are_runs_of_rows(world):
    tasks, _ = told(world, {"n": [1, 2]}, rows=True, split={"k_fold": {"k": 5}})
    folds = [list(part) for part in np.array_split(np.arange(ROWS), 5)]  # the first ones are longer, as here
    check_rows(tasks, [(sorted(set(range(ROWS)) - set(fold)), fold) for fold in folds])


@pytest.mark.parametrize("seed", [0, 9])
@pytest.mark.parametrize("how", [{"shuffle": True}, {"shuffle": True, "stratify": "regime"}, {"stratify": "regime"}], ids=str)
def test_shuffled_and_stratified_folds_are_those_of_the_definition(world, how, seed):
    tasks, _ = told(world, {"n": [1, 2]}, rows=True, search={"method": "grid", "seed": seed}, split={"k_fold": {"k": 4, **how}})
    labels = [(i * i) % 7 % 3 if "stratify" in how else 0 for i in range(ROWS)]
    if how.get("shuffle"):
        folds = [space_ref.fold_rows(seed, 4, labels, s) for s in range(4)]
    else:
        queue = sorted(range(ROWS), key=lambda r: labels[r])
        folds = [sorted(queue[s::4]) for s in range(4)]
    check_rows(tasks, [(sorted(set(range(ROWS)) - set(fold)), fold) for fold in folds])
    check_index(tasks, splits=4, seed=seed)


def test_without_a_split_every_row_is_test(world):
    tasks, _ = told(world, {"n": [1, 2]}, rows=True)
    check_rows(tasks, [([], range(ROWS))])


def test_changed_data_is_refused_unless_fresh(world):
    told(world, {"n": [1, 2, 3]}, rows=True, split={"k_fold": {"k": 3}})
    np.save(world.path / "other.npy", np.ones(ROWS))
    (world.path / "rows.sheaf").unlink()
    world.run("pack", "rows.sheaf", "rows=other.npy", "regime=regime.npy")
    sweep = world.sweep(plugin="context", params={"n": [1, 2, 3]}, goal={"maximize": "x"}, data="rows.sheaf", split={"k_fold": {"k": 3}})
    line = world.refused("run", sweep)
    assert "data has changed" in line and "--fresh" in line
    world.run("run", sweep, "--fresh")
