"""What a person says to a research while it runs; each answers with a sentence.

InputError where there is no such research, or nothing that could be steered.
"""

from pathlib import Path

from autoresearch_graph.asset import files as sheaf
from autoresearch_graph.core.stopping import stop_reason
from autoresearch_graph.errors import InputError
from autoresearch_graph.results.records import Records, find
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage.inbox import Inbox
from autoresearch_graph.storage.manifest import is_running
from autoresearch_graph.storage.status import read_status
from autoresearch_graph.workspace.repository import decoded, on_disk

_LONGEST = 4000


def tell(settings: Settings, words: str) -> str:
    """Queue guidance for the next proposal of a model."""
    records, words = find(settings), _readable(words).strip()
    if not words:
        raise InputError("there are no words to tell")
    if len(words) > _LONGEST:
        raise InputError(
            f"{len(words)} characters are more than {_LONGEST}; what is long belongs in program.md"
        )
    Inbox(records.folder).post("tell", words)
    now = read_status(records.folder)
    if now and now.proposer == "search":
        return (
            f"{records.tag} is told with the next proposal of a model; the search, which proposes "
            "now, ignores it"
        )
    return f"{records.tag} is told with the next proposal{_later(records)}"


def propose(settings: Settings, file: Path, words: str = "") -> str:
    """Queue a text of the asset of one's own: it is the next proposal.

    Of several files it is one, and the others stay as they are: the one at that path of the
    project, else the only one of that name.
    """
    records = find(settings)
    if not file.is_file():
        raise InputError(f"{file} cannot be read: it is no file; name one with the text")
    try:
        text = decoded(file.read_bytes(), str(file))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    name = _meant(settings, records, file)
    if sheaf.is_several(records.program.asset):
        text = sheaf.pack({name: text})
    if why := _unfit(text, settings, records):
        raise InputError(f"{file} cannot be tried: {why}")
    described = " ".join(_readable(words or f"a text of a person's own: {file.name}").split())
    Inbox(records.folder).post("propose", described, text=text)
    return f"{records.tag} tries {file.name} next{_later(records)}"


def _unfit(text: str, settings: Settings, records: Records) -> str:
    """Say why a text cannot be tried on top of the best so far; empty if it can."""
    from autoresearch_graph.workspace.repository import find_repository
    from autoresearch_graph.workspace.workspace import Workspace

    asset, best = records.program.asset, records.standings[-1:]
    commit = best[0].incumbent.commit if best and best[0].incumbent else records.base
    with find_repository(settings.root) as repo:
        space = Workspace(
            repo, project=settings.root, tag=records.tag, base=records.base, asset=asset
        )
        return space.unfit(sheaf.onto(text, space.text(commit), asset), commit)


def _meant(settings: Settings, records: Records, file: Path) -> str:
    asset = records.program.asset
    if not sheaf.is_several(asset):
        return asset
    path = file.resolve()
    inside = (
        path.relative_to(settings.root).as_posix() if path.is_relative_to(settings.root) else ""
    )
    if sheaf.takes_in(asset, inside):
        return inside
    same = [path for path in on_disk(settings.root, asset) if Path(path).name == file.name]
    if len(same) == 1:
        return same[0]
    raise InputError(
        f"{file} may be several or none of {asset}; give the text the name of the file that it is"
    )


def pause(settings: Settings) -> str:
    """Have nothing new begun once the experiment under way is judged."""
    records = _running(settings)
    Inbox(records.folder).post("pause")
    return (
        f"{records.tag} pauses when the experiment under way is judged; "
        "go on with: autoresearch resume"
    )


def resume(settings: Settings) -> str:
    """End a pause, also that of a research which was stopped meanwhile."""
    records = find(settings)
    inbox = Inbox(records.folder)
    if not inbox.is_paused:
        raise InputError(f"{records.tag} is not paused", code="not-running")
    inbox.post("resume")
    return f"{records.tag} goes on{_later(records)}"


def stop(settings: Settings) -> str:
    """End a research in order, after the experiment under way."""
    records = _running(settings)
    Inbox(records.folder).post("stop")
    return f"{records.tag} stops when the experiment under way is judged"


def _running(settings: Settings) -> Records:
    records = find(settings)
    if not is_running(records.folder):
        raise InputError(f"{records.tag} is not running", code="not-running")
    return records


def _later(records: Records) -> str:
    if is_running(records.folder):
        return ""
    why = _why_it_ended(records)
    first = f" ({why}; where program.md says so, raise that first)" if why else ""
    return f", once it runs again: autoresearch run{first}"


def _why_it_ended(records: Records) -> str | None:
    now = read_status(records.folder)
    if now is None or now.doing != "ended" or not records.standings:
        return None
    program = records.program.model_copy(update={"stopping": now.stopping})
    return stop_reason(program, now.tally, records.standings[-1].incumbent)


def _readable(words: str) -> str:
    """Words from a terminal that need not be UTF-8."""
    return words.encode("utf-8", "replace").decode()
