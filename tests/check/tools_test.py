# SPDX-License-Identifier: MIT
"""The checks of tools/ find what they promise to find: each is given something wrong, and something right that looks alike."""
import importlib.machinery
import importlib.util
import os
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "tools"))


def load(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), os.path.join(TOP, "tools", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


function_size, include_check, text_check = load("function-size"), load("include-check"), load("text-check")

C_TEXT = '''
/* not { a function(void) { */
static const char *const text = "}{";
struct point { int x; };
static const int table[] = {1, 2};
static int (*const handlers[])(int) = {0};
#define TWICE(x) \\
    do { (x); (x); } while (0)
extern "C" {
static int
one(int a,
    int b)
{
    char c = '{';
    return a + b + c;
}
}

struct point two(void) __attribute__((cold))
{
    return (struct point){.x = 1};
}
void declared(int);
'''


class FunctionSize(unittest.TestCase):
    def test_finds_definitions_and_nothing_else(self):
        self.assertEqual([("one", 10, 7), ("two", 19, 4)], list(function_size.functions(C_TEXT)))

    def test_refuses_what_it_cannot_follow(self):
        with self.assertRaises(ValueError):
            list(function_size.functions("void f(void)\n{\n"))

    def judge(self, sizes, allow, lines=100):
        found = [(n, "a.c", f"f{i}") for i, n in enumerate(sizes)]
        return function_size.judge(found, {"a.c": lines}, allow)[1]

    def test_the_percentile_is_the_nearest_rank(self):
        self.assertEqual([], self.judge([10] * 9 + [41], {}))
        self.assertEqual(1, len(self.judge([10] * 8 + [41] * 2, {})))

    def test_long_functions_need_a_reason_and_very_long_ones_a_table(self):
        short = [5] * 20
        self.assertEqual([], self.judge(short + [60], {}))
        self.assertEqual(1, len(self.judge(short + [61], {})))
        self.assertEqual([], self.judge(short + [61], {"a.c:f20": "one state machine"}))
        self.assertEqual(1, len(self.judge(short + [101], {"a.c:f20": "one state machine"})))
        self.assertEqual([], self.judge(short + [101], {"a.c:f20": "flat table: one line a code"}))

    def test_an_exception_that_is_not_needed_is_wrong_and_so_is_a_long_file(self):
        self.assertEqual(1, len(self.judge([5], {"a.c:f0": "was long once"})))
        self.assertEqual(1, len(self.judge([5], {}, lines=801)))


class IncludeCheck(unittest.TestCase):
    def test_arrows_point_down(self):
        for path, to in (("broker/a.c", "worker/b.h"), ("worker/a.c", "broker/b.h"), ("common/a.c", "sweep/b.h"),
                         ("data/a.h", "sweep/b.h"), ("sweep/a.c", "cli/b.h"), ("sdk/include/sheaf/a.h", "common/b.h"),
                         ("plugins/wfo/a.c", "common/b.h"), ("plugins/wfo/a.c", "plugins/other/b.h"),
                         ("tests/plugins/a.c", "tests/fuzz/b.h"), ("common/a.c", "tests/b.h")):
            self.assertIsNotNone(include_check.complaint(path, to), (path, to))
        for path, to in (("cli/a.c", "worker/b.h"), ("broker/a.c", "broker/b.h"), ("worker/a.c", "sdk/include/sheaf/b.h"),
                         ("plugins/wfo/a.c", "plugins/wfo/b.h"), ("tests/plugins/a.c", "tests/plugins/kit.h"),
                         ("tests/fuzz/a.c", "broker/b.h"), ("bench/a.c", "common/b.h")):
            self.assertIsNone(include_check.complaint(path, to), (path, to))

    def test_names_resolve_as_the_compiler_resolves_them(self):
        there = {"plugins/wfo/rank.h", "common/log.h"}.__contains__
        self.assertEqual("plugins/wfo/rank.h", include_check.target("plugins/wfo/wfo.c", '"', "rank.h", there))
        self.assertEqual("common/log.h", include_check.target("cli/main.c", '"', "common/log.h", there))
        self.assertEqual("sdk/include/sheaf/plugin.h", include_check.target("a/b.c", "<", "sheaf/plugin.h", there))
        self.assertIsNone(include_check.target("a/b.c", "<", "stdio.h", there))


class TextCheck(unittest.TestCase):
    def complaints(self, path, text):
        return list(text_check.complaints(TOP, path, text))

    def test_each_rule_can_fail(self):
        spdx = "# SPDX-License-Identifier: MIT\n"
        self.assertEqual([], self.complaints("a.py", spdx + "x = 1\n"))
        for path, text in (("a.py", "x = 1\n"), ("a.py", spdx + "x = = 1\n"), ("a.py", spdx + "x = 1 \n"),
                           ("a.py", spdx + "x = 1"), ("a.py", spdx + "x = 1\n\n"), ("tool", "#!/bin/sh\ntrue\n"),
                           ("README.md", "see [there](docs/nowhere.md)\n")):
            self.assertEqual(1, len(self.complaints(path, text)), (path, text))

    def test_links_in_code_are_not_links(self):
        self.assertEqual([], self.complaints("README.md", "`a[i](b)` and [out](https://example.org/x)\n"))


if __name__ == "__main__":
    unittest.main()
