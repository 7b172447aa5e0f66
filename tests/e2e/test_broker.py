# SPDX-License-Identifier: MIT
"""A broker and a worker started by hand, and clients that speak to them over TCP."""

import json
import signal
import socket

import pytest

from conftest import wait_until


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ended(p):
    p.send_signal(signal.SIGTERM)
    return p.wait(timeout=30) == 0


@pytest.fixture
def lonely_broker(world):
    """A broker without a worker. Clients find it through $SHEAF_BROKER."""
    url = f"tcp://127.0.0.1:{free_port()}"
    p = world.start("broker", "--listen", url, "--state", world.path / "broker", stdout=None, stderr=None)
    world.env["SHEAF_BROKER"] = url
    wait_until(lambda: world.run("list", code=None).returncode == 0, "the broker answers")
    yield url
    assert ended(p)


@pytest.fixture
def broker(world, lonely_broker):
    """The same with one worker of two slots."""
    p = world.start("worker", "--broker", lonely_broker, "--slots", "2", stdout=None, stderr=None)
    yield lonely_broker
    assert ended(p)


def test_sweeps_run_at_a_broker_elsewhere(world, broker):
    grid = {"x": {"from": 1, "to": 1000, "step": 1}}
    r = world.json("run", world.sweep(name="far", params=grid))
    assert r["tasks"]["done"] == 1000 and r["sweep"] == 1
    assert not world.state.exists()  # nothing is kept here
    here = world.json("run", world.sweep(params=grid), "--broker", "", "--state", world.path / "own")
    assert here["digest"] == r["digest"]
    world.run("run", world.sweep("b.yaml", params={"x": [1, 2]}))
    listed = world.json("list")["sweeps"]
    assert [(s["sweep"], s["name"], s["state"]) for s in listed] == [(1, "far", "done"), (2, "", "done")]
    assert world.json("show", "far")["digest"] == r["digest"]
    assert world.json("wait", "last")["sweep"] == 2
    assert len(world.run("results", "1", "--tasks").stdout.splitlines()) == 1001
    assert world.refused("run", "b.yaml", "--fresh").endswith("stays there; remove it first: sheaf rm N")
    world.run("rm", "1")
    assert [s["sweep"] for s in world.json("list")["sweeps"]] == [2]
    assert "no sweep" in world.refused("show", "far")


def test_a_client_is_told_that_no_worker_is_there(world, lonely_broker):
    p = world.start("run", world.sweep(params={"x": [1, 2]}))
    line = p.stderr.readline()
    assert "0/2 tasks" in line and "no worker is there (sheaf worker --broker URL)" in line
    worker = world.start("worker", "--broker", lonely_broker, stdout=None, stderr=None)
    assert p.communicate(timeout=60) and p.returncode == 0
    assert ended(worker)


def test_a_sweep_is_not_charged_with_what_earlier_ones_took(world, broker):
    task = {"ms": 500, "spin": True, "polite": False}
    first = world.json("run", world.sweep(plugin="sleep", params={**task, "x": list(range(4))}))
    second = world.json("run", world.sweep("b.yaml", params={"x": 1}))
    assert first["cpu_seconds"] > 0.05 and second["cpu_seconds"] < first["cpu_seconds"] / 2


def test_ctrl_c_cancels_there_and_the_same_command_goes_on(world, broker):
    sweep = world.sweep(plugin="sleep", params={"ms": 30, "x": list(range(200))})
    p = world.start("run", sweep)
    wait_until(lambda: [s for s in world.json("list")["sweeps"] if s["tasks"]["done"] > 3], "tasks are done")
    p.send_signal(signal.SIGINT)
    out, err = p.communicate()
    assert p.returncode == 5 and "goes on from there" in err
    assert world.json("show", "last")["state"] == "cancelled"
    r = world.json("run", sweep, "--set", "params.ms=30")
    assert r["tasks"]["done"] == 200 and r["resumed"] > 3


def test_ctrl_c_of_wait_leaves_the_sweep_alone(world, broker):
    p = world.start("run", world.sweep(plugin="sleep", params={"ms": 30, "x": list(range(100))}), "--json")
    wait_until(lambda: world.json("list")["sweeps"], "the sweep is there")
    w = world.start("wait", "last", stderr=None)
    wait_until(lambda: world.json("show", "last")["tasks"]["done"] > 20, "it goes on")
    w.send_signal(signal.SIGINT)
    w.communicate()
    assert w.returncode == 5
    out, _ = p.communicate()
    assert p.returncode == 0 and json.loads(out)["tasks"]["done"] == 100


def test_cancel_and_retry_there(world, broker):
    p = world.start("run", world.sweep(plugin="sleep", params={"ms": 30, "x": list(range(400))}))
    wait_until(lambda: world.json("list")["sweeps"], "the sweep is there")
    assert "cancel it first" in world.refused("rm", "last")
    world.run("cancel", "last")
    p.communicate()
    assert p.returncode == 5
    world.run("run", world.sweep("f.yaml", plugin="fault", params={"mode": "error", "every": 5, "x": list(range(10))}), code=3)
    world.run("retry", "last", "--failed")
    assert world.json("wait", "last", code=3)["tasks"]["failed"] == 2


def test_a_second_broker_on_one_state_directory_is_refused(world, broker):
    line = world.refused("broker", "--listen", f"tcp://127.0.0.1:{free_port()}", "--state", world.path / "broker")
    assert "in use" in line
