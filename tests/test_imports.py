"""Who may import whom, and what every module says of itself, read from the source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import netviz
from tests.run import ROOT

_PACKAGE = ROOT / "netviz"
_FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(_PACKAGE.rglob("*.py"))
}
_MODULES = sorted(_FILES)

#: Modules of the package that are no Python: what describes them stands beside them.
_COMPILED = {path.stem for path in _PACKAGE.glob("*.pyi")}

_MOST_LINES = 400

#: The modules below a name may import nothing that starts with these.
_FORBIDDEN = {
    "netviz.views": ("netviz.layers", "netviz.capture", "netviz.analysis", "netviz.cli"),
    "netviz.layers": ("netviz.views", "netviz.cli", "netviz.verdicts", "netviz.analysis"),
    "netviz.capture": ("netviz.layers", "netviz.views", "netviz.cli", "netviz.verdicts", "netviz.analysis"),
}

#: The modules below a name may import these of netviz and nothing else.
_ALLOWED = {
    "netviz.verdicts": ("netviz.event", "netviz.quantity", "netviz.verdicts"),
    "netviz.event": ("netviz.event",),
    "netviz.quantity": (),
    "netviz.errors": (),
    "netviz.labs": ("netviz.capture", "netviz.errors", "netviz.labs", "netviz.namespace", "netviz.samples"),
}

#: What only some modules may import.
_RESERVED = {"scapy": {"netviz.foreign", "netviz.capture.interfaces", "netviz.capture.npcap"}}


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_FILES[module].read_text("utf-8"))


def _below(module: str, name: str) -> bool:
    return module == name or module.startswith(f"{name}.")


def _imports(module: str) -> Iterator[str]:
    """What a module imports, wherever in it, also where only for types."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            base = node.module or ""
            yield from (whole if (whole := f"{base}.{alias.name}") in _FILES else base for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def _public(module: str) -> set[str]:
    """Names that a module defines for others: classes, functions and constants without an underscore."""
    found = set()
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return {name for name in found if not name.startswith("_")}


def _declared(module: str) -> list[str] | None:
    for node in _tree(module).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            names = ast.literal_eval(node.value)
            assert isinstance(names, list)
            return names
    return None


def test_all_modules_are_read() -> None:
    assert len(_MODULES) > 40
    assert {"netviz", "netviz.views.ladder", "netviz.layers.tcp.state", "netviz.cli.handshake"} <= set(_MODULES)
    assert "netviz.capture.source" in set(_imports("netviz.cli.origin"))


@pytest.mark.parametrize("module", _MODULES)
def test_nothing_is_imported_against_the_rule(module: str) -> None:
    forbidden = [bad for name, most in _FORBIDDEN.items() if _below(module, name) for bad in most]
    assert [found for found in _imports(module) if any(_below(found, bad) for bad in forbidden)] == []


@pytest.mark.parametrize("module", [module for module in _MODULES if any(_below(module, name) for name in _ALLOWED)])
def test_nothing_but_what_is_allowed_is_imported(module: str) -> None:
    (allowed,) = (most for name, most in _ALLOWED.items() if _below(module, name))
    ours = [found for found in _imports(module) if _below(found, "netviz")]
    assert [found for found in ours if not any(_below(found, good) for good in allowed)] == []


@pytest.mark.parametrize("module", _MODULES)
def test_what_is_reserved_is_imported_by_few(module: str) -> None:
    roots = {found.partition(".")[0] for found in _imports(module)}
    assert {name for name, few in _RESERVED.items() if name in roots and module not in few} == set()


@pytest.mark.parametrize("module", [module for module in _MODULES if _public(module)])
def test_public_names_are_declared(module: str) -> None:
    declared = _declared(module)
    assert declared is not None
    assert len(declared) == len(set(declared))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(declared) <= _public(module) | imported


@cache
def _used() -> dict[str, list[tuple[str, str]]]:
    """By module: what is imported from it, and by whom."""
    found: dict[str, list[tuple[str, str]]] = {}
    for other in _MODULES:
        for node in ast.walk(_tree(other)):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                found.setdefault(node.module, []).extend((other, alias.name) for alias in node.names)
    return found


@pytest.mark.parametrize("module", _MODULES)
def test_names_used_elsewhere_are_declared(module: str) -> None:
    declared = {*(_declared(module) or ()), *_COMPILED}
    used = [(other, name) for other, name in _used().get(module, []) if f"{module}.{name}" not in _FILES]
    assert [(other, name) for other, name in used if name not in declared] == []


@pytest.mark.parametrize("name", netviz.__all__)
def test_names_of_the_package_resolve(name: str) -> None:
    assert getattr(netviz, name) is not None


def test_names_of_the_package_are_those_of_their_modules() -> None:
    from netviz.analysis import analyze
    from netviz.capture.source import open_capture
    from netviz.table import Table

    assert (netviz.open, netviz.analyze, netviz.Table) == (open_capture, analyze, Table)
    assert len(netviz.__all__) == len(set(netviz.__all__))


@pytest.mark.parametrize("name", ["opened", "open_capture", "_analysis"])
def test_other_names_do_not(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(netviz, name)


@pytest.mark.parametrize("path", sorted(_PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(_PACKAGE)))
def test_no_file_is_too_long(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= _MOST_LINES


@pytest.mark.parametrize("module", _MODULES)
def test_every_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(_tree(module))
