"""The TCP state machine of one end: as a column of all states, or as the way that it went.

https://www.rfc-editor.org/rfc/rfc9293#section-3.3.2
"""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from netviz.event import SIDES, Machine
from netviz.views.text import fitting

__all__ = ["COLUMN", "machine_column", "machine_way"]

#: Cells of a column, and what stands in it: states from the beginning on, and how each end goes out.
COLUMN = 16
_STATES = (
    "CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", ("closes first", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSING",
    "TIME-WAIT"), ("closes second", "CLOSE-WAIT", "LAST-ACK"),
)  # fmt: skip


def machine_column(machine: Machine, side: int) -> list[Text]:
    """All states below one another: where it is, where it was, where it could be."""
    style = SIDES[side]
    lines = [] if machine.state != "?" else [Text("▶ ? not seen".ljust(COLUMN), "inferred")]
    for entry in _STATES:
        if isinstance(entry, str):
            lines.append(_state(entry, machine, style))
            continue
        title, *states = entry
        lines.append(Text(f"  {title}".ljust(COLUMN), "faint"))
        lines += (_state(state, machine, style) for state in states)
    return lines


def _state(state: str, machine: Machine, style: str) -> Text:
    if state == machine.state:
        line = Text(f"▶ {state}{'?' if machine.inferred else ''}", style)
        line.stylize("bold reverse" if machine.moved else "bold", 2)
    elif state in machine.trail:
        line = Text.assemble(("• ", style), state)
    else:
        line = Text.assemble("  ", (state, "faint"))
    line.pad_right(COLUMN - line.cell_len)
    return line


def machine_way(machine: Machine, side: int, width: int) -> Text:
    """The states that it went through in one line; the present one in brackets, what does not fit is left out in front."""
    style = SIDES[side]
    present = f"[{machine.state}{'?' if machine.inferred and machine.state != '?' else ''}]"
    passed = list(machine.trail[:-1])
    before = "".join(f"{state} → " for state in passed)
    while passed and cell_len(before) + len(present) > width:
        passed.pop(0)
        before = "… → " + "".join(f"{state} → " for state in passed)
    line = Text.assemble((before, "faint"), (present, style))
    line.stylize("bold reverse" if machine.moved else "bold", len(before))
    return line if line.cell_len <= width else line[: fitting(line.plain, width)]
