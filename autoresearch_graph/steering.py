"""Messages of a person to a running research; every function returns a sentence for the person.

InputError if there is no such research, or nothing to steer.
"""

from pathlib import Path

from autoresearch_graph.asset.files import Asset, pack
from autoresearch_graph.core.stopping import stop_reason
from autoresearch_graph.errors import InputError
from autoresearch_graph.results.records import Records, find
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage.inbox import Inbox
from autoresearch_graph.storage.manifest import is_running
from autoresearch_graph.storage.status import read_status
from autoresearch_graph.workspace.repository import decoded, on_disk

_LONGEST = 4000  # characters, about a page


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
    status = read_status(records.folder)
    if status and status.proposer == "search":
        return (
            f"{records.tag} gets it with the next proposal of a model; the search, which proposes "
            "now, ignores it"
        )
    return f"{records.tag} gets it with its next proposal{_later(records)}"


def propose(settings: Settings, file: Path, words: str = "") -> str:
    """Queue a person's text of the asset as the next proposal.

    If the asset has several files, the text replaces the one at that path of the project, else the
    only one of that name; the others stay as they are.
    """
    records = find(settings)
    if not file.is_file():
        raise InputError(f"{file} cannot be read: it is no file; name one with the text")
    try:
        text = decoded(file.read_bytes(), str(file))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    name = _path_in_asset(settings, records, file)
    if Asset.parse(records.program.asset).is_several:
        text = pack({name: text})
    if flaw := _unfit(text, settings, records):
        raise InputError(f"{file} cannot be tried: {flaw}")
    described = " ".join(_readable(words or f"a text of a person's own: {file.name}").split())
    Inbox(records.folder).post("propose", described, text=text)
    return f"{records.tag} tries {file.name} next{_later(records)}"


def _unfit(text: str, settings: Settings, records: Records) -> str:
    """Return the reason for which a text cannot be tried on top of the best; empty if it can."""
    from autoresearch_graph.workspace.repository import find_repository

    incumbent = records.incumbent
    commit = incumbent.commit if incumbent else records.base
    with find_repository(settings.root) as repo:
        workspace = records.workspace(repo)
        files = workspace.asset.files
        whole = files(workspace.text(commit)).updated(files(text))
        return workspace.unfit(whole.pack(), commit)


def _path_in_asset(settings: Settings, records: Records, file: Path) -> str:
    """Return the path of the asset's file that a person's file replaces."""
    asset = Asset.parse(records.program.asset)
    root, path = settings.root, file.resolve()
    if not asset.is_several:
        return str(asset)
    if path.is_relative_to(root):
        inside = path.relative_to(root).as_posix()
        if asset.contains(inside):
            return inside
    namesakes = [each for each in on_disk(root, asset) if Path(each).name == file.name]
    if len(namesakes) == 1:
        return namesakes[0]
    raise InputError(
        f"{file} may be several or none of {asset}; give the text the name of the file that it is"
    )


def pause(settings: Settings) -> str:
    """Begin nothing new once the experiment under way is judged."""
    records = _running(settings)
    Inbox(records.folder).post("pause")
    return (
        f"{records.tag} pauses when the experiment under way is judged; "
        "go on with: autoresearch resume"
    )


def resume(settings: Settings) -> str:
    """End a pause, also of a research that was stopped meanwhile."""
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
    """Return the addition for a research that does not run now; empty for one that runs."""
    if is_running(records.folder):
        return ""
    reason = _reason_of_end(records)
    first = f" ({reason}; where program.md says so, raise that first)" if reason else ""
    return f", once it runs again: autoresearch run{first}"


def _reason_of_end(records: Records) -> str | None:
    status = read_status(records.folder)
    if status is None or status.doing != "ended" or not records.estimates:
        return None
    program = records.program.model_copy(update={"stopping": status.stopping})
    return stop_reason(program, status.tally, records.estimates[-1].incumbent)


def _readable(words: str) -> str:
    """Return words from a terminal as UTF-8, whatever its encoding."""
    return words.encode("utf-8", "replace").decode()
