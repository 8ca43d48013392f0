"""The venue's limits on our messages as it tells them, and what it makes us wait for (GW-4).

Rules:
 * Above four fifths of any limit new orders wait until that limit's window is over; cancels do not.
 * A request turned away unread (429, 418, 403 and their like) is a strike: nothing is asked and no
   order is sent until the wait is over, and after it at half the rate for each strike.
 * Strikes are in a row until a whole recovery has passed without one; too many stop trading.
"""

import msgspec

from trading_runtime.account.reports import Barred, BarredTold, LimitsTold
from trading_runtime.records.envelope import Output
from trading_runtime.records.facts_venue import BudgetShort, RateLimited, RateLimitLifted
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

SHORT_OF = 5
"""New orders wait when this part of a limit is left, and no more."""
WAITS = {
    Barred.TOO_MANY: Nanos(NANOS_PER_SECOND),
    Barred.BANNED: Nanos(120 * NANOS_PER_SECOND),
    Barred.FIREWALL: Nanos(300 * NANOS_PER_SECOND),
}
"""Where the venue names none: its shortest ban is two minutes, its firewall's five."""
WAIT_MAX = Nanos(3 * 86_400 * NANOS_PER_SECOND)
"""The longest ban there is; more is a mistake."""
HALVINGS_MAX = 4
STRIKES_MAX = 3
"""More in a row, and trading stops until a person resumes it."""
RECOVERY = Nanos(60 * NANOS_PER_SECOND)


class BudgetCarried(msgspec.Struct, frozen=True, array_like=True):
    venue: str = ""
    until: Nanos = Nanos(0)
    struck_at: Nanos = Nanos(0)
    strikes: int = 0
    barred: bool = False
    short_until: Nanos = Nanos(0)


class Budget:
    """Of one venue; ``until`` is when a wait is over, ``short_until`` when orders may go again."""

    __slots__ = ("_barred", "_struck_at", "_venue", "short_until", "strikes", "until")

    def __init__(self) -> None:
        self._venue = ""
        self.until = Nanos(0)
        self._struck_at = Nanos(0)
        self.strikes = 0
        """In a row; each has halved the rate of orders."""
        self._barred = False
        self.short_until = Nanos(0)

    @property
    def barred(self) -> bool:
        return self._barred

    @property
    def halvings(self) -> int:
        return min(self.strikes, HALVINGS_MAX)

    @property
    def persists(self) -> bool:
        """Whether so many strikes came in a row that trading has to stop."""
        return self.strikes > STRIKES_MAX

    def on_limits(self, told: LimitsTold, at: Nanos, out: list[Output]) -> None:
        """Let orders wait where most of a limit is used; windows begin at their own multiples."""
        for each in told.limits:
            if not each.limit or (each.limit - each.used) * SHORT_OF >= each.limit:
                continue
            ends_at = Nanos((at // each.window_ns + 1) * each.window_ns)
            if ends_at <= self.short_until:
                continue
            self.short_until = ends_at
            out.append(
                BudgetShort(
                    venue=told.venue,
                    kind=each.kind,
                    window_ns=each.window_ns,
                    used=each.used,
                    limit=each.limit,
                )
            )

    def on_barred(self, told: BarredTold, at: Nanos, out: list[Output]) -> None:
        """Wait as long as the venue says; of requests that were on their way only the first counts.

        Each one that comes during the wait may make it longer.
        """
        wait = Nanos(min(told.retry_after_ns or WAITS[told.barred], WAIT_MAX))
        until = Nanos(max(self.until, at + wait))
        fresh = not self._barred
        if not fresh and until == self.until:
            return
        self._venue = told.venue
        self.until = until
        if fresh:
            self._barred = True
            self.strikes += 1
        self._struck_at = at
        out.append(
            RateLimited(
                venue=told.venue,
                barred=told.barred.value,
                retry_after_ns=told.retry_after_ns,
                until=until,
                strikes=self.strikes,
            )
        )

    def look(self, at: Nanos, out: list[Output]) -> Nanos:
        """End what is over; give the next moment to look, or 0."""
        if self._barred and at >= self.until:
            self._barred = False
            self._struck_at = at
            out.append(RateLimitLifted(venue=self._venue))
        if self.strikes and not self._barred and at >= self._struck_at + RECOVERY:
            self.strikes = 0
        if self._barred:
            return self.until
        if self.strikes:
            return Nanos(self._struck_at + RECOVERY)
        return self.short_until if self.short_until > at else Nanos(0)

    def forgive(self) -> None:
        """Forget the strikes: a person has resumed trading."""
        self.strikes = 0

    def carry(self) -> BudgetCarried:
        return BudgetCarried(
            self._venue,
            self.until,
            self._struck_at,
            self.strikes,
            self._barred,
            self.short_until,
        )

    def restore(self, carried: BudgetCarried) -> None:
        self._venue = carried.venue
        self.until = carried.until
        self._struck_at = carried.struck_at
        self.strikes = carried.strikes
        self._barred = carried.barred
        self.short_until = carried.short_until
