"""A frame as it lay in TLS records: ciphertext above plaintext, and what each record adds."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from netviz.event import Anatomy, TlsRecord
from netviz.quantity import plural
from netviz.views.text import fold

__all__ = ["sealed_lines"]

#: Records that are drawn, and bytes of each.
_FEW, _DRAWN = 3, 16

_HEAD = 5


def sealed_lines(event: Anatomy, width: int) -> Iterator[Text]:
    """The records that carried a frame, the part of each that is the frame's."""
    for record in event.records[:_FEW]:
        at = _place(record, event)
        drawn = min(_DRAWN, (width - 13) // 3)
        sealed, opened = record.sealed[at : at + drawn], record.content[at : at + drawn]
        more = " …" if len(record.content) > at + drawn else ""
        behind = f", from byte {at + 1:,} of its content on" if at else ""
        line = Text.assemble(("  TLS      ", "label"), f"record {record.number}, {record.cipher}{behind}")
        yield fold(line, width, 11)
        yield Text.assemble(("  sealed   ", "label"), (sealed.hex(" ") + more, "faint"))
        yield Text.assemble(("  opened   ", "label"), (opened.hex(" ") + more, "ok"))
        parts = [f"{len(record.content):,} of content", f"{_HEAD} header"]
        parts += [f"{record.before} {'IV' if 'CBC' in record.cipher else 'nonce'}"] if record.before else []
        parts += ["1 for the type inside"] if record.hidden else []
        parts += [f"{record.padding} padding"] if record.padding else []
        parts.append(f"{record.tag} {'MAC' if 'CBC' in record.cipher else 'tag'}")
        whole = len(record.content) + record.around
        yield fold(Text(f"           {whole:,} bytes = {' + '.join(parts)}", "faint"), width, 11)
    if len(event.records) > _FEW:
        yield Text(f"           and {plural(len(event.records) - _FEW, 'more record')}", "faint")
    if event.records:
        yield Text()


def _place(record: TlsRecord, event: Anatomy) -> int:
    """Where in the content of a record the frame begins, or goes on."""
    for piece in event.frame.slices:
        before = 0
        for at in range(0, len(record.origin), 3):
            packet, start, end = record.origin[at : at + 3]
            if packet == piece.packet and start <= piece.start < end:
                return max(before + piece.start - start - _HEAD - record.before, 0)
            before += end - start
    return 0
