"""Write a large capture for benchmarks: many complete TCP connections, interleaved as on a busy server.

usage: python -m tests.bench.generate OUT.pcap [--connections N] [--exchanges N] [--messages N] [--every N] [--active N]
                                      [--seed N]

Each connection is a handshake, request and answer repeated, and a FIN from each side; every tenth (--every)
upgrades to WebSocket and talks in frames, as many messages each way as --messages says.  The same seed writes the same file.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import random
import struct
from collections.abc import Iterator
from pathlib import Path

FIN, SYN, PSH, ACK = 1, 2, 8, 16
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_OFFER = bytes.fromhex("020405b40402080a") + bytes(8) + bytes.fromhex("01030307")
_FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
_HEADERS = struct.Struct("!12sHBBHHHBBH4s4sHHIIBBHHH")
_MACS = bytes.fromhex("020000000002020000000001")


class Connection:
    """Both ends of one connection, and the packets they exchange."""

    def __init__(self, number: int, rng: random.Random) -> None:
        self._ends = (
            (b"\x0a" + number.to_bytes(3, "big"), 20_000 + number % 40_000),
            (bytes([10, 255, 0, 1 + number % 60]), 8080),
        )
        self._seq = [rng.getrandbits(32), rng.getrandbits(32)]

    def packet(self, side: int, flags: int, data: bytes = b"", options: bytes = b"") -> bytes:
        """One Ethernet frame; sequence numbers move on."""
        (source, sport), (target, dport) = self._ends[side], self._ends[1 - side]
        ack = self._seq[1 - side] if flags & ACK else 0
        length = 40 + len(options) + len(data)
        head = _HEADERS.pack(
            _MACS, 0x0800, 0x45, 0, length, 0, 0x4000, 64, 6, 0, source, target,
            sport, dport, self._seq[side], ack, 80 + 4 * len(options), flags, 64240, 0, 0,
        )  # fmt: skip
        self._seq[side] = self._seq[side] + len(data) + (flags & (SYN | FIN) > 0) & 0xFFFFFFFF
        return head + options + data


def conversation(connection: Connection, websocket: bool, exchanges: int, rng: random.Random) -> Iterator[bytes]:
    """All packets of a connection in order."""
    yield connection.packet(0, SYN, options=_OFFER)
    yield connection.packet(1, SYN | ACK, options=_OFFER)
    yield connection.packet(0, ACK)
    if websocket:
        yield from _upgrade(connection, rng)
    for index in range(exchanges):
        if websocket:
            text = b'{"message": %06d, "text": "%s"}' % (index, b"x" * 90)
            yield connection.packet(0, PSH | ACK, bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
            yield connection.packet(1, PSH | ACK, bytes([0x81, len(text)]) + text)
        else:
            yield connection.packet(0, PSH | ACK, b"GET /item/%d HTTP/1.1\r\nHost: example.test\r\n\r\n" % index)
            yield connection.packet(1, ACK)
            yield connection.packet(1, PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b"y" * 900)
        yield connection.packet(0, ACK)
    yield connection.packet(0, FIN | ACK)
    yield connection.packet(1, FIN | ACK)
    yield connection.packet(0, ACK)


def _upgrade(connection: Connection, rng: random.Random) -> Iterator[bytes]:
    key = base64.b64encode(rng.randbytes(16))
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    yield connection.packet(
        0,
        PSH | ACK,
        b"GET /chat HTTP/1.1\r\nHost: example.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    yield connection.packet(
        1,
        PSH | ACK,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n",
    )
    yield connection.packet(0, ACK)


def write(
    path: Path, *, connections: int, exchanges: int, messages: int = 0, every: int = 10, active: int = 300, seed: int = 1
) -> int:
    """Write the capture and answer how many packets it has; every n-th connection is a WebSocket with so many messages."""
    rng = random.Random(seed)
    time, count, begun = 1_700_000_000_000_000, 0, 0
    live: list[Iterator[bytes]] = []
    with path.open("wb", buffering=1 << 20) as file:
        file.write(_FILE_HEADER)
        while live or begun < connections:
            while len(live) < active and begun < connections:
                websocket = begun % every == 0
                count_of = (messages or exchanges) if websocket else exchanges
                live.append(conversation(Connection(begun, rng), websocket, count_of, rng))
                begun += 1
            index = rng.randrange(len(live))
            packet = next(live[index], None)
            if packet is None:
                live[index] = live[-1]
                live.pop()
                continue
            time += rng.randrange(1, 30)
            count += 1
            file.write(struct.pack("<IIII", time // 1_000_000, time % 1_000_000, len(packet), len(packet)) + packet)
    return count


def main() -> None:
    """Read the arguments, write the capture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--connections", type=int, default=12_000)
    parser.add_argument("--exchanges", type=int, default=26)
    parser.add_argument("--messages", type=int, default=0)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--active", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    count = write(given.out, connections=given.connections, exchanges=given.exchanges, messages=given.messages,
                  every=given.every, active=given.active, seed=given.seed)  # fmt: skip
    print(f"{count:,} packets, {given.connections:,} connections, {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
