# SPDX-License-Identifier: MIT
"""End to end: the real programs, each test in a world of its own (home, state, runtime directory), after which nothing may be
left: no process, no socket, no shared memory.

Environment: SHEAF = the program (default: build/bin/sheaf), plugins are found beside it in its build folder."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHEAF = pathlib.Path(os.environ.get("SHEAF", SOURCE / "build" / "bin" / "sheaf")).resolve()
BUILD = SHEAF.parent.parent
PROGRAM = SHEAF.read_bytes() if SHEAF.is_file() else b""
SANITIZED = b"__asan_init" in PROGRAM or b"__tsan_init" in PROGRAM  # reserves more address space than memory_mb allows
PORTABLE = (BUILD / "CMakeCache.txt").is_file() and "SHEAF_PORTABLE:BOOL=ON" in (BUILD / "CMakeCache.txt").read_text()
PATIENCE = 60  # seconds that anything may take on a loaded machine; never what a test waits for


def wait_until(condition, what, seconds=PATIENCE):
    """Polls until condition() is true and returns its value. Asking takes half of the time at most: what is waited for needs a core."""
    end = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        value = condition()
        if value:
            return value
        now = time.monotonic()
        assert now < end, f"still not so after {seconds} s: {what}"
        time.sleep(max(0.005, now - asked))


class World:
    """One test's surroundings."""

    def __init__(self, path):
        self.path = path
        self.mark = uuid.uuid4().hex
        # Sockets need short paths, so the runtime directory is not below pytest's.
        self.runtime = pathlib.Path(tempfile.mkdtemp(prefix="sh-", dir="/tmp"))
        self.state = path / "state"
        self.temporary = self.runtime / "temporary"  # not among the files of the test
        self.temporary.mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(path),
            "LC_ALL": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(self.runtime),
            "TMPDIR": str(self.temporary),
            "SHEAF_STATE": str(self.state),
            "SHEAF_PLUGIN_PATH": f"{BUILD}/tests/plugins:{BUILD}/plugins",
            "SHEAF_TEST": self.mark,
        }
        self.reports = self.runtime / "reports"  # what a sanitizer has to say, whatever becomes of the process's stderr
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if SANITIZED:
                self.reports.mkdir(exist_ok=True)
                self.env[name] = ":".join(filter(None, [os.environ.get(name), f"log_path={self.reports}/{name.split('_')[0]}"]))
        if SANITIZED:
            self.env["LSAN_OPTIONS"] = f"suppressions={SOURCE}/tests/e2e/lsan.supp:print_suppressions=0"

    def start(self, *args, prefix=(), **more):
        """A running sheaf, by way of the command prefix; its outputs are pipes unless given."""
        options = dict(env=self.env, cwd=self.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True)
        options.update(more)
        return subprocess.Popen([*prefix, str(SHEAF), *map(str, args)], **options)

    def run(self, *args, code=0, **more):
        """Runs to the end and checks the exit code (None = any)."""
        p = self.start(*args, **more)
        try:
            out, err = p.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
            pytest.fail(f"sheaf {args} did not end\nstdout: {out}\nstderr: {err}")
        assert code is None or p.returncode == code, f"sheaf {args}: exit {p.returncode}\nstdout: {out}\nstderr: {err}"
        return subprocess.CompletedProcess(args, p.returncode, out, err)

    def json(self, *args, code=0, **more):
        """The one JSON object that the command prints."""
        return json.loads(self.run(*args, "--json", code=code, **more).stdout)

    def refused(self, *args, code=2):
        """Runs a command that must be refused: that exit code, nothing on stdout, one line on stderr, which is returned."""
        r = self.run(*args, code=code)
        assert r.stdout == ""
        assert r.stderr.endswith("\n") and r.stderr.count("\n") == 1, r.stderr
        return r.stderr.strip()

    def file(self, name, text):
        p = self.path / name
        p.write_text(text)
        return p

    def sweep(self, filename="sweep.yaml", plugin="echo", **fields):
        """A sweep file from Python values; what is not given is a small sweep of the echo plugin."""
        fields = {"params": {"x": list(range(1, 11))}, "goal": {"maximize": "value"}, **fields}
        fields = {k: v for k, v in fields.items() if v is not None}
        return self.file(filename, json.dumps({"plugin": plugin, **fields}))  # JSON is YAML

    def processes(self):
        """Every process of this test that still lives, as (pid, command line)."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                environment = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                status = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if f"SHEAF_TEST={self.mark}".encode() in environment.split(b"\0") and status != "Z":
                found.append((int(entry.name), command))
        return found

    def process(self, role):
        """The pid of the running `sheaf ROLE` of this test, None if there is none."""
        for pid, command in self.processes():
            if command.split()[1:2] == [role]:
                return pid
        return None

    def check_clean(self):
        """Nothing is left: no process, nothing in the runtime directory, no temporary file, no shared memory of ours; and no
        sanitizer has reported anything."""
        wait_until(lambda: not self.processes(), f"all processes ended: {self.processes()}", 10)
        assert "\n".join(p.read_text() for p in self.reports.glob("*")) == ""
        for p in self.temporary.glob("tsan.rodata.*"):  # of the thread sanitizer itself, left by a process killed as it began
            p.unlink()
        assert [str(p) for p in self.runtime.rglob("*") if not p.is_dir()] == []
        assert list(self.temporary.rglob("*")) == []
        shm = pathlib.Path("/dev/shm")
        assert not shm.is_dir() or [p.name for p in shm.iterdir() if "sheaf" in p.name and p.is_file()] == []

    def finish(self):
        for pid, _ in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.runtime, ignore_errors=True)


@pytest.fixture
def world(tmp_path):
    w = World(tmp_path)
    try:
        yield w
        w.check_clean()
    finally:
        w.finish()
