"""The local model: n-grams of words, letters and ideas, a linear classifier, and what its figures are worth.

Three TF-IDF views of a Message (`wording`) feed one linear support vector machine. Its decisions are turned into
probabilities by a logistic regression over decisions about examples of groups that it had not learnt from, so that a
confidence of 0.8 is right eight times in ten. Kept by skops, never pickled, with a header that is read first.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import sklearn
import skops
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC

from runner.domain.classification import MessageType
from runner.inbox.classify.examples import Example, Lessons
from runner.inbox.classify.wording import Concepts, Wording, frame, read

FORMAT = 2
"""Raised when the parts of a model or the views change their meaning: older files are then made anew."""

HEADER = "runner.json"
FOLDS = 3
PART = r"\S+"
VIEWS = {"words": 1.0, "letters": 1.0, "ideas": 0.5, "frames": 0.7}
"""What each view counts for. Ideas count for less: their phrases were written by whoever wrote the examples, so they
look better there than they are. Judged by authors who came later, macro-F1 was worst with ideas at 1, and without
them."""
COMMON_TO = 8
"""A word that fewer groups of examples know is a gap in the frames: what is sold differs from author to author, the
sentence around it does not."""

LABELS = tuple(MessageType)
Matrix = Any
"""A sparse matrix of scipy, or an array of numpy: one row for each Message."""


class Unfit(Exception):
    """A stored model that this program cannot use; `why` says what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A part of a text, in the view where it was seen, and how much it spoke for a type (below 0: against)."""

    view: str
    text: str
    weight: float


@dataclass(frozen=True, kw_only=True)
class Model:
    """A trained model."""

    views: dict[str, Any]
    machine: Any
    calibration: Any
    common: frozenset[str]
    concepts: Concepts
    digest: str

    @property
    def version(self) -> str:
        """How it signs what it has classified."""
        return f"local-{FORMAT}-{self.digest[:8]}"

    def probabilities(self, texts: Sequence[str]) -> list[list[float]]:
        """For each text the probability of each type, in the order of `LABELS`."""
        if not texts:
            return []
        decisions = self.machine.decision_function(self._matrix(texts))
        found: list[list[float]] = self.calibration.predict_proba(decisions).tolist()
        return found

    def reasons(self, text: str, type_: MessageType, *, limit: int) -> list[Reason]:
        """What spoke most for and against a type in one text, the strongest first."""
        row = self._matrix([text]).tocoo()
        weights = self.machine.coef_[LABELS.index(type_)]
        spoken = sorted(zip(row.col, row.data, strict=True), key=lambda each: -abs(each[1] * weights[each[0]]))
        names = self._names()
        return [
            Reason(view=names[column][0], text=names[column][1], weight=float(value * weights[column]))
            for column, value in spoken[:limit]
        ]

    def _matrix(self, texts: Sequence[str]) -> Matrix:
        return _matrix(self.views, [read(text, self.concepts) for text in texts], self.common)

    def _names(self) -> list[tuple[str, str]]:
        return [(view, name) for view in VIEWS for name in self.views[view].get_feature_names_out()]


def train(lessons: Lessons) -> Model:
    """Learn from the examples; takes seconds of one core, so never on the event loop."""
    examples = lessons.examples
    wordings = [read(each.text, lessons.concepts) for each in examples]
    common = _common(wordings, examples)
    views, machine = _fitted(wordings, examples, common)
    return Model(
        views=views,
        machine=machine,
        common=common,
        calibration=_calibrated(wordings, examples),
        concepts=lessons.concepts,
        digest=lessons.digest,
    )


def save(model: Model, lessons: Lessons, path: Path) -> None:
    """Write a model whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        kept = {"views": model.views, "machine": model.machine, "calibration": model.calibration}
        skops.io.dump(kept | {"common": " ".join(sorted(model.common))}, partial)
        with zipfile.ZipFile(partial, "a") as archive:
            archive.writestr(HEADER, json.dumps(_header(lessons) | {"digest": model.digest}))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load(path: Path, lessons: Lessons) -> Model:
    """Read a model that was saved by this program with these libraries and these shipped examples. Raises Unfit."""
    try:
        with zipfile.ZipFile(path) as archive:
            header = json.loads(archive.read(HEADER))
    except FileNotFoundError as error:
        raise Unfit("there is none yet") from error
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Unfit(f"the file cannot be read ({type(error).__name__})") from error
    for name, wanted in _header(lessons).items():
        if header.get(name) != wanted:
            raise Unfit(f"it was made with another {name}")
    try:
        # Nothing but what skops itself trusts: sklearn's own and numpy's types.
        kept = skops.io.load(path, trusted=[])
        common = frozenset(kept.pop("common").split())
        return Model(**kept, common=common, concepts=lessons.concepts, digest=header["digest"])
    except Exception as error:
        # Whatever is wrong with a file, the answer is to make it anew.
        raise Unfit(f"the file cannot be used ({type(error).__name__})") from error


def _header(lessons: Lessons) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "examples": lessons.shipped,
        "scikit-learn": sklearn.__version__,
        "skops": skops.__version__,
        "numpy": np.__version__,
    }


def _common(wordings: Sequence[Wording], examples: Sequence[Example]) -> frozenset[str]:
    known: dict[str, set[str]] = {}
    for wording, example in zip(wordings, examples, strict=True):
        for word in wording.words.split():
            known.setdefault(word, set()).add(example.group)
    return frozenset(word for word, groups in known.items() if len(groups) >= COMMON_TO)


def _fitted(
    wordings: Sequence[Wording], examples: Sequence[Example], common: frozenset[str]
) -> tuple[dict[str, Any], Any]:
    options = {"sublinear_tf": True, "lowercase": False, "dtype": np.float32}
    views = {
        "words": TfidfVectorizer(token_pattern=PART, ngram_range=(1, 2), **options),
        "letters": TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, **options),
        "ideas": TfidfVectorizer(token_pattern=PART, ngram_range=(1, 3), min_df=2, **options),
        "frames": TfidfVectorizer(token_pattern=PART, ngram_range=(1, 4), min_df=2, **options),
    }
    # To fit and to transform in one pass: reading the texts is most of the work.
    seen = [
        vectorizer.fit_transform([_view(name, each, common) for each in wordings]) * VIEWS[name]
        for name, vectorizer in views.items()
    ]
    machine = LinearSVC(C=0.4, random_state=0)
    machine.fit(
        scipy.sparse.hstack(seen, format="csr"),
        [LABELS.index(each.type) for each in examples],
        sample_weight=[each.weight for each in examples],
    )
    return views, machine


def _matrix(views: dict[str, Any], wordings: Sequence[Wording], common: frozenset[str]) -> Matrix:
    return scipy.sparse.hstack(
        [
            views[name].transform([_view(name, each, common) for each in wordings]) * counts
            for name, counts in VIEWS.items()
        ],
        format="csr",
    )


def _view(name: str, wording: Wording, common: frozenset[str]) -> str:
    return frame(wording.words, common) if name == "frames" else str(getattr(wording, name))


def _calibrated(wordings: Sequence[Wording], examples: Sequence[Example]) -> Any:
    """What decisions are worth, learnt where the machine knew nothing of the group."""
    groups = [each.group for each in examples]
    decisions = np.zeros((len(examples), len(LABELS)))
    folds = GroupKFold(min(FOLDS, len(set(groups))), shuffle=True, random_state=0)
    for known, unknown in folds.split(wordings, groups=groups):
        of_known = [wordings[n] for n in known], [examples[n] for n in known]
        common = _common(*of_known)
        views, machine = _fitted(*of_known, common)
        decisions[unknown] = machine.decision_function(_matrix(views, [wordings[n] for n in unknown], common))
    calibration = LogisticRegression(C=1.0, max_iter=1000)
    calibration.fit(decisions, [LABELS.index(each.type) for each in examples])
    return calibration
