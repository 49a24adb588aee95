"""Keys as a terminal sends them: bytes in, names out."""

from __future__ import annotations

from codecs import getincrementaldecoder

__all__ = ["Keys"]

#: What stands behind ESC [ or ESC O.
_NAMED = {
    "A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end",
    "1~": "home", "7~": "home", "4~": "end", "8~": "end", "5~": "page up", "6~": "page down",
}  # fmt: skip
_CONTROLS = {"\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace", "\x1b": "escape"}

#: A sequence that does not end within so many characters is none.
_LONGEST = 32


class Keys:
    """Gives the name of each key: a character as it is, others by name.

    A sequence may come in pieces, so the beginning of one is held back until `flush` says that nothing follows.

    >>> keys = Keys()
    >>> keys.feed(b"g1\\x1b[C \\x1b[")
    ['g', '1', 'right', ' ']
    >>> keys.feed(b"D"), keys.feed(b"\\x1b"), keys.flush()
    (['left'], [], ['escape'])
    """

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._text = ""

    @property
    def waiting(self) -> bool:
        """Whether the beginning of a sequence is held back."""
        return bool(self._text)

    def feed(self, data: bytes) -> list[str]:
        """The keys that these bytes complete."""
        self._text += self._decoder.decode(data)
        found = []
        while self._text:
            size, name = _first(self._text)
            if not size:
                break
            self._text = self._text[size:]
            if name:
                found.append(name)
        return found

    def flush(self) -> list[str]:
        """What was held back is all there is: an ESC alone is the key of that name."""
        text, self._text = self._text, ""
        return ["escape"] if text == "\x1b" else []


def _first(text: str) -> tuple[int, str]:
    """How many characters the first key takes (0: it goes on) and its name, empty where nobody knows it."""
    if text[0] != "\x1b":
        name = _CONTROLS.get(text[0], text[0])
        return 1, name if len(name) > 1 or name.isprintable() else ""
    if len(text) == 1:
        return 0, ""
    if text[1] not in "[O":
        return 1, "escape"
    for end in range(2, min(len(text), _LONGEST)):
        if text[end].isalpha() or text[end] == "~":
            return end + 1, _NAMED.get(text[2 : end + 1], _NAMED.get(text[end], "") if text[end] != "~" else "")
        if not (text[end].isdigit() or text[end] in ";<=>?"):
            return end, ""
    return (_LONGEST, "") if len(text) >= _LONGEST else (0, "")
