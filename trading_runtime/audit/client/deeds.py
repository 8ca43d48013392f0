"""What is done to recorded files (deleted, restored, filled in anew), told to the audit record.

Rules:
 * A deed is told before it is done, and is on this machine's disk then: in the producer's log, or,
   where that is in another's hands for longer than ``WAIT_S``, in a file of its own below
   ``platform/deeds``. The next who gets the producer's log brings those there first.
 * Where no audit record is kept it says so, and the deed goes on.
"""

from contextlib import suppress
from pathlib import Path

import msgspec

from trading_runtime.audit import keys
from trading_runtime.audit.client.client import Act, AuditClient
from trading_runtime.audit.client.opening import open_client
from trading_runtime.audit.client.segments import NotDurable
from trading_runtime.audit.settings import AuditSettings
from trading_runtime.clock import pause, wall_ns
from trading_runtime.errors import Halt, Refused
from trading_runtime.evidence import canonical
from trading_runtime.evidence import layout as places
from trading_runtime.evidence.canonical import JsonObject
from trading_runtime.records import layout
from trading_runtime.store import durable

WAIT_S = 3.0
"""For another process that has the producer's log: a run of the platform, a command."""
LOOK_S = 0.1
PRODUCER = "platform"
NOT_KEPT = "no audit record is kept below the data folder"


class Aside(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An act as it was put aside."""

    event_type: str
    operation: str
    entity_id: str
    user_id: str | None
    trace_id: str | None
    client_ip: str | None
    before_state: msgspec.Raw
    after_state: msgspec.Raw
    request_data: msgspec.Raw

    def act(self) -> Act:
        return Act(
            event_type=self.event_type,
            operation=self.operation,
            entity_id=self.entity_id,
            user_id=self.user_id,
            trace_id=self.trace_id,
            client_ip=self.client_ip,
            before_state=state(self.before_state),
            after_state=state(self.after_state),
            request_data=state(self.request_data),
        )


def state(raw: msgspec.Raw) -> JsonObject | None:
    return None if bytes(raw) == b"null" else canonical.decode(bytes(raw))


class Deeds:
    """Tells of deeds under the name of one producer; opens its log for each of them."""

    def __init__(self, data: Path, settings: AuditSettings, producer: str = PRODUCER) -> None:
        self._data = data
        self._settings = settings
        self._producer = producer
        self._folder = data / "platform" / "deeds"

    def tell(self, act: Act) -> str:
        """Record ``act``, durable on return; give why it is not in the record yet, or empty.

        Raises :exc:`Misread` where the format of an entry does not allow it, OSError where the disk
        takes nothing: then the deed is not to be done.
        """
        if not places.trust_path(Path(layout.audit(self._data))).exists():
            return NOT_KEPT
        try:
            client = self._opened()
        except Refused as refused:
            self._put_aside(act)
            return f"put aside: {refused}"
        try:
            self._bring(client)
            client.critical(act)
        except (NotDurable, Halt) as fault:
            self._put_aside(act)
            return f"put aside: {fault}"
        finally:
            with suppress(NotDurable):
                client.close()
        return ""

    def waiting(self) -> list[Path]:
        """Give the deeds that are not in the record yet, the oldest first."""
        return sorted(self._folder.glob("[0-9]*.json"))

    def _opened(self) -> AuditClient:
        audit = Path(layout.audit(self._data))
        has_key = keys.key_path(audit, keys.producer_name(self._producer)).exists()
        for _ in range(int(WAIT_S / LOOK_S) if has_key else 0):
            with suppress(Refused):
                return open_client(self._data, self._settings, self._producer)
            pause(LOOK_S)
        return open_client(self._data, self._settings, self._producer)

    def _put_aside(self, act: Act) -> None:
        durable.write(self._folder / f"{wall_ns():020d}.json", msgspec.json.encode(act))

    def _bring(self, client: AuditClient) -> None:
        """Record what was put aside; after a crash one of them may come twice."""
        for path in self.waiting():
            client.critical(msgspec.json.decode(path.read_bytes(), type=Aside).act())
            path.unlink()
