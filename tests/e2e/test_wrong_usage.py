# SPDX-License-Identifier: MIT
"""Every wrong use of every command, with the whole of what is said: one line on stderr, exit code 2 (6: no broker), nothing on stdout,
and nothing begun or made."""

import os
import re

import pytest

from support import refused_line

COMMANDS = "run, list, show, wait, results, logs, retry, cancel, rm, pack, inspect, demo, plugin, broker, worker"
FIELDS = "name, plugin, config, data, keys, search, params, where, split, order, reduce, goal, limits, output, keep"
GONE = "start one with `sheaf broker`, or check the address"
PLACES = "PLACES"  # the folders that plugins are looked for in

WRONG = [  # words, line[, exit code]; sweep.yaml is a good sweep
    (["run"], "run wants SWEEP.yaml; see sheaf run --help"),
    (["show"], "show wants N; see sheaf show --help"),
    (["wait"], "wait wants N; see sheaf wait --help"),
    (["results"], "results wants N; see sheaf results --help"),
    (["logs"], "logs wants N; see sheaf logs --help"),
    (["retry"], "retry wants N; see sheaf retry --help"),
    (["cancel"], "cancel wants N; see sheaf cancel --help"),
    (["rm"], "rm wants N; see sheaf rm --help"),
    (["pack"], "pack wants OUT.sheaf; see sheaf pack --help"),
    (["inspect"], "inspect wants FILE; see sheaf inspect --help"),
    (["demo"], "demo wants DIR; see sheaf demo --help"),
    (["broker"], "broker: --listen URL and --state DIR are needed; see sheaf broker --help"),
    (["worker"], "worker: --broker URL is needed; see sheaf worker --help"),
    (["plugin", "inspect"], "plugin inspect wants PLUGIN; see sheaf plugin inspect --help"),
    (["plugin", "try"], "plugin try wants PLUGIN; see sheaf plugin try --help"),
    (["plugin", "new"], "plugin new wants NAME; see sheaf plugin new --help"),
    (["result"], f"there is no command 'result'; did you mean results? (known: {COMMANDS})"),
    (["--halp"], f"there is no command '--halp'; use one of: {COMMANDS}"),
    (["-v"], f"there is no command '-v'; use one of: {COMMANDS}"),
    (["RUN"], f"there is no command 'RUN'; did you mean run? (known: {COMMANDS})"),
    ([""], f"there is no command ''; use one of: {COMMANDS}"),
    (["explain", "1"], "this version does not have `sheaf explain` yet; see sheaf --help"),
    (["submit", "a.yaml"], "this version does not have `sheaf submit` yet; see sheaf --help"),
    (["pause", "1"], "this version does not have `sheaf pause` yet; see sheaf --help"),
    (["report", "1"], "this version does not have `sheaf report` yet; see sheaf --help"),
    (["put", "a"], "this version does not have `sheaf put` yet; see sheaf --help"),
    (["keygen", "d"], "this version does not have `sheaf keygen` yet; see sheaf --help"),
    (["data"], "this version does not have `sheaf data` yet; see sheaf --help"),
    (["workers"], "this version does not have `sheaf workers` yet; see sheaf --help"),
    (["resume", "1"], "this version does not have `sheaf resume` yet; see sheaf --help"),
    (["plugin", "check", "x"], "plugin has no part 'check'; use one of: inspect, try, new"),
    (["plugin", "inspct", "x"], "plugin has no part 'inspct'; did you mean inspect? (known: inspect, try, new)"),
    (["run", "sweep.yaml", "--slots", "0"], "run --slots: '0' is not a whole number from 1 up"),
    (["run", "sweep.yaml", "--slots", "-1"], "run --slots: '-1' is not a whole number from 1 up"),
    (["run", "sweep.yaml", "--slots", "two"], "run --slots: 'two' is not a whole number from 1 up"),
    (["run", "sweep.yaml", "--slots", "1.5"], "run --slots: '1.5' is not a whole number from 1 up"),
    (["run", "sweep.yaml", "--slots", ""], "run --slots: '' is not a whole number from 1 up"),
    (["run", "sweep.yaml", "--slots", "1025"], "run --slots 1025: at most 1024"),
    (["run", "sweep.yaml", "--slots", "99999999999999999999"],
     "run --slots: '99999999999999999999' is not a whole number from 1 up"),
    (["run", "sweep.yaml", "--slots"], "run --slots wants a value: --slots N"),
    (["run", "sweep.yaml", "--set", "x"], "--set x: not FIELD=VALUE; write it like --set params.top_n=3"),
    (["run", "sweep.yaml", "--set", "=3"], "--set =3: not FIELD=VALUE; write it like --set params.top_n=3"),
    (["run", "sweep.yaml", "--set", "params..x=3"],
     "--set params..x=3: not a path of fields; write it like --set params.top_n=3"),
    (["run", "sweep.yaml", "--set", "params.x"], "--set params.x: not FIELD=VALUE; write it like --set params.top_n=3"),
    (["run", "sweep.yaml", "--set", "params.y=3"], "--set params.y=3: echo has no parameter y; use one of: x"),
    (["run", "sweep.yaml", "--set", "params.x=[1, 2"],
     "--set params.x=[1, 2: not valid YAML: this bracket is never closed; write the other one"),
    (["run", "sweep.yaml", "--set", "colour=red"], f"--set colour=red: unknown field colour; use one of: {FIELDS}"),
    (["run", "sweep.yaml", "--set", "params.x.from=1"], "--set params.x.from=1: x is 1, not a map; set it as a whole"),
    (["run", "sweep.yaml", "--set", "goal.minimize=value"],
     "--set goal.minimize=value: goal has both maximize and minimize; keep one"),
    (["run", "sweep.yaml", "--set", "a.b.c.d.e.f.g.h.i=1"],
     "--set a.b.c.d.e.f.g.h.i=1: not a path of fields; write it like --set params.top_n=3"),
    (["run", "sweep.yaml", "--set", "params.x="],
     "--set params.x=: params.x is empty; give a value, a list [A, B], or a range {from: A, to: B}"),
    (["run", "sweep.yaml", "--set", "params.x= {a: b"],
     "--set params.x= {a: b: not valid YAML: this bracket is never closed; write the other one"),
    (["run", "sweep.yaml", "--set", "where=x > 5"],
     "--set where=x > 5: where excludes every trial (1 in all); loosen it or change the params"),
    (["run", "sweep.yaml", "--set", "params.x=[1, 9]", "--set", "where=x > 5", "--limit", "1"],
     "--set where=x > 5: where excludes all trials that --limit leaves (1); raise it, or loosen where"),
    (["run", "sweep.yaml", "--set", "params.x=\n"],
     "--set params.x= : params.x is empty; give a value, a list [A, B], or a range {from: A, to: B}"),
    (["run", "sweep.yaml", "--set", "name=a: b"], "--set name=a: b: name is a map; give a text (numbers in quotes)"),
    (["run", "sweep.yaml", "--set"], "run --set wants a value: --set FIELD=VALUE"),
    (["run", "sweep.yaml", "--seed", "-1"], "--seed -1: search.seed is -1; give a whole number of at least 0"),
    (["run", "sweep.yaml", "--seed", "x"], "--seed x: search.seed is \"x\"; give a whole number of at least 0"),
    (["run", "sweep.yaml", "--seed", ""], "--seed : search.seed is empty; give a whole number of at least 0"),
    (["run", "sweep.yaml", "--seed", "1.5"], "--seed 1.5: search.seed is 1.5; give a whole number of at least 0"),
    (["run", "sweep.yaml", "--seed"], "run --seed wants a value: --seed N"),
    (["run", "sweep.yaml", "--limit", "0"], "--limit 0: not a number of trials; give a whole number of at least 1"),
    (["run", "sweep.yaml", "--limit", "-1"], "--limit -1: not a number of trials; give a whole number of at least 1"),
    (["run", "sweep.yaml", "--limit", "ten"], "--limit ten: not a number of trials; give a whole number of at least 1"),
    (["run", "sweep.yaml", "--limit", ""], "--limit : not a number of trials; give a whole number of at least 1"),
    (["run", "sweep.yaml", "--limit", "1e3"], "--limit 1e3: not a number of trials; give a whole number of at least 1"),
    (["run", "sweep.yaml", "--limit"], "run --limit wants a value: --limit N"),
    (["run", "sweep.yaml", "--verify", "1"], "--verify 1: not a share of the tasks; give 0% to 100%, like --verify 1%"),
    (["run", "sweep.yaml", "--verify", "101%"], "--verify 101%: not a share of the tasks; give 0% to 100%, like --verify 1%"),
    (["run", "sweep.yaml", "--verify", "-1%"], "--verify -1%: not a share of the tasks; give 0% to 100%, like --verify 1%"),
    (["run", "sweep.yaml", "--verify", "x%"], "--verify x%: not a share of the tasks; give 0% to 100%, like --verify 1%"),
    (["run", "sweep.yaml", "--verify", "%"], "--verify %: not a share of the tasks; give 0% to 100%, like --verify 1%"),
    (["run", "sweep.yaml", "--verify", ""], "--verify : not a share of the tasks; give 0% to 100%, like --verify 1%"),
    (["run", "sweep.yaml", "--verify", "nan%"], "--verify nan%: not a share of the tasks; give 0% to 100%, like --verify 1%"),
    (["run", "sweep.yaml", "--verify"], "run --verify wants a value: --verify SHARE"),
    (["run", "sweep.yaml", "--top", "0"], "run --top: '0' is not a whole number from 1 up"),
    (["run", "sweep.yaml", "--top", "-1"], "run --top: '-1' is not a whole number from 1 up"),
    (["run", "sweep.yaml", "--top", "x"], "run --top: 'x' is not a whole number from 1 up"),
    (["run", "sweep.yaml", "--top", "10000001"], "run --top 10000001: at most 10000; `sheaf results` has all trials"),
    (["run", "sweep.yaml", "--top"], "run --top wants a value: --top K"),
    (["run", "sweep.yaml", "--state", "sweep.yaml"],
     "the state directory DIR/sweep.yaml is no directory; choose another with --state"),
    (["run", "sweep.yaml", "--state", "sweep.yaml/x"],
     "the state directory DIR/sweep.yaml/x is no directory; choose another with --state"),
    (["run", "sweep.yaml", "--state", "/proc/nowhere"],
     "cannot make directory /proc/nowhere/SWEEP: No such file or directory"),
    (["run", "sweep.yaml", "--state", "/proc/1/x"],
     "cannot make directory /proc/1/x/SWEEP: No such file or directory"),
    (["run", "sweep.yaml", "--state"], "run --state wants a value: --state DIR"),
    (["run", "sweep.yaml", "--broker", "x"], "'x' is no address of a broker; give ipc://PATH or tcp://HOST:PORT"),
    (["run", "sweep.yaml", "--broker", "http://a"], "'http://a' is no address of a broker; give ipc://PATH or tcp://HOST:PORT"),
    (["run", "sweep.yaml", "--broker", "tcp://localhost"], "'tcp://localhost' lacks a port; give tcp://HOST:PORT"),
    (["run", "sweep.yaml", "--broker", "tcp://localhost:99999"],
     "'tcp://localhost:99999': '99999' is no port; give a number from 1 to 65535"),
    (["run", "sweep.yaml", "--broker", "tcp://localhost:0"],
     "'tcp://localhost:0': '0' is no port; give a number from 1 to 65535"),
    (["run", "sweep.yaml", "--broker", "ipc://"], "'ipc://' names no socket; give ipc://PATH"),
    (["run", "sweep.yaml", "--broker", "ipc:///nowhere/socket"], f"no broker listens on ipc:///nowhere/socket; {GONE}", 6),
    (["run", "sweep.yaml", "--broker", "tcp://:1"], "'tcp://:1' lacks a host; give tcp://HOST:PORT"),
    (["run", "sweep.yaml", "--broker", "ipc://" + "x" * 200],
     "'ipc://xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...': the path of a socket has at most 107 bytes; give a shorter one"),
    (["run", "sweep.yaml", "--broker"], "run --broker wants a value: --broker URL"),
    (["run", "sweep.yaml", "--json=1"], "run --json takes no value"),
    (["run", "sweep.yaml", "--fresh=1"], "run --fresh takes no value"),
    (["run", "sweep.yaml", "--dry-run=1"], "run --dry-run takes no value"),
    (["run", "a.yaml", "b.yaml"], "run: 'b.yaml' is one word too many; see sheaf run --help"),
    (["run", "-"], "-: there is no such file; check the name of the sweep file"),
    (["run", "sweep.yaml/x"], "sweep.yaml/x: there is no such file; check the name of the sweep file"),
    (["run", "ecko.yaml", "--dry-run"],
     f"ecko.yaml:1:9: no plugin 'ecko': there is no ecko.so in {PLACES}; did you mean echo?"),
    (["run", "ecko.yaml", "--json"], f"ecko.yaml:1:9: no plugin 'ecko': there is no ecko.so in {PLACES}; did you mean echo?"),
    (["show", "last"], "there is no sweep in DIR/state yet; `sheaf run SWEEP.yaml` makes one"),
    (["show", "1"], "there is no sweep in DIR/state yet; `sheaf run SWEEP.yaml` makes one"),
    (["show", "0"], "there is no sweep in DIR/state yet; `sheaf run SWEEP.yaml` makes one"),
    (["show", "-1"], "show has no option -1; use one of: --state, --broker, --top, --json, --help"),
    (["show", "name"], "there is no sweep in DIR/state yet; `sheaf run SWEEP.yaml` makes one"),
    (["show", "99999999999999999999999"], "there is no sweep in DIR/state yet; `sheaf run SWEEP.yaml` makes one"),
    (["show", "1.5"], "there is no sweep in DIR/state yet; `sheaf run SWEEP.yaml` makes one"),
    (["show", ""], "there is no sweep in DIR/state yet; `sheaf run SWEEP.yaml` makes one"),
    (["show", "1", "2"], "show: '2' is one word too many; see sheaf show --help"),
    (["show", "1", "--broker", "ipc:///nowhere/s"], f"no broker listens on ipc:///nowhere/s; {GONE}", 6),
    (["show", "1", "--broker", "nonsense"], "'nonsense' is no address of a broker; give ipc://PATH or tcp://HOST:PORT"),
    (["show", "1", "--state", "sweep.yaml"], "the state directory DIR/sweep.yaml is no directory; choose another with --state"),
    (["show", "1", "--state", "none"], "there is no sweep in DIR/none yet; `sheaf run SWEEP.yaml` makes one"),
    (["list", "--broker", "ipc:///nowhere/s"], f"no broker listens on ipc:///nowhere/s; {GONE}", 6),
    (["list", "--broker", "nonsense"], "'nonsense' is no address of a broker; give ipc://PATH or tcp://HOST:PORT"),
    (["list", "--state", "sweep.yaml"], "the state directory DIR/sweep.yaml is no directory; choose another with --state"),
    (["list", "1"], "list: '1' is one word too many; see sheaf list --help"),
    (["retry", "1"], "retry: say which tasks: sheaf retry 1 --failed"),
    (["retry", "1", "--failed"], "there is no sweep in DIR/state yet; `sheaf run SWEEP.yaml` makes one"),
    (["retry", "1", "--failed", "--top", "99999999"], "retry --top 99999999: at most 10000; `sheaf results` has all trials"),
    (["retry", "1", "--failed", "--slots", "0"], "retry --slots: '0' is not a whole number from 1 up"),
    (["retry", "1", "--failed", "--broker", "ipc:///nowhere/s"], f"no broker listens on ipc:///nowhere/s; {GONE}", 6),
    (["show", "1", "--top", "0"], "show --top: '0' is not a whole number from 1 up"),
    (["show", "1", "--top", "99999999"], "show --top 99999999: at most 10000; `sheaf results` has all trials"),
    (["results", "1", "--format", "xml"], "results --format: 'xml' is none of csv, jsonl, npy"),
    (["results", "1", "--json"],
     "results has no option --json; use one of: --state, --broker, --trials, --tasks, --groups, --format, -o, --help"),
    (["logs", "1", "--task", "x"], "logs --task: 'x' is not a whole number from 0 up"),
    (["logs", "1", "--task", "-1"], "logs --task: '-1' is not a whole number from 0 up"),
    (["broker", "--listen", "x", "--state", "s"], "'x' is no address of a broker; give ipc://PATH or tcp://ADDRESS:PORT"),
    (["broker", "--listen", "ipc:///tmp/x"], "broker: --listen URL and --state DIR are needed; see sheaf broker --help"),
    (["broker", "--state", "s"], "broker: --listen URL and --state DIR are needed; see sheaf broker --help"),
    (["broker", "x"], "broker: 'x' is one word too many; see sheaf broker --help"),
    (["broker", "--listen", "tcp://127.0.0.1", "--state", "s"], "'tcp://127.0.0.1' lacks a port; give tcp://ADDRESS:PORT"),
    (["broker", "--listen", "tcp://127.0.0.1:99999", "--state", "s"],
     "'tcp://127.0.0.1:99999': '99999' is no port; give a number from 0 to 65535"),
    (["broker", "--listen", "tcp://nowhere.invalid:5555", "--state", "s"],
     "cannot listen at tcp://nowhere.invalid:5555: No such device"),
    (["broker", "--listen", "ipc:///nowhere/x/y", "--state", "s"],
     "cannot listen at ipc:///nowhere/x/y: No such file or directory"),
    (["broker", "--listen", "ipc:///tmp/" + "x" * 200, "--state", "s"],
     "'ipc:///tmp/xxxxxxxxxxxxxxxxxxxxxxxxxxxxx...': the path of a socket has at most 107 bytes; give a shorter one"),
    (["broker", "--listen", "ipc://./x", "--state", "sweep.yaml"], "cannot make directory sweep.yaml: Not a directory"),
    (["broker", "--listen", "ipc://./x", "--state", "/proc/x"], "cannot make directory /proc/x: No such file or directory"),
    (["broker", "--listen", "ipc://./x", "--state", "s", "--lifeline", "77"],
     "broker --lifeline 77: no such descriptor is open; leave it to `sheaf run`"),
    (["broker", "--listen", "ipc://./x", "--state", "s", "--listen-fd", "77"],
     "broker --listen-fd 77: no such descriptor is open; leave it to `sheaf run`"),
    (["broker", "--listen", "ipc://./x", "--state", "s", "--lifeline", "x"],
     "broker --lifeline: 'x' is not a whole number from 0 up"),
    (["broker", "--listen", "ipc://", "--state", "s"], "'ipc://' names no socket; give ipc://PATH"),
    (["worker", "--broker", "x"], "'x' is no address of a broker; give ipc://PATH or tcp://HOST:PORT"),
    (["worker", "--broker", "ipc:///x", "--slots", "100000"], "worker --slots 100000: at most 1024"),
    (["worker", "--broker", "ipc:///x", "--slots", "0"], "worker --slots: '0' is not a whole number from 1 up"),
    (["worker", "x"], "worker: 'x' is one word too many; see sheaf worker --help"),
    (["worker", "--broker", "ipc:///x", "--lifeline", "77"],
     "worker --lifeline 77: no such descriptor is open; leave it to `sheaf run`"),
    (["worker", "--broker", "tcp://x"], "'tcp://x' lacks a port; give tcp://HOST:PORT"),
    (["demo", "d", "--seed", "x"], "demo --seed: 'x' is not a whole number from 0 up"),
    (["demo", "d", "--days", "0"], "demo --days: '0' is not a whole number from 1 up"),
    (["demo", "sweep.yaml"], "cannot make directory sweep.yaml: Not a directory"),
    (["demo", "/proc/x/y"], "cannot make directory /proc/x/y: No such file or directory"),
    (["demo", "d", "--days", "18446744073709551615"], "demo: days x assets x factors is more than a file can hold"),
    (["demo", "d", "--factors", "99999999999"], "demo: days x assets x factors is more than a file can hold"),
    (["demo", "a", "b"], "demo: 'b' is one word too many; see sheaf demo --help"),
    (["plugin", "inspect", "ecko"], f"no plugin 'ecko': there is no ecko.so in {PLACES}; did you mean echo?"),
    (["plugin", "inspect", "./none.so"], "there is no plugin ./none.so; check its path"),
    (["plugin", "inspect", "sweep.yaml"],
     "'sweep.yaml' is no plugin: give a name (a-z, 0-9, _) on the plugin path, or the path of a .so or .py file"),
    (["plugin", "inspect", "ctor_crash"],
     "plugin BUILD/tests/plugins/ctor_crash.so: crashed while it was loaded or described: signal 11 (Segmentation fault); it last wrote: refused: in the constructor"),
    (["plugin", "inspect", "describe_hang_not"],
     f"no plugin 'describe_hang_not': there is no describe_hang_not.so in {PLACES}; did you mean describe_hang?"),
    (["plugin", "inspect", "abi_major"],
     "plugin BUILD/tests/plugins/abi_major.so: built for ABI 2.0, but this sheaf has 1.0 (another major); build it with this sheaf's sheaf/plugin.h"),
    (["plugin", "inspect", "no_entry"],
     "plugin BUILD/tests/plugins/no_entry.so: exports no sheaf_plugin_entry; see sheaf/plugin.h"),
    (["plugin", "inspect", "missing_symbol"],
     "plugin BUILD/tests/plugins/missing_symbol.so: cannot be loaded: undefined symbol: refused_nobody_defines_this"),
    (["plugin", "inspect", "."], "'.' is no plugin: give a name (a-z, 0-9, _) on the plugin path, or the path of a .so or .py file"),
    (["plugin", "try", "ecko"], f"no plugin 'ecko': there is no ecko.so in {PLACES}; did you mean echo?"),
    (["plugin", "try", "./none.so"], "there is no plugin ./none.so; check its path"),
    (["plugin", "try", "abi_major"],
     "plugin BUILD/tests/plugins/abi_major.so: built for ABI 2.0, but this sheaf has 1.0 (another major); build it with this sheaf's sheaf/plugin.h"),
    (["plugin", "try", "no_entry"],
     "plugin BUILD/tests/plugins/no_entry.so: exports no sheaf_plugin_entry; see sheaf/plugin.h"),
    (["plugin", "try", "missing_symbol"],
     "plugin BUILD/tests/plugins/missing_symbol.so: cannot be loaded: undefined symbol: refused_nobody_defines_this"),
    (["plugin", "try", "open_fail"], "plugin BUILD/tests/plugins/open_fail.so: open failed: nothing to open here"),
    (["plugin", "try", "describe_fail"],
     "plugin BUILD/tests/plugins/describe_fail.so: describe failed: the config is not to my taste"),
    (["plugin", "try", "bad_name"],
     "plugin BUILD/tests/plugins/bad_name.so: it calls itself 'Not A Name'; a name is a letter a-z, then a-z, 0-9 and _"),
    (["plugin", "inspect", "echo", "--config", "{"],
     "--config: not JSON (column 1: string or '}' expected near end of file); write a JSON object: {\"name\": value}"),
    (["plugin", "inspect", "echo", "--config", "[]"], "--config: write a JSON object: {\"name\": value}"),
    (["plugin", "inspect", "echo", "--config", "5"], "--config: write a JSON object: {\"name\": value}"),
    (["plugin", "inspect", "echo", "--config", "{\"a\": 1, \"a\": 2}"],
     "--config: not JSON (column 12: duplicate object key near '\"a\"'); write a JSON object: {\"name\": value}"),
    (["plugin", "inspect", "echo", "--config", ""],
     "--config: not JSON (column 0: unexpected token near end of file); write a JSON object: {\"name\": value}"),
    (["plugin", "inspect", "echo", "--config", "x"],
     "--config: not JSON (column 1: invalid token near 'x'); write a JSON object: {\"name\": value}"),
    (["plugin", "inspect", "echo", "--config", "{\"a\": NaN}"],
     "--config: not JSON (column 9: invalid token near 'NaN'); write a JSON object: {\"name\": value}"),
    (["plugin", "inspect", "echo", "--config", "null"], "--config: write a JSON object: {\"name\": value}"),
    (["plugin", "try", "echo", "--set", "x"], "--set x: write NAME=VALUE"),
    (["plugin", "try", "echo", "--set", "y=1"], "--set y=1: echo has no such parameter; use one of: x"),
    (["plugin", "try", "echo", "--set", "x=high"], "--set x=high: x is \"high\"; echo takes a number"),
    (["plugin", "try", "echo", "--set", "x="], "--set x=: x is empty; echo takes a number"),
    (["plugin", "try", "echo", "--set", "=1"], "--set =1: echo has no such parameter; use one of: x"),
    (["plugin", "try", "echo", "--set", "x=.nan"], "--set x=.nan: x is .nan (not a finite number); echo takes a number"),
    (["plugin", "try", "context", "--set", "colour=yellow"],
     "--set colour=yellow: colour is \"yellow\", not a choice of context; use one of: red, green, blue"),
    (["plugin", "try", "sum"], "sum needs the array factors (float64): give it with --data FILE.sheaf"),
    (["plugin", "try", "sum", "--data", "none.sheaf"], "none.sheaf: No such file or directory"),
    (["plugin", "try", "sum", "--data", "sweep.yaml"], "sweep.yaml: not a sheaf dataset; make one with `sheaf pack`"),
    (["plugin", "try", "echo", "--train", "0:5"], "--train: echo names no row axis to split"),
    (["plugin", "try", "echo", "--test", "x"], "--test: echo names no row axis to split"),
    (["plugin", "try", "echo", "--index", "-1"], "plugin try --index: '-1' is not a whole number from 0 up"),
    (["plugin", "try", "echo", "--seed", "x"], "plugin try --seed: 'x' is not a whole number from 0 up"),
    (["plugin", "new", "Foo"], "'Foo' is no name for a plugin: a letter a-z, then a-z, 0-9 and _, at most 63 in all"),
    (["plugin", "new", "1a"], "'1a' is no name for a plugin: a letter a-z, then a-z, 0-9 and _, at most 63 in all"),
    (["plugin", "new", "a-b"], "'a-b' is no name for a plugin: a letter a-z, then a-z, 0-9 and _, at most 63 in all"),
    (["plugin", "new", "x" * 64],
     "'" + "x" * 64 + "' is no name for a plugin: a letter a-z, then a-z, 0-9 and _, at most 63 in all"),
    (["plugin", "new", ""], "'' is no name for a plugin: a letter a-z, then a-z, 0-9 and _, at most 63 in all"),
    (["plugin", "new", "a/b"], "'a/b' is no name for a plugin: a letter a-z, then a-z, 0-9 and _, at most 63 in all"),
    (["plugin", "new", "foo", "--dir", "/proc/x"], "/proc/x/foo cannot be made: No such file or directory"),
    (["describe-plugin"], "describe-plugin is for sheaf's own use; try `sheaf plugin inspect`"),
]


def good_sweep(world):
    world.file("sweep.yaml", "plugin: echo\nparams: {x: 1}\ngoal: {maximize: value}\n")


@pytest.mark.parametrize("case", WRONG, ids=lambda case: " ".join(case[0])[:60].replace("\n", " "))
def test_wrong_usage_gets_its_line(world, case):
    words, line, *code = case
    good_sweep(world)
    world.file("ecko.yaml", "plugin: ecko\n")
    assert refused_line(world, *words, code=code[0] if code else 2) == line
    assert sorted(p.name for p in world.path.iterdir()) == ["ecko.yaml", "sweep.yaml"]


NAMES = {
    ("last",): "there is no sweep in DIR/state yet; `sheaf run SWEEP.yaml` makes one",
    ("1",): "there is no sweep in DIR/state yet; `sheaf run SWEEP.yaml` makes one",
    ("1", "2"): "COMMAND: '2' is one word too many; see sheaf COMMAND --help",
    ("1", "--broker", "ipc:///nowhere/s"): f"no broker listens on ipc:///nowhere/s; {GONE}",
    ("1", "--broker", "nonsense"): "'nonsense' is no address of a broker; give ipc://PATH or tcp://HOST:PORT",
    ("1", "--state", "sweep.yaml"): "the state directory DIR/sweep.yaml is no directory; choose another with --state",
    ("1", "--state", "none"): "there is no sweep in DIR/none yet; `sheaf run SWEEP.yaml` makes one",
}


@pytest.mark.parametrize("command", ["show", "wait", "results", "logs", "cancel", "rm"])
def test_commands_about_a_sweep_that_is_not_there(world, command):
    good_sweep(world)
    for words, line in NAMES.items():
        code = 6 if "/nowhere/" in line else 2
        assert refused_line(world, command, *words, code=code) == line.replace("COMMAND", command)


def test_sweeps_are_told_apart(world):
    """Among sweeps that are there."""
    world.run("run", world.sweep(name="mine"))
    for command in ("show", "wait", "results", "logs", "cancel", "rm", "retry"):
        for which in ("2", "0", "yours", "1.5", "", "99999999999999999999999"):
            words = [command, which] + (["--failed"] if command == "retry" else [])
            assert world.refused(*words) == (
                f"sheaf: no sweep '{which}' in {world.state}; `sheaf list` shows which there are")
    assert world.refused("cancel", "mine") == "sheaf: sweep 1 does not run (done)"
    assert world.refused("retry", "mine", "--failed") == "sheaf: sweep 1 has no failed tasks"
    assert world.refused("results", "1", "--tasks", "--trials") == (
        "sheaf: results: choose one of --trials, --tasks and --groups")
    assert world.refused("results", "1", "--groups", "--format", "npy") == (
        "sheaf: group rows have names: there is no npy of them, use csv or jsonl")
    line = "sheaf: no/such/folder.csv cannot be written: No such file or directory"
    assert world.refused("results", "1", "-o", "no/such/folder.csv") == line


def test_the_environment_s_broker_is_asked(world):
    world.env["SHEAF_BROKER"] = "ipc:///nowhere/s"
    assert refused_line(world, "list", code=6) == f"no broker listens on ipc:///nowhere/s; {GONE}"
    world.env["SHEAF_BROKER"] = "nowhere"
    assert refused_line(world, "list") == "'nowhere' is no address of a broker; give ipc://PATH or tcp://HOST:PORT"


def test_folders_that_hold_no_sweeps(world):
    folder = world.path / "0123456789abcdef"
    folder.mkdir()
    world.file("README", "not of sheaf")
    assert world.json("list", "--state", ".")["sweeps"] == []
    (folder / "number").write_text("1\n")
    line = "sweep 1 has no results yet: it never ran; `sheaf run SWEEP.yaml` runs it"
    for command in ("show", "results", "wait", "logs"):
        assert refused_line(world, command, "1", "--state", ".") == line
    (folder / "journal.db").touch()
    assert refused_line(world, "show", "1", "--state", ".") == line
    (folder / "journal.db").write_text("no database at all" * 100)
    assert refused_line(world, "show", "1", "--state", ".") == (
        "DIR/0123456789abcdef/journal.db: cannot open it: file is not a database; it is damaged or not a journal of sheaf: "
        "restore it from a copy, or choose another state directory")
    assert refused_line(world, "broker", "--listen", "ipc://./x", "--state", folder) == (
        "DIR/0123456789abcdef/journal.db: cannot open it: file is not a database; it is damaged or not a journal of sheaf: "
        "restore it from a copy, or choose another state directory")


def test_descriptors_that_are_no_listening_sockets(world):
    line = "broker --listen-fd 0: not a socket that listens; leave it to `sheaf run`"
    assert refused_line(world, "broker", "--listen", "ipc://./x", "--state", "s", "--listen-fd", "0") == line


def test_plugin_new_overwrites_nothing(world):
    (world.path / "foo").mkdir()
    world.file("a", "")
    assert refused_line(world, "plugin", "new", "foo") == "foo exists already; choose another name or another --dir"
    assert refused_line(world, "plugin", "new", "foo", "--dir", "a") == "a/foo cannot be made: Not a directory"


# ---- --top, keep: best ----

def test_top_is_within_what_is_ranked(world):
    world.sweep(params={"x": {"from": 1, "to": 2000, "step": 1}})
    line = "sheaf: --top 1001: 1000 trials are ranked; for more of them set keep: {best: 1001}, or see `sheaf results`"
    assert world.refused("run", "sweep.yaml", "--top", "1001") == line
    assert not world.state.exists()
    assert len(world.json("run", "sweep.yaml", "--top", "1000")["best"]) == 1000
    assert world.refused("show", "last", "--top", "1001") == line
    assert world.refused("wait", "last", "--top", "1001") == line
    kept = ["--set", "keep.best=1500"]
    assert len(world.json("run", "sweep.yaml", *kept, "--top", "1500")["best"]) == 1500
    line = "sheaf: --top 1501: this sweep keeps its best 1500 trials; ask for at most so many"
    assert world.refused("show", "last", "--top", "1501") == line
    assert len(world.json("run", world.sweep(), "--top", "5000")["best"]) == 10  # all that there are


def test_a_sweep_that_keeps_its_best_gives_those(world):
    world.sweep(plugin="fault", params={"mode": "error", "every": 4, "x": {"from": 1, "to": 40, "step": 1}}, keep={"best": 5})
    r = world.json("run", "sweep.yaml", code=3)
    best = sorted(b["trial"] for b in r["best"])
    assert best == [34, 35, 37, 38, 39]
    rows = [row.split(",") for row in world.run("results", "last").stdout.splitlines()]
    assert rows[0] == ["trial", "mode", "every", "at", "attempts", "mb", "x", "file", "value", "tasks", "failed"]
    assert [int(row[0]) for row in rows[1:]] == best
    assert [float(row[8]) for row in rows[1:]] == [17.5, 18, 19, 19.5, 20] and rows[1][9:] == ["1", "0"]
    lines = world.run("results", "last", "--format", "jsonl").stdout.splitlines()
    assert len(lines) == 5 and '"scores": {"value": 17.5}' in lines[0] and '"tasks": 1, "failed": 0' in lines[0]
    said = "sheaf: this sweep keeps its best 5 trials and no {} (keep: best); --trials gives those"
    assert world.refused("results", "last", "--tasks") == said.format("single tasks")
    assert world.refused("results", "last", "--groups") == said.format("group rows")
    assert world.refused("results", "last", "--format", "npy", "-o", "x.npy") == (
        "sheaf: an .npy file has a row for every trial, but this sweep keeps its best 5 only (keep: best): use csv or jsonl")
    assert world.refused("retry", "last", "--failed") == (
        "sheaf: a sweep with keep: best does not keep its failed tasks: run it with keep: all")
    # Failed trials rank last, but where there are no others they are kept, too.
    world.run("run", "sweep.yaml", "--limit", "3", code=3)
    rows = [row.split(",") for row in world.run("results", "last").stdout.splitlines()]
    assert [row[-1] for row in rows[1:]] == ["1", "0", "0"] and rows[1][8] == ""


# ---- what --help says is what is taken ----

HELP = re.compile(r"^  (-{1,2}[a-z][a-z-]*)(?: ([A-Z][A-Za-z=.:]*))? ", re.M)
PARTS = [[c] for c in COMMANDS.split(", ") if c != "plugin"] + [["plugin", p] for p in ("inspect", "try", "new")]
WORDS = {"run": ["sweep.yaml"], "list": [], "broker": [], "worker": [], "pack": ["o.sheaf", "x=x.npy"]}


def options(world, command):
    return HELP.findall(world.run(*command, "--help").stdout)


@pytest.mark.parametrize("command", PARTS, ids=" ".join)
def test_help_is_what_the_command_takes(world, command):
    good_sweep(world)
    name, listed = " ".join(command), options(world, command)
    words = WORDS.get(command[0], ["1"])
    known = ", ".join(option for option, _ in listed)
    line = f"{name} has no option --frobnicate; use one of: {known}"
    assert refused_line(world, *command, *words, "--frobnicate") == line
    assert listed[-1][0] == "--help"
    for option, value in listed[:-1]:
        if value:  # taken, and found wanting
            line = f"{name} {option} wants a value: {option} {value}"
            assert refused_line(world, *command, *words, option) == line
        else:
            assert refused_line(world, *command, *words, option + "=1") == f"{name} {option} takes no value"


def test_help_of_a_command_in_two_ways(world):
    for command in COMMANDS.split(", "):
        assert world.run("help", command).stdout == world.run(command, "--help").stdout
    assert world.run("help").stdout == world.run("--help").stdout == world.run("-h").stdout
    assert refused_line(world, "help", "frob") == f"there is no command 'frob'; use one of: {COMMANDS}"


def test_without_words_the_help_goes_to_stderr(world):
    for words in ([], ["plugin"]):
        r = world.run(*words, code=2)
        assert r.stdout == "" and r.stderr == world.run(*words, "--help").stdout


def test_internal_commands_say_so(world):
    assert world.run("slot", code=2).stderr == "sheaf slot: this command is for workers only\n"
    assert refused_line(world, "describe-plugin") == "describe-plugin is for sheaf's own use; try `sheaf plugin inspect`"


def test_nothing_is_made_where_nobody_may_write(world):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    good_sweep(world)
    closed = world.path / "closed"
    closed.mkdir(mode=0o555)
    line = world.refused("run", "sweep.yaml", "--state", closed / "state")
    assert line.startswith(f"sheaf: cannot make directory {closed}/state") and line.endswith("Permission denied")
