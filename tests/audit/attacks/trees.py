"""Attacks 35 to 50: on checkpoints, signatures and the tree.

45 and 49 are on a running witness: see ``test_witness_attacks.py``.
"""

import base64
import json
from collections.abc import Callable

from tests.audit.attacks.entries import last_of
from tests.audit.attacks.forging import (
    Signer,
    canonical,
    leaf,
    note,
    sha256,
    tree_levels,
    tree_root,
)
from tests.audit.attacks.scenes import Act, Attack, Scene


def published(scene: Scene) -> bytes:
    return (scene.folder / "log/checkpoint").read_bytes()


def publish(scene: Scene, data: bytes) -> None:
    scene.forgery.put("log/checkpoint", data)


def line(number: int, change: Callable[[str], str]) -> Act:
    """Change a line of the published checkpoint, its signatures as they are."""

    def act(scene: Scene) -> None:
        lines = published(scene).decode().split("\n")
        lines[number] = change(lines[number])
        publish(scene, "\n".join(lines).encode())

    return act


def signed_line(number: int, change: Callable[[str], str]) -> Act:
    """Change a line of the published checkpoint, signed anew by log and witnesses."""

    def act(scene: Scene) -> None:
        lines = published(scene).decode().split("\n")[:3]
        lines[number] = change(lines[number])
        text = "".join(f"{each}\n" for each in lines)
        forgery = scene.forgery
        signers = [forgery.log, *forgery.witnesses]
        publish(scene, note(text, [signer.line(text, scene.seconds) for signer in signers]))

    return act


def signed_by(scene: Scene, *signers: Signer) -> None:
    scene.forgery.write_checkpoint(scene.seconds, list(signers))


def impostor(scene: Scene) -> None:
    """A key of the attacker's own under the log's name."""
    forgery = scene.forgery
    signed_by(scene, Signer(forgery.origin, private=sha256(b"mallory")), *forgery.witnesses)


def of_another_log(scene: Scene) -> None:
    """A checkpoint of another log, good for that one, and this log's key beside it."""
    text = published(scene).decode().split("\n\n")[0] + "\n"
    text = text.replace(scene.forgery.origin, "other.example/log", 1)
    signers = [Signer("other.example/log"), scene.forgery.log, *scene.forgery.witnesses]
    publish(scene, note(text, [signer.line(text, scene.seconds) for signer in signers]))


def stripped(scene: Scene) -> None:
    signed_by(scene, scene.forgery.log)


def partly_stripped(scene: Scene) -> None:
    signed_by(scene, scene.forgery.log, scene.forgery.witnesses[0])


def crowded(scene: Scene) -> None:
    """101 signature lines, the good ones last."""
    data = published(scene).decode()
    text, _, lines = data.partition("\n\n")
    strangers = [Signer(f"s{at}.example").line(text + "\n") for at in range(101)]
    publish(scene, (text + "\n\n" + "".join(strangers) + lines).encode())


def one_bad_beside_good(scene: Scene) -> None:
    data = published(scene).decode()
    log = scene.forgery.log
    bad = base64.b64encode(log.key_id + bytes(64)).decode()
    publish(scene, (data + f"\u2014 {log.name} {bad}\n").encode())


def bad_cosignature_beside_good(scene: Scene) -> None:
    data, witness = published(scene).decode(), scene.forgery.witnesses[0]
    bad = base64.b64encode(witness.key_id + bytes(72)).decode()
    publish(scene, (data + f"\u2014 {witness.name} {bad}\n").encode())


def receipt(index: int, proof: list[bytes], checkpoint: bytes) -> bytes:
    lines = "".join(base64.b64encode(each).decode() + "\n" for each in proof)
    return f"c2sp.org/tlog-proof@v1\nindex {index}\n{lines}\n".encode() + checkpoint


def path_of(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path_of(index, leaves[:split]), tree_root(leaves[split:])]
    return [*path_of(index - split, leaves[split:]), tree_root(leaves[:split])]


def node_for_leaf(scene: Scene) -> None:
    """A receipt that takes a node of the first level for the entry at its place."""
    forgery = scene.forgery
    size = int(published(scene).split(b"\n")[1])
    leaves = [leaf(each) for each in forgery.entries[:size]]
    proof = path_of(6, leaves)[1:]
    data = receipt(3, proof, published(scene))
    scene.receipts.append(scene.aside("receipt", data))


def nodes_for_entries(scene: Scene) -> None:
    """A tree of half the size with the same root: pairs of leaf hashes stand as its entries."""
    forgery = scene.forgery
    size = 1 << (len(forgery.entries).bit_length() - 1)
    leaves = tree_levels(leaf(each) for each in forgery.entries[:size])[0]
    root = tree_root(leaves)
    forgery.entries = [leaves[at] + leaves[at + 1] for at in range(0, size, 2)]
    scene.made_over()
    text = f"{forgery.origin}\n{size // 2}\n{base64.b64encode(root).decode()}\n"
    signers = [forgery.log, *forgery.witnesses]
    publish(scene, note(text, [signer.line(text, scene.seconds) for signer in signers]))
    scene.victim = 0


def last_twice(scene: Scene) -> None:
    """The last entry once more; the root stays, as for trees that double an odd node."""
    forgery = scene.forgery
    size = len(forgery.entries)
    root = base64.b64encode(forgery.root()).decode()
    forgery.entries.append(forgery.entries[-1])
    scene.made_over()
    text = f"{forgery.origin}\n{size + 1}\n{root}\n"
    signers = [forgery.log, *forgery.witnesses]
    publish(scene, note(text, [signer.line(text, scene.seconds) for signer in signers]))
    scene.victim = size


def partial_for_full(scene: Scene) -> None:
    tile = scene.folder / "log/tile/0/000"
    data = tile.read_bytes()
    tile.unlink()
    scene.forgery.put("log/tile/0/000.p/200", data[: 200 * 32])


def cut_tile(scene: Scene) -> None:
    scene.forgery.put("log/tile/0/000", (scene.folder / "log/tile/0/000").read_bytes()[: 200 * 32])


def replayed_checkpoint(scene: Scene) -> None:
    """The log shows a checkpoint that is older than one inside a digest."""
    old = next(each["checkpoint"] for each in scene.forgery.digests if each["checkpoint"])
    publish(scene, old.encode())


def replayed_before_its_time(scene: Scene) -> None:
    """The same, to somebody who has neither digests nor archive at hand."""
    replayed_checkpoint(scene)
    for name in ("digests", "heads"):
        for path in (scene.folder / "log" / name).iterdir():
            path.unlink()
    scene.archive = False


def split_view(scene: Scene) -> None:
    """The log's host shows somebody another end of the log; witnesses have cosigned the first."""
    scene.witnessed()
    forgery = scene.forgery
    forgery.edit(-1, userId="mallory")
    forgery.sign_last(forgery.value(-1)["producer"]["id"])
    scene.made_over(sign=[forgery.log])


def split_view_alone(scene: Scene) -> None:
    """The same with nothing from a witness: the view is not witnessed."""
    split_view(scene)
    scene.checkpoints.clear()
    scene.archive = False


def retired_key(scene: Scene) -> None:
    """The log's old key, stolen after it was retired, signs a checkpoint of today's size."""
    forgery, size = scene.forgery, len(scene.forgery.entries)
    old = json.loads((scene.folder / "trust/trust.json").read_bytes())
    new = Signer(forgery.origin, private=sha256(b"the next"))
    keys = [
        {"vkey": forgery.log.vkey, "fromSize": 0, "toSize": size - 1},
        {"vkey": new.vkey, "fromSize": size, "toSize": None},
    ]
    trust = canonical(old | {"logKeys": keys})
    forgery.put("trust/trust.json", trust)
    scene.pin = sha256(trust).hex()
    declare(scene, scene.pin)
    scene.made_over(sign=[forgery.log, *forgery.witnesses])


def declare(scene: Scene, pin: str) -> None:
    """The log itself declares a trust.json in order."""
    forged = last_of(scene, "log")
    entity = f"log:{scene.forgery.origin}"
    forged |= {
        "entityId": entity,
        "eventType": "TrustDeclared",
        "requestData": {"pin": pin},
        "version": 1,
    }
    scene.forgery.entries.append(canonical(forged))
    scene.forgery.rechain()
    scene.forgery.sign_last("log")


def strangers_policy(scene: Scene) -> None:
    """A policy that asks for no witness, and a trust.json that names it."""
    forgery = scene.forgery
    policy = f"log {forgery.log.vkey}\nquorum none\n".encode()
    forgery.put("trust/policy", policy)
    old = json.loads((scene.folder / "trust/trust.json").read_bytes())
    forgery.put("trust/trust.json", canonical(old | {"policySha256": sha256(policy).hex()}))


def weaker_policy(scene: Scene) -> None:
    policy = f"log {scene.forgery.log.vkey}\nquorum none\n".encode()
    scene.forgery.put("trust/policy", policy)


def sized(text: str) -> Act:
    return signed_line(1, lambda size: text.format(size, size[0], size[1:]))


ATTACKS = [
    Attack(35, "change the size", line(1, lambda size: str(int(size) + 1)), 1, "checkpoint", "none"),
    Attack(36, "change the root", line(2, lambda _: base64.b64encode(bytes(32)).decode()), 1, "checkpoint", "none"),
    Attack(37, "a leading zero, signed", sized("0{}"), 1, "checkpoint", "none"),
    Attack(37, "a plus, signed", sized("+{}"), 1, "checkpoint", "none"),
    Attack(37, "an underscore, signed", sized("{1}_{2}"), 1, "checkpoint", "none"),
    Attack(37, "a blank, signed", sized("{} "), 1, "checkpoint", "none"),
    Attack(37, "other digits, signed", sized("\u0661\u0662"), 1, "checkpoint", "none"),
    Attack(37, "an extension line, signed", signed_line(2, lambda root: root + "\nmore"), 1, "checkpoint", "none"),
    Attack(38, "an attacker's key under the same name", impostor, 1, "checkpoint", "none"),
    Attack(39, "a checkpoint of another log", of_another_log, 1, "checkpoint", "none"),
    Attack(40, "strip all cosignatures", stripped, 3, "witness", "none"),
    Attack(40, "strip one of a quorum of two", partly_stripped, 3, "witness", "none"),
    Attack(41, "101 signature lines", crowded, 1, "checkpoint", "none"),
    Attack(42, "a bad signature beside a good one", one_bad_beside_good, 1, "checkpoint", "none"),
    Attack(42, "a bad cosignature beside a good one", bad_cosignature_beside_good, 1, "checkpoint", "none"),
    Attack(43, "a node for an entry, in a receipt", node_for_leaf, 1, "receipt", "none"),
    Attack(43, "nodes for all entries, all signed", nodes_for_entries, 1, "entry"),
    Attack(44, "the last entry twice under the same root, all signed", last_twice, 1, "chain"),
    Attack(46, "a partial tile for a full one", partial_for_full, 2, "tile", "none"),
    Attack(46, "a full tile that is cut", cut_tile, 1, "tile", "none"),
    Attack(47, "an old checkpoint for the newest", replayed_checkpoint, 1, "rollback", "none"),
    Attack(47, "an old checkpoint, no digests at hand", replayed_before_its_time, 3, "witness", "none"),
    Attack(48, "a split view, a witness at hand", split_view, 1, "root", "none", ours="checkpoint"),
    Attack(48, "a split view, nobody else at hand", split_view_alone, 3, "witness", "none"),
    Attack(50, "a retired key, all else in order", retired_key, 1, "checkpoint", "none"),
    Attack(64, "a policy without witnesses", weaker_policy, 1, "policy", "none"),
    Attack(64, "a policy without witnesses, named by trust.json", strangers_policy, 1, "pin", "none"),
]  # fmt: skip
