"""Several files as one capture: their packets in the order of time, as mergecap would put them.

Files of a rotated capture are read one after the other, by the time of the first packet of each; those that overlap (two
interfaces, two hosts) are merged.  Packets of one file are never put into another order, also where its clock was set
back: what counts is the latest time so far in that file.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import NamedTuple, Protocol

import numpy as np

from netviz.capture.batch import NO_TIME, PADDING, Batch, Ints
from netviz.capture.metadata import Metadata
from netviz.event import CaptureProblem

__all__ = ["Input", "merged"]

#: So many Batches of a glance are looked at for a packet with a time.
_GLANCES = 16

_NONE: Ints = np.zeros(0, np.int64)


class Input(Protocol):
    """One of the files; where it is not ``seekable`` it can be read only once."""

    name: str
    seekable: bool

    def batches(self, metadata: Metadata, first: int = 1) -> Iterator[Batch]:
        """All of it."""

    def glance(self) -> Iterator[Batch]:
        """Its beginning in small Batches, read apart."""


def merged(inputs: Sequence[Input], metadata: Metadata) -> Iterator[Batch]:
    """The Batches of all files, packet numbers running on; a problem says in which file it is."""
    waiting = deque(_in_order(inputs, metadata))
    running: list[_Run] = []
    first = 1
    while running or waiting:
        for run in list(running):
            while not run.left and run.advance():
                if problems := run.tell(0, _NONE):
                    yield Batch.empty(first, problems)
            if not run.left:
                running.remove(run)
        if not running:
            if waiting:
                running.append(waiting.popleft())
            continue
        last, until = min((int(run.keys[-1]), run.rank) for run in running)
        if waiting and waiting[0].start < last:
            # What comes no later than the next file begins is before it.
            parts = [(run, run.before(waiting[0].start, equal=True)) for run in running]
            running.append(waiting.popleft())
        else:
            # Behind its Batch the file that ends first may have more packets of the very same time.
            parts = [(run, run.before(last, equal=run.rank <= until)) for run in running]
        parts = [(run, count) for run, count in parts if count]
        if parts:
            batch = _together(parts, first)
            yield batch
            first += len(batch)


class _File(NamedTuple):
    """A file while it is read; its metadata are those of all, but for comments, which have its own packet numbers."""

    name: str
    batches: Iterator[Batch]
    metadata: Metadata


@dataclass(slots=True)
class _Run:
    """A file, with those behind it that have no times of their own: what is left of its Batch, and a key for each row.

    Packet ``settled`` of the file was the last one given, as number ``number`` of all.
    """

    rank: int
    start: int
    files: deque[_File]
    metadata: Metadata
    batch: Batch
    keys: Ints
    high: int
    settled: int = 0
    number: int = 0
    problems: list[CaptureProblem] = field(default_factory=list)

    @property
    def left(self) -> int:
        """How many rows of the Batch were not given yet."""
        return len(self.keys)

    def advance(self) -> bool:
        """Read the next Batch; False at the end."""
        while self.files:
            name, batches, own = self.files[0]
            own.room = self.metadata.room
            batch = next(batches, None)
            self.metadata.room = own.room
            if batch is None:
                self.files.popleft()
                self.settled = self.number = 0
                continue
            for event in batch.problems:
                told = tuple(problem._replace(text=f"{name}: {problem.text}") for problem in event.problems)
                self.problems.append(replace(event, problems=told))
            self.batch = batch
            self.keys = np.maximum(np.maximum.accumulate(batch.time), self.high)
            if len(batch):
                self.high = int(self.keys[-1])
            return True
        return False

    def before(self, key: int, *, equal: bool) -> int:
        """How many of the rows come before, or at the same time."""
        return int(np.searchsorted(self.keys, key, "right" if equal else "left"))

    def take(self, count: int) -> tuple[Batch, Ints]:
        """The next rows, and their keys."""
        batch, keys = self.batch, self.keys
        if count == len(batch):
            self.batch, self.keys = Batch.empty(0), _NONE
            return replace(batch, problems=()), keys
        self.batch, self.keys = batch.part(count, len(batch)), keys[count:]
        return batch.part(0, count), keys[:count]

    def tell(self, count: int, numbers: Ints) -> tuple[CaptureProblem, ...]:
        """The problems up to the next ``count`` packets, which have these numbers among all."""

        def among_all(packet: int) -> int:
            return int(numbers[packet - self.settled - 1]) if packet > self.settled else self.number if packet else 0

        told, later = [], []
        for event in self.problems:
            packet = event.problems[0].packet
            if packet <= self.settled + count:
                told.append(_renumbered(event, among_all(packet)))
            else:
                later.append(event)
        self.problems = later
        comments = self.files[0].metadata.packet_comments if self.files else {}
        for packet in [packet for packet in comments if packet <= self.settled + count]:
            self.metadata.packet_comments[among_all(packet)] = comments.pop(packet)
        if count:
            self.settled, self.number = self.settled + count, int(numbers[-1])
        return tuple(told)


def _in_order(inputs: Sequence[Input], metadata: Metadata) -> list[_Run]:
    """What to read one after the other or together; a file without times stays behind the one named before it."""
    runs: list[_Run] = []
    for one in inputs:
        own = replace(metadata, packet_comments={})
        batches = one.batches(own)
        if one.seekable:
            start = _start(one.glance())
        else:
            begun = list(islice(batches, 1))
            start, batches = _start(iter(begun)), chain(begun, batches)
        file = _File(one.name, batches, own)
        if runs and start == NO_TIME:
            runs[-1].files.append(file)
        else:
            runs.append(_Run(0, start, deque([file]), metadata, Batch.empty(0), _NONE, start))
    runs.sort(key=lambda run: run.start)
    for rank, run in enumerate(runs):
        run.rank = rank
    return runs


def _start(batches: Iterator[Batch]) -> int:
    """The time of the first packet that has one."""
    for batch in islice(batches, _GLANCES):
        timed = batch.time[batch.time != NO_TIME]
        if len(timed):
            return int(timed[0])
    return NO_TIME


def _together(parts: list[tuple[_Run, int]], first: int) -> Batch:
    """The next rows of several files as one Batch, in which the numbers start with ``first``."""
    if len(parts) == 1:
        ((run, count),) = parts
        batch, _ = run.take(count)
        return replace(batch, first=first, problems=run.tell(count, np.arange(first, first + count)))
    taken = [run.take(count) for run, count in parts]
    order = np.argsort(np.concatenate([keys for _, keys in taken]), kind="stable")
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.arange(first, first + len(order))
    buffers, offsets = [], []
    problems: list[CaptureProblem] = []
    begin = row = 0
    for (run, count), (batch, _) in zip(parts, taken, strict=True):
        low, high = int(batch.offset.min()), int((batch.offset + batch.captured).max())
        buffers.append(batch.buffer[low:high])
        offsets.append(batch.offset + (begin - low))
        problems += run.tell(count, numbers[row : row + count])
        begin, row = begin + high - low, row + count
    batches = [batch for batch, _ in taken]
    links = {int(batch.link[0]) if batch.link.strides == (0,) else None for batch in batches}
    link = np.concatenate([batch.link for batch in batches])[order]
    return Batch(
        buffer=np.concatenate([*buffers, np.zeros(PADDING, np.uint8)]),
        offset=np.concatenate(offsets)[order],
        captured=np.concatenate([batch.captured for batch in batches])[order],
        wire=np.concatenate([batch.wire for batch in batches])[order],
        time=np.concatenate([batch.time for batch in batches])[order],
        link=link if len(links) > 1 or None in links else np.broadcast_to(link[0], link.shape),
        first=first,
        problems=tuple(problems),
        # All files share one list: what a pcap file has none of, another one may have.
        secrets=max((batch.secrets for batch in batches), key=len),
    )


def _renumbered(event: CaptureProblem, packet: int) -> CaptureProblem:
    """The same problem at another packet number: also in its text, which names that packet and no other."""
    (problem,) = event.problems
    text = re.sub(rf"\bpacket {problem.packet}\b(?!.*\bpacket {problem.packet}\b)", f"packet {packet}", problem.text)
    return replace(event, packets=(packet,) if packet else (), problems=(problem._replace(text=text, packet=packet),))
