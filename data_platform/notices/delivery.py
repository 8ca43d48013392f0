"""Bring a notice to people by every channel at once, and write down what came of it.

Rules:
 * No channel waits for another, and what fails raises nothing here: the outcome says it.
 * An alarm whose key was told is not told again until ``repeat_after_s``; a report whose content
   was told is not told again at all.
 * What no server took lies in the outbox.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from data_platform.notices.channel import Channel, Impossible, TryAgain
from data_platform.notices.mail import Mail
from data_platform.notices.notice import Notice
from data_platform.notices.outbox import Outbox
from data_platform.notices.settings import NoticeSettings
from data_platform.notices.telegram import Telegram
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos
from trading_runtime.store import durable

REPORTS = "daily-report"
"""What the keys of reports begin with."""
LOOK_BACK_DAYS = 2
"""An outcome is looked for in the folders of so many days."""


class Attempted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What came of one channel; ``said`` is what the server last answered with."""

    channel: str
    delivered: bool
    attempts: int
    said: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``state``: told by one channel at least, told before, or by none."""

    key: str
    title: str
    severity: str
    digest: str
    at: Nanos
    state: Literal["told", "told before", "undelivered"]
    channels: tuple[Attempted, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(it.channel for it in self.channels if not it.delivered)


class Post(NamedTuple):
    """What a delivery stands on; ``pause`` waits so many seconds before the next attempt."""

    data: Path
    settings: NoticeSettings
    pause: Callable[[float], object] = threading.Event().wait


def folder(data: Path) -> Path:
    return data / "notices"


def outcome_path(data: Path, notice: Notice, now: Nanos) -> Path:
    return folder(data) / day_of(now) / f"{notice.name}.json"


def day_of(at: int) -> str:
    return datetime.fromtimestamp(at // NANOS_PER_SECOND, tz=UTC).strftime("%Y-%m-%d")


def last_outcome(data: Path, notice: Notice, now: Nanos) -> Outcome | None:
    """Give the newest outcome of this key; of a report whatever its age, of an alarm of late."""
    if notice.is_alarm:
        today = datetime.fromisoformat(day_of(now))
        days = [today - timedelta(days=back) for back in range(LOOK_BACK_DAYS)]
        paths = [folder(data) / f"{it:%Y-%m-%d}" / f"{notice.name}.json" for it in days]
    else:
        paths = sorted(folder(data).glob(f"*/{notice.name}.json"), reverse=True)
    found = next((it for it in paths if it.exists()), None)
    return msgspec.json.decode(found.read_bytes(), type=Outcome) if found else None


def is_told(notice: Notice, before: Outcome | None, settings: NoticeSettings, now: Nanos) -> bool:
    if before is None or before.state == "undelivered":
        return False
    if notice.is_alarm:
        return now - before.at < settings.repeat_after_s * NANOS_PER_SECOND
    return before.digest == notice.digest


def channels(post: Post, *, is_news: bool) -> list[Channel]:
    """Give the ways that are set; the outbox where there is no mail server, or it is old."""
    it = post.settings
    outbox: list[Channel] = [Outbox(post.data, it.email)]
    if not is_news:
        return outbox
    found: list[Channel] = [Mail(it.email, it.timeout_s)] if it.email.server else outbox
    if it.telegram.chat:
        found.append(Telegram(it.telegram, it.timeout_s))
    return found


def attempt(channel: Channel, notice: Notice, post: Post) -> Attempted:
    """Go through a channel's steps, each until it is done, impossible or tried often enough."""
    attempts, said = 0, ""
    for step in channel.steps(notice):
        for number in range(post.settings.attempts_max):
            attempts += 1
            try:
                step()
                break
            except (Impossible, OSError) as error:
                return Attempted(
                    channel=channel.name, delivered=False, attempts=attempts, said=str(error)
                )
            except TryAgain as error:
                said = str(error)
                if number + 1 == post.settings.attempts_max:
                    return Attempted(
                        channel=channel.name, delivered=False, attempts=attempts, said=said
                    )
                wait = max(error.after_s, post.settings.pause_s * 2**number)
                post.pause(min(wait, post.settings.pause_max_s))
    return Attempted(channel=channel.name, delivered=True, attempts=attempts, said=said)


def deliver(notice: Notice, post: Post, now: Nanos) -> Outcome:
    """Tell ``notice`` by all channels; one process at a time tells the same key."""
    path = outcome_path(post.data, notice, now)
    with durable.lock(folder(post.data) / "locks" / notice.name):
        before = last_outcome(post.data, notice, now)
        if before is not None and is_told(notice, before, post.settings, now):
            return msgspec.structs.replace(before, state="told before")
        age = now - notice.at
        is_news = notice.is_alarm or age < post.settings.news_days_max * 86_400 * NANOS_PER_SECOND
        tried = through(channels(post, is_news=is_news), notice, post)
        if any(it.channel == Mail.name and not it.delivered for it in tried):
            tried = (*tried, attempt(Outbox(post.data, post.settings.email), notice, post))
        known = [it for it in tried if it.delivered and it.channel != Outbox.name]
        filed = all(it.channel == Outbox.name and it.delivered for it in tried)
        outcome = Outcome(
            key=notice.key,
            title=notice.title,
            severity=notice.severity.value,
            digest=notice.digest,
            at=now,
            state="told" if known or filed else "undelivered",
            channels=tried,
        )
        durable.write(path, msgspec.json.format(msgspec.json.encode(outcome), indent=2) + b"\n")
        return outcome


def through(ways: Sequence[Channel], notice: Notice, post: Post) -> tuple[Attempted, ...]:
    with ThreadPoolExecutor(max_workers=len(ways)) as pool:
        return tuple(pool.map(lambda it: attempt(it, notice, post), ways))
