"""`python -m bench`: measure, print the table, write bench-results.json. Exit code 1 if a target is missed."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from pathlib import Path

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
    if options.quick:
        print("\nA quick run: a tenth of the replicas, short loads. The verdicts mean nothing.")
        return 0
    report.write_json(options.output, figures, remarks)
    missed = [t for t in TARGETS if figures[t.row] and not t.reached(statistics.median(figures[t.row]), t.must)]
    return 1 if missed else 0


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
