"""How fast `netviz ws-trace --keylog` reads what is inside TLS, as ratios to tshark in the same run.

usage: python -m tests.bench.tls [--megabytes N] [--rounds N] [--cipher NAME] [--shape NAME]

Captures of a hundred megabytes are made first, of each shape: connections of TLS 1.3 (with --cipher: of TLS 1.2) between a
real client and server, with WebSockets inside.  tshark is asked for WebSockets, as the ratio is meant to be:
``tshark -o tls.keylog_file:F -Y websocket``.
"""

from __future__ import annotations

import argparse
import random
import shutil
import ssl
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.bench.handshake import best, report
from tests.frames import accepted, frame, request
from tests.talk import Line
from tests.tls import Setup, Talk, contexts
from tests.wire import CLIENT, SERVER, START, TICK, Packet, Wire, pcap

_NETVIZ = (sys.executable, "-m", "netviz", "ws-trace")

#: In front of each packet, as on most networks.
_ETHERNET = bytes.fromhex("0200000000010200000000020800")


class Shape(NamedTuple):
    """Sizes of messages, and how many each side of a connection sends; which share of the connections are WebSockets, the
    others being HTTP, and how many nanoseconds after one another they begin.
    """

    sizes: tuple[int, ...]
    messages: int
    share: float = 1.0
    apart: int = 0


_SHAPES = {
    "chatty": Shape((120,), 1000),
    "short": Shape((120,), 100),
    "mixed": Shape((20, 90, 250, 700, 1400, 4000), 1000),
    # As the large capture that is not encrypted: some hundred at the same time, and most of them no WebSocket.
    "busy": Shape((120,), 50, 0.2, TICK // 3),
}

#: Requests of a connection that is no WebSocket, and the body of each answer.
_REQUESTS, _BODY = 10, b"y" * 1200


def _lines(shape: Shape, rng: random.Random) -> Iterator[Line]:
    if rng.random() >= shape.share:
        for at in range(_REQUESTS):
            yield CLIENT, b"GET /item/%d HTTP/1.1\r\nHost: example.test\r\n\r\n" % at
            yield SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
        return
    yield CLIENT, request()
    yield SERVER, accepted()
    for _ in range(shape.messages):
        text = (b'{"position": [50.49, 8.89], "speed": 43}' * 100)[: rng.choice(shape.sizes)]
        yield CLIENT, frame(1, text, rng.getrandbits(32))
        yield SERVER, frame(1, text)


def write(shape: Shape, capture: Path, keys: Path, megabytes: int, cipher: str = "") -> int:
    """Write a capture and its key log; how many connections it has."""
    setup = Setup(ssl.TLSVersion.TLSv1_2, cipher) if cipher else Setup()
    rng = random.Random(1)
    both = contexts(setup, keys)
    packets: list[Packet] = []
    size = count = 0
    while size < megabytes * 1_000_000:
        wire = Wire(("10.0.0.1", 20_000 + count), ("10.0.0.2", 443), start=START + count * shape.apart)
        talk = Talk(*both, wire=wire)
        talk.shake()
        talk.say(_lines(shape, rng))
        talk.close()
        packets += wire.packets
        size += sum(len(packet.data) + 16 for packet in wire.packets)
        count += 1
    packets.sort(key=lambda packet: packet.time)
    capture.write_bytes(pcap(packets, _ETHERNET))
    return count


def main() -> None:
    """Measure frames alone, everything, and the screen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cipher", default="")
    parser.add_argument("--shape", choices=_SHAPES, action="append")
    given = parser.parse_args()
    for name in given.shape or _SHAPES:
        with tempfile.TemporaryDirectory() as directory:
            capture, keys = Path(directory, "wss.pcap"), Path(directory, "keys")
            # In a process of its own: what is started later begins with the memory of this one, and that is measured.
            with ProcessPoolExecutor(1) as writer:
                count = writer.submit(write, _SHAPES[name], capture, keys, given.megabytes, given.cipher).result()
            named = (str(capture), "--json", "--keylog", str(keys))
            tshark = ("tshark", "-n", "-r", str(capture), "-o", f"tls.keylog_file:{keys}", "-Y", "websocket")
            others = {"tshark": tshark} if shutil.which("tshark") else {}
            what = f"{name}: {capture.stat().st_size / 1e6:,.0f} MB, {count} connections"
            report(f"frames inside TLS, {what}",
                   best({"netviz": (*_NETVIZ, *named, "--only", "websocket.frame"), **others}, given.rounds))  # fmt: skip
            report("everything as JSON", best({"netviz": (*_NETVIZ, *named), **others}, given.rounds))
            typed = (str(capture), "--keylog", str(keys))
            report("as typed, without options", best({"netviz": (*_NETVIZ, *typed), **others}, given.rounds))
            report("without keys", best({"netviz": (*_NETVIZ, *named[:2])}, given.rounds))


if __name__ == "__main__":
    main()
