"""Letters as files, for who has no mail server, and for those that a server did not take."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from data_platform.notices.channel import Step
from data_platform.notices.letter import compose
from data_platform.notices.notice import Notice
from data_platform.notices.settings import EmailSettings
from trading_runtime.records import layout
from trading_runtime.store import durable


class Outbox:
    name = "outbox"

    def __init__(self, data: Path, addresses: EmailSettings) -> None:
        self._folder = Path(layout.outbox(data))
        self._addresses = addresses

    def path(self, notice: Notice) -> Path:
        return self._folder / f"{notice.name}.eml"

    def steps(self, notice: Notice) -> Sequence[Step]:
        letter = compose(notice, self._addresses)
        return (partial(durable.write, self.path(notice), letter),)
