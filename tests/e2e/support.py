# SPDX-License-Identifier: MIT
"""What several test files share: tables that sheaf prints, a second implementation of the results digest, and the processes
below a process."""

import csv
import hashlib
import math
import os
import pathlib
import struct

BLOCK = 65536  # tasks, as docs/index-space.md says
STATUS = {"done": b"\1", "failed": b"\2", "skipped": b"\3"}


def table(world, what="--tasks", sweep="last"):
    """The rows of `sheaf results` as dictionaries of texts."""
    return list(csv.DictReader(world.run("results", sweep, what, "--format", "csv").stdout.splitlines()))


def number(text):
    """CSV leaves out what is no number."""
    return float(text) if text else math.nan


def scores_of(row):
    """The scores of a row of --tasks, in the plugin's order."""
    return [number(text) for name, text in row.items() if name not in ("task", "trial", "key", "split", "status")]


def digest_of(rows):
    """The results digest of a table of --tasks in which every task has ended."""
    blocks, n_scores = hashlib.blake2b(digest_size=32), len(scores_of(rows[0]))
    for at in range(0, len(rows), BLOCK):
        block = hashlib.blake2b(digest_size=32)
        for row in rows[at:at + BLOCK]:
            values = scores_of(row) if row["status"] == "done" else [math.nan] * n_scores
            block.update(STATUS[row["status"]])
            block.update(b"".join(struct.pack("<Q", 0x7ff8 << 48) if math.isnan(v) else struct.pack("<d", v) for v in values))
        blocks.update(block.digest())
    return "b2:" + blocks.hexdigest()


def descendants(pid):
    """Every process below pid, as {pid: role}; the role is the program's first argument: broker, worker or slot."""
    found = {}
    for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids = children.read_text().split()
        except OSError:  # the thread has ended meanwhile
            continue
        for child in map(int, pids):
            try:
                words = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if len(words) > 1:  # not one that has ended
                found[child] = words[1].decode()
            found.update(descendants(child))
    return found


def pids_of(pid, role):
    return [p for p, r in descendants(pid).items() if r == role]


def signal_all(pids, number):
    """False if one of them had ended already."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
    return bool(pids)
