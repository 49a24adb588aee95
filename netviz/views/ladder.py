"""The ladder of one connection: client left, server right, whatever their addresses; the TCP state of both beside it.

A time column, the client's state, the arrow with the segment's name and numbers, the server's state, and in words what
the segment says: to the right where there is room, else below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from rich.text import Text

from netviz.event import Course, Moment, TcpConnection
from netviz.quantity import seconds, span
from netviz.views.quiet import Fold, folded, lines, scale
from netviz.views.text import clock

__all__ = ["Clock", "Inside", "Rungs", "ladder"]

Clock = Literal["elapsed", "delta", "absolute"]

#: Room for a state with its mark, for a time with and without the packet's number, and what an arrow with words to its
#: right takes at the most.
_STATE, _TIME, _SHORT, _ARROW = 13, 18, 10, 52

#: From this width on packets are numbered.
_ROOMY = 80

#: From this width on the words stand to the right of the arrow.
_WIDE = 118


class Rungs(NamedTuple):
    """How a ladder is drawn: what its times count from, whether it has every segment, whether it is spaced by time."""

    clock: Clock = "elapsed"
    whole: bool = False
    spaced: bool = False


class Inside(NamedTuple):
    """A rung of what TCP carries: its last packet and how many there are, when that came, from which side, what it is
    called (the first that fits, of several), and what it says in words.
    """

    packet: int
    packets: int
    time: int | None
    side: int
    labels: tuple[str, ...]
    words: str


def ladder(
    connection: TcpConnection, course: Course, start: int | None, width: int, rungs: Rungs, inside: Sequence[Inside] = ()
) -> Iterator[Text]:
    """The lines of the ladder; ``start`` is the time of the capture's first packet, ``inside`` stands between those of TCP."""
    wide, numbered = width >= _WIDE, width >= _ROOMY
    drawn = list(folded(course.moments) if rungs.whole else course.moments)
    times = _times([moment for moment in drawn if not isinstance(moment, Fold)], start, rungs.clock, numbered)
    time = max([_TIME if numbered else _SHORT, *(len(text) + 1 for text in times)])
    arrow = max(min(_ARROW, width - time - 2 * (_STATE + 1) - (46 if wide else 0)), 4)
    unit = scale(drawn) if rungs.spaced else 0
    if unit:
        yield Text(f"{'':<{time}}one empty line is {span(unit)}", "faint")
    yield from _heads(connection, time, arrow, width)
    yield _line("", course.before[0], False, Text(" " * arrow), course.before[1], False, time)
    previous: Moment | None = None
    fold: Fold | None = None
    when = iter(times)
    pending = list(inside)
    for moment in drawn:
        if isinstance(moment, Fold):
            fold = moment
            continue
        if previous is not None:
            fold = fold or _missing(previous, moment)
            while pending and previous.segment.packet <= pending[0].packet < moment.segment.packet:
                rung = pending.pop(0)
                yield from _inside(rung, start, time, arrow, width, wide=wide, numbered=numbered)
                if fold is not None and not rungs.whole:
                    fold = fold._replace(segments=fold.segments - rung.packets) if fold.segments > rung.packets else None
            yield from _passing(previous, moment, unit, fold, time, arrow, width)
            fold = None
        line = _moment(moment, next(when), time, arrow)
        words = _words(moment)
        if wide:
            line.pad_right(time + arrow + 2 * (_STATE + 1) - line.cell_len)
            yield from _beside(line, words, width)
        else:
            yield line
            yield from _below(words, time, width)
        previous = moment
    for rung in pending:
        yield from _inside(rung, start, time, arrow, width, wide=wide, numbered=numbered)
    if any(any(moment.inferred) for moment in course.moments):
        yield Text(" " * time + "? inferred: no segment of that side shows it", "faint")


def _missing(previous: Moment, moment: Moment) -> Fold | None:
    """What lies between two segments that were kept."""
    count = moment.segment.ordinal - previous.segment.ordinal - 1
    before, now = previous.segment.time, moment.segment.time
    return Fold(count, lasted=None if before is None or now is None else now - before) if count > 0 else None


def _passing(
    previous: Moment, moment: Moment, unit: int, fold: Fold | None, time: int, arrow: int, width: int
) -> Iterator[Text]:
    """Between two rungs: what was folded, and the time that passed where the ladder is spaced by time."""
    before, now = previous.segment.time, moment.segment.time
    gap = None if before is None or now is None else now - before
    count, shortened = lines(gap, unit)
    middle = "" if fold is None else f"⋮ {fold} ⋮"
    if shortened and gap is not None and not middle:
        middle = f"⋮ {span(gap)}, shortened ⋮"
    elif shortened:
        middle = f"{middle[:-2]}, shortened ⋮"
    if middle:
        count = max(count - 1, 0)
    begin = time + _STATE + 1
    for place in range(count + bool(middle)):
        if middle and place == count // 2:
            left = max(min(begin + (arrow - len(middle)) // 2, width - len(middle)), 0)
            yield Text(" " * left + middle, "faint")
        else:
            yield Text(" " * begin + "┊".ljust(arrow - 1) + "┊", "faint")


def _heads(connection: TcpConnection, time: int, arrow: int, width: int) -> Iterator[Text]:
    client, server = (
        [name, end.address, f"port {end.port}"] for name, end in (("CLIENT", connection.client), ("SERVER", connection.server))
    )
    right_at = time + arrow + _STATE + 2
    for left, right in zip(client, server, strict=True):
        line = f"{left:>{time + _STATE}} "
        if len(left) < right_at and right_at + len(right) <= width:
            yield Text.assemble((line.ljust(right_at), "client"), (right, "server"))
        else:  # two long addresses: one below the other
            yield Text(line.rstrip(), "client")
            yield Text(right.rjust(min(width, right_at + _STATE)), "server")


def _line(time: str, left: str, left_sure: bool, arrow: Text, right: str, right_sure: bool, room: int) -> Text:
    line = Text.assemble((f"{time:<{room}}"[:room], "faint"))
    line.append(f"{left:>{_STATE}} ", "client" if left_sure else "inferred")
    line.append_text(arrow)
    line.append(f" {right}", "server" if right_sure else "inferred")
    return line


def _moment(moment: Moment, when: str, time: int, arrow: int) -> Text:
    segment = moment.segment
    style = "problem" if "RST" in moment.what else "note" if segment.special else ("client", "server")[segment.side]
    label = _label(moment, arrow - 8)
    rest = max(arrow - len(label) - 6, 0)
    drawn = Text()
    if segment.side == 0:
        drawn.append("── ", style)
        drawn.append(label, "label")
        drawn.append(" " + "─" * (rest + 1) + "▶", style)
    else:
        drawn.append("◀─ ", style)
        drawn.append(label, "label")
        drawn.append(" " + "─" * (rest + 2), style)
    left, right = (name + "?" * (unsure and name != "?") for name, unsure in zip(moment.states, moment.inferred, strict=True))
    return _line(when, left, not moment.inferred[0], drawn, right, not moment.inferred[1],
                 time)  # fmt: skip


def _inside(
    rung: Inside, start: int | None, time: int, arrow: int, width: int, *, wide: bool, numbered: bool
) -> Iterator[Text]:
    """A rung of what TCP carries, without states: those of TCP do not change."""
    when = "no time" if rung.time is None else seconds(rung.time - (rung.time if start is None else start))
    style = ("client", "server")[rung.side]
    label = next((label for label in rung.labels if len(label) <= arrow - 6), rung.labels[-1][: max(arrow - 7, 1)] + "…")
    rest = max(arrow - len(label) - 6, 0)
    parts = (("── ", style), (label, "label"), (" " + "─" * (rest + 1) + "▶", style))
    if rung.side:
        parts = (("◀─ ", style), (label, "label"), (" " + "─" * (rest + 2), style))
    line = _line(f"#{rung.packet:<7} {when}" if numbered else when, "", True, Text.assemble(*parts), "", True, time)
    words = f"“{rung.words}”"
    if wide:
        line.pad_right(time + arrow + 2 * (_STATE + 1) - line.cell_len)
        yield from _beside(line, words, width)
    else:
        line.rstrip()
        yield line
        yield from _below(words, time, width)


def _label(moment: Moment, room: int) -> str:
    """The segment's name and as many of its numbers as fit: relative first, absolute in brackets."""
    segment = moment.segment
    seq, ack = f"seq={moment.seq}", "" if moment.ack is None else f" ack={moment.ack}"
    data = f" +{segment.length} B" if segment.length else ""
    for text in (
        f"{moment.what} {seq} ({segment.seq}){ack}{f' ({segment.ack})' if ack else ''}{data}",
        f"{moment.what} {seq} ({segment.seq}){ack}{data}",
        f"{moment.what} {seq}{ack}{data}",
        f"{moment.what}{ack or ' ' + seq}",
    ):
        if len(text) <= room:
            return text
    return moment.what


def _times(moments: Sequence[Moment], start: int | None, show: Clock, numbered: bool) -> list[str]:
    """The time of each moment, behind the number of its packet where there is room."""
    texts = []
    before: int | None = None
    for moment in moments:
        now = moment.segment.time
        if now is None:
            text = "no time"
        elif show == "absolute":
            text = clock(now)
        elif show == "delta" and before is not None:
            text = f"+{seconds(now - before)}"
        else:
            text = seconds(now - (now if start is None else start))
        texts.append(f"#{moment.segment.packet:<7} {text}" if numbered else text)
        before = now
    return texts


def _words(moment: Moment) -> str:
    return f"“{moment.meaning}”"


def _beside(line: Text, words: str, width: int) -> Iterator[Text]:
    room = width - line.cell_len - 1
    first, *more = _wrap(words, room)
    yield Text.assemble(line, " ", (first, "italic"))
    for text in more:
        yield Text(" " * (line.cell_len + 1) + text, "italic")


def _below(words: str, time: int, width: int) -> Iterator[Text]:
    for text in _wrap(words, width - time - 2):
        yield Text(" " * (time + 2) + text, "italic")


def _wrap(words: str, room: int) -> list[str]:
    from textwrap import wrap

    return wrap(words, max(room, 20)) or [""]
