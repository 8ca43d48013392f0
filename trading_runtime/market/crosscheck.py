"""The venue's own best bid and ask against the book's, at the same update id.

The ticker comes by another channel, before or after the delta with its id, so both sides keep their
recent points and meet in whichever comes second. Points of different ids are never compared: on a
moving market they differ without any fault.
"""

POINTS_MAX = 256
"""Of each side; on record the two come at most 82 messages apart."""

Touch = tuple[int, int, int, int]
"""Bid, bid size, ask, ask size."""


class TickerCheck:
    """The recent points of both sides by update id, oldest first."""

    __slots__ = ("different", "equal", "tickers", "touches")

    def __init__(self) -> None:
        self.touches: dict[int, Touch] = {}
        self.tickers: dict[int, Touch] = {}
        self.equal = 0
        self.different = 0

    def on_ticker(self, update_id: int, ticker: Touch) -> Touch | None:
        """Note the venue's touch; give the book's at the same id, if it has been there."""
        touch = self.touches.get(update_id)
        if touch is not None:
            self._count(ticker, touch)
            return touch
        tickers = self.tickers
        tickers[update_id] = ticker
        if len(tickers) > POINTS_MAX:
            del tickers[next(iter(tickers))]
        return None

    def on_book(self, update_id: int, touch: Touch) -> Touch | None:
        """Note the book's touch; give the venue's at the same id, if it has come."""
        ticker = self.tickers.get(update_id)
        if ticker is not None:
            self._count(ticker, touch)
            return ticker
        touches = self.touches
        touches[update_id] = touch
        if len(touches) > POINTS_MAX:
            del touches[next(iter(touches))]
        return None

    def forget_book(self) -> None:
        """Drop the book's points: they come from a book that is no longer believed."""
        self.touches.clear()

    def forget_all(self) -> None:
        """Drop all points: they are counted on a grid that is no longer used."""
        self.touches.clear()
        self.tickers.clear()

    def _count(self, ticker: Touch, touch: Touch) -> None:
        if ticker == touch:
            self.equal += 1
        else:
            self.different += 1
