"""Fixtures: one real cluster for all tests, and one without accounting."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.slurm.cluster import Cluster, find_or_start, start


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """This machine's cluster, or a new one of three nodes that ends with the tests."""
    found = find_or_start()
    yield found
    found.stop()


@pytest.fixture
def cluster_without_accounting() -> Iterator[Cluster]:
    """A new cluster of one node that keeps no accounts."""
    started = start(("n1",), accounting=False)
    yield started
    started.stop()


@pytest.fixture
def shared_folder(cluster: Cluster, tmp_path: Path) -> Iterator[Path]:
    """A new folder that every node sees: below the home folder where the nodes are elsewhere."""
    if cluster.folder is not None:
        yield tmp_path
        return
    home = os.environ.get("TRIPTYCH_TEST_FOLDER", Path.home())
    with tempfile.TemporaryDirectory(dir=home, prefix="triptych-test-") as folder:
        yield Path(folder)


TALLY = pytest.StashKey[dict[str, int]]()


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> dict[str, int]:
    """How many faults of each kind were injected, and ``cells`` that were compared after them."""
    return pytestconfig.stash.setdefault(TALLY, {})


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker process hands its counts to the one that reports."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tally"] = session.config.stash.get(TALLY, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    total = node.config.stash.setdefault(TALLY, {})
    for kind, count in getattr(node, "workeroutput", {}).get("tally", {}).items():
        total[kind] = total.get(kind, 0) + count


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    counts = dict(config.stash.get(TALLY, {}))
    if counts:
        cells = counts.pop("cells", 0)
        faults = ", ".join(f"{kind} {count}" for kind, count in counts.items())
        terminalreporter.write_line(f"faults injected: {faults}")
        terminalreporter.write_line(
            f"{cells} cells compared with an uninterrupted run: none lost, trained twice or changed"
        )
