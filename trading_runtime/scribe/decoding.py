"""Frames and answers of one session to market events, by the venue's own codec.

It reads what the core reads, by the same codecs: of each kind (book, ticker, trades) the stream
that a connection brought first. What cannot be read the core has put into quarantine, with its
reason; here it is passed over.
"""

from collections.abc import Callable

from trading_runtime.core.venues.channel import Channel, StreamKind
from trading_runtime.core.venues.registry import VENUES, Venue
from trading_runtime.core.venues.texts import Texts
from trading_runtime.errors import Misread
from trading_runtime.market.events import DepthSnapshot, MarketEvent
from trading_runtime.records.inputs import AnswerReceived, FrameReceived
from trading_runtime.records.instruments import Instrument, Scales
from trading_runtime.records.units import Connection, Revision
from trading_runtime.scribe.place import Known

OK = 200
NAME_MAX = 64
"""Bytes of the longest name that a stream may have; the core refuses longer ones too."""

Read = Callable[[bytes], MarketEvent]


class Decoder:
    """Keeps a reader for each stream that has been heard, None where it is not read."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._readers: dict[tuple[Connection, bytes], Read | None] = {}
        self._texts: dict[Revision, Texts] = {}

    def forget(self) -> None:
        """Make readers anew: an instrument was revised, or a connection is another's."""
        self._readers.clear()

    def event(self, body: FrameReceived) -> MarketEvent | None:
        """Give what the frame tells about a market, None where it tells nothing that is kept."""
        venue = VENUES.get(self._known.connections.get(body.connection, ""))
        if venue is None:
            return None
        try:
            name = venue.codec.stream_of(body.frame)
            key = (body.connection, name)
            if key not in self._readers:
                self._readers[key] = self._reader(venue, body.connection, name)
            read = self._readers[key]
            return None if read is None else read(body.frame)
        except Misread:
            return None

    def snapshot(self, body: AnswerReceived) -> DepthSnapshot | None:
        """Give the book that the answer holds, None where no book was asked for or none came."""
        revision = self._known.awaited.get(body.request)
        if revision is None or body.status != OK:
            return None
        instrument = self._known.instruments.get(revision)
        if instrument is None or instrument.venue not in VENUES:
            return None
        try:
            return VENUES[instrument.venue].codec.snapshot(body.body, self._texts_of(instrument))
        except Misread:
            return None

    def _reader(self, venue: Venue, connection: Connection, name: bytes) -> Read | None:
        if len(name) > NAME_MAX:
            return None
        channel = venue.codec.channel(name)
        meant = [
            it
            for it in self._known.instruments.values()
            if it.venue == venue.name and it.symbol == channel.symbol
        ]
        if channel.kind is StreamKind.OTHER or not meant:
            return None
        heard = self._known.hear(connection, f"{channel.symbol} {channel.kind.value}", channel.name)
        if heard != channel.name:
            return None
        latest = max(meant, key=lambda it: it.revision)
        return _read(venue, channel, name, self._texts_of(latest))

    def _texts_of(self, instrument: Instrument) -> Texts:
        texts = self._texts.get(instrument.revision)
        if texts is None:
            texts = self._texts[instrument.revision] = Texts(Scales(instrument))
        return texts


def _read(venue: Venue, channel: Channel, name: bytes, texts: Texts) -> Read | None:
    match channel.kind:
        case StreamKind.DEPTH:
            return venue.codec.depth(name, texts)
        case StreamKind.TICKER:
            return venue.codec.ticker(name, texts)
        case StreamKind.TRADE:
            return venue.codec.trade(name, texts)
        case StreamKind.OTHER:
            return None
