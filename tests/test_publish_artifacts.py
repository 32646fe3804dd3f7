"""Weights and tickets are published when asked for, once, and none is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledgers import done
from publishing import CELLS, GATED, NONE_NEW, PRUNED, counted, keep, made, refuse, rows, runs

from sweeps.ledger import Ledger
from sweeps.mirror import entry
from tests.wandb_server.client import send
from tests.wandb_server.server import Server


def test_artifacts_are_published_when_asked_for_and_once(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = made(tmp_path)
    send(ledger)
    assert server.store.artifacts == {}
    for one, phase in zip(CELLS, ("fit", "fit", "refit-10", "fit"), strict=True):
        ledger.paths(one.key).weights(phase).write_bytes(phase.encode())
    ledger.paths(PRUNED.key).weights("refit-9").write_bytes(b"before")
    ledger.paths(PRUNED.key).ticket.write_text('{"connect": "1"}')
    send(ledger, artifacts=["model", "ticket"])
    assert counted(capsys) == "mine: 4 runs: 0 new, 3 changed, 1 unchanged"
    found = server.store.artifacts
    models = {f"{one.key}-model" for one in CELLS[:3]}
    assert set(found) == models | {f"{PRUNED.key}-ticket"}
    model = found[f"{PRUNED.key}-model"]
    assert (model.type, model.run, model.files) == (
        "model",
        PRUNED.key,
        {"refit-10.pt": b"refit-10"},
    )
    assert (model.metadata["pruning"], model.metadata["accuracy"]) == ("magnitude", 0.92)
    for wanted in (["model", "ticket"], ["model"], []):
        send(ledger, artifacts=wanted)
        assert counted(capsys) == NONE_NEW


def with_model(folder: Path) -> Ledger:
    """A ledger of one cell, which has its weights."""
    ledger = made(folder, cells=(GATED,))
    ledger.paths(GATED.key).weights("fit").write_bytes(b"weights")
    return ledger


def check_that_the_model_is_sent_once(
    server: Server, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    server.asked.clear()
    assert send(ledger, artifacts=["model"]) == 0
    assert counted(capsys) == "mine: 1 runs: 0 new, 1 changed, 0 unchanged"
    (model,) = server.store.artifacts.values()
    assert model.committed
    assert model.files == {"fit.pt": b"weights"}
    assert send(ledger, artifacts=["model"]) == 0
    assert counted(capsys) == "mine: 1 runs: 0 new, 0 changed, 1 unchanged"
    assert sum(name.startswith("PUT /artifact/") for name in server.asked) == 1


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("CreateArtifact", 403),
        ("CreateArtifact", 500),
        ("PUT /artifact/", 403),
        ("CommitArtifact", 403),
        ("CommitArtifact", 500),
    ],
)
def test_an_artifact_that_w_and_b_does_not_take_is_named_and_sent_next_time(
    what: str, status: int, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = with_model(tmp_path)
    server.fault = refuse(what, status)
    assert send(ledger, artifacts=["model"]) == 1
    told = capsys.readouterr()
    assert f"cell {GATED.key} is not published: W&B did not take artifact" in told.err
    assert told.out.startswith("mine: 1 runs: 0 new, 0 changed, 0 unchanged, 1 not sent")
    assert entry.DIGEST not in runs(server)[GATED.key].summary
    server.fault = None
    server.store.artifacts.clear()
    check_that_the_model_is_sent_once(server, ledger, capsys)


def test_an_artifact_that_w_and_b_has_is_not_sent_again_with_a_changed_record(
    server: Server, tmp_path: Path
) -> None:
    ledger = with_model(tmp_path)
    send(ledger, artifacts=["model"])
    server.asked.clear()
    keep(ledger, GATED, done(GATED, 0.91) | {"seconds": {"fit": 7.0}}, rows(GATED))
    assert send(ledger, artifacts=["model"]) == 0
    assert runs(server)[GATED.key].summary["seconds.fit"] == 7.0
    assert not [name for name in server.asked if name.startswith("PUT /artifact/")]


def test_an_artifact_for_which_this_machine_has_no_room_is_named_and_sent_next_time(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = with_model(tmp_path)
    (tmp_path / "file").touch()
    with monkeypatch.context() as patch:
        patch.setenv("WANDB_DATA_DIR", str(tmp_path / "file"))
        assert send(ledger, artifacts=["model"]) == 1
    assert f"W&B did not take artifact {GATED.key}-model" in capsys.readouterr().err
    check_that_the_model_is_sent_once(server, ledger, capsys)
