# SPDX-License-Identifier: MIT
"""Parquet files by symbol to Parquet files by date, with pyarrow. The keys of the sweep are the files; they are read once a machine and lie
in memory once, in Arrow's format, sorted by date. There are as many tasks as files: each writes its share of the dates.

sheaf run parquet_by_date.yaml, with stocks/SYMBOL.parquet that have a column `date` and others, the same in all files."""

import functools
import os

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sheaf


def read(path):
    table = pq.read_table(path, use_threads=False)
    symbol = os.path.splitext(os.path.basename(path))[0]
    days = table["date"].cast(pa.date32())  # also of what pandas writes: timestamps
    if days.null_count:
        raise ValueError(f"{path}: a row has no date")
    table = table.set_column(table.column_names.index("date"), "date", days)
    return table.add_column(0, "symbol", pa.array([symbol] * len(table), pa.string()))


def read_all():
    """All rows as the bytes of an Arrow file, for sheaf.cache."""
    table = pa.concat_tables(map(read, sheaf.keys())).sort_by([("date", "ascending"), ("symbol", "ascending")]).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as file:
        file.write_table(table)
    return sink.getvalue()


@functools.cache
def stocks():
    """All rows, sorted, without a copy of them; and [(date, first row, number of rows)]."""
    table = pa.ipc.open_file(pa.py_buffer(sheaf.cache("stocks", read_all))).read_all()
    dates, first = [], 0
    for entry in pc.value_counts(table["date"]).to_pylist():  # in the order in which they come, which is sorted
        dates.append((entry["values"], first, entry["counts"]))
        first += entry["counts"]
    return table.drop_columns(["date"]), dates


@sheaf.plugin(files="YYYY-MM-DD.parquet of every date")
def score(data):
    table, dates = stocks()
    for date, first, n in dates[data.index::len(sheaf.keys())]:
        pq.write_table(table.slice(first, n), sheaf.output(f"{date}.parquet"))
