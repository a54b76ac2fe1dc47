"""Results of the holdout and of replication, for people alone: no verdict depends on them."""

import re
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from autoresearch_graph.core.experiment import Experiment, Holdout, Measured, Outcome, Pruned
from autoresearch_graph.core.formatting import duration
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.pruning import was_audited
from autoresearch_graph.core.values import Metric, Value
from autoresearch_graph.storage.files import read

_TIES = 5  # experiments: if every second edit did nothing, 1 chance in 32
_USED = re.compile(r"second|time|memory|vram|cpu|_gb$|_mb$|per_s", re.IGNORECASE)


class Replication(Value):
    """Fresh runs of baseline and incumbent; differences are incumbent minus baseline.

    `half_width` is that of the 95 % confidence interval of the replicated difference.
    """

    number: int
    claimed: float
    replicated: float
    half_width: float
    baseline: tuple[float, ...]
    incumbent: tuple[float, ...]

    def __str__(self) -> str:
        runs = f"{len(self.baseline)} and {len(self.incumbent)} fresh runs"
        return (
            f"claimed {signed(self.claimed)}, replicated {signed(self.replicated)} "
            f"± {self.half_width:.2g} (95 %, {runs})"
        )

    def warning(self, metric: Metric) -> str:
        """Return a doubt as a sentence; empty if the gain was replicated."""
        gain = metric.improvement(self.replicated, 0.0)
        if gain - self.half_width > 0:
            return ""
        return "the interval contains 0: fresh runs do not show that anything was gained"


class HeldOut(Value):
    """Holdout values of baseline and incumbent; `gain` is positive for a better incumbent."""

    baseline: float
    incumbent: float
    gain: float
    claimed: float

    @property
    def change(self) -> str:
        """The gain in words."""
        better = "better" if self.gain > 0 else "worse"
        return f"{better} by {abs(self.gain):.3g}" if self.gain else "no better"

    def __str__(self) -> str:
        return f"on the holdout {self.baseline:.6g} → {self.incumbent:.6g} ({self.change})"

    @property
    def warning(self) -> str:
        """A sentence if the metric improved and the holdout did not; else empty."""
        if self.claimed <= 0 or self.gain > 0:
            return ""
        return (
            f"the metric got better by {self.claimed:.3g}, the holdout did not: what was kept may "
            "suit the evaluation alone"
        )


def held_out(folder: Path, *, metric: Metric, best: int, claimed: float) -> HeldOut | None:
    """Compare the baseline with experiment `best` on the holdout; None unless both have a value."""
    first, last = holdout_of(folder, 0), holdout_of(folder, best)
    if first is None or last is None or unanswered(folder, best):
        return None
    gain = metric.improvement(last, first)
    return HeldOut(baseline=first, incumbent=last, gain=gain, claimed=claimed)


def holdout_of(folder: Path, number: int) -> float | None:
    """Return the holdout's value for a kept experiment; None if it did not run, or failed."""
    answer = _answer(folder, number)
    return answer.metric if answer else None


def unanswered(folder: Path, best: int) -> str:
    """Say why baseline and experiment `best` cannot be compared on the holdout.

    Empty if they can, and if the holdout was never run.
    """
    for name, number in (("the baseline", 0), (f"experiment {best}", best)):
        answer = _answer(folder, number)
        if answer and answer.metric is None:
            return f"the holdout gave no number for {name}: {answer.reason}"
    units = [answer.unit for number in (0, best) if (answer := _answer(folder, number))]
    if None not in units and len({*units}) > 1:
        return f"the holdout printed the baseline and experiment {best} in different units"
    return ""


def _answer(folder: Path, number: int) -> Holdout | None:
    path = folder / "experiments" / f"{number:04d}" / "holdout.json"
    return Holdout.from_json(text, place=path) if (text := read(path)) else None


def replicated(folder: Path) -> Replication | None:
    """Return the result of the last `autoresearch verify`."""
    path = folder / "verify.json"
    return Replication.from_json(text, place=path) if (text := read(path)) else None


def never_read(experiments: Sequence[Experiment], program: Program) -> str:
    """Ask whether the asset is read if every experiment gave the baseline's figures; else empty.

    A crash, another figure beside the metric or another item shows that the asset is read.
    """
    tried = [e for e in experiments if e.trials]
    runs = [run for e in tried for run in (*e.trials, *e.incumbent_runs)]
    seen = {_printed(run) for run in runs}
    if len(tried) - 1 < _TIES or len(seen) > 1 or not isinstance(runs[0], Measured):
        return ""
    count = len(tried) - 1
    return (
        f"{count} of {count} experiments gave exactly the baseline's figure: does the command read "
        f"{program.asset}?"
    )


def _printed(run: Outcome) -> object:
    """Return the figures of a run, but for time and memory; its kind if it failed."""
    if not isinstance(run, Measured):
        return run.kind
    said = {name: value for name, value in run.metrics.items() if not _USED.search(name)}
    return run.metric, run.items, *sorted(said.items())


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return f"{value:+.3g}".replace("-", "\N{MINUS SIGN}")


def pruned_runs(experiments: Sequence[Experiment]) -> str:
    """Say how many runs were pruned, and the time that it saved; empty if none was."""
    runs = [run for row in experiments for run in row.trials]
    pruned = [run.seconds for run in runs if isinstance(run, Pruned)]
    audited = list(filter(was_audited, experiments))
    if not (pruned or audited):
        return ""
    usual = fmean(run.seconds for run in runs if isinstance(run, Measured))
    saved = sum(max(0.0, usual - seconds) for seconds in pruned)
    kept = ", ".join(str(row.number) for row in audited if row.status == "keep")
    found = f"experiment {kept} was kept all the same" if kept else "none was kept"
    return (
        f"{len(pruned)} hopeless runs were ended early, which saved {duration(saved)}; "
        f"{len(audited)} more were let go on as an audit, of which {found}"
    )
