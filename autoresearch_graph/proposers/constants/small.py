"""Whether a change is a small one, by the constants that it moves."""

from autoresearch_graph.errors import InputError
from autoresearch_graph.hopeless import bends
from autoresearch_graph.proposers.constants.text import find, skeleton


def is_small(old: str, new: str, path: str) -> bool:
    """Whether only a few constants differ, of which none bends the learning curve of a run."""
    try:
        before, after = find(old, path), find(new, path)
    except InputError:
        return False
    if skeleton(old, before) != skeleton(new, after):
        return False
    values = {constant.name: constant.value for constant in before}
    return not bends([c.name for c in after if values.get(c.name) != c.value])
