"""Captures with the reader that Windows has, which runs on Linux, too; prints what it took."""

from __future__ import annotations

import json
import socket
import struct

from netviz.capture.npcap import Npcap


def main() -> None:
    """Send, take, print."""
    device = Npcap("lo", "udp port 9999", promiscuous=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(5):
            sender.sendto(b"number %d" % number, ("127.0.0.1", 9999))
    payloads = []
    while True:
        data, meta = device.next_batch(2)
        if not meta:
            break
        for sec, _, offset, size in struct.iter_unpack("=IIII", meta):
            assert sec > 1_600_000_000
            payloads.append(data[offset + 42 : offset + size].decode())
    print(json.dumps({"payloads": payloads, "stats": device.stats(), "link": device.datalink()}))


main()
