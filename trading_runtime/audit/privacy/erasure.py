"""Erasing a person from the record: the key goes, the entries stay as they are and verify.

Records of trading have to be kept (SEC 17a-4, MiFID II): a subject is erased only when the newest
entry of it is older than the retention asks. The entry that tells of the erasure is durable before
the key is destroyed; who is interrupted between the two erases once more.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from trading_runtime.audit.index.index import Index, Query
from trading_runtime.audit.privacy.subjects import SubjectKeys
from trading_runtime.errors import Refused
from trading_runtime.evidence.submission import Deed
from trading_runtime.records.units import NANOS_PER_SECOND, Nanos

DAY_NS = 24 * 3600 * NANOS_PER_SECOND

Durable = Callable[[Deed], None]
"""Returns when the entry is on disk."""


class Erasure(NamedTuple):
    """Who is to be erased, at whose order, and for how long entries have to be kept."""

    subject: str
    by: str
    reason: str
    retention_days: int


def erase(erasure: Erasure, keys: SubjectKeys, index: Index, tell: Durable, now: Nanos) -> str:
    """Erase a subject and give the id of its key.

    Raises:
        Refused: an entry of the subject is too young, or there is no key of it.
    """
    name = keys.key_id(erasure.subject)
    fingerprint = keys.fingerprint(name)
    concealed = keys.conceal(erasure.subject, erasure.subject)
    newest = index.search(Query(user=concealed, limit=1))
    if newest:
        made = datetime.fromisoformat(newest[0].event_time)
        age_days = (now / NANOS_PER_SECOND - made.timestamp()) * NANOS_PER_SECOND / DAY_NS
        if age_days < erasure.retention_days:
            raise Refused(
                f"the newest entry of this subject is {age_days:.0f} days old, and entries are to"
                f" be kept {erasure.retention_days}: erase it later, or shorten the retention first"
            )
    tell(
        Deed(
            event_id=str(uuid4()),
            event_time_ns=now,
            service_name="audit",
            event_type="SubjectErased",
            trace_id=None,
            user_id=keys.conceal(erasure.by, erasure.by),
            entity_id=f"user:{name}",
            client_ip=None,
            operation="erase",
            before_state={"key": "held"},
            after_state={"key": "destroyed"},
            request_data={
                "keySha256": fingerprint,
                "reason": erasure.reason,
                "retentionDays": erasure.retention_days,
            },
        )
    )
    keys.destroy(name)
    return name
