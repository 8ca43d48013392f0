"""An entry as a row of the index; a row that follows from no entry was changed by somebody."""

from trading_runtime.audit.index.index import Row
from trading_runtime.evidence.entry import Submission

NUL = "\0"
NUL_SHOWN = "\N{SYMBOL FOR NULL}"
"""PostgreSQL's text holds no NUL. In ``canonical`` it is written ``\\u0000`` and needs none."""


def row_of(index: int, read: Submission, version: int, current_hash: str, canonical: bytes) -> Row:
    """Give the row of a sealed entry: ``read`` is any reading of it, ``canonical`` its bytes."""
    user_id = read.user_id
    return Row(
        index,
        read.event_id,
        read.entity_id,
        version,
        current_hash,
        read.event_time,
        shown(read.event_type),
        shown(read.service_name),
        user_id and shown(user_id),
        canonical.decode(),
    )


def shown(text: str) -> str:
    """Give a text as every database can hold it."""
    return text.replace(NUL, NUL_SHOWN) if NUL in text else text
