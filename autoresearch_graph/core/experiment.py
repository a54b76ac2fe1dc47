"""Values of the loop: proposals, trials, outcomes, verdicts and experiments."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from autoresearch_graph.core.values import Cost, Value

VerdictStatus = Literal["keep", "discard", "crash"]
Author = Literal["baseline", "search", "model", "person", "lab"]
Wish = Literal["tell", "propose", "pause", "resume", "stop"]
Review = Literal["", "approved", "edited", "rejected"]
Cause = Literal[
    "syntax",
    "import",
    "memory",
    "exit",
    "signal",
    "no metric",
    "not finite",
    "check",
    "evaluation",
    "protected",
    "checkout",
    "processes",
    "cpu",
    "time box",
    "disk",
]


class Message(Value):
    """A message of a person to a running research: guidance, a text of their own, or an order.

    `words` are the guidance, or describe the text; `at` is its time (UTC).
    """

    id: str
    wish: Wish
    words: str = ""
    at: str

    @property
    def is_order(self) -> bool:
        """True if it takes effect at once, rather than with a proposal."""
        return self.wish in ("pause", "resume", "stop")


class Idea(Cost):
    """An idea with its author, its hypothesis and its cost.

    `lesson` is drawn from the outcome before. `steering` has the messages of a person that it
    takes up. `undoes` is the number of a kept experiment that a step back removes.
    """

    author: Author
    description: str
    hypothesis: str = ""
    lesson: str = ""
    steering: tuple[Message, ...] = ()
    undoes: int | None = None


class Draft(Idea):
    """A new text of the asset, before it is committed."""

    text: str


class Proposal(Idea):
    """A draft committed under a number; number 0 is the untouched baseline.

    `commit` holds the text, `parent` is the incumbent that it changes. After a merge onto a newer
    incumbent, `written_for` has the number of the older one.
    """

    number: int
    commit: str
    parent: str
    written_for: int | None = None


class Trial(Value):
    """One run of a proposal; `repeat` (0, 1, ...) is also its seed.

    `made_for` is set for a run of the incumbent: the number of the experiment that asked for it.
    """

    number: int
    repeat: int = 0
    made_for: int | None = Field(default=None, alias="beside")

    @property
    def owner(self) -> int:
        """The number of the experiment that the outcome belongs to."""
        return self.number if self.made_for is None else self.made_for


Curve = tuple[tuple[float, float], ...]  # the share of the time box (0 to 1), and a value


class Ran(Value):
    """Resources that a run used, and the sandbox that confined it.

    `seconds` is wall time. `memory_gb` (GiB, at its peak), `processes` (the most at once, shells
    included) and `disk_gb` (GiB by which its checkout grew) are samples, and so is `cpu_seconds` on
    a machine that does not count it. `check_seconds` is the wall time of the check before it.
    `curve` is its reported progress; `would_prune` is the reason for which an audited run would
    have been ended. `node` names the node of a cluster, `lost` the nodes that failed during it.
    """

    seconds: float = 0.0
    memory_gb: float = 0.0
    cpu_seconds: float = 0.0
    processes: int = 0
    disk_gb: float = 0.0
    sandbox: str = ""
    check_seconds: float = 0.0
    curve: Curve = ()
    would_prune: str = Field(default="", alias="spared")
    node: str = ""
    lost: tuple[str, ...] = ()


UNCONFINED = ("reaper", "group")  # levels of the sandbox that limit a run in time alone
FINGERPRINT = "data_fingerprint"  # the metric by which an evaluation identifies its data


class Measured(Ran):
    """A run with a finite metric; `items` are the values that it is the mean of, if reported.

    `unit` was printed with the metric; None in a row from before units were recorded. `units` has
    those of its other numbers.
    """

    kind: Literal["measured"] = "measured"
    metric: float
    metrics: dict[str, float] = {}
    unit: str | None = None
    units: dict[str, str] = {}
    items: tuple[float, ...] = ()


class Crashed(Ran):
    """A run without a usable metric; `reason` is a sentence, `cause` its kind.

    `place` has the exception's class and line in the file of an evaluation that failed. A model may
    know no more of it, because the reason can quote hidden data.
    """

    kind: Literal["crashed"] = "crashed"
    cause: Cause
    reason: str
    place: str = ""


class TimedOut(Ran):
    """A run that was ended at its limit (`limit`, seconds)."""

    kind: Literal["timed out"] = "timed out"
    limit: float


class Pruned(Ran):
    """A run that was ended early, far behind the incumbent's; `reason` is a sentence."""

    kind: Literal["hopeless"] = "hopeless"
    reason: str


Outcome = Annotated[Measured | Crashed | TimedOut | Pruned, Field(discriminator="kind")]


class Holdout(Value):
    """The result of the holdout for a kept experiment: a metric, or the reason for none."""

    metric: float | None = None
    unit: str | None = None
    reason: str = ""

    @classmethod
    def of(cls, seen: Measured | Crashed) -> "Holdout":
        """Return the result of a holdout command as it is stored."""
        if isinstance(seen, Measured):
            return cls(metric=seen.metric, unit=seen.unit)
        return cls(reason=seen.reason)


CALM = 8  # experiments between runs of the incumbent at first (docs/verdicts.md)


class Incumbent(Value):
    """The best kept so far, with the value that a candidate has to beat.

    `metric` and `items` are means over `runs` runs. `trials` counts all of its runs, failed ones
    included: it is the next one's seed. `since` counts the experiments since the last of them;
    after `interval` experiments it is run again. `data` is the fingerprint of the data, if its
    evaluation reports one; `unit` and `units` are those of its last run. `first` is the value that
    it was kept with.
    """

    number: int
    commit: str
    metric: float
    runs: int = 1
    trials: int = 1
    since: int = 0
    items: tuple[float, ...] = ()
    data: float | None = None
    unit: str | None = None
    units: dict[str, str] = {}
    first: float | None = None
    interval: int = CALM

    @property
    def moved(self) -> float:
        """The distance of its value from the one that it was kept with, in the metric's unit."""
        return 0.0 if self.first is None else self.metric - self.first

    def shares_data(self, run: Measured) -> bool:
        """Return True for a run on the same data and in the same unit, as far as known."""
        data = run.metrics.get(FINGERPRINT)
        same_unit = None in (run.unit, self.unit) or run.unit == self.unit
        return same_unit and (None in (data, self.data) or data == self.data)


class Candidate(Value):
    """An experiment under way: a proposal and the outcomes of its trials so far.

    `against` is the incumbent that it was written for, as of then. `incumbent_runs` has the
    outcomes of the incumbent's runs next to it, `superseded_runs` those of runs for an incumbent
    that was replaced since; they do not count. `review` is a person's decision, if one was asked.
    `saved` counts the lines that it saves, if the asset is clearly shorter.
    """

    proposal: Proposal
    against: Incumbent | None = None
    outcomes: tuple[Outcome, ...] = ()
    incumbent_runs: tuple[Outcome, ...] = Field(default=(), alias="beside")
    superseded_runs: tuple[Outcome, ...] = Field(default=(), alias="stale")
    review: Review = ""
    saved: int = 0

    @property
    def runs(self) -> tuple[Outcome, ...]:
        """All outcomes of runs that were made for it."""
        return (*self.outcomes, *self.incumbent_runs, *self.superseded_runs)

    @property
    def has_begun(self) -> bool:
        """True if a run of it has ended."""
        return bool(self.runs)

    @property
    def paired_runs(self) -> tuple[Outcome, ...]:
        """The incumbent's runs in turns with the fresh ones: as many of the last."""
        fresh = max(0, len(self.outcomes) - 1)
        return self.incumbent_runs[-fresh:] if fresh else ()

    def superseding(self, *names: Literal["outcomes", "incumbent_runs"]) -> "Candidate":
        """Return a candidate in which these runs do not count any more."""
        runs = [run for name in names for run in getattr(self, name)]
        gone: dict[str, object] = dict.fromkeys(names, ())
        return self.model_copy(update={**gone, "superseded_runs": (*self.superseded_runs, *runs)})

    @property
    def next_trial(self) -> Trial:
        """The trial that would come after those that have ended."""
        return Trial(number=self.proposal.number, repeat=len(self.outcomes))


class Verdict(Value):
    """The judgement on an experiment, with its reason as a sentence.

    `metric` is the mean of the last `runs` measured runs. `residual` feeds the noise estimate:
    the amount, in the metric's unit, by which the first run of a discarded idea was better than the
    incumbent's mean; 0 for a worse run, and for an idea discarded for another reason.
    """

    status: VerdictStatus
    reason: str
    metric: float | None = None
    runs: int = 1
    residual: float = Field(default=0.0, alias="luck")


class Again(Value):
    """A decision to run one more trial before a verdict, with its reason."""

    reason: str


class Experiment(Idea):
    """One ledger row: a proposal with its trials, their outcomes and one verdict.

    Its `steering` also has the orders that took effect since the row before. `metric` is the mean
    of the last `runs` measured trials. `parent` and `written_for` are as in Proposal, `residual` as
    in Verdict, `incumbent_runs` and `superseded_runs` as in Candidate. `changed` names the parts
    of the asset that it changed; None in an older row.
    """

    number: int
    status: VerdictStatus
    reason: str
    metric: float | None
    metrics: dict[str, float]
    commit: str
    parent: str
    written_for: int | None = None
    trials: tuple[Outcome, ...]
    runs: int = 1
    residual: float = Field(default=0.0, alias="luck")
    incumbent_runs: tuple[Outcome, ...] = Field(default=(), alias="beside")
    superseded_runs: tuple[Outcome, ...] = Field(default=(), alias="stale")
    seconds: float
    memory_gb: float
    self_reported: bool
    review: Review = ""
    changed: tuple[str, ...] | None = None
    finished: str

    @property
    def is_unconfined(self) -> bool:
        """True if a measured run had no walls, so that it could forge its own metric."""
        return any(run.sandbox in UNCONFINED for run in self.trials if isinstance(run, Measured))

    def for_models(self) -> "Experiment":
        """Return the row as a model may read it: without the output of a failed evaluation."""
        last = next(reversed(self.trials), None)
        if not isinstance(last, Crashed) or last.cause != "evaluation":
            return self
        where = last.place or "it gave no number"
        reason = f"the evaluation failed: {where}; what it printed is for people alone"
        told = last.model_copy(update={"reason": reason})
        trials = (*self.trials[:-1], told)
        return self.model_copy(update={"reason": reason, "trials": trials, "metrics": {}})


def row(
    candidate: Candidate,
    verdict: Verdict,
    *,
    self_reported: bool,
    obeyed: tuple[Message, ...] = (),
    changed: tuple[str, ...] | None = None,
) -> Experiment:
    """Return the ledger row of a judged candidate, with the orders that took effect meanwhile.

    `memory_gb` is the accelerator's peak where the run reports `peak_vram_mb` (MiB), else the
    peak resident memory of its processes.
    """
    trials = candidate.outcomes
    metrics = next((t.metrics for t in reversed(trials) if isinstance(t, Measured)), {})
    resident = max((t.memory_gb for t in trials), default=0.0)
    return Experiment(
        **candidate.proposal.model_dump(exclude={"steering"}),
        steering=(*candidate.proposal.steering, *obeyed),
        status=verdict.status,
        reason=verdict.reason,
        metric=verdict.metric,
        metrics=metrics,
        trials=trials,
        runs=verdict.runs,
        residual=verdict.residual,
        incumbent_runs=candidate.incumbent_runs,
        superseded_runs=candidate.superseded_runs,
        seconds=round(sum(t.seconds + t.check_seconds for t in candidate.runs), 3),
        memory_gb=round(metrics.get("peak_vram_mb", resident * 1024) / 1024, 3),
        self_reported=self_reported,
        review=candidate.review,
        changed=changed,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


class Answer(Value):
    """The decision of a person: `edit` has the whole `text` of the asset, `reject` a reason."""

    action: Literal["approve", "edit", "reject"]
    text: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Progress:
    """A trial under way: wall seconds since its start, and the last line that it printed."""

    trial: Trial
    seconds: float
    line: str
