"""Learn from a few marked essays of a rubric's own question: what the examiner judged otherwise than a person did.

The examiner reads a point's rulings beside its statement, as examples of what earns it and what does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from marker import language
from marker.essays import MarkedEssay
from marker.examiner import Examiner
from marker.features import CREDITS
from marker.rubric import Rubric
from marker.scheme import RequiredPoint
from marker.windows import RULINGS

TAKEN = 0.2
"""Least probability at which a sentence that earns nothing was taken for one that might: below, it teaches nothing."""


@dataclass(frozen=True)
class Judged:
    """Hold a sentence with the examiner's probability that it earns a point, and whether a person says so."""

    text: str
    probability: float
    earns: bool


def learned(examiner: Examiner, own: Sequence[MarkedEssay]) -> Rubric:
    """Return the examiner's rubric with rulings of marked essays on its question: the worst misjudgements."""
    rubric, names = examiner.rubric, sorted(language.rubric_names(examiner.rubric))
    judged: dict[str, list[Judged]] = {p.id: [] for p in rubric.points}
    for essay in own:
        readings = examiner.judge([language.window(s.text, names) for s in essay.sentences])
        for sentence, row in zip(essay.sentences, readings.sentences, strict=True):
            for number, point in enumerate(rubric.points):
                earns = point.id in sentence.points
                judged[point.id].append(Judged(sentence.text, float(row[number, CREDITS]), earns))
    return replace(rubric, points=tuple(_ruled(p, judged[p.id]) for p in rubric.points))


def _ruled(point: RequiredPoint, judged: Sequence[Judged]) -> RequiredPoint:
    """Put the worst misses and the worst false credits last, where the examiner reads them."""
    missed = sorted((j for j in judged if j.earns), key=lambda j: -j.probability)
    mistaken = sorted((j for j in judged if not j.earns and j.probability >= TAKEN), key=lambda j: j.probability)
    return replace(
        point,
        accepted=(*point.accepted, *(j.text for j in missed[-RULINGS:])),
        rejected=(*point.rejected, *(j.text for j in mistaken[-RULINGS:])),
    )
