"""What the loop talks about: proposals, trials, outcomes, verdicts and experiments."""

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
    """What a person said to a running research: guidance, a text of their own, or an order.

    `words` are the guidance, or describe the text; `at` is when it was said (UTC).
    """

    id: str
    wish: Wish
    words: str = ""
    at: str

    @property
    def is_order(self) -> bool:
        """Whether it is obeyed at once, rather than taken up by a proposal."""
        return self.wish in ("pause", "resume", "stop")


class Idea(Cost):
    """Who proposes what, why, and what it cost to have the idea.

    `lesson` is what was learned from the outcome before; `steering` is what a person said that
    it takes up; `undoes` is the number of a kept experiment that a step back does without.
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

    `commit` holds the text, `parent` is the incumbent that it changes. Where that is another
    than it was written for, because the change was merged onto a newer one, `written_for` has the
    number of the older.
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
    """The traces of every run: its use of the machine, and the box that held it.

    Wall and CPU seconds; GiB of memory at its peak, and by which its checkout grew; the most
    processes at once, the shells that start it included. But for `seconds` these are samples; CPU
    time is counted where the machine counts it. `check_seconds` is the wall time of the check
    before it. `curve` is what it reported of its progress; `would_prune` is why it would have been
    ended as hopeless, where it was let go on. `node` is the one of a cluster that it ran on; those
    in `lost` went away while it ran there.
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


UNCONFINED = ("reaper", "group")  # levels of the sandbox that hold a run in time alone
FINGERPRINT = "data_fingerprint"  # the metric by which an evaluation tells what it measured on


class Measured(Ran):
    """The run ended well and gave a finite metric; `items` is what it is the mean of, if told.

    `unit` is the one that stood beside the metric, and None in a row of before it was kept;
    `units` has those of its other numbers.
    """

    kind: Literal["measured"] = "measured"
    metric: float
    metrics: dict[str, float] = {}
    unit: str | None = None
    units: dict[str, str] = {}
    items: tuple[float, ...] = ()


class Crashed(Ran):
    """The run gave no usable metric; `reason` is a sentence, `cause` its kind.

    `place` has the exception's class and line in the file of an evaluation that failed: all that a
    model may know of it, for the reason can quote what is hidden.
    """

    kind: Literal["crashed"] = "crashed"
    cause: Cause
    reason: str
    place: str = ""


class TimedOut(Ran):
    """The run was ended at its limit (`limit`, seconds)."""

    kind: Literal["timed out"] = "timed out"
    limit: float


class Pruned(Ran):
    """The run was ended early, for it was far behind the incumbent's; `reason` is a sentence."""

    kind: Literal["hopeless"] = "hopeless"
    reason: str


Outcome = Annotated[Measured | Crashed | TimedOut | Pruned, Field(discriminator="kind")]


class Holdout(Value):
    """What the holdout said of a kept experiment; without a metric, the reason why."""

    metric: float | None = None
    unit: str | None = None
    reason: str = ""

    @classmethod
    def of(cls, seen: Measured | Crashed) -> "Holdout":
        """The answer of a holdout command as it is kept."""
        if isinstance(seen, Measured):
            return cls(metric=seen.metric, unit=seen.unit)
        return cls(reason=seen.reason)


CALM = 8  # experiments: a drift that begins with the night is seen early (simulated)


class Incumbent(Value):
    """The best kept so far, and the value that a candidate has to beat.

    `metric` and `items` are means over `runs` runs. `trials` counts all of its runs, whatever
    came of them: the next one's seed. `since` counts the experiments since the last of them.
    `data` is the fingerprint of what it was measured on, if its evaluation tells one; `unit`
    and `units` are those of its last run. `first` is the value that it was kept with; after
    `interval` experiments without a run it is run again.
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
        """True if a run was measured on the same data and in the same unit, as far as both tell."""
        told = run.metrics.get(FINGERPRINT)
        same_unit = None in (run.unit, self.unit) or run.unit == self.unit
        return same_unit and (None in (told, self.data) or told == self.data)


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
        """Everything that ran for it."""
        return (*self.outcomes, *self.incumbent_runs, *self.superseded_runs)

    @property
    def has_begun(self) -> bool:
        """Whether a run of it has ended."""
        return bool(self.runs)

    @property
    def paired_runs(self) -> tuple[Outcome, ...]:
        """The incumbent's runs in turns with the fresh ones: as many of the last."""
        fresh = max(0, len(self.outcomes) - 1)
        return self.incumbent_runs[-fresh:] if fresh else ()

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
    """No verdict yet: one more trial is needed, and why."""

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
        """True if a run that counts was held by no walls, so that it could forge its own mark."""
        return any(run.sandbox in UNCONFINED for run in self.trials if isinstance(run, Measured))

    def for_models(self) -> "Experiment":
        """Return the row as a model may read it: without the words of an evaluation that failed."""
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
    """The ledger row of a judged candidate, with what was `obeyed` of a person meanwhile.

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
    """What the person decides: `edit` brings the whole `text` of the asset, `reject` a reason."""

    action: Literal["approve", "edit", "reject"]
    text: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Progress:
    """A trial under way: wall seconds since it was started, and the last line it printed."""

    trial: Trial
    seconds: float
    line: str
