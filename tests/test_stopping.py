"""Training that is stopped at any batch and gone on with ends as if nothing had been."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT
from PIL import Image
from small import EPOCHS, SPEC, STEPS, At, Training, masks, same

from datamodules.files import FileData
from datamodules.images import Files
from datamodules.open import open_data
from datamodules.spec import DataSpec
from lightning_modules.recipe import Recipe
from lightning_modules.stopping import Stopped

RECIPES: dict[str, dict[str, Any]] = {
    "sgd": {},
    "adamw, warm-up, clip": {"optimizer": "adamw", "warmup_epochs": 1.5, "clip": 0.5},
    "mixed": {"mixup": 0.8, "cutmix": 1.0, "label_smoothing": 0.1},
    "augmented": {"erasing": 0.5, "randaugment": 5, "channels_last": True},
    "bf16": {"precision": "bf16-mixed", "schedule": "step", "milestones": [1, 2]},
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_run_stopped_at_random_batches_equals_one_that_was_not(name: str, tmp_path: Path) -> None:
    whole = Training(tmp_path / "whole", RECIPES[name])()
    drawn = random.Random(name)
    stops = [drawn.randint(1, 4) for _ in range(12)]
    found, count = Training(tmp_path / "parts", RECIPES[name]).in_parts(stops)
    assert count >= 3
    assert same(found, whole)


def test_a_run_stopped_after_every_single_batch_equals_one_that_was_not(tmp_path: Path) -> None:
    recipe, pieces = RECIPES["mixed"], {"accumulate": 3}
    whole = Training(tmp_path / "whole", recipe, pieces)()
    found, count = Training(tmp_path / "parts", recipe, pieces).in_parts(repeat(1))
    assert count == EPOCHS * STEPS - 1
    assert same(found, whole)


def test_removed_weights_stay_removed_when_training_is_stopped(tmp_path: Path) -> None:
    whole = Training(tmp_path / "whole", masked=True)()
    found, _ = Training(tmp_path / "parts", masked=True).in_parts(repeat(2))
    assert torch.equal(found["state"]["5.weight"] != 0, masks().keep["5"])
    assert same(found, whole)


def test_the_message_says_where_training_was_stopped(tmp_path: Path) -> None:
    run = Training(tmp_path)
    with pytest.raises(Stopped, match=r"^fit was stopped in epoch 0, after batch 2$"):
        run(At(3))
    with pytest.raises(Stopped, match=r"^fit was stopped in epoch 0, after its last batch$"):
        run(At(STEPS - 3))
    with pytest.raises(Stopped, match=r"^fit was stopped in epoch 1, after batch 0$"):
        run(At(1))


def test_the_rest_of_a_pass_reads_no_image_of_the_part_before(tmp_path: Path) -> None:
    files = []
    for number in range(12):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (9, 9), (20 * number, 255 - 20 * number, 7)).save(path)
        files.append((str(path), number % 2))
    spec = DataSpec("imagefolder", image_size=8, num_classes=2, val_fraction=0.0)
    recipe = Recipe(batch_size=4, mixup=0.5, erasing=0.5)
    images = Files(tmp_path, tuple(files), tuple(files))
    loader = FileData(images, spec, recipe, seed=0, workers=0).train_dataloader()
    whole = list(loader)
    for index in loader.order(0)[0].tolist():
        Path(files[index][0]).unlink()
    loader.load_state_dict({"done": 1})
    rest = list(loader)
    assert len(rest) == 2
    for one, other in zip(rest, whole[1:], strict=True):
        assert all(map(torch.equal, one, other))


def test_a_pass_says_how_many_batches_it_has_handed_out(tmp_path: Path) -> None:
    loader = open_data(SPEC, folder=tmp_path, recipe=Recipe(batch_size=16), seed=0)
    batches = loader.train_dataloader()
    batches.load_state_dict({"done": 2})
    running = iter(batches)
    next(running)
    assert batches.state_dict() == {"done": 3}
    assert len(list(batches)) == len(batches) == STEPS, "the next pass is a whole one"


SIGNALLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = ["tests"]
from small import Training
from lightning_modules.stopping import Stopped

class Told:
    up = False
    def __call__(self):
        if not (folder / "fit.ckpt").exists():
            os.kill(os.getpid(), signal.SIGTERM)
        return self.up

folder, told = Path(sys.argv[1]), Told()
signal.signal(signal.SIGTERM, lambda *_: setattr(told, "up", True))
mine = signal.getsignal(signal.SIGTERM)
try:
    Training(folder)(told)
except Stopped as where:
    assert signal.getsignal(signal.SIGTERM) is mine
    print(where)
"""


def test_sigterm_is_heard_by_the_handler_that_was_there_and_by_no_other(tmp_path: Path) -> None:
    """Also within a SLURM job of several tasks, which a training on one device ignores."""
    slurm = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "2", "SLURM_PROCID": "1", "SLURM_JOB_NAME": "x"}
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, **slurm},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "fit was stopped in epoch 0, after batch 0\n"


def test_without_a_handler_sigterm_ends_the_process_with_a_status_that_is_no_success(
    tmp_path: Path,
) -> None:
    script = SIGNALLED.replace("signal.signal(signal.SIGTERM, lambda", "(lambda *_: 0)(0, lambda")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, timeout=120
    )
    assert done.returncode == -signal.SIGTERM
