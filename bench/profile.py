#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where the CPU time of a null task goes: nanoseconds a task by process, thread and function, by `perf record` over one sweep.

CPU time, so that the table means something on a busy machine, too. Needs perf and the right to use it.

Usage: profile.py [--build DIR] [--slots N] [--tasks N] [--keep-best] [--lines N]
"""
import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import bench

HERTZ = 2000


def record(b, args, data):
    """Runs the sweep under perf; returns the role of each of its processes."""
    sweep = b.null_sweep(args.tasks, **({"keep": {"best": 1000}} if args.keep_best else {}))
    perf = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(HERTZ), "-g", "-o", data]
    p = subprocess.Popen([*perf, b.sheaf, "run", sweep, "--fresh", "--json", "--slots", str(args.slots)],
                         env=b.env, cwd=b.folder, stdout=subprocess.PIPE, text=True)
    roles = {}
    while p.poll() is None:
        for pid in bench.tree(p.pid):
            roles[pid] = bench.role(pid) or roles.get(pid)
        time.sleep(0.02)
    if json.loads(p.stdout.read())["tasks"]["done"] != args.tasks:
        sys.exit("not all tasks are done")
    return roles


def samples(data):
    """(thread's name, process, thread, function) of each sample."""
    script = ["perf", "script", "-i", data, "-F", "comm,pid,tid,ip,sym", "-G"]
    for line in subprocess.run(script, check=True, capture_output=True, text=True).stdout.splitlines():
        m = re.match(r"\s*(\S+)\s+(\d+)/(\d+)\s+[0-9a-f]+ (.*)", line)
        if m:
            yield m[1], int(m[2]), int(m[3]), m[4].split(".")[0]


def place(roles, name, pid, tid):
    role = roles.get(pid) or "start"
    if role not in ("broker", "worker", "slot"):
        return "start"
    if name.startswith("ZMQ"):
        return f"{role}, ZeroMQ"
    return "broker, journal" if role == "broker" and tid != pid else role


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--build", default=os.path.join(bench.TOP, "build"), help="the build folder (default: build)")
    ap.add_argument("--slots", type=int, default=os.cpu_count(), help="default: cores")
    ap.add_argument("--tasks", type=int, default=20_000_000)
    ap.add_argument("--keep-best", action="store_true", help="keep the best 1,000 trials instead of every score")
    ap.add_argument("--lines", type=int, default=8, help="functions a thread")
    ap.set_defaults(smoke=False, python=sys.executable)
    args = ap.parse_args()
    folder = tempfile.mkdtemp(prefix="sheaf-profile-", dir=os.path.abspath(args.build))
    try:
        data = os.path.join(folder, "perf.data")
        roles = record(bench.Bench(args, folder), args, data)
        found = collections.defaultdict(collections.Counter)
        for name, pid, tid, function in samples(data):
            found[place(roles, name, pid, tid)][function] += 1
    finally:
        shutil.rmtree(folder)
    ns = 1e9 / HERTZ / args.tasks
    print(f"CPU ns a task: {ns * sum(sum(c.values()) for c in found.values()):.1f}")
    for where, functions in sorted(found.items(), key=lambda f: -sum(f[1].values())):
        most = ", ".join(f"{f} {n * ns:.1f}" for f, n in functions.most_common(args.lines) if n * ns >= 0.1)
        print(f"{where:<16} {ns * sum(functions.values()):5.1f}  {most}")


if __name__ == "__main__":
    main()
