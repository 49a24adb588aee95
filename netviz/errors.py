"""The one error a user can make netviz raise: a mistake of their own.

What is wrong *in a capture* is never an exception: it is a `netviz.event.Problem`.
"""

from __future__ import annotations

__all__ = ["NetvizError"]


class NetvizError(Exception):
    """A mistake of the user's: no such file, not a capture, no such connection (exit status 2).

    ``hint`` says what to do instead, where there is something to say.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
