"""What a Source is, and the way to get one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from netviz.capture.metadata import Metadata
from netviz.errors import NetvizError

if TYPE_CHECKING:
    from netviz.capture.batch import Batch

__all__ = ["Source", "open_capture"]


class Source(Protocol):
    """An iterable of Batches.

    ``streaming`` says that packets come as they happen; ``progress`` how much has been read, from 0 to 1.
    """

    streaming: bool
    metadata: Metadata

    @property
    def name(self) -> str:
        """What to call it in a message."""

    @property
    def progress(self) -> float | None:
        """From 0 to 1, None where that is not known."""

    @property
    def size(self) -> int:
        """How many bytes there are to read, 0 where that is not known."""

    def stop(self) -> None:
        """Wait for no more than what has come: for what streams."""

    def again(self) -> Source | None:
        """The same once more, for another process; None where it can be read only once."""

    def __iter__(self) -> Iterator[Batch]: ...


def open_capture(*paths: str | Path, matching: str = "") -> Source:
    """A Source over saved captures, or over standard input for ``-``; ``matching`` is a capture filter such as "port 80".

    Several files are one capture, in the order of time.
    Raises NetvizError for what cannot be opened; what is no capture is told by the first Batch.

    >>> source = open_capture("captures/refused.pcapng")
    >>> sum(len(batch) for batch in source)
    2
    """
    source = _source(paths)
    if not matching.strip():
        return source
    from netviz.capture.filter import Filtered

    return Filtered(source, matching)


def _source(paths: Sequence[str | Path]) -> Source:
    if not paths:
        raise NetvizError("no capture named")
    if "-" in map(str, paths):
        if len(paths) > 1:
            raise NetvizError("standard input (-) cannot be read together with files")
        from netviz.capture.pipe import Pipe

        return Pipe()
    from netviz.capture.file import Files

    return Files([Path(path) for path in paths])
