"""ICMP errors that quote a TCP segment."""

from __future__ import annotations

import pytest

from netviz.layers.icmp import Quote, meaning, quote
from netviz.table import table
from tests.make import batch_of, ethernet, icmp, ipv4, ipv6, packed, tcp, udp

SEGMENT = tcp(51_000, 443, seq=0xDEADBEEF)
FOUR = ipv4(SEGMENT, "192.0.2.7", "198.51.100.9")
SIX = ipv6(SEGMENT, "2001:db8::7", "2001:db8::9")


def expected(kind: int, code: int, version: int) -> Quote:
    """The quote of the segment above."""
    pair = ("192.0.2.7", "198.51.100.9") if version == 4 else ("2001:db8::7", "2001:db8::9")
    return Quote(kind, code, packed(pair[0]), packed(pair[1]), 51_000, 443, 0xDEADBEEF)


@pytest.mark.parametrize(("kind", "code"), [(3, 0), (3, 1), (3, 3), (3, 13), (11, 0), (12, 0)])
def test_errors_of_ipv4(kind: int, code: int) -> None:
    assert quote(icmp(kind, code, FOUR), 4) == expected(kind, code, 4)


@pytest.mark.parametrize(("kind", "code"), [(1, 0), (1, 4), (2, 0), (3, 0), (4, 1)])
def test_errors_of_ipv6(kind: int, code: int) -> None:
    assert quote(icmp(kind, code, SIX), 6) == expected(kind, code, 6)


@pytest.mark.parametrize("kind", [0, 4, 5, 8, 13, 128])
def test_messages_of_ipv4_that_are_no_errors(kind: int) -> None:
    assert quote(icmp(kind, 0, FOUR), 4) is None


@pytest.mark.parametrize("kind", [5, 11, 12, 128, 129, 135])
def test_messages_of_ipv6_that_are_no_errors(kind: int) -> None:
    assert quote(icmp(kind, 0, SIX), 6) is None


def test_a_quote_of_the_first_eight_bytes_is_enough() -> None:
    assert quote(icmp(3, 1, FOUR[:28]), 4) == expected(3, 1, 4)
    assert quote(icmp(1, 3, SIX[:48]), 6) == expected(1, 3, 6)


def test_a_quote_that_is_shorter_is_none() -> None:
    for cut in range(28):
        assert quote(icmp(3, 1, FOUR[:cut]), 4) is None, cut
    for cut in range(48):
        assert quote(icmp(1, 3, SIX[:cut]), 6) is None, cut
    for cut in range(8):
        assert quote(icmp(3, 1)[:cut], 4) is None, cut


def test_options_of_the_quoted_packet_are_walked_over() -> None:
    quoted = ipv4(SEGMENT, "192.0.2.7", "198.51.100.9", options=b"\x01" * 12)
    assert quote(icmp(3, 1, quoted), 4) == expected(3, 1, 4)


def test_quotes_of_other_protocols() -> None:
    assert quote(icmp(3, 3, ipv4(udp(), protocol=17)), 4) is None
    assert quote(icmp(1, 4, ipv6(udp(), protocol=17)), 6) is None


def test_a_quote_of_a_later_fragment_holds_no_header() -> None:
    assert quote(icmp(11, 1, ipv4(b"not a TCP header", fragment=0x00B9)), 4) is None


@pytest.mark.parametrize(
    ("version", "kind", "code", "words"),
    [
        (4, 3, 1, "host unreachable"),
        (4, 3, 3, "port unreachable"),
        (4, 3, 13, "communication administratively prohibited"),
        (4, 11, 0, "time to live exceeded in transit"),
        (6, 1, 0, "no route to destination"),
        (6, 1, 4, "port unreachable"),
        (6, 2, 0, "packet too big"),
        (4, 3, 99, "ICMP type 3 code 99"),
        (6, 3, 13, "ICMP type 3 code 13"),
    ],
)
def test_meaning(version: int, kind: int, code: int, words: str) -> None:
    assert meaning(version, kind, code) == words


def test_errors_stand_in_the_table_with_their_sender() -> None:
    router = ethernet(ipv4(icmp(3, 1, FOUR), "203.0.113.1", "192.0.2.7", protocol=1))
    router6 = ethernet(ipv6(icmp(1, 3, SIX), "2001:db8::fe", "2001:db8::7", protocol=58))
    echo = ethernet(ipv4(icmp(8, 0), protocol=1))
    decoded = table(batch_of(ethernet(FOUR), router, echo, router6))
    assert [(found.row, found.version, found.sender, found.quote) for found in decoded.icmp] == [
        (1, 4, packed("203.0.113.1"), expected(3, 1, 4)),
        (3, 6, packed("2001:db8::fe"), expected(1, 3, 6)),
    ]
    assert decoded.counts["icmp"] == 3


def test_icmp_of_the_other_version_is_none() -> None:
    odd = [ethernet(ipv4(icmp(3, 1, FOUR), protocol=58)), ethernet(ipv6(icmp(1, 3, SIX), protocol=1))]
    assert table(batch_of(*odd)).icmp == ()


def test_a_cut_error_does_not_read_on_in_the_next_packet() -> None:
    router = ethernet(ipv4(icmp(3, 1, FOUR), protocol=1))
    cut = 14 + 20 + 8 + 27
    assert table(batch_of(router[:cut], router, wire=[len(router), len(router)])).icmp[0].row == 1
