"""`python -m bench`: measure, print the table, write bench-results.json. Exit code 1 if a target is missed."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

import psutil

from bench import report
from bench.scenarios import SCENARIOS
from bench.server import Server
from bench.targets import TARGETS


def main() -> int:
    options = _options()
    wanted = set(options.rows or (target.row for target in TARGETS))
    figures: defaultdict[str, list[float]] = defaultdict(list)
    remarks: defaultdict[str, list[str]] = defaultdict(list)
    with Server() as server:  # once for nothing: byte code gets compiled, files get into the page cache
        server.wait_account()
    others = OtherLoad()
    for run in range(options.runs):
        for scenario, rows in SCENARIOS.items():
            if not wanted.intersection(rows):
                continue
            for row, value, remark in scenario(options.quick):
                if row in wanted:
                    figures[row].append(value)
                    remarks[row].append(remark)
                    print(f"run {run + 1}: {row} {value:.2f} {remark and f'({remark})'}", file=sys.stderr, flush=True)
    print(report.table(figures))
    if others.share() > 0.05:
        print(f"\nOther processes took {others.share():.0%} of the machine: on an idle one the figures are better.")
    if options.quick:
        print("\nA quick run: a tenth of the replicas, short loads. The verdicts mean nothing.")
        return 0
    report.write_json(options.output, figures, remarks, others.share())
    missed = [t for t in TARGETS if figures[t.row] and t.missed(statistics.median(figures[t.row]))]
    return 1 if missed else 0


class OtherLoad:
    """How much of the machine's time others took since this was made. A server that ended counts as our own."""

    def __init__(self) -> None:
        self._start, self._others = time.perf_counter(), _other_seconds()

    def share(self) -> float:
        seconds = (time.perf_counter() - self._start) * (psutil.cpu_count() or 1)
        return max((_other_seconds() - self._others) / seconds, 0.0)


def _other_seconds() -> float:
    """CPU seconds that all processes have taken, less those of this one and of its children that have ended."""
    times = psutil.cpu_times()._asdict()
    own = os.times()
    busy: float = sum(times.get(kind, 0.0) for kind in ("user", "nice", "system", "irq", "softirq", "steal"))
    return busy - sum((own.user, own.system, own.children_user, own.children_system))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = [target.row for target in TARGETS]
    parser.add_argument("--rows", nargs="+", choices=names, metavar="ROW", help=f"only these: {', '.join(names)}")
    parser.add_argument("--runs", type=int, default=3, help="medians are over this many runs (default 3)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, to see that everything runs")
    parser.add_argument("--output", type=Path, default=Path("bench-results.json"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
