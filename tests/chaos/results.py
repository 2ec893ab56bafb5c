"""What a run of many rounds came to, for the terminal and for `docs/reliability.md`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.rounds import Result
from tests.chaos.schedule import Action, Kind, Target

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_TABLE_END = "<!-- runs end -->"
_FAULTS = "<!-- faults -->"
_FAULTS_END = "<!-- faults end -->"


@dataclass
class Run:
    """The sums of all rounds. `seed` is that of the first."""

    seed: int
    rounds: int
    most: int
    done: Counter[Kind] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    failed_seeds: list[str] = field(default_factory=list)
    sweeps: int = 0
    left_out: set[Action] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0

    @property
    def failed(self) -> int:
        """Return how many rounds and sweeps were not right."""
        return len(self.failed_seeds)

    def add(self, result: Result, missing: Collection[Action]) -> None:
        """Add a round; `missing` is what could not be done on this machine."""
        self.done[result.schedule.kind] += 1
        self.counts.update(result.counts)
        self.left_out |= set(missing)
        if result.problems:
            self.failed_seeds.append(f"{result.schedule.seed} {result.schedule.kind}")

    def add_sweep(self, kind: Kind, problems: list[str]) -> None:
        """Add the sweep at the end of a world."""
        self.sweeps += 1
        if problems:
            self.failed_seeds.append(f"sweep {kind}")
            print("\n".join(problems), flush=True)  # noqa: T201

    def finish(self) -> None:
        """Stop the clock."""
        self.seconds = time.monotonic() - self.began

    def summary(self) -> str:
        """Return the sums as lines."""
        rounds = sum(self.done.values())
        parts = ", ".join(f"{count} {kind}" for kind, count in self.done.items())
        lines = [f"{rounds} rounds ({parts}) in {self.seconds / 60:.0f} min, {self.failed} failed"]
        lines += [f"  {name}: {count}" for name, count in self.counts.items() if name != "most"]
        if self.left_out:
            lines.append(
                f"LEFT OUT, since this machine does not allow it: {', '.join(sorted(self.left_out))}"
            )
        if self.failed_seeds:
            lines.append(f"failed: {', '.join(self.failed_seeds)}")
        return "\n".join(lines)

    def write(self) -> None:
        """Add a row to the table of runs in the document and renew the table of faults."""
        text = DOCUMENT.read_text()
        text = text.replace(_TABLE_END, f"{self._row()}\n{_TABLE_END}")
        before, _, rest = text.partition(_FAULTS)
        _, _, after = rest.partition(_FAULTS_END)
        DOCUMENT.write_text(f"{before}{_FAULTS}\n{self._fault_table()}\n{_FAULTS_END}{after}")

    def _row(self) -> str:
        count = self.counts
        rounds = sum(self.done.values())
        cells = [
            f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
            f"{self.seed} to {self.seed + rounds - 1}",
            " + ".join(f"{self.done[kind]} {kind}" for kind in Kind if self.done[kind]),
            f"{count['submissions']:,}",
            f"{count['accepted']:,}",
            f"{count['unanswered']:,} ({count['unanswered and kept']:,})",
            f"{count['tries without an answer']:,} of {count['tries']:,}",
            f"{count['callbacks']:,}",
            f"{count['faults']:,}",
            f"{self.seconds / 60:.0f} min",
            ", ".join(self.failed_seeds) or "0",
        ]
        return f"| {' | '.join(cells)} |"

    def _fault_table(self) -> str:
        lines = [f"| | {' | '.join(Action)} |", "|---|" + "--:|" * len(Action)]
        for target in Target:
            numbers = [self.counts[f"{action} {target}"] for action in Action]
            if any(numbers):
                lines.append(f"| {target} | {' | '.join(str(number or '') for number in numbers)} |")
        return "\n".join(lines)
