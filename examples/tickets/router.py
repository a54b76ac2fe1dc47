"""Send a ticket to those who can answer it. The loop improves this file; all of it may change.

As it stands: words are counted, and naive Bayes learns which intent they speak for.
"""

from collections.abc import Sequence

from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

CLASSIFIER = "naive bayes"  # one of: "naive bayes", "complement naive bayes", "linear svm"
UNITS = "word"  # one of: "word", "char_wb"
SHORTEST = 1  # one of: 1, 2, 3
LONGEST = 1  # one of: 1, 2, 3, 4, 5
FEWEST_TICKETS = 1  # one of: 1, 2, 3, 5
TF_IDF = False
SUBLINEAR = False
SMOOTHING = 1.0  # one of: 0.01, 0.03, 0.1, 0.3, 1.0
C = 1.0  # one of: 0.1, 0.3, 1.0, 3.0, 10.0
BALANCED = False


class Router:
    """A classifier that was trained on tickets that people have routed by hand."""

    def __init__(self, texts: Sequence[str], intents: Sequence[str]) -> None:
        """Learn; a few of the intents may be wrong, as people make mistakes."""
        self._model = model().fit(texts, intents)

    def route(self, text: str) -> str:
        """Return the intent of a new ticket, by its name in training."""
        return str(self._model.predict([text])[0])


def model() -> Pipeline:
    """Return counts of words or pieces of words, weighted if wanted, and a linear classifier."""
    counts = CountVectorizer(
        analyzer=UNITS,
        ngram_range=(min(SHORTEST, LONGEST), LONGEST),
        min_df=FEWEST_TICKETS,
    )
    weights = TfidfTransformer(use_idf=TF_IDF, sublinear_tf=SUBLINEAR, norm="l2")
    steps = [counts, weights] if TF_IDF or SUBLINEAR else [counts]
    return make_pipeline(*steps, classifier())


def classifier() -> MultinomialNB | ComplementNB | LinearSVC:
    """Return the classifier that CLASSIFIER names."""
    match CLASSIFIER:
        case "linear svm":
            return LinearSVC(C=C, class_weight="balanced" if BALANCED else None)
        case "complement naive bayes":
            return ComplementNB(alpha=SMOOTHING)
        case _:
            return MultinomialNB(alpha=SMOOTHING, fit_prior=not BALANCED)
