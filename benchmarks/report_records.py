"""How long a report over 5,000 records takes (1,000 rows, five panels a figure).

    python -m benchmarks.report_records

Two shared CPU cores, Python 3.11, pandas 3.1, matplotlib 3.11, CPU seconds beyond imports (0.55):

    frame and all tables             1.4
      plan, records, rows, tables    0.8
      md, tex, html                  0.4
      csv, parquet                   0.2
    four figures as png, pdf, svg    1.7
    page                             0.3
    report, all of it                3.7
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

from sweeps.cell import SCHEMA, Cell, Choice
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.record import Record

COUNTS = (5, 10, 20, 5)
"""Backbones, attentions, prunings, seeds: 5,000 cells, 1,000 rows."""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        ledger = Ledger(Path(name) / "runs")
        fill(ledger, Plan("benchmark", "synthetic records", tuple(cells(*COUNTS))))
        report = seconds("imports", import_module, "reports.report").report
        for _ in range(2):
            seconds("report", report, ledger, "benchmark", Path(name))
        steps(ledger)


def steps(ledger: Ledger) -> None:
    """The parts of a report, each timed by itself."""
    from reports import document, figures, html, latex, markdown, page, parquet, sheets

    start = time.process_time()
    made = seconds("plan, records, rows, tables", document.Document.of, ledger, "benchmark")
    for write in (
        *(markdown.markdown, latex.latex, html.html, sheets.table_csv, sheets.runs_csv),
        *(parquet.frame_parquet, parquet.rows_parquet),
    ):
        seconds(write.__name__, write, made)
    print(f"frame and all tables: CPU {time.process_time() - start:.2f} s")
    drawn = seconds("figures", figures.figures, made.frame, made.rows, ledger.curves)
    for name, figure in drawn.items():
        seconds(f"{name} files", figures.files, figure)
    seconds("page", page.page, made, {})


def seconds(step: str, work: Callable[..., Any], *given: Any) -> Any:
    """Do the work, print how long it took, hand on what it gave."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(*given)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{step:<28}{wall:6.2f} s, CPU {cpu:5.2f} s")
    return result


def cells(backbones: int, attentions: int, prunings: int, seeds: int) -> Iterable[Cell]:
    """The full product, dense parents first."""
    data = Choice("cifar10", {"source": "cifar", "num_classes": 10, "image_size": 32})
    refit = {"epochs": 4, "lr": 0.01, "schedule": "cosine", "milestones": [], "gamma": 0.1}
    training = {"epochs": 10, "lr": 0.1, "schedule": "cosine", "batch_size": 128}
    style = {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 1e-4, "precision": "32-true"}
    recipe = Choice("short", {**training, **style, "refit": refit})
    for p, b, a, seed in product(*map(range, (prunings, backbones, attentions, seeds))):
        backbone = Choice(f"backbone{b}", {"depth": 8 + b, "width": 16})
        attention = Choice(f"attention{a}" if a else "none", {"reduction": 16, "share": "block"})
        pruning = Choice(f"pruning{p}" if p else "none", {"sparsity": p / 100, "scope": "global"})
        yield Cell(data, backbone, attention, pruning, recipe, seed)


def fill(ledger: Ledger, plan: Plan) -> None:
    """Freeze the plan and write a finished record, drawn at random, for each of its cells."""
    ledger.freeze(plan)
    random.seed(0)
    for cell in plan.cells:
        path = ledger.paths(cell.key).record
        path.parent.mkdir()
        record = {"schema": SCHEMA, "key": cell.key, **outcome(cell)}
        path.write_text(json.dumps(record, indent=1))


def outcome(cell: Cell) -> Record:
    """A record as `sweeps.record` describes it, with numbers that mean nothing."""
    kept = 0.5 if not cell.is_dense else 1.0
    params, macs = random.uniform(2e5, 3e7), random.uniform(2e7, 4e9)
    cost = {"params": int(params), "macs": int(macs), "bytes": int(4 * params)}
    zeros = {"params_nonzero": int(kept * params), "macs_nonzero": int(kept * macs)}
    accuracy, time_ms = random.uniform(0.85, 0.96), random.uniform(1, 20)
    return {
        "cell": cell.json(),
        "status": "done",
        "result": {
            **dict.fromkeys(("accuracy", "accuracy_selected"), accuracy),
            "accuracy_top5": 0.99,
            "accuracy_before_refit": None if cell.is_dense else accuracy / 2,
            **dict.fromkeys(("val_accuracy", "val_loss", "train_loss"), 0.5),
            **dict.fromkeys(("selected_epoch", "epochs"), 10),
            "cost": cost | zeros,
            "cost_dense": cost | zeros,
            "sparsity": 1 - kept,
            "weights": "0" * 64,
        },
        "latency": {
            **dict.fromkeys(("ratio", "ratio_p10", "ratio_p90"), random.uniform(0.9, 2)),
            **dict.fromkeys(("p10_ms", "p50_ms", "p90_ms", "reference_p50_ms"), time_ms),
            **{"reference": "plain", "batch": 128, "device": "cpu", "dtype": "float32"},
            **{"threads": 1, "protocol": "alternating blocks", "peak_mib": 100.0},
        },
        "seconds": {"fit": 10.0, "measure": 1.0},
        "provenance": {
            **{"commit": "0123abc", "dirty": False, "hardware": {"cpu": "A"}, "attempts": 1},
            **{"packages": {"torch": "2.15.0"}, "sources": {}, "data_checksum": "f00"},
        },
        "error": None,
    }


if __name__ == "__main__":
    main()
