"""What the venue's order grid is today, asked before a session begins."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import msgspec

from trading_runtime.app.access import Access
from trading_runtime.app.opening import Plan
from trading_runtime.core.venues.filters import fitted
from trading_runtime.core.venues.registry import Venue
from trading_runtime.errors import Misread, Refused
from trading_runtime.gateway.rest import NoAnswer
from trading_runtime.records.commands import AskVenue, Question
from trading_runtime.records.exact import NotDecimal
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import Nanos, Revision

WAIT_FIRST_S = 0.25
WAIT_MAX_S = 5.0
STATUS_OK = 200


async def on_venue_grid(
    planned: Plan, venue: Venue, access: Access, stop: asyncio.Event, say: Callable[[str], None]
) -> Plan | None:
    """Give ``planned`` with each instrument's order grid as the venue has it; None when stopped.

    A venue that does not answer is asked again, for as long as it takes; ``say`` is told why.

    Raises:
        Refused: the venue has no such instrument, or it is one of other assets.
    """
    found = []
    for instrument in planned.instruments:
        fresh = await _ask_until_told(instrument, venue, access, stop, say)
        if fresh is None:
            return None
        found.append(fresh)
    return msgspec.structs.replace(planned, instruments=tuple(found))


async def _ask_until_told(
    instrument: Instrument,
    venue: Venue,
    access: Access,
    stop: asyncio.Event,
    say: Callable[[str], None],
) -> Instrument | None:
    question = AskVenue(
        request="instrument-0-0",
        venue=venue.name,
        question=Question.INSTRUMENT,
        revision=Revision(0),
    )
    request = venue.requests.make(question, Scales(instrument), Nanos(0))
    wait_s, said = WAIT_FIRST_S, ""
    while not stop.is_set():
        answer = await access.ask(request)
        if not isinstance(answer, NoAnswer) and answer.status == STATUS_OK:
            return fresh(instrument, venue, answer.body)
        reason = answer.reason if isinstance(answer, NoAnswer) else f"status {answer.status}"
        if reason != said:
            say(f"{access.endpoints.http} does not answer yet: {reason}")
            said = reason
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_s)
        wait_s = min(2 * wait_s, WAIT_MAX_S)
    return None


def fresh(instrument: Instrument, venue: Venue, body: bytes) -> Instrument:
    """Give the instrument with the filters that ``body`` tells.

    Raises:
        Refused: it is not there, or not the one that the settings mean.
    """
    name = instrument.instrument_id
    try:
        filters = venue.filters(body, instrument.symbol)
        theirs = (filters.base_asset, filters.quote_asset)
        if theirs != (instrument.base_asset, instrument.quote_asset):
            raise Refused(f"{name} is {theirs[0]} in {theirs[1]}: mend base_asset and quote_asset")
        return fitted(instrument, filters)
    except (Misread, NotDecimal) as error:
        raise Refused(f"the venue's filters of {name} cannot be read: {error}") from error
