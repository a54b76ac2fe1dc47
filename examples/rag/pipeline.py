"""Find the function that a question describes. The loop improves this file; all of it may change.

As it stands: code is cut into chunks of a few lines, chunks into words, and BM25 ranks them; a
function is as good as its best chunk.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from corpus import Document

CHUNK_LINES = 10  # one of: 5, 10, 20, 40, 1000
NAME_WEIGHT = 0  # one of: 0, 1, 2, 3, 5, 8
MODULE_WEIGHT = 0  # one of: 0, 1, 2, 3, 5
SPLIT_IDENTIFIERS = False
STOP_WORDS = "none"  # one of: "none", "english", "english and python"
RANKING = "bm25"  # one of: "bm25", "tf-idf"
K1 = 1.2  # one of: 0.3, 0.6, 0.9, 1.2, 1.6, 2.0
B = 0.75  # one of: 0.0, 0.2, 0.4, 0.6, 0.75, 0.9
WORD = re.compile(r"\w+")
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
ENGLISH = "a an and are as at be by for from if in into is it its of on or that the this to with"
PYTHON = "self cls def return none true false else elif raise import try except"
LEFT_OUT = {"none": "", "english": ENGLISH, "english and python": f"{ENGLISH} {PYTHON}"}


class Pipeline:
    """An index over the documents, made once, and a way to ask it."""

    def __init__(self, documents: Sequence[Document]) -> None:
        """Cut, count and weigh: postings[word] is the chunks that have it, with their weights."""
        chunks = [(place, chunk) for place, d in enumerate(documents) for chunk in chunks_of(d)]
        self.ids = [document.id for document in documents]
        self.owner = np.array([place for place, _ in chunks])
        lengths = np.array([sum(chunk.values()) for _, chunk in chunks], dtype=float)
        where: dict[str, list[int]] = defaultdict(list)
        counts: dict[str, list[int]] = defaultdict(list)
        for row, (_, chunk) in enumerate(chunks):
            for word, count in chunk.items():
                where[word].append(row)
                counts[word].append(count)
        size = 1 - B + B * lengths / lengths.mean()
        self.postings = {
            word: (np.array(rows), weigh(np.array(counts[word]), size[rows], len(chunks)))
            for word, rows in where.items()
        }

    def search(self, question: str) -> list[str]:
        """Return the ids of ten documents, the best one first."""
        scores = np.zeros(len(self.owner))
        for word in words(question):
            if word in self.postings:
                rows, weights = self.postings[word]
                scores[rows] += weights
        best = np.zeros(len(self.ids))
        np.maximum.at(best, self.owner, scores)
        return [self.ids[place] for place in np.argsort(-best, kind="stable")[:10]]


def chunks_of(document: Document) -> list[Counter[str]]:
    """Return the words of every few lines, with those of the function's name and module."""
    lines = document.code.splitlines()
    about = words(document.name) * NAME_WEIGHT + words(document.module) * MODULE_WEIGHT
    starts = range(0, len(lines), CHUNK_LINES)
    return [Counter(about + words("\n".join(lines[s : s + CHUNK_LINES]))) for s in starts]


def words(text: str) -> list[str]:
    """Return the words of a text or of code, in lower case."""
    found = WORD.findall(text)
    if SPLIT_IDENTIFIERS:
        found = [part for word in found for part in PART.findall(word)]
    left_out = LEFT_OUT[STOP_WORDS].split()
    return [word for word in map(str.lower, found) if word not in left_out]


def weigh(counts: np.ndarray, size: np.ndarray, chunks: int) -> np.ndarray:
    """Return the weight of a word in each chunk that has it; `size` is relative to the mean."""
    rarity = np.log(1 + (chunks - len(counts) + 0.5) / (len(counts) + 0.5))
    if RANKING == "tf-idf":
        return rarity * (1 + np.log(counts)) / np.sqrt(size)
    return rarity * counts * (K1 + 1) / (counts + K1 * size)
