"""How a verdict is shown: headline, proof with packets, cause, advice, within the width."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from netviz.verdicts.verdict import Claim, Severity, Verdict
from netviz.views.verdict import verdict_lines
from tests.wire import ACK, PSH, RST, SYN, Wire

_CONNECTION = Wire().client(SYN).server(RST | ACK).connection()
_LONG = "a sentence of so many words that it must be wrapped on every terminal there ever was, even on a very wide one " * 3


def _draw(verdict: Verdict, width: int = 80) -> list[str]:
    return [line.plain for line in verdict_lines(_CONNECTION, verdict, width)]


def _verdict(
    severity: Severity = "ok", likely: tuple[Claim, ...] = (), cause_wanted: bool = False, text: str = "all is well"
) -> Verdict:
    return Verdict(
        severity=severity, headline="FINE", seen=(Claim(text, packets=(1, 2)),), means=text, likely=likely,
        cause_wanted=cause_wanted, advice=(text,),
    )  # fmt: skip


@pytest.mark.parametrize(("severity", "sign"), [("ok", "✓"), ("note", "•"), ("problem", "✗")])
def test_headline(severity: Severity, sign: str) -> None:
    first = _draw(_verdict(severity))[0]
    assert first.startswith(f"{sign} FINE  #0  ")
    assert "10.0.0.1:40000 → 10.0.0.2:80" in first
    assert "unknown" not in first


def test_headline_names_the_application() -> None:
    connection = Wire().open().client(PSH | ACK, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").connection()
    first = next(verdict_lines(connection, _verdict(), 80)).plain
    assert first.rstrip().endswith("http")


def test_order_and_labels() -> None:
    lines = _draw(_verdict(likely=(Claim("a ghost", "inferred"),)))
    assert [line.split()[0] for line in lines[1:]] == ["seen", "means", "likely", "try"]
    assert {line.index(line[2:].split()[1]) for line in lines[1:]} == {11}


@pytest.mark.parametrize("known", ["computed", "inferred"])
def test_claims_say_how_they_are_known(known: str) -> None:
    verdict = Verdict(severity="ok", headline="FINE", seen=(Claim("so it is", known),), means="m")  # type: ignore[arg-type]
    assert _draw(verdict)[1].split()[0] == known


@pytest.mark.parametrize(
    ("packets", "cited"),
    [
        ((), "it came"),
        ((7,), "it came  [packet 7]"),
        ((7, 9), "it came  [packets 7 9]"),
        (tuple(range(1, 9)), "it came  [packets 1 2 3 4 5 6 7 8]"),
        (tuple(range(1, 11)), "it came  [packets 1 2 3 4 5 6 7 8 …]"),
    ],
)
def test_packets_are_cited(packets: tuple[int, ...], cited: str) -> None:
    verdict = Verdict(severity="ok", headline="FINE", seen=(Claim("it came", packets=packets),), means="m")
    assert _draw(verdict)[1] == f"  seen     {cited}"


@pytest.mark.parametrize(
    ("likely", "wanted", "told"),
    [
        ((), True, ["the capture cannot tell why"]),
        ((), False, []),
        ((Claim("a ghost", "inferred"), Claim("a cat", "inferred")), True, ["a ghost", "a cat"]),
    ],
)
def test_causes(likely: tuple[Claim, ...], wanted: bool, told: list[str]) -> None:
    lines = _draw(_verdict(likely=likely, cause_wanted=wanted))
    assert [line[11:] for line in lines if line.startswith("  likely")] == told


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_long_texts_are_wrapped_under_themselves(width: int) -> None:
    lines = _draw(_verdict(text=_LONG.strip(), likely=(Claim(_LONG.strip()),)), width)
    assert [line for line in lines if cell_len(line) > width] == []
    assert {line[:11] for line in lines[1:]} == {"  seen     ", "  means    ", "  likely   ", "  try      ", " " * 11}
    assert " ".join(" ".join(line[11:] for line in lines[1:]).split()).count("even on a very wide one") == 12


@pytest.mark.parametrize("width", [60, 80])
def test_the_headline_fits(width: int) -> None:
    ends = ("2001:db8:1111:2222:3333:4444:5555:6666", 40000), ("2001:db8:1111:2222:3333:4444:5555:7777", 65535)
    connection = Wire(*ends).open().client(PSH | ACK, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").connection()
    lines = [part for line in verdict_lines(connection, _verdict(), width) for part in line.plain.split("\n")]
    assert [line for line in lines if cell_len(line) > width] == []


@pytest.mark.parametrize("width", [60, 62, 64, 80])
def test_citations_are_not_torn_apart(width: int) -> None:
    verdict = Verdict(
        severity="ok", headline="FINE", seen=(Claim("SYN, SYN-ACK, ACK, 6.38 ms in all", packets=(3, 4, 5)),), means="m"
    )
    lines = _draw(verdict, width)
    assert sum("[packets 3 4 5]" in line for line in lines) == 1
