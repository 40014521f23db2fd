"""The table, and the JSON beside it."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.targets import TARGETS, Target

HEADINGS = ("work", "Kubernetes stock", "unthrottled", "must reach", "then", "Podium median", "range", "verdict")


def table(figures: Mapping[str, Sequence[float]]) -> str:
    rows = [HEADINGS, *(_row(target, figures[target.row]) for target in TARGETS if figures.get(target.row))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(
            text.ljust(width) if column in (0, len(widths) - 1) else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _row(target: Target, values: Sequence[float]) -> tuple[str, ...]:
    median = statistics.median(values)
    spread = f"{_number(min(values), target)} - {_number(max(values), target)}" if len(values) > 1 else ""
    others = (target.stock, target.unthrottled, target.must, target.then, median)
    return (target.work, *(_number(value, target, unit=True) for value in others), spread, target.verdict(median))


def _number(value: float | None, target: Target, unit: bool = False) -> str:
    if value is None:
        return "-"
    digits = {"s": 2 if value < 10 else 1, "MB": 0, "/s": 0, "%": 1}[target.unit]
    text = f"{value:,.{digits}f}"
    return text + {"s": " s", "MB": " MB", "/s": "/s", "%": "%"}[target.unit] if unit else text


def write_json(
    path: Path, figures: Mapping[str, Sequence[float]], remarks: Mapping[str, Sequence[str]], others: float
) -> None:
    """`others`: which share of the machine other processes took."""
    rows = [
        {
            "row": target.row,
            "work": target.work,
            "unit": target.unit,
            "kubernetesStock": target.stock,
            "kubernetesUnthrottled": target.unthrottled,
            "must": target.must,
            "then": target.then,
            "median": statistics.median(figures[target.row]),
            "runs": list(figures[target.row]),
            "remarks": list(remarks.get(target.row, ())),
            "verdict": target.verdict(statistics.median(figures[target.row])),
        }
        for target in TARGETS
        if figures.get(target.row)
    ]
    machine = {
        "cores": psutil.cpu_count(),
        "memoryMB": psutil.virtual_memory().total // 1_000_000,
        "system": platform.platform(),
        "python": platform.python_version(),
        "takenByOthers": round(others, 3),
    }
    result = {"podium": version("podium"), "time": datetime.now(UTC).isoformat(), "machine": machine, "rows": rows}
    path.write_text(json.dumps(result, indent=2) + "\n")
