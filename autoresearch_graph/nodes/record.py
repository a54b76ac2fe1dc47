"""Record a verdict for `keep` and `revert`: its note, its ledger row, its trace."""

from typing import TYPE_CHECKING

from autoresearch_graph import tracing
from autoresearch_graph.asset.changes import changed_parts
from autoresearch_graph.core.experiment import (
    Candidate,
    Crashed,
    Experiment,
    Proposal,
    Verdict,
    row,
)
from autoresearch_graph.state import State, Update
from autoresearch_graph.storage.artifacts import HANDED_OVER

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def record(state: State, verdict: Verdict, lab: "Lab") -> Update:
    """Attach the note, append the row, and end the candidate. Idempotent.

    Incumbent and noise follow from the row, so that the ledger can rebuild them.
    """
    candidate = state.candidate(state.collected)
    experiment = row(
        candidate,
        verdict,
        self_reported=lab.program.current.evaluation is None,
        obeyed=state.obeyed,
        changed=_changed(candidate.proposal, lab),
    )
    mark = " unwalled" if experiment.is_unconfined else ""
    lab.workspace.annotate(candidate.proposal, verdict, mark=mark)
    lab.ledger.append(experiment)
    lab.store.artifacts.remove(experiment.number, HANDED_OVER)
    _trace(experiment, state, lab)
    standing = state.standing.after(experiment)
    return {
        "incumbent": standing.incumbent,
        "spread": standing.spread,
        **_others(state, experiment),
        "tally": state.tally.with_experiment(experiment),
        "obeyed": (),
        "collected": None,
        "decision": None,
        "halt": _attempted(candidate) or state.halt,
    }


def _changed(proposal: Proposal, lab: "Lab") -> tuple[str, ...]:
    """Return the parts of the asset that a proposal changed.

    None for the baseline, and for a draft that could not be committed.
    """
    old, new = lab.workspace.text(proposal.parent), lab.workspace.text(proposal.commit)
    if old == new:
        return ()
    return changed_parts(old, new, lab.program.current.asset)


def _trace(experiment: Experiment, state: State, lab: "Lab") -> None:
    """Put the verdict on the trace of its experiment, if there is one, without waiting."""
    if run := tracing.current_run():
        metric = lab.program.current.metric
        lab.traces.judged(
            run,
            experiment,
            text=lab.workspace.text(experiment.commit),
            scores=tracing.scores(experiment, state.incumbent, metric),
            url=lab.store.artifacts.path(experiment.number, "trace.url"),
        )
    if notice := lab.traces.notice():
        lab.host.tell(notice)


def _others(state: State, experiment: Experiment) -> Update:
    """Return what is left under way; after a keep, earlier runs of the incumbent do not count."""
    others = state.without(experiment.number)
    if experiment.status != "keep":
        return {"candidates": others}
    return {
        "candidates": tuple(other.superseding("incumbent_runs") for other in others),
        "queue": tuple(trial for trial in state.queue if trial.made_for is None),
    }


def _attempted(candidate: Candidate) -> str | None:
    """Return the reason to halt if what a model proposed changed a protected file, else None."""
    proposal, outcomes = candidate.proposal, candidate.outcomes
    match outcomes[-1] if outcomes else None:
        case Crashed(cause="protected", reason=reason) if proposal.author == "model":
            return (
                f"stopped after experiment {proposal.number}, proposed by a model: {reason}; "
                "look at it, and run again to go on"
            )
    return None
