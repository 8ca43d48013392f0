"""Which receipts a producer believes: by the trust and the policy that it was given."""

from pathlib import Path
from typing import Protocol

from trading_runtime.errors import Misread
from trading_runtime.evidence import policy, receipt, trust


class Believing(Protocol):
    """Judges a receipt for a submission of ours."""

    def check(self, text: bytes, submission: bytes) -> None:
        """Return if the receipt proves that a quorum has seen ``submission`` in the log.

        Raises:
            Misread: it does not.
        """
        ...


class TrustFolder:
    """Believes what ``trust.json`` and ``policy`` of a folder say, as they stand there now.

    They are read each time, for keys rotate.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self, text: bytes, submission: bytes) -> None:
        try:
            policy_text = (self._folder / "policy").read_bytes()
            trusted = trust.read((self._folder / "trust.json").read_bytes())
        except OSError as fault:
            raise Misread("trust", f"nobody is trusted: {fault}") from fault
        trust.check_policy(trusted, policy_text)
        receipt.verify_submission(
            receipt.read(text), submission, trusted, policy.parse(policy_text)
        )


class Nobody:
    """Believes no receipt; so nothing is ever deleted."""

    def check(self, text: bytes, submission: bytes) -> None:  # noqa: ARG002 -- of the protocol
        raise Misread("trust", "nobody is trusted")
