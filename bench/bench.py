#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sheaf beside what a user would pick instead, on the same jobs, in one run: a table with ratios, and what was asked for.

Each row is a whole command from its start to its end, so start-up counts. docs/performance.md says what each job is and how to
read the table. The peers are the programs runners.py and wfo_pool.py of a folder of their own ($SHEAF_PEERS, default
../shared/peers beside the project); their libraries come from the Python that bench/setup makes. What is missing is
reported as skipped, never left out in silence.

Usage: bench.py [--build DIR] [--python PYTHON] [--slots N] [--only JOB ...] [--smoke] [--json FILE]
"""
import argparse
import array
import functools
import json
import os
import random
import shutil
import signal
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
FULL = {"null": 20_000, "null_large": 2_000_000, "null_ours": 20_000_000, "crowd": 60_000_000, "crowd_slots": 64,
        "data": 1_000, "data_long": 20_000, "trials": 1_024, "rounds": 20, "short": 20_000, "mixed": 30_000,
        "symbols": 2_839, "days": 1_200, "sample": 200, "stocks": (1_259, 505), "averages": 4, "funds": 16,
        "backtest_sample": (2, 32), "huge": 10**9, "huge_seconds": 5, "repeat": 3,
        "python": 2_000_000, "python_mb": 400, "peers": PEERS}
SMOKE = {"null": 500, "null_large": 1_000, "null_ours": 2_000, "crowd": 3_000, "crowd_slots": 3,
         "data": 3, "data_long": 4, "trials": 4, "rounds": 1, "short": 10, "mixed": 50,
         "symbols": 5, "days": 60, "sample": 3, "stocks": (60, 5), "averages": 1, "funds": 1, "backtest_sample": (1, 2),
         "huge": 10**9, "huge_seconds": 0.2, "repeat": 1,
         "python": 2_000, "python_mb": 1, "peers": ("serial", "pool_chunked")}


def say(text):
    print(text, file=sys.stderr, flush=True)


def tree(pid):
    """A process and its descendants."""
    found, todo = [], [pid]
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


def pss_kb(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            return sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    except OSError:
        return 0


def cpu_ns(pid):
    """CPU time of all threads that live."""
    total = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                total += int(f.read().split()[0])
    except OSError:
        pass
    return total


def role(pid):
    """What a process of ours is: run, broker, worker, slot; "" of any other."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            words = f.read().split(b"\0")
        return words[1].decode() if len(words) > 1 and words[0].endswith(b"sheaf") else ""
    except OSError:
        return ""


class Watch(threading.Thread):
    """Samples a process and its descendants every 20 ms: the peak of the summed proportional set size (a page that several share
    counts once), and of our broker the peak of its own and its CPU time."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak_kb, self.broker, self.broker_kb, self.broker_ns, self.on = pid, 0, None, 0, 0, True

    def run(self):
        while self.on:
            total = 0
            for pid in tree(self.pid):
                kb = pss_kb(pid)
                total += kb
                if self.broker is None and role(pid) == "broker":
                    self.broker = pid
                if pid == self.broker:
                    self.broker_kb = max(self.broker_kb, kb)
                    self.broker_ns = max(self.broker_ns, cpu_ns(pid))
            self.peak_kb = max(self.peak_kb, total)
            time.sleep(0.02)


class Bench:
    def __init__(self, args, folder):
        self.sizes = SMOKE if args.smoke else FULL
        self.build = os.path.abspath(args.build)
        self.sheaf = os.path.join(self.build, "bin", "sheaf")
        self.folder, self.slots, self.python = folder, args.slots, args.python
        self.peers = os.environ.get("SHEAF_PEERS") or os.path.join(TOP, "..", "shared", "peers")
        self.rows, self.skipped, self.targets = [], [], []
        self.env = dict(os.environ, SHEAF_STATE=os.path.join(folder, "state"),
                        SHEAF_PLUGIN_PATH=f"{self.build}/tests/plugins:{self.build}/plugins")
        self.env.pop("SHEAF_BROKER", None)

    # what runs ----------------------------------------------------------------------------------------------------------

    def sweep(self, file, **fields):
        path = os.path.join(self.folder, file + ".yaml")
        with open(path, "w") as f:
            json.dump(fields, f)  # JSON is YAML
        return path

    def command(self, *args):
        return subprocess.run([self.sheaf, *args], env=self.env, cwd=self.folder, check=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True).stdout

    def start(self, sweep, *more, slots=None):
        """A run from scratch, watched."""
        p = subprocess.Popen([self.sheaf, "run", sweep, "--fresh", "--json", "--slots", str(slots or self.slots), *more],
                             env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        watch = Watch(p.pid)
        watch.start()
        return p, watch

    def ours(self, sweep, *more, slots=None):
        """One run: what it prints as JSON, with wall seconds, peak memory and the broker's CPU as seen from outside."""
        start = time.perf_counter()
        p, watch = self.start(sweep, *more, slots=slots)
        out, err = p.communicate()
        seconds = time.perf_counter() - start
        watch.on = False
        watch.join()
        if p.returncode != 0:
            sys.exit(f"sheaf run {sweep}: exit {p.returncode}\n{err}")
        result = json.loads(out)
        if result["tasks"]["done"] != result["tasks"]["total"]:
            sys.exit(f"sheaf run {sweep}: not all tasks are done: {result['tasks']}")
        return dict(result, wall=seconds, peak_mb=watch.peak_kb / 1024, broker_ns=watch.broker_ns)

    def ours_median(self, sweep, *more, slots=None):
        runs = [self.ours(sweep, *more, slots=slots) for _ in range(self.sizes["repeat"])]
        if len({r["digest"] for r in runs}) != 1:
            sys.exit(f"{sweep}: the digest changed between runs")
        return sorted(runs, key=lambda r: r["wall"])[len(runs) // 2]

    def peer(self, program, *args, folder=None):
        """The JSON object that a peer's program prints last, or None, with the reason noted."""
        path = os.path.join(folder or self.peers, program)
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

    def target(self, what, seen, least=None, most=None, unit=""):
        """One thing that was asked for: at least, or at most, so much. Never left out: seen None is a miss, too."""
        asked = least if most is None else most
        met = seen is not None and (seen >= asked if most is None else seen <= asked)
        self.targets.append({"what": what, "least": least, "most": most, "seen": seen, "unit": unit, "met": met})

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

    def ours_null(self, label, tasks, slots=None, **more):
        result = self.ours_median(self.null_sweep(tasks, **more), slots=slots)
        self.check_null(result, tasks)
        r = self.row(label, f"sheaf, {slots} slots" if slots else "sheaf", tasks, result["wall"], result["peak_mb"])
        r["slots"] = result["slots"]
        return r

    def bare(self, label, tasks, base):
        """The same bytes through the journal alone, and in a bare loop of write and fdatasync every 20 ms."""
        program, folder = os.path.join(self.build, "bench", "journal_bench"), os.path.join(self.folder, "bare")
        os.mkdir(folder)
        times = {"journal": [], "bare": []}
        for _ in range(self.sizes["repeat"]):
            out = subprocess.run([program, folder, str(max(1, tasks * 8 // 10**6))], check=True, stdout=subprocess.PIPE, text=True).stdout
            for name, cpus, rate in (line.split()[:3] for line in out.splitlines()[1:]):
                if cpus == "idle":
                    times[name].append(tasks * 8 / (float(rate) * 1e6))
        self.row(label, "the journal alone", tasks, statistics.median(times["journal"]), None, base)
        return self.row(label, "write and fdatasync", tasks, statistics.median(times["bare"]), None, base)

    def job_null(self):
        small, large, most = (self.sizes[k] for k in ("null", "null_large", "null_ours"))
        base = self.ours_null("null task, few", small)
        few = self.beside_runners("null", "null task, few", small, self.sizes["peers"], base)
        best = sorted((r for r in few if r["runner"] != PLAIN_LOOP), key=lambda r: r["seconds"])[:1]
        base = self.ours_null("null task, many", large)
        many = self.beside_runners("null", "null task, many", large, ("serial", "pool_chunked"), base)
        for label, more, asked in (("null task, most", {}, 40), ("null, keep: best", {"keep": {"best": 1000}}, 200)):
            base = self.ours_null(label, most, **more)
            if not best:
                self.target(f"{label}: times the rate of the best Python runner", None, least=asked, unit="x")
            for r in best + many:
                again = self.row(label, f"{r['runner']}, as above", r["tasks"], r["seconds"], None, base)
                if r["runner"] != PLAIN_LOOP:
                    self.target(f"{label}: times the rate of {r['runner']} at {r['tasks']:,} tasks", again["times"], least=asked, unit="x")
            if not more:
                bare = self.bare(label, most, base)
                self.target(f"{label}: of the rate of write and fdatasync", bare["times"], least=0.5)

    def job_crowd(self):
        """Many more slots than cores; enough tasks that starting them does not count."""
        label, tasks, slots = "null task, crowd", self.sizes["crowd"], self.sizes["crowd_slots"]
        base = self.ours_null(label, tasks)
        crowd = self.ours_null(label, tasks, slots=slots)
        crowd["times"] = crowd["seconds"] / base["seconds"]
        self.target(f"{label}: slots started of {slots}", crowd["slots"], least=slots)
        self.target(f"{label}: rate with {slots} slots, of that with {self.slots}", 1 / crowd["times"], least=0.8)

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
        self.long_data()

    def long_data(self):
        """So many tasks that the start hardly counts, beside the same loop in C."""
        tasks, label = self.sizes["data_long"], "9 MB a task, long"
        sweep = self.sweep("data_long", plugin="sum", data="data.sheaf", goal={"minimize": "total"},
                           params={"x": {"from": 0, "to": tasks - 1, "step": 1}})
        result = self.ours_median(sweep)
        base = self.row(label, "sheaf", tasks, result["wall"], result["peak_mb"])
        seconds = [float(subprocess.run([os.path.join(self.build, "bench", "plain_sum"), str(self.slots), str(tasks),
                                         "factors.npy", "returns.npy"], cwd=self.folder, check=True, stdout=subprocess.PIPE).stdout)
                   for _ in range(self.sizes["repeat"])]
        plain = self.row(label, "pinned loops in C", tasks, statistics.median(seconds), None, base)
        self.target(f"{label}: of the rate of pinned loops in C", plain["times"], least=0.9)
        megabytes = os.path.getsize(os.path.join(self.folder, "data.sheaf")) / 2**20
        self.target(f"{label}: memory of all processes beyond the dataset", result["peak_mb"] - megabytes, most=24, unit="MB")

    def has_real(self, what, job, instead):
        """Makes the real data `what` in the folder of that name. False: there are none, or small ones will do."""
        prepare = os.path.join(self.peers, "..", "data", "prepare.py")
        if self.sizes is not FULL:
            return False
        if os.path.isfile(prepare) and subprocess.run([self.python, prepare, self.folder, what], stderr=subprocess.DEVNULL).returncode == 0:
            return True
        self.skip(job, f"{prepare} {'failed' if os.path.isfile(prepare) else 'is not there'}; {instead} instead")
        return False

    def market(self):
        """factors.npy and returns.npy of the real market, or of the demo where that is not there."""
        if self.has_real("etf", "real grid", "the demo market"):
            return os.path.join(self.folder, "etf"), "real grid"
        folder = os.path.join(self.folder, "demo")
        self.command("demo", folder, *(["--days", "400"] if self.sizes is SMOKE else []))
        return folder, "demo grid"

    @functools.cached_property
    def grid_data(self):
        """Packs that market as grid.sheaf; what the grid is called, and the paths of both arrays."""
        folder, label = self.market()
        paths = [os.path.join(folder, name + ".npy") for name in ("factors", "returns")]
        self.command("pack", "grid.sheaf", "factors=" + paths[0], "returns=" + paths[1])
        return label, paths

    def job_grid(self):
        trials = self.sizes["trials"]
        label, paths = self.grid_data
        counts = [1, 2, 3, 4, 5, 6, 8, 10]
        sweep = self.sweep("grid", plugin="wfo", data="grid.sheaf", goal={"maximize": "sharpe"},
                           params={"n_factors": counts, "top_n": counts, "rebalance": [1, 5, 10, 21],
                                   "weighting": ["equal", "ic"], "cost_bps": [0, 5]},
                           split={"walk_forward": {"train": 252, "test": 63, "step": 63}})
        result = self.ours_median(sweep, "--limit", str(trials))
        base = self.row(label, "sheaf", trials, result["wall"], result["peak_mb"])
        peer = self.peer("wfo_pool.py", *paths, "--workers", str(self.slots), "--trials", str(trials))
        if peer:
            pool = self.row(label, "wfo_pool", trials, peer["seconds"], None, base)
            self.compare_best(result["best"], peer["best"])
        self.target(f"{label}: times the rate of wfo_pool", pool["times"] if peer else None, least=50, unit="x")

    def job_python(self):
        """Functions of Python as plugins: what a call costs beside a plain loop, NumPy beside a process pool, and memory."""
        if not os.path.isfile(os.path.join(self.build, "plugins", "python.so")):
            self.skip("Python plugins", "the plugin python was not built")
            return
        self.python_null()
        self.python_grid()
        self.python_memory()

    def script(self, name, text):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(text)
        return name

    def python_null(self):
        tasks, label = self.sizes["python"], "null task in Python, one slot"
        text = "def score(data, *, x: int):\n    return x / 2\n"
        who = self.script("who.py", "import sys\ndef score(data):\n    print(sys.executable)\n    return 1\n")
        python = self.command("plugin", "try", who).split("\n")[0]  # the one that is inside of the slots
        params = {"x": {"from": 0, "to": tasks - 1, "step": 1}}
        sweep = self.sweep("pynull", plugin=self.script("pynull.py", text), params=params, goal={"maximize": "value"})
        few = self.ours_median(sweep, "--limit", str(tasks // 10), slots=1)
        many = self.ours_median(sweep, slots=1)
        self.check_null(many, tasks)
        base = self.row(label, "sheaf, 1 slots", tasks, many["wall"], many["peak_mb"])
        loop = self.script("loop.py", text + "import time\nt = time.perf_counter()\n"
                           f"for x in range({tasks}):\n    score(None, x=x)\nprint(time.perf_counter() - t)\n")
        times = [float(subprocess.run([python, loop], cwd=self.folder, check=True, stdout=subprocess.PIPE, text=True).stdout)
                 for _ in range(self.sizes["repeat"])]
        plain = self.row(label, "a loop of calls", tasks, statistics.median(times), None, base)
        each = (many["wall"] - few["wall"]) / (tasks - tasks // 10)
        self.target(f"{label}: a task over a call in a loop", (each - plain["seconds"] / tasks) * 1e6, most=3, unit="us")

    def python_grid(self):
        """The reference in NumPy, imported as it is, in our slots and in a pool of as many processes."""
        label, trials = "grid in NumPy", self.sizes["trials"]
        reference = os.path.abspath(os.path.join(self.peers, "..", "reference"))
        if not os.path.isfile(os.path.join(reference, "wfo.py")):
            self.skip(label, f"there is no {reference}/wfo.py")
            return
        _, paths = self.grid_data
        counts = [1, 2, 3, 4, 5, 6, 8, 10]
        self.env["PYTHONPATH"] = reference
        sweep = self.sweep("pygrid", plugin=os.path.join(TOP, "plugins", "python", "examples", "wfo_reference.py"),
                           data="grid.sheaf", goal={"maximize": "sharpe"},
                           params={"n_factors": counts, "top_n": counts, "rebalance": [1, 5, 10, 21],
                                   "weighting": ["equal", "ic"], "cost_bps": [0.0, 5.0]},
                           split={"walk_forward": {"train": 252, "test": 63, "step": 63}})
        result = self.ours(sweep, "--limit", str(trials))
        base = self.row(label, "sheaf", trials, result["wall"], result["peak_mb"])
        peer = self.peer("wfo_pool.py", *paths, "--workers", str(self.slots), "--trials", str(trials))
        if peer:
            pool = self.row(label, "wfo_pool", trials, peer["seconds"], None, base)
            self.compare_best(result["best"], peer["best"])
        self.target(f"{label}: times the rate of wfo_pool", pool["times"] if peer else None, least=1, unit="x")
        del self.env["PYTHONPATH"]

    def python_memory(self):
        """Every task reads all of the data; what does another slot add?"""
        mb = self.sizes["python_mb"]
        label, tasks = f"{mb} MB read in Python", 256 if mb > 1 else 16
        text = "import numpy\ndef score(data, *, x: int):\n    return float(data.f.sum()) + x\n"
        with open(os.path.join(self.folder, "f.npy"), "wb") as f:
            head = repr({"descr": "<f8", "fortran_order": False, "shape": (mb * 125_000,)}).encode()
            head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
            f.write(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)
            for _ in range(mb):
                f.write(bytes(1_000_000))
        self.command("pack", "f.sheaf", "f=f.npy")
        sweep = self.sweep("pymem", plugin=self.script("pymem.py", text), data="f.sheaf", params={"x": list(range(tasks))},
                           goal={"maximize": "value"})
        one = self.ours(sweep, slots=1)
        many = self.ours(sweep, slots=4)
        base = self.row(label, "sheaf, 1 slots", tasks, one["wall"], one["peak_mb"])
        self.row(label, "sheaf, 4 slots", tasks, many["wall"], many["peak_mb"], base)
        self.target(f"{label}: memory that a slot more takes", (many["peak_mb"] - one["peak_mb"]) / 3, most=60, unit="MB")

    def compare_best(self, ours, theirs):
        for a, b in zip(ours, theirs):
            x, y = a["scores"]["sharpe"], b["scores"]["sharpe"]
            if a["trial"] != b["trial"] or abs(x - y) > 1e-9 * abs(y):
                sys.exit(f"the grid's best trials differ: {a} and {b}")

    def job_ledger(self):
        """Keyed data: a task sees 0.035 % of it."""
        label, symbols = "ledger", self.sizes["symbols"]
        folder, reference = os.path.join(self.folder, "ledger"), os.path.join(self.peers, "..", "reference", "fifo_pnl.py")
        os.mkdir(folder)
        subprocess.run([os.path.join(self.build, "bin", "fifo_pnl_ledger"), folder, *map(str, (symbols, self.sizes["days"], 3, 20, 1))],
                       check=True)
        start = time.perf_counter()
        self.command("pack", "ledger.sheaf", "--key", "symbol", *(
            word for name in ("trades", "closes") for word in ("--csv", f"{name}={folder}/{name}.csv")))
        packed = time.perf_counter() - start
        sweep = self.sweep("ledger", name="ledger", plugin="fifo_pnl", data="ledger.sheaf", keys="symbol", params={"fee_bps": 2.0},
                           reduce={"key": "sum"}, goal={"maximize": "realized"})
        for _ in range(2):  # a new dataset is checked against its digests once, and again where that could not be noted yet
            self.ours(sweep)
        result = self.ours_median(sweep)
        base = self.row(label, "sheaf", symbols, result["wall"], result["peak_mb"])
        self.row(label, "sheaf pack, once", 1, packed)
        if not os.path.isfile(reference):
            peer = self.skip("ledger_pool.py", f"there is no {reference}")
        else:
            peer = self.peer("ledger_pool.py", reference, folder, "--workers", str(self.slots), "--symbols", str(symbols),
                             "--sample", str(self.sizes["sample"]), folder=os.path.join(TOP, "bench"))
        if peer:
            pool = self.row(label, f"ledger_pool, {peer['symbols']} timed", symbols, peer["seconds"], None, base)
            first = json.loads(self.command("results", "ledger", "--tasks", "--format", "jsonl").splitlines()[0])["scores"]
            if any(abs(x - y) > 1e-9 * abs(y) for x, y in zip(first.values(), peer["first"])):
                sys.exit(f"the ledger's first symbol differs: {first} and {peer['first']}")
        self.target(f"{label}: times the rate of ledger_pool", pool["times"] if peer else None, least=50, unit="x")
        megabytes = os.path.getsize(os.path.join(self.folder, "ledger.sheaf")) / 2**20
        self.target(f"{label}: memory of all processes, of the dataset", result["peak_mb"] / megabytes, most=1.2, unit="x")

    def stocks(self):
        """The .npy file of closes of many stocks, whether it is [day, symbol], and what the job on it is called."""
        if self.has_real("sp500", "backtest", "made-up prices"):
            return os.path.join(self.folder, "sp500", "close.npy"), False, "backtest"
        path = os.path.join(self.folder, "stocks.npy")
        subprocess.run([os.path.join(self.build, "bin", "factors_prices"), path, *map(str, self.sizes["stocks"]), "1"], check=True)
        return path, True, "backtest, made up"

    def job_backtest(self):
        """Signals of every symbol, and a fund that trades on them: two stages with a grid over both."""
        path, turned, label = self.stocks()
        self.command("pack", "stocks.sheaf", f"close={path}")
        n, config = self.sizes["averages"], {"transposed": True} if turned else {}
        rules = {"rule": ["sma"], "fast": [5, 10, 15, 20][:n], "slow": [30, 60, 100, 200][:n]}
        funds = {"max_positions": [5 + 2 * i for i in range(self.sizes["funds"])], "stop_loss": [0, 0.05, 0.1, 0.2], "commission_bps": [5]}
        signals = {"name": "signals", "plugin": "signals", "config": config, "data": "stocks.sheaf",
                   "keys": {"range": [0, self.sizes["stocks"][1]]}, "params": rules, "output": "signals.sheaf"}
        portfolio = {"name": "portfolio", "plugin": "portfolio", "config": config, "params": funds, "goal": {"maximize": "sharpe"},
                     "data": ["stocks.sheaf", {"stage": "signals", "along": "trials"}]}
        result = self.ours_median(self.sweep("backtest", stages=[signals, portfolio]), "--overwrite")
        trials = result["tasks"]["total"]
        base = self.row(label, "sheaf", trials, result["wall"], result["peak_mb"])
        reference = os.path.join(self.peers, "..", "reference", "backtest.py")
        if not os.path.isfile(reference):
            peer = self.skip("backtest_pool.py", f"there is no {reference}")
        else:
            peer = self.peer("backtest_pool.py", reference, path, json.dumps(rules), json.dumps(funds), "--workers", str(self.slots), "--sample",
                             *map(str, self.sizes["backtest_sample"]), *(["--transposed"] if turned else []), folder=os.path.join(TOP, "bench"))
        if peer:
            pool = self.row(label, f"backtest_pool, {peer['signals']} and {peer['funds']} timed", trials, peer["seconds"], None, base)
            found = [json.loads(line)["scores"] for line in self.command("results", "last", "--format", "jsonl").splitlines()]
            for trial, scores in peer["scores"]:
                if any(abs(found[trial][name] - x) > max(1e-9 * abs(x), 1e-12) for name, x in scores.items()):
                    sys.exit(f"trial {trial} of the backtest differs: {found[trial]} and {scores}")
        self.target(f"{label}: times the rate of backtest_pool", pool["times"] if peer else None, least=50, unit="x")

    def stock_files(self):
        """The folder of the real stocks, or of made-up ones, a file each."""
        folder = os.path.join(self.folder, "stocks")
        if not self.has_real("stocks", "transpose", "made-up stocks"):
            dates, stocks = self.sizes["stocks"]
            self.emptied("stocks")
            subprocess.run([os.path.join(self.build, "bin", "transpose_stocks"), folder, str(stocks), str(dates), "1"], check=True)
        return folder

    def emptied(self, name):
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        return path

    def job_transpose(self):
        """Files: many small ones in, many small ones out. Every run gets a folder of its own, and nothing is deleted meanwhile: where files
        have just been, ext4 takes its time to make new ones."""
        label, repeat, folder = "transpose", self.sizes["repeat"], self.stock_files()
        fields = {"plugin": "transpose", "keys": {"files": folder + "/*.csv"}}
        runs = [self.ours(self.sweep(f"transpose{i}", output={"dir": f"by_date{i}"}, **fields)) for i in range(repeat)]
        result, out = sorted(runs, key=lambda r: r["wall"])[repeat // 2], os.path.join(self.folder, "by_date0")
        names = sorted(os.listdir(out))
        base = self.row(label, "sheaf", len(names), result["wall"], result["peak_mb"])
        paths = sorted((os.path.join(folder, name) for name in os.listdir(folder)), key=lambda p: os.path.splitext(os.path.basename(p))[0])
        for what, more in (("one plain program in C", []), ("the same, synced", ["sync"])):
            row = self.row(label, what, len(names), self.plain_transpose(len(more), more, paths), None, base)
            self.target(f"{label}: time, in that of {what}", base["seconds"] / row["seconds"], most=2, unit="x")
        self.compare_files(out, os.path.join(self.folder, "plain0-0"), names)
        loop = self.peer("transpose_loop.py", folder, self.emptied("loop"), folder=os.path.join(TOP, "bench"))
        if loop:
            self.compare_files(out, os.path.join(self.folder, "loop"), os.listdir(os.path.join(self.folder, "loop")))
            row = self.row(label, f"pandas by date, {loop['dates']} timed", len(names), loop["seconds"], None, base)
        self.target(f"{label}: times the rate of pandas by date", row["times"] if loop else None, least=20, unit="x")
        once = self.peer("transpose_loop.py", folder, self.emptied("once"), "--once", folder=os.path.join(TOP, "bench"))
        if once:
            self.row(label, "pandas, all in memory", len(names), once["seconds"], None, base)

    def plain_transpose(self, number, more, paths):
        """The median of the seconds from start to end."""
        program, times = os.path.join(self.build, "bench", "plain_transpose"), []
        for i in range(self.sizes["repeat"]):
            out = self.emptied(f"plain{number}-{i}")
            start = time.perf_counter()
            subprocess.run([program, out, *more, *paths], check=True)
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    def compare_files(self, ours, theirs, names):
        for name in names:
            with open(os.path.join(ours, name), "rb") as a, open(os.path.join(theirs, name), "rb") as b:
                if a.read() != b.read():
                    sys.exit(f"{ours}/{name} and {theirs}/{name} differ")

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
        self.target(f"{label}: time, in that of {PROCESSES} empty processes", run / empty, most=1.5, unit="x")

    def job_short(self):
        tasks, label = self.sizes["short"], "1 ms of work a task"
        sweep = self.sweep("short", plugin="sleep", goal={"maximize": "value"},
                           params={"x": {"from": 0, "to": tasks - 1, "step": 1}, "ms": 1, "spin": True, "polite": False})
        result = self.ours_median(sweep)
        base = self.row(label, "sheaf", tasks, result["wall"], result["peak_mb"])
        work = self.row(label, "nothing but the work", tasks, tasks * 1e-3 / self.slots, None, base)
        self.target(f"{label}: efficiency", work["times"], least=0.97)
        self.target(f"{label}: the broker's CPU a task", result["broker_ns"] / 1e3 / tasks, most=1, unit="us")

    def job_mixed(self):
        tasks, label = self.sizes["mixed"], "1 us to 1 s a task"
        sweep = self.sweep("mixed", name="mixed", plugin="sleep", goal={"maximize": "value"},
                           params={"x": {"from": 0, "to": tasks - 1, "step": 1}, "ms": 0.001, "tail": True, "spin": True, "polite": False})
        result = self.ours_median(sweep)
        lines = self.command("results", "mixed", "--format", "jsonl").splitlines()
        lengths = [json.loads(line)["scores"]["value"] / 1e3 for line in lines]
        best = max(sum(lengths) / self.slots, max(lengths))
        base = self.row(label, "sheaf", tasks, result["wall"], result["peak_mb"])
        work = self.row(label, "the best makespan", tasks, best, None, base)
        self.target(f"{label}: of the best makespan", work["times"], least=0.95)

    def stopped(self, sweep, signals):
        """How long a running sweep takes to stop, in ms: until the client has ended, and until the last process is gone."""
        p, watch = self.start(sweep)
        wanted = {"run", "broker", "worker", "slot"}
        while not wanted <= {role(pid) for pid in tree(p.pid)}:
            time.sleep(0.005)
        time.sleep(0.3)
        watch.on = False
        watch.join()
        pids = tree(p.pid)
        start = time.perf_counter()
        for number in signals:
            p.send_signal(number)
        p.communicate()
        client = time.perf_counter()
        while any(os.path.exists(f"/proc/{pid}") for pid in pids):
            time.sleep(0.001)
        return (client - start) * 1e3, (time.perf_counter() - start) * 1e3

    def job_cancel(self):
        huge = {"from": 0, "to": self.sizes["huge"] - 1, "step": 1}
        for name, signals, fields in (
                ("null tasks", (signal.SIGINT,), {"plugin": "echo", "params": {"x": huge}}),
                ("1 ms tasks", (signal.SIGINT,), {"plugin": "sleep", "params": {"x": huge, "ms": 1, "spin": True}}),
                ("10 s tasks, at once", (signal.SIGINT, signal.SIGTERM),
                 {"plugin": "sleep", "params": {"x": huge, "ms": 10000, "polite": False}})):
            sweep = self.sweep("cancel", goal={"maximize": "value"}, **fields)
            times = [self.stopped(sweep, signals) for _ in range(self.sizes["repeat"])]
            client, last = (statistics.median(t[i] for t in times) for i in (0, 1))
            self.row("cancel", f"{name}: client", 1, client / 1e3)
            self.row("cancel", f"{name}: all processes", 1, last / 1e3)
            self.target(f"cancel, {name}: until all processes are gone", last, most=100, unit="ms")

    def job_huge(self):
        """Is told of within milliseconds, and takes no memory, however large."""
        label = f"{self.sizes['huge']:,} tasks"
        sweep = self.sweep("huge", name="huge", plugin="echo", goal={"maximize": "value"},
                           params={"x": {"from": 0, "to": self.sizes["huge"] - 1, "step": 1}})
        start = time.perf_counter()
        p, watch = self.start(sweep)
        while not any(s["name"] == "huge" and s["tasks"]["done"] for s in json.loads(self.command("list", "--json"))["sweeps"]):
            pass
        submitted = time.perf_counter() - start
        time.sleep(self.sizes["huge_seconds"])
        watch.on = False
        watch.join()
        p.send_signal(signal.SIGINT)
        p.communicate()
        self.row(label, "sheaf, until it runs", 1, submitted, watch.peak_kb / 1024)
        self.target(f"{label}: from the command until tasks are done", submitted * 1e3, most=100, unit="ms")
        self.target(f"{label}: the broker's memory", watch.broker_kb / 1024, most=48, unit="MB")

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

    def summary(self):
        """What was asked for and what was seen, misses included."""
        print()
        for t in self.targets:
            asked = f">= {t['least']:g}" if t["most"] is None else f"<= {t['most']:g}"
            seen = "nothing" if t["seen"] is None else f"{t['seen']:,.3g}" if t["seen"] < 1000 else f"{t['seen']:,.0f}"
            verdict = "not judged" if self.sizes is SMOKE else "met" if t["met"] else "MISSED"
            print(f"{t['what']:<70}  asked {asked:>6} {t['unit']:<2}  seen {seen:>6} {t['unit']:<2}  {verdict}")


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
        bench.summary()
        if args.json:
            with open(args.json, "w") as f:
                json.dump({"slots": args.slots, "rows": bench.rows, "skipped": bench.skipped, "targets": bench.targets}, f, indent=1)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
