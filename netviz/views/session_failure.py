"""What a request of Engine.IO was refused with, in a few words."""

from __future__ import annotations

import json

from netviz.event import ENGINE_ERRORS, EngineIoAnswer, WebSocketUpgrade
from netviz.views.text import safe

__all__ = ["failure_words"]

#: Bytes of a body that are looked at, and characters of a message that are shown.
_BODY, _SHOWN = 4096, 120


def failure_words(refused: EngineIoAnswer | WebSocketUpgrade) -> str:
    """Which request, what was answered, and why."""
    if isinstance(refused, WebSocketUpgrade):
        what, body = "the upgrade", refused.body
    else:
        what = f"{safe(refused.request.method[:16])} polling"
        body = (refused.body.content or b"")[:_BODY].decode("utf-8", "replace")
    if refused.status is None:
        return f"no answer to {what}"
    why = _why(body)
    status = f"{refused.status} {safe(refused.reason[:_SHOWN])}".rstrip()
    answer = "breaks a rule of the upgrade" if refused.status == 101 else f"answers {what}"
    return f"{status} {answer}{f': {why}' if why else ''}"


def _why(body: str) -> str:
    """The reason in a body of JSON: Engine.IO's own, or what another server says in one string."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if isinstance(said, dict):
        code, message = said.get("code"), said.get("message")
        known = ENGINE_ERRORS.get(code) if isinstance(code, int) else None
        said = message if isinstance(message, str) else known
    return safe(said[:_SHOWN]) if isinstance(said, str) else ""
