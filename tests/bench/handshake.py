"""How fast `netviz handshake --json` is, as ratios to tshark and tcptrace in the same run.

usage: python -m tests.bench.handshake [CAPTURE] [--rounds N]

Without CAPTURE one is generated (1.3 million packets), and one four times as large for the memory.  The programs take
turns, so that a machine that slows down slows all of them; the best round of each counts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench.generate import write

_NETVIZ = (sys.executable, "-m", "netviz")


class Run(NamedTuple):
    """Seconds of wall clock, and the memory of the largest process of a command, in MB."""

    seconds: float
    megabytes: float


def measure(command: tuple[str, ...]) -> Run:
    """Run a command to its end, output thrown away."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begun
    if status:
        raise SystemExit(f"{' '.join(command)} failed with status {status}")
    return Run(took, usage.ru_maxrss / 1024)


def best(commands: dict[str, tuple[str, ...]], rounds: int) -> dict[str, Run]:
    """The best round of each command, the commands taking turns."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(measure(command))
    return {name: min(found) for name, found in runs.items()}


def peers(capture: Path) -> dict[str, tuple[str, ...]]:
    """Commands of netviz and of those of its peers that are installed."""
    commands: dict[str, tuple[str, ...]] = {"netviz": (*_NETVIZ, "handshake", str(capture), "--json")}
    if shutil.which("tshark"):
        commands["tshark"] = ("tshark", "-q", "-z", "conv,tcp", "-r", str(capture))
    if shutil.which("tcptrace"):
        commands["tcptrace"] = ("tcptrace", "-n", str(capture))
    return commands


def report(title: str, results: dict[str, Run]) -> None:
    """Print a table of times, memory, and how many times longer than netviz each took."""
    print(f"\n{title}")
    own = results["netviz"].seconds
    for name, run in results.items():
        ratio = "" if name == "netviz" else f"  {run.seconds / own:6.2f} x netviz"
        print(f"  {name:<16} {run.seconds:8.3f} s {run.megabytes:8.0f} MB{ratio}")


def main() -> None:
    """Measure a large capture, the memory for one four times as large, and start-up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        small = Path(directory, "small.pcap")
        write(small, connections=12, exchanges=20)
        big = given.capture or Path(directory, "big.pcap")
        if given.capture is None:
            write(big, connections=12_000, exchanges=26)
        report(f"large: {big.stat().st_size / 1e6:,.0f} MB", best(peers(big), given.rounds))
        report("small: 1,000 packets", best(peers(small), max(given.rounds, 5)))
        helped = best({"netviz": (*_NETVIZ, "--help")}, 5)["netviz"]
        print(f"\n  netviz --help    {helped.seconds:8.3f} s")
        if given.capture is None:
            larger = Path(directory, "larger.pcap")
            write(larger, connections=48_000, exchanges=26)
            report("four times as large", best({"netviz": (*_NETVIZ, "handshake", str(larger), "--json")}, 1))


if __name__ == "__main__":
    main()
