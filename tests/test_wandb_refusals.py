"""Where W&B cannot be read, one message says why: address, key, answer or network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from ledgers import cell
from mirrored import ADDRESS, Published, sweep

from sweeps.errors import UserError
from sweeps.mirror.source import WandbSource
from sweeps.source import problems
from tests.wandb_server.client import LIMITS
from tests.wandb_server.reading import busy, slow
from tests.wandb_server.server import Server

pytestmark = pytest.mark.usefixtures("wandb_folder")


@pytest.mark.parametrize("address", ["wandb://lab", "wandb://lab/a/b", "wandb://lab/a:b", "lab/a"])
def test_an_address_without_entity_and_project_is_refused(address: str) -> None:
    assert problems(address) == [f"source={address}: must be ledger or wandb://<entity>/<project>"]


@pytest.mark.parametrize("place", [("lab", "tryptich"), ("laboratory", "triptych")])
def test_a_wrong_project_or_entity_says_so(place: tuple[str, str], published: Published) -> None:
    with pytest.raises(UserError, match=f"W&B {'/'.join(place)} is not there at http://"):
        WandbSource.read(*place, "small")


def test_a_wrong_key_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "f" * 40)
    with pytest.raises(UserError, match=r"user is not logged in.*WANDB_API_KEY.*wandb login"):
        sweep()


def test_a_key_that_is_none_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    with pytest.raises(UserError, match=r"40. characters.*wandb login"):
        sweep()
    assert not server.asked


def test_a_project_that_may_not_be_read_says_so(published: Published, server: Server) -> None:
    server.fault = busy(9, status=403)
    with pytest.raises(UserError, match=r"cannot read lab/triptych of W&B at .*your key may read"):
        sweep()


@pytest.mark.parametrize(
    ("operation", "answer", "message"),
    [
        ("Viewer", {"data": {"viewer": None}}, "credentials.* look at WANDB_API_KEY"),
        ("Runs", {"errors": [{"message": "permission denied"}]}, "your key may read them"),
        ("Runs", {"data": {"project": {"runCount": 1}}}, "run the same command again"),
        ("Runs", b"<html>a hotel asks for a password</html>", "look at the network"),
    ],
)
def test_an_odd_answer_ends_in_one_message(
    operation: str, answer: Any, message: str, server: Server
) -> None:
    server.fault = lambda _, asked: (200, answer) if asked == operation else None
    with pytest.raises(UserError, match=f"cannot read lab/triptych of W&B at http://.*{message}"):
        sweep()


def test_a_server_that_is_busy_is_waited_for(published: Published, server: Server) -> None:
    server.fault = busy(2)
    assert sweep().record(cell().key)
    assert server.asked.count("Runs") > 2


def test_a_server_that_stays_busy_ends_in_one_message(published: Published, server: Server) -> None:
    server.fault = busy(99)
    with pytest.raises(UserError, match=r"429.*run the same command again"):
        sweep()


def test_slow_pages_are_waited_for(published: Published, server: Server) -> None:
    server.fault = slow(1.0)
    assert sweep().record(cell().key)


def test_nothing_that_answers_ends_in_one_message(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in (LIMITS | {"WANDB_BASE_URL": "http://127.0.0.1:9"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_API_KEY", "f" * 40)
    done = run("do=report", "sweep=smoke", f"source={ADDRESS}", timeout=60)
    assert done.returncode == 2
    assert "connection refused" in done.stderr
    assert "look at the network and at WANDB_BASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


def test_without_a_key_nothing_is_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    done = run("do=report", "sweep=smoke", f"source={ADDRESS}", timeout=60)
    assert done.returncode == 2
    assert "log in with 'wandb login', or set WANDB_API_KEY" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("address", ["localhost:80", "http://", "nonsense"])
def test_an_address_that_is_none_ends_in_one_message(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", address)
    monkeypatch.setenv("WANDB_API_KEY", "f" * 40)
    with pytest.raises(UserError, match=r"^WANDB_BASE_URL: W&B does not take its value \(.*URL"):
        sweep()
