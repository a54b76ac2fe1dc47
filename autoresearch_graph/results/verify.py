"""Fresh runs of the baseline and the best, or of one experiment, after a research.

A kept change was selected for its value, so the value is biased: on average even a night of noise
alone shows a gain. Fresh runs with unused seeds are not selected. They are interleaved, so that a
machine that becomes slower slows both down.

Only verify.json, verify/ and replays/ are written: not the branch, not the ledger.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from autoresearch_graph.core.experiment import Experiment, Measured, Outcome
from autoresearch_graph.errors import InputError, LabError
from autoresearch_graph.results.holdout import Replication
from autoresearch_graph.results.records import Records, find
from autoresearch_graph.runner import Executor, Watch
from autoresearch_graph.runner.placement import open_executor
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage import files
from autoresearch_graph.storage.manifest import Start, lock
from autoresearch_graph.workspace.workspace import Workspace

FIRST_SEED = 1000  # a research counts its seeds from 0, and never reaches this
Tell = Callable[[str], None]


@dataclass(frozen=True)
class _Stand:
    """A research that is not running, and an executor for it."""

    records: Records
    workspace: Workspace
    place: Executor

    def run(self, number: int, *, seed: int, log: Path) -> Outcome:
        """Run one experiment as it is in git; KeyboardInterrupt ends its run, too."""
        text = self.workspace.text_of(number)
        self.place.lay_out(text)
        program = self.records.program
        return self.place.conduct(program, text, seed=seed, log=log, watch=Watch())


def verify(settings: Settings, *, repeats: int, tell: Tell = lambda line: None) -> Replication:
    """Run baseline and incumbent `repeats` times each with the same fresh seeds, and compare.

    The result is also written to verify.json. InputError if there is nothing to compare, or while
    the research is running; LabError if fewer than two runs of either gave a metric.
    """
    with _stand(settings) as stand:
        best = stand.records.incumbent
        if best is None or best.number == 0:
            raise InputError(
                f"{stand.records.tag} has kept nothing that could be verified", code="nothing-kept"
            )
        numbers = (0, best.number)
        measured: dict[int, list[float]] = {number: [] for number in numbers}
        for turn in range(repeats):
            for number in numbers if turn % 2 == 0 else numbers[::-1]:
                log = stand.records.folder / "verify" / f"{number:04d}-{turn}.txt"
                outcome = stand.run(number, seed=FIRST_SEED + turn, log=log)
                tell(f"experiment {number}, run {turn + 1} of {repeats}: {said(outcome)}")
                if isinstance(outcome, Measured):
                    measured[number].append(outcome.metric)
        result = compare(measured[0], measured[best.number], best, stand.records.baseline or 0.0)
        files.replace(stand.records.folder / "verify.json", result.model_dump_json(indent=2))
        return result


def replay(settings: Settings, number: int) -> str:
    """Run one experiment again with the seed of its first trial, and report both results.

    InputError for a number that is not in the ledger, or while the research is running.
    """
    with _stand(settings) as stand:
        experiment = stand.records.experiment(number)
        log = stand.records.folder / "replays" / f"{number:04d}.txt"
        outcome = stand.run(number, seed=0, log=log)
        before = said(experiment.trials[0]) if experiment.trials else experiment.reason
        now = f"was {before}; is {said(outcome)}"
        return f"experiment {number} ({experiment.status}): {now}; its log is {log}"


def compare(
    baseline: Sequence[float], incumbent: Sequence[float], best: Experiment, claimed_against: float
) -> Replication:
    """Return the difference of the means, with its 95 % interval by Welch's t-test."""
    if min(len(baseline), len(incumbent)) < 2:
        raise LabError("fewer than two runs of the baseline or of the best gave a metric")
    from scipy import stats

    difference = sum(incumbent) / len(incumbent) - sum(baseline) / len(baseline)
    half = 0.0
    if len({*baseline}) > 1 or len({*incumbent}) > 1:
        test = stats.ttest_ind(incumbent, baseline, equal_var=False)
        half = float(test.confidence_interval(0.95).high) - difference
    return Replication(
        number=best.number,
        claimed=(best.metric or 0.0) - claimed_against,
        replicated=difference,
        half_width=half,
        baseline=tuple(baseline),
        incumbent=tuple(incumbent),
    )


def said(outcome: Outcome) -> str:
    """Return an outcome in a few words."""
    if isinstance(outcome, Measured):
        return f"{outcome.metric:.6g}"
    reason = "killed at its limit" if outcome.kind == "timed out" else outcome.reason
    return f"no metric ({reason})"


@contextmanager
def _stand(settings: Settings) -> Iterator[_Stand]:
    """Open a research without its lab, and hold its lock, so that it is not running."""
    records = find(settings)
    named = replace(settings, tag=records.tag)
    start = Start(tag=records.tag, base=records.base, program=records.program)
    with lock(records.folder), open_executor(named, start) as (workspace, place):
        yield _Stand(records, workspace, place)
