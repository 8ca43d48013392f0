"""Who is believed in a log that was begun: its trust and its policy, read and fitting together."""

from pathlib import Path

from trading_runtime.audit.sequencer.checkpoints import Believed
from trading_runtime.errors import Misread, Refused
from trading_runtime.evidence import layout, policy, trust


def believed(audit: Path) -> tuple[Believed, str]:
    """Read policy and trust of a log, and give them with its pin; or :exc:`Refused`."""
    try:
        content = layout.trust_path(audit).read_bytes()
        rules = layout.policy_path(audit).read_bytes()
        found = trust.read(content)
        trust.check_policy(found, rules)
        return Believed(found, policy.parse(rules)), trust.pin(content)
    except OSError as error:
        raise Refused(
            f"no log was begun in {audit} ({error}): run `tapedeck audit init`"
        ) from error
    except Misread as error:
        raise Refused(f"the trust below {audit / 'trust'} does not hold: {error}") from error
