"""Read and track a large file in a process of its own, while this one judges and draws.

Each half keeps one core busy, and what passes between them is small: the few kept segments of each connection, as
plain tuples.  On systems without a safe fork, on one core, and for anything small or streaming, one process does all;
what comes out is the same.
"""

from __future__ import annotations

import marshal
import os
import pickle
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from netviz.capture.source import Source
from netviz.errors import NetvizError
from netviz.found import Finished, Found, Kept, Tally

if TYPE_CHECKING:
    from netviz.event import FrameBlock
    from netviz.layers.layer import Wanted
    from netviz.payload import Part

__all__ = ["Message", "read_ahead", "read_together", "worthwhile"]

#: Below so many bytes starting a process costs more than it saves.
_LARGE = 16 << 20

#: Connections sent at once at the end of a capture, so that both processes have work until then.
_TOGETHER = 100

#: Which connections each of two processes reads, as measured: to send frames takes longer than to print them.  The divisor
#: is prime, so that what recurs every few connections does not all fall to one of the two.
_OURS, _THEIRS = (11, 0, 5), (11, 5, 11)

_LENGTH = struct.Struct("!I")

#: How much a pipe is asked to hold, in bytes, so that neither process waits for the other at every message: as much as
#: Linux grants to everybody.
_PIPE = 1 << 20

Message = tuple["float | None", Tally, list[Found]]


def worthwhile(source: Source) -> bool:
    """Whether a second process pays for this source on this machine."""
    return sys.platform == "linux" and source.size >= _LARGE and len(os.sched_getaffinity(0)) > 1


def read_ahead(source: Source, wanted: Wanted | None, kept: Kept) -> Iterator[Message]:
    """For each Batch how much has been read, the tally so far, and what was found.

    The other process starts at once, also where nobody asks for the first message yet.  Raises NetvizError where the source
    does.
    """
    receiver, sender = _pipe()
    child = os.fork()
    if not child:
        os.close(receiver)
        with os.fdopen(sender, "wb") as stream:
            os._exit(_track(source, wanted, stream, kept=kept))
    os.close(sender)
    return _until_over(receiver, child)


def _until_over(receiver: int, child: int) -> Iterator[Message]:
    try:
        with os.fdopen(receiver, "rb") as stream:
            yield from _receive(stream)
    finally:
        # A reader that has enough closes its end; the child then fails to write, and ends.
        os.waitpid(child, 0)


def read_together(source: Source, again: Source, wanted: Wanted) -> Iterator[Message]:
    """The same for frames and nothing else, where the payload is most of the work: both processes read and track all, the
    other one from ``again``, each reads on in its part of the connections, and the frames of a Batch are put together here.
    """
    # Both need all of this, and to import it once takes a twentieth off the time of both.
    import netviz.assembly
    import netviz.capture.stream  # noqa: F401
    from netviz.tracking import Tracking

    receiver, sender = _pipe()
    child = os.fork()
    if not child:
        os.close(receiver)
        with os.fdopen(sender, "wb") as stream:
            os._exit(_track(again, wanted, stream, _THEIRS))
    os.close(sender)
    try:
        with os.fdopen(receiver, "rb") as stream:
            theirs = _receive(stream)
            tracking = Tracking(wanted, _OURS)
            for batch in source:
                found = tracking.feed(batch)
                yield source.progress, tracking.tally, _together(found, next(theirs)[2])
            yield 1.0, tracking.tally, _together(tracking.close(), [thing for _, _, rest in theirs for thing in rest])
    finally:
        os.waitpid(child, 0)


def _pipe() -> tuple[int, int]:
    from fcntl import F_SETPIPE_SZ, fcntl  # Linux only, like all that forks here

    receiver, sender = os.pipe()
    with suppress(OSError):  # an administrator may allow less; then it is as large as any other
        fcntl(sender, F_SETPIPE_SZ, _PIPE)
    return receiver, sender


def _together(ours: list[Found], theirs: list[Found]) -> list[Found]:
    """What both found in the same Batch; problems of the capture are found by both."""
    from netviz.lane import merge  # with it come the layers, which other commands need not wait for

    blocks = [value for kind, value in [*ours, *theirs] if kind == "block"]
    others = [thing for thing in ours if thing[0] not in ("block", "peers")]
    others += sorted(thing for thing in [*ours, *theirs] if thing[0] == "peers")
    return [*others, ("block", merge(blocks))] if blocks else others


def _track(
    source: Source,
    wanted: Wanted | None,
    stream: BinaryIO,
    part: Part = (1, 0, 1),
    kept: Kept = Kept(),  # noqa: B008
) -> int:
    try:
        from netviz.tracking import Tracking  # numpy comes with it, which the other process does not wait for

        tracking = Tracking(wanted, part, kept)
        for batch in source:
            found = tracking.feed(batch)
            _send(stream, _packed(source.progress, tracking.tally, found))
            stream.flush()
        rest = tracking.close()
        for at in range(0, max(len(rest), 1), _TOGETHER):
            _send(stream, _packed(1.0, tracking.tally, rest[at : at + _TOGETHER]))
            stream.flush()
        _send(stream, ("end",))
        stream.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        return 0
    except NetvizError as error:
        _send(stream, ("mistake", str(error), error.hint))
        stream.flush()
    except BaseException:
        import traceback

        _send(stream, ("bug", traceback.format_exc()))
        stream.flush()
        return 1
    return 0


def _send(stream: BinaryIO, message: tuple[Any, ...]) -> None:
    data = marshal.dumps(message)
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)


def _packed(done: float | None, tally: Tally, found: list[Found]) -> tuple[Any, ...]:
    """Plain tuples, which marshal can write."""
    plain: list[tuple[str, Any]] = []
    content = None
    for kind, value in found:
        if kind in ("frame", "message"):
            row = (*value[:-1], tuple(map(tuple, value[-1]))) if value[-1] else value
            plain.append((kind, row))
        elif kind == "block":
            plain.append((kind, _plain(value)))
        elif kind == "talk":
            # Parts of a block share what is said: it is sent once.
            said, content = None if value.content is content else value.content, value.content
            plain.append((kind, (_plain(value.frames), value.numbers.tobytes(), value.begins.tobytes(), said)))
        elif kind in ("over", "opened"):
            plain.append((kind, tuple(value)))
        else:
            plain.append((kind, pickle.dumps(value)))
    return "found", done, tuple(tally), plain


def _plain(block: FrameBlock) -> tuple[Any, ...]:
    broken = {place: tuple(map(tuple, problems)) for place, problems in block.broken.items()}
    return [column.tobytes() for column in block.columns], block.several.tobytes(), broken


def _frames(plain: tuple[Any, ...]) -> FrameBlock:
    import numpy as np

    from netviz.event import FrameBlock, Problem

    columns = tuple(np.frombuffer(column, np.int64) for column in plain[0])
    several = np.frombuffer(plain[1], np.int64).reshape(-1, 4)
    broken = {place: tuple(map(Problem._make, problems)) for place, problems in plain[2].items()}
    return FrameBlock(columns=columns, several=several, broken=broken)


def _receive(stream: BinaryIO) -> Iterator[Message]:
    while len(head := stream.read(_LENGTH.size)) == _LENGTH.size:
        # Only our own child writes to this pipe, so what marshal and pickle load is what _packed made.
        kind, *rest = marshal.loads(stream.read(_LENGTH.unpack(head)[0]))
        if kind == "end":
            return
        if kind == "mistake":
            raise NetvizError(*rest)
        if kind == "bug":
            raise RuntimeError(f"the reading process failed\n{rest[0]}")
        done, tally, plain = rest
        yield done, Tally(*tally), list(_found(plain))
    raise RuntimeError("the reading process ended without a word")


def _found(plain: list[tuple[str, Any]]) -> Iterator[Found]:
    from netviz.event import Problem

    content = b""
    for kind, value in plain:
        if kind in ("frame", "message"):
            yield kind, (*value[:-1], tuple(map(Problem._make, value[-1]))) if value[-1] else value
        elif kind == "block":
            yield kind, _frames(value)
        elif kind == "talk":
            import numpy as np

            from netviz.event import MessageBlock

            frames, numbers, begins, said = value
            content = content if said is None else said
            yield kind, MessageBlock(frames=_frames(frames), numbers=np.frombuffer(numbers, np.int64),
                                     begins=np.frombuffer(begins, np.int64), content=content)  # fmt: skip
        else:
            yield kind, Finished._make(value) if kind in ("over", "opened") else pickle.loads(value)
