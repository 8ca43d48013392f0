"""Attacks 58, 60 and 61 on what only the application's verifier reads: Parquet and the index.

The second verifier has the standard library alone. It compares a Parquet object's bytes with what
a digest says of them, and does not look at the index, which is no evidence.
"""

import io
import sqlite3
from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.audit.attacks.archives import behind, objects
from tests.audit.attacks.entries import entity_of
from tests.audit.attacks.forging import canonical, sha256
from tests.audit.attacks.scenes import Attack, Scene


def parquet(scene: Scene) -> dict[str, object]:
    return next(each for each in objects(scene) if str(each["key"]).endswith(".parquet"))


def column(scene: Scene, name: str, row: int, value: object) -> None:
    """Change one value of a column, all others as they are."""
    path = scene.forgery.archive / str(parquet(scene)["key"])
    table = pq.read_table(io.BytesIO(path.read_bytes()))
    values = table[name].to_pylist()
    values[row] = value
    place = table.schema.get_field_index(name)
    changed = table.set_column(
        place, table.schema.field(name), pa.array(values, table.schema.field(name).type)
    )
    assert pc.all(pc.equal(changed["index"], table["index"])).as_py()
    sink = io.BytesIO()
    pq.write_table(changed, sink)
    path.unlink()
    path.write_bytes(sink.getvalue())


def typed(scene: Scene) -> None:
    """Another user in the column that people search; the entry beside it is as it was."""
    column(scene, "user_id", 7, "mallory")


def sworn(scene: Scene) -> None:
    """After a change of the object its digest is signed anew, in both places."""
    segment = parquet(scene)
    data = (scene.forgery.archive / str(segment["key"])).read_bytes()
    segment |= {"bytes": len(data), "sha256": sha256(data).hex()}
    scene.forgery.write_digests()


def typed_and_sworn(scene: Scene) -> None:
    typed(scene)
    sworn(scene)


def entry_and_sworn(scene: Scene) -> None:
    """The reverse: another entry, and the columns as they were."""
    changed = canonical(scene.forgery.value(7) | {"userId": "mallory"})
    column(scene, "canonical", 7, changed)
    sworn(scene)


def behind_the_footer(scene: Scene) -> None:
    path = scene.forgery.archive / str(parquet(scene)["key"])
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    behind(scene, end=".parquet", more=b"more")


def behind_the_footer_and_sworn(scene: Scene) -> None:
    behind_the_footer(scene)
    sworn(scene)


def row(scene: Scene, statement: str) -> None:
    """Change the index behind its own triggers, as who owns the file can."""
    scene.index = True
    scene.victim = entity_of(scene)[1]
    with closing(sqlite3.connect(scene.folder / "index.sqlite")) as database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute(statement, {"id": scene.victim})
        database.commit()


def hot_edited(scene: Scene) -> None:
    row(scene, "UPDATE entries SET user_id = 'mallory' WHERE id = :id")


def hot_deleted(scene: Scene) -> None:
    row(scene, "DELETE FROM entries WHERE id = :id")


ATTACKS = [
    Attack(58, "bytes behind the Parquet footer", behind_the_footer, 1, "archive", "none"),
    Attack(58, "bytes behind the Parquet footer, the digests signed anew", behind_the_footer_and_sworn, 1, "archive", "none", seen=False),
    Attack(60, "another value in a Parquet column", typed, 1, "archive", "none"),
    Attack(60, "another value in a Parquet column, the digests signed anew", typed_and_sworn, 1, "archive", "none", seen=False),
    Attack(60, "another entry in Parquet, the digests signed anew", entry_and_sworn, 1, "archive", "none", seen=False),
    Attack(61, "change a row of the index", hot_edited, 1, "index", seen=False),
    Attack(61, "delete a row of the index", hot_deleted, 2, "index", seen=False),
]  # fmt: skip
