"""What the decision about one point looks at, over all sentences of an essay.

Adding a feature is one function and one line in FEATURES; then retrain. None counts sentences: an answer of one good
sentence, which the training essays hardly know, would fall far outside what the decision was learned on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marker.language import content_stems, stem, words
from marker.scheme import RequiredPoint

Floats = NDArray[np.float64]
NEITHER, CREDITS, CONTRADICTS = range(3)


@dataclass(frozen=True)
class Case:
    """Hold one point of one essay: `own` has its readings by sentence (S, 3), `all` those of all points (S, P, 3).

    `whole` has those of the whole essay: shape (3,).
    """

    point: RequiredPoint
    own: Floats
    all: Floats
    whole: Floats
    sentences: Sequence[str]

    @property
    def best(self) -> int:
        """Return the sentence that credits the point most."""
        return int(self.own[:, CREDITS].argmax())


def _logit(p: float) -> float:
    p = min(max(float(p), 1e-4), 1 - 1e-4)
    return float(np.log(p / (1 - p)))


def _strongest(case: Case) -> float:
    return _logit(case.own[:, CREDITS].max())


def _second(case: Case) -> float:
    credits = np.sort(case.own[:, CREDITS])
    return _logit(credits[-2]) if len(credits) > 1 else _logit(0)


def _expected(case: Case) -> float:
    return float(np.log1p(case.own[:, CREDITS].sum()))


def _contradiction(case: Case) -> float:
    return _logit(case.own[:, CONTRADICTS].max())


def _contradicted_there(case: Case) -> float:
    return float(case.own[case.best, CONTRADICTS])


def _rival(case: Case) -> float:
    """Return the strongest of the points in the sentence that credits this one most."""
    return _logit(case.all[case.best, :, CREDITS].max())


def _essay_level(case: Case) -> float:
    return float(case.all[:, :, CREDITS].max(axis=0).mean())


def overlap(point: RequiredPoint, sentence: str) -> float:
    """Return the share, from 0 to 1, of the content words of a point's statement that a sentence holds, by stem."""
    wanted = content_stems(point.statement)
    return len(wanted & {stem(w) for w in words(sentence)}) / max(1, len(wanted))


def _overlap(case: Case) -> float:
    return overlap(case.point, case.sentences[case.best])


def _length(case: Case) -> float:
    return float(np.log1p(len(words(case.sentences[case.best]))))


def _rank(case: Case) -> float:
    """Return the share of the points that the essay makes more strongly."""
    strongest = case.all[:, :, CREDITS].max(axis=0)
    return float((strongest > case.own[:, CREDITS].max()).mean())


def _neighbour(case: Case) -> float:
    """Return the stronger of the sentences before and after the best one."""
    beside = [i for i in (case.best - 1, case.best + 1) if 0 <= i < len(case.own)]
    return _logit(case.own[beside, CREDITS].max(initial=0))


def _conflict(case: Case) -> float:
    """Return how much the essay contradicts points in general: a denial of everything shows here first."""
    return float(np.mean([_logit(p) for p in case.all[:, :, CONTRADICTS].max(axis=0)]))


def _conflict_there(case: Case) -> float:
    """Return how much the best sentence contradicts any point."""
    return _logit(case.all[case.best, :, CONTRADICTS].max())


def _whole(case: Case) -> float:
    return _logit(case.whole[CREDITS])


def _whole_contradicted(case: Case) -> float:
    return _logit(case.whole[CONTRADICTS])


FEATURES: dict[str, Callable[[Case], float]] = {
    "strongest": _strongest,
    "second": _second,
    "expected": _expected,
    "contradiction": _contradiction,
    "contradicted_there": _contradicted_there,
    "rival": _rival,
    "essay_level": _essay_level,
    "overlap": _overlap,
    "length": _length,
    "rank": _rank,
    "neighbour": _neighbour,
    "conflict": _conflict,
    "conflict_there": _conflict_there,
    "whole": _whole,
    "whole_contradicted": _whole_contradicted,
}


def vectors(points: Sequence[RequiredPoint], readings: Floats, whole: Floats, sentences: Sequence[str]) -> Floats:
    """Return the features of every point: shape (P, features).

    `readings` has shape (S, P, 3) with S at least 1, `whole` has shape (P, 3).
    """
    cases = [Case(p, readings[:, i], readings, whole[i], sentences) for i, p in enumerate(points)]
    return np.array([[feature(case) for feature in FEATURES.values()] for case in cases])
