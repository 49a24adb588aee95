from collections.abc import Callable

from typing_extensions import Buffer

from netviz.layers.tcp.block import Block

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
def lines(
    columns: tuple[Buffer, ...],
    start: int,
    stop: int,
    base: int,
    second: int,
    seconds: tuple[bytes, ...],
    heads: tuple[bytes, ...],
    packets: dict[int, bytes],
    /,
) -> bytes: ...
def moment(time: int, start: int, /) -> str | None: ...
def seconds(duration: int, /) -> str | None: ...
def opened(
    decrypt: Callable[[bytes, Buffer, bytes], bytes],
    refused: tuple[type[BaseException], ...],
    data: Buffer,
    available: int,
    seq: int,
    iv: Buffer,
    before: int,
    tag: int,
    modern: bool,
    largest: int,
    whole: bool,
    /,
) -> tuple[bytes, bytes, int, int]: ...
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
