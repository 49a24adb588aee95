"""Endpoint codes: an address and a port as one number of 64 bits, for columns and dictionary keys.

For IPv4 the code is exact: the address, then the port in the lower 16 bits.  For IPv6 47 mixed bits stand for the address,
and the top bit tells that they do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["V6_CODE", "code_v4", "code_v6", "endpoint_code"]

#: This bit marks the code of an IPv6 endpoint.
V6_CODE = 1 << 63

#: Odd constants that mix the halves of an IPv6 address.
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_MIXED = np.uint64((1 << 63) - (1 << 16))


def code_v4(address: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Codes of IPv4 addresses, port 0."""
    return np.left_shift(address.astype(np.uint64), 16)


def code_v6(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Codes of IPv6 addresses by their upper and lower half, port 0; products wrap at 2^64."""
    mixed = np.add((high ^ np.right_shift(high, 29)) * _MIX[0], (low ^ np.right_shift(low, 31)) * _MIX[1])
    mixed ^= np.right_shift(mixed, 32)
    code: NDArray[np.uint64] = mixed & _MIXED | np.uint64(V6_CODE)
    return code


def endpoint_code(address: bytes, port: int) -> int:
    """The code of one endpoint.

    >>> hex(endpoint_code(bytes([10, 0, 0, 1]), 80))
    '0xa0000010050'
    """
    if len(address) == 4:
        return int.from_bytes(address, "big") << 16 | port
    high, low = np.frombuffer(address, ">u8").astype(np.uint64).reshape(2, 1)
    return int(code_v6(high, low)[0]) | port
