"""How many cells a job runs at the same time: as its cluster says, or as the first one measured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sweeps.cluster.child import Ended
from sweeps.cluster.resources import Resources

MOST = 16
SHARE = 0.9
"""The part of the memory that cells may fill together."""
GPU_CONTEXT_MIB = 600.0
"""What a process takes of a GPU beside its tensors."""


class Room:
    """The places of a job.

    Attributes:
        places: cells at the same time; with ``at_once=auto`` one until one has been measured.
        cores: CPU cores of the job.
    """

    def __init__(self, options: Mapping[str, Any], resources: Resources) -> None:
        self.resources = resources
        self._auto = options["at_once"] == "auto"
        self.places = 1 if self._auto else int(options["at_once"])
        self.cores = int(os.environ.get("SLURM_CPUS_PER_TASK") or resources.cpus)

    @property
    def threads(self) -> int:
        """CPU threads of a cell where nothing else was asked for."""
        return max(self.cores // self.places, 1)

    def learn(self, ended: Ended) -> None:
        """Take the peak memory of the first cell as that of every one."""
        if not self._auto:
            return
        self._auto = False
        fits = [SHARE * 1024 * self.resources.memory_gb / max(ended.peak_mib, 1.0)]
        if ended.gpu:
            one = ended.gpu["gpu_peak_mib"] + GPU_CONTEXT_MIB
            fits.append(SHARE * ended.gpu["gpu_total_mib"] / one)
        else:
            fits.append(self.cores)
        self.places = max(1, min(MOST, *(int(fit) for fit in fits)))
