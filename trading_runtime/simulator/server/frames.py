"""WebSocket frames of a server (RFC 6455), as bytes: never masked, never fragmented.

They are made once for each message and written to every subscriber as they are.
"""

TEXT = 0x81
PING = 0x89
SHORT_MAX = 125
MEDIUM_MAX = 0xFFFF


def text_frame(payload: bytes) -> bytes:
    """Frame one text message."""
    size = len(payload)
    if size <= SHORT_MAX:
        return bytes((TEXT, size)) + payload
    if size <= MEDIUM_MAX:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def ping_frame(payload: bytes) -> bytes:
    """Frame a ping of at most 125 bytes."""
    return bytes((PING, len(payload))) + payload
