"""Run a BPF program over all packets of a Batch at once.

What libpcap compiles jumps forward only, so each instruction is executed once, for the packets that come to it.  The
machine: https://www.tcpdump.org/papers/bpf-usenix93.pdf, its numbers: bpf.h of libpcap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import Batch, Ints

__all__ = ["Instruction", "Machine", "forward"]

#: Code, how far to jump where it is true and where not, and a number.
Instruction = tuple[int, int, int, int]

_LD, _LDX, _ST, _STX, _ALU, _JMP, _RET, _MISC = range(8)
_WORDS = {0x00: ">u4", 0x08: ">u2", 0x10: "u1"}
_IMM, _ABS, _IND, _MEM, _LEN, _MSH = range(0x00, 0xC0, 0x20)
_ADD, _SUB, _MUL, _DIV, _OR, _AND, _LSH, _RSH, _NEG, _MOD, _XOR = range(0x00, 0xB0, 0x10)
_JA, _JEQ, _JGT, _JGE, _JSET = range(0x00, 0x50, 0x10)
_OPERAND_X, _RETURN_A, _TAX, _TXA = 0x08, 0x10, 0x00, 0x80
_CELLS = 16

_U64 = NDArray[np.uint64]
_WORD = np.uint64(0xFFFF_FFFF)


def forward(program: Sequence[Instruction]) -> bool:
    """Whether it never jumps back (``protochain`` does) and so can be run here."""
    return all(code != _JMP | _JA or at + 1 + k < len(program) for at, (code, _, _, k) in enumerate(program))


class Machine:
    """The registers of all packets of a Batch."""

    def __init__(self, batch: Batch, rows: Ints) -> None:
        self._buffer = batch.buffer
        self._offset, self._captured, self._wire = (
            column[rows].astype(np.int64) for column in (batch.offset, batch.captured, batch.wire)
        )
        self._count = len(rows)
        self._a, self._x = np.zeros((2, self._count), np.uint64)
        self._cells = np.zeros((_CELLS, self._count), np.uint64)

    def run(self, program: Sequence[Instruction]) -> NDArray[np.bool_]:
        """Which of the packets it lets through."""
        passed = np.zeros(self._count, bool)
        arrived: list[list[Ints]] = [[] for _ in range(len(program) + 1)]
        arrived[0].append(np.arange(self._count))
        for at, (code, true, false, k) in enumerate(program):
            if not arrived[at]:
                continue
            here = arrived[at][0] if len(arrived[at]) == 1 else np.concatenate(arrived[at])
            arrived[at] = []
            kind = code & 7
            if kind == _RET:
                passed[here] = self._a[here] != 0 if code & _RETURN_A else k != 0
                continue
            if kind == _JMP:
                if code & 0xF0 == _JA:
                    arrived[at + 1 + k].append(here)
                    continue
                truth = self._compare(code, k, here)
                for rows, far in ((here[truth], true), (here[~truth], false)):
                    if len(rows):
                        arrived[at + 1 + far].append(rows)
                continue
            here = self._step(kind, code, k, here)
            if len(here):
                arrived[at + 1].append(here)
        return passed

    def _step(self, kind: int, code: int, k: int, here: Ints) -> Ints:
        """An instruction that only goes on; a packet that it cannot be done for is refused."""
        if kind in (_LD, _LDX):
            return self._load(self._a if kind == _LD else self._x, code, k, here)
        if kind in (_ST, _STX):
            self._cells[k][here] = (self._a if kind == _ST else self._x)[here]
        elif kind == _ALU:
            return self._calculate(code, k, here)
        elif code & 0xF8 == _TXA:
            self._a[here] = self._x[here]
        else:
            self._x[here] = self._a[here]
        return here

    def _load(self, register: _U64, code: int, k: int, here: Ints) -> Ints:
        mode = code & 0xE0
        if mode == _IMM:
            register[here] = k
        elif mode == _MEM:
            register[here] = self._cells[k][here]
        elif mode == _LEN:
            register[here] = self._wire[here].astype(np.uint64)
        else:
            word = np.dtype(_WORDS[0x10 if mode == _MSH else code & 0x18])
            place = self._x[here].astype(np.int64) + k if mode == _IND else np.full(len(here), k)
            inside = place + word.itemsize <= self._captured[here]
            here, place = here[inside], place[inside]
            view = np.ndarray((len(self._buffer) - word.itemsize + 1,), word, self._buffer.data, strides=(1,))
            value = view[self._offset[here] + place].astype(np.uint64)
            # The length of an IPv4 header, from its first byte.
            register[here] = (value & np.uint64(15)) << np.uint64(2) if mode == _MSH else value
        return here

    def _operand(self, code: int, k: int, here: Ints) -> _U64:
        return self._x[here] if code & _OPERAND_X else np.full(len(here), k, np.uint64)

    def _compare(self, code: int, k: int, here: Ints) -> NDArray[np.bool_]:
        a, b, kind = self._a[here], self._operand(code, k, here), code & 0xF0
        if kind == _JSET:
            a, b = a & b, np.zeros(1, np.uint64)
        truth: NDArray[np.bool_] = a == b if kind == _JEQ else a >= b if kind == _JGE else a > b
        return truth

    def _calculate(self, code: int, k: int, here: Ints) -> Ints:
        kind, b = code & 0xF0, self._operand(code, k, here)
        if kind in (_DIV, _MOD) and not b.all():
            here, b = here[b != 0], b[b != 0]
        a = self._a[here]
        if kind in (_LSH, _RSH):
            short = np.minimum(b, np.uint64(32))
            made = a << short if kind == _LSH else a >> short
        else:
            made = _OPERATIONS[kind](a, b)
        self._a[here] = made & _WORD
        return here


_OPERATIONS: dict[int, Callable[[_U64, _U64], _U64]] = {
    _ADD: np.add, _SUB: np.subtract, _MUL: np.multiply, _DIV: np.floor_divide, _OR: np.bitwise_or, _AND: np.bitwise_and,
    _NEG: lambda a, b: np.uint64(0) - a, _MOD: np.remainder, _XOR: np.bitwise_xor,
}  # fmt: skip
