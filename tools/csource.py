# SPDX-License-Identifier: MIT
"""What the checks of this folder share: which C files are ours, and their text without comments, strings and directives."""
import os
import re

FOLDERS = ("bench", "broker", "cli", "common", "data", "plugins", "sdk", "sweep", "tests", "tools", "worker")
OTHER_FOLDERS = (".ci", "cmake", "deploy", "docs")

_DULL = re.compile(
    r"""//[^\n]*|/\*.*?\*/               # comments
      | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'   # strings, characters
      | ^[ \t]*\#(?:\\\n|[^\n])*         # directives, continued lines included
    """, re.S | re.M | re.X)


def files(top, *suffixes):
    """Paths, from the top, of the project's files with one of these suffixes; build folders are none of it."""
    out = [name for name in os.listdir(top) if os.path.isfile(os.path.join(top, name))]
    for folder in FOLDERS + OTHER_FOLDERS:
        for where, below, names in os.walk(os.path.join(top, folder)):
            below[:] = [d for d in below if d not in ("__pycache__", ".pytest_cache")]
            out += [os.path.relpath(os.path.join(where, name), top) for name in names]
    return sorted(p for p in out if p.endswith(suffixes) and not p.endswith(".pyc"))


def c_files(top):
    return [p for p in files(top, ".c", ".h") if p.split("/")[0] in FOLDERS]


def read(top, path):
    with open(os.path.join(top, path), encoding="utf-8") as f:
        return f.read()


def bare(text):
    """The text with everything that is no code blanked out; lines stay where they are."""
    def blank(m):
        s = m.group()
        keep = '""' if s.startswith('"') else ""
        return keep + "\n" * s.count("\n")
    return _DULL.sub(blank, text)
