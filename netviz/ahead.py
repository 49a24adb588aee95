"""Read and track a large file in a process of its own, while this one judges and draws.

Each half keeps one core busy, and what passes between them is small: the few kept segments of each connection, as
plain tuples.  On systems without a safe fork, on one core, and for anything small or streaming, one process does all;
what comes out is the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from netviz.capture.source import Source
from netviz.conveyor import Conveyor
from netviz.errors import NetvizError
from netviz.found import Found, Kept, Tally
from netviz.packing import pack, unpack

if TYPE_CHECKING:
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

#: The same where messages are wanted, which must be written or drawn here.
_OUR_MESSAGES, _THEIR_MESSAGES = (11, 0, 4), (11, 4, 11)

Message = tuple["float | None", Tally, list[Found]]


def worthwhile(source: Source) -> bool:
    """Whether a second process pays for this source on this machine."""
    return sys.platform == "linux" and source.size >= _LARGE and len(os.sched_getaffinity(0)) > 1


def read_ahead(source: Source, wanted: Wanted | None, kept: Kept) -> Iterator[Message]:
    """For each Batch how much has been read, the tally so far, and what was found.

    The other process starts at once, also where nobody asks for the first message yet.  Raises NetvizError where the source
    does.
    """
    conveyor = Conveyor()
    child = os.fork()
    if not child:
        _serve(source, wanted, conveyor, kept=kept)
    conveyor.belong(sends=False)
    return _until_over(conveyor, child)


def _until_over(conveyor: Conveyor, child: int) -> Iterator[Message]:
    try:
        with conveyor:
            yield from _receive(conveyor)
    finally:
        # A reader that has enough closes its ends; the child then fails to write, and ends.
        os.waitpid(child, 0)


def read_together(source: Source, again: Source, wanted: Wanted) -> Iterator[Message]:
    """The same for frames, or messages of which many are alike, where the payload is most of the work: both processes read and
    track all, the other one from ``again``, each reads on in its part of the connections, and what both found in a Batch is
    put together here.
    """
    # Both need all of this, and to import it once takes a twentieth off the time of both.
    import netviz.assembly
    import netviz.capture.stream  # noqa: F401
    from netviz.tracking import Tracking

    ours, theirs = (_OUR_MESSAGES, _THEIR_MESSAGES) if wanted.contents else (_OURS, _THEIRS)
    conveyor = Conveyor()
    child = os.fork()
    if not child:
        _serve(again, wanted, conveyor, theirs)
    conveyor.belong(sends=False)
    try:
        with conveyor:
            messages = _receive(conveyor)
            tracking = Tracking(wanted, ours)
            for batch in source:
                found = tracking.feed(batch)
                yield source.progress, tracking.tally, _together(found, next(messages)[2])
            yield 1.0, tracking.tally, _together(tracking.close(), [thing for _, _, rest in messages for thing in rest])
    finally:
        os.waitpid(child, 0)


def _together(ours: list[Found], theirs: list[Found]) -> list[Found]:
    """What both found in the same Batch; problems of the capture are found by both."""
    both = [*ours, *theirs]
    heard = [value for kind, value in both if kind == "heard"]
    if heard:
        from netviz.talk import joined  # with it come the layers, which other commands need not wait for

        where = next((place for place, (kind, _) in enumerate(ours) if kind == "heard"), len(ours))
        return [*ours[:where], *joined(heard), *ours[where + 1 :]]
    blocks = [value for kind, value in both if kind == "block"]
    others = [thing for thing in ours if thing[0] not in ("block", "peers")]
    others += sorted(thing for thing in both if thing[0] == "peers")
    if blocks:
        from netviz.block import merge

        others.append(("block", merge(blocks)))
    return others


def _serve(
    source: Source,
    wanted: Wanted | None,
    conveyor: Conveyor,
    part: Part = (1, 0, 1),
    kept: Kept = Kept(),  # noqa: B008
) -> NoReturn:
    """All that the other process does.  It never comes back from here: it would go on as if it were this one."""
    status = 0
    try:
        conveyor.belong(sends=True)
        status = _track(source, wanted, conveyor, part, kept)
    finally:
        os._exit(status)


def _track(source: Source, wanted: Wanted | None, conveyor: Conveyor, part: Part, kept: Kept) -> int:
    try:
        from netviz.tracking import Tracking  # numpy comes with it, which the other process does not wait for

        tracking = Tracking(wanted, part, kept)
        for batch in source:
            found = tracking.feed(batch)
            conveyor.send(_packed(source.progress, tracking.tally, found))
        rest = tracking.close()
        for at in range(0, max(len(rest), 1), _TOGETHER):
            conveyor.send(_packed(1.0, tracking.tally, rest[at : at + _TOGETHER]))
        conveyor.send(("end",))
    except (BrokenPipeError, KeyboardInterrupt):
        return 0
    except NetvizError as error:
        conveyor.send(("mistake", str(error), error.hint))
    except BaseException:
        import traceback

        conveyor.send(("bug", traceback.format_exc()))
        return 1
    return 0


def _packed(done: float | None, tally: Tally, found: list[Found]) -> tuple[Any, ...]:
    return "found", done, tuple(tally), pack(found)


def _receive(conveyor: Conveyor) -> Iterator[Message]:
    for kind, *rest in conveyor.receive():
        if kind == "end":
            return
        if kind == "mistake":
            raise NetvizError(*rest)
        if kind == "bug":
            raise RuntimeError(f"the reading process failed\n{rest[0]}")
        done, tally, plain = rest
        yield done, Tally(*tally), list(unpack(plain))
    raise RuntimeError("the reading process ended without a word")
