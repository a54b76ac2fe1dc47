"""Data sets of the main job, each read as `documents`.

    python        the source of Python's standard library, as it lies on this machine
    tinystories   short stories for children, 2.2 GB (2305.07759; roneneldan/TinyStories)
    climbmix      ten shards of the web text that karpathy/autoresearch trains on, about 1 GB
    a path        every file below a folder that is UTF-8 text

All but the first are read once, by `python prepare.py`: no training run needs a network. Downloads
go on where they stopped, are tried again, and are checked by size and by SHA-256, where the server
sends one, as Hugging Face does for every large file. HF_ENDPOINT names a mirror.

Not covered: a server that lies about its checksums.
"""

import hashlib
import os
import re
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

Document = tuple[str, bytes]  # a name, and UTF-8

STORIES = "roneneldan/TinyStories/resolve/main/TinyStoriesV2-GPT4-{}.txt"
SHARD = "karpathy/climbmix-400b-shuffle/resolve/main/shard_{:05d}.parquet"
SHARDS = {"train": range(10), "validation": [6542], "holdout": [6541]}
MOST_HELD_OUT = 20_000_000  # bytes of a shard that are kept to measure with
ATTEMPTS = 5
PAUSE = 1.0  # seconds, doubled with each attempt

# Below the standard library. Nothing that trains a model imports them, so a run can do without.
HELD_OUT = {
    "validation": (
        "ftplib.py", "imaplib.py", "mailbox.py", "modulefinder.py", "optparse.py", "plistlib.py",
        "smtplib.py", "trace.py", "turtle.py", "wsgiref", "xml/sax", "xmlrpc",
    ),
    "holdout": (
        "curses", "doctest.py", "poplib.py", "pyclbr.py", "venv", "wave.py", "webbrowser.py",
        "xml/dom", "zipapp.py",
    ),
}  # fmt: skip

# Folders that a distribution leaves out, moves or generates, and code tables that are no prose.
LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
LEFT_OUT |= {"encodings", "lib2to3", "distutils", "idlelib", "tkinter", "turtledemo"}
LEFT_OUT |= {"ensurepip", "pydoc_data"}
LEFT_OUT_PREFIXES = ("config-", "_sysconfigdata")


class Missing(Exception):
    """Text that cannot be read or fetched. The message has the reason and what would help."""


def documents(data: str, part: str, folder: Path) -> Iterator[Document]:
    """Return the documents of `train`, `validation` or `holdout`, always in the same order.

    Downloads are kept in `folder`. Raise Missing for text that cannot be read or fetched.
    """
    match data:
        case "python":
            return _standard_library(part)
        case "tinystories":
            return _stories(part, folder)
        case "climbmix":
            return _shards(part, folder)
    if not Path(data).expanduser().is_dir():
        raise Missing(
            f"`{data}` is neither python, tinystories nor climbmix, and no folder of text either."
        )
    return _folder(part, Path(data).expanduser())


# ---------------------------------------------------------------- from this machine


def _standard_library(part: str) -> Iterator[Document]:
    """Return each source file once, in the order of the hashes of their paths."""
    root = Path(sysconfig.get_path("stdlib"))
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        left_out = LEFT_OUT.intersection(parts) or parts[0].startswith(LEFT_OUT_PREFIXES)
        if not left_out and module_part("/".join(parts)) == part:
            found["/".join(parts)] = path.read_bytes()
    return _once(found, f"Python source for {part} below {root}")


def module_part(name: str) -> str:
    """Return the part of a standard library file: `train`, `validation` or `holdout`."""
    for part, paths in HELD_OUT.items():
        if any(name == path or name.startswith(f"{path}/") for path in paths):
            return part
    return "train"


def _folder(part: str, root: Path) -> Iterator[Document]:
    """Return the files of a part: by their paths, a tenth each for validation and holdout."""
    paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
    names = {path.relative_to(root).as_posix(): path for path in paths}
    parts = {8: "validation", 9: "holdout"}
    mine = (name for name in names if parts.get(_hash(name) % 10, "train") == part)
    contents = {name: names[name].read_bytes() for name in mine}
    return _once(contents, f"text for {part} below {root}; a tenth of the files is taken for it")


def _once(found: dict[str, bytes], what: str) -> Iterator[Document]:
    """Return the contents that are text, each under the first of its names."""
    first: dict[bytes, str] = {}
    for name, content in found.items():
        if content and _is_utf8(content):
            first.setdefault(hashlib.sha256(content).digest(), name)
    if not first:
        raise Missing(f"There is no {what}.")
    return ((name, found[name]) for name in sorted(first.values(), key=lambda n: _hash("o" + n)))


# ---------------------------------------------------------------- from the network


def _stories(part: str, folder: Path) -> Iterator[Document]:
    """Yield stories; the authors' validation file is halved by the stories' hashes."""
    file = "train" if part == "train" else "valid"
    path = fetch(STORIES.format(file), folder)
    for at, story in enumerate(_split(path, b"<|endoftext|>")):
        half = "validation" if hashlib.sha256(story).digest()[0] % 2 else "holdout"
        if story and _is_utf8(story) and part in ("train", half):
            yield f"{file}-{at}", story


def _split(path: Path, separator: bytes) -> Iterator[bytes]:
    """Yield the stripped pieces of a file that may be larger than the memory."""
    rest = b""
    with path.open("rb") as file:
        while block := file.read(2**24):
            *whole, rest = (rest + block).split(separator)
            yield from (piece.strip() for piece in whole)
    yield rest.strip()


def _shards(part: str, folder: Path) -> Iterator[Document]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise Missing("climbmix needs a package more: pip install pyarrow") from None
    length = 0
    for number in SHARDS[part]:
        file = parquet.ParquetFile(fetch(SHARD.format(number), folder))
        for at, batch in enumerate(file.iter_batches(columns=["text"])):
            for row, text in enumerate(batch.column(0).to_pylist()):
                if part != "train" and length >= MOST_HELD_OUT:
                    return
                content = text.encode()
                length += len(content)
                yield f"{number}-{at}-{row}", content


def fetch(name: str, folder: Path) -> Path:
    """Download a file of Hugging Face's data sets. Idempotent. Raise Missing if it fails."""
    url = f"{os.environ.get('HF_ENDPOINT', 'https://huggingface.co')}/datasets/{name}"
    path = folder / Path(name).name
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    for attempt in range(ATTEMPTS):
        try:
            _fetch_rest(url, unfinished)
            return unfinished.rename(path)
        except OSError as error:
            reason = error
        if attempt + 1 < ATTEMPTS:
            time.sleep(PAUSE * 2**attempt)
    raise Missing(f"{url} cannot be had: {reason}. What has come is kept; try again later.")


def _fetch_rest(url: str, path: Path) -> None:
    """Continue a download. Raise ConnectionError if it breaks off, Missing for 401, 403, 404."""
    import httpx

    have = path.stat().st_size if path.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=30) as answer:
            if answer.status_code in (401, 403, 404):
                raise Missing(f"{url} cannot be had: the server says {answer.status_code}.")
            if answer.status_code != 416:  # 416: there is nothing left to send
                answer.raise_for_status()
                _write(answer, path)
            _check(answer, path)
    except httpx.HTTPError as error:
        raise ConnectionError(str(error) or type(error).__name__) from error


def _write(answer: "httpx.Response", path: Path) -> None:
    """Append the rest of the file, or begin again if the server sends all of it."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    have = path.stat().st_size if answer.status_code == 206 else 0
    size = int(answer.headers.get("Content-Length", 0))
    columns = (TextColumn(path.stem), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with (
        path.open("ab" if have else "wb") as file,
        Progress(*columns, console=Console(stderr=True)) as bar,
    ):
        task = bar.add_task("", total=have + size or None, completed=have)
        for block in answer.iter_raw():
            file.write(block)
            bar.advance(task, len(block))


def _check(answer: "httpx.Response", path: Path) -> None:
    """Delete a file that differs from the server's, and raise ConnectionError."""
    told = [each.headers.get("X-Linked-ETag", "") for each in (*answer.history, answer)]
    promised = next(filter(None, (re.search(r"\b[0-9a-f]{64}\b", each) for each in told)), None)
    total = re.search(r"/(\d+)$", answer.headers.get("Content-Range", ""))
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    same = found == promised[0] if promised else True
    if not same or (total and int(total[1]) != path.stat().st_size):
        path.unlink()
        raise ConnectionError("what came is not what the server promised, by size or SHA-256")


def _hash(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest(), 16)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
