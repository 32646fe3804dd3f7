"""Planning 10,000 cells, and one cell of it the way Hydra composes a job.

    python -m benchmarks.planning

A grid of 10,000 cells (10 backbones, 5 attentions, 10 prunings, 20 seeds) is planned from its
overrides to frozen cells with keys; then Hydra composes a full job configuration, as its own
multirun does for each run, a hundred times. Both in one process; CPU seconds.
"""

from __future__ import annotations

import time

from hydra import compose, initialize_config_dir

from sweeps.compose import register
from sweeps.grid import Sweep
from sweeps.overrides import CONF
from sweeps.plan import plan
from sweeps.settings import defaults

BACKBONES = "resnet8,resnet20,resnet32,resnet44,resnet56,resnet110,preresnet20,vgg16_bn,wrn16_1"
GRID = {
    "common": [
        f"backbone={BACKBONES},mobilenetv2",
        "attention=none,se,eca,cbam,sge",
        "seed=range(20)",
    ],
    "blocks": [
        ["pruning=none"],
        ["pruning=magnitude,lamp,random", "pruning.sparsity=0.5,0.8,0.9"],
    ],
}
JOBS = 100


def main() -> None:
    start = time.process_time()
    made = plan(Sweep.parse("benchmark", GRID), defaults())
    keys = {cell.key for cell in made.cells}
    ours = time.process_time() - start
    print(f"plan of {len(keys):,} cells: {ours:.2f} s, {1e6 * ours / len(keys):.0f} us a cell")
    register()
    start = time.process_time()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for seed in range(JOBS):
            compose("config", ["backbone=resnet20", "attention=se", f"seed={seed}"])
    hydra = (time.process_time() - start) / JOBS
    whole = hydra * len(keys)
    print(f"Hydra's composition: {1e3 * hydra:.0f} ms a job, {whole:.0f} s for as many")
    print(f"ratio: {whole / ours:.0f}")


if __name__ == "__main__":
    main()
