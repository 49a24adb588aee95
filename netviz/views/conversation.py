"""The conversation: a line for each message, the client's on the left, the server's on the right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from rich.highlighter import JSONHighlighter
from rich.text import Text

from netviz.event import Problem, WebSocketFrame, WebSocketMessage, close_name
from netviz.quantity import seconds, span
from netviz.views.text import clock, fitting, fold, safe

__all__ = ["PREVIEW", "Clock", "frame_row", "message_rows", "preview", "problem_rows", "stamp"]

Clock = Literal["elapsed", "delta", "absolute"]

#: Characters of content that are looked at where not all of it is wanted; and of one line at least: more than it holds, so
#: that a string of JSON that goes on behind it has its colour.
PREVIEW, _LINE = 2000, 600

#: Characters up to which JSON is coloured: beyond that it takes too long.
_HIGHLIGHTED = 20_000

#: Below this width numbers are left out, and arrows are short.
_WIDE = 100

_KINDS = {"text": "text", "binary": "bin", "ping": "ping", "pong": "pong", "close": "close", "continuation": "cont"}
_highlight = JSONHighlighter()


def message_rows(
    message: WebSocketMessage, time: str, width: int, *, full: bool = False, note: bool = True, coloured: bool = True
) -> Iterator[Text]:
    """A message; in one line, or with ``full`` in as many as it takes.  ``time`` is written as it is."""
    line = _begin(message.side, time, width, f"{message.number}")
    kind = _KINDS.get(message.kind, message.kind)
    line.append(f"{kind:<6}", {"text": "", "bin": "label"}.get(kind, "note" if kind == "close" else "faint"))
    line.append(f"{_size(message):>{13 if width >= _WIDE else 8}}  ", "faint")
    indent = len(line.plain)
    content, whole = preview(message, full=full, coloured=coloured, most=max(_LINE, 4 * width))
    after = _after(message, width >= _WIDE)
    if full:
        for text in _paragraphs(content, width - indent):
            yield line.append_text(text)
            line = Text(" " * indent)
        if after:
            yield line.append(after, "faint")
    else:
        room = width - indent - (len(after) + 2 if after else 0)
        if content.cell_len > room or not whole:
            content.truncate(max(room - 1, 5))
            content.append("…", "faint")
        line.append_text(content)
        if after:
            line.append(("  " if content.plain else "") + after, "faint")
        yield fold(line, width, indent)
    if note:
        yield from problem_rows(tuple(p for p in message.problems if p.kind != "payload-missing"), width)


def frame_row(frame: WebSocketFrame, time: str, width: int) -> Text:
    """A frame: its header in words."""
    line = _begin(frame.side, time, width, f"{frame.number}", "frame")
    bits = [f"#{frame.number}"] if width < _WIDE else []
    bits += [f"FIN {int(frame.fin)}"] + [f"RSV{n}" for n in (1, 2, 3) if frame.first & (0x80 >> n)]
    bits.append(f"opcode {frame.opcode} {frame.kind}")
    bits.append(f"mask {frame.mask:08x}" if frame.masked else "no mask")
    bits.append(f"{frame.head} + {frame.length:,} bytes")
    line.append(" · ".join(bits), "faint")
    return fold(line, width, 13)


def problem_rows(problems: tuple[Problem, ...], width: int) -> Iterator[Text]:
    """What is wrong, below what it is wrong with."""
    for problem in problems:
        line = Text.assemble(" " * 13, ("✗ ", "problem"), (safe(problem.text), "problem"))
        yield fold(line, width, 15)


def preview(message: WebSocketMessage, *, full: bool = False, coloured: bool = True, most: int = PREVIEW) -> tuple[Text, bool]:
    """The content, safe to print, ``full`` or so many characters, JSON ``coloured`` where anybody sees colours; and whether
    that is all of it.
    """
    content = message.content
    if message.kind == "close":
        words = "no code" if message.code is None else f"{message.code} {close_name(message.code)}"
        said = content if isinstance(content, str) else "" if content is None else content.hex(" ")
        return Text(words + (f": {safe(said[:most])}" if said else "")), True
    if content is None:
        return Text("not shown", "faint"), True
    if isinstance(content, bytes):
        raw = content if full else content[: most // 3]
        return Text(raw.hex(" "), "faint" if message.kind in ("ping", "pong") else ""), len(raw) == len(content)
    part = content if full else content[:most]
    if message.kind != "text":
        return Text(safe(part), "faint"), len(part) == len(content)
    text = Text("\n").join(Text(safe(row)) for row in part.split("\n")) if full else Text(safe(part))
    if coloured and content[:1] in ("{", "[") and len(part) <= _HIGHLIGHTED:
        _highlight.highlight(text)
    return text, len(part) >= len(content)


def stamp(time: int | None, start: int | None, last: int | None, style: Clock) -> str:
    """A time as the user wants it: since the first packet, since the row before, or of day."""
    if time is None:
        return "-"
    if style == "absolute":
        return clock(time)
    if style == "delta":
        return f"+{seconds(time - last)}" if last is not None else "0.000000"
    return seconds(time - (time if start is None else start))


def _begin(side: int, time: str, width: int, number: str, word: str = "") -> Text:
    wide = width >= _WIDE
    line = Text.assemble((f"{time:>11}  ", "faint"))
    if wide:
        line.append(f"{word and word[0]}{number:>5}  ", "faint")
    left = f"{'client ──▶' if wide else 'client ▶'}"
    right = f"{'◀── server' if wide else '◀ server'}"
    room = 24 if wide else 11
    line.append(f"{left:<{room}}" if side == 0 else f"{right:>{room}}", "server" if side else "client")
    return line.append("  " if wide else " ")


def _size(message: WebSocketMessage) -> str:
    """Bytes on the wire, and inflated where that differs."""
    if message.compressed:
        inflated = "?" if message.length is None else f"{message.length:,}"
        return f"{message.wire_length:,}→{inflated}"
    return f"{message.wire_length:,}"


def _after(message: WebSocketMessage, wide: bool) -> str:
    words = []
    if message.fragments > 1:
        words.append(f"{message.fragments} frames" if wide else f"×{message.fragments}")
    if message.kind == "pong":
        if message.after is None:
            words.append("answers no ping")
        else:
            took = "" if message.after.took is None else f"+{span(message.after.took)}"
            words.append(", ".join([f"answers #{message.after.number}"] * wide + [took] * bool(took)))
    return f"({'; '.join(words)})" if any(words) else ""


def _paragraphs(content: Text, width: int) -> Iterator[Text]:
    """Lines that fit; a line that is long is cut up in one pass."""
    for line in content.split("\n", allow_blank=True) or [Text("")]:
        plain, cuts = line.plain, [0]
        while (at := cuts[-1] + fitting(plain[cuts[-1] : cuts[-1] + width + 1], width)) < len(plain):
            cuts.append(at)
        yield from line.divide(cuts[1:]) if len(cuts) > 1 else (line,)
