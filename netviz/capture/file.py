"""Saved captures: one file, or several that are one capture in the order of time."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from netviz.capture.metadata import Metadata
from netviz.errors import NetvizError

if TYPE_CHECKING:
    from netviz.capture.batch import Batch

__all__ = ["Files"]

#: Bytes of a file that are enough to see when it begins.
_GLANCE = 1 << 16


class Files:
    """A Source over files; all are opened at once, so that a mistake in the last name is told at the start."""

    streaming = False

    def __init__(self, paths: Sequence[Path]) -> None:
        self.metadata = Metadata()
        self._names = [str(path) for path in paths]
        self.name = ", ".join(self._names)
        self._inputs = [_Input(path, self._count, hold=len(paths) == 1) for path in paths]
        self._done = 0
        self.size = sum(path.stat().st_size for path in paths)

    def stop(self) -> None:
        """All of a file has come."""

    def again(self) -> Files | None:
        """The same files from their beginning, for another process; None where one can be read only once."""
        return Files([Path(name) for name in self._names]) if all(one.seekable for one in self._inputs) else None

    @property
    def progress(self) -> float | None:
        """How much has been read, from 0 to 1; None where a file has no size (a device, a named pipe)."""
        return self._done / self.size if self.size else None

    def __iter__(self) -> Iterator[Batch]:
        if len(self._inputs) == 1:
            return self._inputs[0].batches(self.metadata)
        from netviz.capture.merge import merged

        return merged(self._inputs, self.metadata)

    def _count(self, got: int) -> None:
        self._done += got


class _Input:
    """One file.  A regular one is held open only where it is the only one: there may be thousands."""

    def __init__(self, path: Path, count: Callable[[int], None], *, hold: bool) -> None:
        self.name = str(path)
        self._path = path
        self._count = count
        file = _open(path)
        self.seekable = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        self._file: io.FileIO | None = file
        if self.seekable and not hold:
            file.close()
            self._file = None

    def batches(self, metadata: Metadata, first: int = 1) -> Iterator[Batch]:
        """All of it."""
        from netviz.capture.stream import read_capture  # with it comes numpy, which not every process needs

        with self._file or _open(self._path) as file:
            yield from read_capture(partial(_read, file, self._count), self.name, metadata, first)

    def glance(self) -> Iterator[Batch]:
        """Its beginning in small Batches, of a file that can be read again."""
        from netviz.capture.stream import read_capture

        with _open(self._path) as file:
            yield from read_capture(partial(_read, file, lambda got: None), self.name, Metadata(), at_once=_GLANCE)


def _read(file: io.FileIO, count: Callable[[int], None], view: memoryview) -> int:
    try:
        got = file.readinto(view) or 0
    except OSError as error:
        raise NetvizError(f"cannot read on in {file.name}: {error.strerror}") from error
    count(got)
    return got


def _open(path: Path) -> io.FileIO:
    try:
        return io.FileIO(path)
    except FileNotFoundError as error:
        raise NetvizError(f"no such file: {path}", "netviz without arguments lists the sample captures") from error
    except IsADirectoryError as error:
        raise NetvizError(f"{path} is a directory: name the capture files in it") from error
    except PermissionError as error:
        raise NetvizError(f"no permission to read {path}", f"try: sudo chmod a+r {path}") from error
    except (OSError, ValueError) as error:
        raise NetvizError(f"cannot open {path}: {error}") from error
