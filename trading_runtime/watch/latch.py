"""What is left of a firing: nothing is quoted again until a person has looked and resumed.

``run/watchdog.fired`` says why, when and what was cancelled. Before it stands on disk, or where the
disk takes nothing, the word in the lease says the same to whoever starts on this machine.
"""

from pathlib import Path

import msgspec

from trading_runtime.journal.durable import remove, write_file
from trading_runtime.lease import fired_generation, forgive
from trading_runtime.records.units import Nanos

LATCH = Path("run") / "watchdog.fired"


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """``at`` is the wall clock; ``cancelled`` are client ids, as far as it had come."""

    reason: str
    generation: str
    at: Nanos
    cancelled: tuple[str, ...]


def write_latch(data: Path, fired: Fired) -> None:
    """Make it durable; raises OSError where the disk refuses."""
    write_file(data / LATCH, msgspec.json.format(msgspec.json.encode(fired)) + b"\n")


def read_latch(data: Path) -> Fired | None:
    """Give the firing that nobody has answered for yet; None where there is none."""
    word = fired_generation(data)
    try:
        return msgspec.json.decode((data / LATCH).read_bytes(), type=Fired)
    except FileNotFoundError:
        reason = "the watchdog has fired, and could not write down why"
    except (OSError, msgspec.DecodeError) as error:
        reason = f"the watchdog has fired; {LATCH} cannot be read: {error}"
        return Fired(reason=reason, generation=hex(word), at=Nanos(0), cancelled=())
    if not word:
        return None
    return Fired(reason=reason, generation=hex(word), at=Nanos(0), cancelled=())


def open_latch(data: Path) -> None:
    """Forget the firing, as a person said; raises OSError where the disk refuses."""
    if (data / LATCH).exists():
        remove(data / LATCH)
    forgive(data)
