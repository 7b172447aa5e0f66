#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sheaf beside what a user would pick instead, on the same jobs, in one run, as one table with ratios.

Each row is a whole command from its start to its end, so start-up counts. docs/performance.md says what each job is and how to
read the table. The peers are the programs runners.py and wfo_pool.py of a folder of their own ($SHEAF_PEERS, default
../shared/peers beside the project); their libraries come from the Python that bench/setup makes. What is missing is
reported as skipped, never left out in silence.

Usage: bench.py [--build DIR] [--python PYTHON] [--slots N] [--only JOB ...] [--smoke] [--json FILE]
"""
import argparse
import array
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLAIN_LOOP = "serial"  # in runners.py: no runner at all, the floor of what the job itself costs in Python
PEERS = ("serial", "pool_chunked", "pool_rawarray", "pool_pickle", "joblib_loky", "dask_distributed", "ray_core", "optuna_grid")
PEER_SECONDS = 600  # longest patience with a peer
PROCESSES = 5       # of a run with one slot: client, describer of the plugin, broker, worker, slot
FULL = {"null": 20_000, "null_large": 2_000_000, "null_ours": 20_000_000, "data": 1_000, "trials": 1_024, "rounds": 20, "short": 5_000,
        "repeat": 3, "peers": PEERS}
SMOKE = {"null": 500, "null_large": 1_000, "null_ours": 2_000, "data": 3, "trials": 4, "rounds": 1, "short": 10,
         "repeat": 1, "peers": ("serial", "pool_chunked")}


def say(text):
    print(text, file=sys.stderr, flush=True)


class Memory(threading.Thread):
    """The peak of the summed proportional set size of a process and its descendants, sampled every 20 ms."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak_kb, self.on = pid, 0, True

    def tree(self):
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                for thread in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{thread}/children") as f:
                        todo += map(int, f.read().split())
            except OSError:
                pass  # it has ended
        return found

    def run(self):
        while self.on:
            total = 0
            for pid in self.tree():
                try:
                    with open(f"/proc/{pid}/smaps_rollup") as f:
                        total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
                except OSError:
                    pass
            self.peak_kb = max(self.peak_kb, total)
            time.sleep(0.02)


class Bench:
    def __init__(self, args, folder):
        self.sizes = SMOKE if args.smoke else FULL
        self.build = os.path.abspath(args.build)
        self.sheaf = os.path.join(self.build, "bin", "sheaf")
        self.folder, self.slots, self.python = folder, args.slots, args.python
        self.peers = os.environ.get("SHEAF_PEERS") or os.path.join(TOP, "..", "shared", "peers")
        self.rows, self.skipped = [], []
        self.env = dict(os.environ, SHEAF_STATE=os.path.join(folder, "state"),
                        SHEAF_PLUGIN_PATH=f"{self.build}/tests/plugins:{self.build}/plugins")
        self.env.pop("SHEAF_BROKER", None)

    # what runs ----------------------------------------------------------------------------------------------------------

    def sweep(self, name, **fields):
        path = os.path.join(self.folder, name + ".yaml")
        with open(path, "w") as f:
            json.dump(fields, f)  # JSON is YAML
        return path

    def command(self, *args):
        return subprocess.run([self.sheaf, *args], env=self.env, cwd=self.folder, check=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True).stdout

    def ours(self, sweep, *more):
        """One run from scratch: what it prints as JSON, with wall seconds and peak memory as seen from outside."""
        start = time.perf_counter()
        p = subprocess.Popen([self.sheaf, "run", sweep, "--fresh", "--json", "--slots", str(self.slots), *more],
                             env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        memory = Memory(p.pid)
        memory.start()
        out, err = p.communicate()
        seconds = time.perf_counter() - start
        memory.on = False
        memory.join()
        if p.returncode != 0:
            sys.exit(f"sheaf run {sweep}: exit {p.returncode}\n{err}")
        result = json.loads(out)
        if result["tasks"]["done"] != result["tasks"]["total"]:
            sys.exit(f"sheaf run {sweep}: not all tasks are done: {result['tasks']}")
        return dict(result, wall=seconds, peak_mb=memory.peak_kb / 1024)

    def ours_median(self, sweep, *more):
        runs = [self.ours(sweep, *more) for _ in range(self.sizes["repeat"])]
        if len({r["digest"] for r in runs}) != 1:
            sys.exit(f"{sweep}: the digest changed between runs")
        return sorted(runs, key=lambda r: r["wall"])[len(runs) // 2]

    def peer(self, program, *args):
        """The JSON object that a peer's program prints last, or None, with the reason noted."""
        path = os.path.join(self.peers, program)
        what = " ".join((program,) + tuple(os.path.basename(a) for a in args))
        say(f"  {what}")
        if not os.path.isfile(path):
            return self.skip(what, f"there is no {path}")
        try:
            p = subprocess.run([self.python, path, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                               timeout=PEER_SECONDS, cwd=self.folder)
        except subprocess.TimeoutExpired:
            return self.skip(what, f"took more than {PEER_SECONDS} s")
        lines = [line for line in p.stdout.splitlines() if line.startswith("{")]
        if p.returncode != 0 or not lines:
            return self.skip(what, (p.stderr.strip().splitlines() or [f"exit {p.returncode}"])[-1])
        result = json.loads(lines[-1])
        return self.skip(what, result["skipped"]) if "skipped" in result else result

    def skip(self, what, why):
        self.skipped.append(f"{what}: {why}")
        return None

    def row(self, job, runner, tasks, seconds, peak_mb=None, base=None):
        """One row; base = the row that it is compared with: how many times as long a task takes."""
        r = {"job": job, "runner": runner, "tasks": tasks, "seconds": seconds, "peak_mb": peak_mb,
             "times": None if base is None else (seconds / tasks) / (base["seconds"] / base["tasks"])}
        self.rows.append(r)
        return r

    def beside_runners(self, job, label, tasks, peers, base):
        rows = []
        for name in peers:
            r = self.peer("runners.py", "--job", job, "--tasks", str(tasks), "--workers", str(self.slots), "--peer", name)
            if r:
                seconds = tasks / r["tasks_per_s"]  # its seconds are rounded to milliseconds, too few for a short run
                rows.append(self.row(label, name, tasks, seconds, r["peak_mb"], base))
        return rows

    # the jobs -----------------------------------------------------------------------------------------------------------

    def null_sweep(self, tasks, **more):
        return self.sweep(f"null{tasks}", plugin="echo", params={"x": {"from": 0, "to": tasks - 1, "step": 1}},
                          goal={"maximize": "value"}, **more)

    def check_null(self, result, tasks):
        if result["best"][0]["scores"]["value"] != (tasks - 1) / 2:
            sys.exit(f"null task: the best score is {result['best'][0]}, not {(tasks - 1) / 2}")

    def ours_null(self, label, tasks, **more):
        result = self.ours_median(self.null_sweep(tasks, **more))
        self.check_null(result, tasks)
        return self.row(label, "sheaf", tasks, result["wall"], result["peak_mb"])

    def job_null(self):
        small, large, most = (self.sizes[k] for k in ("null", "null_large", "null_ours"))
        base = self.ours_null("null task, few", small)
        few = self.beside_runners("null", "null task, few", small, self.sizes["peers"], base)
        best = sorted((r for r in few if r["runner"] != PLAIN_LOOP), key=lambda r: r["seconds"])[:1]
        base = self.ours_null("null task, many", large)
        many = self.beside_runners("null", "null task, many", large, ("serial", "pool_chunked"), base)
        for label, more in (("null task, most", {}), ("null, keep: best", {"keep": {"best": 1000}})):
            base = self.ours_null(label, most, **more)
            for r in best + many:
                self.row(label, f"{r['runner']}, as above", r["tasks"], r["seconds"], None, base)

    def random_npy(self, name, shape, rng):
        """Uniform numbers in [0, 1) as an .npy file; returns their sum."""
        n = 1
        for s in shape:
            n *= s
        values = array.array("d", (rng.random() for _ in range(n)))
        if sys.byteorder == "big":
            values.byteswap()
        head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
        with open(os.path.join(self.folder, name), "wb") as f:
            f.write(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + values.tobytes())
        return sum(values)

    def job_data(self):
        tasks, rng = self.sizes["data"], random.Random(7)
        total = self.random_npy("factors.npy", (1398, 43, 18), rng) + self.random_npy("returns.npy", (1398, 43), rng)
        start = time.perf_counter()
        self.command("pack", "data.sheaf", "factors=factors.npy", "returns=returns.npy")
        packed = time.perf_counter() - start
        sweep = self.sweep("data", plugin="sum", data="data.sheaf", goal={"minimize": "total"},
                           params={"x": {"from": 0, "to": tasks - 1, "step": 1}})
        result = self.ours_median(sweep)
        if abs(result["best"][0]["scores"]["total"] - total) > 1e-6:
            sys.exit(f"data task: the sum is {result['best'][0]}, not {total}")
        base = self.row("9 MB a task", "sheaf", tasks, result["wall"], result["peak_mb"])
        self.row("9 MB a task", "sheaf pack, once", 1, packed)
        self.beside_runners("data", "9 MB a task", tasks, self.sizes["peers"], base)

    def market(self):
        """factors.npy and returns.npy of the real market, or of the demo where that is not there."""
        prepare = os.path.join(self.peers, "..", "data", "prepare.py")
        if os.path.isfile(prepare) and self.sizes is FULL:
            if subprocess.run([self.python, prepare, self.folder, "etf"], stderr=subprocess.DEVNULL).returncode == 0:
                return os.path.join(self.folder, "etf"), "real grid"
            self.skip("real grid", f"{prepare} failed; the demo market instead")
        elif self.sizes is FULL:
            self.skip("real grid", f"there is no {prepare}; the demo market instead")
        folder = os.path.join(self.folder, "demo")
        self.command("demo", folder, *(["--days", "400"] if self.sizes is SMOKE else []))
        return folder, "demo grid"

    def job_grid(self):
        trials = self.sizes["trials"]
        folder, label = self.market()
        paths = [os.path.join(folder, name + ".npy") for name in ("factors", "returns")]
        self.command("pack", "grid.sheaf", "factors=" + paths[0], "returns=" + paths[1])
        counts = [1, 2, 3, 4, 5, 6, 8, 10]
        sweep = self.sweep("grid", plugin="wfo", data="grid.sheaf", goal={"maximize": "sharpe"},
                           params={"n_factors": counts, "top_n": counts, "rebalance": [1, 5, 10, 21],
                                   "weighting": ["equal", "ic"], "cost_bps": [0, 5]},
                           split={"walk_forward": {"train": 252, "test": 63, "step": 63}})
        result = self.ours_median(sweep, "--limit", str(trials))
        base = self.row(label, "sheaf", trials, result["wall"], result["peak_mb"])
        peer = self.peer("wfo_pool.py", *paths, "--workers", str(self.slots), "--trials", str(trials))
        if peer:
            self.row(label, "wfo_pool", trials, peer["seconds"], None, base)
            self.compare_best(result["best"], peer["best"])

    def compare_best(self, ours, theirs):
        for a, b in zip(ours, theirs):
            x, y = a["scores"]["sharpe"], b["scores"]["sharpe"]
            if a["trial"] != b["trial"] or abs(x - y) > 1e-9 * abs(y):
                sys.exit(f"the grid's best trials differ: {a} and {b}")

    def spawned(self, n, *command):
        out = subprocess.run([os.path.join(self.build, "bench", "spawn"), str(self.sizes["rounds"]), str(n), *command],
                             env=self.env, cwd=self.folder, check=True, stdout=subprocess.PIPE, text=True).stdout
        return statistics.median(map(float, out.split()))

    def job_start(self):
        label = "one task"
        sweep = self.sweep("one", plugin="echo", params={"x": [1]}, goal={"maximize": "value"})
        run = self.spawned(1, self.sheaf, "run", sweep, "--fresh", "--json", "--slots", "1")
        base = self.row(label, "sheaf", 1, run)
        empty = self.spawned(PROCESSES, os.path.join(self.build, "bench", "empty"))
        version = self.spawned(PROCESSES, self.sheaf, "--version")
        self.row(label, f"{PROCESSES} empty processes", 1, empty, None, base)
        self.row(label, f"{PROCESSES} x sheaf --version", 1, version, None, base)

    def job_short(self):
        tasks, label = self.sizes["short"], "1 ms of work a task"
        sweep = self.sweep("short", plugin="sleep", goal={"maximize": "value"},
                           params={"x": {"from": 0, "to": tasks - 1, "step": 1}, "ms": 1, "spin": True, "polite": False})
        result = self.ours_median(sweep)
        base = self.row(label, "sheaf", tasks, result["wall"], result["peak_mb"])
        self.row(label, "nothing but the work", tasks, tasks * 1e-3 / self.slots, None, base)

    # the table ----------------------------------------------------------------------------------------------------------

    def table(self):
        head = ("job", "runner", "tasks", "seconds", "tasks/s", "peak MB", "time a task")
        cells, last = [head], None
        for r in self.rows:
            times = "" if r["times"] is None else f"{r['times']:,.3g} x" if r["times"] < 1000 else f"{r['times']:,.0f} x"
            cells.append(("" if r["job"] == last else r["job"], r["runner"], f"{r['tasks']:,}", f"{r['seconds']:.4g}",
                          f"{r['tasks'] / r['seconds']:,.0f}", "" if r["peak_mb"] is None else f"{r['peak_mb']:,.1f}",
                          "1 x" if r["runner"] == "sheaf" else times))
            last = r["job"]
        widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
        for row in cells:
            print("  ".join(c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip())
        for line in self.skipped:
            print(f"skipped: {line}")


def arguments():
    jobs = [name[4:] for name in vars(Bench) if name.startswith("job_")]
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--build", default=os.path.join(TOP, "build"), help="the build folder (default: build)")
    ap.add_argument("--python", default=sys.executable, help="the peers' Python (bench/setup makes one)")
    ap.add_argument("--slots", type=int, default=os.cpu_count(), help="processes at work, ours and theirs (default: cores)")
    ap.add_argument("--only", nargs="+", choices=jobs, default=jobs, help="these jobs only")
    ap.add_argument("--smoke", action="store_true", help="tiny sizes: does it still work?")
    ap.add_argument("--json", help="write the rows to this file too")
    return ap.parse_args()


def main():
    args = arguments()
    folder = tempfile.mkdtemp(prefix="sheaf-bench-", dir=os.path.abspath(args.build))
    try:
        bench = Bench(args, folder)
        for job in args.only:
            say(f"{job} ...")
            getattr(bench, "job_" + job)()
        bench.table()
        if args.json:
            with open(args.json, "w") as f:
                json.dump({"slots": args.slots, "rows": bench.rows, "skipped": bench.skipped}, f, indent=1)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
