# SPDX-License-Identifier: MIT
"""Peers that are none of ours, or worse, at a broker's live port. Whatever they send or do not read: it goes on serving
others, and its memory stays within bounds."""

import os
import random
import resource
import select
import signal
import socket
import struct
import threading

import pytest

from conftest import PATIENCE, PORTABLE, SANITIZED, wait_until
from test_broker import free_port

MIB = 1 << 20
MOST = (4096 if SANITIZED else 2048) * MIB  # the door's 512 MiB, what comes until it looks, and what a sanitizer adds
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
READY = b"\x04" + bytes([len(READY)]) + READY
READ, WATCH, HELLO, BEAT, WANT, REPORT, STATUS = 22, 17, 48, 49, 50, 52, 113
EPROTO, EVERSION, EGONE = -4, -5, -11


@pytest.fixture(params=["tcp", "ipc"])
def broker(request, world):
    """A broker with a worker, over TCP and over ipc."""
    url = f"tcp://127.0.0.1:{free_port()}" if request.param == "tcp" else f"ipc://{world.runtime}/b"
    processes = [world.start("broker", "--listen", url, "--state", world.path / "broker", stdout=None, stderr=None),
                 world.start("worker", "--broker", url, "--slots", "2", stdout=None, stderr=None)]
    world.env["SHEAF_BROKER"] = url
    wait_until(lambda: world.run("list", code=None).returncode == 0, "the broker answers")
    yield url
    assert all(p.poll() is None for p in processes)
    for p in reversed(processes):
        p.send_signal(signal.SIGTERM)
        assert p.wait(timeout=30) == 0


class Peer:
    """A ZMTP connection made by hand."""

    def __init__(self, url, greet=True):
        kind, address = url.split("://")
        if kind == "tcp":
            host, port = address.split(":")
            self.socket = socket.create_connection((host, int(port)))
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address)
        self.socket.settimeout(PATIENCE)
        self.inbox = b""
        if greet:
            self.socket.sendall(GREETING + READY)
            self.take(64)
            flags, _ = self.frame()
            assert flags & 4, "READY is a command"

    def take(self, n):
        while len(self.inbox) < n:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.inbox += more
        taken, self.inbox = self.inbox[:n], self.inbox[n:]
        return taken

    def frame(self):
        flags, = self.take(1)
        size, = struct.unpack(">Q", self.take(8)) if flags & 2 else self.take(1)
        return flags, self.take(size)

    def send(self, *frames):
        """One message."""
        for i, data in enumerate(frames):
            more = i + 1 < len(frames)
            self.socket.sendall(bytes([2 | more]) + struct.pack(">Q", len(data)) + data)

    def say(self, kind, body=b"\x90", major=1):
        self.send(bytes([0x93, major, 0, 0xcc, kind]), body)

    def answer(self):
        """Of the next message of ours: the type, and the body as it is."""
        _, head = self.frame()
        _, body = self.frame()
        return head[-1], body

    def refused(self):
        """The error number and text of the ERROR that comes next."""
        kind, body = self.answer()
        assert kind == 1 and body[0] == 0x92, body
        err = body[1] - 256
        return err, body[2:].decode(errors="replace")

    def is_closed(self, seconds=PATIENCE):
        """Waits for the broker to close it."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def close(self):
        self.socket.close()


class Memory:
    """The most that a process has had, looked at again and again."""

    def __init__(self, pid):
        self.pid, self.peak, self.over = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def now(self):
        pages = open(f"/proc/{self.pid}/statm").read().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def watch(self):
        while not self.over.wait(0.02):
            self.peak = max(self.peak, self.now())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        assert self.peak < MOST, f"{self.peak / MIB:.0f} MiB"


def serves(world, name):
    """Another client's sweep runs meanwhile, to its right end."""
    r = world.json("run", world.sweep(f"{name}.yaml", name=name, params={"x": {"from": 1, "to": 500, "step": 1}}))
    assert r["state"] == "done" and r["tasks"]["done"] == 500


def flood(peer, chunk, most):
    """Sends that again and again until the broker has had enough of it, and closes its end."""
    sent = 0
    peer.socket.setblocking(False)
    while sent < most:
        readable, writable, _ = select.select([peer.socket], [peer.socket], [], PATIENCE)
        try:
            if readable and not peer.socket.recv(65536):
                return
            if writable:
                sent += peer.socket.send(chunk[sent % len(chunk):])
        except BlockingIOError:
            pass
        except OSError:
            return
        assert readable or writable, f"stuck after {sent / MIB:.0f} MiB"
    pytest.fail(f"after {sent / MIB:.0f} MiB the connection is still open")


def test_noise_and_half_handshakes(world, broker):
    dice = random.Random(7)
    noise = [Peer(broker, greet=False) for _ in range(60)]
    for i, p in enumerate(noise):
        try:
            p.socket.sendall(dice.randbytes(dice.randrange(1, 4000)) if i % 2 else GREETING[:dice.randrange(1, 64)])
        except OSError:  # it has been thrown out in the middle of it
            pass
    silent, slow = Peer(broker, greet=False), Peer(broker, greet=False)
    no_ready = Peer(broker, greet=False)
    no_ready.socket.sendall(GREETING)
    serves(world, "noise")
    for byte in GREETING[:10]:  # no time to wait for: it is closed in the middle of a greeting that never ends
        try:
            slow.socket.sendall(bytes([byte]))
        except OSError:
            break
    assert all(p.is_closed() for p in [*noise, silent, slow, no_ready])
    serves(world, "after")


def test_messages_that_no_peer_of_ours_sends(world, broker):
    p = Peer(broker)
    p.say(WATCH, b"\x94\x00\x00\x00\xc2", major=9)
    err, text = p.refused()
    assert err == EVERSION and "9" in text and "1" in text
    for kind in BEAT, WANT, REPORT:  # before HELLO
        p.say(kind)
        assert p.refused()[0] == EGONE
    p.say(HELLO)
    assert p.refused()[0] == EPROTO
    for kind, body in (STATUS, b"\x90"), (99, b"\x90"), (WATCH, b""), (WATCH, b"\xdd\xff\xff\xff\xff"), (READ, b"\x91\xa1x"):
        p.say(kind, body)
        assert p.refused()[0] == EPROTO, kind
    p.send(b"one frame")
    assert p.refused()[0] == EPROTO
    p.send(b"\x93\x01\x00\x11", b"\x90", b"three")
    assert p.refused()[0] == EPROTO
    p.say(READ, b"\x95\xcd\x03\xe7\x00\x00\xc2\x00")  # of a sweep that is not there
    assert p.refused()[0] == -10
    serves(world, "wrong")
    p.close()


def test_frames_that_say_they_are_giant(world, broker):
    with Memory(world.process("broker")) as memory:
        for size in (97 * MIB, 1 << 33, (1 << 63) - 1):
            p = Peer(broker)
            p.socket.sendall(b"\x02" + struct.pack(">Q", size) + b"x" * 100)
            assert p.is_closed()
        serves(world, "giant")
    assert memory.peak < (1000 if SANITIZED else 200) * MIB


@pytest.mark.skipif(PORTABLE, reason="the portable twin does not know how much memory it has")
@pytest.mark.parametrize("frame", [b"\x01\x00", b"\x03" + struct.pack(">Q", 65536) + bytes(65536)], ids=["empty", "64 KiB"])
def test_a_message_without_an_end(world, broker, frame):
    chunk = frame * max(1, MIB // len(frame))
    with Memory(world.process("broker")):
        for round in range(2):
            p = Peer(broker)
            flood(p, chunk, 20 << 30)
            p.close()
            serves(world, f"endless{round}")


def test_a_client_that_never_reads(world, broker):
    world.run("run", world.sweep(params={"x": {"from": 1, "to": 400000, "step": 1}}))
    with Memory(world.process("broker")) as memory:
        p = Peer(broker)
        ask = bytes([0x02 | 1]) + struct.pack(">Q", 4) + bytes([0x93, 1, 0, READ])
        ask += b"\x02" + struct.pack(">Q", 6) + b"\x95\x01\x00\x00\xc2\x00"
        p.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        p.socket.sendall(ask * 500)
        serves(world, "unread")
        assert world.run("results", "1", "--tasks").stdout.count("\n") == 400001
        p.close()
    assert memory.peak < (1500 if SANITIZED else 400) * MIB


def test_more_connections_than_anybody_needs(world, broker):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard[1]), hard[1]))
    peers = []
    try:
        for i in range(2000):
            peers.append(Peer(broker, greet=False))
        serves(world, "many")
        assert all(p.is_closed() for p in peers)  # none of them has said anything
    finally:
        for p in peers:
            p.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, hard)
    serves(world, "fewer")
