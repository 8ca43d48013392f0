"""Attacks 51 to 61: on digests and on the cold copy.

Where an archive has retention locks, who holds its keys cannot do most of it; these logs lie in
plain folders, and show what a verifier says if it was done all the same.
"""

import datetime as dt
import gzip
from collections.abc import Callable

from tests.audit.attacks.forging import bundle, canonical, leaf, sha256, tree_root
from tests.audit.attacks.scenes import Act, Attack, Scene


def gone(which: Callable[[int], list[int]], *, archive: bool) -> Act:
    """Delete digests, and their heads, in the log; with ``archive`` in both places."""

    def act(scene: Scene) -> None:
        places = [scene.folder / "log", *([scene.forgery.archive] if archive else [])]
        for number in which(len(scene.forgery.digests)):
            for place in places:
                (place / f"digests/{number:08d}.note").unlink()
                (place / f"heads/{number:08d}.heads").unlink()

    return act


def newest_gone_for_a_while(scene: Scene) -> None:
    """Everywhere, and somebody verifies when it is missed: a quarter of a period later."""
    gone(lambda count: [count], archive=True)(scene)
    end = dt.datetime.fromisoformat(str(scene.forgery.digests[-1]["periodEnd"]))
    scene.now = end + dt.timedelta(seconds=scene.period / 2)


def resigned_in_the_middle(scene: Scene) -> None:
    """With the digest key the second is written anew, in both places."""
    value = scene.forgery.digests[1]
    value["alarms"] += 1
    data = scene.forgery.digest_note(value)
    scene.forgery.put("digests/00000002.note", data, log=True, archive=True)


def resigned_onwards(scene: Scene) -> None:
    """With the digest key all from the second on, in the log; the archive is locked."""
    scene.forgery.digests[1]["alarms"] += 1
    scene.forgery.write_digests(archive=False, start=1)


def cut_off(scene: Scene) -> None:
    """The second digest names none before it, and the first is gone."""
    gone(lambda _: [1], archive=True)(scene)
    forgery = scene.forgery
    previous = None
    for value in forgery.digests[1:]:
        value["previousSha256"] = previous
        data = forgery.digest_note(value)
        forgery.put(f"digests/{value['digestNo']:08d}.note", data, log=True, archive=True)
        previous = sha256(data).hex()


def renumbered(scene: Scene) -> None:
    """The second digest under the number of the third."""
    data = (scene.folder / "log/digests/00000002.note").read_bytes()
    scene.forgery.put("digests/00000003.note", data, log=True, archive=True)


def other_heads(scene: Scene) -> None:
    """An entity's line vanishes from the heads, the digests signed anew in both places."""
    forgery = scene.forgery
    value = next(it for it in forgery.digests if it["heads"]["count"] > 3)
    ends = value["treeSizeFrom"], value["treeSizeTo"]
    lines = forgery.heads(*ends).split(b"\n")[:-1]
    del lines[len(lines) // 2]
    data = b"".join(line + b"\n" for line in lines)
    root = tree_root([leaf(line) for line in lines]).hex()
    value["heads"] |= {"sha256": sha256(data).hex(), "root": root, "count": len(lines)}
    forgery.write_digests()
    forgery.put(f"heads/{value['digestNo']:08d}.heads", data, log=True, archive=True)


def objects(scene: Scene) -> list[dict[str, object]]:
    return [each for digest in scene.forgery.digests for each in digest["segments"]]


def bundles(scene: Scene) -> list[dict[str, object]]:
    return [each for each in objects(scene) if each["key"].endswith(".gz")]


def nameless(scene: Scene) -> None:
    scene.forgery.put("../archive/blocks/000000.p/3/entries.txt", bundle(scene.forgery.entries[:3]))


def nameless_of_other_entries(scene: Scene) -> None:
    """A partial block of a name in order, with one entry changed."""
    entries = list(scene.forgery.entries[:7])
    entries[3] = canonical(scene.forgery.value(3) | {"userId": "mallory"})
    scene.forgery.put("../archive/blocks/000000.p/7/entries.bundles.gz", bundle(entries))


def behind(scene: Scene, *, end: str = ".gz", more: bytes) -> None:
    key = next(each["key"] for each in objects(scene) if str(each["key"]).endswith(end))
    path = scene.forgery.archive / str(key)
    path.write_bytes(path.read_bytes() + more)


def sworn(scene: Scene) -> None:
    """A second member behind the bundle, and the digest says that it belongs there."""
    behind(scene, more=gzip.compress(b"more"))
    segment = bundles(scene)[0]
    data = (scene.forgery.archive / str(segment["key"])).read_bytes()
    segment |= {"bytes": len(data), "sha256": sha256(data).hex()}
    scene.forgery.write_digests()


def swapped_objects(scene: Scene) -> None:
    first, other = (each["key"] for each in bundles(scene)[:2])
    archive = scene.forgery.archive
    contents = (archive / str(first)).read_bytes(), (archive / str(other)).read_bytes()
    (archive / str(first)).write_bytes(contents[1])
    (archive / str(other)).write_bytes(contents[0])


def other_entry_in_the_copy(scene: Scene) -> None:
    """An entry of the copy is changed, and the digest that names the object is signed anew."""
    segment = bundles(scene)[0]
    entries = list(scene.forgery.entries[: segment["count"]])
    entries[5] = canonical(scene.forgery.value(5) | {"userId": "mallory"})
    data = bundle(entries)
    scene.forgery.put(f"../archive/{segment['key']}", data)
    segment |= {"bytes": len(data), "sha256": sha256(data).hex()}
    scene.forgery.write_digests()


def lost_object(scene: Scene) -> None:
    segment = bundles(scene)[0]
    (scene.forgery.archive / str(segment["key"])).unlink()
    scene.victim = int(segment["firstIndex"])


def number_twice(scene: Scene) -> None:
    """A digest's number once more, under a name of nine digits."""
    data = (scene.folder / "log/digests/00000001.note").read_bytes()
    scene.forgery.put("digests/000000001.note", data, log=True, archive=True)


ATTACKS = [
    Attack(51, "delete a digest in the log", gone(lambda _: [2], archive=False), 2, "digest-number", "none"),
    Attack(51, "delete a digest everywhere", gone(lambda _: [2], archive=True), 2, "digest-number", "none"),
    Attack(52, "delete two in a row", gone(lambda _: [1, 2], archive=True), 2, "digest-number", "none"),
    Attack(53, "delete the newest in the log", gone(lambda count: [count], archive=False), 2, "digest-number", "none"),
    Attack(53, "delete the newest everywhere", newest_gone_for_a_while, 3, "digest-due", "none"),
    Attack(54, "delete all in the log", gone(lambda count: list(range(1, count + 1)), archive=False), 2, "digest-number", "none"),
    Attack(54, "delete all everywhere", gone(lambda count: list(range(1, count + 1)), archive=True), 3, "digest-due", "none"),
    Attack(55, "sign one in the middle anew", resigned_in_the_middle, 1, "digest-chain", "none"),
    Attack(55, "sign all from the middle on anew", resigned_onwards, 1, "digest-number", "none"),
    Attack(55, "leave an entity out of the heads, all signed anew", other_heads, 1, "heads", "none"),
    Attack(56, "cut the chain with a null", cut_off, 1, "digest-chain", "none"),
    Attack(56, "put a digest under another number", renumbered, 1, "digest-number", "none"),
    Attack(57, "an object of no block that no digest names", nameless, 1, "unnamed", "none"),
    Attack(57, "an object of a block with another entry", nameless_of_other_entries, 1, "unnamed", "none"),
    Attack(57, "a digest number in other digits", number_twice, 1, "digest-number", "none", ours="unnamed"),
    Attack(58, "a second gzip member", lambda scene: behind(scene, more=gzip.compress(b"more")), 1, "archive", "none"),
    Attack(58, "a second gzip member, the digests signed anew", sworn, 1, "archive", "none"),
    Attack(59, "swap two objects", swapped_objects, 1, "archive", "none", ours_first=0),
    Attack(60, "another entry in the copy, the digests signed anew", other_entry_in_the_copy, 1, "archive", "none"),
    Attack(60, "delete an object", lost_object, 2, "archive", ours_first=-1),
]  # fmt: skip
