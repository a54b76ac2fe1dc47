"""Texts of the default job beside the standard library: from a real server, or a folder."""

import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("rustbpe")
pytest.importorskip("tiktoken")

ROOT = Path(__file__).parent.parent.parent
WORDS = ("the", "cat", "sat", "on", "a", "mat", "and", "then", "all", "dogs", "ran", "after", "it")
STORIES = [" ".join(WORDS[at % n] for at in range(300)) for n in range(2, 13)] * 2
TEXT = "\n<|endoftext|>\n".join(f"{number}: {story}" for number, story in enumerate(STORIES))


class Hub(http.server.ThreadingHTTPServer):
    """Answers as Hugging Face does: a redirect that tells the checksum, then bytes from anywhere.

    `cuts` says after how many bytes each of the next answers breaks off; `lies` makes the checksum
    that of another file.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"train": TEXT.encode() * 3, "valid": TEXT.encode()}
        self.cuts: list[int] = []
        self.lies = False
        self.asked: list[str] = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        hub: Any = self.server
        found = re.search(r"TinyStoriesV2-GPT4-(\w+)\.txt$", self.path)
        if not found:
            return self.answer(404, b"")
        content = hub.files[found[1]]
        if not self.path.startswith("/cdn"):
            told = hashlib.sha256(content + b"!" * hub.lies).hexdigest()
            return self.answer(
                302, b"", {"Location": f"/cdn{self.path}", "X-Linked-ETag": f'"{told}"'}
            )
        asked = self.headers.get("Range", "")
        hub.asked.append(asked)
        start = int(re.sub(r"\D", "", asked) or 0)
        if start >= len(content):
            return self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        self.answer(206 if asked else 200, content[start:], span if asked else {})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        whole = len(body)
        hub: Any = self.server
        if body and hub.cuts:
            whole = hub.cuts.pop(0)
        self.wfile.write(body[:whole])
        self.close_connection = whole < len(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def corpora(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.server_port}")
    monkeypatch.syspath_prepend(ROOT)
    from pretraining import corpora

    monkeypatch.setattr(corpora, "PAUSE", 0.01)
    return corpora


def job(script: str, *command: str, cwd: Path, data: object, **more: str):
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env |= {"AUTORESEARCH_CACHE": str(cwd / "cache"), "AUTORESEARCH_DATA": str(data)}
    env |= {"AUTORESEARCH_VOCAB": "300", "AUTORESEARCH_STEPS": "2", "CUDA_VISIBLE_DEVICES": ""}
    argv = [sys.executable, str(ROOT / script), *command]
    return subprocess.run(argv, cwd=cwd, env=env | more, capture_output=True, text=True, timeout=90)


def stories(corpora, part: str, folder: Path) -> list[str]:
    return [content.decode() for _, content in corpora.documents("tinystories", part, folder)]


# ---------------------------------------------------------------- downloads


def test_a_download_that_breaks_off_goes_on_where_it_stopped(corpora, hub, tmp_path):
    hub.cuts = [1000, 500]
    path = corpora.fetch(corpora.STORIES.format("valid"), tmp_path)
    assert path.read_text() == TEXT
    assert hub.asked == ["", "bytes=1000-", "bytes=1500-"]
    assert list(tmp_path.iterdir()) == [path]


def test_one_that_was_broken_off_for_good_goes_on_the_next_time(corpora, hub, tmp_path):
    hub.cuts = [100] * corpora.ATTEMPTS
    with pytest.raises(corpora.Missing, match=r"What has come is kept"):
        corpora.fetch(corpora.STORIES.format("valid"), tmp_path)
    path = corpora.fetch(corpora.STORIES.format("valid"), tmp_path)
    assert path.read_text() == TEXT
    assert hub.asked[-1] == f"bytes={100 * corpora.ATTEMPTS}-"


def test_a_file_that_is_there_is_not_asked_for_again(corpora, hub, tmp_path):
    corpora.fetch(corpora.STORIES.format("valid"), tmp_path)
    asked = list(hub.asked)
    corpora.fetch(corpora.STORIES.format("valid"), tmp_path)
    assert hub.asked == asked


def test_a_rest_that_belongs_to_another_file_is_thrown_away(corpora, tmp_path):
    for rest in (b"another file", b"longer than all of it " * len(TEXT)):
        (tmp_path / "TinyStoriesV2-GPT4-valid.txt.part").write_bytes(rest)
        path = corpora.fetch(corpora.STORIES.format("valid"), tmp_path)
        assert path.read_text() == TEXT
        path.unlink()


def test_a_file_with_another_checksum_is_never_used(corpora, hub, tmp_path):
    hub.lies = True
    with pytest.raises(corpora.Missing, match="not what the server promised"):
        corpora.fetch(corpora.STORIES.format("valid"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_the_server_does_not_have_is_asked_for_once(corpora, hub, tmp_path):
    with pytest.raises(corpora.Missing, match="the server says 404"):
        corpora.fetch("nobody/nothing/resolve/main/none.txt", tmp_path)


def test_shards_are_read_in_their_order_and_those_to_measure_with_are_bounded(
    corpora, tmp_path, monkeypatch
):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(corpora, "SHARDS", {"train": [0, 1], "validation": [6542]})
    monkeypatch.setattr(corpora, "MOST_HELD_OUT", 12)
    for number in (0, 1, 6542):
        table = pyarrow.table({"text": [f"shard {number}", "é", "more"]})
        parquet.write_table(table, tmp_path / f"shard_{number:05d}.parquet")
    train = [content.decode() for _, content in corpora.documents("climbmix", "train", tmp_path)]
    assert train == ["shard 0", "é", "more", "shard 1", "é", "more"]
    held = [
        content.decode() for _, content in corpora.documents("climbmix", "validation", tmp_path)
    ]
    assert held == ["shard 6542", "é"]


# ---------------------------------------------------------------- what is made of them


def test_stories_are_cut_apart_and_each_has_one_part(corpora, tmp_path, monkeypatch):
    train, val, hold = (
        stories(corpora, part, tmp_path) for part in ("train", "validation", "holdout")
    )
    assert train[0] == f"0: {STORIES[0]}"
    assert len(train) == 3 * len(STORIES) - 2  # two of three have no mark between them
    assert sorted(val + hold) == sorted(TEXT.split("\n<|endoftext|>\n"))
    assert val and hold


def test_a_run_on_downloaded_text_needs_no_network_and_tells_its_fingerprint(hub, tmp_path):
    address = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}"}
    early = job("train.py", cwd=tmp_path, data="tinystories")
    assert early.returncode == 1
    assert early.stderr == (
        "The text `tinystories` is not there yet: run `python prepare.py` before.\n"
    )
    done = job("prepare.py", cwd=tmp_path, data="tinystories", **address)
    assert done.returncode == 0, done.stderr
    hub.shutdown()
    assert job("train.py", cwd=tmp_path, data="tinystories").returncode == 0
    first = job("prepare.py", "evaluate", cwd=tmp_path, data="tinystories")
    assert re.search(r"^val_bpb: \d\.\d+$", first.stdout, re.MULTILINE), first.stderr
    held = tmp_path / "cache" / "tinystories-300" / "validation.bin"
    held.write_bytes(held.read_bytes()[2:])
    (tmp_path / "named.py").write_text(
        "from pretraining import tokenizer; print(tokenizer.held_out('validation').name)"
    )
    named = job(str(tmp_path / "named.py"), cwd=tmp_path, data="tinystories", PYTHONPATH=str(ROOT))
    told = re.search(r"^data: (\S+)\ndata_fingerprint: (\d+)$", first.stdout, re.MULTILINE)
    assert told and int(told[1][-12:], 16) == int(told[2])
    assert named.stdout.startswith("tinystories-"), named.stderr
    assert named.stdout.strip() != told[1], "text that was changed is other text"


def test_a_folder_of_text_is_split_by_paths_and_read_again_when_it_is_prepared(tmp_path):
    folder = tmp_path / "texts" / "below"
    folder.mkdir(parents=True)
    for number in range(60):
        (folder / f"{number}.txt").write_text(f"{number} {STORIES[number % 20]} " * 3)
    (folder / "picture.png").write_bytes(b"\xff\xd8\xff")
    data = tmp_path / "texts"
    first = job("prepare.py", cwd=tmp_path, data=data)
    assert first.returncode == 0, first.stderr
    (folder / "new.txt").write_text("new words " * 300)
    names = [re.search(r"^data: (text-\S+)$", each.stdout, re.MULTILINE)[1] for each in (
        first, job("prepare.py", cwd=tmp_path, data=data)
    )]  # fmt: skip
    assert names[0] != names[1]
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize(
    ("data", "told"),
    [("nowhere", "neither python, tinystories nor climbmix"), (".", "There is no text for")],
)
def test_text_that_cannot_be_had_is_told_in_a_sentence(tmp_path, data, told):
    done = job("prepare.py", cwd=tmp_path, data=data)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_the_default_text_can_be_read_as_bytes(tmp_path):
    told = job("prepare.py", cwd=tmp_path, data="python", AUTORESEARCH_VOCAB="257").stdout
    assert ", 1.00 bytes a token" in told
