"""Lifecycle rules of a bucket: ours are put in the place of ours, and read back."""

from collections.abc import Sequence

from trading_runtime.errors import Refused
from trading_runtime.store.objects.bucket import LABEL, Bucket, LifecycleRule
from trading_runtime.store.objects.objects import Rule


def set_rules(bucket: Bucket, rules: Sequence[Rule]) -> tuple[str, ...]:
    """Set the rules of this prefix; give a sentence for each that the store does not keep."""
    mine = f"tapedeck:{bucket.place.prefix}:"
    wanted = [as_s3(bucket.place.prefix, f"{mine}{it.name}", it) for it in rules]
    try:
        others = [it for it in bucket.rules() if not str(it.get("ID")).startswith(mine)]
        bucket.put_rules([*others, *wanted])
        held = {str(it.get("ID")) for it in bucket.rules()}
    except Refused as refused:
        return tuple(f"{it.name}: the store takes no lifecycle rules: {refused}" for it in rules)
    lost = [it.name for it in rules if f"{mine}{it.name}" not in held]
    return tuple(f"{name}: the store did not keep the rule" for name in lost)


def as_s3(prefix: str, name: str, rule: Rule) -> LifecycleRule:
    """Write a rule as S3 has it."""
    below: dict[str, object] = {"Prefix": prefix + rule.prefix}
    if rule.label:
        below = {"And": {**below, "Tags": [{"Key": LABEL, "Value": rule.label}]}}
    made: LifecycleRule = {"ID": name, "Status": "Enabled", "Filter": below}
    if rule.cold_days:
        made["Transitions"] = [{"Days": rule.cold_days, "StorageClass": rule.cold_class}]
    if rule.expire_days:
        made["Expiration"] = {"Days": rule.expire_days}
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule.expire_days}
    if rule.abort_days:
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": rule.abort_days}
    return made
