"""Key logs: every kind of line, whatever stands between them, files that grow, and that no secret ever leaves them."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netviz.errors import NetvizError
from netviz.keylog import LABELS, KeyLog

_RANDOM, _OTHER = bytes(range(32)), bytes(range(1, 33))
_MASTER, _SECRET = b"\xab" * 48, b"\xcd" * 32
_TLSK = 0x544C534B


def _line(label: str = "CLIENT_RANDOM", random: bytes = _RANDOM, secret: bytes = _MASTER) -> str:
    return f"{label} {random.hex()} {secret.hex()}\n"


def _log(tmp_path: Path, text: str | bytes) -> KeyLog:
    path = tmp_path / "keys"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return KeyLog(str(path))


@pytest.mark.parametrize("label", sorted(LABELS - {"RSA"}))
def test_each_label_is_read(label: str, tmp_path: Path) -> None:
    secret = _SECRET if "TRAFFIC" in label else _MASTER
    log = _log(tmp_path, _line(label, secret=secret))
    assert log.secret(_RANDOM, label) == secret
    assert log.secret(_OTHER, label) is None
    assert not log.problems()


def test_secrets_of_rsa_are_found_by_what_was_encrypted(tmp_path: Path) -> None:
    log = _log(tmp_path, f"RSA {'01' * 8} {_MASTER.hex()}")
    assert log.secret(b"\1" * 8, "RSA") == _MASTER


@pytest.mark.parametrize("label", ["EXPORTER_SECRET", "EARLY_EXPORTER_SECRET", "ECH_SECRET", "SERVER_TRAFFIC_SECRET_N",
                                   "OF_TOMORROW"])  # fmt: skip
def test_labels_that_open_nothing_are_no_problem(label: str, tmp_path: Path) -> None:
    log = _log(tmp_path, _line(label))
    assert not log.knows(_RANDOM)
    assert not log.problems()


@pytest.mark.parametrize("text", [
    "# SSL/TLS secrets log file\n\n" + _line(), _line().replace("\n", "\r\n"), _line().strip(), _line().upper().replace(
        "CLIENT_RANDOM", "CLIENT_RANDOM"), "  " + _line().replace(" ", "\t "), _line() * 3, "\n\n\r\n" + _line() + "#end",
], ids=["comment", "CRLF", "no line end", "upper case", "blanks", "repeated", "empty lines"])  # fmt: skip
def test_what_may_stand_around_a_line(text: str, tmp_path: Path) -> None:
    log = _log(tmp_path, text)
    assert log.secret(_RANDOM, "CLIENT_RANDOM") == _MASTER
    assert not log.problems()


@pytest.mark.parametrize(("line", "why"), [
    ("garbage", "no label"),
    ("CLIENT_RANDOM", "three parts"),
    (f"CLIENT_RANDOM {_RANDOM.hex()}", "three parts"),
    (_line().strip() + " more", "three parts"),
    (f"CLIENT_RANDOM {_RANDOM.hex()} xyz{_MASTER.hex()}", "not hexadecimal"),
    (f"CLIENT_RANDOM {_RANDOM.hex()} {_MASTER.hex()[:-1]}", "length"),
    (f"CLIENT_RANDOM {_RANDOM.hex()} {_MASTER.hex()[:-2]}", "length"),
    (f"CLIENT_RANDOM {_RANDOM.hex()[2:]} {_MASTER.hex()}", "length"),
    (f"CLIENT_TRAFFIC_SECRET_0 {_RANDOM.hex()} {'ab' * 20}", "length"),
    (f"RSA {_RANDOM.hex()} {_MASTER.hex()}", "length"),
], ids=lambda value: str(value)[:30])  # fmt: skip
def test_a_line_that_is_none_is_told_by_its_number(line: str, why: str, tmp_path: Path) -> None:
    log = _log(tmp_path, f"# first\n{line}\n{_line(random=_OTHER)}")
    assert log.secret(_OTHER, "CLIENT_RANDOM") == _MASTER
    ((problem,),) = (event.problems for event in log.problems())
    assert problem.kind == "keylog-line"
    assert problem.text.startswith("line 2 of the key log")
    assert why in problem.text
    assert _MASTER.hex()[:20] not in problem.text
    assert not log.problems()  # told once


def test_a_file_that_grows_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    log = KeyLog(str(path))
    log.growing = True
    assert not log.knows(_RANDOM)
    path.write_text(_line()[:70])
    assert not log.knows(_RANDOM)
    with path.open("a") as file:
        file.write(_line()[70:-20])
        file.flush()
        assert not log.knows(_RANDOM)
        file.write(_line()[-20:] + _line(random=_OTHER))
    assert log.secret(_RANDOM, "CLIENT_RANDOM") == _MASTER
    assert log.secret(_OTHER, "CLIENT_RANDOM") == _MASTER
    assert not log.problems()


def test_a_file_that_was_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = _log(tmp_path, _line() * 5)
    assert log.knows(_RANDOM)
    (tmp_path / "keys").write_text(_line(random=_OTHER))
    assert log.knows(_OTHER)
    assert log.knows(_RANDOM)


def test_secrets_in_captures_are_taken_as_they_come() -> None:
    log = KeyLog()
    blocks: list[tuple[int, bytes]] = []
    log.listen(blocks)
    log.listen(blocks)
    assert log.empty
    blocks += [(0x57474B4C, _line().encode()), (_TLSK, b"\xff\n" + _line(random=_OTHER).encode())]
    assert log.knows(_OTHER)
    assert not log.knows(_RANDOM)  # that block holds keys of something else
    assert [event.problems[0].kind for event in log.problems()] == ["keylog-line"]


def test_a_file_that_somebody_names_must_be_there(tmp_path: Path) -> None:
    for missing in (tmp_path / "none", tmp_path):
        with pytest.raises(NetvizError, match="key log"):
            KeyLog(str(missing)).require()
        assert KeyLog(str(missing)).empty


def test_no_secret_leaves_a_log(tmp_path: Path) -> None:
    log = _log(tmp_path, _line())
    assert log.knows(_RANDOM)
    for text in (repr(log), str(log), f"{log}", f"{[log]}"):
        assert text.strip("[]") == "<KeyLog of 1 connections>"
    with pytest.raises(TypeError):
        pickle.dumps(log)
    with pytest.raises(TypeError):
        copy.copy(log)


def test_only_so_many_lines_are_told(tmp_path: Path) -> None:
    log = _log(tmp_path, "nonsense\n" * 10_000)
    assert log.empty
    assert len(log.problems()) == 20


@given(st.binary(max_size=3000))
def test_any_bytes_end_in_problems(data: bytes) -> None:
    log = KeyLog()
    log.listen([(_TLSK, data), (_TLSK, data[::-1])])
    assert log.secret(b"", "CLIENT_RANDOM") is None
    assert all(event.problems for event in log.problems())
