"""Many entries at once, as a verification needs them; what is wrong with one is a finding."""

from collections.abc import Sequence

import msgspec

from trading_runtime.errors import Misread
from trading_runtime.evidence import entry
from trading_runtime.evidence.lines import CHUNK, Lines, Positive, State
from trading_runtime.evidence.verify.checks import Check
from trading_runtime.evidence.verify.findings import Finding


class RowProducer(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    boot: str
    id: str
    seq: Positive
    signature: str | None


class Row(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """An entry as its checks need it; the members in the order of their names."""

    after_state: dict[str, object] | None
    before_state: dict[str, object] | None
    client_ip: str | None
    entity_id: str
    event_id: str
    event_time: str
    event_type: str
    operation: str
    previous_hash: str
    producer: RowProducer
    request_data: dict[str, object] | None
    service_name: str
    trace_id: str | None
    user_id: str | None
    version: Positive


class _Strict(Row):
    after_state: State
    before_state: State
    request_data: State


_STRICT: Lines[Row] = Lines(_Strict, ("event_id", "previous_hash", "event_time"))
_LOOSE = msgspec.json.Decoder(Row)


def read_rows(raws: Sequence[bytes], first: int) -> tuple[list[Row | None], list[Finding]]:
    """Read entries that begin with index ``first``; None stands for what is not JSON of one."""
    rows: list[Row | None] = []
    findings: list[Finding] = []
    for begin in range(0, len(raws), CHUNK):
        chunk = raws[begin : begin + CHUNK]
        fast = _STRICT.read(chunk)
        if fast is not None:
            rows += fast
            continue
        for place, raw in enumerate(chunk, first + begin):
            row, finding = _read_slowly(raw, place)
            rows.append(row)
            if finding is not None:
                findings.append(finding)
    return rows, findings


def _read_slowly(raw: bytes, index: int) -> tuple[Row | None, Finding | None]:
    finding = None
    try:
        entry.read(raw)
    except Misread as misread:
        check = Check.ENTITY_ID if misread.reason == "entity_id" else Check.ENTRY_FORM
        finding = Finding(check=check, said=str(misread), index=index)
    try:
        row = _LOOSE.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None, finding
    if finding is not None:
        finding = msgspec.structs.replace(finding, entity=row.entity_id, version=row.version)
    return row, finding
