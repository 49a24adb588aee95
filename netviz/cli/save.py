"""Messages as files: one each, under names that nobody on the wire had a say in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from netviz.cli.trace_selection import TraceSelection
from netviz.errors import NetvizError
from netviz.event import Event, WebSocketMessage
from netviz.quantity import plural

__all__ = ["Saver"]


class Saver:
    """Writes the text and binary messages that pass a selection; creates the directory."""

    def __init__(self, directory: str, chosen: TraceSelection) -> None:
        self._directory = Path(directory)
        self._chosen = chosen
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NetvizError(f"cannot make the directory {directory}: {error.strerror}") from error

    def passing(self, events: Iterable[Event]) -> Iterator[Event]:
        """The same events, their messages saved."""
        saved = omitted = 0
        for event in events:
            if isinstance(event, WebSocketMessage) and event.kind in ("text", "binary") and self._chosen.selects(event):
                if event.content is None:
                    omitted += 1
                else:
                    self._save(event, event.content)
                    saved += 1
            yield event
        without = f"; {plural(omitted, 'message')} could not be read whole" if omitted else ""
        click.echo(f"{plural(saved, 'message')} saved in {self._directory}{without}", err=True)

    def _save(self, message: WebSocketMessage, content: str | bytes) -> None:
        raw = content.encode() if isinstance(content, str) else content
        ending = "bin" if isinstance(content, bytes) else "json" if content[:1] in ("{", "[") else "txt"
        path = self._directory / f"{message.connection:04}-{message.number:06}-{message.sender}.{ending}"
        try:
            path.write_bytes(raw)
        except OSError as error:
            raise NetvizError(f"cannot write {path}: {error.strerror}") from error
