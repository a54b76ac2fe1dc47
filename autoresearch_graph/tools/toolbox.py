"""The tools of a model that writes a proposal: few, under names that models know."""

from langchain_core.tools import BaseTool

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.tools.edit import edit_file, read_file, remove_file, write_file
from autoresearch_graph.tools.history import list_experiments, show_experiment
from autoresearch_graph.tools.propose import propose

TOOLS = (read_file, edit_file, write_file, list_experiments, show_experiment, propose, remove_file)


def tools_for(asset: Asset) -> tuple[BaseTool, ...]:
    """Return the tools for an asset; only one with patterns lets files be removed."""
    return tuple(tool for tool in TOOLS if asset.patterns or tool is not remove_file)
