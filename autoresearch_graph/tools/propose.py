"""Propose the draft, which ends the turn; or learn why it cannot be proposed."""

from langchain.tools import ToolRuntime, tool

from autoresearch_graph.asset.syntax import fingerprint, without_seeds
from autoresearch_graph.core.experiment import Draft
from autoresearch_graph.core.text import clean
from autoresearch_graph.tools.session import Desk, Refusal

_MOST = 10_000  # characters that are looked at, of which fewer are kept


@tool(parse_docstring=True)
def propose(hypothesis: str, description: str, runtime: ToolRuntime[Desk], lesson: str = "") -> str:
    """Propose your draft as the next experiment. This ends your turn.

    Args:
        hypothesis: What you expect and why, in a sentence or two.
        description: What you changed, in one line.
        lesson: One sentence on what the last outcome taught, if it taught something.
    """
    desk = runtime.context
    if desk.draft is not None:
        raise Refusal("a proposal was made already, and it counts")
    check(desk)
    desk.draft = Draft(
        author="model",
        text=desk.text,
        hypothesis=clean(hypothesis[:_MOST]).strip()[:2000],
        description=" ".join(clean(description[:_MOST]).split())[:200] or "no description",
        lesson=" ".join(clean(lesson[:_MOST]).split())[:500],
    )
    return "proposed"


def check(desk: Desk) -> None:
    """Refuse a draft that would waste its run: unchanged, broken, too large, or tried before."""
    if why := desk.brief.unfit(desk.text):
        raise Refusal(why)
    before = desk.brief.text
    mark = fingerprint(desk.text, desk.path)
    if mark == fingerprint(before, desk.path):
        raise Refusal("the draft does the same as the incumbent; edit it first")
    if without_seeds(desk.text, desk.path) == without_seeds(before, desk.path):
        raise Refusal("only a seed differs, and a lucky seed is no improvement; change the code")
    if mark in desk.tried:
        raise Refusal(_tried(desk, desk.tried[mark]))


def _tried(desk: Desk, number: int) -> str:
    if any(proposal.number == number for proposal in desk.brief.in_flight):
        return f"experiment {number}, which is under way, tries the same; try something else"
    return (
        f"experiment {number} tried the same: {desk.experiment(number).status}. "
        "`show_experiment` tells why; try something else"
    )
