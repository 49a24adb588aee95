"""The heartbeat lane: when each ping came, how long its pong took, what was late, and when either end must give up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from netviz.event import SIDES
from netviz.quantity import plural, span
from netviz.verdicts.heartbeat import Beat, Heartbeat, beats, rounded
from netviz.verdicts.session_trace import SessionTrace
from netviz.views.conversation import Clock, stamp
from netviz.views.session_lane import flow
from netviz.views.text import clock as time_of_day
from netviz.views.text import fold

__all__ = ["heartbeat_lines"]

#: Of many beats so many of the first and last are drawn; those that were late always.
_FIRST, _LAST = 8, 3


def heartbeat_lines(
    traces: Sequence[SessionTrace], names: Sequence[str], *, width: int, start: int | None, clock: Clock, full: bool
) -> Iterator[Text]:
    """The lanes of these sessions, each behind the rule that it must keep."""
    found = [
        (name, heart) for trace, name in zip(traces, names, strict=True) if (heart := beats(trace)).interval or heart.beats
    ]
    rule = ""
    silent: list[str] = []
    for name, heart in found:
        if (said := _rule(heart)) != rule:
            for line in _silent(silent):
                yield fold(line, width, 4)
            rule, silent = said, []
            yield fold(Text.assemble(("heartbeat  ", "label"), (rule, "faint")), width, 11)
        if heart.ended and not heart.beats:
            silent.append(name)
        else:
            yield flow([*_lane(heart, name, start, clock, full), *_giving_up(heart, start, clock)], width, 4)
    for line in _silent(silent):
        yield fold(line, width, 4)


def _silent(names: list[str]) -> Iterator[Text]:
    """Sessions that were over before the first ping was due."""
    if names:
        yield Text.assemble((f" {' '.join(names)} ".replace("  ", " "), "label"), (" over before the first ping", "faint"))


def _rule(heart: Heartbeat) -> str:
    """What the server announced."""
    other = "client" if heart.asks == "server" else "server"
    every = "" if heart.interval is None else f" every {rounded(heart.interval)}"
    within = "" if heart.timeout is None else f" within {rounded(heart.timeout)}"
    return f"the {heart.asks} pings{every}, the {other} answers{within}"


def _lane(heart: Heartbeat, name: str, start: int | None, clock: Clock, full: bool) -> Iterator[Text]:
    head = Text.assemble((f" {name}  " if name else " ", "label"))
    if not heart.beats:
        yield head.append("no ping in this capture", "faint")
        return
    left_out: list[Beat] = []
    many = not full and len(heart.beats) > _FIRST + _LAST + 1
    for index, beat in enumerate(heart.beats):
        if many and _FIRST <= index < len(heart.beats) - _LAST and not (beat.late or beat.overdue) and beat.answer:
            left_out.append(beat)
            continue
        if left_out:
            yield Text(_folded(left_out), "faint")
            left_out = []
        yield head.append_text(_beat(heart, beat, start, clock)) if index == 0 else _beat(heart, beat, start, clock)
    intervals = [beat.interval for beat in heart.beats[1:] if beat.interval is not None]
    if intervals:
        low, high = span(min(intervals)), span(max(intervals))
        announced = "" if heart.interval is None else f" (announced {rounded(heart.interval)})"
        yield Text(f"every {low if low == high else f'{low} to {high}'}{announced}", "faint")


def _beat(heart: Heartbeat, beat: Beat, start: int | None, clock: Clock) -> Text:
    line = Text.assemble(("♥ ", "problem" if beat.late or beat.overdue else "ok"), _at(beat.time, start, clock))
    line.append(
        " no pong" if not beat.answer else "" if beat.took is None else f" {span(beat.took)}", "" if beat.answer else "note"
    )
    words = []
    if beat.late and beat.interval is not None and heart.interval is not None:
        words.append(f"{span(beat.interval - heart.interval)} late")
    if beat.overdue:
        words.append("pong too late" if beat.answer else "too long")
    return line.append(f" ({', '.join(words)})", "problem") if words else line


def _folded(left_out: list[Beat]) -> str:
    took = [beat.took for beat in left_out if beat.took is not None]
    spread = f", {span(min(took))} to {span(max(took))}" if took else ""
    return f"… {plural(len(left_out), 'more beat')}{spread} …"


def _giving_up(heart: Heartbeat, start: int | None, clock: Clock) -> Iterator[Text]:
    """When each end must give up; or that one did."""
    if heart.gave_up is not None:
        due = heart.gives_up[SIDES.index(heart.gave_up)]
        yield Text(f"the {heart.gave_up} gave up: due at {_at(due, start, clock)} s", "problem")
        return
    word = "would have to" if heart.ended else "must"
    parts = [f"{side} at {_at(due, start, clock)}" for side, due in zip(SIDES, heart.gives_up, strict=True) if due is not None]
    if parts:
        yield Text(f"without another beat {word} give up: {', '.join(parts)}", "faint")


def _at(time: int | None, start: int | None, clock: Clock) -> str:
    """A time, to the ms: a lane is for the eye."""
    if time is None:
        return "-"
    return time_of_day(time)[:-3] if clock == "absolute" else stamp(time, start, None, "elapsed")[:-3]
