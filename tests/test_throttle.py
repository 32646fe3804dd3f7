"""One limit for jobs at the same time, shared by the arrays of a submission."""

from __future__ import annotations

import pytest

from sweeps.cluster.slurm import Job
from sweeps.cluster.throttle import shares, wanted


@pytest.mark.parametrize(
    ("asked", "limit", "given"),
    [
        ([10, 10], 6, [5, 1]),
        ([2, 10], 6, [2, 4]),
        ([1, 1, 1], 6, [1, 1, 1]),
        ([4, 0, 4], 6, [4, 1, 1]),
        ([3, 3, 3], 2, [1, 1, 1]),
    ],
)
def test_the_first_arrays_get_the_most_and_each_one_at_least(
    asked: list[int], limit: int, given: list[int]
) -> None:
    assert shares(asked, limit) == given
    assert sum(given) <= max(limit, len(asked))


def test_tasks_that_could_not_start_leave_their_share_to_others() -> None:
    queue = [
        Job("7_0", "7", "RUNNING", "None", ""),
        Job("7_1", "8", "PENDING", "JobArrayTaskLimit", ""),
        Job("9_0", "9", "PENDING", "Dependency", ""),
        Job("5_0", "5", "RUNNING", "None", ""),
    ]
    assert wanted(queue, {"7": 0, "9": 1, "11": 2}) == {"7": 2, "9": 0}
