"""The loops in C, where they could be built; else None, and numpy does the same in its own way.

``NETVIZ_PURE=1`` in the environment turns them off, to compare.
"""

from __future__ import annotations

import os
from types import ModuleType

__all__ = ["native"]

native: ModuleType | None

try:
    from netviz import _native as native
except ImportError:
    native = None
if os.environ.get("NETVIZ_PURE"):
    native = None
