"""The values that a model suggests where program.md leaves them to be inferred."""

from collections.abc import Callable, Sequence
from pathlib import Path

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.text import one_line, without_keys
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.reader import look_at
from autoresearch_graph.program.reading import Passage, Reading
from autoresearch_graph.program.schema import REQUIRED, ProgramSchema, checked
from autoresearch_graph.proposers.llm.pricing import Billing, find_price
from autoresearch_graph.settings import Settings
from autoresearch_graph.workspace.repository import find_repository, tracked


def suggested(settings: Settings, say: Callable[[str], None]) -> tuple[Passage, ...]:
    """Ask the model of the settings for values that are inferred or missing; none without one.

    Its questions, and its refused values with the reasons, are said. Nothing is written. Raise
    ProgramError if a value is refused that `--accept-reading` would leave out unseen.
    """
    root, path = settings.root, settings.root / settings.program
    if not settings.reader or not path.exists():
        return ()
    reading = look_at(path, project=root, flags=settings.flags)
    if not _leaves_open(reading):
        return ()
    say(f"reading {path.name} with {settings.reader}")
    files = _tracked(root)
    answer = _asked(settings, reading.text, files, say)
    stated = _stated(reading)
    found = checked(answer, path, project=root, text=reading.text, files=files, stated=stated)
    for sentence in found.refused + found.questions:
        say(one_line(sentence))
    if found.refused and settings.flags.accept_reading:
        raise ProgramError(
            "values of the model are refused, so nothing is accepted. State them as front matter, "
            "or decide in a terminal, without --accept-reading.",
            path=path,
            code="refused-reading",
        )
    return found.passages


def _stated(reading: Reading) -> set[str]:
    return {passage.field for passage in reading.passages if passage.grade != "inferred"}


def _leaves_open(reading: Reading) -> bool:
    """Return True if a value is inferred or missing, and the front matter can be read."""
    if any(problem.code == "front-matter" for problem in reading.problems):
        return False
    return bool(reading.inferred) or not _stated(reading) >= REQUIRED


def _asked(
    settings: Settings, text: str, files: Sequence[str], say: Callable[[str], None]
) -> ProgramSchema:
    """Return the answer of the model, and report its cost."""
    from autoresearch_graph.proposers.llm.proposer import open_chat
    from autoresearch_graph.proposers.llm.reading import ask

    option = "--read-with" if settings.read_with else "--model"
    chat = open_chat(settings.reader, base_url=settings.base_url, option=option)
    answer, message = ask(chat, text, files, say=say, hide=without_keys)
    cost = Billing(settings.reader, find_price(settings.reader, settings.prices)).cost(message)
    dollars = "" if cost.dollars is None else f", ${cost.dollars:.4f}"
    say(f"the model read it for {cost.tokens:,} tokens{dollars}")
    return answer


def _tracked(project: Path) -> tuple[str, ...]:
    """Return the committed files of a project."""
    with find_repository(project) as repo:
        below = project.relative_to(Path(repo.working_dir).resolve())
        return tuple(path for path, _ in tracked(repo, "HEAD", below, Asset.parse("**")))
