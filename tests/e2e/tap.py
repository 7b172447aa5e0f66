# SPDX-License-Identifier: MIT
"""An external ledger: a tap in the wire between workers and their broker. It passes every byte on as it is, reads along with a
second implementation of the protocol (docs/protocol.md), and writes down what was granted, reported and acknowledged before
anybody else sees the acknowledgement. Nothing of sheaf runs in it, and nobody kills it."""

import hashlib
import os
import selectors
import socket
import struct
import threading
import time

import numpy

HELLO, REPORT, GRANT, ACK = 48, 52, 82, 83
VERIFY, SECOND = 1, 2  # flags of a lease: run although it is done, or in somebody else's hands
GREETING = 64  # bytes that each side of a ZMTP 3 connection begins with
MORE, LONG, COMMAND = 1, 2, 4  # flags of a ZMTP frame
QUEUE = 8 << 20  # bytes that wait for a peer that does not read, before the other side is made to wait


def unpack(data, at=0):
    """One MessagePack object of the kinds that the protocol uses: (value, where it ends)."""
    byte = data[at]
    at += 1
    if byte < 0x80:
        return byte, at
    if byte >= 0xe0:
        return byte - 256, at
    if 0x90 <= byte <= 0x9f or byte in (0xdc, 0xdd):
        n, at = (byte & 15, at) if byte < 0xa0 else number(data, at, 2 if byte == 0xdc else 4)
        items = []
        for _ in range(n):
            item, at = unpack(data, at)
            items.append(item)
        return items, at
    if 0xa0 <= byte <= 0xbf:
        return bytes(data[at:at + (byte & 31)]), at + (byte & 31)
    if byte in (0xc2, 0xc3):
        return byte == 0xc3, at
    sizes = {0xc4: 1, 0xc5: 2, 0xc6: 4, 0xd9: 1, 0xda: 2, 0xdb: 4}  # bytes and text
    if byte in sizes:
        n, at = number(data, at, sizes[byte])
        return bytes(data[at:at + n]), at + n
    kinds = {0xcb: ">d", 0xcc: ">B", 0xcd: ">H", 0xce: ">I", 0xcf: ">Q", 0xd0: ">b", 0xd1: ">h", 0xd2: ">i", 0xd3: ">q"}
    return struct.unpack_from(kinds[byte], data, at)[0], at + struct.calcsize(kinds[byte])


def number(data, at, size):
    return int.from_bytes(data[at:at + size], "big"), at + size


class Ledger:
    """What was granted, reported and acknowledged of the first n tasks of a sweep with one score each. `wrong` is what must not be."""

    def __init__(self, n):
        self.scores = numpy.full(n, numpy.nan)  # of acknowledged tasks
        self.acknowledged = numpy.zeros(n, bool)
        self.acks = self.grants = 0
        self.first_grant = None  # when it came; whoever sets it to None waits for the next
        self.reports = {}  # (instance, number): (digest, runs)
        self.ambush = None  # (kind of message, what to do once when the next such has been read and nobody has it yet)
        self.wrong = []

    def report(self, instance, message):
        (seq, _, _, _, runs, *_), _ = unpack(message)
        digest = hashlib.blake2b(message).digest()
        known = self.reports.setdefault((instance, seq), (digest, [self.run(*run) for run in runs]))
        if known[0] != digest:
            self.wrong.append(f"report {seq} of {instance} came twice with other contents")

    def run(self, begin, n, status, scores):
        if status and set(status) != {1}:
            self.wrong.append(f"not all of the tasks {begin} to {begin + n} are done: {status[:64]!r}")
        return begin, numpy.frombuffer(scores, "<f8")[:max(0, len(self.scores) - begin)]

    def ack(self, instance, seq):
        if (instance, seq) not in self.reports:
            self.wrong.append(f"report {seq} of {instance} was acknowledged and never made")
            return
        self.acks += 1
        for begin, scores in self.reports[instance, seq][1]:
            place = slice(begin, begin + len(scores))
            differs = self.acknowledged[place] & (self.scores[place] != scores)
            if differs.any():
                self.wrong.append(f"task {begin + int(differs.argmax())} was acknowledged with two scores")
            self.scores[place] = scores
            self.acknowledged[place] = True

    def grant(self, lease):
        _, number, begin, end, flags = lease
        self.grants += 1
        self.first_grant = self.first_grant or time.monotonic()
        if not flags & (VERIFY | SECOND) and self.acknowledged[begin:end].any():
            task = begin + int(self.acknowledged[begin:end].argmax())
            self.wrong.append(f"task {task} was granted again (lease {number}) after it had been acknowledged")


    def spring(self, kind):
        if self.ambush and self.ambush[0] == kind:
            (_, act), self.ambush = self.ambush, None
            act()


class Connection:
    """One connection of a worker and the one that the tap made to the broker for it."""

    def __init__(self, ledger):
        self.ledger, self.instance, self.early = ledger, None, []

    def from_worker(self, kind, message):
        if kind == HELLO:
            self.instance = unpack(message)[0][0].decode()
            for early in self.early:
                self.ledger.report(self.instance, early)
            self.early = []
        elif kind == REPORT and self.instance is None:
            self.early.append(message)  # by one who does not know yet that the broker is a new one
        elif kind == REPORT:
            self.ledger.report(self.instance, message)
        self.ledger.spring(kind)

    def from_broker(self, kind, message):
        if kind == ACK:
            for (seq,) in unpack(message)[0][0]:
                self.ledger.ack(self.instance, seq)
        elif kind == GRANT:
            for lease in unpack(message)[0][0]:
                self.ledger.grant(lease)
        self.ledger.spring(kind)


class Reader:
    """Takes the messages out of one direction of a ZMTP connection."""

    def __init__(self, take):
        self.data, self.frames, self.greeted, self.take = bytearray(), [], False, take

    def feed(self, data):
        self.data += data
        if not self.greeted and len(self.data) >= GREETING:
            del self.data[:GREETING]
            self.greeted = True
        while self.greeted and (frame := self.frame()):
            flags, content = frame
            if flags & COMMAND:
                continue
            self.frames.append(content)
            if not flags & MORE:
                (_, _, kind), _ = unpack(self.frames[0])
                self.take(kind, self.frames[1])
                self.frames = []

    def frame(self):
        if len(self.data) < 2 or (self.data[0] & LONG and len(self.data) < 9):
            return None
        flags = self.data[0]
        size, at = number(self.data, 1, 8 if flags & LONG else 1)
        if len(self.data) < at + size:
            return None
        content = bytes(self.data[at:at + size])
        del self.data[:at + size]
        return flags, content


class Side:
    """One of the two sockets of a connection: what comes in is read along, then queued at the other side."""

    def __init__(self, sock, connection, take):
        self.sock, self.connection, self.reader, self.queue, self.other = sock, connection, Reader(take), bytearray(), None
        self.events, self.ended = 0, False


class Tap(threading.Thread):
    """Listens at one unix socket and connects to another. ended() stops it and raises what went wrong in it."""

    def __init__(self, listen, broker, ledger):
        super().__init__(daemon=True)
        self.broker, self.ledger, self.trouble = str(broker), ledger, None
        self.path = str(listen)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        self.connections = []  # that are open
        self.wake, self.waked = socket.socketpair()
        self.poll = selectors.DefaultSelector()
        self.poll.register(self.listener, selectors.EVENT_READ)
        self.poll.register(self.waked, selectors.EVENT_READ)
        self.start()

    def run(self):
        try:
            while self.turn():
                pass
        except BaseException as e:  # told to whoever stops us
            self.trouble = e

    def turn(self):
        for key, events in self.poll.select():
            if key.fileobj is self.waked:
                return False
            if key.fileobj is self.listener:
                self.accept()
            elif events & selectors.EVENT_WRITE and not key.data.ended:
                self.flush(key.data)
            if key.data and events & selectors.EVENT_READ and not key.data.ended:
                self.read(key.data)
        return True

    def accept(self):
        ours, _ = self.listener.accept()
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(self.broker)
        except OSError:  # there is no broker now: so the worker finds
            ours.close()
            far.close()
            return
        connection = Connection(self.ledger)
        a, b = Side(ours, connection, connection.from_worker), Side(far, connection, connection.from_broker)
        a.other, b.other = b, a
        self.connections.append(connection)
        for side in (a, b):
            side.sock.setblocking(False)
        self.listen(a)
        self.listen(b)

    def read(self, side):
        try:
            data = side.sock.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            self.end(side)
            return
        side.reader.feed(data)  # before anybody else can know it
        side.other.queue += data
        self.flush(side.other)

    def flush(self, side):
        try:
            while side.queue:
                del side.queue[:side.sock.send(side.queue[:1 << 18])]
        except BlockingIOError:
            pass
        except OSError:
            self.end(side)
            return
        self.listen(side)
        self.listen(side.other)

    def listen(self, side):
        events = (selectors.EVENT_WRITE if side.queue else 0) | (selectors.EVENT_READ if len(side.other.queue) < QUEUE else 0)
        if side.events:
            self.poll.unregister(side.sock)
        if events:
            self.poll.register(side.sock, events, side)
        side.events = events

    def end(self, side):
        """One has gone, so the other goes, too; what was on its way is lost, as it may be."""
        self.connections.remove(side.connection)
        for each in (side, side.other):
            each.ended = True
            if each.events:
                self.poll.unregister(each.sock)
            each.sock.close()

    def connected(self):
        """Has a worker said hello to a broker that both are still there?"""
        return any(connection.instance for connection in list(self.connections))

    def ended(self):
        self.wake.send(b"x")
        self.join()
        for key in list(self.poll.get_map().values()):
            key.fileobj.close()
        self.poll.close()
        self.wake.close()
        os.unlink(self.path)
        if self.trouble is not None:
            raise self.trouble
