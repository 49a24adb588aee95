"""Key schedules against published vectors, and what a suite's name says."""

from __future__ import annotations

import hashlib

import pytest

from netviz.layers.tls.schedule import SECRETS, expand_label, key_block, master_secret, next_secret, prf, traffic_keys
from netviz.layers.tls.suite import SUITES, Suite, suite


def _suite(number: int) -> Suite:
    found = suite(number)
    assert found is not None
    return found


def test_traffic_keys_of_rfc_8448() -> None:
    """Section 3: the server's handshake keys of the simple 1-RTT handshake."""
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    key, iv = traffic_keys(secret, _suite(0x1301))
    assert key.hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert iv.hex() == "5d313eb2671276ee13000b30"


@pytest.mark.parametrize("digest", SECRETS)
@pytest.mark.parametrize("label", ["key", "iv", "traffic upd", "a label of its own"])
def test_a_label_as_long_as_it_takes(digest: str, label: str) -> None:
    """As another HKDF-Expand says it, for every length that a hash has; TLS asks for no more."""
    from cryptography.hazmat.primitives.hashes import SHA256, SHA384
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    secret, hashed = bytes(range(SECRETS[digest])), {"sha256": SHA256(), "sha384": SHA384()}[digest]
    named = f"tls13 {label}".encode()
    for length in range(1, SECRETS[digest] + 1):
        info = length.to_bytes(2, "big") + bytes((len(named),)) + named + b"\0"
        assert expand_label(secret, label, length, digest) == HKDFExpand(hashed, length, info).derive(secret)
    long = expand_label(secret, label, SECRETS[digest], digest)
    assert expand_label(secret, label, 16, digest) != long[:16]  # the length is a part of what is hashed
    for length in (SECRETS[digest] + 1, 100):
        with pytest.raises(AssertionError):
            expand_label(secret, label, length, digest)


def test_a_secret_is_as_long_as_the_hash() -> None:
    assert {digest: hashlib.new(digest).digest_size for digest in SECRETS} == SECRETS
    every = [found for number in SUITES if (found := suite(number)) is not None]
    assert {found.digest for found in every if found.name.startswith("TLS_AES")} == set(SECRETS)
    assert max(found.key for found in every) <= min(SECRETS.values())
    assert len(next_secret(bytes(48), _suite(0x1302))) == 48


def test_the_function_of_1_2() -> None:
    """The vector for P_SHA256 that the TLS working group published for RFC 5246."""
    made = prf(bytes.fromhex("9bbe436ba940f017b17652849a71db35"), b"test label",
               bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c"), 100, "sha256")  # fmt: skip
    assert made.hex() == (
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd"
        "3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
    )


def test_master_secrets_differ_by_what_they_are_bound_to() -> None:
    randoms = bytes(32), bytes([1]) * 32
    plain = master_secret(b"p" * 48, randoms, "sha256", None)
    extended = master_secret(b"p" * 48, randoms, "sha256", b"transcript")
    assert len(plain) == len(extended) == 48
    assert plain != extended
    seed = hashlib.sha256(b"transcript").digest()
    assert extended == prf(b"p" * 48, b"extended master secret", seed, 48, "sha256")


@pytest.mark.parametrize(("number", "sizes"), [
    (0x009C, (0, 16, 4)), (0x009D, (0, 32, 4)), (0xC02B, (0, 16, 4)), (0xCCA8, (0, 32, 12)), (0xC0AE, (0, 16, 4)),
    (0x002F, (20, 16, 0)), (0x003D, (32, 32, 0)), (0xC028, (48, 32, 0)),
])  # fmt: skip
def test_the_key_block_is_cut_as_the_suite_says(number: int, sizes: tuple[int, ...]) -> None:
    both = key_block(b"m" * 48, (bytes(32), bytes(32)), _suite(number))
    assert [tuple(map(len, keys)) for keys in both] == [sizes, sizes]
    assert both[0] != both[1]


def test_every_suite_is_read_or_known_to_be_none() -> None:
    for number, name in SUITES.items():
        found = suite(number)
        assert (found is None) == ("AES" not in name and "CHACHA" not in name), name
        if found is not None:
            assert found.name == f"TLS_{name}"
            assert found.tag == (8 if "CCM_8" in name else 16 if "CBC" not in name else found.tag)
    assert suite(0xFFFF) is None
