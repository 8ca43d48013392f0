"""Attacks 1 to 23: on entries, by who may write the files, up to who holds the log's own keys."""

import base64
import shutil
from collections.abc import Callable

from tests.audit.attacks.forging import START, Value, canonical, frame, frames_head, sha256
from tests.audit.attacks.scenes import Act, Attack, Scene

# Who attacks. A storage admin holds no key. The log's host holds the log's keys, and a witness
# cosigns what it appends, since that is consistent; nobody but a witness can go back.


def entity_of(scene: Scene) -> list[int]:
    """The entries of an entity in the middle of the witnessed part that has at least four."""
    counts: dict[str, list[int]] = {}
    size = next(it["treeSizeTo"] for it in scene.forgery.digests if it["treeSizeTo"] > 50)
    for index in range(size):
        value = scene.forgery.value(index)
        if value["producer"]["id"] != "log":
            counts.setdefault(value["entityId"], []).append(index)
    fitting = [those for those in counts.values() if len(those) >= 4]
    return fitting[len(fitting) // 2]


def batch_end(scene: Scene, index: int) -> int:
    """The entry whose signature covers an entry."""
    maker = scene.forgery.value(index)["producer"]
    for later in range(index, len(scene.forgery.entries)):
        other = scene.forgery.value(later)["producer"]
        if (other["id"], other["boot"]) == (maker["id"], maker["boot"]) and other["signature"]:
            return later
    raise AssertionError(f"nothing covers entry {index}")


def flip(scene: Scene, *, mend: bool) -> None:
    """Change one character of an entry in the frames; with ``mend`` its checksum too."""
    forgery, index = scene.forgery, entity_of(scene)[1]
    scene.victim = index
    changed = forgery.entries[index].replace(b'"OrderAccepted"', b'"OrderAcceqted"')
    assert changed != forgery.entries[index]
    if mend:
        forgery.entries[index] = changed
        forgery.write_frames()
        return
    frames = b"".join(frame(at, each) for at, each in enumerate(forgery.entries))
    frames = frames.replace(forgery.entries[index], changed)
    forgery.put("log/frames/000000.frames", frames_head(0, forgery.origin) + frames)


def changed(change: Callable[[Value], Value]) -> Act:
    """Change an entry, chain what follows anew, make frames and tiles over."""

    def act(scene: Scene) -> None:
        index = entity_of(scene)[1]
        scene.forgery.edit(index, **change(scene.forgery.value(index)))
        scene.forgery.rechain()
        scene.victim = batch_end(scene, index)
        scene.made_over()

    return act


def hole(scene: Scene) -> None:
    """Take one frame out, and leave the others as they are."""
    forgery, index = scene.forgery, entity_of(scene)[1]
    frames = b"".join(frame(at, each) for at, each in enumerate(forgery.entries) if at != index)
    forgery.put("log/frames/000000.frames", frames_head(0, forgery.origin) + frames)
    scene.victim = index


def removed(which: Callable[[list[int]], list[int]]) -> Act:
    """Take entries of an entity out, number and chain the others anew."""

    def act(scene: Scene) -> None:
        gone = set(which(entity_of(scene)))
        forgery = scene.forgery
        forgery.entries = [each for at, each in enumerate(forgery.entries) if at not in gone]
        forgery.rechain()
        scene.made_over()

    return act


def entity_and_heads(scene: Scene) -> None:
    removed(list)(scene)
    for digest in scene.forgery.digests:
        name = f"log/heads/{digest['digestNo']:08d}.heads"
        data = scene.forgery.heads(digest["treeSizeFrom"], digest["treeSizeTo"])
        scene.forgery.put(name, data)


def rolled_back(scene: Scene) -> None:
    """Everything below ``log`` as it was at the first checkpoint that a digest holds."""
    forgery = scene.forgery
    old = next(each["checkpoint"] for each in forgery.digests if each["checkpoint"]).encode()
    size = int(old.split(b"\n")[1])
    for digest in forgery.digests:
        if digest["treeSizeTo"] > size:
            for kind, end in (("digests", "note"), ("heads", "heads")):
                path = scene.folder / f"log/{kind}/{digest['digestNo']:08d}.{end}"
                path.unlink()
    forgery.entries = forgery.entries[:size]
    scene.made_over()
    forgery.put("log/checkpoint", old)


def rolled_back_before_a_witness(scene: Scene) -> None:
    scene.witnessed()
    rolled_back(scene)
    scene.archive = False
    scene.victim = len(scene.forgery.entries)


def rolled_back_before_nobody(scene: Scene) -> None:
    rolled_back(scene)
    scene.archive = False


def wiped(scene: Scene) -> None:
    scene.witnessed()
    scene.trust = scene.folder.parent / "aside/trust"
    shutil.move(scene.folder / "trust", scene.trust)
    shutil.rmtree(scene.folder)
    scene.folder.mkdir()
    (scene.folder / "log").mkdir()
    scene.archive = False
    scene.victim = 0


def swapped_inside(scene: Scene) -> None:
    entries, those = scene.forgery.entries, entity_of(scene)
    entries[those[1]], entries[those[2]] = entries[those[2]], entries[those[1]]
    scene.victim = those[1]
    scene.made_over()


def swapped_across(scene: Scene) -> None:
    """The last entry of one order and the first of another: no chain of an entity notices."""
    entries, those = scene.forgery.entries, entity_of(scene)
    other = next(
        at for at in range(those[-1] + 1, len(entries)) if scene.forgery.value(at)["version"] == 1
    )
    entries[those[-1]], entries[other] = entries[other], entries[those[-1]]
    scene.made_over()


def inserted(scene: Scene) -> None:
    """A new entry in the middle, its entity chained anew."""
    forgery, those = scene.forgery, entity_of(scene)
    forged = forgery.value(those[1]) | {"eventId": "00000000-0000-8000-8000-000000000000"}
    forgery.entries.insert(those[1] + 1, canonical(forged))
    forgery.rechain()
    scene.victim = those[1] + 1
    scene.made_over()


def appended(scene: Scene, entry: Value, *, chain: bool = True) -> None:
    """The log's host appends an entry, signs, and the witnesses cosign."""
    forgery = scene.forgery
    scene.victim = len(forgery.entries)
    forgery.entries.append(canonical(entry))
    if chain:
        forgery.rechain()
    scene.made_over(sign=[forgery.log, *forgery.witnesses])


def last_of(scene: Scene, producer: str) -> Value:
    """The newest entry of a producer, with a next sequence number and no signature."""
    index = max(
        at
        for at in range(len(scene.forgery.entries))
        if scene.forgery.value(at)["producer"]["id"] == producer
    )
    value = scene.forgery.value(index)
    number = f"00000000-0000-8000-8000-{index:012d}"
    maker = value["producer"] | {"seq": value["producer"]["seq"] + 1, "signature": None}
    return value | {"eventId": number, "producer": maker}


def forged_append(scene: Scene) -> None:
    appended(scene, last_of(scene, "runtime"))


def forged_signature(scene: Scene) -> None:
    forged = last_of(scene, "runtime")
    forged["producer"]["signature"] = base64.b64encode(bytes(64)).decode()
    appended(scene, forged)


def replayed(scene: Scene) -> None:
    """An order's entry once more under a new id, with the number that it had."""
    value = scene.forgery.value(entity_of(scene)[1])
    appended(scene, value | {"eventId": "00000000-0000-8000-8000-000000000001"})


def replayed_with_its_id(scene: Scene) -> None:
    forged = last_of(scene, "runtime")
    appended(scene, forged | {"eventId": scene.forgery.value(5)["eventId"]})


def spliced(scene: Scene) -> None:
    """The first entry of one entity becomes that of another, its hash included."""
    those = entity_of(scene)
    scene.forgery.edit(those[0], entityId="order:spliced")
    scene.victim = those[0]
    scene.made_over()


def signed_by_stolen_keys(scene: Scene, **changes: object) -> None:
    """A next entry under all keys of log and producer; its chain is what ``changes`` say."""
    forgery = scene.forgery
    forged = last_of(scene, "runtime")
    entity = forged["entityId"]
    head = forgery.of(entity)[-1]
    forged["version"] = forgery.value(head)["version"] + 1
    forged["previousHash"] = sha256(forgery.entries[head]).hex()
    appended(scene, forged | changes, chain=False)
    forgery.sign_last("runtime")
    scene.made_over(sign=[forgery.log, *forgery.witnesses])


def forked_version(scene: Scene) -> None:
    entity = last_of(scene, "runtime")["entityId"]
    before = scene.forgery.value(scene.forgery.of(entity)[-1])
    signed_by_stolen_keys(scene, version=before["version"], previousHash=before["previousHash"])


def other_genesis(scene: Scene) -> None:
    first = entity_of(scene)[0]
    name = scene.forgery.value(first)["entityId"]
    genesis = sha256(f"tapedeck-genesis/v1\nother.example/log\n{name}".encode()).hex()
    scene.forgery.edit(first, previousHash=genesis)
    scene.victim = first
    scene.made_over()


def skipped_version(scene: Scene) -> None:
    entity = last_of(scene, "runtime")["entityId"]
    before = scene.forgery.value(scene.forgery.of(entity)[-1])
    signed_by_stolen_keys(scene, version=before["version"] + 2)


def head_of_another(scene: Scene) -> None:
    other = entity_of(scene)[-1]
    signed_by_stolen_keys(scene, previousHash=sha256(scene.forgery.entries[other]).hex())


def back_dated_by_all_but_a_witness(scene: Scene) -> None:
    """With the keys of log, digests and producers history is written anew, but never witnessed."""
    scene.witnessed()
    forgery = scene.forgery
    forgery.edit(entity_of(scene)[1], eventTime="2020-01-01T00:00:00.000000Z")
    forgery.resign("runtime")
    forgery.rechain()
    scene.made_over(sign=[forgery.log])
    for digest in forgery.digests:
        size = digest["treeSizeTo"]
        digest["checkpoint"] = forgery.checkpoint(size, scene.seconds, [forgery.log]).decode()
        forgery.redo_digest(digest)
    forgery.write_digests()
    scene.archive = False
    assert START.year == 2026


ATTACKS = [
    Attack(1, "flip a byte", lambda scene: flip(scene, mend=False), 1, "frames"),
    Attack(2, "flip a byte, mend its checksum", lambda scene: flip(scene, mend=True), 1, "tile"),
    Attack(3, "change a state, chain and tiles made over",
           changed(lambda _: {"afterState": {"price": 1}}), 1, "producer-signature"),
    Attack(4, "delete in the middle", hole, 1, "frames"),
    Attack(5, "delete and number anew", removed(lambda those: those[1:2]), 1, "digest-tree", "none", ours="checkpoint"),
    Attack(6, "cut the tail of an entity", removed(lambda those: those[-2:]), 1, "digest-tree", "none", ours="checkpoint"),
    Attack(7, "delete an entity and its heads", entity_and_heads, 1, "digest-tree", "none", ours="checkpoint"),
    Attack(8, "cut the log to an older checkpoint (archive at hand)", rolled_back, 1, "rollback", "none"),
    Attack(9, "restore an old backup (a witness at hand)", rolled_back_before_a_witness, 2, "entries"),
    Attack(9, "restore an old backup (nobody else at hand)", rolled_back_before_nobody, 3, "witness", "none"),
    Attack(10, "wipe the log (a witness at hand)", wiped, 2, "entries"),
    Attack(11, "swap inside an entity", swapped_inside, 1, "chain"),
    Attack(12, "swap across entities", swapped_across, 1, "digest-tree", "none", ours="checkpoint"),
    Attack(13, "insert", inserted, 1, "producer-sequence"),
    Attack(14, "append without the producer's signature, all else signed", forged_append, 1, "producer-signature"),
    Attack(14, "append with a made-up signature, all else signed", forged_signature, 1, "producer-signature"),
    Attack(15, "replay with a new event id", replayed, 1, "producer-sequence"),
    Attack(15, "replay with its event id", replayed_with_its_id, 1, "event-id"),
    Attack(16, "splice to another entity", spliced, 1, "chain"),
    Attack(17, "fork: a version twice, with all keys of log and producer", forked_version, 1, "chain"),
    Attack(18, "replace the genesis", other_genesis, 1, "chain"),
    Attack(19, "date back, chain and tiles made over",
           changed(lambda _: {"eventTime": "2020-01-01T00:00:00.000000Z"}), 1, "producer-signature"),
    Attack(19, "date back with all keys but a witness's", back_dated_by_all_but_a_witness, 1, "root", "none", ours="checkpoint"),
    Attack(20, "change user and address",
           changed(lambda _: {"userId": "mallory", "clientIp": "192.0.2.1"}), 1, "producer-signature"),
    Attack(21, "skip a version, with all keys of log and producer", skipped_version, 1, "chain"),
    Attack(22, "name the hash of another entity, with all keys", head_of_another, 1, "chain"),
    Attack(23, "let event times go backwards",
           changed(lambda value: {"eventTime": value["eventTime"].replace("2026", "2025")}),
           1, "producer-signature"),
]  # fmt: skip
