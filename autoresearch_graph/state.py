"""State of the graph, small and frozen; the history is in the ledger."""

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
    """Make a field of the context with its title, description, bounds and node for Studio."""
    shown = {"json_schema_extra": {"langgraph_nodes": [node], **more}}
    return field(default=default, metadata={"title": title, "description": description, **shown})


@dataclass(frozen=True, kw_only=True)
class Context:
    """Settings of a research from Studio, the SDK or a notebook."""

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
        1, "Workers", "Number of parallel runs, each on a GPU of its own.", "train", minimum=1
    )
    experiments: int = _choice(
        0,
        "Experiments",
        "Stop after this number of experiments; 0: as program.md says.",
        "read_program",
        minimum=0,
    )


class Input(Value):
    """Input of one invocation (empty). Pass `stop=None` to check the stopping criteria anew."""

    stop: str | None = Field(default=None, description="Leave empty; the first step fills it in.")
    exhausted: str | None = Field(
        default=None, description="Leave empty; the first step fills it in."
    )
    halt: str | None = Field(default=None, description="Leave empty; the first step fills it in.")


class State(Value):
    """The bookmark of a research.

    `candidates` are the experiments under way, oldest first; `queue` holds trials that wait
    for a worker, `running` those in the pool; `collected` is the number of the experiment
    whose trial ended last, `decision` its judgement.

    `workers`, `ahead` (proposals that may wait for a worker), `limit` (of experiments) and
    `review` (a person is asked about every proposal) are copied at the begin of a cycle: a cycle
    that a kill interrupted goes on with the numbers that it began with.

    `exhausted` is the reason for which the proposer has nothing left to try; `gave_up` marks it as
    a failure. `halt` is the reason to begin nothing more. Once `stop` is set, or while a person
    wants the research `held`, no proposal is made and no experiment begins; what has begun is
    judged, and what waits goes on later. `heard` are the pending messages of a person, `obeyed`
    the orders that were applied since the last ledger row.
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
        """True if the research ends without a stopping criterion and without an order."""
        return self.gave_up and self.stop is not None and self.stop == self.exhausted

    @property
    def review_wanted(self) -> bool:
        """True if a person has yet to be asked about the last proposal."""
        last = self.candidates[-1] if self.review and self.candidates else None
        return last is not None and last.proposal.number > 0 and not last.review

    @property
    def proposal_wanted(self) -> bool:
        """True if a worker would be idle without another proposal, now or soon."""
        if self.stop or self.exhausted or self.held:
            return False
        if self.incumbent is None and self.candidates:
            return False
        begun = self.tally.experiments + len(self.candidates)
        within = self.limit is None or begun < self.limit or self.incumbent is None
        return within and len(self.candidates) < self.workers + self.ahead

    @property
    def guidance(self) -> tuple[Message, ...]:
        """Pending messages for the next proposal of a model."""
        return tuple(message for message in self.heard if message.wish == "tell")

    @property
    def has_begun(self) -> bool:
        """True if an experiment under way has had a run, so that it will be judged."""
        return bool(self.running) or any(candidate.has_begun for candidate in self.candidates)

    @property
    def next_trial(self) -> Trial | None:
        """The trial for a free worker, or None without either."""
        if len(self.running) >= self.workers:
            return None
        return next((trial for trial in self.queue if self._may_run(trial)), None)

    def _may_run(self, trial: Trial) -> bool:
        """Return True if nothing is held back, or the experiment of the trial has begun."""
        if not (self.stop or self.held):
            return True
        begun = {other.owner for other in self.running}
        begun |= {each.proposal.number for each in self.candidates if each.has_begun}
        return trial.owner in begun

    @property
    def merge_wanted(self) -> bool:
        """True if the next trial is the first of a change to a replaced incumbent."""
        trial = self.next_trial
        return trial is not None and self.is_superseded(trial.owner) and trial.repeat == 0

    def is_superseded(self, number: int) -> bool:
        """Return True if an experiment under way changes an incumbent that was replaced since."""
        parent = self.candidate(number).proposal.parent
        return self.incumbent is not None and parent != self.incumbent.commit

    def requeued(self) -> "State":
        """Return a state in which experiments that an abandoned invocation left have a trial again.

        Between two nodes every experiment has a trial that waits or runs, unless it has ended.
        """
        busy = {trial.owner for trial in (*self.queue, *self.running)}
        candidates, queue = list[Candidate](), list(self.queue)
        for candidate in self.candidates:
            again = candidate
            if candidate.proposal.number not in busy:
                outcomes = candidate.outcomes[:-1]
                again = candidate.model_copy(update={"outcomes": outcomes, "review": ""})
                queue.append(again.next_trial)
            candidates.append(again)
        update = {"candidates": tuple(candidates), "queue": tuple(queue)}
        return self.model_copy(update=update)

    @property
    def standing(self) -> IncumbentEstimate:
        """Incumbent and noise, as of the last ledger row."""
        return IncumbentEstimate(incumbent=self.incumbent, spread=self.spread)

    def incumbent_trials(self, number: int) -> tuple[Trial, ...]:
        """Return one more run of the incumbent for an experiment, with a seed that is new to it."""
        if self.incumbent is None:
            return ()
        repeat = self.incumbent.trials
        repeat += sum(len(candidate.incumbent_runs) for candidate in self.candidates)
        repeat += sum(trial.made_for is not None for trial in (*self.queue, *self.running))
        return (Trial(number=self.incumbent.number, repeat=repeat, made_for=number),)

    @property
    def is_measured_again(self) -> bool:
        """True if a run of the incumbent waits, goes on, or has still to count."""
        trials = any(trial.made_for is not None for trial in (*self.queue, *self.running))
        return trials or any(candidate.incumbent_runs for candidate in self.candidates)

    def is_waiting(self, number: int) -> bool:
        """Return True if a run for an experiment waits or goes on."""
        return any(trial.owner == number for trial in (*self.queue, *self.running))

    def commit(self, trial: Trial) -> str:
        """Return the commit of a trial: the incumbent's or the proposal's."""
        if trial.made_for is not None and self.incumbent is not None:
            return self.incumbent.commit
        return self.candidate(trial.number).proposal.commit

    def candidate(self, number: int | None) -> Candidate:
        """Return the experiment under way with this number."""
        return next(each for each in self.candidates if each.proposal.number == number)

    @property
    def numbers(self) -> set[int]:
        """Numbers of the experiments under way."""
        return {candidate.proposal.number for candidate in self.candidates}

    def replaced(self, changed: Candidate) -> tuple[Candidate, ...]:
        """Return the experiments under way with a changed one in its place."""
        number = changed.proposal.number
        return tuple(
            changed if each.proposal.number == number else each for each in self.candidates
        )

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
        """Return the experiments under way but for one."""
        return tuple(each for each in self.candidates if each.proposal.number != number)


def from_ledger(ledger: Sequence[Experiment]) -> State:
    """Return the state of a research right after its last ledger row."""
    tally, standing = Tally(), IncumbentEstimate()
    for experiment in ledger:
        tally, standing = tally.with_experiment(experiment), standing.after(experiment)
    seconds = sum(experiment.seconds for experiment in ledger)
    return State(
        incumbent=standing.incumbent,
        spread=standing.spread,
        tally=tally.model_copy(update={"seconds": seconds}),
    )
