"""The page of a report over 5,000 runs in Chromium: its weight, how fast it opens and sorts.

    python -m benchmarks.report_page

1,000 rows, training curves of every run. Two shared CPU cores, Chromium 156, window 1440 x 900,
ECharts 6.1 and Tabulator 6.5 in the page; milliseconds until the next frame is drawn:

    weight                                  7.7 MB
      curves 2.4, runs 1.7, drawings 1.2, libraries 1.2, rows and grid 0.7, tables 0.4
    open, until the grid and the table of rows are there
                                            600 to 910 ms, of which CPU 500 to 600
    from rows to runs                       120 to 190 ms
    sort 5,000 runs by any column           40 to 65 ms
    filter 5,000 runs by words              55 ms
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.report_records import COUNTS, cells, fill, seconds
from sweeps.frozen import Plan
from sweeps.ledger import Ledger

EPOCHS = 200
"""Of a training; the page keeps 32 of them."""
READY = "() => document.querySelector('.tabulator-row') && performance.now()"
DRAWN = "await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));"
PRESS = f"""async (element) => {{
  const begun = performance.now();
  element.click();
  {DRAWN}
  return performance.now() - begun;
}}"""
WRITE = f"""async (element, text) => {{
  const begun = performance.now();
  element.value = text;
  element.dispatchEvent(new Event("input"));
  {DRAWN}
  return performance.now() - begun;
}}"""


def main() -> None:
    from reports.report import report

    with tempfile.TemporaryDirectory() as name:
        ledger = Ledger(Path(name) / "runs")
        fill(ledger, Plan("benchmark", "synthetic records", tuple(cells(*COUNTS))))
        train(ledger)
        folder, _ = seconds("report", report, ledger, "benchmark", Path(name))
        print(f"{'weight':<28}{(folder / 'index.html').stat().st_size / 1e6:6.2f} MB")
        look(folder / "index.html")


def train(ledger: Ledger) -> None:
    """Training curves for every run."""
    random.seed(1)
    for cell in ledger.plan("benchmark").cells:
        phase = "fit" if cell.is_dense else "refit"
        rows = [
            {
                "phase": phase,
                "epoch": e,
                "train_loss": random.random(),
                "val_accuracy": random.random(),
            }
            for e in range(EPOCHS)
        ]
        ledger.paths(cell.key).history.write_text(json.dumps(rows))


def look(path: Path) -> None:
    """Open the page a few times, then sort and filter the table."""
    with sync_playwright() as player:
        browser = player.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            clock = page.context.new_cdp_session(page)
            clock.send("Performance.enable", {"timeDomain": "threadTicks"})
            page.goto(path.as_uri(), wait_until="commit")
            time_ms = page.wait_for_function(READY).json_value()
            found = clock.send("Performance.getMetrics")["metrics"]
            spent = {one["name"]: one["value"] for one in found}["TaskDuration"]
            tell(f"open, rows are there, CPU {1000 * spent:.0f} ms", time_ms)
        runs = page.get_by_role("button", name="Runs", exact=True)
        tell("from rows to runs", runs.evaluate(PRESS))
        for name in ("accuracy", "accuracy", "latency_p50_ms", "key", "state"):
            heading = page.locator(f'[tabulator-field="{name}"] button')
            tell(f"sort 5,000 runs by {name}", heading.evaluate(PRESS))
        search = page.locator("#search")
        tell("filter 5,000 runs", search.evaluate(WRITE, "attention3 pruning7"))
        browser.close()


def tell(step: str, time_ms: float) -> None:
    print(f"{step:<40}{time_ms:6.0f} ms")


if __name__ == "__main__":
    main()
