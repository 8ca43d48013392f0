"""Notices against real servers: what arrives, what is tried again, and what is written down."""

from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import msgspec
import pytest

from data_platform.notices import old
from data_platform.notices.delivery import Outcome, Post, deliver
from data_platform.notices.notice import Notice, Severity
from data_platform.notices.settings import EmailSettings, NoticeSettings, TelegramSettings
from tests.data_platform.notices.post_office import (
    PASSWORD,
    TOKEN,
    USER,
    BotServer,
    Letterbox,
    certificate,
    free_port,
    smtp,
    telegram,
)
from trading_runtime.records.units import Nanos

SECOND = 10**9
NOW = Nanos(1_763_600_000 * SECOND)
PNG = b"\x89PNG picture"
ALARM = Notice(key="disk", severity=Severity.CRITICAL, title="Disk", text="full", at=NOW)
REPORT = Notice(
    key="daily-report-2025-11-19",
    severity=Severity.INFO,
    title="Report",
    text="=== Report ===\nall · well\n",
    at=NOW,
    page='<img src="cid:chart@tapedeck">',
    chart=PNG,
)


class Waits(list[float]):
    """Notes the pauses and takes none."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def box() -> Letterbox:
    return Letterbox()


@pytest.fixture
def bot() -> Iterator[BotServer]:
    with telegram() as server:
        yield server


def secret(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / f"secret-{mode:o}"
    path.write_text(f"{text}\n")
    path.chmod(mode)
    return str(path)


def mail(port: int, pem: Path | None, password_file: str = "") -> EmailSettings:
    if pem is None:
        return EmailSettings(server="127.0.0.1", port=port, security="none")
    return EmailSettings(
        server="localhost",
        port=port,
        ca_file=str(pem),
        user=USER,
        password_file=password_file,
        recipients=("anna@localhost", "ben@localhost"),
    )


def chat(bot: BotServer, folder: Path) -> TelegramSettings:
    return TelegramSettings(chat="-42", base_url=bot.url, token_file=secret(folder, TOKEN))


def send(data: Path, notice: Notice, settings: NoticeSettings, now: int = NOW) -> Outcome:
    return deliver(notice, Post(data, settings, Waits()), Nanos(now))


def parts(letter: bytes) -> dict[str, EmailMessage]:
    whole = message_from_bytes(letter, policy=default)
    return {it.get_content_type(): it for it in whole.walk() if isinstance(it, EmailMessage)}


def test_without_a_server_a_letter_lies_in_the_outbox(tmp_path: Path) -> None:
    outcome = send(tmp_path, REPORT, NoticeSettings())
    assert (outcome.state, outcome.channels[0].channel) == ("told", "outbox")
    found = parts((tmp_path / "outbox" / f"{REPORT.key}.eml").read_bytes())
    assert found["text/plain"].get_content().replace("\r\n", "\n") == REPORT.text
    assert "cid:chart@tapedeck" in found["text/html"].get_content()
    assert found["image/png"].get_content() == PNG
    assert found["multipart/alternative"]["Date"] == "Thu, 20 Nov 2025 00:53:20 +0000"


def test_a_letter_goes_by_starttls_with_a_login(tmp_path: Path, box: Letterbox, pem: Path) -> None:
    with smtp(box, pem) as port:
        settings = NoticeSettings(email=mail(port, pem, secret(tmp_path, PASSWORD)))
        assert send(tmp_path, REPORT, settings).state == "told"
        assert send(tmp_path, ALARM, settings).state == "told"
    letter = message_from_bytes(box.letters[0], policy=default)
    assert (letter["To"], letter["Subject"]) == ("anna@localhost, ben@localhost", "Report")
    assert message_from_bytes(box.letters[1], policy=default)["Subject"] == "[Critical] Disk"
    assert not (tmp_path / "outbox").exists()


def test_a_busy_server_is_tried_again_with_growing_pauses(tmp_path: Path, box: Letterbox) -> None:
    waits = Waits()
    box.replies.extend(["451 busy", "452 busy still"])
    with smtp(box, None) as port:
        settings = NoticeSettings(email=mail(port, None))
        outcome = deliver(ALARM, Post(tmp_path, settings, waits), NOW)
    assert (outcome.channels[0].attempts, outcome.state) == (3, "told")
    assert waits == [1.0, 2.0]
    assert len(box.letters) == 1


@pytest.mark.parametrize(
    ("password", "mode", "said"),
    [("wrong", 0o600, "535"), (PASSWORD, 0o640, "can be read by others")],
)
def test_what_no_attempt_can_mend_is_tried_once_and_lies_in_the_outbox(
    tmp_path: Path, box: Letterbox, pem: Path, password: str, mode: int, said: str
) -> None:
    with smtp(box, pem) as port:
        file = secret(tmp_path, password, mode)
        outcome = send(tmp_path, ALARM, NoticeSettings(email=mail(port, pem, file)))
    failed, filed = outcome.channels
    assert (failed.channel, failed.delivered, failed.attempts) == ("email", False, 1)
    assert said in failed.said
    assert (filed.channel, filed.delivered, outcome.state) == ("outbox", True, "undelivered")
    assert (tmp_path / "outbox" / "disk.eml").exists()


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, box: Letterbox, pem: Path
) -> None:
    with smtp(box, pem) as port:
        email = msgspec.structs.replace(mail(port, pem), ca_file="")
        outcome = send(tmp_path, ALARM, NoticeSettings(email=email))
    assert "certificate" in outcome.channels[0].said
    assert box.tries == 0


def test_a_password_is_not_sent_in_the_clear(tmp_path: Path, box: Letterbox) -> None:
    with smtp(box, None) as port:
        email = msgspec.structs.replace(mail(port, None), user=USER)
        outcome = send(tmp_path, ALARM, NoticeSettings(email=email))
    assert "without TLS" in outcome.channels[0].said


def test_a_server_that_is_not_there_fails_no_report(tmp_path: Path) -> None:
    settings = NoticeSettings(email=mail(free_port(), None), attempts_max=2)
    outcome = send(tmp_path, REPORT, settings)
    assert (outcome.channels[0].attempts, outcome.state) == (2, "undelivered")
    stored = next((tmp_path / "notices").glob("*/*.json"))
    assert msgspec.json.decode(stored.read_bytes(), type=Outcome) == outcome
    assert send(tmp_path, REPORT, NoticeSettings()).state == "told"


def test_a_chat_gets_text_and_picture(tmp_path: Path, bot: BotServer) -> None:
    outcome = send(tmp_path, REPORT, NoticeSettings(telegram=chat(bot, tmp_path)))
    assert outcome.state == "told"
    message, photo = bot.calls
    assert message[0] == f"/bot{TOKEN}/sendMessage"
    assert msgspec.json.decode(message[2])["text"].startswith("Report\n=== Report")
    assert photo[0] == f"/bot{TOKEN}/sendPhoto"
    assert PNG in photo[2]


def test_a_long_report_goes_in_parts_and_a_part_that_arrived_is_not_sent_again(
    tmp_path: Path, bot: BotServer
) -> None:
    text = "".join(f"line {number} {'x' * 60}\n" for number in range(150))
    bot.answers.extend([(200, {"ok": True}), (500, {}), (200, {"ok": True})])
    notice = msgspec.structs.replace(ALARM, text=text)
    assert send(tmp_path, notice, NoticeSettings(telegram=chat(bot, tmp_path))).state == "told"
    sent = [msgspec.json.decode(body)["text"] for _, _, body in bot.calls]
    assert all(len(it) <= 4096 for it in sent)
    assert sent[1] == sent[2]
    told = "\n".join([sent[0], *sent[2:]])
    assert told == f"[Critical] Disk\n{text}".strip()


def test_a_chat_that_asks_to_wait_is_waited_for(tmp_path: Path, bot: BotServer) -> None:
    waits = Waits()
    bot.answers.append((429, {"ok": False, "parameters": {"retry_after": 7}}))
    settings = NoticeSettings(telegram=chat(bot, tmp_path))
    outcome = deliver(ALARM, Post(tmp_path, settings, waits), NOW)
    assert (outcome.state, list(waits)) == ("told", [7.0])


def test_one_dead_channel_leaves_the_other_alone_and_no_token_is_written(
    tmp_path: Path, box: Letterbox, bot: BotServer
) -> None:
    bot.answers.append((403, {"ok": False, "description": "bot was blocked"}))
    with smtp(box, None) as port:
        settings = NoticeSettings(email=mail(port, None), telegram=chat(bot, tmp_path))
        outcome = send(tmp_path, ALARM, settings)
    assert (outcome.state, outcome.failed) == ("told", ("telegram",))
    assert "bot was blocked" in outcome.channels[1].said
    dead = chat(bot, tmp_path)
    elsewhere = msgspec.structs.replace(dead, base_url=f"http://127.0.0.1:{free_port()}")
    send(tmp_path, msgspec.structs.replace(ALARM, key="b"), NoticeSettings(telegram=elsewhere))
    stored = [it.read_text() for it in (tmp_path / "notices").glob("*/*.json")]
    assert len(stored) == 2
    assert not any("secret" in it for it in stored)


def test_a_token_goes_nowhere_in_the_clear(tmp_path: Path, bot: BotServer) -> None:
    outside = msgspec.structs.replace(chat(bot, tmp_path), base_url="http://example.org")
    outcome = send(tmp_path, ALARM, NoticeSettings(telegram=outside))
    assert "in the clear" in outcome.channels[1].said


def test_an_alarm_is_told_again_when_it_is_due_and_not_before(tmp_path: Path) -> None:
    settings = NoticeSettings(repeat_after_s=3600)
    assert send(tmp_path, ALARM, settings).state == "told"
    other = msgspec.structs.replace(ALARM, text="fuller")
    assert send(tmp_path, other, settings, NOW + 3599 * SECOND).state == "told before"
    assert send(tmp_path, other, settings, NOW + 3600 * SECOND).state == "told"
    another = msgspec.structs.replace(ALARM, key="disk two")
    assert send(tmp_path, another, settings, NOW + 3599 * SECOND).state == "told"


def test_a_report_is_told_again_only_when_it_says_something_else(tmp_path: Path) -> None:
    day = 86_400 * SECOND
    assert send(tmp_path, REPORT, NoticeSettings()).state == "told"
    assert send(tmp_path, REPORT, NoticeSettings(), NOW + 2 * day).state == "told before"
    other = msgspec.structs.replace(REPORT, text="late")
    assert send(tmp_path, other, NoticeSettings(), NOW + 2 * day).state == "told"


def test_an_old_report_is_filed_and_sent_to_nobody(tmp_path: Path, box: Letterbox) -> None:
    with smtp(box, None) as port:
        settings = NoticeSettings(email=mail(port, None))
        outcome = send(tmp_path, REPORT, settings, NOW + 30 * 86_400 * SECOND)
    assert [it.channel for it in outcome.channels] == ["outbox"]
    assert box.letters == []


def test_old_outcomes_of_alarms_go_and_those_of_reports_stay(tmp_path: Path) -> None:
    send(tmp_path, ALARM, NoticeSettings())
    send(tmp_path, REPORT, NoticeSettings())
    assert old.purge(tmp_path, 90, NOW) == 0
    assert old.purge(tmp_path, 90, Nanos(NOW + 92 * 86_400 * SECOND)) == 1
    assert [it.stem for it in (tmp_path / "notices").glob("*/*.json")] == [REPORT.key]
