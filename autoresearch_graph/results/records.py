"""A research as it lies on disk, read without opening its lab: while it runs, or long after."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

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
    hopeless_runs,
    never_read,
    replicated,
    unanswered,
)
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage import ledger
from autoresearch_graph.storage.artifacts import Artifacts
from autoresearch_graph.storage.manifest import read_start, researches
from autoresearch_graph.storage.spending import Spending
from autoresearch_graph.storage.status import Status, read_status

UNCONFINED_NOTE = "unwalled: no walls held the runs, so the asset could have marked its own work"


@dataclass(frozen=True, kw_only=True)
class Yield:
    """What one author's proposals came to; `gain` is in the metric's unit, positive is better."""

    author: Author
    proposals: int
    kept: int
    gain: float
    cost: Cost


@dataclass(frozen=True, kw_only=True)
class Records:
    """What is known of a research."""

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

        After a drift of the machine it is what it would be now: figures from before are not
        compared with figures from after.
        """
        standings = [standing for standing in self.standings if standing.incumbent]
        own = [s.incumbent for s in standings if s.incumbent and s.incumbent.number == 0]
        if not own:
            return None
        return own[0].metric + self.drift if self.drift else own[-1].metric

    @property
    def drift(self) -> float:
        """By how much the machine has drifted since the baseline, in the metric's unit."""
        return self.standings[-1].drift if self.experiments else 0.0

    @property
    def drifted(self) -> str:
        """The drift in sigmas, as a sentence; nothing where it may be luck."""
        if not self.drift:
            return ""
        sigmas = abs(self.drift) / self.standings[-1].sigma
        return (
            f"the machine drifted: the incumbent has moved by {sigmas:.1f} sigma "
            f"({self.drift:+.3g}) since the baseline was measured"
        )

    @property
    def unread(self) -> str:
        """A doubt that the asset is read, where every experiment gave the baseline's figures."""
        return never_read(self.experiments, self.program)

    @cached_property
    def incumbent(self) -> Experiment | None:
        """The best kept so far; its metric is the mean of all its runs, later ones included."""
        best = self.standings[-1].incumbent if self.experiments else None
        if best is None:
            return None
        kept = next(e for e in self.experiments if e.number == best.number)
        return kept.model_copy(update={"metric": best.metric})

    @cached_property
    def to_beat(self) -> dict[int, float]:
        """The value that each experiment had to beat."""
        nows = zip(self.experiments[1:], self.standings, strict=False)
        bests = ((e.number, before.measured_again(e.beside).incumbent) for e, before in nows)
        return {number: best.metric for number, best in bests if best is not None}

    @cached_property
    def gains(self) -> dict[int, float]:
        """By how much each measured experiment was better than the value that it had to beat."""
        improvement, to_beat = self.program.metric.improvement, self.to_beat
        return {
            e.number: improvement(e.metric, to_beat[e.number])
            for e in self.experiments
            if e.metric is not None and e.number in to_beat
        }

    @cached_property
    def standings(self) -> list[IncumbentEstimate]:
        """Where the research stood after each row."""
        found, now = [], IncumbentEstimate()
        for experiment in self.experiments:
            now = now.after(experiment)
            found.append(now)
        return found

    @property
    def gain(self) -> float:
        """By how much the incumbent improves on the baseline, in the metric's unit."""
        if self.incumbent is None or self.incumbent.metric is None or self.baseline is None:
            return 0.0
        return self.program.metric.improvement(self.incumbent.metric, self.baseline)

    @property
    def held_out(self) -> HeldOut | None:
        """What the holdout says of baseline and incumbent, where it was asked."""
        if self.incumbent is None or self.incumbent.number == 0:
            return None
        best, metric = self.incumbent.number, self.program.metric
        return held_out(self.folder, metric=metric, best=best, claimed=self.gain)

    @property
    def unanswered(self) -> str:
        """Why the holdout says nothing of the incumbent, where it was asked and failed."""
        best = self.incumbent
        return unanswered(self.folder, best.number) if best and best.number else ""

    @property
    def veto(self) -> str:
        """Say why the holdout speaks against the incumbent: it fell back, or broke."""
        if held := self.held_out:
            return held.warning and f"{held}; {held.warning}"
        return "" if self.holdout(0) is None else self.unanswered

    @property
    def replication(self) -> Replication | None:
        """What `autoresearch verify` found of the incumbent, if it was run since that was kept."""
        found = replicated(self.folder)
        best = self.incumbent and self.incumbent.number
        return found if found and found.number == best else None

    @cached_property
    def figures(self) -> Figures:
        """How figures of the metric are shown to people."""
        rows = [e for e in self.experiments if e.metric is not None]
        kept = [e.metric for e in rows if e.status == "keep" and e.metric is not None]
        sigma = self.standings[-1].sigma if self.experiments else 0.0
        return for_people(sigma, [e.metric for e in rows if e.metric is not None], kept)

    def mark(self, e: Experiment) -> str:
        """The word that stands behind a metric which no walls protected, else nothing."""
        return " unwalled" if e.metric is not None and e.is_unconfined else ""

    @property
    def is_unconfined(self) -> bool:
        """True if baseline or incumbent ran without walls."""
        known = [e for e in (*self.experiments[:1], self.incumbent) if e is not None]
        return any(map(self.mark, known))

    def reason(self, e: Experiment) -> str:
        """Why the verdict is so, with the metric's figures as they are shown everywhere."""
        runs = [run.metric for run in (*e.trials, *e.beside) if isinstance(run, Measured)]
        values = [v for v in (*runs, e.metric, self.to_beat.get(e.number)) if v is not None]
        gain = self.gains.get(e.number)
        return self.figures.within(e.reason, values, [] if gain is None else [gain])

    def second_looks(self) -> list[str]:
        """What holdout, verification and the audit of hopeless runs say, a sentence each."""
        looks = [told for told in (hopeless_runs(self.experiments), self.unanswered) if told]
        if held := self.held_out:
            looks.append(f"{held}{f'; {held.warning}' if held.warning else ''}")
        if found := self.replication:
            warning = found.warning(self.program.metric)
            looks.append(f"{found}{f'; {warning}' if warning else ''}")
        return looks

    def holdout(self, number: int) -> float | None:
        """What the holdout gave for one experiment, where it was kept and asked."""
        return holdout_of(self.folder, number)

    def count(self, status: str) -> int:
        """How many experiments, without the baseline, had this verdict."""
        return sum(e.status == status for e in self.experiments if e.number > 0)

    @cached_property
    def cost(self) -> Cost:
        """What every answer of a model cost, those that led to no proposal included."""
        return Spending(self.folder).total(self.experiments)

    @property
    def ending(self) -> Status | None:
        """How it ended, as far as that is known."""
        now = read_status(self.folder)
        return now if now and now.ending else None

    @property
    def spent(self) -> str:
        """What it cost in words, in all and for each improvement kept; empty without a model."""
        cost = self.cost
        each = cost.each(self.count("keep"))
        share = f", {in_words(each)} for each improvement kept" if each else ""
        lost = cost.tokens - total(self.experiments).tokens
        share += f", {lost:,} tokens led to no proposal" if lost > 0 else ""
        return in_words(cost) + share if cost.is_paid else ""

    def yields(self) -> list[Yield]:
        """What the proposals of each author came to, and what was spent on them.

        Only models are paid: what the row of a search cost, a model spent before it gave up.
        """
        gains = {e.number: self.gains[e.number] for e in self._kept()}
        by_author: dict[Author, list[Experiment]] = {}
        for experiment in self.experiments[1:]:
            by_author.setdefault(experiment.author, []).append(experiment)
        cost = self.cost
        if cost.is_paid:
            by_author.setdefault("model", [])
        return [
            Yield(
                author=author,
                proposals=len(own),
                kept=sum(e.number in gains for e in own),
                gain=sum(gains.get(e.number, 0.0) for e in own),
                cost=cost if author == "model" else Cost(),
            )
            for author, own in by_author.items()
        ]

    def _kept(self) -> Iterator[Experiment]:
        return (e for e in self.experiments if e.status == "keep" and e.number in self.gains)

    def summary(self) -> str:
        """One sentence on how far it has come."""
        if not self.experiments:
            return f"{self.tag}: no experiment has been judged yet"
        if self.incumbent is None or self.incumbent.metric is None or self.baseline is None:
            return f"{self.tag}: the baseline gave no metric: {self.experiments[0].reason}"
        tried, shown = len(self.experiments) - 1, self.figures
        before, after = map(shown.value, (self.baseline, self.incumbent.metric))
        share = f", {self.gain / abs(self.baseline):.1%}" if self.baseline else ""
        change = f"{before} → {after} (better by {shown.difference(self.gain)}{share})"
        doubts = (self.drifted, self.unread, "unwalled" if self.is_unconfined else "")
        drift = "".join(f"; {doubt}" for doubt in doubts if doubt)
        spent = f"; {self.spent}" if self.spent else ""
        return (
            f"{self.tag}: {self.program.metric.name} "
            f"{change if self.incumbent.number else f'{before}, nothing was better'} "
            f"after {tried} experiment{'s' * (tried != 1)}: {self.count('keep')} kept, "
            f"{self.count('discard')} discarded, {self.count('crash')} crashed{spent}{drift}"
            f"{f'; the best is on autoresearch/{self.tag}' * (self.incumbent.number > 0)}"
        )

    def as_json(self) -> str:
        """Everything about it as one JSON object."""
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
                    vars(y) | {"cost": _cost_as_json(y.cost, y.kept)} for y in self.yields()
                ],
                "experiments": [e.model_dump(mode="json") for e in self.experiments],
            },
            indent=2,
        )

    def experiment(self, number: int) -> Experiment:
        """One experiment; InputError where there is none of that number."""
        for experiment in self.experiments:
            if experiment.number == number:
                return experiment
        raise InputError(
            f"{self.tag} has no experiment {number}; "
            f"see which there are with: autoresearch status --tag {self.tag}",
            code="no-experiment",
        )

    def file(self, number: int, name: str) -> str:
        """The text of a file of one experiment, or nothing."""
        return Artifacts(self.folder).read(number, name)


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
        raise InputError(
            f"{settings.project} has no research{f' {settings.tag!r}' if settings.tag else ''}; "
            "start one with: autoresearch run",
            code="no-research",
        )
    return records


def load(folder: Path) -> Records | None:
    """Read the research in `folder`, or None where none has started."""
    start = read_start(folder)
    if start is None:
        return None
    experiments = ledger.read(folder / "experiments.jsonl")
    return Records(folder=folder, base=start.base, program=start.program, experiments=experiments)
