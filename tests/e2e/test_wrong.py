# SPDX-License-Identifier: MIT
"""Every wrong sweep file, with the whole of what its author is told: one line on stderr that says where, what and what to do,
exit code 2, nothing on stdout, and nothing begun: no state directory, no process, no socket.

A row: name, file, line (without "sheaf: sweep.yaml:"). How options and commands are refused stands in test_wrong_usage.py, data in
test_wrong_data.py, plugins and stored sweeps in test_wrong_state.py."""

import pytest

from support import refused_line

FIELDS = "name, plugin, config, data, keys, search, params, where, split, order, reduce, goal, limits, output, keep"
INT = "a whole number from -1000000000000000 to 1000000000000000"  # of the plugin "context"
PLACES = "PLACES"  # the folders that plugins are looked for in

E = "plugin: echo\nparams: {x: 1}\ngoal: {maximize: value}\n"
C = "plugin: context\ngoal: {maximize: x}\n"
R = E + "search: {method: random, trials: 5}\n"


def e(line):
    return E + line + "\n"


def c(line):
    return C + line + "\n"


def p(param):
    return C + "params: {" + param + "}\n"


def plugin(name):
    return f"plugin: {name}\nparams: {{x: 1}}\ngoal: {{maximize: value}}\n"


SWEEPS = {
    "unclosed bracket": ("plugin: echo\nparams: {x: [1, 2}\ngoal: {maximize: value}\n",
        "2:18: not valid YAML: a ',' or ']' is missing here; write it, or put the text in quotes"),
    "unclosed brace at the end": ("plugin: echo\nparams: {x: 1\n",
        "2:9: not valid YAML: this bracket is never closed; write the other one"),
    "unclosed quote": ('plugin: "echo\nparams: {x: 1}\n',
        "1:9: not valid YAML: this quote is never closed; write the other one"),
    "colon in a value": ("plugin: echo\nname: a: b\n",
        "2:8: not valid YAML: a ':' where none belongs; write a blank after FIELD:, indent fields alike, put texts with ': ' in quotes"),
    "no blank after the colon": ("plugin:echo\nparams: {x: 1}\n",
        "2:7: not valid YAML: a ':' where none belongs; write a blank after FIELD:, indent fields alike, put texts with ': ' in quotes"),
    "tab": ("plugin: echo\nparams:\n\tx: 1\n", "3:1: not valid YAML: a tab; indent with blanks"),
    "tab after blanks": ("plugin: echo\nparams:\n  \tx: 1\n", "3:3: not valid YAML: a tab; indent with blanks"),
    "wrong indentation": ("plugin: echo\nparams:\n  x: 1\n y: 2\n",
        "4:2: not valid YAML: wrong indentation; fields of one map begin in the same column"),
    "at sign": ("plugin: @echo\n", "1:9: not valid YAML: no text begins with '@'; put it in quotes"),
    "percent": ("%FOO\nplugin: echo\n",
        "1:5: not valid YAML: found unknown directive name; check brackets, quotes and indentation"),
    "yaml 1.1 directive": ("%YAML 3.0\n---\nplugin: echo\n",
        "1:1: not valid YAML: found incompatible YAML document; check brackets, quotes and indentation"),
    "bad escape": ('plugin: "\\q"\n', "1:10: not valid YAML: no such escape; write \\\\ for a backslash, or use single quotes"),
    "duplicate field": (E + "plugin: echo\n", "4:1: plugin stands here a second time (first in line 1); remove one"),
    "duplicate param": ("plugin: echo\nparams:\n  x: 1\n  x: 2\n",
        "4:3: x stands here a second time (first in line 3); remove one"),
    "anchor": ("plugin: &p echo\n", "1:9: anchors (&p) are not part of a sweep file; write the value out"),
    "alias": ("plugin: *p\n", "1:9: aliases (*p) are not part of a sweep file; write the value out"),
    "merge key": ("base: &b {x: 1}\n", "1:7: anchors (&b) are not part of a sweep file; write the value out"),
    "tag": ("plugin: !!str echo\n", "1:9: tags (!!str) are not part of a sweep file; put texts in quotes instead"),
    "python tag": ("plugin: !!python/object/apply:os.system [ls]\n",
        "1:9: tags (!!python/object/apply:os.system) are not part of a sweep file; put texts in quotes instead"),
    "two documents": (E + "---\nplugin: echo\n", "4:1: a second document begins here; one sweep a file, so cut it off"),
    "document end and more": (E + "...\nplugin: echo\n",
        "5:1: not valid YAML: a second document begins here; one sweep a file, so cut it off"),
    "latin1": (b"plugin: echo\nname: caf\xe9\n",
        "2:10: not UTF-8 text: incomplete UTF-8 octet sequence; save the file as UTF-8"),
    "utf16": (E.encode("utf-16"), "1:1: not UTF-8 text: invalid leading UTF-8 octet; save the file as UTF-8"),
    "utf16be": (E.encode("utf-16-be"), "1:1: a NUL byte; save the file as UTF-8 text"),
    "utf16bom": (b"\xff\xfe", "1:1: not UTF-8 text: invalid leading UTF-8 octet; save the file as UTF-8"),
    "nul byte": (b"plugin: ec\0ho\n", "1:11: a NUL byte; save the file as UTF-8 text"),
    "control": (b"plugin: ec\x01ho\n", "1:11: a control character; remove it"),
    "escaped nul": ('plugin: "ec\\0ho"\n', "1:9: a text with a NUL character; remove it"),
    "surrogate": (b"name: \xed\xa0\x80\n", "1:7: not UTF-8 text: invalid Unicode character; save the file as UTF-8"),
    "overlong": (b"name: \xc0\xaf\n", "1:7: not UTF-8 text: invalid length of a UTF-8 sequence; save the file as UTF-8"),
    "cut utf8": (b"name: \xe2\x82", "1:7: not UTF-8 text: incomplete UTF-8 octet sequence; save the file as UTF-8"),
    "empty": ("", "1:1: the file is empty; begin with plugin: NAME"),
    "blank": ("  \n\n", "1:1: the file is empty; begin with plugin: NAME"),
    "comment": ("# later\n", "1:1: the file is empty; begin with plugin: NAME"),
    "null": ("~\n", "1:1: a sweep file is a map of fields, this is empty; begin with plugin: NAME"),
    "a document mark": ("---\n", "2:1: a sweep file is a map of fields, this is empty; begin with plugin: NAME"),
    "list": ("- plugin: echo\n", "1:1: a sweep file is a map of fields, this is a list; begin with plugin: NAME"),
    "text": ("echo\n", "1:1: a sweep file is a map of fields, this is \"echo\"; begin with plugin: NAME"),
    "number": ("5\n", "1:1: a sweep file is a map of fields, this is 5; begin with plugin: NAME"),
    "deep config": (e("config: {a: " + "[" * 31 + "]" * 31 + "}"), "4:43: more than 32 levels deep; write it flatter"),
    "list key": ("[a, b]: c\n", "1:1: a key must be a text; write FIELD: VALUE"),
    "map key": ("{a: b}: c\n", "1:1: a key must be a text; write FIELD: VALUE"),
    "empty key": ("'': c\n", "1:1: a key must be a text; write FIELD: VALUE"),
    "null key": ("~: c\n", f"1:1: unknown field ~; use one of: {FIELDS}"),
    "newline in key": ('"a\\nb": 1\n', f"1:1: unknown field a b; use one of: {FIELDS}"),
    "newline in value": ('plugin: "a\\nb"\n',
        "1:9: 'a b' is no plugin: give a name (a-z, 0-9, _) on the plugin path, or the path of a .so or .py file"),
    "escape in value": ('plugin: "\\e[31mred"\n',
        "1:9: ' [31mred' is no plugin: give a name (a-z, 0-9, _) on the plugin path, or the path of a .so or .py file"),
    "unknown field": (e("colour: red"), f"4:1: unknown field colour; use one of: {FIELDS}"),
    "near field": (e("limit: {attempts: 1}"), f"4:1: unknown field limit; did you mean limits? (known: {FIELDS})"),
    "upper case field": (e("Limits: {attempts: 1}"), f"4:1: unknown field Limits; did you mean limits? (known: {FIELDS})"),
    "number as field": (e("5: 1"), f"4:1: unknown field 5; use one of: {FIELDS}"),
    "missing plugin": ("params: {x: 1}\ngoal: {maximize: value}\n",
        "1:1: plugin is missing; add plugin: followed by the name or path of a plugin"),
    "missing goal": ("plugin: echo\nparams: {x: 1}\n", "1:1: goal is missing; add goal: {maximize: SCORE} with one of: value"),
    "only plugin": ("plugin: echo\n", "1:1: goal is missing; add goal: {maximize: SCORE} with one of: value"),
    "keys": (e("keys: symbol"), "4:7: keys: symbol is a column of the data, but the sweep has none; add data: FILE.sheaf"),
    "requires": (e("requires: {gpu: 'yes'}"), "4:1: this version does not have requires yet; remove it"),
    "split.on": (e("split: {on: days}"), "4:8: split has neither walk_forward nor k_fold; give one"),
    "method tpe": (e("search: {method: tpe}"),
        "4:18: this version does not have search.method tpe yet; use one of: grid, random, list"),
    "method cmaes": (e("search: {method: cmaes}"),
        "4:18: this version does not have search.method cmaes yet; use one of: grid, random, list"),
    "method lhs": (e("search: {method: lhs}"),
        "4:18: this version does not have search.method lhs yet; use one of: grid, random, list"),
    "method sobol": (e("search: {method: sobol}"),
        "4:18: this version does not have search.method sobol yet; use one of: grid, random, list"),
    "method bayes": (e("search: {method: bayes}"), "4:18: search.method is \"bayes\"; use one of: grid, random, list"),
    "method Random": (e("search: {method: Random}"),
        "4:18: search.method is \"Random\"; did you mean random? (known: grid, random, list)"),
    "method gird": (e("search: {method: gird}"),
        "4:18: search.method is \"gird\"; did you mean grid? (known: grid, random, list)"),
    "method 5": (e("search: {method: 5}"), "4:18: search.method is 5; use one of: grid, random, list"),
    "method [grid]": (e("search: {method: [grid]}"), "4:18: search.method is a list; use one of: grid, random, list"),
    "method ": (e("search: {method: }"), "4:18: search.method is empty; use one of: grid, random, list"),
    "method ''": (e("search: {method: ''}"), "4:18: search.method is \"\"; use one of: grid, random, list"),
    "name long": (e("name: " + "n" * 257),
        "4:7: name is \"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn...\"; give at most 256 bytes"),
    "name newline": (e('name: "a\\nb"'), "4:7: name has a line break or another control character; remove it"),
    "name digits": (e("name: '7'"), "4:7: name is \"7\", which means another sweep in `sheaf show`; add a word to it"),
    "name last": (e("name: last"), "4:7: name is \"last\", which means another sweep in `sheaf show`; add a word to it"),
    "config nan": (e("config: {a: .nan}"),
        "4:13: config holds .nan (not a finite number), which JSON cannot carry; put it in quotes"),
    "config huge int": (e("config: {a: 99999999999999999999}"),
        "4:13: config holds 99999999999999999999 (more than 64 bits), which JSON cannot carry; put it in quotes"),
    "random without trials": (e("search: {method: random}"), "4:9: search.trials is missing; add trials: N, how many to draw"),
    "grid trials": (e("search: {trials: 5}"),
        "4:10: search.trials is not for a grid, which runs every combination; remove it or use --limit"),
    "grid trials 2": (e("search: {method: grid, trials: 5}"),
        "4:24: search.trials is not for a grid, which runs every combination; remove it or use --limit"),
    "trials 0": (e("search: {method: random, trials: 0}"), "4:34: search.trials is 0; give a whole number of at least 1"),
    "trials -1": (e("search: {method: random, trials: -1}"), "4:34: search.trials is -1; give a whole number of at least 1"),
    "trials 1.5": (e("search: {method: random, trials: 1.5}"), "4:34: search.trials is 1.5; give a whole number of at least 1"),
    "trials 1e3": (e("search: {method: random, trials: 1e3}"), "4:34: search.trials is 1e3; give a whole number of at least 1"),
    "trials many": (e("search: {method: random, trials: 9223372036854775807}"),
        "4:34: search.trials is 9223372036854775807; give at most 9000000000000000"),
    "trials more": (e("search: {method: random, trials: 9223372036854775808}"),
        "4:34: search.trials is 9223372036854775808 (more than 64 bits); give one that fits"),
    "trials text": (e("search: {method: random, trials: many}"),
        "4:34: search.trials is \"many\"; give a whole number of at least 1"),
    "seed -1": (e("search: {seed: -1}"), "4:16: search.seed is -1; give a whole number of at least 0"),
    "seed text": (e("search: {seed: abc}"), "4:16: search.seed is \"abc\"; give a whole number of at least 0"),
    "seed float": (e("search: {seed: 1.0}"), "4:16: search.seed is 1.0; give a whole number of at least 0"),
    "seed large": (e("search: {seed: 9223372036854775808}"),
        "4:16: search.seed is 9223372036854775808 (more than 64 bits); give one that fits"),
    "list without file": (e("search: {method: list}"), "4:9: search.file is missing; add file: TRIALS.csv (or .jsonl)"),
    "list missing file": (e("search: {method: list, file: none.csv}"),
        "4:30: none.csv: No such file or directory; check search.file"),
    "list folder": (e("search: {method: list, file: .}"), "4:30: . is neither .csv nor .jsonl; name a file of one of these"),
    "list other ending": (e("search: {method: list, file: sweep.yaml}"),
        "4:30: sweep.yaml is neither .csv nor .jsonl; name a file of one of these"),
    "file for grid": (e("search: {file: a.csv}"), "4:10: search.file is for method: list only; remove it or set method: list"),
    "stages in search": (e("search: {method: grid, stages: 3}"),
        "4:24: unknown field search.stages; use one of: method, trials, seed, file"),
    "param unknown near": (c("params: {colr: red}"),
        "3:10: context has no parameter colr; did you mean colour? (known: x, n, colour, text, flag)"),
    "param unknown far": (c("params: {zebra: 1}"),
        "3:10: context has no parameter zebra; use one of: x, n, colour, text, flag"),
    "param unknown": ("plugin: echo\nparams: {x: 1, y: 2}\ngoal: {maximize: value}\n",
        "2:16: echo has no parameter y; use one of: x"),
    "param case": (c("params: {X: 1}"), "3:10: context has no parameter X; did you mean x? (known: x, n, colour, text, flag)"),
    "int float": (p("n: 1.5"), f"3:13: params.n is 1.5; context takes {INT}"),
    "int whole float": (p("n: 3.0"), f"3:13: params.n is 3.0; context takes {INT}"),
    "int text": (p("n: three"), f"3:13: params.n is \"three\"; context takes {INT}"),
    "int quoted": (p("n: '3'"), f"3:13: params.n is \"3\"; context takes {INT}"),
    "int bool": (p("n: true"), f"3:13: params.n is true; context takes {INT}"),
    "int null": (p("n: "), "3:13: params.n is empty; give a value, a list [A, B], or a range {from: A, to: B}"),
    "int outside": (p("n: 1000000000000001"), f"3:13: params.n is 1000000000000001; context takes {INT}"),
    "int below": (p("n: -1000000000000001"), f"3:13: params.n is -1000000000000001; context takes {INT}"),
    "int 64": (p("n: 9223372036854775808"), "3:13: params.n is 9223372036854775808 (more than 64 bits); give one that fits"),
    "int list": (p("n: [1, 2.5]"), f"3:17: params.n is 2.5; context takes {INT}"),
    "int exponent": (p("n: 1e3"), f"3:13: params.n is 1e3; context takes {INT}"),
    "int underscore": (p("n: 1_000"), f"3:13: params.n is \"1_000\"; context takes {INT}"),
    "int octal": (p("n: 0o9"), f"3:13: params.n is \"0o9\"; context takes {INT}"),
    "float text": (p("x: high"), "3:13: params.x is \"high\"; context takes a number"),
    "float quoted": (p("x: '1.5'"), "3:13: params.x is \"1.5\"; context takes a number"),
    "float inf": (p("x: .inf"), "3:13: params.x is .inf (not a finite number); give a finite one"),
    "float -inf": (p("x: -.inf"), "3:13: params.x is -.inf (not a finite number); give a finite one"),
    "float nan": (p("x: .nan"), "3:13: params.x is .nan (not a finite number); give a finite one"),
    "float big": (p("x: 1e999"), "3:13: params.x is 1e999 (not a finite number); give a finite one"),
    "float comma": (p("x: 1,5"), "3:16: params.5 is empty; give a value, a list [A, B], or a range {from: A, to: B}"),
    "float nan in list": (p("x: [1, .NaN]"), "3:17: params.x is .NaN (not a finite number); give a finite one"),
    "float nan from": (p("x: {from: .nan, to: 1, count: 3}"),
        "3:20: params.x.from is .nan (not a finite number); give a finite one"),
    "float inf to": (p("x: {from: 0, to: .inf, count: 3}"),
        "3:27: params.x.to is .inf (not a finite number); give a finite one"),
    "choice unknown": (p("colour: [red, gren]"),
        "3:24: params.colour is \"gren\", not a choice of context; did you mean green? (known: red, green, blue)"),
    "choice far": (p("colour: yellow"),
        "3:18: params.colour is \"yellow\", not a choice of context; use one of: red, green, blue"),
    "choice number": (p("colour: 1"), "3:18: params.colour is 1, not a choice of context; use one of: red, green, blue"),
    "choice case": (p("colour: Red"),
        "3:18: params.colour is \"Red\", not a choice of context; did you mean red? (known: red, green, blue)"),
    "choice null": (p("colour: ~"), "3:18: params.colour is empty; give a value, a list [A, B], or a range {from: A, to: B}"),
    "choice twice": (p("colour: [red, red]"), "3:24: params.colour has \"red\" twice; remove one"),
    "bool yes": (p("flag: yes"), "3:16: params.flag is \"yes\"; context takes true or false"),
    "bool 1": (p("flag: 1"), "3:16: params.flag is 1; context takes true or false"),
    "bool quoted": (p("flag: 'true'"), "3:16: params.flag is \"true\"; context takes true or false"),
    "bool list": (p("flag: [true, no]"), "3:23: params.flag is \"no\"; context takes true or false"),
    "bool range": (p("flag: {from: 0, to: 1}"),
        "3:16: params.flag is a range, but context takes true or false; list its values"),
    "text number": (p("text: 5"), "3:16: params.text is 5; context takes a text (numbers in quotes)"),
    "text list": (p("text: [a, 5]"), "3:20: params.text is 5; context takes a text (numbers in quotes)"),
    "text range": (p("text: {from: a, to: b}"),
        "3:16: params.text is a range, but context takes a text (numbers in quotes); list its values"),
    "text twice": (p("text: [a, b, a]"), "3:23: params.text has \"a\" twice; remove one"),
    "choice range": (p("colour: {from: red, to: blue}"),
        "3:18: params.colour is a range, but context takes one of its choices; list its values"),
    "fault range above": ("plugin: fault\nparams: {mb: {from: 0, to: 2000000, step: 500000}}\ngoal: {maximize: value}\n",
        "2:28: params.mb.to is 2000000; fault takes a whole number from 0 to 1000000"),
    "empty list": (p("x: []"), "3:13: params.x is an empty list; give at least one value"),
    "nested": (p("x: [[1]]"), "3:14: params.x is a list; give one value"),
    "map in list": (p("x: [{from: 0, to: 1}]"), "3:14: params.x is a map; give one value"),
    "null in list 2": (p("x: [1, ~]"), "3:17: params.x is empty; give one value"),
    "twice": (p("x: [1, 2, 1]"), "3:20: params.x has 1 twice; remove one"),
    "twice as float": (p("x: [1, 1.0]"), "3:17: params.x has 1.0 twice; remove one"),
    "empty map": (p("x: {}"), "3:13: params.x.from is missing; add from: followed by a number"),
    "from only": (p("x: {from: 1}"), "3:13: params.x.to is missing; add to: followed by a number"),
    "to only": (p("x: {to: 1}"), "3:13: params.x.from is missing; add from: followed by a number"),
    "range near": (p("x: {from: 0, to: 1, setp: 1}"),
        "3:30: unknown field params.x.setp; did you mean step? (known: from, to, step, count, scale)"),
    "range min": (p("x: {min: 0, max: 1}"), "3:14: unknown field params.x.min; use one of: from, to, step, count, scale"),
    "range values": (p("x: {values: [1, 2]}"), "3:14: unknown field params.x.values; use one of: from, to, step, count, scale"),
    "descending": (p("n: {from: 5, to: 1}"), "3:20: params.n is empty: from 5 is above to 1; swap them"),
    "descending float": (p("x: {from: 0.5, to: 0.1, step: 0.1}"),
        "3:20: params.x is empty: from 0.5 is above to 0.1; swap them"),
    "descending negative step": (p("n: {from: 5, to: 1, step: -1}"), "3:36: params.n.step is -1; give a number above 0"),
    "step 0": (p("n: {from: 1, to: 5, step: 0}"), "3:36: params.n.step is 0; give a number above 0"),
    "step -1": (p("n: {from: 1, to: 5, step: -1}"), "3:36: params.n.step is -1; give a number above 0"),
    "step nan": (p("x: {from: 1, to: 5, step: .nan}"), "3:36: params.x.step is .nan (not a finite number); give a finite one"),
    "step text": (p("x: {from: 1, to: 5, step: big}"), "3:36: params.x.step is \"big\"; give a number above 0"),
    "step float for int": (p("n: {from: 1, to: 5, step: 0.5}"),
        "3:36: params.n.step is 0.5; context takes whole numbers, so give a whole step"),
    "step 0.0": (p("x: {from: 1, to: 5, step: 0.0}"), "3:36: params.x.step is 0.0; give a number above 0"),
    "step tiny": (p("x: {from: 0, to: 1, step: 1e-300}"), "3:36: params.x has too many values; give a larger step"),
    "count 0": (p("x: {from: 0, to: 1, count: 0}"), "3:37: params.x.count is 0; give a whole number of at least 1"),
    "count 1": (p("x: {from: 0, to: 1, count: 1}"), "3:37: params.x.count is 1, but from and to differ; give at least 2"),
    "count -1": (p("x: {from: 0, to: 1, count: -1}"), "3:37: params.x.count is -1; give a whole number of at least 1"),
    "count float": (p("x: {from: 0, to: 1, count: 2.5}"), "3:37: params.x.count is 2.5; give a whole number of at least 1"),
    "count huge": (p("n: {from: 0, to: 999999999, count: 100000000}"),
        "3:13: params.n has a count above 1048576; give a step instead"),
    "count and step": (p("x: {from: 0, to: 1, count: 3, step: 0.5}"), "3:30: params.x has both step and count; keep one"),
    "log 0": (p("x: {from: 0, to: 1, count: 3, scale: log}"),
        "3:20: params.x has a log scale from 0; begin above 0 or remove scale: log"),
    "log negative": (p("x: {from: -1, to: 1, count: 3, scale: log}"),
        "3:20: params.x has a log scale from -1; begin above 0 or remove scale: log"),
    "log no count": (p("x: {from: 1, to: 10, scale: log}"),
        "3:13: params.x is a range without count, which a grid needs; add count: N"),
    "log step": (p("x: {from: 1, to: 10, step: 2, scale: log}"),
        "3:31: params.x has a step on a log scale; give count instead"),
    "scale near": (p("x: {from: 1, to: 10, count: 3, scale: lgo}"),
        "3:48: params.x.scale is \"lgo\"; did you mean log? (known: linear, log)"),
    "scale number": (p("x: {from: 1, to: 10, count: 3, scale: 2}"), "3:48: params.x.scale is 2; use one of: linear, log"),
    "log int 0": (p("n: {from: 0, to: 10, count: 3, scale: log}"),
        "3:20: params.n has a log scale from 0; begin above 0 or remove scale: log"),
    "no step": (p("x: {from: 0, to: 1}"),
        "3:13: params.x is a range without step or count, which a grid needs; add step: S or count: N"),
    "wide": (p("x: {from: -1e308, to: 1e308, count: 3}"),
        "3:20: params.x from -1e308 to 1e308 is too wide for a float64; make it narrower"),
    "from text": (p("x: {from: a, to: 1, count: 2}"), "3:20: params.x.from is \"a\"; context takes a number"),
    "from list": (p("x: {from: [1], to: 2}"), "3:20: params.x.from is a list; give a number"),
    "from null": (p("x: {from: , to: 2}"), "3:20: params.x.from is empty; give a number"),
    "range in text": (p("x: 1..5"), "3:13: params.x is \"1..5\"; context takes a number"),
    "range as text": (p("x: 1-5"), "3:13: params.x is \"1-5\"; context takes a number"),
    "random count": (C + "params: {x: {from: 0, to: 1, count: 5}}\nsearch: {method: random, trials: 5}\n",
        "3:30: params.x.count is for a grid, random search draws from the whole range; remove it or give step"),
    "random log 0": (C + "params: {x: {from: 0, to: 1, scale: log}}\nsearch: {method: random, trials: 5}\n",
        "3:20: params.x has a log scale from 0; begin above 0 or remove scale: log"),
    "random descending": (C + "params: {x: {from: 1, to: 0}}\nsearch: {method: random, trials: 5}\n",
        "3:20: params.x is empty: from 1 is above to 0; swap them"),
    "grid 2^63": (p("n: {from: 0, to: 1000000000000000}, x: {from: 0, to: 99999999, step: 1}"),
        "3:9: the grid has 2^63 trials or more; give fewer values or use method: random"),
    "grid 2^63 in one": (p("x: {from: 0, to: 9e18, step: 1}"), "3:39: params.x has too many values; give a larger step"),
    "limit of trials": (C + "params: {x: {from: 0, to: 1}}\nsearch: {method: random, trials: 9000000000000001}\n",
        "4:34: search.trials is 9000000000000001; give at most 9000000000000000"),
    "where unknown": (e("where: y < 5"),
        "4:8: where \"y < 5\": column 1: the plugin has no parameter 'y' (texts need quotes); use one of: x"),
    "where near": ("plugin: fault\nparams: {every: 3}\nwhere: evry > 1\ngoal: {maximize: value}\n",
        "3:8: where \"evry > 1\": column 1: the plugin has no parameter 'evry' (texts need quotes); did you mean every? (known: mode, every, at, attempts, mb, x, file)"),
    "where syntax": (e("where: x <"), "4:8: where \"x <\": column 4: the constraint ends too early; correct it"),
    "where unbalanced": (e("where: (x < 1"), "4:8: where \"(x < 1\": column 7: a ')' is missing; correct it"),
    "where single =": (e("where: x = 1"), "4:8: where \"x = 1\": column 3: write == to compare; correct it"),
    "where not bool": (e("where: x + 1"),
        "4:8: where \"x + 1\": column 1: a constraint needs conditions, this is a float; compare it with something; correct it"),
    "where constant": (e("where: 5"), "4:8: where is 5; give a constraint like \"fast < slow\""),
    "where false": (e("where: 'false'"), "4:8: where excludes every trial (1 in all); loosen it or change the params"),
    "where empty": (e("where: ''"), "4:8: where is \"\"; give a constraint like \"fast < slow\""),
    "where []": (e("where: []"), "4:8: where is an empty list; give at least one value"),
    "where none": (e("where: x > 5"), "4:8: where excludes every trial (1 in all); loosen it or change the params"),
    "where two": (e("where: [x < 5, x >]"), "4:16: where \"x >\": column 4: the constraint ends too early; correct it"),
    "where &&": (e("where: x > 0 && x < 2"),
        "4:8: where \"x > 0 && x < 2\": column 7: '&' does not belong here, write and; correct it"),
    "where call": (e("where: sqrt(x) < 2"),
        "4:8: where \"sqrt(x) < 2\": column 1: there is no function 'sqrt', but abs, min and max; correct it"),
    "where power": (e("where: x ** 2 < 2"), "4:8: where \"x ** 2 < 2\": column 4: '*' does not belong here; correct it"),
    "where unicode": (e("where: x ≤ 2"), "4:8: where \"x ≤ 2\": column 3: '≤' does not belong here; correct it"),
    "where choice": (c("where: colour == 'yellow'"),
        "3:8: where \"colour == 'yellow'\": column 11: 'yellow' is no choice of colour (red, green, blue); correct it"),
    "where choice bare": (c("where: colour == red"),
        "3:8: where \"colour == red\": column 11: the plugin has no parameter 'red' (texts need quotes); use one of: x, n, colour, text, flag"),
    "where blank": (e("where: ' '"), "4:8: where \" \": column 2: the constraint ends too early; correct it"),
    "where if text param": (c("where: text < 5"),
        "3:8: where \"text < 5\": column 8: an int cannot be compared with a text; correct it"),
    "where random none": (R + "where: x > 5\n", "5:8: where let none of 5005 draws pass; loosen it or change the params"),
    "where random none drawn": ("plugin: echo\nparams: {x: {from: 0, to: 1}}\ngoal: {maximize: value}\nsearch: {method: random, trials: 5}\nwhere: x > 5\n",
        "5:8: where let none of 5005 draws pass; loosen it or change the params"),
    "where random rare": ("plugin: echo\nparams: {x: {from: 0, to: 1}}\ngoal: {maximize: value}\nsearch: {method: random, trials: 5}\nwhere: x > 0.99999\n",
        "5:8: where let none of 5005 draws pass; loosen it or change the params"),
    "split no axis": (e("split: {k_fold: {k: 3}}"), "4:8: nothing to split: the sweep has no data; remove split"),
    "split no data": (c("split: {walk_forward: {train: 2, test: 1}}"),
        "3:8: nothing to split: the sweep has no data; remove split"),
    "split both": (e("split: {walk_forward: {train: 1, test: 1}, k_fold: {k: 3}}"),
        "4:44: split has both walk_forward and k_fold; keep one"),
    "split empty": (e("split: {}"), "4:8: split is an empty map; give walk_forward or k_fold"),
    "split near": (e("split: {walkforward: {train: 1, test: 1}}"),
        "4:9: unknown field split.walkforward; did you mean walk_forward? (known: walk_forward, k_fold, on)"),
    "walk empty": (e("split: {walk_forward: {}}"),
        "4:23: split.walk_forward.train is missing; add train: followed by a whole number of at least 1"),
    "walk no train": (e("split: {walk_forward: {test: 1}}"),
        "4:23: split.walk_forward.train is missing; add train: followed by a whole number of at least 1"),
    "walk no test": (e("split: {walk_forward: {train: 1}}"),
        "4:23: split.walk_forward.test is missing; add test: followed by a whole number of at least 1"),
    "walk train 0": (e("split: {walk_forward: {train: 0, test: 1}}"),
        "4:31: split.walk_forward.train is 0; give a whole number of at least 1"),
    "walk train -1": (e("split: {walk_forward: {train: -1, test: 1}}"),
        "4:31: split.walk_forward.train is -1; give a whole number of at least 1"),
    "walk test 0": (e("split: {walk_forward: {train: 1, test: 0}}"),
        "4:40: split.walk_forward.test is 0; give a whole number of at least 1"),
    "walk step 0": (e("split: {walk_forward: {train: 1, test: 1, step: 0}}"),
        "4:49: split.walk_forward.step is 0; give a whole number of at least 1"),
    "walk gap -1": (e("split: {walk_forward: {train: 1, test: 1, gap: -1}}"),
        "4:48: split.walk_forward.gap is -1; give a whole number of at least 0"),
    "walk train float": (e("split: {walk_forward: {train: 1.5, test: 1}}"),
        "4:31: split.walk_forward.train is 1.5; give a whole number of at least 1"),
    "walk train text": (e("split: {walk_forward: {train: year, test: 1}}"),
        "4:31: split.walk_forward.train is \"year\"; give a whole number of at least 1"),
    "walk anchored": (e("split: {walk_forward: {train: 1, test: 1, anchored: yes}}"),
        "4:53: split.walk_forward.anchored is \"yes\"; give true or false"),
    "walk near": (e("split: {walk_forward: {trian: 1, test: 1}}"),
        "4:24: unknown field split.walk_forward.trian; did you mean train? (known: train, test, step, gap, anchored)"),
    "walk large": (e("split: {walk_forward: {train: 1000000000000001, test: 1}}"),
        "4:31: split.walk_forward.train is 1000000000000001; give at most 1000000000000000"),
    "walk embargo": (e("split: {walk_forward: {train: 1, test: 1, embargo: 5}}"),
        "4:43: unknown field split.walk_forward.embargo; use one of: train, test, step, gap, anchored"),
    "fold empty": (e("split: {k_fold: {}}"),
        "4:17: split.k_fold.k is missing; add k: followed by a whole number of at least 2"),
    "fold 1": (e("split: {k_fold: {k: 1}}"), "4:21: split.k_fold.k is 1; give a whole number of at least 2"),
    "fold 0": (e("split: {k_fold: {k: 0}}"), "4:21: split.k_fold.k is 0; give a whole number of at least 2"),
    "fold -1": (e("split: {k_fold: {k: -1}}"), "4:21: split.k_fold.k is -1; give a whole number of at least 2"),
    "fold text": (e("split: {k_fold: {k: five}}"), "4:21: split.k_fold.k is \"five\"; give a whole number of at least 2"),
    "fold many": (e("split: {k_fold: {k: 100001}}"), "4:21: split.k_fold.k is 100001; give at most 100000"),
    "fold shuffle": (e("split: {k_fold: {k: 3, shuffle: 1}}"), "4:33: split.k_fold.shuffle is 1; give true or false"),
    "fold stratify": (e("split: {k_fold: {k: 3, stratify: 5}}"), "4:34: split.k_fold.stratify is 5; give the name of an array"),
    "fold near": (e("split: {k_fold: {k: 3, shufle: true}}"),
        "4:24: unknown field split.k_fold.shufle; did you mean shuffle? (known: k, shuffle, stratify)"),
    "fold n_splits": (e("split: {k_fold: {n_splits: 3}}"),
        "4:18: unknown field split.k_fold.n_splits; use one of: k, shuffle, stratify"),
    "goal unknown": ("plugin: echo\nparams: {x: 1}\ngoal: {maximize: sharpe}\n",
        "3:18: echo has no score sharpe; use one of: value"),
    "goal near": ("plugin: echo\nparams: {x: 1}\ngoal: {maximize: valu}\n",
        "3:18: echo has no score valu; did you mean value? (known: value)"),
    "goal both": ("plugin: echo\nparams: {x: 1}\ngoal: {maximize: value, minimize: value}\n",
        "3:25: goal has both maximize and minimize; keep one"),
    "goal twice": ("plugin: echo\nparams: {x: 1}\ngoal: [{maximize: value}, {minimize: value}]\n",
        "3:38: goal has value twice; remove one"),
    "goal spelling": ("plugin: echo\nparams: {x: 1}\ngoal: {maximise: value}\n",
        "3:8: unknown field goal.maximise; did you mean maximize? (known: maximize, minimize)"),
    "goal max": ("plugin: echo\nparams: {x: 1}\ngoal: {max: value}\n",
        "3:8: unknown field goal.max; did you mean maximize? (known: maximize, minimize)"),
    "goal list of texts": ("plugin: echo\nparams: {x: 1}\ngoal: [value]\n",
        "3:8: goal is \"value\"; give {maximize: SCORE} or {minimize: SCORE}"),
    "goal list in map": ("plugin: echo\nparams: {x: 1}\ngoal: {maximize: [value]}\n",
        "3:18: goal.maximize is a list; give the name of a score"),
    "reduce word": (e("reduce: {split: avg}"), "4:17: reduce.split is \"avg\"; use one of: mean, median, min, max, std, sum"),
    "reduce near": (e("reduce: {split: maen}"),
        "4:17: reduce.split is \"maen\"; did you mean mean? (known: mean, median, min, max, std, sum)"),
    "reduce field": (e("reduce: {splits: mean}"), "4:10: unknown field reduce.splits; did you mean split? (known: split, key)"),
    "limits seconds 0": (e("limits: {task_seconds: 0}"), "4:24: limits.task_seconds is 0; give a number above 0"),
    "limits seconds -1": (e("limits: {task_seconds: -1}"), "4:24: limits.task_seconds is -1; give a number above 0"),
    "limits seconds text": (e("limits: {task_seconds: 60s}"), "4:24: limits.task_seconds is \"60s\"; give a number above 0"),
    "limits seconds nan": (e("limits: {task_seconds: .nan}"),
        "4:24: limits.task_seconds is .nan (not a finite number); give a finite one"),
    "limits seconds large": (e("limits: {task_seconds: 1e10}"), "4:24: limits.task_seconds is 1e10; give at most 1000000000"),
    "limits memory 0": (e("limits: {memory_mb: 0}"), "4:21: limits.memory_mb is 0; give a whole number of at least 1"),
    "limits memory float": (e("limits: {memory_mb: 1.5}"), "4:21: limits.memory_mb is 1.5; give a whole number of at least 1"),
    "limits memory text": (e("limits: {memory_mb: 1GB}"),
        "4:21: limits.memory_mb is \"1GB\"; give a whole number of at least 1"),
    "limits attempts 0": (e("limits: {attempts: 0}"), "4:20: limits.attempts is 0; give a whole number of at least 1"),
    "limits attempts many": (e("limits: {attempts: 1001}"), "4:20: limits.attempts is 1001; give at most 1000"),
    "limits attempts float": (e("limits: {attempts: 2.0}"), "4:20: limits.attempts is 2.0; give a whole number of at least 1"),
    "limits failures 0": (e("limits: {failures: 0}"), "4:20: limits.failures is 0; give a whole number of at least 1"),
    "limits failures -1": (e("limits: {failures: -1}"), "4:20: limits.failures is -1; give a whole number of at least 1"),
    "limits failures share": (e("limits: {failures: 10%}"),
        "4:20: limits.failures is \"10%\"; give a whole number of at least 1"),
    "limits near": (e("limits: {task_second: 5}"),
        "4:10: unknown field limits.task_second; did you mean task_seconds? (known: task_seconds, memory_mb, attempts, failures)"),
    "limits timeout": (e("limits: {timeout: 5}"),
        "4:10: unknown field limits.timeout; use one of: task_seconds, memory_mb, attempts, failures"),
    "keep word": (e("keep: some"), "4:7: keep is \"some\"; give all or {best: TRIALS}"),
    "keep best": (e("keep: best"), "4:7: keep is \"best\"; give all or {best: TRIALS}"),
    "keep best 0": (e("keep: {best: 0}"), "4:14: keep.best is 0; give a whole number of at least 1"),
    "keep best -1": (e("keep: {best: -1}"), "4:14: keep.best is -1; give a whole number of at least 1"),
    "keep best many": (e("keep: {best: 10000001}"), "4:14: keep.best is 10000001; give at most 10000000"),
    "keep best text": (e("keep: {best: all}"), "4:14: keep.best is \"all\"; give a whole number of at least 1"),
    "keep near": (e("keep: {bset: 5}"), "4:8: unknown field keep.bset; did you mean best? (known: best)"),
    "keep none": (e("keep: none"), "4:7: keep is \"none\"; give all or {best: TRIALS}"),
    "data missing": ("plugin: sum\ndata: none.sheaf\ngoal: {maximize: total}\n",
        "2:7: there is no file DIR/none.sheaf; check data, or make it with `sheaf pack`"),
    "data folder": ("plugin: sum\ndata: .\ngoal: {maximize: total}\n", "2:7: DIR: not a regular file, so not a dataset"),
    "data itself": ("plugin: sum\ndata: sweep.yaml\ngoal: {maximize: total}\n",
        "2:7: DIR/sweep.yaml: not a sheaf dataset; make one with `sheaf pack`"),
    "data digest": ("plugin: sum\ndata: b2:1234\ngoal: {maximize: total}\n",
        "2:7: this version does not find data by its digest yet; give the name of a .sheaf file"),
    "data none": ("plugin: sum\ngoal: {maximize: total}\n", "1:1: sum needs the array factors (float64); add data: FILE.sheaf"),
    "plugin ecko": (plugin("ecko"), f"1:9: no plugin 'ecko': there is no ecko.so in {PLACES}; did you mean echo?"),
    "plugin ech": (plugin("ech"), f"1:9: no plugin 'ech': there is no ech.so in {PLACES}; did you mean echo?"),
    "plugin zebra": (plugin("zebra"),
        f"1:9: no plugin 'zebra': there is no zebra.so in {PLACES}; set SHEAF_PLUGIN_PATH or give a path"),
    "plugin ./echo.so": (plugin("./echo.so"), "1:9: there is no plugin ./echo.so; check its path"),
    "plugin echo.so": (plugin("echo.so"), "1:9: there is no plugin echo.so; check its path"),
    "plugin /nowhere/echo.so": (plugin("/nowhere/echo.so"), "1:9: there is no plugin /nowhere/echo.so; check its path"),
    "plugin .": (plugin("."), "1:9: '.' is no plugin: give a name (a-z, 0-9, _) on the plugin path, or the path of a .so or .py file"),
    "plugin ./": (plugin("./"), "1:9: plugin DIR: not a file; give a name or the path of a .so file"),
    "plugin /": (plugin("/"), "1:9: plugin /: not a file; give a name or the path of a .so file"),
    "plugin sweep.yaml": (plugin("sweep.yaml"),
        "1:9: 'sweep.yaml' is no plugin: give a name (a-z, 0-9, _) on the plugin path, or the path of a .so or .py file"),
    "plugin ./sweep.yaml": (plugin("./sweep.yaml"),
        "1:9: plugin DIR/sweep.yaml: not a shared object; compile it with -shared -fPIC"),
    "plugin mine.py": (plugin("mine.py"), "1:9: there is no plugin mine.py; check its path"),
    "plugin Echo": (plugin("Echo"),
        "1:9: 'Echo' is no plugin: give a name (a-z, 0-9, _) on the plugin path, or the path of a .so or .py file"),
    "plugin 'e cho'": (plugin("'e cho'"),
        "1:9: 'e cho' is no plugin: give a name (a-z, 0-9, _) on the plugin path, or the path of a .so or .py file"),
    "plugin ctor_crash": (plugin("ctor_crash"),
        "1:9: plugin BUILD/tests/plugins/ctor_crash.so: crashed while it was loaded or described: signal 11 (Segmentation fault); it last wrote: refused: in the constructor"),
    "plugin ctor_exit": (plugin("ctor_exit"),
        "1:9: plugin BUILD/tests/plugins/ctor_exit.so: ended its process with exit status 0 while it was loaded or described; it last wrote: refused: in the constructor"),
    "plugin describe_crash": (plugin("describe_crash"),
        "1:9: plugin BUILD/tests/plugins/describe_crash.so: crashed while it was loaded or described: signal 11 (Segmentation fault); it last wrote: refused: in describe"),
    "plugin describe_exit": (plugin("describe_exit"),
        "1:9: plugin BUILD/tests/plugins/describe_exit.so: ended its process with exit status 3 while it was loaded or described"),
    "plugin describe_fail": (plugin("describe_fail"),
        "1:9: plugin BUILD/tests/plugins/describe_fail.so: describe failed: the config is not to my taste"),
    "plugin abi_major": (plugin("abi_major"),
        "1:9: plugin BUILD/tests/plugins/abi_major.so: built for ABI 2.0, but this sheaf has 1.0 (another major); build it with this sheaf's sheaf/plugin.h"),
    "plugin abi_minor": (plugin("abi_minor"),
        "1:9: plugin BUILD/tests/plugins/abi_minor.so: built for ABI 1.1, but this sheaf has 1.0 (a newer minor); build it with this sheaf's sheaf/plugin.h"),
    "plugin struct_size": (plugin("struct_size"),
        "1:9: plugin BUILD/tests/plugins/struct_size.so: its entry says ABI 1.0 but has 8 bytes, not 56; set .struct_size = sizeof(struct sheaf_plugin)"),
    "plugin no_run": (plugin("no_run"), "1:9: plugin BUILD/tests/plugins/no_run.so: its entry has no function 'run'"),
    "plugin no_entry": (plugin("no_entry"),
        "1:9: plugin BUILD/tests/plugins/no_entry.so: exports no sheaf_plugin_entry; see sheaf/plugin.h"),
    "plugin no_score": (plugin("no_score"),
        "1:9: plugin BUILD/tests/plugins/no_score.so: it returns no score; a plugin needs at least one"),
    "plugin bad_name": (plugin("bad_name"),
        "1:9: plugin BUILD/tests/plugins/bad_name.so: it calls itself 'Not A Name'; a name is a letter a-z, then a-z, 0-9 and _"),
    "plugin missing_symbol": (plugin("missing_symbol"),
        "1:9: plugin BUILD/tests/plugins/missing_symbol.so: cannot be loaded: undefined symbol: refused_nobody_defines_this"),
    "plugin ''": (plugin("''"), "1:9: plugin is \"\"; give the name or path of a plugin"),
    "plugin '~/echo.so'": (plugin("'~/echo.so'"), "1:9: there is no plugin ~/echo.so; check its path"),
    "plugin $HOME/echo.so": (plugin("$HOME/echo.so"), "1:9: there is no plugin $HOME/echo.so; check its path"),
    "an int below its range": ("plugin: fault\nparams: {every: 0}\ngoal: {maximize: value}\n",
        "2:17: params.every is 0; fault takes a whole number from 1 to 1000000000000000000"),
    "an int above its range": ("plugin: fault\nparams: {mb: [1, 1000001]}\ngoal: {maximize: value}\n",
        "2:18: params.mb is 1000001; fault takes a whole number from 0 to 1000000"),
    "a missing parameter": ("plugin: required\nparams: {}\ngoal: {maximize: value}\n",
        "2:9: refused needs the parameter x; add it to params: a number from 1 to 10"),
    "no parameters": ("plugin: required\ngoal: {maximize: value}\n",
        "1:1: refused needs the parameter x; add it to params: a number from 1 to 10"),
    "a blank that YAML wants": (e("limits: {attempts:}"),
        "4:18: not valid YAML: a ':' where none belongs; write a blank behind it, or put the text in quotes"),
    "100,000 brackets": ("a: " + "[" * 100000, "1:35: more than 32 levels deep; write it flatter"),
    "100,000 maps": ("a: " + "{b: " * 100000, "1:128: more than 32 levels deep; write it flatter"),
    "very many values": ("a: [" + "1, " * 270000 + "]\n",
        "1:786428: more than 262144 values; put long lists of trials into a file (search: list)"),
    "a long text": ("plugin: " + "x" * 5000 + "\n",
        '1:9: plugin is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."; give at most 4000 bytes'),
    "a long constraint": (e("where: '" + "x > 0 and " * 500 + "x > 0'"),
        '4:8: where is "x > 0 and x > 0 and x > 0 and x > 0 and ..."; give at most 4096 bytes'),
    "a deep constraint": (e("where: '" + "(" * 100 + "x > 0" + ")" * 100 + "'"),
        '4:8: where "' + "(" * 100 + "x > 0" + ")" * 95 + '": column 66: nested too deeply; write several constraints instead; correct it'),
}


@pytest.mark.parametrize("name", SWEEPS)
def test_a_wrong_sweep_file_gets_its_line(world, name):
    text, line = SWEEPS[name]
    (world.path / "sweep.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert refused_line(world, "run", "sweep.yaml") == "sweep.yaml:" + line


# ---- values of the wrong type, for every field of the first level ----

GIVE = {
    "name": "a text (numbers in quotes)",
    "plugin": "the name or path of a plugin",
    "config": "a map {OPTION: VALUE}",
    "data": "the name of a .sheaf file, {stage: NAME} or a list of these",
    "search": "a map {method: grid}",
    "params": "a map {PARAMETER: VALUES}",
    "where": 'a constraint like "fast < slow"',
    "split": "{walk_forward: {train: ROWS, test: ROWS}}",
    "reduce": "a map {split: mean}",
    "goal": "{maximize: SCORE} or {minimize: SCORE}",
    "limits": "a map {task_seconds: 60}",
    "keep": "all or {best: TRIALS}",
}
TEXTS = ("name", "plugin", "data", "where")
MAPS = ("config", "data", "search", "params", "split", "reduce", "goal", "limits", "keep")
SHAPES = {"~": "empty", "5": "5", "-1.5": "-1.5", "true": "true", "zzz": '"zzz"', "''": '""', "[[]]": "a list", "{zzz: 1}": "a map"}


def wrong_shapes():
    for field in GIVE:
        for value, shown in SHAPES.items():
            if (value == "zzz" and field in TEXTS) or (value == "{zzz: 1}" and field in MAPS):
                continue  # what it takes
            column = 1 if value == "[[]]" and field in ("data", "where", "goal") else 0  # they take lists: the place is inside
            yield field, value, f"1:{len(field) + 3 + column}: {field} is {shown}; give {GIVE[field]}"


@pytest.mark.parametrize("field,value,line", list(wrong_shapes()))
def test_every_field_says_what_it_takes(world, field, value, line):
    world.file("sweep.yaml", f"{field}: {value}\n" + ("" if field == "plugin" else "plugin: echo\n"))
    assert refused_line(world, "run", "sweep.yaml") == "sweep.yaml:" + line


INSIDE = {
    "data": "stage, file, along, as",
    "search": "method, trials, seed, file",
    "split": "walk_forward, k_fold, on",
    "reduce": "split, key",
    "goal": "maximize, minimize",
    "limits": "task_seconds, memory_mb, attempts, failures",
    "keep": "best",
}


@pytest.mark.parametrize("field", INSIDE)
def test_every_map_says_which_fields_it_has(world, field):
    world.file("sweep.yaml", f"plugin: echo\n{field}: {{zzz: 1}}\n")
    line = f"sweep.yaml:2:{len(field) + 4}: unknown field {field}.zzz; use one of: {INSIDE[field]}"
    assert refused_line(world, "run", "sweep.yaml") == line


# ---- files ----

def test_a_sweep_file_that_is_no_file(world):
    assert refused_line(world, "run", "none.yaml") == "none.yaml: there is no such file; check the name of the sweep file"
    assert refused_line(world, "run", "no/such/folder.yaml") == (
        "no/such/folder.yaml: there is no such file; check the name of the sweep file")
    assert refused_line(world, "run", ".") == "cannot read .: Is a directory"
    assert refused_line(world, "run", "") == "the name of the sweep file is empty; give SWEEP.yaml"


def test_a_sweep_file_of_100_mb(world):
    with open(world.path / "large.yaml", "wb") as f:
        f.truncate(100 << 20)
    line = "large.yaml: larger than 8 MiB; put long lists of trials into a file (search: list)"
    assert refused_line(world, "run", "large.yaml") == line


def test_a_byte_order_mark_is_no_mistake(world):
    (world.path / "sweep.yaml").write_bytes(b"\xef\xbb\xbf" + E.encode())
    assert world.json("run", "sweep.yaml")["tasks"]["done"] == 1


# ---- constraints that are found out late ----

def test_a_long_sweep_whose_where_excludes_everything_is_a_wrong_request(world):
    world.sweep(params={"x": {"from": 1, "to": 1200000, "step": 1}}, where="x < 0")
    r = world.run("run", "sweep.yaml", code=2)
    assert r.stderr == "sheaf: where excludes every trial; loosen it or change the params\n"
    assert "done: 0 of 1,200,000 tasks done, 1,200,000 skipped" in r.stdout
    assert "reason: where excludes every trial; loosen it or change the params" in r.stdout
    assert world.json("show", "last")["reason"] == "where excludes every trial; loosen it or change the params"
    world.run("wait", "last", code=2)


def test_a_where_that_few_draws_pass_is_no_mistake(world):
    world.sweep(params={"x": {"from": 0, "to": 1}}, search={"method": "random", "trials": 20}, where="x > 0.999")
    r = world.json("run", "sweep.yaml")
    assert r["tasks"]["done"] > 5 and r["tasks"]["done"] + r["tasks"]["skipped"] == 20


# ---- lists of trials ----

LIST = "plugin: context\ngoal: {maximize: x}\nsearch: {method: list, file: FILE}\n"
KNOWN = "x, n, colour, text, flag"
LISTS = {  # the file's text, more of the sweep file, line
    "t.csv": [
        ("", "", "t.csv:1:1: no trials; write one a line"),
        ("x,n\n", "", "t.csv:1:1: no trials; write one a line"),
        ("x,m\n1,2\n", "", f"t.csv:1:3: context has no parameter m; use one of: {KNOWN}"),
        ("x,color\n1,red\n", "", f"t.csv:1:3: context has no parameter color; did you mean colour? (known: {KNOWN})"),
        ("x,x\n1,2\n", "", "t.csv:1:3: the column x stands here twice; remove one"),
        ("x,\n1,2\n", "", "t.csv:1:3: a column without a name; write the parameter's name"),
        ("x,n\n1\n", "", "t.csv:2:1: 1 cell, but the header has 2; add the missing ones"),
        ("x,n\n1,2,3\n", "", "t.csv:2:5: a cell too many: the header has 2; remove it"),
        ("x,n\n1,2.5\n", "", f"t.csv:2:3: n is 2.5; context takes {INT}"),
        ("x,n\n1,\n", "", f"t.csv:2:3: n is empty; context takes {INT}"),
        ("x\nnan\n", "", 't.csv:2:1: x is "nan"; context takes a number'),
        ("colour\nyellow\n", "", 't.csv:2:1: colour is "yellow", not a choice of context; use one of: red, green, blue'),
        (b"text\n\xe9\n", "", "t.csv:2:1: not UTF-8 text; save the file as UTF-8"),
        (b"text\na\0b\n", "", "t.csv:2:1: a NUL byte; save the file as UTF-8 text"),
        ('text\n"a\n', "", 't.csv:2:1: a quoted cell is not closed on its line; add the missing "'),
        ("x\n1\n", "params: {x: 5}", "sweep.yaml:4:10: params.x is a column of t.csv too; remove one"),
        ("x\n1\n", "params: {n: [1, 2]}",
         "sweep.yaml:4:13: params.n has several values, but search: list takes them from t.csv; give one value here"),
        ("x\n1\n2\n", "where: x > 5", "sweep.yaml:4:8: where excludes every trial (2 in all); loosen it or change the params"),
    ],
    "t.jsonl": [
        ("", "", "t.jsonl:1:1: no trials; write one a line"),
        ("{\n", "", "t.jsonl:1:1: not JSON: string or '}' expected near end of file; write one object a line"),
        ("[1]\n", "", 't.jsonl:1:1: not an object; write {"PARAMETER": VALUE, ...}'),
        ('{"x": 1}\n{"n": 1}\n', "", "t.jsonl:2:1: x is missing, which the first line has; give it on every line"),
        ('{"x": "high"}\n', "", 't.jsonl:1:1: x is "high"; context takes a number'),
        ('{"x": null}\n', "", "t.jsonl:1:1: x is empty; context takes a number"),
        ('{"x": [1]}\n', "", "t.jsonl:1:1: x is a list or a map; give one value"),
        ('{"x": 1, "x": 2}\n', "", "t.jsonl:1:12: not JSON: duplicate object key near '\"x\"'; write one object a line"),
        ('{"x": ' + "[" * 3000 + "\n", "",
         "t.jsonl:1:2054: not JSON: maximum parsing depth reached near '['; write one object a line"),
        (b'{"text": "\xe9"}\n', "", "t.jsonl:1:1: not UTF-8 text; save the file as UTF-8"),
    ],
}


@pytest.mark.parametrize("name,text,more,line", [(name, *row) for name in LISTS for row in LISTS[name]])
def test_a_wrong_list_of_trials_gets_its_line(world, name, text, more, line):
    (world.path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    world.file("sweep.yaml", LIST.replace("FILE", name) + more + "\n")
    assert refused_line(world, "run", "sweep.yaml") == line


def test_fewer_trials_than_asked_for(world):
    world.file("t.csv", "x\n1\n2\n")
    world.file("sweep.yaml", LIST.replace("FILE", "t.csv, trials: 5"))
    assert refused_line(world, "run", "sweep.yaml") == (
        "sweep.yaml:3:45: search.trials is 5, but t.csv has 2; give at most that many")
