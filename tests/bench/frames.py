"""How fast `netviz ws-trace --json` finds frames, as ratios to tshark in the same run.

usage: python -m tests.bench.frames [CAPTURE] [--rounds N]

Without CAPTURE one is generated (600,000 frames among 1.3 million packets), and one four times as large for the memory.
The programs take turns, so that a machine that slows down slows all of them; the best round of each counts.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.bench.generate import write
from tests.bench.handshake import best, report

_NETVIZ = (sys.executable, "-m", "netviz", "ws-trace")
_TSHARK = ("-Y", "websocket", "-T", "fields", "-e", "tcp.stream", "-e", "websocket.opcode", "-e", "websocket.payload_length")


def frames(capture: Path) -> dict[str, tuple[str, ...]]:
    """Commands that list every frame."""
    commands: dict[str, tuple[str, ...]] = {"netviz": (*_NETVIZ, str(capture), "--json", "--only", "websocket.frame")}
    if shutil.which("tshark"):
        commands["tshark"] = ("tshark", "-n", "-r", str(capture), *_TSHARK)
    return commands


def main() -> None:
    """Measure a large capture, with frames only and with everything, and the memory for one four times as large."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        big = given.capture or Path(directory, "big.pcap")
        if given.capture is None:
            write(big, connections=12_000, exchanges=10, messages=100, every=4)
        report(f"every frame: {big.stat().st_size / 1e6:,.0f} MB", best(frames(big), given.rounds))
        report("frames, messages, upgrades, closes", best({"netviz": (*_NETVIZ, str(big), "--json")}, given.rounds))
        report("as typed, without options", best({"netviz": (*_NETVIZ, str(big))}, given.rounds))
        if given.capture is None:
            larger = Path(directory, "larger.pcap")
            write(larger, connections=48_000, exchanges=10, messages=100, every=4)
            report("every frame, four times as large", best({"netviz": frames(larger)["netviz"]}, 1))


if __name__ == "__main__":
    main()
