"""What nobody in the market sees: the fair value, how wide makers stand, and the weather.

 * regime: calm or storm, each lasting an exponential time (a two-state Markov chain); a storm
   multiplies arrival rates and volatility;
 * fair value, ticks: Brownian motion with the regime's volatility and a drift;
 * drift, ticks/s: Ornstein-Uhlenbeck around 0, so that trends last a while and turn;
 * spread target, ticks: the exponential of an Ornstein-Uhlenbeck process around its mean.

All steps use the exact transition over the time passed, so they do not depend on its division.
"""

import math
import random

from trading_runtime.simulator.settings import FlowSettings


def pulled(value: float, keep: float, spread: float, rng: random.Random) -> float:
    """Step an Ornstein-Uhlenbeck process around 0: ``spread`` is its stationary deviation."""
    return value * keep + spread * math.sqrt(1.0 - keep * keep) * rng.gauss(0.0, 1.0)


class Latent:
    """The hidden state at one time; ``advance`` moves it, ``switch_regime`` when it is due."""

    def __init__(self, settings: FlowSettings, fair: float, rng: random.Random) -> None:
        self._settings = settings
        self._rng = rng
        self.fair = fair
        self.drift = 0.0
        self.wideness = 0.0
        """Logarithm of the spread target over its mean."""
        self.stormy = False
        self.regime_until = rng.expovariate(1.0 / settings.calm_s)
        self._at = 0.0

    @property
    def spread(self) -> float:
        return self._settings.spread_ticks * math.exp(self.wideness)

    @property
    def intensity(self) -> float:
        """What the present regime multiplies arrival rates by."""
        return self._settings.storm_intensity if self.stormy else 1.0

    def advance(self, at: float) -> None:
        settings, rng = self._settings, self._rng
        passed = at - self._at
        self._at = at
        volatility = settings.volatility_ticks
        if self.stormy:
            volatility *= settings.storm_volatility
        self.fair += self.drift * passed + volatility * math.sqrt(passed) * rng.gauss(0.0, 1.0)
        keep = math.exp(-passed / settings.trend_life_s)
        self.drift = pulled(self.drift, keep, settings.trend_ticks_per_s, rng)
        keep = math.exp(-passed / settings.spread_life_s)
        self.wideness = pulled(self.wideness, keep, settings.spread_noise, rng)

    def switch_regime(self) -> None:
        """Turn the weather at ``regime_until``."""
        self.stormy = not self.stormy
        life_s = self._settings.storm_s if self.stormy else self._settings.calm_s
        self.regime_until += self._rng.expovariate(1.0 / life_s)
