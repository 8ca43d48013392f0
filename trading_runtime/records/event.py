"""What every record's body has in common: a name, a log stream and a level.

A body is written as a MessagePack array: its name, then its fields in the order in which the
struct declares them. The name of an event is past tense (``OrderFilled``), of a command
imperative (``PlaceOrder``). No field has a default: two kinds of event are two structs.
"""

from typing import ClassVar

import msgspec

from trading_runtime.records.units import Level, Module


class Event(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The root of all bodies: each subclass sets its stream, its level and its tag (its name)."""

    module: ClassVar[Module]
    level: ClassVar[Level]

    @classmethod
    def name(cls) -> str:
        """Give the event's name: its tag, as it stands in journals and logs."""
        return cls.__name__
