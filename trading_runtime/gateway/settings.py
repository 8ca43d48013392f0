"""What the gateway may be told: bounds and intervals, each with what is right for most venues."""

import msgspec


class SocketSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of one connection."""

    open_timeout_s: float = 10.0
    """From the name look-up to the end of the upgrade."""
    ping_every_s: float = 5.0
    """After this long without a frame the peer is pinged."""
    silence_max_s: float = 15.0
    """A peer without frame, ping or pong for this long and one ping interval more is dead."""
    close_timeout_s: float = 2.0
    """How long the peer may take to answer our closing frame."""
    frame_bytes_max: int = 8 << 20
    """Of a whole message, its fragments put together; the longest known are lists of symbols."""
    write_bytes_max: int = 256 << 10
    """Waiting for a peer that does not read: some hundred orders, which are stale by then."""


class LineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a line keeps its connection alive."""

    socket: SocketSettings = SocketSettings()
    ready_timeout_s: float = 10.0
    """For the acknowledgement of all opening messages."""
    renew_after_s: float = 23.0 * 3600
    """Venues close connections after 24 hours; a random tenth is taken off, to spread the lines."""
    linger_s: float = 2.0
    """How long the old connection stays after the new one is up: for what is on its way on it."""
    backoff_first_s: float = 0.25
    backoff_max_s: float = 30.0
    steady_s: float = 10.0
    """A connection that was up this long was no failure; the next wait begins anew."""
    keep_every_s: float = 30.0 * 60
    """Between two calls that keep a ticket alive."""


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of the calls to one base URL."""

    total_timeout_s: float = 10.0
    """The venues' own: they too give up on an order after it, and its fate is then unknown."""
    connect_timeout_s: float = 5.0
    """Shorter than the total, so that running out of it proves that nothing was sent."""
    idle_max_s: float = 15.0
    """An idle connection is closed by us before the venue does it in the middle of a request."""
    connections_max: int = 16
    answer_bytes_max: int = 64 << 20
    """The list of all symbols with their filters has some 20 MB."""
