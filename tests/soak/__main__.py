"""`python -m tests.soak 0 100`: run the seeds from 0 to 99 on all cores, and say what broke."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
from collections import Counter

from tests.soak.run import OPERATIONS, Soak, soak


def _one(given: tuple[int, int]) -> tuple[int, Soak | str]:
    seed, operations = given
    logging.disable(logging.CRITICAL)  # that writes fail is the point of it
    try:
        return seed, soak(seed, operations)
    except Exception as problem:  # told with its seed; the others go on
        return seed, repr(problem)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("first", type=int, nargs="?", default=0)
    parser.add_argument("end", type=int, nargs="?", default=100)
    parser.add_argument("--operations", type=int, default=OPERATIONS, help="how long each story is")
    given = parser.parse_args()
    checked: Counter[str] = Counter()
    seconds, writes, bad = 0.0, 0, 0
    with multiprocessing.Pool() as pool:
        seeds = [(seed, given.operations) for seed in range(given.first, given.end)]
        for seed, result in pool.imap_unordered(_one, seeds):
            problems = [result] if isinstance(result, str) else result.problems
            bad += bool(problems)
            for problem in problems:
                print(f"seed {seed}: {problem}", flush=True)
            if isinstance(result, Soak):
                checked += result.checked
                seconds += result.seconds
                writes += result.writes
    print(f"{len(seeds)} seeds, {bad} with problems: {seconds / 3600:.1f} hours in the clusters, {writes} writes")
    for promise, times in sorted(checked.items()):
        print(f"  {promise}: checked {times} times")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
