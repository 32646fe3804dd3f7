"""What lies on disk while a phase is trained: when it is written, and what a damaged file costs."""

from __future__ import annotations

import io
import random
import resource
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TRAINER
from small import EPOCHS, STEPS, At, Training, same

from lightning_modules.fit import make_trainer
from lightning_modules.stopping import Stopped
from lightning_modules.storage import Files, previous, read, save, take
from lightning_modules.watch import Watch

OFTEN = {"checkpoint_minutes": 1e-9}


class Crash(Exception):
    """The process dies, as far as a training can see."""


class CrashAt(At):
    def __call__(self) -> bool:
        if super().__call__():
            raise Crash
        return False


class Interrupted(io.BytesIO):
    """A file at whose n-th piece somebody presses Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left = number

    def write(self, piece: Any) -> int:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt
        return super().write(piece)


def crashed(run: Training, number: int) -> dict[str, Any]:
    """What the checkpoint holds after a crash at the n-th question whether to stop."""
    with pytest.raises(Crash):
        run(CrashAt(number))
    return read(run.files.checkpoint)


def place(checkpoint: dict[str, Any]) -> tuple[int, int]:
    """Epoch, and batches of it that are done."""
    loops = checkpoint["loops"]["fit_loop"]
    done = loops["epoch_loop.batch_progress"]["current"]["ready"]
    return checkpoint["epoch"], done


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def flip_a_weight(path: Path) -> None:
    """One bit in the middle of the largest tensor."""
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda member: member.file_size)
        middle = archive.read(largest)[-999:]
    flip(path, 8 * path.read_bytes().index(middle))


def cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return Training(tmp_path_factory.mktemp("whole"))()


def test_a_checkpoint_is_written_within_an_epoch_when_the_last_one_is_old(tmp_path: Path) -> None:
    assert place(crashed(Training(tmp_path / "often", trainer=OFTEN), 4)) == (0, 3)
    rarely = Training(tmp_path / "rarely", trainer={"checkpoint_minutes": 60})
    assert place(crashed(rarely, STEPS + 3)) == (0, STEPS)


def test_without_minutes_a_checkpoint_is_written_at_an_epochs_end_only(tmp_path: Path) -> None:
    assert place(crashed(Training(tmp_path, trainer={"checkpoint_minutes": 0}), 9)) == (0, STEPS)


def test_the_clock_begins_anew_with_every_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 599.0, 600.0, 601.0, 602.0, 1201.0, 1202.0])
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    watch, trainer = Watch(minutes=10), make_trainer(TRAINER)
    assert [watch.now(trainer)[1] for _ in range(3)] == [False, True, True]
    watch.saved()
    assert [watch.now(trainer)[1] for _ in range(2)] == [False, True]


def test_a_run_that_crashed_goes_on_from_the_middle_of_the_epoch(
    tmp_path: Path, whole: dict[str, Any]
) -> None:
    run = Training(tmp_path, trainer=OFTEN)
    for number in (3, 5, 4):
        crashed(run, number)
    assert place(read(run.files.checkpoint)) == (1, 3)
    assert same(run(), whole)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_torn_checkpoint_is_set_aside_and_the_one_before_is_used(
    share: float, tmp_path: Path, whole: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    run = Training(tmp_path, trainer=OFTEN)
    crashed(run, 5)
    before = previous(run.files.checkpoint)
    assert place(read(before)) == (0, 3)
    cut(run.files.checkpoint, share)
    assert run.files.resume() == before
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].endswith("; set aside as fit.ckpt.damaged")
    assert same(run(), whole)


def test_with_both_checkpoints_damaged_training_starts_anew(
    tmp_path: Path, whole: dict[str, Any]
) -> None:
    run = Training(tmp_path, trainer=OFTEN)
    crashed(run, 5)
    cut(run.files.checkpoint, 0.5)
    flip_a_weight(previous(run.files.checkpoint))
    assert same(run(), whole)
    assert {p.name for p in tmp_path.glob("*.damaged")} == {
        "fit.ckpt.damaged",
        "fit.ckpt.previous.damaged",
    }


def test_a_crash_between_the_two_renamings_leaves_the_checkpoint_before(
    tmp_path: Path, whole: dict[str, Any]
) -> None:
    run = Training(tmp_path, trainer=OFTEN)
    crashed(run, 4)
    run.files.checkpoint.rename(previous(run.files.checkpoint))
    assert same(run(), whole)


@pytest.mark.parametrize("harm", ["torn", "flipped", "lost"])
def test_a_damaged_result_is_made_again_from_the_checkpoint(
    harm: str, tmp_path: Path, whole: dict[str, Any]
) -> None:
    Training(tmp_path)()
    result = Training(tmp_path).files.result
    if harm == "lost":
        result.unlink()
    else:
        cut(result, 0.9) if harm == "torn" else flip_a_weight(result)
    again = Training(tmp_path, {"lr": 9.0})()
    assert same(again, whole), "it was trained again"
    assert result.with_name("fit.pt.damaged").exists() == (harm != "lost")


def test_every_bit_that_changes_is_found_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    content = {"a": torch.arange(50.0), "b": {"c": torch.ones(3, 2)}, "d": [1, "two"]}
    save(path, content)
    intact, drawn, found = path.read_bytes(), random.Random(0), 0
    for bit in drawn.sample(range(8 * len(intact)), 400):
        path.write_bytes(intact)
        flip(path, bit)
        left = take(path)
        found += left is None
        if left is not None:
            assert torch.equal(left["a"], content["a"])
            assert torch.equal(left["b"]["c"], content["b"]["c"])
            assert left["d"] == content["d"]
    assert found > 100


def test_what_was_there_stays_when_the_disk_takes_no_new_checkpoint(
    tmp_path: Path, whole: dict[str, Any]
) -> None:
    run = Training(tmp_path)
    with pytest.raises(Stopped):
        run(At(2))
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, most))
    try:
        with pytest.raises(OSError, match="File too large"):
            run(At(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert place(read(run.files.checkpoint)) == (0, 2)
    assert same(run(), whole)


def test_without_any_checkpoint_there_is_nothing_to_resume(tmp_path: Path) -> None:
    assert Files(tmp_path / "fit.ckpt", tmp_path / "fit.pt").resume() is None


def test_a_finished_training_keeps_its_last_two_checkpoints(
    tmp_path: Path, whole: dict[str, Any]
) -> None:
    run = Training(tmp_path)
    run()
    assert place(read(run.files.checkpoint)) == (EPOCHS - 1, STEPS)
    assert place(read(previous(run.files.checkpoint))) == (EPOCHS - 2, STEPS)


@pytest.mark.parametrize("number", range(1, 16))
def test_ctrl_c_while_a_file_is_written_is_no_trouble_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "fit.pt"
    save(path, {"a": torch.zeros(50)})
    monkeypatch.setattr(Path, "open", lambda *_: Interrupted(number))
    with pytest.raises(KeyboardInterrupt):
        save(path, {"a": torch.ones(50), "b": torch.ones(50)})
    monkeypatch.undo()
    assert torch.equal(read(path)["a"], torch.zeros(50))
