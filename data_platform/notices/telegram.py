"""Messages of a bot (Bot API): text in parts of what one message holds, then the chart.

The token is part of the address and so never in what is raised or written down. It goes to this
machine in the clear where a test's server listens, and elsewhere by HTTPS alone.
"""

import http.client
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlsplit

import msgspec

from data_platform.notices.channel import Impossible, Step, TryAgain
from data_platform.notices.credentials import credential
from data_platform.notices.notice import Notice
from data_platform.notices.settings import TelegramSettings

TEXT_CHARS_MAX = 4096
CAPTION_CHARS_MAX = 1024
BOUNDARY = "tapedeck-7d4a1c"
OK, THROTTLED, BROKEN = 200, 429, 500
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Parameters(msgspec.Struct, frozen=True):
    retry_after: int = 0


class Answer(msgspec.Struct, frozen=True):
    """What every method answers with; ``description`` says what was wrong."""

    ok: bool = False
    description: str = ""
    parameters: Parameters = Parameters()


class Telegram:
    name = "telegram"

    def __init__(self, settings: TelegramSettings, timeout_s: float) -> None:
        self._settings = settings
        self._timeout_s = timeout_s

    def steps(self, notice: Notice) -> Sequence[Step]:
        mark = f"[{notice.severity.value}] " if notice.is_alarm else ""
        steps = [
            partial(self._call, "sendMessage", "application/json", self._message(text))
            for text in parts(f"{mark}{notice.title}\n{notice.text}")
        ]
        if notice.chart:
            kind = f"multipart/form-data; boundary={BOUNDARY}"
            steps.append(partial(self._call, "sendPhoto", kind, self._photo(notice)))
        return steps

    def _message(self, text: str) -> bytes:
        return msgspec.json.encode(
            {"chat_id": self._settings.chat, "text": text, "disable_web_page_preview": True}
        )

    def _photo(self, notice: Notice) -> bytes:
        fields = {"chat_id": self._settings.chat, "caption": notice.title[:CAPTION_CHARS_MAX]}
        lines = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        lines.append(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; '
            'filename="chart.png"\r\nContent-Type: image/png\r\n\r\n'
        )
        return "".join(lines).encode() + notice.chart + f"\r\n--{BOUNDARY}--\r\n".encode()

    def _call(self, method: str, kind: str, body: bytes) -> None:
        token = credential(self._settings.token_env, self._settings.token_file)
        line = connection(self._settings.base_url, self._timeout_s)
        path = urlsplit(self._settings.base_url).path.rstrip("/")
        try:
            line.request("POST", f"{path}/bot{token}/{method}", body, {"Content-Type": kind})
            response = line.getresponse()
            status, content = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise TryAgain(f"{method}: {type(error).__name__}") from None
        finally:
            line.close()
        answer = read_answer(content)
        if status == OK and answer.ok:
            return
        said = f"{method}: {status} {answer.description}".rstrip()
        if status == THROTTLED:
            raise TryAgain(said, answer.parameters.retry_after)
        raise TryAgain(said) if status >= BROKEN else Impossible(said)


def read_answer(content: bytes) -> Answer:
    try:
        return msgspec.json.decode(content, type=Answer)
    except msgspec.DecodeError:
        return Answer()


def connection(base_url: str, timeout_s: float) -> http.client.HTTPConnection:
    where = urlsplit(base_url)
    host = where.hostname or ""
    if where.scheme == "https":
        return http.client.HTTPSConnection(host, where.port, timeout=timeout_s)
    if where.scheme == "http" and host in LOOPBACK:
        return http.client.HTTPConnection(host, where.port, timeout=timeout_s)
    raise Impossible(f"{base_url} would carry the token in the clear")


def parts(text: str) -> list[str]:
    """Split at ends of lines where one can, so that no part is longer than a message."""
    found, rest = [], text.strip()
    while len(rest) > TEXT_CHARS_MAX:
        end = rest.rfind("\n", 1, TEXT_CHARS_MAX)
        end = end if end > 0 else TEXT_CHARS_MAX
        found.append(rest[:end])
        rest = rest[end:].lstrip("\n")
    return [*found, rest] if rest else found
