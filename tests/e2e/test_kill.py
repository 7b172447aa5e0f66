# SPDX-License-Identifier: MIT
"""kill -9 of the parts of a run, at several moments and several at once: the run gets to its end by itself, with the results of an
undisturbed one, and nothing is left behind."""

import shutil
import signal

import pytest

from conftest import PORTABLE, World, wait_until
from support import Ones, descendants, done, finished, pids_of, signal_all, started


@pytest.fixture
def ones(world):
    return Ones(world)


def test_an_undisturbed_run_has_the_digest_that_python_computes(world, ones):
    ones.check_done(finished(world, ones.start()))
    assert set(ones.runs()) == set(range(ones.N))


@pytest.mark.parametrize("moment", Ones.MOMENTS)
@pytest.mark.parametrize("role", ["slot", "worker", "broker"])
def test_a_killed_part_is_replaced(world, ones, role, moment):
    p = ones.start_to(moment)
    assert signal_all(pids_of(p.pid, role)[:1], signal.SIGKILL)
    ones.check_done(finished(world, p))


@pytest.mark.parametrize("roles", [["broker", "worker"], ["worker", "slot"], ["slot"], ["broker", "worker", "slot"]], ids="+".join)
def test_several_parts_killed_at_once_are_replaced(world, ones, roles):
    p = ones.start_to("in the middle")
    assert signal_all([pid for pid, role in descendants(p.pid).items() if role in roles], signal.SIGKILL)
    ones.check_done(finished(world, p))


def test_parts_killed_again_and_again_are_replaced(world, ones):
    p = ones.start_to("early")
    for role in ("slot", "broker", "worker", "slot", "worker", "broker"):
        before = done(world)
        signal_all(pids_of(p.pid, role)[:1], signal.SIGKILL)
        wait_until(lambda: p.poll() is not None or done(world) > before, "it goes on")
    ones.check_done(finished(world, p))


def test_what_has_run_is_not_run_again_when_the_broker_is_killed(world, ones):
    p = ones.start_to("in the middle")
    assert signal_all(pids_of(p.pid, "broker"), signal.SIGKILL)
    ones.check_done(finished(world, p))
    runs = ones.runs()
    assert set(runs) == set(range(ones.N))
    assert runs.total() - ones.N <= 2  # idle slots may run the last tasks a second time


# ---- what a plugin has started ----

@pytest.mark.skipif(PORTABLE, reason="the portable twin cannot see to a killed worker's process groups")
@pytest.mark.parametrize("roles", [["worker"], ["broker", "worker"]], ids="+".join)
def test_what_a_plugin_has_started_dies_with_a_killed_worker(world, roles):
    sweep = world.sweep(plugin="fault", params={"mode": "brood", "every": 1, "x": [1, 2]})
    p = world.start("run", sweep, "--slots", "2")
    wait_until(lambda: sum(command.startswith("sleep ") for _, command in world.processes()) == 2, "each slot has started one")
    assert signal_all([pid for pid, role in descendants(p.pid).items() if role in roles] + [p.pid], signal.SIGKILL)
    p.communicate()
    wait_until(lambda: not world.processes(), f"nobody is left: {world.processes()}", 20)
    world.run("run", world.sweep("other.yaml"))  # sees to the socket


# ---- the same with the real plugin, whose table is shared by all slots ----

COSTS = "params.cost_bps={from: 0.0, to: 20.0, count: 40}"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The demo's grid over a made-up market, with 20 times the trials: the folder, and the outcome of an undisturbed run."""
    world = World(tmp_path_factory.mktemp("undisturbed"))
    try:
        world.run("demo", "market", "--days", "700")
        r = world.json("run", "market/wfo.yaml", "--set", COSTS)
        assert r["tasks"]["done"] == r["tasks"]["total"] == 512 * 40 * 7
        world.check_clean()
        return world.path / "market", r
    finally:
        world.finish()


@pytest.fixture
def market(world, undisturbed):
    shutil.copytree(undisturbed[0], world.path / "market")
    return world, undisturbed[1]


def grid_started(world, tasks):
    p = world.start("run", "market/wfo.yaml", "--set", COSTS, "--slots", "2", "--json")
    started(world, p, tasks)
    return p


@pytest.mark.parametrize("tasks", [None, 30000])
@pytest.mark.parametrize("roles", [["slot"], ["worker"], ["broker"], ["broker", "worker", "slot"]], ids="+".join)
def test_the_grid_survives_kills(market, roles, tasks):
    world, expected = market
    p = grid_started(world, tasks)
    assert signal_all([pid for pid, role in descendants(p.pid).items() if role in roles], signal.SIGKILL)
    r = finished(world, p)
    assert r["digest"] == expected["digest"] and r["best"] == expected["best"]


def test_the_grid_goes_on_after_a_kill_of_the_client(market):
    world, expected = market
    p = grid_started(world, 30000)
    p.kill()
    p.communicate()
    wait_until(lambda: not world.processes(), "the others end by themselves")
    r = finished(world, world.start("run", "market/wfo.yaml", "--set", COSTS, "--slots", "2", "--json"))
    assert r["resumed"] >= 30000
    assert r["digest"] == expected["digest"] and r["best"] == expected["best"]
