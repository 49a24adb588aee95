"""Hellos, certificates and the messages around them: real ones, every truncation of them, and garbage."""

from __future__ import annotations

import base64
import contextlib
import ssl
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netviz.layers.tls.certificate import certificate_names
from netviz.layers.tls.cursor import Cursor, Malformed
from netviz.layers.tls.handshake import Messages, names_in
from netviz.layers.tls.hello import extension_name, group_name, read_client, read_server, version_name
from netviz.layers.tls.suite import suite_name
from tests.tls import HOST, certificate

_RETRY = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"


@cache
def _hellos() -> tuple[bytes, bytes]:
    """The bodies of a ClientHello and a ServerHello of Python's ssl."""
    client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.set_alpn_protocols(["http/1.1", "h2"])
    server.load_cert_chain(certificate("RSA"))
    pipes = [ssl.MemoryBIO() for _ in range(4)]
    ends = client.wrap_bio(pipes[0], pipes[1], server_hostname=HOST), server.wrap_bio(pipes[2], pipes[3], server_side=True)
    with contextlib.suppress(ssl.SSLWantReadError):
        ends[0].do_handshake()
    said = pipes[1].read()
    pipes[2].write(said)
    with contextlib.suppress(ssl.SSLWantReadError):
        ends[1].do_handshake()
    answer = pipes[3].read()
    return said[9:], answer[9 : 5 + int.from_bytes(answer[3:5], "big")]


def _der() -> bytes:
    text = Path(certificate("RSA")).read_text().split("-----")[2]
    return base64.b64decode(text)


def test_what_a_client_offers() -> None:
    hello = read_client(_hellos()[0])
    assert len(hello.random) == 32
    assert (hello.sni, hello.alpn) == (HOST, ("http/1.1", "h2"))
    assert 0x0304 in hello.versions
    assert 0x1301 in hello.suites
    assert 0x001D in hello.groups
    assert not hello.early


def test_what_a_server_chooses() -> None:
    server = read_server(_hellos()[1])
    assert (server.version, server.suite, server.group) == (0x0304, 0x1302, 0x001D)
    assert not server.resumed
    assert not server.retry


def test_a_retry_is_told_by_its_random() -> None:
    body = b"\3\3" + bytes.fromhex(_RETRY) + b"\0" + b"\x13\x01" + b"\0" + b"\0\x06\0\x2b\0\2\3\4"
    assert read_server(body).retry
    assert read_server(body).version == 0x0304


@pytest.mark.parametrize("which", [0, 1])
def test_every_truncation(which: int) -> None:
    body = _hellos()[which]
    read = (read_client, read_server)[which]
    whole = read(body)
    for end in range(len(body)):
        with contextlib.suppress(Malformed):
            assert read(body[:end]) != whole


def test_a_hello_without_extensions() -> None:
    hello = read_client(b"\3\3" + bytes(32) + b"\0" + b"\0\2\0\x2f" + b"\1\0")
    assert (hello.versions, hello.suites, hello.sni, hello.extensions) == ((0x0303,), (0x2F,), None, {})


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    for read in (read_client, read_server, lambda body: names_in(body, modern=True), lambda body: names_in(body, modern=False)):
        with contextlib.suppress(Malformed):
            read(data)
    assert all(isinstance(name, str) for name in certificate_names(data))


@given(st.integers(0, 1), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
def test_bytes_that_were_changed(which: int, changes: list[tuple[int, int]]) -> None:
    body = bytearray(_hellos()[which])
    for at, value in changes:
        body[at % len(body)] = value
    with contextlib.suppress(Malformed):
        (read_client, read_server)[which](bytes(body))


def test_names_of_a_certificate() -> None:
    der = _der()
    assert certificate_names(der) == (HOST, "localhost", "10.0.0.2")
    chain = len(der).to_bytes(3, "big") + der
    assert names_in(len(chain).to_bytes(3, "big") + chain, modern=False) == (HOST, "localhost", "10.0.0.2")
    chain += b"\0\0"
    assert names_in(b"\0" + len(chain).to_bytes(3, "big") + chain, modern=True) == (HOST, "localhost", "10.0.0.2")
    assert names_in(b"\0\0\0", modern=False) == ()


def test_a_certificate_that_is_cut_or_changed() -> None:
    der = _der()
    for end in range(len(der)):
        assert certificate_names(der[:end]) in ((), (HOST, "localhost", "10.0.0.2"))
    for at in range(len(der)):
        certificate_names(der[:at] + bytes([der[at] ^ 0x84]) + der[at + 1 :])


def test_messages_that_span_records() -> None:
    sizes = ((1, 0), (2, 300), (11, 3), (20, 12))
    data = b"".join(bytes([kind]) + size.to_bytes(3, "big") + bytes(size) for kind, size in sizes)
    for size in (1, 2, 3, 5, 100, len(data)):
        messages = Messages()
        found = [message for at in range(0, len(data), size) for message in messages.feed(data[at : at + size])]
        assert [(message.kind, len(message.body)) for message in found] == list(sizes)
        assert b"".join(message.raw for message in found) == data
        assert not messages.unfinished
    assert [message.name for message in found] == ["ClientHello", "ServerHello", "Certificate", "Finished"]


def test_a_message_longer_than_any_is_none() -> None:
    with pytest.raises(Malformed):
        list(Messages().feed(b"\x0b\xff\xff\xff"))


def test_names_of_numbers() -> None:
    assert [version_name(number) for number in (0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x0305)] == [
        "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "0x0305"]  # fmt: skip
    assert [group_name(number) for number in (0x1D, 0x11EC, 0x2A2A, 9)] == ["x25519", "X25519MLKEM768", "GREASE", "0x0009"]
    assert [extension_name(number) for number in (0, 51, 0xFAFA, 4711)] == ["server_name", "key_share", "GREASE", "0x1267"]
    assert suite_name(0xC02F) == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"


def test_a_cursor_reads_what_is_there() -> None:
    cursor = Cursor(b"\0\1\2\3\4")
    assert (cursor.number(2), cursor.vector(1)) == (1, b"\3\4")
    assert not cursor
    with pytest.raises(Malformed):
        cursor.take(1)
    with pytest.raises(Malformed):
        Cursor(b"\0\3abc").numbers(2)
