"""A record: which kind, its number, its clocks and its body; and its bytes in a segment.

In a segment a record is, little-endian::

    u32  length    of all that follows the checksum
    u32  checksum  CRC-32 (ISO 3309, as in zlib) of all that follows it
    u8   kind      1 input, 2 output, 3 observation
    u64  seq       1, 2, 3, … over the session
    i64  at        engine time, UTC nanoseconds, never falling within a session
    i64  wall      the wall clock when the input came, UTC nanoseconds
    ...  body      MessagePack: [name, field, field, …]

An output carries the clocks of the input that caused it, so that a replay writes the same bytes.
"""

import struct
import zlib
from enum import IntEnum
from typing import NamedTuple

import msgspec

from trading_runtime.records.commands import Command
from trading_runtime.records.facts_market import MarketFact
from trading_runtime.records.facts_trading import TradingFact
from trading_runtime.records.facts_venue import VenueFact
from trading_runtime.records.inputs import Input, StateCarried
from trading_runtime.records.observations import Observation
from trading_runtime.records.units import Nanos, Seq

SCHEMA_VERSION = 1
"""Of the bodies. A change of any struct is a new version with golden segments of its own."""

Output = Command | MarketFact | TradingFact | VenueFact | StateCarried
Body = Input | Output | Observation

FRAME = struct.Struct("<II")
STAMP = struct.Struct("<BQqq")
BODY_OFFSET = FRAME.size + STAMP.size
LENGTH_MAX = 64 * 1024 * 1024
"""A record longer than this is damage, not data: the largest checkpoint is a few megabytes."""

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[Body] = msgspec.msgpack.Decoder(Body)
_input_decoder: msgspec.msgpack.Decoder[Input] = msgspec.msgpack.Decoder(Input)


class Kind(IntEnum):
    """Who made a record: the world, the core, or the shell's instruments."""

    INPUT = 1
    OUTPUT = 2
    OBSERVATION = 3


class Stamp(NamedTuple):
    """The two clocks of an input: engine time and wall time, UTC nanoseconds."""

    at: Nanos
    wall: Nanos


class Record(NamedTuple):
    """One record as read from a journal; ``body`` is still packed."""

    kind: Kind
    seq: Seq
    stamp: Stamp
    body: bytes


def encode_body(body: Body) -> bytes:
    return _encode(body)


def decode_input(body: bytes) -> Input:
    """Unpack the body of an input; raise :exc:`msgspec.DecodeError` where it is none."""
    return _input_decoder.decode(body)


def decode_body(body: bytes) -> Body:
    """Unpack a body; raise :exc:`msgspec.DecodeError` where it is none of ours."""
    return _decoder.decode(body)


def frame_record(kind: int, seq: int, stamp: Stamp, body: bytes) -> bytes:
    """Give the record's bytes as they stand in a segment."""
    stamped = STAMP.pack(kind, seq, stamp[0], stamp[1]) + body
    return FRAME.pack(len(stamped), zlib.crc32(stamped)) + stamped
