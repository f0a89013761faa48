"""What the tests share: a small rubric, and a reader that stands where the network enters."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from marker.decision import Decision, Logistic, Thresholds
from marker.examiner import Examiner
from marker.features import FEATURES
from marker.language import Window
from marker.matcher import Readings
from marker.rubric import Rubric
from marker.windows import Span

ROOT = Path(__file__).resolve().parent.parent
Judge = Callable[[str, str], tuple[float, float]]


class WordReader:
    """Credit a point where the sentence holds the point's id, contradict it where it holds `not <id>`."""

    def read(self, rubric: Rubric, windows: Sequence[Window]) -> Readings:
        table = [[self._judge(w.reading.lower(), p.id) for p in rubric.claims] for w in windows]
        spans = tuple(Span(w.start, w.end, 0, 1, n) for n, w in enumerate(windows))
        judged = np.array(table, np.float32).reshape(len(windows), len(rubric.claims), 3)
        return Readings(spans, judged, judged.max(axis=0, initial=0))

    @staticmethod
    def _judge(sentence: str, point: str) -> tuple[float, float, float]:
        if f"not {point}" in sentence:
            return 0.05, 0.05, 0.9
        if f"perhaps {point}" in sentence:
            return 0.4, 0.6, 0.0
        return (0.1, 0.9, 0.0) if point in sentence else (0.99, 0.01, 0.0)


def logistic(feature: str) -> Logistic:
    """Return a regression that passes one logit feature through."""
    count = len(FEATURES)
    weights = [float(name == feature) for name in FEATURES] + [0.0] * (count * (count + 1) // 2)
    return Logistic((0.0,) * count, (1.0,) * count, tuple(weights), 0.0)


PLAIN = Decision(logistic("strongest"), logistic("contradiction"), Thresholds(0.7, 0.3, 0.5))


@pytest.fixture
def rubric() -> Rubric:
    points = [
        {"id": "apples", "statement": "Apples keep the doctor away.", "hint": "Which fruit?", "marks": 2},
        {"id": "bread", "statement": "Bread fills the stomach.", "hint": "What do bakers make?"},
        {"id": "cheese", "statement": "Cheese is kept milk."},
    ]
    return Rubric.from_dict({"id": "food", "question": "Why do we eat?", "points": points, "model_answer": "Food."})


@pytest.fixture
def examiner(rubric: Rubric) -> Examiner:
    return Examiner(rubric, WordReader(), PLAIN, "words-1")
