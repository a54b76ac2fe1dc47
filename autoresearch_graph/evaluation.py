"""Where evaluations work: a checkout of their own, at the commit that the research began with."""

from pathlib import Path

from autoresearch_graph.checkout import Checkout
from autoresearch_graph.program.model import Program
from autoresearch_graph.runner import Site
from autoresearch_graph.workspace import Workspace


class EvaluationRoom:
    """A checkout that no run works in, made when it is first needed.

    One evaluation at a time: each lays it out anew, so that what was there before is gone. A run
    that may write outside its own folder may write here, too, but only while it lives.
    """

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self._workspace, self._folder = workspace, folder
        self._checkout: Checkout | None = None

    def fresh(self, program: Program, text: str) -> Site:
        """A site with the committed files alone, and with `text` where the asset is handed over.

        Where it is not, there is no asset: an evaluation that imports it fails, rather than
        measure the untouched one.
        """
        if self._checkout is None:
            self._checkout = self._workspace.checkout(self._folder)
        self._checkout.lay_out(text if program.asset in program.handed_over else None)
        return Site(self._workspace.project_in(self._checkout), self._checkout.restore)
