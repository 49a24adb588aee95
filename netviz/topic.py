"""Topics: short texts about the words that screens use, each a file in topics/.

A file begins with a head, a line for each key:

    title     what it is about, in a few words
    also      other names that it is found by
    picture   the words of a netviz command on a sample; what that prints is the picture
    show      FIRST .. LAST: of it from the line with FIRST to before the one with LAST, or to the next empty line; repeatable,
              in quotation marks where a blank at the end counts
    try       the command of the picture where another one shows more; repeatable
    own       a command on one's own traffic; repeatable
    sources   where the text can be checked, separated by semicolons
    see       other topics

and goes on, behind an empty line, with paragraphs, "- term: meaning" lists, indented lines that stay as they are, and one
line [picture]: its place.  ``course.md`` puts all topics in the order in which to read them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from netviz.errors import NetvizError

__all__ = ["Block", "Chapter", "Show", "Topic", "course", "find_topic", "read_topic", "topics"]

_DIRECTORY = Path(__file__).resolve().parent / "topics"
_COURSE = "course"


class Show(NamedTuple):
    """A part of a screen: from the line that holds ``first`` to before the one that holds ``last``."""

    first: str
    last: str


class Block(NamedTuple):
    """A part of a text; a paragraph is one line here, however many it was written in."""

    kind: Literal["paragraph", "terms", "lines", "picture"]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic as its file tells it."""

    name: str
    title: str
    also: tuple[str, ...]
    picture: tuple[str, ...]
    shows: tuple[Show, ...]
    commands: tuple[str, ...]
    own: tuple[str, ...]
    sources: tuple[str, ...]
    see: tuple[str, ...]
    blocks: tuple[Block, ...]


class Chapter(NamedTuple):
    """Topics that belong together, in the order in which to read them."""

    title: str
    topics: tuple[Topic, ...]


@cache
def topics() -> dict[str, Topic]:
    """All topics by name, in the order of the course."""
    return {topic.name: topic for chapter in course() for topic in chapter.topics}


@cache
def course() -> tuple[Chapter, ...]:
    """The chapters."""
    chapters = []
    for part in (_DIRECTORY / f"{_COURSE}.md").read_text("utf-8").split("# ")[1:]:
        title, *names = part.split("\n")
        chapters.append(Chapter(title.strip(), tuple(map(_load, " ".join(names).split()))))
    return tuple(chapters)


def find_topic(word: str) -> Topic:
    """The topic that a user means, by its name, by another name, or by a name without its signs.

    Raises NetvizError, with the nearest names, where there is none.

    >>> find_topic("Socket.IO").name, find_topic("close codes").name, find_topic("1005").name
    ('socket.io', 'close-codes', 'close-codes')
    """
    known = {_key(name): topic for topic in topics().values() for name in (*topic.also, topic.name)}
    key = _key(word)
    found = known.get(key) or known.get(key.removesuffix("s")) or known.get(f"{key}s")
    if found is not None:
        return found
    near = [known[name].name for name in get_close_matches(key, known, n=6, cutoff=0.6)]
    near += [topic.name for name, topic in known.items() if len(key) > 2 and key in name]
    names = list(dict.fromkeys(near))[:4]
    hint = f"did you mean {' or '.join(names)}?\n" if names else ""
    raise NetvizError(f"no topic {word!r}", f"{hint}netviz explain --list names them all")


def read_topic(name: str, text: str) -> Topic:
    """A topic from the text of its file."""
    head, _, body = text.partition("\n\n")
    told: dict[str, list[str]] = {}
    for line in head.splitlines():
        key, _, value = line.partition(":")
        told.setdefault(key, []).append(value.strip())
    picture = told["picture"][0]
    return Topic(
        name=name,
        title=told["title"][0],
        also=_split(told, "also", ","),
        picture=tuple(shlex.split(picture)),
        shows=tuple(_show(value) for value in told.get("show", ())),
        commands=tuple(told.get("try", (f"netviz {picture}",))),
        own=tuple(told.get("own", ())),
        sources=_split(told, "sources", ";"),
        see=_split(told, "see", ","),
        blocks=tuple(_blocks(body)),
    )


def _load(name: str) -> Topic:
    return read_topic(name, (_DIRECTORY / f"{name}.md").read_text("utf-8"))


def _key(word: str) -> str:
    """A name without what is typed in many ways."""
    return "".join(sign for sign in word.lower() if sign.isalnum())


def _split(told: dict[str, list[str]], key: str, sign: str) -> tuple[str, ...]:
    return tuple(part.strip() for value in told.get(key, ()) for part in value.split(sign) if part.strip())


def _show(value: str) -> Show:
    first, _, last = value.partition(" .. ")
    return Show(_unquoted(first), _unquoted(last))


def _unquoted(text: str) -> str:
    """Text that may stand in quotation marks, so that blanks at its ends can be told."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _blocks(body: str) -> Iterator[Block]:
    for part in body.strip("\n").split("\n\n"):
        lines = part.split("\n")
        if part == "[picture]":
            yield Block("picture")
        elif part.startswith("    "):
            yield Block("lines", tuple(line[4:] for line in lines))
        elif part.startswith("- "):
            terms: list[str] = []
            for line in lines:
                if line.startswith("- "):
                    terms.append(line[2:])
                else:
                    terms[-1] += f" {line.strip()}"
            yield Block("terms", tuple(terms))
        else:
            yield Block("paragraph", (" ".join(line.strip() for line in lines),))
