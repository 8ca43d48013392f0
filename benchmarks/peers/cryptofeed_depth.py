"""cryptofeed's own path from a depth message to its book.

Runs in ``.venv-bench``. Its ``BinanceFutures.message_handler`` is called with each message as its
connection would call it; the one request that it makes, for the snapshot, is answered from the
capture. With ``--best`` a user's callback reads best bid and ask of each book; its sorted map then
sorts all prices anew, which is most of the time. Prints one JSON line: messages, seconds, and the
final top 20 of each side.
"""

import argparse
import asyncio
import gc
import gzip
import json
import time
from pathlib import Path

from cryptofeed.defines import BINANCE_FUTURES, L2_BOOK, PERPETUAL
from cryptofeed.exchanges import BinanceFutures
from cryptofeed.symbols import Symbol, Symbols

TOP = 20


class Answer:
    """Stands in for the HTTP connection: the snapshot is at hand."""

    def __init__(self, body: str) -> None:
        self._body = body

    async def read(self, address: str) -> str:
        del address
        return self._body


class Reader:
    """A user's callback: keeps the book, and reads its best prices where they are asked for."""

    def __init__(self, *, best: bool) -> None:
        self._best = best
        self.touch = None
        self.book = None

    async def __call__(self, book, receipt_timestamp) -> None:  # noqa: ANN001 -- cryptofeed's types
        del receipt_timestamp
        self.book = book.book
        if self._best:
            self.touch = (book.book.bids.index(0), book.book.asks.index(0))


def read(path: Path) -> tuple[list[str], str]:
    """Give the depth messages and the snapshot's body."""
    messages, snapshot = [], ""
    with gzip.open(path, "rt") as lines:
        for line in lines:
            _, _, message = line.rstrip("\n").partition(" ")
            if message.startswith('{"lastUpdateId"'):
                snapshot = message
            elif "@depth@" in message[:40]:
                messages.append(message)
    return messages, snapshot


async def follow(messages: list[str], snapshot: str, reader: Reader) -> float:
    """Give the CPU seconds that it takes to follow the book through all messages."""
    feed = BinanceFutures(
        symbols=["BTC-USDT-PERP"], channels=[L2_BOOK], callbacks={L2_BOOK: reader}
    )
    feed.http_conn = Answer(snapshot)
    gc.collect()
    gc.freeze()
    started = time.process_time()
    for message in messages:
        await feed.message_handler(message, None, started)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("capture", type=Path)
    parser.add_argument("--best", action="store_true")
    arguments = parser.parse_args()
    symbol = Symbol("BTC", "USDT", type=PERPETUAL)
    Symbols.set(BINANCE_FUTURES, {symbol.normalized: "BTCUSDT"}, {})
    messages, snapshot = read(arguments.capture)
    reader = Reader(best=arguments.best)
    seconds = asyncio.run(follow(messages, snapshot, reader))
    sides = [
        [[str(price), str(side[price])] for price in side.keys()[:TOP]]
        for side in (reader.book.bids, reader.book.asks)
    ]
    print(json.dumps({"messages": len(messages), "seconds": seconds, "top": sides}))


if __name__ == "__main__":
    main()
