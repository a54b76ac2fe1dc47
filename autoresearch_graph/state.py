"""What flows along the edges: small and frozen; the history is in the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from autoresearch_graph.core.experiment import (
    Again,
    Candidate,
    Experiment,
    Incumbent,
    Message,
    Trial,
    Verdict,
)
from autoresearch_graph.core.incumbent import IncumbentEstimate, NoiseEstimate
from autoresearch_graph.core.stopping import Tally
from autoresearch_graph.core.values import Value

Update = dict[str, object]


def _choice(default: Any, title: str, description: str, node: str, **more: object) -> Any:
    """A field of the context as Studio shows it: what it means, its bounds, and at which node."""
    shown = {"json_schema_extra": {"langgraph_nodes": [node], **more}}
    return field(default=default, metadata={"title": title, "description": description, **shown})


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a person chooses for a research from Studio, the SDK or a notebook."""

    project: str = _choice(
        ".",
        "Project",
        "The server's working folder, or another that AUTORESEARCH_PROJECTS lists there.",
        "read_program",
    )
    tag: str = _choice(
        "",
        "Research",
        "Its name. If empty, the newest one that is not finished, or a new one with the date.",
        "read_program",
        examples=["nov23"],
    )
    model: str = _choice(
        "search",
        "Proposer",
        "`search`, which needs no key, or a language model.",
        "propose",
        examples=["search", "openai:gpt-5", "openai:qwen3:8b"],
    )
    base_url: str = _choice(
        "",
        "Server of the model",
        "For openai: models, one that AUTORESEARCH_BASE_URLS lists there; OpenAI's own if empty.",
        "propose",
        examples=["http://localhost:11434/v1"],
    )
    search_share: float = _choice(
        0.0,
        "Share of the search",
        "How many of the proposals the search makes beside a model: 0 none, 1 all.",
        "propose",
        minimum=0,
        maximum=1,
    )
    review: bool = _choice(False, "Review", "Ask about every proposal before it is run.", "review")
    workers: int = _choice(
        1, "Workers", "So many runs at once, each on a GPU of its own.", "train", minimum=1
    )
    experiments: int = _choice(
        0,
        "Experiments",
        "Stop after so many at most; 0: as program.md says.",
        "read_program",
        minimum=0,
    )


class Input(Value):
    """What an invocation begins with: nothing. Naming `stop` has it look again whether to stop."""

    stop: str | None = Field(default=None, description="Leave it empty: found out anew.")
    exhausted: str | None = Field(default=None, description="Leave it empty: found out anew.")
    halt: str | None = Field(default=None, description="Leave it empty: found out anew.")


class State(Value):
    """The bookmark of a research.

    `candidates` are the experiments under way, oldest first; `queue` holds trials that wait
    for a worker, `running` those in the pool; `collected` is the number of the experiment
    whose trial ended last, `decision` what was judged of it. `review` says that a person is asked
    about every proposal; `ahead` is how many proposals may wait for a worker, `limit` how many
    experiments there may be. `exhausted` is why the proposer has nothing left to try; `gave_up`
    says that this is a failure. `halt` is why no more is to begin. Once `stop` is set, or while a
    person wants the research `held`, no proposal is made and no experiment begins; what has begun
    is judged, and what waits is taken up when it goes on. `heard` is what a person said for a
    proposal to take up, `obeyed` are the orders that took effect since the last ledger row.
    """

    tag: str = ""
    next_number: int = 0
    incumbent: Incumbent | None = None
    spread: NoiseEstimate = NoiseEstimate()
    candidates: tuple[Candidate, ...] = ()
    queue: tuple[Trial, ...] = ()
    running: tuple[Trial, ...] = ()
    collected: int | None = None
    decision: Verdict | Again | None = None
    tally: Tally = Tally()
    workers: int = 1
    ahead: int = 0
    limit: int | None = None
    review: bool = False
    held: bool = False
    heard: tuple[Message, ...] = ()
    obeyed: tuple[Message, ...] = ()
    exhausted: str | None = None
    gave_up: bool = False
    halt: str | None = None
    stop: str | None = None

    @property
    def has_failed(self) -> bool:
        """True if it ends although no stopping criterion is met, and nobody wants it to."""
        return self.gave_up and self.stop is not None and self.stop == self.exhausted

    @property
    def review_wanted(self) -> bool:
        """Whether a person has yet to be asked about the last proposal."""
        last = self.candidates[-1] if self.review and self.candidates else None
        return last is not None and last.proposal.number > 0 and not last.review

    @property
    def proposal_wanted(self) -> bool:
        """Whether a worker would be idle without another proposal, now or soon."""
        if self.stop or self.exhausted or self.held:
            return False
        if self.incumbent is None and self.candidates:
            return False
        begun = self.tally.experiments + len(self.candidates)
        within = self.limit is None or begun < self.limit or self.incumbent is None
        return within and len(self.candidates) < self.workers + self.ahead

    @property
    def guidance(self) -> tuple[Message, ...]:
        """What a person said for the next proposal of a model."""
        return tuple(message for message in self.heard if message.wish == "tell")

    @property
    def has_begun(self) -> bool:
        """Whether an experiment under way has had a run, so that it will be judged."""
        return bool(self.running) or any(c.has_begun for c in self.candidates)

    @property
    def next_trial(self) -> Trial | None:
        """The trial that a free worker would take, if there is one."""
        if len(self.running) >= self.workers:
            return None
        return next((trial for trial in self.queue if self._may_run(trial)), None)

    def _may_run(self, trial: Trial) -> bool:
        begun = {t.owner for t in self.running}
        begun |= {c.proposal.number for c in self.candidates if c.has_begun}
        return trial.owner in begun or not (self.stop or self.held)

    @property
    def merge_wanted(self) -> bool:
        """Whether the next trial is the first of a change to an incumbent that was replaced."""
        trial = self.next_trial
        return trial is not None and self.is_stale(trial.owner) and trial.repeat == 0

    def is_stale(self, number: int) -> bool:
        """Whether an experiment under way changes an incumbent that was replaced since."""
        parent = self.candidate(number).proposal.parent
        return self.incumbent is not None and parent != self.incumbent.commit

    def requeued(self) -> "State":
        """Queue again the trial of an experiment that an abandoned invocation left half-way.

        Between two nodes every experiment has a trial that waits or runs, unless it has ended.
        """
        busy = {trial.owner for trial in (*self.queue, *self.running)}
        candidates = tuple(
            c
            if c.proposal.number in busy
            else c.model_copy(update={"outcomes": c.outcomes[:-1], "review": ""})
            for c in self.candidates
        )
        again = (c.next_trial for c in candidates if c.proposal.number not in busy)
        return self.model_copy(update={"candidates": candidates, "queue": (*self.queue, *again)})

    @property
    def standing(self) -> IncumbentEstimate:
        """The incumbent and the noise, as of the last ledger row."""
        return IncumbentEstimate(incumbent=self.incumbent, spread=self.spread)

    def beside(self, number: int) -> tuple[Trial, ...]:
        """One more run of the incumbent, next to an experiment; with a seed it has not had."""
        if self.incumbent is None:
            return ()
        best, under_way = self.incumbent, (*self.queue, *self.running)
        made = sum(len(candidate.beside) for candidate in self.candidates)
        made += sum(trial.beside is not None for trial in under_way)
        return (Trial(number=best.number, repeat=best.trials + made, beside=number),)

    @property
    def is_measured_again(self) -> bool:
        """Whether a run of the incumbent waits, goes on, or has still to count."""
        trials = any(trial.beside is not None for trial in (*self.queue, *self.running))
        return trials or any(candidate.beside for candidate in self.candidates)

    def is_waiting(self, number: int) -> bool:
        """Whether a run for an experiment waits or goes on."""
        return any(trial.owner == number for trial in (*self.queue, *self.running))

    def commit(self, trial: Trial) -> str:
        """The commit that a trial runs."""
        if trial.beside is not None and self.incumbent is not None:
            return self.incumbent.commit
        return self.candidate(trial.number).proposal.commit

    def candidate(self, number: int | None) -> Candidate:
        """The experiment under way with this number."""
        return next(c for c in self.candidates if c.proposal.number == number)

    @property
    def numbers(self) -> set[int]:
        """The numbers of the experiments under way."""
        return {candidate.proposal.number for candidate in self.candidates}

    def replaced(self, changed: Candidate) -> tuple[Candidate, ...]:
        """Return the experiments under way with a changed one in its place."""
        number = changed.proposal.number
        return tuple(changed if c.proposal.number == number else c for c in self.candidates)

    def not_run(self, candidate: Candidate, reason: str) -> Update:
        """Return the update by which a candidate that waits is discarded without a run."""
        number = candidate.proposal.number
        return {
            "candidates": self.replaced(candidate),
            "queue": tuple(trial for trial in self.queue if trial.owner != number),
            "collected": number,
            "decision": Verdict(status="discard", reason=reason),
        }

    def without(self, number: int | None) -> tuple[Candidate, ...]:
        """The experiments under way but for one."""
        return tuple(c for c in self.candidates if c.proposal.number != number)


def from_ledger(ledger: Sequence[Experiment]) -> State:
    """The state in which a research is right after its last ledger row."""
    tally, standing = Tally(), IncumbentEstimate()
    for experiment in ledger:
        tally, standing = tally.with_experiment(experiment), standing.after(experiment)
    seconds = sum(experiment.seconds for experiment in ledger)
    return State(
        incumbent=standing.incumbent,
        spread=standing.spread,
        tally=tally.model_copy(update={"seconds": seconds}),
    )
