#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Per-symbol CSV files to one file a date with pandas. Prints one JSON object.

By default as a loop over the dates that reads every file for each of them, which takes half an hour for some hundred files: a sample of dates
spread over all of them is timed, and its time multiplied. With --once all files are read into memory once.

Usage: transpose_loop.py FOLDER OUT [--sample N] [--once]
"""
import argparse
import glob
import json
import os
import time

import pandas as pd


def symbol_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def by_date(paths, dates, out):
    """What one writes when a date's file is needed."""
    for date in dates:
        rows = []
        for path in paths:
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
            row = table[table.date == date].drop(columns="date")
            row.insert(0, "symbol", symbol_of(path))
            rows.append(row)
        pd.concat(rows).to_csv(os.path.join(out, f"{date}.csv"), index=False)


def at_once(paths, out):
    tables = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in paths]
    for path, table in zip(paths, tables):
        table.insert(0, "symbol", symbol_of(path))
    for date, rows in pd.concat(tables).groupby("date"):
        rows.drop(columns="date").to_csv(os.path.join(out, f"{date}.csv"), index=False)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("folder")
    ap.add_argument("out")
    ap.add_argument("--sample", type=int, default=3)
    ap.add_argument("--once", action="store_true")
    a = ap.parse_args()
    paths = sorted(glob.glob(os.path.join(a.folder, "*.csv")), key=symbol_of)
    dates = sorted(set().union(*(pd.read_csv(path, usecols=["date"], dtype=str).date for path in paths)))
    sample = dates[len(dates) // (2 * a.sample)::-(-len(dates) // a.sample)][:a.sample]
    start = time.perf_counter()
    if a.once:
        at_once(paths, a.out)
        share = 1
    else:
        by_date(paths, sample, a.out)
        share = len(sample) / len(dates)
    print(json.dumps({"peer": "transpose_loop", "dates": len(dates) if a.once else len(sample), "seconds": (time.perf_counter() - start) / share}))


if __name__ == "__main__":
    main()
