"""The keys of JSON lines about TLS."""

from __future__ import annotations

from netviz.event import Flight, TlsAlert, TlsHandshake, TlsKeyUpdate, TlsOffer, TlsProblem
from netviz.views.json_keys import boolean, session_object, string, words

__all__ = ["tls_keys"]

_SECOND = 1_000_000_000


def tls_keys(event: TlsHandshake | TlsAlert | TlsKeyUpdate | TlsProblem) -> str:
    """The keys of an event of TLS, behind its packets."""
    if isinstance(event, TlsHandshake):
        return _handshake(event)
    keys = f', "side": "{event.side}"'
    if isinstance(event, TlsAlert):
        return f'{keys}, "level": "{event.level}", "description": {string(event.description)}'
    return f'{keys}, "requested": {boolean(event.requested)}' if isinstance(event, TlsKeyUpdate) else keys


def _handshake(event: TlsHandshake) -> str:
    inferred = f', "inferred": {words(event.inferred)}' if event.inferred else ""
    random = f', "client_random": "{event.random.hex()}"' if event.random else ""
    agreed = f', "tls": {session_object(event.session)}' if event.session is not None else ""
    group = f', "group": {string(event.group)}' if event.group is not None else ""
    offered = f', "offered": {{{_offer(event.offer)}}}' if event.offer is not None else ""
    early = f', "early_data": "{event.early}"' if event.early is not None else ""
    took = f', "seconds": {event.duration / _SECOND}' if event.duration is not None else ""
    return (
        f'{inferred}{random}, "outcome": "{event.outcome}", "keys": "{event.keys}"{agreed}{group}{offered}, '
        f'"certificate_names": {words(event.names)}, "retried": {boolean(event.retried)}{early}{took}, '
        f'"round_trips": {event.round_trips}, "flights": [{", ".join(map(_flight, event.flights))}]'
    )


def _offer(offer: TlsOffer) -> str:
    name = f', "sni": {string(offer.sni)}' if offer.sni is not None else ""
    return (
        f'"versions": {words(offer.versions)}, "ciphers": {words(offer.ciphers)}, "groups": {words(offer.groups)}, '
        f'"alpn": {words(offer.alpn)}{name}, "extensions": {words(offer.extensions)}'
    )


def _flight(flight: Flight) -> str:
    return (
        f'{{"side": "{flight.side}", "messages": {words(flight.messages)}, "packets": {list(flight.packets)}, '
        f'"bytes": {flight.bytes}}}'
    )
