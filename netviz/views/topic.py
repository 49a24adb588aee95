"""A topic on a screen: its text, its picture between two lines, and where to go on; and all topics as a course."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from netviz.topic import Block, Chapter, Topic, topics
from netviz.views.text import fold

__all__ = ["contents", "list_lines", "plain_topic", "topic_lines"]

#: Prose is not drawn wider than that, however wide the screen.
_WIDEST = 92
_LABEL = 12

#: Words that are to be typed or stand on the wire.
_CODE = re.compile(r"`([^`]+)`")


def topic_lines(topic: Topic, picture: Sequence[Text], width: int) -> Iterator[Text]:
    """All of it; ``picture`` are lines that fit the screen."""
    room = min(width, _WIDEST)
    yield fold(Text.assemble((topic.name, "title"), (f"  {topic.title}", "")), width, 2)
    for block in topic.blocks:
        yield Text()
        if block.kind == "picture":
            yield from _framed(topic, picture, width)
        else:
            yield from _block(block, room)
    yield Text()
    for command in topic.commands:
        yield from _entry("see it", command, room, "command")
    for command in topic.own:
        yield from _entry("your own", command, room, "command")
    yield from _entry("source", "; ".join(topic.sources), room)
    yield from _entry("see also", f"netviz explain {' · '.join(topic.see)}", room, "command")
    following = _next(topic)
    if following is not None:
        yield from _entry("next", f"netviz explain {following.name}", room, "command")


def contents(chapters: Iterable[Chapter], width: int) -> Iterator[Text]:
    """All topics in the order in which to read them."""
    room = min(width, _WIDEST)
    yield fold(Text("What you see in a capture, in short texts, each with a picture of real traffic."), room, 0)
    for number, chapter in enumerate(chapters, 1):
        yield Text()
        yield Text.assemble((f"{number}  {chapter.title}", "title"))
        for line in list_lines(chapter.topics):
            yield Text("   ").append_text(line)
    yield Text()
    first = next(iter(topics()))
    yield from _entry("begin", f"netviz explain {first}", room, "command")
    yield from _entry("look up", "netviz explain ping, netviz explain 1005: other words lead to their topic, too", room)
    yield from _entry("all", "netviz explain --list", room, "command")


def list_lines(listed: Iterable[Topic]) -> Iterator[Text]:
    """A line for each topic."""
    column = max(map(len, topics())) + 2
    for topic in listed:
        yield Text.assemble((f"{topic.name:<{column}}", "command"), topic.title)


def plain_topic(topic: Topic) -> Iterator[Text]:
    """A line for each paragraph, and for everything else a word that says what it is."""
    yield Text(f"topic {topic.name}: {topic.title}")
    for block in topic.blocks:
        if block.kind == "picture":
            yield Text(f"picture netviz {shlex.join(topic.picture)}")
        for line in block.lines:
            yield Text(_CODE.sub(r"\1", line))
    for label, words in (("see-it", topic.commands), ("your-own", topic.own), ("source", topic.sources)):
        for word in words:
            yield Text(f"{label} {word}")
    for name in topic.see:
        yield Text(f"see-also netviz explain {name}")


def _block(block: Block, width: int) -> Iterator[Text]:
    if block.kind == "lines":
        for line in block.lines:
            yield Text(f"    {line}", "label")
        return
    if block.kind == "paragraph":
        yield fold(Text("  ").append_text(_styled(block.lines[0])), width, 2)
        return
    terms = [line.partition(": ") for line in block.lines]
    column = max(len(term) for term, _, _ in terms) + 4
    for term, _, words in terms:
        yield from _hanging(Text.assemble("  ", (f"{term:<{column - 2}}", "label")), words, width, column)


def _framed(topic: Topic, picture: Sequence[Text], width: int) -> Iterator[Text]:
    command = f"netviz {shlex.join(topic.picture)}"
    if not picture:
        yield Text.assemble("  (the sample is not here: ", (command, "command"), ")")
        return
    words = f"── {command}{', in part ' if topic.shows else ' '}"
    yield Text(words + "─" * (width - len(words)), "faint")
    yield from picture
    yield Text("─" * width, "faint")


def _entry(label: str, words: str, width: int, style: str = "") -> Iterator[Text]:
    yield fold(Text.assemble((f"  {label:<{_LABEL - 2}}", "label"), (words, style)), width, _LABEL)


def _hanging(head: Text, words: str, width: int, column: int) -> Iterator[Text]:
    """Words beside their head, on as many lines as it takes; below it where there is too little room."""
    head.append(" " * (column - len(head)))
    yield fold(head.append_text(_styled(words)), width, column)


def _styled(words: str) -> Text:
    """Words between backquotes stand out."""
    line = Text()
    for index, part in enumerate(_CODE.split(words)):
        line.append(part, "label" if index % 2 else "")
    return line


def _next(topic: Topic) -> Topic | None:
    names = list(topics())
    at = names.index(topic.name) + 1 if topic.name in topics() else len(names)
    return topics()[names[at]] if at < len(names) else None
