"""One attacked log, and what each verifier says of it."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.audit.attacks.forging import Forgery, Made, Signer
from tools import audit_verify
from trading_runtime.errors import Misread
from trading_runtime.evidence import policy, receipt, trust
from trading_runtime.evidence.verify.asked import Evidence, Question
from trading_runtime.evidence.verify.checks import ALL_CHECKS, RULES, Check
from trading_runtime.evidence.verify.hot import SqliteRows
from trading_runtime.evidence.verify.report import Report
from trading_runtime.evidence.verify.verify import verify
from trading_runtime.store.cold import columns
from trading_runtime.store.objects.folder import Folder


@dataclass(frozen=True)
class Outcome:
    """Exit status, the family of the check that decided, and the first bad entry."""

    exit: int
    check: str | None = None
    index: int | None = None

    def __str__(self) -> str:
        where = "" if self.index is None else f" at entry {self.index}"
        return f"exit {self.exit} {self.check or 'whole'}{where}"


@dataclass
class Scene:
    """A copy of a log in the attacker's hands, and what the auditor brings from elsewhere."""

    forgery: Forgery
    pin: str
    now: dt.datetime
    archive: bool = True
    index: bool = False  # whether the auditor compares the index database, which is no evidence
    trust: Path | None = None
    checkpoints: list[Path] = field(default_factory=list)
    receipts: list[Path] = field(default_factory=list)
    victim: int | None = None  # the entry that was attacked, where the attack has one

    @property
    def folder(self) -> Path:
        return self.forgery.folder

    @property
    def period(self) -> int:
        return json.loads((self.folder / "trust/trust.json").read_bytes())["digestPeriodSeconds"]

    @property
    def seconds(self) -> int:
        return int(self.now.timestamp())

    def aside(self, name: str, data: bytes) -> Path:
        """Keep a file outside the log: an auditor's or a producer's."""
        path = self.folder.parent / "aside" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    def witnessed(self) -> None:
        """Give the auditor the checkpoint that a witness holds: the one that is published now."""
        data = (self.folder / "log/checkpoint").read_bytes()
        self.checkpoints.append(self.aside("witnessed", data))

    def made_over(self, *, tiles: bool = True, sign: list[Signer] | None = None) -> None:
        """Write the entries back as they are now, and what follows from them."""
        self.forgery.write_frames()
        if tiles:
            self.forgery.write_tiles()
        if sign is not None:
            self.forgery.write_checkpoint(self.seconds, sign)


def copied(made: Made, folder: Path) -> Scene:
    """Copy a log for one attack."""
    source = made.forgery
    for name in ("log", "trust"):
        shutil.copytree(source.folder / name, folder / "audit" / name)
    for path in source.folder.glob("index.sqlite*"):
        shutil.copyfile(path, folder / "audit" / path.name)
    shutil.copytree(source.archive, folder / "archive")
    forgery = Forgery(
        folder / "audit", folder / "archive", source.origin, source.log, source.digest,
        source.witnesses, source.producers,
    )  # fmt: skip
    return Scene(forgery.load(), made.pin, made.now)


def first(scene: Scene, checks: frozenset[Check] = ALL_CHECKS) -> Outcome:
    """What ``tapedeck verify`` says, with the checks in their families."""
    report = first_report(scene, checks)
    found = report.first
    if found is None:
        return receipts_judged(scene)
    return Outcome(report.exit_status, RULES[found.check].family, found.index)


def receipts_judged(scene: Scene) -> Outcome:
    """What the application says of receipts, where all else is well."""
    folder = scene.folder / "trust"
    believed, rules = (
        trust.read((folder / "trust.json").read_bytes()),
        (folder / "policy").read_bytes(),
    )
    for path in scene.receipts:
        try:
            read = receipt.read(path.read_bytes())
            receipt.verify(read, scene.forgery.entries[read.index], believed, policy.parse(rules))
        except Misread:
            return Outcome(1, "receipt")
    return Outcome(0)


def first_report(scene: Scene, checks: frozenset[Check] = ALL_CHECKS) -> Report:
    database = scene.folder / "index.sqlite" if scene.index else None
    evidence = Evidence(
        log=scene.folder / "log",
        trust=scene.trust or scene.folder / "trust",
        archive=Folder(scene.forgery.archive) if scene.archive else None,
        columns=columns.check if scene.archive else None,
        index=SqliteRows(str(database)) if database else None,
        pin=scene.pin,
        checkpoints=tuple((path.name, path.read_bytes()) for path in scene.checkpoints),
    )
    return verify(evidence, Question(now=scene.seconds, checks=checks))


def second(scene: Scene) -> Outcome:
    """What ``tools/audit_verify.py`` says."""
    report = second_report(scene)
    found = report.first()
    return Outcome(report.exit_status(), found and found.check, found and found.index)


def second_report(scene: Scene) -> audit_verify.Report:
    options = audit_verify.Options(
        folder=scene.folder, archive=scene.forgery.archive if scene.archive else None,
        trust=scene.trust, pin=scene.pin, checkpoints=scene.checkpoints, receipts=scene.receipts,
        entity=None, now=scene.now,
    )  # fmt: skip
    return audit_verify.Verification(options).run()


Act = Callable[[Scene], None]


@dataclass(frozen=True)
class Attack:
    """One attack of the list: what is done, and what each verifier has to say of it."""

    number: int
    done: str
    act: Act
    exit: int
    check: str
    first: str = "victim"
    """Which entry is named first: ``victim``, ``none``, or an offset to the victim."""
    seen: bool = True
    """Whether the second verifier reads what was attacked."""
    ours: str | None = None
    """The family that the first verifier names, where it is another one."""
    ours_first: int | None = None
    """The entry that the first verifier names, where it names another one; -1 where none."""

    @property
    def name(self) -> str:
        return f"{self.number:02d} {self.done}"

    def expected(self, scene: Scene, *, ours: bool = False) -> Outcome:
        """What a verifier has to say; ``ours`` is the one of the application."""
        if not (ours or self.seen):
            return Outcome(0)
        index = None if self.first == "none" else scene.victim
        if ours and self.ours_first is not None:
            index = None if self.ours_first < 0 else self.ours_first
        return Outcome(self.exit, (self.ours if ours else None) or self.check, index)
