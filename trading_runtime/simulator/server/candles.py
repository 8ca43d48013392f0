"""The ``kline_1m`` stream's frame."""

from trading_runtime.simulator.exchange.amounts import text
from trading_runtime.simulator.server.channels import Candle
from trading_runtime.simulator.server.scales import Scales
from trading_runtime.simulator.server.settings import MINUTE_MS


def candle_frame(candle: Candle, scales: Scales, symbol: str, now_ms: int) -> bytes:
    """Write a candle; it is closed when ``now_ms`` lies behind its minute."""
    closed = "true" if now_ms >= candle.start_ms + MINUTE_MS else "false"
    return (
        f'{{"e":"kline","E":{now_ms},"s":"{symbol}","k":{{"t":{candle.start_ms},'
        f'"T":{candle.start_ms + MINUTE_MS - 1},"s":"{symbol}","i":"1m",'
        f'"f":{candle.first_id},"L":{candle.last_id},"o":"{scales.price(candle.open)}",'
        f'"c":"{scales.price(candle.close)}","h":"{scales.price(candle.high)}",'
        f'"l":"{scales.price(candle.low)}","v":"{scales.quantity(candle.volume)}",'
        f'"n":{candle.count},"x":{closed},"q":"{text(candle.quote)}",'
        f'"V":"{scales.quantity(candle.taken)}","Q":"{text(candle.taken_quote)}","B":"0"}}}}'
    ).encode()
