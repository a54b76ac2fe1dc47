"""A research read from its folder, without opening its lab: while it runs, or long after."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from autoresearch_graph.core.experiment import Author, Experiment, Measured
from autoresearch_graph.core.formatting import Figures, for_people
from autoresearch_graph.core.incumbent import IncumbentEstimate
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.values import Cost, in_words, total
from autoresearch_graph.errors import InputError
from autoresearch_graph.results.holdout import (
    HeldOut,
    Replication,
    held_out,
    holdout_of,
    never_read,
    pruned_runs,
    replicated,
    unanswered,
)
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage import ledger
from autoresearch_graph.storage.artifacts import Artifacts
from autoresearch_graph.storage.manifest import read_start, researches
from autoresearch_graph.storage.spending import Spending
from autoresearch_graph.storage.status import Status, read_status

if TYPE_CHECKING:
    from git import Repo

    from autoresearch_graph.workspace.workspace import Workspace

UNCONFINED_NOTE = "unwalled: no walls held the runs, so the asset could have marked its own work"


@dataclass(frozen=True, kw_only=True)
class AuthorSummary:
    """Proposals of one author; `gain` is in the metric's unit, positive is better."""

    author: Author
    proposals: int
    kept: int
    gain: float
    cost: Cost


@dataclass(frozen=True, kw_only=True)
class Records:
    """The files of a research, and figures computed from them."""

    folder: Path
    base: str
    program: Program
    experiments: list[Experiment]

    @property
    def tag(self) -> str:
        """The research's name."""
        return self.folder.name

    @property
    def baseline(self) -> float | None:
        """The metric of the untouched asset, if it was measured: the mean of all its runs.

        After a drift of the machine it is the value that the asset would have now, so that only
        figures of one time are compared.
        """
        incumbents = [estimate.incumbent for estimate in self.estimates]
        own = [best.metric for best in incumbents if best and best.number == 0]
        if not own:
            return None
        return own[0] + self.drift if self.drift else own[-1]

    @property
    def drift(self) -> float:
        """The drift of the machine since the baseline, in the metric's unit."""
        return self.estimates[-1].drift if self.experiments else 0.0

    @property
    def drifted(self) -> str:
        """The drift in sigmas, as a sentence; empty if it may be noise."""
        if not self.drift:
            return ""
        sigmas = abs(self.drift) / self.estimates[-1].sigma
        return (
            f"the machine drifted: the incumbent has moved by {sigmas:.1f} sigma "
            f"({self.drift:+.3g}) since the baseline was measured"
        )

    @property
    def unread(self) -> str:
        """A doubt that the asset is read at all; empty if some experiment gave other figures."""
        return never_read(self.experiments, self.program)

    @cached_property
    def incumbent(self) -> Experiment | None:
        """The best kept so far; its metric is the mean of all its runs, later ones included."""
        best = self.estimates[-1].incumbent if self.experiments else None
        if best is None:
            return None
        kept = next(e for e in self.experiments if e.number == best.number)
        return kept.model_copy(update={"metric": best.metric})

    @cached_property
    def to_beat(self) -> dict[int, float]:
        """The value that each experiment had to beat."""
        found = {}
        for row, before in zip(self.experiments[1:], self.estimates, strict=False):
            best = before.measured_again(row.incumbent_runs).incumbent
            if best is not None:
                found[row.number] = best.metric
        return found

    @cached_property
    def gains(self) -> dict[int, float]:
        """The improvement of each measured experiment on the value that it had to beat."""
        improvement, to_beat = self.program.metric.improvement, self.to_beat
        return {
            e.number: improvement(e.metric, to_beat[e.number])
            for e in self.experiments
            if e.metric is not None and e.number in to_beat
        }

    @cached_property
    def estimates(self) -> list[IncumbentEstimate]:
        """The estimate of the incumbent after each row."""
        first = IncumbentEstimate()
        return list(accumulate(self.experiments, IncumbentEstimate.after, initial=first))[1:]

    @property
    def gain(self) -> float:
        """The improvement of the incumbent on the baseline, in the metric's unit."""
        if self.incumbent is None or self.incumbent.metric is None or self.baseline is None:
            return 0.0
        return self.program.metric.improvement(self.incumbent.metric, self.baseline)

    @property
    def share(self) -> str:
        """The gain as a share of the baseline, such as `4.2%`; empty without a baseline."""
        return f"{abs(self.gain / self.baseline):.1%}" if self.baseline else ""

    @property
    def improvement(self) -> str:
        """The gain in words, such as `better by 0.03 (4.2%)`."""
        share = f" ({self.share})" if self.share else ""
        return f"{self._better} by {self.figures.difference(self.gain)}{share}"

    @property
    def _better(self) -> str:
        """The direction of the gain; a judge that a person plugged in may keep what is worse."""
        return "worse" if self.gain < 0 else "better"

    @property
    def held_out(self) -> HeldOut | None:
        """The holdout's values of baseline and incumbent, if it was run."""
        if self.incumbent is None or self.incumbent.number == 0:
            return None
        best, metric = self.incumbent.number, self.program.metric
        return held_out(self.folder, metric=metric, best=best, claimed=self.gain)

    @property
    def unanswered(self) -> str:
        """The reason why the holdout has no value to compare; empty if it has, or never ran."""
        best = self.incumbent
        return unanswered(self.folder, best.number) if best and best.number else ""

    @property
    def veto(self) -> str:
        """The holdout's objection to the incumbent: no better on it, or no value; else empty."""
        if held := self.held_out:
            return held.warning and f"{held}; {held.warning}"
        return "" if self.holdout(0) is None else self.unanswered

    @property
    def replication(self) -> Replication | None:
        """The result of `autoresearch verify` for the incumbent, if there is one."""
        found = replicated(self.folder)
        best = self.incumbent and self.incumbent.number
        return found if found and found.number == best else None

    @cached_property
    def figures(self) -> Figures:
        """The rounding of metric figures that people read."""
        sigma = self.estimates[-1].sigma if self.experiments else 0.0
        return for_people(sigma, *values_of(self.experiments))

    def mark(self, e: Experiment) -> str:
        """Return the mark of a metric that no walls protected; else empty."""
        return " unwalled" if e.metric is not None and e.is_unconfined else ""

    @property
    def is_unconfined(self) -> bool:
        """True if baseline or incumbent ran without walls."""
        known = [e for e in (*self.experiments[:1], self.incumbent) if e is not None]
        return any(map(self.mark, known))

    def reason(self, e: Experiment) -> str:
        """Return the reason of a verdict, with the metric's figures rounded as everywhere."""
        runs = [run.metric for run in (*e.trials, *e.incumbent_runs) if isinstance(run, Measured)]
        values = [v for v in (*runs, e.metric, self.to_beat.get(e.number)) if v is not None]
        gain = self.gains.get(e.number)
        return self.figures.within(e.reason, values, [] if gain is None else [gain])

    def holdout_and_replication(self) -> list[str]:
        """Return the results of pruning, holdout and replication, a sentence each."""
        sentences = [pruned_runs(self.experiments), self.unanswered]
        if held := self.held_out:
            sentences.append("; ".join(filter(None, (str(held), held.warning))))
        if found := self.replication:
            warning = found.warning(self.program.metric)
            sentences.append("; ".join(filter(None, (str(found), warning))))
        return [sentence for sentence in sentences if sentence]

    def holdout(self, number: int) -> float | None:
        """Return the holdout's value for one experiment, if it was run for that."""
        return holdout_of(self.folder, number)

    def count(self, status: str) -> int:
        """Count the experiments with this verdict, without the baseline."""
        return sum(e.status == status for e in self.experiments if e.number > 0)

    @cached_property
    def cost(self) -> Cost:
        """The cost of all answers of a model, those that led to no proposal included."""
        return total(Spending(self.folder).costs(self.experiments))

    @property
    def ending(self) -> Status | None:
        """The status with which it ended, if that is known."""
        now = read_status(self.folder)
        return now if now and now.ending else None

    @property
    def spent(self) -> str:
        """The cost in words, in all and for each improvement kept; empty without a model."""
        cost = self.cost
        each = cost.each(self.count("keep"))
        share = f", {in_words(each)} for each improvement kept" if each else ""
        lost = cost.tokens - total(self.experiments).tokens
        share += f", {lost:,} tokens led to no proposal" if lost > 0 else ""
        return in_words(cost) + share if cost.is_paid else ""

    @property
    def project(self) -> Path:
        """The folder of the project, which has `.autoresearch/<tag>`."""
        return self.folder.parents[1]

    def workspace(self, repo: "Repo") -> "Workspace":
        """Return the workspace of this research in its repository; nothing in it is moved."""
        from autoresearch_graph.workspace.workspace import Workspace  # git, which few readers need

        return Workspace(
            repo, project=self.project, tag=self.tag, base=self.base, asset=self.program.asset
        )

    def by_author(self) -> list[AuthorSummary]:
        """Return the proposals, gains and cost of each author.

        Only models are paid: a cost in the row of a search is that of a model that gave up.
        """
        proposals: dict[Author, list[Experiment]] = {}
        for row in self.experiments[1:]:
            proposals.setdefault(row.author, []).append(row)
        if self.cost.is_paid:
            proposals.setdefault("model", [])
        found = []
        for author, own in proposals.items():
            kept = [row.number for row in own if row.status == "keep" and row.number in self.gains]
            gain = sum((self.gains[number] for number in kept), start=0.0)
            cost = self.cost if author == "model" else Cost()
            found.append(
                AuthorSummary(
                    author=author, proposals=len(own), kept=len(kept), gain=gain, cost=cost
                )
            )
        return found

    def summary(self) -> str:
        """Say in one sentence how far it has come."""
        if not self.experiments:
            return f"{self.tag}: no experiment has been judged yet"
        if self.incumbent is None or self.incumbent.metric is None or self.baseline is None:
            return f"{self.tag}: the baseline gave no metric: {self.experiments[0].reason}"
        before, after = map(self.figures.value, (self.baseline, self.incumbent.metric))
        gain = ", ".join(filter(None, (self.figures.difference(self.gain), self.share)))
        change, branch = (
            f"{before} → {after} ({self._better} by {gain})",
            f"autoresearch/{self.tag}",
        )
        if self.incumbent.number == 0:
            change, branch = f"{before}, nothing was better", ""
        tried = len(self.experiments) - 1
        parts = (
            f"{self.tag}: {self.program.metric.name} {change} "
            f"after {tried} experiment{'s' * (tried != 1)}: {self.count('keep')} kept, "
            f"{self.count('discard')} discarded, {self.count('crash')} crashed",
            self.spent,
            self.drifted,
            self.unread,
            "unwalled" * self.is_unconfined,
            branch and f"the best is on {branch}",
        )
        return "; ".join(filter(None, parts))

    def as_json(self) -> str:
        """Return all figures and rows as one JSON object."""
        return json.dumps(
            {
                "tag": self.tag,
                "base": self.base,
                "metric": self.program.metric.model_dump(),
                "baseline": self.baseline,
                "incumbent": self.incumbent and self.incumbent.model_dump(mode="json"),
                "gain": self.gain,
                "drift": self.drift,
                "unwalled": self.is_unconfined,
                "held_out": self.held_out and self.held_out.model_dump(),
                "ended": self.ending and self.ending.model_dump(include={"ending", "failed"}),
                "replication": self.replication and self.replication.model_dump(),
                "cost": _cost_as_json(self.cost, self.count("keep")),
                "yields": [
                    vars(y) | {"cost": _cost_as_json(y.cost, y.kept)} for y in self.by_author()
                ],
                "experiments": [e.model_dump(mode="json") for e in self.experiments],
            },
            indent=2,
        )

    def experiment(self, number: int) -> Experiment:
        """Return one experiment; InputError if there is none of that number."""
        for experiment in self.experiments:
            if experiment.number == number:
                return experiment
        raise InputError(
            f"{self.tag} has no experiment {number}; "
            f"see which there are with: autoresearch status --tag {self.tag}",
            code="no-experiment",
        )

    def file(self, number: int, name: str) -> str:
        """Return the text of a file of one experiment; empty if there is none."""
        return Artifacts(self.folder).read(number, name)


def values_of(experiments: Iterable[Experiment]) -> tuple[list[float], list[float]]:
    """Return the metrics of all experiments that have one, and those of the kept ones."""
    rows = [(row.metric, row.status) for row in experiments if row.metric is not None]
    return [value for value, _ in rows], [value for value, status in rows if status == "keep"]


def _cost_as_json(cost: Cost, kept: int) -> dict[str, object]:
    each = cost.each(kept)
    return {
        **cost.model_dump(),
        "per_kept": each and each.model_dump(include={"tokens", "dollars"}),
    }


def find(settings: Settings) -> Records:
    """Find the research of that tag, or the one that was worked on last."""
    latest = [settings.folder] if settings.tag else researches(settings.root)
    records = load(latest[0]) if latest else None
    if records is None:
        tag = f" {settings.tag!r}" if settings.tag else ""
        known = ", ".join(folder.name for folder in researches(settings.root))
        advice = f"it has: {known}" if known else "start one with: autoresearch run"
        raise InputError(
            f"{settings.project} has no research{tag}; {advice}",
            code="no-research",
        )
    return records


def load(folder: Path) -> Records | None:
    """Read the research in `folder`; None if none has started."""
    start = read_start(folder)
    if start is None:
        return None
    experiments = ledger.read(folder / "experiments.jsonl")
    return Records(folder=folder, base=start.base, program=start.program, experiments=experiments)
