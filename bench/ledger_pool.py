#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A ledger's profit and loss as one would get it in Python without a runner: a pool of processes, each task handed its symbol's rows, cut
out beforehand, and the plain evaluate() of a reference module. Prints one JSON object.

Python takes minutes for the whole ledger, and gigabytes for it as tuples: a sample of symbols is timed, and the time that the pool
needs for them is multiplied. What it needs to start and end is not, and reading the files does not count.

Usage: ledger_pool.py REFERENCE.py FOLDER [--workers W] [--sample N] [--symbols N]
"""
import argparse
import csv
import importlib.util
import itertools
import json
import math
import multiprocessing
import os
import sys
import time

FEE_BPS = 2.0


def load(path):
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def begin(path):
    global evaluate
    evaluate = load(path).evaluate


def sums(job):
    """The seven sums of a symbol, and those of each broker."""
    trades, closes = job
    of_brokers = evaluate(trades, closes, "fifo", FEE_BPS)
    return [sum(of_brokers[b][k] for b in sorted(of_brokers)) for k in range(7)], of_brokers


def nothing(_):
    pass


def rows(path, sample):
    """The rows of the first symbols of a file, as {symbol: rows without it}."""
    found = {}
    with open(path) as f:
        for symbol, *row in itertools.islice(csv.reader(f), 1, None):
            if symbol not in found and len(found) == sample:
                break
            found.setdefault(symbol, []).append(row)
    return found


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("reference")
    ap.add_argument("folder")
    ap.add_argument("--workers", type=int, default=os.cpu_count())
    ap.add_argument("--sample", type=int, default=200)
    ap.add_argument("--symbols", type=int, required=True)
    a = ap.parse_args()
    trades, closes = (rows(os.path.join(a.folder, name), a.sample) for name in ("trades.csv", "closes.csv"))
    jobs = [([(int(day), int(broker), float(quantity), float(price)) for day, broker, quantity, price in trades.get(symbol, [])],
             [(int(day), float(close) if close else math.nan) for day, close in closes[symbol]]) for symbol in closes]
    start = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(a.workers, begin, (a.reference,)) as pool:
        pool.map(nothing, range(a.workers), chunksize=1)
        middle = time.perf_counter()
        out = pool.map(sums, jobs)
        end = time.perf_counter()
    ended = time.perf_counter()
    seconds = (middle - start) + (end - middle) * a.symbols / len(jobs) + (ended - end)
    print(json.dumps({"peer": "ledger_pool", "symbols": len(jobs), "trades": sum(len(j[0]) for j in jobs), "workers": a.workers,
                      "seconds": seconds, "first": out[0][0]}))


if __name__ == "__main__":
    main()
