"""Try a rubric on sample answers that a teacher has marked, and show what an edit changes.

Reading is what takes time. It is kept by answer and claim, so after an edit of one point only that point is read anew.
A claim read by itself may be judged a little differently from one that is read beside the others; what is marked for a
student is always read as a whole.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np

from marker import evaluation, matcher
from marker.errors import EssayError
from marker.essays import Sample
from marker.evaluation import Decisions
from marker.examiner import Examiner
from marker.language import Window
from marker.mark import Essay, Mark, Verdict
from marker.matcher import Floats, Reader, Readings
from marker.rubric import Rubric
from marker.scheme import RequiredPoint
from marker.windows import Span, point_text

FEW = 10
"""Marked samples below which agreement says next to nothing: its interval is wider than a third."""

REMEMBERED = 20_000
"""Claims of answers whose readings are kept; one takes about 200 bytes a sentence, so together some 40 MB."""


@dataclass(frozen=True)
class SampleEffect:
    """Hold what a rubric makes of one sample: marks by it, by the rubric before, and by the teacher where known."""

    sample: str
    mark: Mark
    before: Mark | None
    teacher: int | None
    """The total by the teacher's clicks; None unless every point was judged."""
    missed: tuple[str, ...]
    """Points that the teacher credits and the rubric does not."""
    wrongly: tuple[str, ...]
    """Points that the rubric credits and the teacher does not."""

    @property
    def changed(self) -> bool:
        """Say whether a verdict or the total differs from the one before."""
        return self.before is not None and _outcome(self.before) != _outcome(self.mark)


@dataclass(frozen=True)
class Effect:
    """Hold what a rubric makes of all samples; agreement is a share from 0 to 1 with its 95% interval."""

    samples: tuple[SampleEffect, ...]
    decisions: int
    agreement: float | None
    interval: tuple[float, float] | None
    warning: str


class SampleExaminer(Protocol):
    """Mark samples: what an `Examiner` does, which a test may stand in for."""

    rubric: Rubric

    def mark_many(self, essays: Iterable[Essay]) -> Iterator[Mark | EssayError]:
        """Mark essays in order; one that can't be marked gives its error."""
        ...


class RememberingReader:
    """Read each claim beside each answer once; safe to call from several threads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: OrderedDict[str, tuple[dict[Span, Floats], Floats]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, rubric: Rubric, windows: Sequence[Window]) -> Readings:
        """Return the probabilities for the windows, of which only those of new claims are read now."""
        keys = [_key(rubric.question, claim, windows) for claim in rubric.claims]
        with self._lock:
            known = {key: self._kept[key] for key in keys if key in self._kept}
        new = {key: claim for key, claim in zip(keys, rubric.claims, strict=True) if key not in known}
        if new:
            only = replace(rubric, points=tuple(new.values()), misconceptions=())
            known |= _by_claim(list(new), self._reader.read(only, windows))
        with self._lock:
            for key in keys:
                self._kept[key] = known[key]
                self._kept.move_to_end(key)
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return _joined([known[key] for key in keys])


def load(rubric: Rubric, model: Path | None = None) -> Examiner:
    """Load an examiner that remembers, across rubrics, what it has read; raises ModelError."""
    folder = model or matcher.released()
    return Examiner.load(rubric, folder).reading_by(_remembering(folder))


@cache
def _remembering(folder: Path) -> RememberingReader:
    return RememberingReader(matcher.load(folder))


def effect(examiner: SampleExaminer, samples: Sequence[Sample], before: Mapping[str, Mark] | None = None) -> Effect:
    """Mark the samples and compare with the marks before, by sample, and with the teacher's clicks."""
    marks = examiner.mark_many(Essay(s.id, s.text) for s in samples)
    pairs = [(s, m) for s, m in zip(samples, marks, strict=True) if isinstance(m, Mark)]
    found = tuple(_sample_effect(examiner.rubric, s, m, (before or {}).get(s.id)) for s, m in pairs)
    judged = _judged(pairs)
    if not judged.gold.size:
        return Effect(found, 0, None, None, "No sample has been marked by you yet: click the points that it earns.")
    low, high = evaluation.intervals_of(judged, {"agreement": _agreement}, resamples=200)["agreement"]
    marked = len(np.unique(judged.essay))
    few = f"Only {marked} of the samples are marked by you: too few to say how well the rubric marks."
    return Effect(found, len(judged.gold), _agreement(judged), (low, high), few if marked < FEW else "")


def _sample_effect(rubric: Rubric, sample: Sample, mark: Mark, before: Mark | None) -> SampleEffect:
    credited = {v.point for v in mark.verdicts if v.verdict is Verdict.CREDITED}
    earned = {p for p, yes in sample.earned.items() if yes}
    ids = [p.id for p in rubric.points]
    teacher = rubric.total(earned).awarded if all(id in sample.earned for id in ids) else None
    missed = tuple(id for id in ids if id in earned and id not in credited)
    wrongly = tuple(id for id in ids if id in credited and sample.earned.get(id) is False)
    return SampleEffect(sample.id, mark, before, teacher, missed, wrongly)


def _outcome(mark: Mark) -> tuple[int, tuple[tuple[str, Verdict], ...]]:
    return mark.awarded, tuple((v.point, v.verdict) for v in mark.verdicts)


def _judged(pairs: Sequence[tuple[Sample, Mark]]) -> Decisions:
    """Line up the decisions that the teacher has made too."""
    rows = [
        (s.id, "", "", s.earned[v.point], False, v.verdict is Verdict.CREDITED, v.confidence, 1)
        for s, m in pairs
        for v in m.verdicts
        if v.point in s.earned
    ]
    return (
        Decisions(*(np.array(column) for column in zip(*rows, strict=True))) if rows else Decisions(*[np.array([])] * 8)
    )


def _agreement(judged: Decisions) -> float:
    return float((judged.gold == judged.credited).mean())


def _key(question: str, claim: RequiredPoint, windows: Sequence[Window]) -> str:
    parts = [question, point_text(claim), *(w.reading for w in windows), *(str(w.start) for w in windows)]
    return sha256("\0".join(parts).encode()).hexdigest()


def _by_claim(keys: Sequence[str], readings: Readings) -> dict[str, tuple[dict[Span, Floats], Floats]]:
    return {
        key: ({_place(s): readings.probabilities[row, n] for row, s in enumerate(readings.spans)}, readings.whole[n])
        for n, key in enumerate(keys)
    }


def _place(span: Span) -> Span:
    """Return the span without where its tokens stood, which depends on what was read beside it."""
    return replace(span, first=0, last=0)


def _joined(claims: Sequence[tuple[dict[Span, Floats], Floats]]) -> Readings:
    spans = tuple(claims[0][0])
    table = np.array([[rows[span] for rows, _ in claims] for span in spans], np.float32)
    return Readings(spans, table.reshape(len(spans), len(claims), 3), np.array([whole for _, whole in claims]))
