"""Clustered arrivals: a mutually exciting point process, drawn by thinning.

Kinds of event arrive with the intensity (Hawkes, 1971, "Spectra of some self-exciting and mutually
exciting point processes", Biometrika 58)::

    intensity[i](t) = base[i] + sum over past events k of branching[kind_k][i] * decay
                                                         * exp(-decay * (t - t_k))

so that one event of kind j has ``branching[j][i]`` children of kind i on average. Between events
the intensity only falls, so its present value bounds what follows: a candidate is drawn at that
rate and kept with the probability that is left (Ogata, 1981, "On Lewis' simulation method for
point processes", IEEE Trans. Inf. Theory 27). One decay for all kinds makes a step O(kinds).
"""

import math
import random
from collections.abc import Sequence
from itertools import accumulate, starmap, zip_longest
from operator import add

POWER_ROUNDS = 200
"""Of the power iteration: a table of six kinds has converged long before."""
STATIONARY_MAX = 0.95
"""Beyond this, bursts last so long that no recording shows the mean rate."""


def spectral_radius(branching: Sequence[Sequence[float]]) -> float:
    """Give the mean number of children of an event in the long run; below 1 it is stationary."""
    vector = [1.0] * len(branching)
    radius = 0.0
    for _ in range(POWER_ROUNDS):
        vector = [
            sum(row[effect] * vector[effect] for effect in range(len(vector))) for row in branching
        ]
        radius = max(vector)
        if radius == 0.0:
            break
        vector = [part / radius for part in vector]
    return radius


class Hawkes:
    """The excitation left by past events, and the draw of the next; times in seconds."""

    def __init__(
        self, branching: Sequence[Sequence[float]], decay: float, rng: random.Random
    ) -> None:
        """Raise :exc:`ValueError` where the process would not be stationary."""
        if spectral_radius(branching) > STATIONARY_MAX:
            raise ValueError(f"an event has more than {STATIONARY_MAX} children in the long run")
        self._jumps = [[children * decay for children in row] for row in branching]
        self._decay = decay
        self._excited = [0.0] * len(branching)
        self._rng = rng

    def draw(self, now: float, base: Sequence[float], horizon: float) -> tuple[float, int | None]:
        """Give the time and kind of the next event; the kind is None when ``horizon`` comes first.

        ``base`` holds until then: whoever changes it draws again from the time of the change. Kinds
        beyond the table neither excite nor are excited.
        """
        rng, decay = self._rng, self._decay
        base_total = sum(base)
        start_excited = excited = sum(self._excited)
        while True:
            bound = base_total + excited
            wait = rng.expovariate(bound) if bound > 0.0 else math.inf
            if now + wait >= horizon:
                faded = excited * math.exp(-decay * (horizon - now))
                self._fade(start_excited, faded)
                return horizon, None
            now += wait
            excited *= math.exp(-decay * wait)
            chance = rng.random() * bound
            if chance < base_total + excited:
                self._fade(start_excited, excited)
                return now, self._kind(base, chance)

    def happened(self, kind: int) -> None:
        """Let an event of ``kind`` excite what follows."""
        if kind < len(self._jumps):
            pairs = zip(self._excited, self._jumps[kind], strict=True)
            self._excited = [excited + jump for excited, jump in pairs]

    def _fade(self, before: float, after: float) -> None:
        if before > 0.0:
            ratio = after / before
            self._excited = [excited * ratio for excited in self._excited]

    def _kind(self, base: Sequence[float], chance: float) -> int:
        """Pick the kind on whose part of the whole intensity ``chance`` falls."""
        parts = starmap(add, zip_longest(base, self._excited, fillvalue=0.0))
        for kind, reached in enumerate(accumulate(parts)):
            if chance < reached:
                return kind
        return 0  # only where rounding left the last sum below the bound
