"""What holds whenever a research is at rest: ledger, branch, refs and checkpoint agree."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple

from autoresearch_graph.storage.checkpoints import open_checkpoints
from autoresearch_graph.storage.inbox import Inbox
from autoresearch_graph.storage.manifest import read_start


def git(folder: Path, *command: str) -> list[str]:
    done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def assert_agreement(project: Path, tag: str, *, metric: str = "loss") -> list[dict[str, Any]]:
    """Assert that all records of a research at rest tell the same; returns its rows.

    What was proposed and not yet run, because of a pause or a stop, waits in the checkpoint.
    """
    folder = project / ".autoresearch" / tag
    rows = [json.loads(line) for line in (folder / "experiments.jsonl").read_bytes().splitlines()]
    numbers = sorted(row["number"] for row in rows)
    assert numbers == list(range(len(rows))), "a number lost or twice"
    waiting = assert_checkpoint(folder, tag, rows)
    assert_refs(project, tag, rows, waiting)
    assert_branch(project, tag, rows)
    assert_table(folder, rows, metric)
    return rows


def told(project: Path) -> list[tuple[object, ...]]:
    """What the records of the research `t` tell, which have to agree; a holdout by its answer."""
    folder = project / ".autoresearch/t/experiments"
    held = {path.parent.name: path.read_text() for path in folder.glob("*/holdout.json")}
    rows = assert_agreement(project, "t")
    said = [message["id"] for row in rows for message in row["steering"]]
    posted = [message.id for message in Inbox(folder.parent).messages()]
    assert sorted(said) == sorted(posted), "a message was missed, or taken up twice"
    return [(row["status"], row["metric"], held.get(f"{row['number']:04d}")) for row in rows]


def assert_refs(
    project: Path, tag: str, rows: list[dict[str, Any]], waiting: list[dict[str, Any]]
) -> None:
    """Each row has its ref and its note, and there is no ref without a row or a proposal."""
    below = f"refs/autoresearch/{tag}/"
    listed = git(project, "for-each-ref", "--format=%(refname) %(objectname)", below)
    refs = dict(line.removeprefix(below).split() for line in listed)
    assert refs == {f"{one['number']:04d}": one["commit"] for one in (*rows, *waiting)}
    noted = {line.split()[1] for line in git(project, "notes", "list")}
    assert noted == {row["commit"] for row in rows}
    for row in rows:
        note = "\n".join(git(project, "notes", "show", str(row["commit"])))
        assert note.count(f"autoresearch/{tag} {row['number']:04d}") == 1
        assert f"{row['status']}" in note and str(row["reason"]) in note


def assert_branch(project: Path, tag: str, rows: list[dict[str, Any]]) -> None:
    """The branch holds the kept experiments in order, and each is better than the one before."""
    kept = [row for row in rows if row["status"] == "keep"]
    commits = git(
        project, "rev-list", "--reverse", f"{rows[0]['commit']}..refs/heads/autoresearch/{tag}"
    )
    assert commits == [row["commit"] for row in kept[1:]]
    values = [row["metric"] for row in kept]
    assert values == sorted(values, reverse=True) and len(set(values)) == len(values)


def assert_table(folder: Path, rows: list[dict[str, Any]], metric: str) -> None:
    """results.tsv has a header and a line for each row."""
    header, *lines = (folder / "results.tsv").read_text().splitlines()
    assert header == f"commit\t{metric}\tmemory_gb\tstatus\tdescription"
    assert [(line.split("\t")[0], line.split("\t")[3]) for line in lines] == [
        (str(row["commit"])[:7], row["status"]) for row in rows
    ]


def assert_checkpoint(folder: Path, tag: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last checkpoint counts as many experiments and has the same incumbent.

    Returns the proposals that wait in it.
    """
    saved = last_checkpoint(folder, tag)
    assert saved is not None
    values = saved.checkpoint["channel_values"]
    assert values["tally"]["judged"] == len(rows)
    kept = [row for row in rows if row["status"] == "keep"]
    assert values["incumbent"]["commit"] == kept[-1]["commit"]
    assert values["running"] == []
    assert not any(candidate["outcomes"] for candidate in values["candidates"])
    waiting = [candidate["proposal"] for candidate in values["candidates"]]
    assert [trial["number"] for trial in values["queue"]] == [one["number"] for one in waiting]
    return waiting


def last_checkpoint(folder: Path, tag: str) -> CheckpointTuple | None:
    """The last checkpoint of a research, in its file or in the database of the environment."""
    url, start = os.environ.get("AUTORESEARCH_CHECKPOINTS"), read_start(folder)
    assert start is not None
    with open_checkpoints(url or folder / "checkpoints.sqlite") as saver:
        thread = start.thread if url else tag
        return saver.get_tuple({"configurable": {"thread_id": thread}})
