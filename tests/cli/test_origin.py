"""Where packets come from, as a user says it."""

from __future__ import annotations

import pytest

from netviz.cli.origin import Origin, Size
from netviz.samples import find
from tests.run import inside


def _origin(*captures: str, matching: str = "", interface: str | None = None, write: str = "") -> Origin:
    return Origin(
        captures=captures, matching=matching, interface=interface, write=write, snaplen=0, buffer=1, promiscuous=False, limit=0,
        duration=0,
    )  # fmt: skip


def test_what_is_typed_is_quoted() -> None:
    assert _origin("a b.pcap", "c.pcap").typed() == "'a b.pcap' c.pcap"
    assert _origin("c.pcap", matching="host 1.2.3.4").typed() == "c.pcap -f 'host 1.2.3.4'"
    assert _origin(find("mixed")).typed() == "mixed"
    assert "\x1b" not in _origin("\x1b[31m", matching="\x1b").typed()


def test_what_was_live_is_only_in_the_file_that_was_written() -> None:
    assert _origin(interface="lo").typed() == "-"
    assert _origin(interface="lo", write="a b.pcapng", matching="tcp").typed() == "'a b.pcapng'"


@pytest.mark.parametrize("command", ["handshake", "ws-trace", "summary"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Which capture?"),
        (("-i", "lo", "mixed"), "Either an interface (-i lo) or a capture"),
        (("mixed", "--count", "3"), "--count is for live capture: it needs -i INTERFACE"),
        (("mixed", "--write", "x"), "--write is for live capture"),
        (("-i", "lo", "--duration", "soon"), "'soon' is no time"),
        (("-i", "lo", "--buffer", "much"), "'much' is no size up to 1G"),
        (("-i", "lo", "--count", "0"), "0 is not in the range"),
    ],
)
def test_what_does_not_go_together(command: str, words: tuple[str, ...], said: str) -> None:
    run = inside(command, *words)
    assert (run.status, run.out) == (2, "")
    assert said in run.err


@pytest.mark.parametrize(("text", "size"), [("65536", 65536), ("64k", 65536), ("16MiB", 16 << 20), ("1G", 1 << 30)])
def test_sizes(text: str, size: int) -> None:
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("command", ["handshake", "ws-trace", "summary", "record"])
def test_a_wrong_filter_is_explained_before_anything_is_opened(command: str) -> None:
    pytest.importorskip("pcapy", reason="pcapy-ng is not installed")
    file = ("/nonexistent",) if command == "record" else ()
    run = inside(command, "-i", "lo", "-f", "websocket", *file)
    assert run.status == 2
    assert "websocket is a protocol inside TCP" in run.err
