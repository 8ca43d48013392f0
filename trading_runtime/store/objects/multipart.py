"""A large file in parts, each of which counts once it arrived: a killed upload is gone on with.

Rules:
 * The key follows from the bytes and the size of a part is fixed, so that part n is the same bytes
   whoever sends it: who finds an upload of the key under way joins it.
 * A part that arrived is known by its tag, the MD5 of its bytes, and not sent again.
 * The whole is hashed on its way; where it is not what it was said to be, nothing is completed.
"""

from hashlib import md5, sha256
from typing import Final

from trading_runtime.errors import Misread
from trading_runtime.records.units import Nanos
from trading_runtime.store.objects.bucket import Bucket
from trading_runtime.store.objects.objects import NotThere, Source, Unreachable

PART_BYTES: Final = 16 << 20
"""At most 10,000 parts an object: files up to 160 GB. Two of them are in memory at most."""


def send(bucket: Bucket, key: str, source: Source, locked_until: Nanos | None) -> None:
    """Upload ``source``; raises :exc:`Misread` where it is not what was hashed, else as ever.

    Nothing is wrong where another completes the same upload meanwhile.
    """
    under_way = bucket.uploads(key)
    upload = under_way[0] if under_way else bucket.begin_upload(key, locked_until, source.label)
    try:
        arrived = bucket.parts(key, upload)
        parts = send_parts(bucket, key, upload, source, arrived)
        bucket.end_upload(key, upload, parts)
    except (NotThere, Unreachable) as gone:
        # Ended under our hands, by who joined it or by a first try whose answer was lost: then
        # there is no upload any more, or it is said to be ending already.
        if not is_there(bucket, key):
            raise Unreachable(f"{key}: the upload was not completed: {gone}") from gone


def send_parts(
    bucket: Bucket, key: str, upload: str, source: Source, arrived: dict[int, str]
) -> dict[int, str]:
    whole = sha256()
    parts = {}
    for number, content in enumerate(source.pieces(PART_BYTES), start=1):
        whole.update(content)
        tag = md5(content, usedforsecurity=False).hexdigest()
        known = arrived.get(number, "")
        is_there_already = known.strip('"') == tag
        parts[number] = known if is_there_already else bucket.put_part(key, upload, number, content)
    if whole.hexdigest() != source.sha256:
        bucket.abort_upload(key, upload)
        raise Misread("changed", f"{source.path} is not what it was when it was hashed")
    return parts


def is_there(bucket: Bucket, key: str) -> bool:
    try:
        bucket.first(key)
    except NotThere:
        return False
    return True
