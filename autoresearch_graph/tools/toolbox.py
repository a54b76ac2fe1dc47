"""The tools of a model that writes a proposal, and the one that ends its turn.

They are few, under names that models know.
"""

from langchain.tools import ToolRuntime, tool
from langchain_core.tools import BaseTool

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.asset.syntax import fingerprint, without_seeds
from autoresearch_graph.core.experiment import Draft
from autoresearch_graph.core.text import clean, one_line
from autoresearch_graph.tools.edit import edit_file, read_file, remove_file, write_file
from autoresearch_graph.tools.history import list_experiments, show_experiment
from autoresearch_graph.tools.session import EditSession, ToolRefused

_MOST = 10_000  # characters that are cleaned, before a text is cut to its length; chosen


@tool(parse_docstring=True)
def propose(
    hypothesis: str, description: str, runtime: ToolRuntime[EditSession], lesson: str = ""
) -> str:
    """Propose your draft as the next experiment. This ends your turn.

    Args:
        hypothesis: What you expect and why, in a sentence or two.
        description: What you changed, in one line.
        lesson: One sentence on what the last outcome taught, if it taught something.
    """
    session = runtime.context
    if session.draft is not None:
        raise ToolRefused("a proposal was made already, and it counts")
    check(session)
    session.draft = Draft(
        author="model",
        text=session.text,
        hypothesis=clean(hypothesis[:_MOST]).strip()[:2000],
        description=one_line(description[:_MOST])[:200] or "no description",
        lesson=one_line(lesson[:_MOST])[:500],
    )
    return "proposed"


def check(session: EditSession) -> None:
    """Refuse a draft that would waste its run: unchanged, broken, too large, or tried before."""
    if refusal := session.brief.session.unfit(session.text):
        raise ToolRefused(refusal)
    asset, before = session.brief.program.asset, session.brief.text
    meaning = fingerprint(session.text, asset)
    if meaning == fingerprint(before, asset):
        raise ToolRefused("the draft does the same as the incumbent; edit it first")
    if without_seeds(session.text, asset) == without_seeds(before, asset):
        raise ToolRefused(
            "only a seed differs, and a lucky seed is no improvement; change the code"
        )
    if meaning in session.tried:
        raise ToolRefused(_tried(session, session.tried[meaning]))


def _tried(session: EditSession, number: int) -> str:
    if any(proposal.number == number for proposal in session.brief.in_flight):
        return f"experiment {number}, which is under way, tries the same; try something else"
    return (
        f"experiment {number} tried the same: {session.experiment(number).status}. "
        "`show_experiment` tells why; try something else"
    )


TOOLS = (read_file, edit_file, write_file, list_experiments, show_experiment, propose, remove_file)


def tools_for(asset: Asset) -> tuple[BaseTool, ...]:
    """Return the tools for an asset; only one with patterns lets files be removed."""
    return tuple(tool for tool in TOOLS if asset.patterns or tool is not remove_file)
