"""Letters to an SMTP server: STARTTLS or TLS, with a login; a password never goes in the clear."""

import smtplib
import ssl
from collections.abc import Sequence
from functools import partial

from data_platform.notices.channel import Impossible, Step, TryAgain
from data_platform.notices.credentials import credential
from data_platform.notices.letter import compose
from data_platform.notices.notice import Notice
from data_platform.notices.settings import EmailSettings

PERMANENT = 500
"""Replies from here on say that trying again is of no use (RFC 5321, 4.2.1)."""


class Mail:
    name = "email"

    def __init__(self, settings: EmailSettings, timeout_s: float) -> None:
        self._settings = settings
        self._timeout_s = timeout_s

    def steps(self, notice: Notice) -> Sequence[Step]:
        return (partial(self._send, compose(notice, self._settings)),)

    def _send(self, letter: bytes) -> None:
        to = self._settings.recipients
        try:
            with self._connected() as server:
                refused = server.sendmail(self._settings.sender, to, letter)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise told("every recipient is refused", max(codes)) from None
        except smtplib.SMTPResponseException as error:
            said = error.smtp_error
            text = said if isinstance(said, str) else said.decode(errors="replace")
            raise told(f"{error.smtp_code} {text}", error.smtp_code) from None
        except smtplib.SMTPNotSupportedError as error:
            raise Impossible(str(error)) from None
        except ssl.SSLCertVerificationError as error:
            raise Impossible(f"the server's certificate: {error.verify_message}") from None
        except (OSError, smtplib.SMTPException) as error:
            raise TryAgain(f"{type(error).__name__}: {error}") from None
        if refused:
            # The others have it: another attempt would bring it to them twice.
            raise Impossible(f"refused for {', '.join(sorted(refused))}")

    def _connected(self) -> smtplib.SMTP:
        it = self._settings
        if it.user and it.security == "none":
            raise Impossible("a password is not sent over a line without TLS")
        # Else the library asks name servers for this machine's name, which may take long.
        domain, wait_s = it.sender.rpartition("@")[2], self._timeout_s
        if it.security == "none":
            return smtplib.SMTP(it.server, it.port, domain, wait_s)
        trust = ssl.create_default_context(cafile=it.ca_file or None)
        if it.security == "tls":
            tls = smtplib.SMTP_SSL(it.server, it.port, domain, timeout=wait_s, context=trust)
            return self._logged_in(tls)
        server = smtplib.SMTP(it.server, it.port, domain, wait_s)
        try:
            server.starttls(context=trust)
        except BaseException:
            server.close()
            raise
        return self._logged_in(server)

    def _logged_in(self, server: smtplib.SMTP) -> smtplib.SMTP:
        it = self._settings
        try:
            if it.user:
                server.login(it.user, credential(it.password_env, it.password_file))
        except BaseException:
            server.close()
            raise
        return server


def told(said: str, code: int) -> TryAgain | Impossible:
    return Impossible(said) if code >= PERMANENT else TryAgain(said)
