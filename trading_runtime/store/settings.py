"""Where what is archived goes: read by the runtime's commands and by the platform."""

import msgspec


class ArchiveSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The object storage of logs, ticks, journals, the lake and backups.

    The audit record's cold copy has a place of its own (``audit.archive``), so that its keys can be
    another's.
    """

    location: str = ""
    """``s3://bucket/prefix``, or a folder; empty: the folder ``archive`` below the data folder."""
    endpoint: str = ""
    """Of an S3 that is not Amazon's, as ``http://host:port``; whose keys is boto3's own affair."""
    cold_class: str = ""
    """The storage class that lifecycle rules move to after the hot days, one that answers at once
    (``GLACIER_IR``, ``STANDARD_IA``); empty: nothing is moved."""
