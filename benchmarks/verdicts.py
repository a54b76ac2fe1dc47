"""What the rules keep in nights whose truth is known: false keeps, gain, inflation, extra runs.

    python benchmarks/verdicts.py [NIGHTS]

The rules under test are those that run: every verdict comes from `judging.judge`, the incumbent
and the noise from `standing`. A night has 100 runs; repeats of the baseline, fresh runs and runs
of the incumbent are paid from them, and so are step backs, which undo the effect of a kept idea
(by karpathy's rule there are none). All figures are in sigmas, the standard deviation of one run.

Worlds: 10 % of the ideas help (by an exponential effect with a mean of 1 or 3 sigmas), 35 % do
nothing, 55 % harm (mean of 3); in the first world no idea does anything. The last world draws its
effects from the log of a night on an H100 (a file that is not part of this project; the variable
AUTORESEARCH_DATA names its folder): the recorded gains, shrunk towards nothing by its noise.

In the worlds with a drift the machine becomes better all night by so many sigmas a run.

Karpathy's rule keeps a run that beats the best recorded one. A keep is false where the idea does
not help. Inflation is the gain that a rule claims, less the true one: before, and after both ends
are run again in turns, five times each. Its standard error is about 1.5 / sqrt(NIGHTS).
"""

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import fmean

from rich.console import Console
from rich.table import Table

from autoresearch_graph.core.experiment import (
    Again,
    Candidate,
    Experiment,
    Incumbent,
    Measured,
    Proposal,
    Verdict,
    row,
)
from autoresearch_graph.core.incumbent import PATIENCE, IncumbentEstimate
from autoresearch_graph.core.judging import judge
from autoresearch_graph.core.program import Noise, Program, TimeBox
from autoresearch_graph.core.values import Metric
from benchmarks.arguments import at_least, parser

RUNS = 100
NIGHTS = 400
VERIFIED = 5
DRIFTS = (0.3, 2.0)  # sigmas a run, for the better
LOG = "karpathy-h100-mar8.tsv"
LOG_SIGMA = 0.0005
BALANCED, STRICT = Noise(), Noise(rule="strict")
FAST = Noise(rule="fast", baseline_runs=1)
Effect = Callable[[Random], float]


@dataclass
class Night:
    """A night under way: its luck, the true level (higher is better) and what was counted."""

    noise: Noise
    effect: Effect
    luck: Random
    ideas: Random
    drift: float = 0.0
    runs: int = 0
    level: float = 0.0
    standing: IncumbentEstimate = field(default_factory=IncumbentEstimate)
    first: Incumbent | None = None
    undoable: dict[int, tuple[float, float]] = field(default_factory=dict)
    undoes: int | None = None
    since_keep: int = 0
    tried: int = 0
    kept: int = 0
    false: int = 0

    def measured(self, level: float) -> Measured:
        """One run at a true level, paid for, on a machine that drifts."""
        self.runs += 1
        return Measured(metric=self.luck.gauss(level + self.drift * self.runs, 1.0))

    def go(self) -> "Night":
        """Spend the runs; an experiment that they do not suffice for has no verdict."""
        program = Program(
            path=Path("program.md"), text="", asset="asset.py",
            metric=Metric(name="score", direction="higher"), experiment="python asset.py",
            time_box=TimeBox(seconds=1, kill_after=2), noise=self.noise,
        )  # fmt: skip
        number = 0
        while (ended := self.experiment(number, program)) is not None:
            self.standing = self.standing.after(ended)
            if self.standing.incumbent and self.standing.incumbent.number == 0:
                self.first = self.standing.incumbent
            number += 1
        return self

    def experiment(self, number: int, program: Program) -> Experiment | None:
        """One experiment as the loop makes it, or None when the runs are spent."""
        effect = self.next_effect() if number else 0.0
        candidate = Candidate(proposal=_proposal(number))
        if self.standing.due(self.noise):
            candidate = candidate.model_copy(
                update={"incumbent_runs": (self.measured(self.level),)}
            )
        decision: Verdict | Again = Again(reason="")
        while isinstance(decision, Again):
            if self.runs >= RUNS:
                return None
            candidate = self.another(candidate, effect)
            now = self.standing.measured_again(candidate.incumbent_runs)
            decision = judge(candidate, now.incumbent, program, now.spread)
        if number:
            self.count(number, effect, decision, now.incumbent)
        return row(candidate, decision, self_reported=True)

    def another(self, candidate: Candidate, effect: float) -> Candidate:
        """One more run, in turns with the incumbent where it is a fresh one."""
        outcomes, beside = candidate.outcomes, candidate.incumbent_runs
        pair = len(outcomes) - 1
        if not self.noise.weighs or pair < 0 or self.standing.incumbent is None:
            outcomes = (*outcomes, self.measured(self.level + effect))
            moved = pair < 0 and len(beside) == 1 and self.standing.has_moved(beside)
            beside = (*beside, self.measured(self.level)) if moved else beside
        else:
            coin = Random(f"{self.runs - 2 * (pair % 2)}")
            turns = [self.level + effect, self.level]
            is_turned = (coin.random() < 1 / 2) != (pair % 2 == 1)
            runs = [self.measured(level) for level in (turns[::-1] if is_turned else turns)]
            mine, its = runs[::-1] if is_turned else runs
            outcomes, beside = (*outcomes, mine), (*beside, its)
        return candidate.model_copy(update={"outcomes": outcomes, "incumbent_runs": beside})

    def next_effect(self) -> float:
        """Return the effect of a new idea, or of a step back where the lab would make one."""
        self.undoes = None
        stuck = self.since_keep and self.since_keep % PATIENCE == 0
        if not (self.noise.weighs and stuck and self.undoable):
            return self.effect(self.ideas)
        self.undoes = min(self.undoable, key=lambda number: self.undoable[number])
        return -self.undoable.pop(self.undoes)[1]

    def count(self, number: int, effect: float, verdict: Verdict, best: Incumbent | None) -> None:
        """Count a verdict; a keep moves the true level."""
        self.tried += self.undoes is None
        self.since_keep += 1
        if verdict.status == "keep" and verdict.metric is not None and best:
            self.since_keep = 0
            if self.undoes is None:
                self.undoable[number] = (verdict.metric - best.metric, effect)
            self.level += effect
            self.kept += 1
            self.false += effect <= 0

    def claimed(self) -> float:
        """Return the gain by the records: the incumbent's value less what the baseline's is now."""
        assert self.standing.incumbent and self.first and self.first.first is not None
        drift = self.standing.drift
        begun = self.first.first + drift if drift else self.first.metric
        return self.standing.incumbent.metric - begun

    def verified(self) -> float:
        """Return the gain after both ends were run again in turns."""
        if not self.kept:
            return 0.0
        pairs = [(self.luck.gauss(self.level, 1), self.luck.gauss(0, 1)) for _ in range(VERIFIED)]
        return fmean(new - old for new, old in pairs)


def _proposal(number: int) -> Proposal:
    return Proposal(
        number=number, commit=f"{number:040d}", parent="", author="search", description=""
    )


def world(helpful: float, mean: float, harmful: float) -> Effect:
    """Ideas that help or harm by exponential effects, or do nothing."""

    def effect(ideas: Random) -> float:
        kind = ideas.random()
        if kind < helpful:
            return ideas.expovariate(1 / mean)
        return -ideas.expovariate(1 / 3) if kind < helpful + harmful else 0.0

    return effect


def recorded(path: Path) -> Effect:
    """Return the effects of a recorded night: gains in sigmas, those within the noise as 0."""
    with path.open(newline="") as file:
        rows = [r for r in csv.DictReader(file, delimiter="\t") if r["status"] != "crash"]
    effects, best = [], float(rows[0]["val_bpb"])
    for r in rows[1:]:
        gain = (best - float(r["val_bpb"])) / LOG_SIGMA
        effects.append(gain * max(0.0, 1 - 2 / gain**2) if gain else 0.0)
        best = min(best, float(r["val_bpb"]))
    return lambda ideas: ideas.choice(effects)


def worlds() -> dict[str, Effect]:
    """All worlds by their name."""
    found = {
        "no idea helps": world(0, 1, 0),
        "weak gains": world(0.1, 1, 0.55),
        "strong gains": world(0.1, 3, 0.55),
    }
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    log = Path(os.environ.get("AUTORESEARCH_DATA", beside)) / LOG
    return found | ({"a recorded night": recorded(log)} if log.exists() else {})


def simulate(noise: Noise, effect: Effect, nights: int, drift: float = 0.0) -> list[Night]:
    """So many nights by one rule; every rule meets the same ideas."""
    lucks = ((Random(f"luck {s}"), Random(f"ideas {s}")) for s in range(nights))
    return [Night(noise, effect, luck, ideas, drift).go() for luck, ideas in lucks]


def main() -> None:
    """Simulate and print."""
    arguments = parser(__doc__)
    arguments.add_argument("nights", nargs="?", type=at_least(1), default=NIGHTS)
    nights = arguments.parse_args().nights
    columns = ("world", "rule", "ideas", "extra runs", "keeps", "false", "of fast",
               "true gain", "of fast", "inflation", "verified")  # fmt: skip
    table = Table(*columns, title=f"{nights} nights of {RUNS} runs")
    drifting = [("no idea helps", drift) for drift in DRIFTS] + [("strong gains", DRIFTS[0])]
    known = worlds()
    for world_name, drift in [*((name, 0.0) for name in known), *drifting]:
        effect, name = known[world_name], world_name + (f", drift {drift:g}" if drift else "")
        fast = simulate(FAST, effect, nights, drift)
        for noise in (FAST, BALANCED, STRICT):
            own = fast if noise is FAST else simulate(noise, effect, nights, drift)
            table.add_row(*cells(name, noise.rule, own, fast))
        table.add_section()
    Console(width=140).print(table)


def cells(name: str, rule: str, own: list[Night], fast: list[Night]) -> list[str]:
    """One row of the table."""
    false, gain = (fmean(n.false for n in own), fmean(n.level for n in own))
    least, most = (fmean(n.false for n in fast), fmean(n.level for n in fast))
    ideas = fmean(n.tried for n in own)
    return [
        name, rule, f"{ideas:.1f}", f"{RUNS - 1 - ideas:.1f}", f"{fmean(n.kept for n in own):.2f}",
        f"{false:.2f}", f"{false / least:.3f}", f"{gain:.2f}", f"{gain / most:.3f}" if most else "",
        f"{fmean(n.claimed() - n.level for n in own):+.2f}",
        f"{fmean(n.verified() - n.level for n in own):+.2f}",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
