# SPDX-License-Identifier: MIT
"""Output files: a task's files appear under the output folder whole or not at all, once, whatever crashes. Tasks are those of
tests/plugins/files.c; what each file should hold its name says."""

from support import table

N = 60

def files(world, filename="sweep.yaml", n=N, output="out", params=None, **fields):
    params = {"x": {"from": 0, "to": n - 1, "step": 1}, **(params or {})}
    output = output if isinstance(output, dict) else {"dir": output}
    return world.sweep(filename, plugin="files", output=output, params=params, goal=None, **fields)

def check(path, xs, lines=1, others=()):
    """There are the files of these tasks, whole, and no others."""
    wanted = {f"{x}.txt": f"{x}\n" * lines for x in xs} | {f"sub/{x % 10}/{x}.txt": f"{x}\n" * lines for x in xs}
    found = {str(p.relative_to(path)): p.read_text() for p in path.rglob("*") if p.is_file()}
    assert {name: text for name, text in found.items() if name not in others} == wanted
    assert sorted(set(found) & set(others)) == sorted(others)
    folders = {str(p.relative_to(path)) for p in path.rglob("*") if p.is_dir()}
    assert folders <= {"sub", *(f"sub/{i}" for i in range(10))}

# ---- the plain case ----

def test_files_appear_under_their_names(world):
    r = world.json("run", files(world), "--slots", "2")
    assert r["state"] == "done" and r["goal"] is None
    assert r["output"] == {"dir": str(world.path / "out"), "files": 2 * N}
    check(world.path / "out", range(N))
    assert world.json("show", "last")["output"] == r["output"]
    assert f"{world.path / 'out'}: {2 * N} files" in world.run("show", "last").stdout
    assert float(table(world)[7]["done"]) == 1
    again = world.json("run", world.path / "sweep.yaml")  # its own files are in nobody's way
    assert again["output"] == r["output"] and again["resumed"] == N
    check(world.path / "out", range(N))
