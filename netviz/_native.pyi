from collections.abc import Callable

from typing_extensions import Buffer

from netviz.layers.tcp.block import Block

#: What frames are written from: columns, start, base, seconds, heads, slices.
_Page = tuple[tuple[Buffer, ...], int, int, tuple[bytes, ...], tuple[bytes, ...], Buffer]

#: An AeadCipher.
_Cipher = tuple[Callable[[bytes, bytes | memoryview, bytes], bytes], tuple[type[Exception], ...], bytes, int, int, bool]

def walk(buffer: Buffer, start: int, end: int, layout: int, largest: int, starts: Buffer, /) -> tuple[int, int, bool]: ...
def room(size: int, /) -> bytearray: ...
def pcap(buffer: Buffer, starts: Buffer, layout: int, unit: int, columns: Buffer, /) -> None: ...
def ethernet(
    buffer: Buffer,
    offset: Buffer,
    captured: Buffer,
    wire: Buffer,
    columns: Buffer,
    source: Buffer,
    target: Buffer,
    rest: Buffer,
    /,
) -> tuple[int, int]: ...
def frames(data: Buffer, begins: Buffer, stops: Buffer, out: Buffer, reached: Buffer, /) -> int: ...
def gather(buffer: Buffer, starts: Buffer, lengths: Buffer, /) -> bytes: ...
def lines(page: _Page, start: int, stop: int, /) -> bytes: ...
def messages(
    page: _Page,
    start: int,
    numbers: Buffer,
    begins: Buffer,
    content: Buffer,
    framed: bool,
    spoken: bool,
    most: int,
    /,
) -> tuple[bytes, int]: ...
def unmasked(data: Buffer, at: Buffer, length: Buffer, mask: Buffer, first: Buffer, fine: Buffer, /) -> bytes: ...
def moment(time: int, start: int, /) -> str | None: ...
def seconds(duration: int, /) -> str | None: ...
def opened(
    cipher: _Cipher, seq: int, data: Buffer, available: int, largest: int, /
) -> tuple[tuple[bytes, bytes], int, int]: ...
def opened_all(
    ciphers: tuple[_Cipher | None, ...],
    seqs: Buffer,
    data: Buffer,
    begins: Buffer,
    ends: Buffer,
    stops: Buffer,
    counts: Buffer,
    largest: int,
    /,
) -> tuple[bytes, bytes]: ...
def convey(columns: tuple[Buffer, ...], pieces: Buffer, start: int, index: int, at: int, /) -> bytes: ...
def follow(
    buffer: Buffer,
    times: Buffer,
    offsets: Buffer,
    captured: Buffer,
    rows: Buffer,
    columns: tuple[Buffer, ...],
    side: Buffer,
    group: Buffer,
    first: int,
    blocks: list[Block | None],
    turn: Callable[[int, int, Block | None, int, int, int, int], Block | None],
    /,
) -> tuple[list[Block], list[Block], list[tuple[int, int, Block | None, Block | None]]]: ...
