"""Tokenizer of the main job and the tokenized text, kept in a cache.

The tokens are byte pairs of the training text. AUTORESEARCH_DATA names the data set (corpora.py
lists them), AUTORESEARCH_VOCAB another number of tokens: 257 are the bytes alone. Text and tokens
are named by a fingerprint of both, so figures of different data are never mixed up.

For the default text the evaluation reads nothing from the cache, where a run could have written,
and builds the tokenizer again, which takes a second. Other text comes from the cache; a change of
it shows in the fingerprint.
"""

import functools
import hashlib
import itertools
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pretraining import corpora

if TYPE_CHECKING:
    import tiktoken

DATA = os.environ.get("AUTORESEARCH_DATA", "python")
# Of a data set: the tokens that the model sees at once, how many tokens there are (byte pairs, and
# one that opens a document), and the windows of its evaluation: of the first one 450 kB, measured
# in four seconds on one core.
MAX_SEQ_LEN, VOCAB_SIZE, EVAL_WINDOWS = {
    "python": (128, 1024, 1280),
    "tinystories": (256, 4096, 1280),
    "climbmix": (2048, 8192, 1280),
}.get(DATA, (256, 2048, 1280))
VOCAB_SIZE = int(os.environ.get("AUTORESEARCH_VOCAB", VOCAB_SIZE))

OPENING = VOCAB_SIZE - 1  # the token that opens a document
PATTERN = r"[ ._(]?\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]+|\s*\n[ \t]*|\s+"  # no token crosses these
TOKENIZER_BYTES = 200_000_000  # of text that the byte pairs are found in, at most


@dataclass(frozen=True)
class Corpus:
    """The text to train on. `name` has its origin and the fingerprint of text and tokens."""

    name: str
    train: np.ndarray  # uint16 tokens, every document opened by OPENING
    tokens: tuple[bytes, ...]  # what each token stands for; nothing for OPENING


@dataclass(frozen=True)
class HeldOut:
    """Text to measure with. `name` has the fingerprint of it and of the training text."""

    name: str
    tokens: np.ndarray
    sizes: np.ndarray  # bytes that each token stands for


@functools.cache
def corpus() -> Corpus:
    """Return the training text in tokens: from the cache, or, for the default text, made now."""
    if DATA == "python":
        documents = _documents("train")
        name = f"{_origin()}-{_fingerprint(documents)}"
        folder = _cache() / name
        if not folder.is_dir():
            return _prepare(name, documents, folder)
    elif not (folder := _place()).is_dir():
        raise SystemExit(f"The text `{DATA}` is not there yet: run `python prepare.py` before.")
    told = json.loads((folder / "corpus.json").read_text())
    tokens = tuple(bytes.fromhex(token) for token in told["tokens"])
    return Corpus(told["name"], np.memmap(folder / "train.bin", np.uint16, mode="c"), tokens)


@functools.cache
def held_out(part: str) -> HeldOut:
    """Return text to measure with, in tokens; the default text is never read from the cache."""
    if DATA != "python":
        known = corpus()
        encoded = np.fromfile(_place() / f"{part}.bin", np.uint16)
        digest = hashlib.sha256(repr((known.name, known.tokens)).encode() + encoded.tobytes())
        name = f"{_origin()}-{digest.hexdigest()[:16]}"
        return HeldOut(name, encoded, np.array([len(token) for token in known.tokens]))
    train, documents = _documents("train"), _documents(part)
    encoding, tokens = _tokenizer(train.values())
    sizes = np.array([len(token) for token in tokens])
    name = f"{_origin()}-{_fingerprint(train | documents)}"
    return HeldOut(name, np.concatenate(list(_encoded(encoding, documents.values()))), sizes)


def _documents(part: str) -> dict[str, bytes]:
    return dict(read(part))


def read(part: str) -> Iterator[corpora.Document]:
    """Yield the documents of a part, `train`, `validation` or `holdout`, with their names."""
    try:
        yield from corpora.documents(DATA, part, _cache() / "downloads")
    except corpora.Missing as error:
        raise SystemExit(str(error)) from None


def _prepare(name: str, documents: dict[str, bytes], folder: Path) -> Corpus:
    """Train the tokenizer on the training files, encode them, and write both to the cache."""
    start = time.perf_counter()
    encoding, tokens = _tokenizer(documents.values())
    train = np.concatenate(list(_encoded(encoding, documents.values())))
    result = Corpus(name, train, tokens)
    kept = "in " + str(folder) if _keep(result, folder) else "for this run only"
    seconds = time.perf_counter() - start
    print(f"prepared {len(documents)} files in {seconds:.1f} s, kept {kept}", flush=True)
    return result


def prepare_ahead() -> None:
    """Read and tokenize a text that no run makes for itself; a folder is read again each time."""
    folder = _place()
    if DATA == "python" or (folder.is_dir() and DATA in ("tinystories", "climbmix")):
        return
    encoding, tokens = _tokenizer(_sample())
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".preparing-", dir=folder.parent))
    try:
        digest = hashlib.sha256(repr((tokens, PATTERN)).encode())
        for part in ("train", "validation", "holdout"):
            _write(encoding, part, unfinished / f"{part}.bin", digest)
        told = {
            "name": f"{_origin()}-{digest.hexdigest()[:16]}",
            "tokens": [t.hex() for t in tokens],
        }
        (unfinished / "corpus.json").write_text(json.dumps(told))
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _sample() -> Iterator[bytes]:
    """Yield enough of the training text to find its byte pairs."""
    length = 0
    for _, content in read("train"):
        yield content
        length += len(content)
        if length >= TOKENIZER_BYTES:
            return


def _write(encoding: "tiktoken.Encoding", part: str, path: Path, digest: "hashlib._Hash") -> None:
    """Encode the documents of a part into a file, and add them to the digest."""
    from rich.console import Console
    from rich.progress import track

    def contents() -> Iterator[bytes]:
        for name, content in read(part):
            digest.update(f"\n{name} {len(content)}\n".encode() + content)
            yield content

    pieces = _encoded(encoding, contents())
    with path.open("wb") as file:
        for piece in track(pieces, f"tokens of {part}", console=Console(stderr=True)):
            piece.tofile(file)
    if path.stat().st_size // 2 < MAX_SEQ_LEN + 2:
        raise SystemExit(f"The text `{DATA}` is too short: there is not one window for {part}.")


def _tokenizer(texts: Iterable[bytes]) -> tuple["tiktoken.Encoding", tuple[bytes, ...]]:
    """Train byte pairs; return the encoding and the bytes of each token (OPENING has none)."""
    import rustbpe
    import tiktoken

    trainer = rustbpe.Tokenizer()
    trainer.train_from_iterator((text.decode() for text in texts), OPENING, pattern=PATTERN)
    ranks = {bytes(token): rank for token, rank in trainer.get_mergeable_ranks()}
    special = {"<|opening|>": OPENING}
    encoding = tiktoken.Encoding(
        "autoresearch", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=special
    )
    known = sorted(ranks, key=ranks.__getitem__)
    return encoding, (*known, *[b""] * (VOCAB_SIZE - len(known)))  # a short text has fewer pairs


def _encoded(encoding: "tiktoken.Encoding", contents: Iterable[bytes]) -> Iterator[np.ndarray]:
    """Yield the tokens of 512 documents at a time."""
    rest = iter(contents)
    while some := [content.decode() for content in itertools.islice(rest, 512)]:
        lists = encoding.encode_ordinary_batch(some, num_threads=os.cpu_count() or 1)
        yield np.fromiter((t for each in lists for t in (OPENING, *each)), np.uint16)


def _keep(text: Corpus, folder: Path) -> bool:
    """Write the cache folder in one step. Return False if it cannot be written, as in a sandbox.

    When another process was faster its folder stays, and that is as good.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".preparing-", dir=folder.parent))
    except OSError:
        return False
    try:
        text.train.tofile(unfinished / "train.bin")
        told = {"name": text.name, "tokens": [token.hex() for token in text.tokens]}
        (unfinished / "corpus.json").write_text(json.dumps(told))
        unfinished.rename(folder)
    except OSError:
        return folder.is_dir()
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return True


def _cache() -> Path:
    if chosen := os.environ.get("AUTORESEARCH_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "autoresearch-graph"


def _place() -> Path:
    """Return the folder of a text that is not made on the fly."""
    return _cache() / f"{_origin()}-{VOCAB_SIZE}"


def _origin() -> str:
    match DATA:
        case "python":
            return f"python-{platform.python_version()}"
        case "tinystories" | "climbmix":
            return DATA
    return f"text-{hashlib.sha256(str(Path(DATA).expanduser().resolve()).encode()).hexdigest()[:8]}"


def _fingerprint(documents: dict[str, bytes]) -> str:
    """Return sixteen digits for the text, the tokens and the layout of the cache (2)."""
    digest = hashlib.sha256(f"2 {VOCAB_SIZE} {PATTERN}".encode())
    for name, content in documents.items():
        digest.update(f"\n{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
