"""Colours by meaning.  Only the sixteen colours of the terminal itself, so that dark and light backgrounds both work;
nothing is told by colour alone.
"""

from __future__ import annotations

from rich.theme import Theme

__all__ = ["ASCII", "THEME"]

THEME = Theme(
    {
        "client": "cyan",
        "server": "magenta",
        "ok": "green",
        "note": "yellow",
        "problem": "bold red",
        "title": "bold",
        "faint": "dim",
        "inferred": "dim italic",
        "label": "bold",
        "command": "blue",
        "layer1": "bright_black",
        "layer2": "blue",
        "layer3": "cyan",
        "layer4": "green",
        "layer5": "yellow",
        "layer6": "magenta",
        "layer7": "bold",
    }
)

#: Every sign of our screens that is not ASCII, and the one character that stands for it with --ascii.
ASCII = str.maketrans("─━│┌┐└┘├┤┬┴┼╌┊▶◀→←⋮·…✓✗×µ–—“”’•⊕▏█♥\N{NO-BREAK SPACE}", '--|+++++++++-:><><:.~+xxu--""\'*^|#* ')
