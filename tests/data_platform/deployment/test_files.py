"""What is shipped for more than one machine: it parses, and what it names is there."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"
DOCUMENTS = sorted((*INFRA.rglob("*.yaml"), ROOT / "workspace.yaml"))
UNITS = sorted((INFRA / "systemd" / "platform").glob("*.service"))


def read(path: Path) -> dict[str, object]:
    content = yaml.safe_load(path.read_text())
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_document_parses(path: Path) -> None:
    assert read(path)


def test_the_services_of_a_host_mount_and_build_what_is_there() -> None:
    folder = INFRA / "compose"
    services = read(folder / "platform.yaml")["services"]
    assert isinstance(services, dict)
    assert set(services) == {"postgres", "code", "webserver", "daemon", "proxy"}
    mounted = [
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", ())
    ]
    shipped = [it for it in mounted if it.startswith(".")]
    assert len(shipped) >= 3
    assert all((folder / it).exists() for it in shipped)
    for line in (folder / "Dockerfile").read_text().splitlines():
        word, *names = line.split()[:-1] or [""]
        if word == "COPY":
            assert all((ROOT / name).exists() for name in names), line


def test_nothing_but_the_proxy_has_a_port_on_the_host() -> None:
    services = read(INFRA / "compose" / "platform.yaml")["services"]
    assert isinstance(services, dict)
    open_ports = {
        name: service["ports"] for name, service in services.items() if "ports" in service
    }
    # The proxy lives in the webserver's network, whose ports are therefore its own.
    assert open_ports == {"webserver": ["8443:8443"]}


def test_systemd_understands_each_unit_of_the_platform(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here: install systemd")
    for path in UNITS:
        # Its program is not installed where it will be, so another stands for it.
        text = path.read_text().replace("/usr/sbin/nginx", "/bin/true")
        for name in ("dagster-webserver", "dagster-daemon"):
            text = text.replace(f"/opt/tapedeck/.venv/bin/{name}", "/bin/true")
        (tmp_path / path.name).write_text(text)
    ran = subprocess.run(
        ["systemd-analyze", "verify", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = [line for line in ran.stderr.splitlines() if "tapedeck" in line]
    assert (len(UNITS), ran.returncode, said) == (3, 0, [])
