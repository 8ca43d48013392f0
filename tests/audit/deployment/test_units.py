"""The units of systemd that we ship: users, folders and hardening, as the programs need them."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from trading_runtime.cli.main import build_parser

UNITS = Path(__file__).parents[3] / "infra" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
PROGRAM = "/opt/tapedeck/.venv/bin/tapedeck"
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictSUIDSGID": "yes",
    "RestrictNamespaces": "yes",
    "CapabilityBoundingSet": "",
}


def unit(path: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser["Service"]


def test_each_of_four_processes_has_a_user_of_its_own() -> None:
    users = {path.stem: unit(path)["User"] for path in SERVICES}
    assert set(users) == {
        "tapedeck-witness",
        "tapedeck-audit",
        "tapedeck-audit-relay",
        "tapedeck-audit-watch",
    }
    assert len(set(users.values())) == len(users)
    made = [line.split()[1] for line in lines("tapedeck.sysusers")]
    assert set(users.values()) <= set(made)


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_unit_is_hardened_and_its_command_is_one_of_ours(path: Path) -> None:
    service = unit(path)
    assert {name: service[name] for name in HARDENED} == HARDENED
    program, *words = service["ExecStart"].split()
    assert program == PROGRAM
    assert build_parser(words[0]).parse_args(words).run is not None


def test_who_may_write_where_owns_it_and_nobody_else_may() -> None:
    owners = {line.split()[1]: line.split()[3] for line in lines("tapedeck.tmpfiles")}
    writable: dict[str, str] = {}
    for path in SERVICES:
        service = unit(path)
        for place in service["ReadWritePaths"].split():
            assert place not in writable
            writable[place] = service["User"]
            assert owners.get(place, service["User"]) == service["User"]
            assert place in owners or place == f"/var/lib/{service.get('StateDirectory')}"


def test_systemd_understands_each_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here: install systemd")
    for path in SERVICES:
        # Its program is not installed where it will be, so another stands for it.
        (tmp_path / path.name).write_text(path.read_text().replace(PROGRAM, "/bin/true"))
    ran = subprocess.run(
        ["systemd-analyze", "verify", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = [line for line in ran.stderr.splitlines() if "tapedeck" in line]
    assert (ran.returncode, said) == (0, [])


def lines(name: str) -> list[str]:
    text = (UNITS / name).read_text().splitlines()
    return [line for line in text if line and not line.startswith("#")]
