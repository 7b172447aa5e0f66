# SPDX-License-Identifier: MIT
"""The index space in Python: a second implementation, from docs/index-space.md, to compare bit for bit.

    space_ref.py DUMP      runs the program DUMP (tests/space_dump.c) and checks every line that it prints

Python's floats are IEEE doubles without contraction, and the functions below use + - * / only.
"""
import json
import math
import subprocess
import sys

MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1
STREAM_TASK, STREAM_PERMUTE, STREAM_PARAM = 0, 1, 0x10000
NAMES = "abcde"
DEFAULTS = [3, 0.1, -1.5, "ic", 7]


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK32, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK32]
        k = [(k[0] + 0x9E3779B9) & MASK32, (k[1] + 0xBB67AE85) & MASK32]
    return c


def draw(seed, number, stream, attempt):
    """The low and the high half of a block, as one 128-bit integer."""
    w = philox([number & MASK32, number >> 32, stream, attempt], [seed & MASK32, seed >> 32])
    return w[0] | w[1] << 32 | w[2] << 64 | w[3] << 96


def unit(block):
    return ((block & MASK64) >> 11) * 2.0 ** -53


def below(block, n):
    return block * n >> 128


def permute(n, seed, which, i):
    half = 1
    while half < 32 and (n - 1) >> (2 * half):
        half += 1
    keys = []
    for pair in range(4):
        block = draw(seed, which, STREAM_PERMUTE, pair)
        keys += [block & MASK64, block >> 64]

    def mix(x):
        for _ in range(2):
            x = ((x ^ (x >> 32)) * 0xD6E8FEB86659FD93) & MASK64
        return (x ^ (x >> 32)) >> (64 - half)

    while True:
        left, right = i >> half, i & ((1 << half) - 1)
        for key in keys:
            left, right = right, left ^ mix(right ^ key)
        i = left << half | right
        if i < n:
            return i


LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
INV_LN2 = float.fromhex("0x1.71547652b82fep+0")
SQRT2 = float.fromhex("0x1.6a09e667f3bcdp+0")


def exp(x):
    k = int(x * INV_LN2 + (-0.5 if x < 0 else 0.5))
    high, low = x - k * LN2_HIGH, k * LN2_LOW
    r = high - low
    rest = (high - r) - low
    s = 0.0
    for n in range(14, 2, -1):
        s = (s + 1) * (r / n)
    half = r * r * 0.5
    tail = rest + half * s
    return math.ldexp(1 + (r + (half + tail)), k)


def log(x):
    m, k = math.frexp(x)
    m, k = m * 2, k - 1
    if m >= SQRT2:
        m, k = m * 0.5, k + 1
    f = m - 1
    s = f / (2 + f)
    z = s * s
    t = 0.0
    for n in range(11, 0, -1):
        t = (t + 2.0 / (2 * n + 1)) * z
    h = 0.5 * f * f
    rest = s * (h + t)
    if k == 0:
        return f - (h - rest)
    return k * LN2_HIGH - ((h - (rest + k * LN2_LOW)) - f)


def clamp(x, low, high):
    return low if x < low else high if x > high else x


def round_into(x, low, high):
    if not x < high:
        return high
    return clamp(int(x + 0.5), low, high)


class Axis:
    def __init__(self, a):
        self.param, self.kind, self.count, self.log = a["param"], a["kind"], a["count"], a["log"]
        ints = self.kind in ("int", "log_int")
        self.low, self.high, self.step = a["ints"] if ints else map(float.fromhex, a["floats"])
        self.values = a["values"]

    def point(self, k):
        """Point k of a grid."""
        low, high = self.low, self.high
        if self.kind == "choices":
            return self.values[k]
        if self.kind == "int":
            return low + k * self.step
        if self.kind == "float_step":
            return clamp(low + k * self.step, low, high)
        if k == 0:
            return low
        if k == self.count - 1:
            return high
        if self.kind == "float" and not self.log:
            return clamp(low + (high - low) * k / (self.count - 1), low, high)
        log_low, log_high = log(float(low)), log(float(high))
        x = exp(log_low + (log_high - log_low) * k / (self.count - 1))
        return clamp(x, low, high) if self.kind == "float" else round_into(x, low, high)

    def digits(self):
        """Every value of a grid along this axis, as a function of the digit, and how many there are."""
        if self.kind == "log_int":
            points = []
            for k in range(self.count):
                x = self.point(k)
                if not points or x > points[-1]:
                    points.append(x)
            return points.__getitem__, len(points)
        n = {"choices": len(self.values), "int": (self.high - self.low) // self.step + 1 if self.kind == "int" else 0}
        return self.point, n.get(self.kind, self.count)

    def random(self, block):
        if self.kind in ("choices", "int", "float_step"):
            value, n = self.digits()
            return value(below(block, n))
        u, low, high = unit(block), self.low, self.high
        if self.kind == "log_int":
            a, b = log(low - 0.5), log(high + 0.5)
            return round_into(exp(a + (b - a) * u), low, high)
        if self.log:
            a, b = log(low), log(high)
            return clamp(exp(a + (b - a) * u), low, high)
        return clamp(low + (high - low) * u, low, high)


def holds(where, values):
    return not where or bool(eval(where, {}, dict(zip(NAMES, values))))


class Space:
    def __init__(self, plan):
        self.plan = plan
        self.axes = [Axis(a) for a in plan["axes"]]
        self.tables = [a.digits() for a in self.axes] if plan["method"] == "grid" else []

    def trial(self, number):
        values = list(DEFAULTS)
        if self.plan["method"] == "grid":
            for axis, (value, n) in zip(reversed(self.axes), reversed(self.tables)):
                number, digit = divmod(number, n)
                values[axis.param] = value(digit)
            return holds(self.plan["where"], values), values
        for attempt in range(1001):
            for axis in self.axes:
                values[axis.param] = axis.random(draw(self.plan["seed"], number, STREAM_PARAM + axis.param, attempt))
            if holds(self.plan["where"], values):
                return True, values
        return False, values


def fold_rows(seed, k, labels, split):
    n = len(labels)
    place = [permute(n, seed, 0, r) for r in range(n)]
    queue = sorted(range(n), key=lambda r: (labels[r], place[r]))
    return sorted(r for t, r in enumerate(queue) if t % k == split)


def read_row(row):
    v = row["values"]
    return row["allowed"], [int(v[0]), float.fromhex(v[1]), float.fromhex(v[2]), v[3], int(v[4])]


def same(a, b):
    return a[0] == b[0] and all(type(x) is type(y) and repr(x) == repr(y) for x, y in zip(a[1], b[1]))


def check(lines):
    """Number of comparisons and of differences."""
    n = wrong = 0
    space = None
    for line in lines:
        x = json.loads(line)
        what = x.get("what")
        if what == "plan":
            space = Space(x)
            continue
        if what == "permute":
            ok = permute(x["n"], x["seed"], x["which"], x["at"]) == x["to"]
        elif what == "seed":
            ok = draw(x["seed"], x["index"], STREAM_TASK, 0) & MASK64 == x["is"]
        elif what == "folds":
            ok = fold_rows(x["seed"], x["k"], x["labels"], x["split"]) == x["test"]
        else:
            ok = same(space.trial(x["trial"]), read_row(x))
        n += 1
        if not ok:
            wrong += 1
            print("differs:", line, space.trial(x["trial"]) if what is None else "")
    return n, wrong


def main():
    assert philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    out = subprocess.run([sys.argv[1]], stdout=subprocess.PIPE, check=True).stdout.decode()
    n, wrong = check(out.splitlines())
    print(f"{n} compared, {wrong} differ")
    return 1 if wrong or n < 1000 else 0


if __name__ == "__main__":
    sys.exit(main())
