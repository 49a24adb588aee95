"""Alerts: why a side gives up, or that it has nothing more to send.

https://www.rfc-editor.org/rfc/rfc8446#section-6
"""

from __future__ import annotations

__all__ = ["ALERTS", "CLOSE_NOTIFY", "USER_CANCELED", "alert_name"]

CLOSE_NOTIFY, USER_CANCELED = 0, 90

ALERTS = {
    CLOSE_NOTIFY: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed",
    22: "record_overflow", 30: "decompression_failure", 40: "handshake_failure", 41: "no_certificate",
    42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired",
    46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
    51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
    86: "inappropriate_fallback", USER_CANCELED: "user_canceled", 100: "no_renegotiation", 109: "missing_extension",
    110: "unsupported_extension", 112: "unrecognized_name", 113: "bad_certificate_status_response",
    115: "unknown_psk_identity", 116: "certificate_required", 120: "no_application_protocol",
}  # fmt: skip


def alert_name(number: int) -> str:
    """The registered name of an alert.

    >>> alert_name(48), alert_name(200)
    ('unknown_ca', 'alert 200')
    """
    return ALERTS.get(number, f"alert {number}")
