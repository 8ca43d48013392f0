"""What a venue is asked, before it is signed: a codec makes the value, the gateway sends it once.

Nothing in it is encoded yet: texts are as the venue's documents write them. The gateway encodes,
adds key and signature as the venue's :class:`Signing` says, and sends; it never sends one twice.
"""

from enum import Enum
from typing import NamedTuple


class Route(Enum):
    """By which door a request goes."""

    SOCKET = "socket"
    HTTP = "http"


class Security(Enum):
    """What a request has to prove."""

    NONE = "none"
    KEY = "key"
    """It names our key, and proves nothing."""
    SIGNED = "signed"
    """It names our key and is signed, time and all."""


class Request(NamedTuple):
    """One request; ``name`` is unique and comes back with its answer.

    ``method`` is an HTTP verb with ``path`` below the venue's base URL, or the method of the
    venue's socket with ``path`` empty. ``params`` are sent in the order given, over a socket sorted
    by name; the time of a signed request is among them. ``weight`` is what the venue counts.
    """

    name: str
    route: Route
    method: str
    path: str
    params: tuple[tuple[str, str], ...]
    security: Security
    weight: int


class Signing(NamedTuple):
    """Where a venue wants key and signature, and how a socket's parameters are written.

    Signed is ``name=value&…`` of all parameters: over HTTP percent-encoded, as they are sent; over
    a socket sorted by name with the key among them, and not encoded. The signature follows last.
    """

    key_header: str
    """The header of an HTTP request that names the key."""
    key_param: str
    """The parameter of a socket's request that names the key."""
    signature_param: str
    form_methods: frozenset[str]
    """HTTP verbs whose parameters go into the body as a form; those of others into the query."""
    number_params: frozenset[str]
    """Parameters that a socket's JSON has as numbers; all others are text there."""
