# SPDX-License-Identifier: MIT
"""What a run does after its client was killed with -9, or everything was, or a part of it stood still: it goes on where it was, and
runs nothing again that was done."""

import signal
import time

import pytest

from conftest import wait_until
from support import Ones, check_nothing_left, descendants, done, finished, pids_of, signal_all, table


@pytest.fixture
def ones(world):
    return Ones(world)


def kept(world):
    """The tasks that the state directory holds scores of."""
    return {int(row["task"]) for row in table(world) if row["status"] == "done"} if done(world) else set()


def check_goes_on(world, ones):
    """The same command once more: it runs what is missing, and nothing else."""
    before = kept(world)
    ones.forget()
    r = finished(world, ones.start())
    ones.check_done(r)
    assert r["resumed"] == len(before)
    assert set(ones.runs()) == set(range(ones.N)) - before
    return before


@pytest.mark.parametrize("moment", Ones.MOMENTS)
def test_after_a_kill_of_the_client_the_same_command_goes_on(world, ones, moment):
    p = ones.start_to(moment)
    p.kill()
    p.communicate()
    wait_until(lambda: not world.processes(), "the others end by themselves")
    check_nothing_left(world)
    kept = ones.N // 4 if moment == "near the end" else ones.MOMENTS[moment] or 0  # half a second of reports may be on their way
    assert len(check_goes_on(world, ones)) >= kept


@pytest.mark.parametrize("role", ["broker", "worker"])
def test_after_a_kill_of_the_client_and_a_part_the_same_command_goes_on(world, ones, role):
    p = ones.start_to("in the middle")
    assert signal_all([p.pid, *pids_of(p.pid, role)], signal.SIGKILL)
    p.communicate()
    wait_until(lambda: not world.processes(), "the others end by themselves")
    assert check_goes_on(world, ones)


@pytest.mark.parametrize("moment", ["early", "near the end"])
def test_after_a_kill_of_everything_the_same_command_goes_on(world, ones, moment):
    p = ones.start_to(moment)
    assert signal_all([p.pid, *descendants(p.pid)], signal.SIGKILL)
    p.communicate()
    wait_until(lambda: not world.processes(), "everything has ended")
    assert check_goes_on(world, ones)


def test_a_run_that_is_killed_again_and_again_gets_to_its_end(world, ones):
    before = -1
    for _ in range(4):
        p = ones.start()
        wait_until(lambda: p.poll() is not None or done(world) > before, "it goes on")
        assert p.poll() is None, p.communicate()
        p.kill()
        p.communicate()
        wait_until(lambda: not world.processes(), "the others end by themselves")
        assert len(kept(world)) > before
        before = len(kept(world))
    check_goes_on(world, ones)


@pytest.mark.parametrize("role, seconds", [("slot", 2), ("worker", 7), ("broker", 7), ("client", 7)])
def test_a_part_that_stands_still_for_a_while_goes_on(world, ones, role, seconds):
    p = ones.start_to("early")
    pids = [p.pid] if role == "client" else pids_of(p.pid, role)[:1]
    assert signal_all(pids, signal.SIGSTOP)
    time.sleep(seconds)  # the disturbance itself; nothing is waited for
    assert signal_all(pids, signal.SIGCONT)
    ones.check_done(finished(world, p))
