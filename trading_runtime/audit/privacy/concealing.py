"""A deed without what names a person: concealed where it is made, before it is signed."""

from collections.abc import Mapping

import msgspec

from trading_runtime.audit.privacy.subjects import SubjectKeys
from trading_runtime.evidence.submission import Deed

USER = "user:"
PERSONAL = ("user", "clientIp")
"""Members of ``requestData`` that name a person, as the events spell them."""


def conceal(deed: Deed, keys: SubjectKeys) -> Deed:
    """Conceal user, address and a user's entity id; the subject is the user, else the address."""
    subject = deed.user_id or deed.client_ip
    if subject is None:
        return deed
    entity = deed.entity_id
    if entity.startswith(USER):
        entity = USER + keys.key_id(entity.removeprefix(USER))
    user, address = (
        None if text is None else keys.conceal(subject, text)
        for text in (deed.user_id, deed.client_ip)
    )
    return msgspec.structs.replace(
        deed,
        user_id=user,
        client_ip=address,
        entity_id=entity,
        request_data=_concealed(deed.request_data, subject, keys),
    )


def _concealed(
    data: Mapping[str, object] | None, subject: str, keys: SubjectKeys
) -> Mapping[str, object] | None:
    if data is None:
        return None
    return {
        name: keys.conceal(subject, value) if name in PERSONAL and isinstance(value, str) else value
        for name, value in data.items()
    }
