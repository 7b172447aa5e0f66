#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Signals of every symbol, then a fund that trades on them, for a grid over both, as one would get them in Python without a runner: a pool
of processes for each of the two steps and the plain signals() and portfolio() of a reference module. Closes, and in the second
step signals, are inherited by the processes and not sent. Prints one JSON object.

Python takes minutes for the whole grid: evenly spaced trials are timed, and the time of each step is multiplied. What the pools need
to start and end is not, and reading the file does not count.

Usage: backtest_pool.py REFERENCE.py CLOSE.npy SIGNALS RULES [--workers W] [--sample SIGNALS FUNDS] [--transposed]
SIGNALS and RULES are the two grids as JSON: names of parameters and lists of their values.
"""
import argparse
import importlib.util
import itertools
import json
import multiprocessing
import os
import sys
import time

import numpy as np


def load(path):
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def grid(text):
    """Its trials as keyword arguments; the first parameter varies slowest."""
    values = json.loads(text)
    return [dict(zip(values, trial)) for trial in itertools.product(*values.values())]


def spaced(n, sample):
    """Numbers below n, the first and the last among them."""
    return sorted({round(i * (n - 1) / max(1, sample - 1)) for i in range(min(n, sample))})


def signals_of(job):
    params, symbol = job
    return reference.signals(close[symbol], **params)


def fund_of(job):
    which, rules = job
    return reference.portfolio(close, signals[which], **rules)


def nothing(_):
    pass


def timed(context, workers, function, jobs, times):
    """What the jobs give, and the seconds that so many times as many would take."""
    start = time.perf_counter()
    with context.Pool(workers) as pool:
        pool.map(nothing, range(workers), chunksize=1)
        middle = time.perf_counter()
        out = pool.map(function, jobs)
        end = time.perf_counter()
    return out, (middle - start) + (end - middle) * times + (time.perf_counter() - end)


def main():
    global reference, close, signals
    ap = argparse.ArgumentParser()
    ap.add_argument("reference")
    ap.add_argument("close")
    ap.add_argument("signals", type=grid)
    ap.add_argument("rules", type=grid)
    ap.add_argument("--workers", type=int, default=os.cpu_count())
    ap.add_argument("--sample", type=int, nargs=2, default=(2, 32), help="sets of signals and funds that are timed")
    ap.add_argument("--transposed", action="store_true", help="CLOSE.npy is [day, symbol]")
    a = ap.parse_args()
    reference, close = load(a.reference), np.load(a.close)
    if a.transposed:
        close = np.ascontiguousarray(close.T)
    context = multiprocessing.get_context("fork")
    at = spaced(len(a.signals), a.sample[0])
    jobs = [(a.signals[i], symbol) for i in at for symbol in range(len(close))]
    out, first = timed(context, a.workers, signals_of, jobs, len(a.signals) / len(at))
    signals = np.array(out).reshape(len(at), *close.shape)
    funds = spaced(len(at) * len(a.rules), a.sample[1])
    jobs = [(i // len(a.rules), a.rules[i % len(a.rules)]) for i in funds]
    out, second = timed(context, a.workers, fund_of, jobs, len(a.signals) * len(a.rules) / len(jobs))
    scores = [[at[which] * len(a.rules) + i % len(a.rules), made] for i, (which, _), made in zip(funds, jobs, out)]
    print(json.dumps({"peer": "backtest_pool", "signals": len(at), "funds": len(jobs), "workers": a.workers, "seconds": first + second,
                      "seconds_signals": first, "scores": scores}))


if __name__ == "__main__":
    main()
