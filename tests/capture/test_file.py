"""Captures from files: one or several, and every mistake with their names."""

from __future__ import annotations

import bz2
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from netviz.capture.file import Files
from netviz.capture.pipe import Pipe
from netviz.capture.source import open_capture
from netviz.errors import NetvizError
from tests.conftest import CAPTURES
from tests.make import START, Record, conversation, packets_of, pcap, pcapng, read

Save = Callable[..., Path]


def test_a_file_gives_the_same_as_its_bytes(capture: Path) -> None:
    source = Files([capture])
    batches = list(source)
    assert [packet for batch in batches for packet in packets_of(batch)] == read(capture.read_bytes()).packets
    assert source.name == str(capture)
    assert source.size == capture.stat().st_size
    assert not source.streaming


def test_several_files_follow_one_another_and_numbers_run_on(saved: Save) -> None:
    one, two = conversation(3), conversation(5, START + 10**9)
    paths = [saved(pcap(one), "one.pcap"), saved(pcapng(two, ">"), "two.pcapng"), saved(pcap([]), "none.pcap")]
    source = Files(paths)
    packets = [packet for batch in source for packet in packets_of(batch)]
    assert [packet.number for packet in packets] == list(range(1, 9))
    assert [packet.data for packet in packets] == [record.data for record in one + two]
    assert source.name == ", ".join(map(str, paths))
    assert source.size == sum(path.stat().st_size for path in paths)


def test_a_cut_file_does_not_stop_the_next(saved: Save) -> None:
    cut = saved(pcap(conversation(3))[:-1], "cut.pcap")
    batches = list(Files([cut, saved(pcap([Record(b"next", START + 10**9)]), "next.pcap")]))
    assert [packet.data for batch in batches for packet in packets_of(batch)][-1] == b"next"
    assert [problem.problems[0].kind for batch in batches for problem in batch.problems] == ["file-cut"]
    assert batches[-1].first == 3


def test_progress_goes_from_zero_to_one(saved: Save) -> None:
    source = Files([saved(pcap(conversation(3)), "a"), saved(pcap(conversation(3)), "b")])
    assert source.progress == 0
    seen = [source.progress for _ in source]
    assert seen == sorted(seen)
    assert source.progress == 1


def test_progress_of_what_has_no_size(saved: Save) -> None:
    assert Files([saved(b"")]).progress is None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NetvizError, match=r"no such file: .*gone\.pcap"):
        Files([tmp_path / "gone.pcap"])


def test_the_last_of_several_names_is_looked_at_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(NetvizError, match="no such file"):
        Files([CAPTURES["refused"], tmp_path / "gone.pcap"])


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(NetvizError, match="is a directory"):
        Files([tmp_path])


def test_a_name_that_cannot_be_one() -> None:
    with pytest.raises(NetvizError, match="cannot open"):
        Files([Path("a\0b")])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(saved: Save) -> None:
    path = saved(pcap([]))
    path.chmod(0)
    with pytest.raises(NetvizError, match="no permission") as caught:
        Files([path])
    assert "chmod" in caught.value.hint


def test_an_empty_file(saved: Save) -> None:
    with pytest.raises(NetvizError, match="is empty"):
        list(Files([saved(b"")]))


def test_what_is_no_capture(saved: Save) -> None:
    with pytest.raises(NetvizError, match="is not a capture file") as caught:
        list(Files([saved(b"hello world, this is text", "notes.txt")]))
    assert "notes.txt" in str(caught.value)
    assert "pcap" in caught.value.hint


def test_a_capture_compressed_with_what_is_not_unpacked_here_is_told_with_what_does(saved: Save) -> None:
    path = saved(bz2.compress(pcap(conversation(3))), "small.pcap.bz2")
    with pytest.raises(NetvizError) as caught:
        list(Files([path]))
    assert f"bzip2 -dc {path}" in caught.value.hint


def test_again_is_the_same_from_the_beginning(saved: Save) -> None:
    source = Files([saved(pcap(conversation(3)), "a"), saved(pcap(conversation(3)), "b")])
    assert sum(map(len, source)) == 6
    again = source.again()
    assert again is not None
    assert (sum(map(len, again)), again.name, again.progress) == (6, source.name, 1)


def test_many_files_are_not_held_open(saved: Save) -> None:
    resource = pytest.importorskip("resource")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    paths = [saved(pcap(conversation(2, START + index * 10**9)), f"{index}.pcap") for index in range(100)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limit[1]))
    try:
        assert sum(map(len, Files(paths))) == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def test_open_capture_takes_files_or_standard_input() -> None:
    assert isinstance(open_capture(str(CAPTURES["refused"])), Files)
    assert isinstance(open_capture(CAPTURES["refused"], CAPTURES["reset"]), Files)


def test_open_capture_of_nothing() -> None:
    with pytest.raises(NetvizError, match="no capture named"):
        open_capture()


def test_standard_input_stands_alone() -> None:
    with pytest.raises(NetvizError, match="cannot be read together"):
        open_capture("-", CAPTURES["refused"])


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr(Pipe, "__init__", lambda self, descriptor=0: made.append(descriptor))
    assert isinstance(open_capture("-"), Pipe)
    assert made == [0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes exist on POSIX only")
def test_a_named_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    # Opened for both, so that neither end waits for the other.
    keeper = os.open(path, os.O_RDWR)
    source = Files([path])
    os.write(keeper, pcap(conversation(3)))
    os.close(keeper)
    assert sum(len(batch) for batch in source) == 3
    assert source.progress is None
    assert source.again() is None
