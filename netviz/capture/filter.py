"""Capture filters (BPF, as tcpdump has them) on any Source: what does not match is not there, and numbers stay.

https://www.tcpdump.org/manpages/pcap-filter.7.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import NO_TIME, Batch, Ints
from netviz.capture.bpf import Instruction, Machine, forward
from netviz.capture.mistake import mistake
from netviz.capture.source import Source
from netviz.errors import NetvizError

__all__ = ["Filtered", "check", "compiled"]

#: Link types of BSD's loopback, whose header holds a number in the byte order of the machine, or always the same way.
_NULL, _LOOP = 0, 108

#: Raw IP in files (LINKTYPE_RAW) has another number than inside libpcap (DLT_RAW).
_RAW = 101

#: Whether an expression makes sense can depend on the link type: one of these must take it.  Ethernet, cooked, raw, 802.11.
_COMMON = (1, 113, _RAW, 105)

_LONGEST = 262_144
_NO_NETMASK = 0xFFFF_FFFF

#: Loads from here on ask the kernel, which knows more of a packet than is in a file (the direction, for one).
_KERNEL = 0xFFFF_F000
_LOAD_ABSOLUTE = 0x20

#: How long nothing may match on a streaming source until an empty Batch says that time goes on.
_SILENCE = 0.5


class Filtered:
    """The packets of a Source that match; raises NetvizError for an expression that is wrong."""

    def __init__(self, source: Source, expression: str) -> None:
        self._source = source
        self._expression = expression
        self._programs: dict[int, Program | None] = {}
        self.streaming = source.streaming
        self.metadata = source.metadata
        self.name = source.name
        self.size = source.size
        check(expression)

    @property
    def progress(self) -> float | None:
        """From 0 to 1, None where that is not known."""
        return self._source.progress

    def stop(self) -> None:
        """Wait for no more than what has come."""
        self._source.stop()

    def again(self) -> Filtered | None:
        """The same once more; None where that is not possible."""
        again = self._source.again()
        return None if again is None else Filtered(again, self._expression)

    def __iter__(self) -> Iterator[Batch]:
        told = time.monotonic()
        for batch in self._source:
            matching = self._narrowed(batch) if len(batch) else batch
            if not (len(matching) or matching.problems or not len(batch)) and (
                not self.streaming or time.monotonic() < told + _SILENCE
            ):
                continue
            told = time.monotonic()
            yield matching

    def _narrowed(self, batch: Batch) -> Batch:
        """From the first packet that matches to the last; what lies between without matching loses its time."""
        rows = np.flatnonzero(self._matches(batch))
        if len(rows) == len(batch):
            return batch
        if not len(rows):
            return Batch.empty(batch.first + len(batch), batch.problems)
        start, stop = int(rows[0]), int(rows[-1]) + 1
        part = replace(batch.part(start, stop), problems=batch.problems)
        if len(rows) == stop - start:
            return part
        kept = rows - start
        moments = np.full(len(part), NO_TIME)
        moments[kept] = part.time[kept]
        return replace(part, time=moments, kept=kept)

    def _matches(self, batch: Batch) -> NDArray[np.bool_]:
        links = batch.link
        if links.strides != (0,) or links[0] == _NULL:
            # What a foreign machine wrote in big-endian order reads as the header that always has it.
            foreign = (links == _NULL) & (batch.buffer[batch.offset] == 0) & (batch.captured > 0)
            links = np.where(foreign, _LOOP, links)
        matches = np.zeros(len(batch), bool)
        for link in np.unique(links).tolist() if links.strides != (0,) else [int(links[0])]:
            rows = np.flatnonzero(links == link)
            program = self._program(link)
            if program is not None:
                matches[rows] = program.matches(batch, rows)
        return matches

    def _program(self, link: int) -> Program | None:
        """Compiled for a link type; None where packets of this type cannot match, as others can."""
        if link not in self._programs:
            try:
                self._programs[link] = compiled(self._expression, link)
            except ValueError as error:
                if link >= 0 and not any(self._programs.values()):
                    text = f"the filter cannot be used on packets of link type {link}: {error}"
                    raise NetvizError(text, f"it says: {self._expression}") from error
                self._programs[link] = None
        return self._programs[link]


class Program:
    """An expression compiled for a link type."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._instructions: list[Instruction] = compiled.get_bpf()
        self._forward = forward(self._instructions)
        if any(code & 0xE7 == _LOAD_ABSOLUTE and k >= _KERNEL for code, _, _, k in self._instructions):
            raise ValueError("it asks for what is known while capturing only")

    def matches(self, batch: Batch, rows: Ints) -> NDArray[np.bool_]:
        """Which of these packets match."""
        if self._forward:
            return Machine(batch, rows).run(self._instructions)
        places = zip(batch.offset[rows].tolist(), batch.captured[rows].tolist(), strict=True)
        view = batch.buffer.data
        return np.array([self._compiled.filter(bytes(view[at : at + size])) != 0 for at, size in places], bool)


def compiled(expression: str, link: int) -> Program:
    """An expression for a link type; raises ValueError with libpcap's words."""
    pcapy = _pcapy()
    kind = pcapy.DLT_RAW if link == _RAW else link
    try:
        return Program(pcapy.compile(kind, _LONGEST, expression, 1, _NO_NETMASK))
    except pcapy.PcapError as error:
        raise ValueError(str(error)) from error


def check(expression: str) -> None:
    """Raise NetvizError for an expression that is wrong whatever the link type."""
    if not expression.isprintable():
        raise NetvizError("a capture filter is one line of text", "such as 'tcp port 8080 and host 10.0.0.1'")
    first = ""
    for link in _COMMON:
        try:
            compiled(expression, link)
            return
        except ValueError as error:
            first = first or str(error)
    raise mistake(expression, first, _compiles)


def _compiles(expression: str) -> bool:
    try:
        compiled(expression, _COMMON[0])
    except ValueError:
        return False
    return True


def _pcapy() -> Any:
    try:
        import pcapy
    except ImportError as error:
        hint = "install pcapy-ng, or filter first: tcpdump -r FILE -w - 'EXPRESSION' | netviz ws-trace -"
        raise NetvizError("capture filters need libpcap, which comes with pcapy-ng: it is not installed", hint) from error
    return pcapy
