from typing_extensions import Buffer

def walk(buffer: Buffer, start: int, end: int, layout: int, largest: int, starts: Buffer, /) -> tuple[int, int, bool]: ...
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
    /,
) -> bytes: ...
