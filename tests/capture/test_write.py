"""Files that are written while they are read end behind a whole block, whatever happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from netviz.capture.sniffer import Wishes, enhanced, prologue
from netviz.capture.source import open_capture
from netviz.capture.write import Recording, mend
from netviz.errors import NetvizError
from tests.make import frame

_BEGIN = prologue(Wishes("lo"), 1)
_PACKET = enhanced(1_000_000, frame(), len(frame()))


def test_what_is_cut_anywhere_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    whole = _BEGIN + 3 * _PACKET
    for end in range(len(_BEGIN), len(whole) + 1):
        path.write_bytes(whole[:end])
        packets = (end - len(_BEGIN)) // len(_PACKET)
        assert mend(path) == end - len(_BEGIN) - packets * len(_PACKET)
        batches = list(open_capture(path))
        assert sum(map(len, batches)) == packets
        assert not any(batch.problems for batch in batches)


def test_nothing_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(b"")
    assert mend(path) == 0


def test_a_recording_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    recording = Recording(str(path))
    recording.write(memoryview(_BEGIN + _PACKET))
    assert sum(map(len, open_capture(path))) == 1
    recording.write(memoryview(_PACKET[:9]))
    recording.close()
    assert (path.read_bytes(), recording.trouble, recording.size) == (_BEGIN + _PACKET, "", len(_BEGIN + _PACKET) + 9)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_once() -> None:
    recording = Recording("/dev/full")
    recording.write(memoryview(_BEGIN))
    assert recording.trouble == "/dev/full: No space left on device: nothing is written any more"
    recording.write(memoryview(_PACKET))
    recording.close()
    assert recording.size == 0


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(NetvizError, match="No such file or directory"):
        Recording(str(tmp_path / "no" / "a.pcapng"))
