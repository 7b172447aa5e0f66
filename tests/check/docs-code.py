# SPDX-License-Identifier: MIT
"""docs-code.py ROOT CC: the programs in the documentation compile: each block of docs/*.md that begins with ```c and holds
a plugin's entry, as C11 with warnings as errors. (Fragments are marked ```c fragment.)"""
import glob
import os
import re
import subprocess
import sys

root, cc = sys.argv[1:3]
flags = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-fsyntax-only", "-x", "c", "-"]
compiled = 0
for path in sorted(glob.glob(os.path.join(root, "docs", "*.md"))):
    for block in re.findall(r"^```c\n(.*?)^```$", open(path, encoding="utf-8").read(), re.M | re.S):
        run = subprocess.run([cc, "-I", os.path.join(root, "sdk/include"), *flags], input=block, text=True)
        if run.returncode:
            sys.exit(f"{path}: a block of C does not compile")
        compiled += 1
if compiled == 0:
    sys.exit("no block of C found: this check is broken")
