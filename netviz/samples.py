"""The sample captures that come with netviz: in a checkout under captures/, in an install inside the package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["find", "sample_directory", "samples"]

_HERE = Path(__file__).resolve().parent


def sample_directory() -> Path:
    """Where the samples are."""
    installed = _HERE / "captures"
    return installed if installed.is_dir() else _HERE.parent / "captures"


def samples() -> dict[str, Path]:
    """The samples by name, such as ``refused``."""
    found = sorted(sample_directory().glob("*.pcap*"))
    return {path.name.split(".")[0]: path for path in found}


def find(name: str) -> str:
    """The path that a user means: a file as it is, else a sample by its name or file name, else the name itself.

    >>> find("no/such/file.pcap")
    'no/such/file.pcap'
    """
    path = Path(name)
    try:
        there = name == "-" or path.exists()
    except (OSError, ValueError):
        return name
    if there or path.parent.name not in ("", "captures"):
        return name
    known = samples()
    found = next((known[key] for key in (path.name, path.name.split(".")[0]) if key in known), None)
    return str(found) if found is not None and path.name in (found.name, found.name.split(".")[0]) else name
