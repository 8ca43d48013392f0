"""What can be set about notices: ``[platform.notices]``.

Passwords and tokens stand in no settings file: they come from the environment variable or the file
(mode 0600) that is named here.
"""

from typing import Annotated, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class EmailSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mail server; without one letters stay in the outbox as ``.eml`` files."""

    server: str = ""
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: str = ""
    """PEM of who vouches for the server; empty: the system's own list."""
    user: str = ""
    password_env: str = "TAPEDECK_SMTP_PASSWORD"  # noqa: S105 -- a name, not a password
    password_file: str = ""
    sender: str = "tapedeck@localhost"
    recipients: tuple[str, ...] = ("desk@localhost",)


class TelegramSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bot that writes into one chat; without a chat nothing goes there."""

    chat: str = ""
    base_url: str = "https://api.telegram.org"
    token_env: str = "TAPEDECK_TELEGRAM_TOKEN"  # noqa: S105 -- a name, not a token
    token_file: str = ""


class NoticeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    email: EmailSettings = EmailSettings()
    telegram: TelegramSettings = TelegramSettings()
    attempts_max: Count = 4
    pause_s: Seconds = 1.0
    """Before the second attempt; it doubles with each, and a server may ask for more."""
    pause_max_s: Seconds = 30.0
    timeout_s: Seconds = 10.0
    """For each answer of a server."""
    repeat_after_s: Seconds = 21_600.0
    """An alarm that goes on is told again after so long, not before."""
    news_days_max: Count = 3
    """A report made later than this after its day is filed and sent to nobody: a backfill."""
