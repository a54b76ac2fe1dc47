"""Ask a person about a proposal before its first run."""

from typing import TYPE_CHECKING

from langgraph.types import interrupt

from autoresearch_graph.core.experiment import Answer, Proposal
from autoresearch_graph.nodes.submit import resubmit
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def review(state: State, lab: "Lab") -> Update:
    """Wait for an Answer; asks again if it runs twice before there was one.

    An edit that cannot be committed is refused, and the person is asked again. A rejected
    experiment has its verdict without a run. An edited one is committed anew.
    """
    candidate = state.candidates[-1]
    answer = _answer(candidate.proposal, lab)
    match answer.action:
        case "approve":
            approved = candidate.model_copy(update={"review": "approved"})
            return {"candidates": state.replaced(approved)}
        case "edit":
            edited = resubmit(candidate, answer.text, lab)
            edited = edited.model_copy(update={"review": "edited"})
            return {"candidates": state.replaced(edited)}
        case "reject":
            rejected = candidate.model_copy(update={"review": "rejected"})
            reason = answer.reason.strip() or "no reason given"
            return state.not_run(rejected, f"rejected by a person: {reason}")


def _answer(proposal: Proposal, lab: "Lab") -> Answer:
    """Ask until there is an answer that can be carried out."""
    question = _question(proposal, lab)
    answer = _asked(question)
    while answer.action == "edit":
        unfit = lab.workspace.unfit(answer.text, proposal.parent)
        if not unfit:
            break
        answer = _asked({**question, "refused": unfit})
    return answer


def _asked(question: dict[str, object]) -> Answer:
    return Answer.model_validate(interrupt(question, response_schema=Answer))


def _question(proposal: Proposal, lab: "Lab") -> dict[str, object]:
    return {
        "experiment": proposal.number,
        "description": proposal.description,
        "hypothesis": proposal.hypothesis,
        "author": proposal.author,
        "asset": lab.program.current.asset,
        "diff": lab.store.artifacts.read(proposal.number, "diff.patch"),
        "answer": 'as {"action": "approve"}, {"action": "edit", "text": "the whole file"} or '
        '{"action": "reject", "reason": "why"}',
    }
