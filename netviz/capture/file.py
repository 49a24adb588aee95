"""Saved captures: one file or several, read one after the other, packet numbers running on."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from netviz.capture.metadata import Metadata
from netviz.errors import NetvizError

if TYPE_CHECKING:
    from netviz.capture.batch import Batch

__all__ = ["Files"]


class Files:
    """A Source over files; all are opened at once, so that a mistake in the last name is told at the start."""

    streaming = False

    def __init__(self, paths: Sequence[Path]) -> None:
        self.metadata = Metadata()
        self._files = [_open(path) for path in paths]
        self._names = [str(path) for path in paths]
        self.name = ", ".join(self._names)
        self._done = 0
        self.size = sum(path.stat().st_size for path in paths)

    def again(self) -> Files:
        """The same files from their beginning, for another process."""
        return Files([Path(name) for name in self._names])

    @property
    def progress(self) -> float | None:
        """How much has been read, from 0 to 1; None where a file has no size (a device, a named pipe)."""
        return self._done / self.size if self.size else None

    def __iter__(self) -> Iterator[Batch]:
        from netviz.capture.stream import read_capture  # with it comes numpy, which not every process needs

        first = 1
        for file, name in zip(self._files, self._names, strict=True):
            with file:
                for batch in read_capture(partial(self._read, file), name, self.metadata, first):
                    yield batch
                    first = batch.first + len(batch)

    def _read(self, file: io.FileIO, view: memoryview) -> int:
        try:
            got = file.readinto(view) or 0
        except OSError as error:
            raise NetvizError(f"cannot read on in {file.name}: {error.strerror}") from error
        self._done += got
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
