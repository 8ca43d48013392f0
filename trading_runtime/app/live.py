"""From a plan to a session that trades, and back to a folder that the next one can carry on.

On start the newest session, however it ended, is closed and its state carried on; the venue is
asked what its order grid is today. Whether orders go to a venue or are filled on paper is the
mode's affair.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from trading_runtime.app.access import Access, endpoints_of, find_key
from trading_runtime.app.filters import on_venue_grid
from trading_runtime.app.opening import (
    NOTHING_CARRIED,
    VENUE_MODES,
    Plan,
    Recovery,
    carried_from,
    on_known_grid,
    open_session,
)
from trading_runtime.app.running import Ground, Running
from trading_runtime.app.session import Session
from trading_runtime.clock import Clock, mono_ns
from trading_runtime.config import VenueSettings
from trading_runtime.core.venues.registry import VENUES
from trading_runtime.errors import Halt, Refused
from trading_runtime.gateway.keys import ApiKey, fingerprint, installation_salt
from trading_runtime.journal.recovery import recover_last
from trading_runtime.lease import AccountLock, Lease, account_folder
from trading_runtime.records.commands import Command
from trading_runtime.records.envelope import Stamp
from trading_runtime.records.inputs import WatchdogFired
from trading_runtime.records.observations import KeyUsed
from trading_runtime.records.units import Nanos
from trading_runtime.watch.latch import read_latch


def recover(data: Path) -> Recovery:
    """Close the newest session of ``data``, however it ended; give what is carried on of it."""
    try:
        recovered = recover_last(data)
    except OSError as error:
        # Nothing is lost: the session stays as the crash left it until there is room.
        raise Refused(f"cannot close the last session in {data}: {error}") from error
    return carried_from(recovered) if recovered is not None else NOTHING_CARRIED


async def trade(
    planned: Plan,
    settings: VenueSettings,
    data: Path,
    stop: asyncio.Event,
    begun: Callable[[Session], None],
    say: Callable[[str], None],
) -> None:
    """Trade until ``stop``; ``begun`` is called with the session once it is under way.

    ``say`` is told what keeps it from beginning.

    Raises:
        Refused: the account or the folder is another process's, or the venue's filters cannot be
            what the settings say.
        Halt: the journal took no more, or the lease ran out; orders were withdrawn first where that
            was still allowed.
    """
    key = find_key(settings) if planned.mode in VENUE_MODES else None
    venue = VENUES[planned.instruments[0].venue]
    async with AsyncExitStack() as held:
        if key is not None:
            held.callback(lock_account(endpoints_of(venue, settings).http, key).close)
        access = Access(venue, settings, key, data)
        held.push_async_callback(access.close)
        on_grid = await on_venue_grid(planned, venue, access, stop, say)
        if on_grid is not None:
            await _trade(on_grid, settings, data, access, stop, begun)


def lock_account(address: str, key: ApiKey) -> AccountLock:
    """Be this user's only process on an account, in whatever data folder.

    Raises:
        Refused: another process trades it.
    """
    folder = account_folder()
    salt = installation_salt(folder / "salt")
    return AccountLock(folder, fingerprint(f"{address} {key.key}", salt))


def renewed(lease: Lease, data: Path, length_ns: Nanos) -> Lease:
    """Give a lease that counts from now.

    To close and play a long session may take longer than a lease is; nothing was sent meanwhile.
    """
    lease.beat(mono_ns())
    if not lease.may_send(mono_ns()):
        return lease
    lease.close()
    return Lease.take(data, length_ns, mono_ns())


async def _trade(
    planned: Plan,
    settings: VenueSettings,
    data: Path,
    access: Access,
    stop: asyncio.Event,
    begun: Callable[[Session], None],
) -> None:
    lease = Lease.take(data, settings.lease_ns, mono_ns())
    quiet = False
    try:
        recovery = recover(data)
        lease = renewed(lease, data, settings.lease_ns)
        planned = on_known_grid(planned, recovery)
        clock = Clock()
        session = open_session(planned, data, clock.stamp(), recovery, _too_early)
        running = Running(session, clock, Ground(planned, settings, access, lease, data))
        used = KeyUsed(fingerprint=access.fingerprint, environment=settings.environment)
        session.observe(clock.stamp(), used)
        fired = read_latch(data)
        if fired is not None:
            session.take(clock.stamp(), WatchdogFired(reason=fired.reason))
        begun(session)
        quiet = await running.run(stop)
    finally:
        # A lease that is not released in order makes the watchdog cancel what may be left.
        if quiet:
            lease.release()
        else:
            lease.close()


def _too_early(command: Command, stamp: Stamp) -> None:
    raise Halt(f"{command} at {stamp.at} before there was a connection")
