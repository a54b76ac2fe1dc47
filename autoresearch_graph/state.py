"""What flows along the edges: small and frozen; the history is in the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from autoresearch_graph.cost import Cost
from autoresearch_graph.experiment import (
    Again,
    Candidate,
    Experiment,
    Incumbent,
    Message,
    Trial,
    Verdict,
)
from autoresearch_graph.standing import Spread, Standing
from autoresearch_graph.value import Value

Update = dict[str, object]


def _choice(default: Any, title: str, description: str, node: str, **more: object) -> Any:
    """A field of the context as Studio shows it: what it means, its bounds, and at which node."""
    shown = {"json_schema_extra": {"langgraph_nodes": [node], **more}}
    return field(default=default, metadata={"title": title, "description": description, **shown})


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a person chooses for a research from Studio, the SDK or a notebook."""

    project: str = _choice(
        ".", "Project", "The folder with program.md, as the server sees it.", "read_program"
    )
    tag: str = _choice(
        "",
        "Research",
        "Its name; the date if empty. One that has begun goes on, wherever it was started.",
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
        "One that speaks OpenAI's protocol; OpenAI's own if empty.",
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


class Tally(Value):
    """Running totals for the stopping criteria; `seconds` is working time, not wall clock.

    `judged` counts every ledger row, `experiments` all but the baseline; `dollars` leaves out
    what has no known price.
    """

    judged: int = 0
    experiments: int = 0
    kept: int = 0
    crashed: int = 0
    since_keep: int = 0
    seconds: float = 0.0
    tokens: int = 0
    dollars: float = 0.0

    def with_experiment(self, experiment: Experiment) -> "Tally":
        """The totals after one more ledger row."""
        kept = experiment.status == "keep"
        counted = experiment.number > 0
        return Tally(
            judged=self.judged + 1,
            experiments=self.experiments + counted,
            kept=self.kept + (kept and counted),
            crashed=self.crashed + (experiment.status == "crash"),
            since_keep=0 if kept else self.since_keep + counted,
            seconds=self.seconds,
            tokens=self.tokens,
            dollars=self.dollars,
        ).with_cost(experiment)

    def with_cost(self, cost: Cost) -> "Tally":
        """The totals after something was paid for, be it an experiment or not."""
        tokens, dollars = self.tokens + cost.tokens, self.dollars + (cost.dollars or 0.0)
        return self.model_copy(update={"tokens": tokens, "dollars": dollars})


class State(Value):
    """The bookmark of a research.

    `candidates` are the experiments under way, oldest first; `queue` holds trials that wait
    for a worker, `running` those in the pool; `collected` is the number of the experiment
    whose trial ended last, `decision` what was judged of it. `exhausted` is why the proposer
    has nothing left to try. `review` says that a person is asked about every proposal. Once
    `stop` is set no proposal is made any more, and the research ends with the last candidate.
    `heard` is what a person said for a proposal to take up, `obeyed` are the orders that took
    effect since the last ledger row.
    """

    tag: str = ""
    next_number: int = 0
    incumbent: Incumbent | None = None
    spread: Spread = Spread()
    candidates: tuple[Candidate, ...] = ()
    queue: tuple[Trial, ...] = ()
    running: tuple[Trial, ...] = ()
    collected: int | None = None
    decision: Verdict | Again | None = None
    tally: Tally = Tally()
    workers: int = 1
    review: bool = False
    heard: tuple[Message, ...] = ()
    obeyed: tuple[Message, ...] = ()
    exhausted: str | None = None
    stop: str | None = None

    @property
    def review_wanted(self) -> bool:
        """Whether a person has yet to be asked about the last proposal."""
        last = self.candidates[-1] if self.review and self.candidates else None
        return last is not None and last.proposal.number > 0 and not last.review

    @property
    def proposal_wanted(self) -> bool:
        """Whether a worker would be idle without another proposal."""
        baseline_runs = self.incumbent is None and bool(self.candidates)
        return not self.stop and not baseline_runs and len(self.candidates) < self.workers

    @property
    def guidance(self) -> tuple[Message, ...]:
        """What a person said for the next proposal of a model."""
        return tuple(message for message in self.heard if message.wish == "tell")

    @property
    def has_begun(self) -> bool:
        """Whether an experiment under way has had a run, so that it will be judged."""
        return bool(self.running) or any(c.outcomes or c.beside for c in self.candidates)

    @property
    def worker_free(self) -> bool:
        """Whether a trial is waiting and a worker could take it."""
        return bool(self.queue) and len(self.running) < self.workers

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
    def standing(self) -> Standing:
        """The incumbent and the noise, as of the last ledger row."""
        return Standing(incumbent=self.incumbent, spread=self.spread)

    def beside(self, number: int) -> tuple[Trial, ...]:
        """One more run of the incumbent, next to an experiment; with a seed it has not had."""
        if self.incumbent is None:
            return ()
        best = self.incumbent
        made = len(self.candidate(number).beside) if number in self._numbers else 0
        return (Trial(number=best.number, repeat=best.trials + made, beside=number),)

    def is_waiting(self, number: int) -> bool:
        """Whether a run of an experiment's own waits or goes on."""
        trials = (*self.queue, *self.running)
        return any(trial.number == number and trial.beside is None for trial in trials)

    def commit(self, trial: Trial) -> str:
        """The commit that a trial runs."""
        if trial.beside is not None and self.incumbent is not None:
            return self.incumbent.commit
        return self.candidate(trial.number).proposal.commit

    @property
    def _numbers(self) -> set[int]:
        return {candidate.proposal.number for candidate in self.candidates}

    def candidate(self, number: int | None) -> Candidate:
        """The experiment under way with this number."""
        return next(c for c in self.candidates if c.proposal.number == number)

    def without(self, number: int | None) -> tuple[Candidate, ...]:
        """The experiments under way but for one."""
        return tuple(c for c in self.candidates if c.proposal.number != number)


def from_ledger(ledger: Sequence[Experiment]) -> State:
    """The state in which a research is right after its last ledger row."""
    tally, standing = Tally(), Standing()
    for experiment in ledger:
        tally, standing = tally.with_experiment(experiment), standing.after(experiment)
    seconds = sum(experiment.seconds for experiment in ledger)
    return State(
        incumbent=standing.incumbent,
        spread=standing.spread,
        tally=tally.model_copy(update={"seconds": seconds}),
    )
