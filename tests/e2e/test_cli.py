# SPDX-License-Identifier: MIT
"""What needs no broker: usage, help, sweep files that are refused, the state directory."""

import os

import pytest

from conftest import PATIENCE

COMMANDS = ["run", "list", "show", "wait", "results", "logs", "retry", "cancel", "rm", "pack", "inspect", "plugin", "broker",
            "worker"]


def test_help_lists_every_command_and_no_internal_one(world):
    out = world.run("--help").stdout
    for command in COMMANDS:
        assert f"\n  {command} " in out
    assert "slot " not in out.replace("a slot", "") and "describe-plugin" not in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(world, command):
    r = world.run(command, "--help")
    assert r.stdout.startswith("usage: sheaf") and command in r.stdout
    assert r.stderr == ""


def test_version(world):
    assert world.run("--version").stdout.startswith("sheaf 0.")


def test_no_command_is_a_wrong_request(world):
    r = world.run(code=2)
    assert r.stdout == "" and "usage: sheaf COMMAND" in r.stderr


def test_an_unknown_command_is_answered_with_the_nearest(world):
    assert "did you mean results?" in world.refused("result")
    assert "did you mean list?" in world.refused("lsit")
    world.refused("frobnicate")


def test_internal_commands_are_not_for_people(world):
    world.run("slot", code=2)
    world.run("describe-plugin", code=2)


def test_an_unknown_option_is_answered_with_the_nearest(world):
    assert "did you mean --slots?" in world.refused("run", "x.yaml", "--slot", "3")


@pytest.mark.parametrize("args", [
    ["run"], ["run", "a.yaml", "b.yaml"], ["run", "a.yaml", "--slots"], ["run", "a.yaml", "--slots", "0"],
    ["run", "a.yaml", "--slots", "two"], ["run", "a.yaml", "--top", "-1"], ["run", "a.yaml", "--fresh=1"],
    ["show"], ["wait"], ["results"], ["logs"], ["rm"], ["cancel"], ["retry"], ["retry", "1"], ["logs", "1", "--task", "x"],
    ["show", "1", "2"], ["broker"], ["worker"], ["worker", "--broker", "ipc:///x", "--slots", "100000"],
    ["broker", "--listen", "nonsense://", "--state", "s"],
])
def test_wrong_usage_is_one_line_and_exit_2(world, args):
    world.refused(*args)


@pytest.mark.parametrize("text, place, words", [
    ("", "sweep.yaml", ""),
    ("plugin: echo\n", "sweep.yaml", "goal"),
    ("plugin: echo\nparams: {x: [1]}\ngoal: {maximize: value}\ncolour: red\n", "sweep.yaml:4:1", "colour"),
    ("plugin: echo\nparams: {x: []}\ngoal: {maximize: value}\n", "sweep.yaml:2:", ""),
    ("plugin: echo\nparams: {y: [1]}\ngoal: {maximize: value}\n", "sweep.yaml:2:", "y"),
    ("plugin: echo\nparams: {x: [1]}\ngoal: {maximize: valu}\n", "sweep.yaml:3:", "did you mean value?"),
    ("plugin: echo\nparams: {x: [one]}\ngoal: {maximize: value}\n", "sweep.yaml:2:", "x"),
    ("plugin: nope\nparams: {x: [1]}\ngoal: {maximize: value}\n", "sweep.yaml:1:9", "nope"),
    ("plugin: ./nope.so\nparams: {x: [1]}\ngoal: {maximize: value}\n", "sweep.yaml:1:9", "nope.so"),
    ("plugin: echo\ndata: nope.sheaf\nparams: {x: [1]}\ngoal: {maximize: value}\n", "sweep.yaml:2:7", "nope.sheaf"),
    ("plugin: sum\nparams: {x: [1]}\ngoal: {maximize: total}\n", "sweep.yaml", ""),
    ("plugin: describe_crash\nparams: {x: [1]}\ngoal: {maximize: value}\n", "sweep.yaml:1:9", "signal"),
    ("plugin: abi_major\nparams: {x: [1]}\ngoal: {maximize: value}\n", "sweep.yaml:1:9", "abi_major"),
    ("plugin: [echo\n", "sweep.yaml:", ""),
])
def test_a_wrong_sweep_file_is_refused_with_its_place(world, text, place, words):
    line = world.refused("run", world.file("sweep.yaml", text))
    assert place in line and words in line
    assert not world.state.exists() or list(world.state.iterdir()) == []


def test_a_missing_sweep_file_is_named(world):
    assert "nowhere.yaml" in world.refused("run", "nowhere.yaml")


def test_a_wrong_override_names_itself(world):
    line = world.refused("run", world.sweep(), "--set", "params.y=3")
    assert "--set params.y=3" in line


def test_a_dry_run_refuses_the_same(world):
    world.refused("run", world.sweep(plugin="nope"), "--dry-run")


def test_an_empty_state_directory(world):
    assert world.json("list") == {"version": 1, "sweeps": []}
    for command in ["show", "wait", "logs", "results", "cancel", "rm"]:
        assert "no sweep" in world.refused(command, "last")
    assert "no sweep" in world.refused("retry", "7", "--failed")
    assert not world.state.exists()


def test_a_broker_that_is_not_there_is_exit_6(world):
    for command in [["list"], ["show", "1"], ["cancel", "1"], ["rm", "1"]]:
        world.refused(*command, "--broker", f"ipc://{world.runtime}/none", code=6)
    world.refused("run", world.sweep(), "--broker", f"ipc://{world.runtime}/none", code=6)


def test_more_slots_than_there_can_be_are_refused(world):
    assert "at most 1024" in world.refused("run", world.sweep(), "--slots", "1025")


PRINTING = ["show last", "list", "results last", "results last --tasks", "logs last", "run sweep.yaml", "run sweep.yaml --json",
            "plugin inspect groups", "plugin try groups", "--help", "run --help", "--version"]


@pytest.mark.parametrize("command", PRINTING)
def test_output_that_is_lost_is_an_error(world, command):
    world.run("run", world.sweep(plugin="groups", params={"x": [1, 2]}))
    for stdout, closed in ((open("/dev/full", "w"), False), (None, True)):
        p = world.run(*command.split(), code=1, stdout=stdout,
                      preexec_fn=(lambda: os.close(1)) if closed else None)
        last = p.stderr.splitlines()[-1]
        assert last.startswith("sheaf: ") and "cannot" in last and p.stderr.count("cannot") == 1
    assert world.json("list")["sweeps"][0]["state"] == "done"


def test_results_go_into_a_pipe_that_has_a_name(world):
    world.run("run", world.sweep(params={"x": [1, 2]}))
    whole = world.run("results", "last").stdout
    os.mkfifo(world.path / "pipe")
    p = world.start("results", "last", "-o", "pipe")
    assert (world.path / "pipe").read_text() == whole
    assert p.wait(timeout=PATIENCE) == 0 and (world.path / "pipe").is_fifo()
    os.symlink("/proc/self/fd/1", world.path / "stdout")  # as /dev/stdout is
    assert world.run("results", "last", "-o", "stdout").stdout == whole


def test_a_runtime_directory_of_somebody_else_is_refused(world):
    (world.runtime / "sheaf").mkdir(mode=0o755)
    (world.runtime / "sheaf").chmod(0o755)
    # Falls back to the directory below /tmp, which is checked the same way.
    world.run("run", world.sweep())
