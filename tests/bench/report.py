"""What was measured, in numbers, in lines for people, and as JSON."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.load import Load

HEADINGS = (
    f"{'':30}{'per s':>8}{'p50':>8}{'p95':>8}{'p99':>8}{'cpu':>7}{'db cpu':>7}{'sql':>5}{'bytes':>8}"
    f"{'share':>8}{'by cpu':>8}{'aim':>7}"
)


@dataclass(frozen=True)
class Around:
    """The bare view, right before and after an item."""

    requests: int
    seconds: float
    cpu_seconds: float


@dataclass
class Measured:
    """An item over all rounds: medians of rates and shares, percentiles of all latencies."""

    name: str
    aim: float = 0.0
    most_statements: int = 0
    rates: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0
    database_cpu_seconds: float = 0.0
    bare_requests: int = 0
    bare_cpu_seconds: float = 0.0
    client_share: float = 0.0
    statements: int = 0
    bytes: int = 0

    def note(self, load: Load, cpu: tuple[float, float], around: Around) -> None:
        """Add a round."""
        rate = len(load.times) / load.seconds
        self.rates.append(rate)
        self.shares.append(rate / (around.requests / around.seconds))
        self.times += load.times
        self.cpu_seconds += cpu[0]
        self.database_cpu_seconds += cpu[1]
        self.bare_requests += around.requests
        self.bare_cpu_seconds += around.cpu_seconds
        self.client_share = max(self.client_share, load.client_share)

    @property
    def cpu_share(self) -> float:
        """What the bare view costs the processors, as a share of what this costs: for busy machines."""
        own = (self.cpu_seconds + self.database_cpu_seconds) / max(len(self.times), 1)
        return self.bare_cpu_seconds / max(self.bare_requests, 1) / own if own else 0.0

    @property
    def rate(self) -> float:
        return statistics.median(self.rates) if self.rates else 0.0

    @property
    def share(self) -> float:
        return statistics.median(self.shares) if self.shares else 0.0

    def percentile(self, part: float) -> float:
        """Return a latency in milliseconds."""
        ordered = sorted(self.times)
        return ordered[int(len(ordered) * part)] * 1000 if ordered else 0.0

    @property
    def facts(self) -> dict[str, Any]:
        """What is kept of it."""
        number = max(len(self.times), 1)
        left_out = {"times", "cpu_seconds", "database_cpu_seconds", "bare_requests", "bare_cpu_seconds"}
        return {
            **{name: value for name, value in asdict(self).items() if name not in left_out},
            "rate": round(self.rate, 1),
            "share": round(self.share, 4),
            "cpu_share": round(self.cpu_share, 4),
            "p50_ms": round(self.percentile(0.50), 2),
            "p95_ms": round(self.percentile(0.95), 2),
            "p99_ms": round(self.percentile(0.99), 2),
            "cpu_ms": round(self.cpu_seconds * 1000 / number, 3),
            "database_cpu_ms": round(self.database_cpu_seconds * 1000 / number, 3),
            "requests": len(self.times),
        }

    def line(self) -> str:
        facts = self.facts
        aim = f"{self.aim:7.2f}" if self.aim else f"{'':7}"
        low = " low" if self.aim and self.share < self.aim else ""
        many = " many statements" if self.most_statements and self.statements > self.most_statements else ""
        return (
            f"{self.name:30}{self.rate:8.0f}{facts['p50_ms']:8.1f}{facts['p95_ms']:8.1f}{facts['p99_ms']:8.1f}"
            f"{facts['cpu_ms']:7.2f}{facts['database_cpu_ms']:7.2f}{self.statements:5}{self.bytes:8}"
            f"{self.share:8.3f}{self.cpu_share:8.3f}{aim}{low}{many}"
        )


def keep(path: Path, runs: Sequence[dict[str, Any]]) -> None:
    """Write everything down, with the machine it was measured on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    path.write_text(json.dumps({"machine": machine, "runs": list(runs)}, indent=1) + "\n")


def growth(runs: Sequence[dict[str, Any]]) -> list[str]:
    """Return by how much each item's cost grows from the smallest size to the largest, by engine."""
    lines = []
    for engine in dict.fromkeys(run["engine"] for run in runs):
        of_engine = sorted((run for run in runs if run["engine"] == engine), key=lambda run: run["vouchers"])
        if len(of_engine) < 2:
            continue
        few, many = of_engine[0], of_engine[-1]
        lines.append(
            f"\n{engine}: median latency, {few['vouchers']} to {many['vouchers']} vouchers, as shares"
        )
        # Of the bare view's in their own runs: the machine may have been slower in one of them.
        before = {item["name"]: item for item in few["items"]}
        for item in many["items"]:
            old = before.get(item["name"])
            if old and item["share"] and item["cpu_share"]:
                lines.append(
                    f"{item['name']:30}{old['share'] / item['share']:8.2f}×"
                    f"{old['cpu_share'] / item['cpu_share']:8.2f}× by cpu"
                )
    return lines


def comparison(base: dict[str, Any], head: dict[str, Any]) -> list[str]:
    """Return each item's rate of one revision and the other, and their ratio."""
    before = {item["name"]: item for item in base["items"]}
    lines = [f"{'':30}{'before':>8}{'after':>8}{'ratio':>8}{'sql':>10}{'cpu ms':>14}"]
    for item in head["items"]:
        old = before.get(item["name"])
        if old is None or not old["rate"]:
            continue
        lines.append(
            f"{item['name']:30}{old['rate']:8.0f}{item['rate']:8.0f}{item['rate'] / old['rate']:8.2f}"
            f"{old['statements']:5} →{item['statements']:3}{old['cpu_ms']:7.2f} →{item['cpu_ms']:5.2f}"
        )
    return lines
