"""Ask a person about a proposal before its first run."""

from typing import TYPE_CHECKING

from langgraph.types import interrupt

from autoresearch_graph.core.experiment import Answer, Candidate, Draft, Verdict
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def review(state: State, lab: "Lab") -> Update:
    """Wait for an Answer; asks again where it runs twice before there was one.

    An edit that cannot be committed is refused, and the person is asked again. A rejected
    experiment has its verdict without a run. An edited one is committed anew.
    """
    candidate, question = state.candidates[-1], _question(state.candidates[-1], lab)
    answer = _answer(question)
    while answer.action == "edit" and (
        why := lab.workspace.unfit(answer.text, candidate.proposal.parent)
    ):
        answer = _answer({**question, "refused": why})
    match answer.action:
        case "approve":
            return _reviewed(state, candidate.model_copy(update={"review": "approved"}))
        case "edit":
            edited = _edited(candidate, answer.text, lab)
            return _reviewed(state, edited.model_copy(update={"review": "edited"}))
        case "reject":
            rejected = candidate.model_copy(update={"review": "rejected"})
            number, reason = candidate.proposal.number, answer.reason.strip() or "no reason given"
            return _reviewed(state, rejected) | {
                "queue": tuple(trial for trial in state.queue if trial.owner != number),
                "collected": number,
                "decision": Verdict(status="discard", reason=f"rejected by a person: {reason}"),
            }


def _answer(question: dict[str, object]) -> Answer:
    return Answer.model_validate(interrupt(question, response_schema=Answer))


def _question(candidate: Candidate, lab: "Lab") -> dict[str, object]:
    proposal = candidate.proposal
    return {
        "experiment": proposal.number,
        "description": proposal.description,
        "hypothesis": proposal.hypothesis,
        "author": proposal.author,
        "asset": lab.program.asset,
        "diff": lab.artifacts.read(proposal.number, "diff.patch"),
        "answer": 'as {"action": "approve"}, {"action": "edit", "text": "the whole file"} or '
        '{"action": "reject", "reason": "why"}',
    }


def _edited(candidate: Candidate, text: str, lab: "Lab") -> Candidate:
    idea = candidate.proposal.model_dump(include=Draft.model_fields.keys() - {"text"})
    number, parent = candidate.proposal.number, candidate.proposal.parent
    draft = Draft(**idea, text=text)
    proposal = lab.workspace.commit_proposal(draft, number=number, parent=parent)
    lab.write_patch(proposal)
    return candidate.model_copy(update={"proposal": proposal, "saved": lab.saved_lines(proposal)})


def _reviewed(state: State, candidate: Candidate) -> Update:
    return {"candidates": (*state.candidates[:-1], candidate)}
