"""One attacked log, and what each verifier says of it."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.audit.attacks.forging import Forgery, Made, Signer
from tools import audit_verify


@dataclass(frozen=True)
class Outcome:
    """Exit status, the family of the check that decided, and the first bad entry."""

    exit: int
    check: str | None = None
    index: int | None = None


@dataclass
class Scene:
    """A copy of a log in the attacker's hands, and what the auditor brings from elsewhere."""

    forgery: Forgery
    pin: str
    now: dt.datetime
    archive: bool = True
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
            self.forgery.write_checkpoint(self.seconds - 30, sign)


def copied(made: Made, folder: Path) -> Scene:
    """Copy a log for one attack."""
    source = made.forgery
    shutil.copytree(source.folder, folder / "audit", symlinks=True)
    shutil.copytree(source.archive, folder / "archive")
    forgery = Forgery(
        folder / "audit", folder / "archive", source.origin, source.log, source.digest,
        source.witnesses, source.producers,
    )  # fmt: skip
    return Scene(forgery.load(), made.pin, made.now)


def second(scene: Scene) -> Outcome:
    """What ``tools/audit_verify.py`` says."""
    report = second_report(scene)
    first = report.first()
    return Outcome(report.exit_status(), first and first.check, first and first.index)


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
    ours: str | None = None
    """The family that the first verifier names, where it is another one."""
    by: str = "both"

    @property
    def name(self) -> str:
        return f"{self.number:02d} {self.done}"

    def expected(self, scene: Scene) -> Outcome:
        index = None if self.first == "none" else scene.victim
        return Outcome(self.exit, self.check, index)
