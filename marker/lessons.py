"""Deal marked essays and phrases into what the network is trained on, in another order at every epoch."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marker import language
from marker.essays import MarkedEssay, Phrase
from marker.language import Window
from marker.mark import Verdict
from marker.rubric import Rubric
from marker.scheme import RequiredPoint
from marker.windows import RULINGS, Packer, Passage, join, point_text

GAP = 0.1
BARE = 0.1
"""Chance that a sentence is left out of an essay, and that a point is shown without its credit rule."""

FEWER = 0.2
"""Chance that only some of the points are asked for."""

SPLICED = 0.3
"""Chance that one to three phrases are put between an essay's sentences."""

RULED = 0.35
"""Chance that points are shown with rulings, and of those that a point has some: up to two accepted, two rejected."""

MEDLEY = (3, 12)
"""Fewest and most phrases of an essay made of phrases alone."""

MEDLEYS = 0.5
"""Share of a question's phrases that are dealt as such essays in an epoch."""

UNKNOWN = -100
"""Label of what nobody has judged; it teaches nothing."""

LABELS = {Verdict.OMITTED: 0, Verdict.CREDITED: 1, Verdict.CONTRADICTED: 2}


@dataclass(frozen=True)
class Example:
    """Hold a passage with the labels of its spans by point (S, P), and of the whole (P)."""

    passage: Passage
    labels: NDArray[np.int64]
    whole: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.passage.ids)


@dataclass(frozen=True)
class Lesson:
    """Hold a question with all that teaches it."""

    rubric: Rubric
    essays: Sequence[MarkedEssay]
    phrases: Sequence[Phrase]


@dataclass(frozen=True)
class Judged:
    """Hold a sentence with its label for every point: shape (P,)."""

    window: Window
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Rulings:
    """Hold sentences that earn a point, and some that do not."""

    accepted: Sequence[str] = ()
    rejected: Sequence[str] = ()


class Dealer:
    """Deal lessons into examples: essays with gaps and spliced phrases, and medleys of phrases."""

    def __init__(self, lessons: Sequence[Lesson], packer: Packer) -> None:
        self._packer = packer
        self._lessons = [_prepared(x) for x in lessons]

    def __call__(self, rng: random.Random) -> list[Example]:
        """Return the examples of one epoch."""
        return [
            example
            for rubric, essays, phrases, rulings in self._lessons
            for sentences in (*(_spliced(e, phrases, rng) for e in essays), *_medleys(phrases, rng))
            for example in self._examples(rubric, rulings, sentences, rng)
        ]

    def _examples(
        self, rubric: Rubric, rulings: Sequence[Rulings], sentences: Sequence[Judged], rng: random.Random
    ) -> Iterator[Example]:
        count = len(rubric.points)
        asked = sorted(rng.sample(range(count), rng.randint(1, count))) if rng.random() < FEWER else [*range(count)]
        ruled = rng.random() < RULED
        told = [_told(rubric.points[n], rulings[n] if ruled else Rulings(), rng) for n in asked]
        head = self._packer.head(rubric.question, told)
        for chunk in self._packer.chunks([s.window for s in sentences], head.room):
            labels = np.array([sentences[s.sentence].labels[asked] for s in chunk.spans])
            credited, contradicted = (labels == 1).any(axis=0), (labels == 2).any(axis=0)
            yield Example(join(head, chunk), labels, np.where(credited, 1, np.where(contradicted, 2, 0)))


def _prepared(lesson: Lesson) -> tuple[Rubric, list[list[Judged]], list[Judged], list[Rulings]]:
    names = sorted(language.rubric_names(lesson.rubric))
    essays = [_essay(lesson.rubric, e, names) for e in lesson.essays]
    return lesson.rubric, essays, _phrases(lesson, names), [_rulings(lesson, p.id) for p in lesson.rubric.points]


def _rulings(lesson: Lesson, point: str) -> Rulings:
    """Return what of phrases and essays could be a teacher's rulings on a point."""
    judged = [(p.text, p.verdict is Verdict.CREDITED) for p in lesson.phrases if p.point == point]
    sentences = [s for e in lesson.essays for s in e.sentences]
    judged += [(s.text, point in s.points) for s in sentences if point in (*s.points, *s.contradicts)]
    return Rulings([t for t, earns in judged if earns], [t for t, earns in judged if not earns])


def _essay(rubric: Rubric, essay: MarkedEssay, names: list[str]) -> list[Judged]:
    points = [p.id for p in rubric.points]
    return [
        Judged(
            language.window(s.text, names),
            np.array([1 if p in s.points else 2 if p in s.contradicts else 0 for p in points]),
        )
        for s in essay.sentences
    ]


def _phrases(lesson: Lesson, names: list[str]) -> list[Judged]:
    """Return the phrases, and the points' own statements, each judged against its own point only."""
    statements = [Phrase(p.id, p.statement, Verdict.CREDITED) for p in lesson.rubric.points]
    judged = []
    for phrase in (*lesson.phrases, *statements):
        labels = [LABELS[phrase.verdict] if p.id == phrase.point else UNKNOWN for p in lesson.rubric.points]
        judged.append(Judged(language.window(phrase.text, names), np.array(labels)))
    return judged


def _spliced(essay: Sequence[Judged], phrases: Sequence[Judged], rng: random.Random) -> list[Judged]:
    """Return an essay with gaps, now and then with phrases between its sentences."""
    kept = [s for s in essay if rng.random() >= GAP] or [rng.choice(essay)]
    if rng.random() < SPLICED:
        for phrase in rng.sample(phrases, min(rng.randint(1, 3), len(phrases))):
            kept.insert(rng.randint(0, len(kept)), phrase)
    return kept


def _medleys(phrases: Sequence[Judged], rng: random.Random) -> Iterable[list[Judged]]:
    """Yield essays made of phrases alone, in any order."""
    left = rng.sample(phrases, round(len(phrases) * MEDLEYS))
    while left:
        size = rng.randint(*MEDLEY)
        yield left[:size]
        left = left[size:]


def _told(point: RequiredPoint, rulings: Rulings, rng: random.Random) -> str:
    """Return the point's text, now and then without its rule, since a teacher's rubric may have none."""
    accepted, rejected = _some(rulings.accepted, rng), _some(rulings.rejected, rng)
    return point_text(replace(point, accepted=accepted, rejected=rejected), rule=rng.random() >= BARE)


def _some(sentences: Sequence[str], rng: random.Random) -> tuple[str, ...]:
    return tuple(rng.sample(sentences, min(rng.randint(0, RULINGS), len(sentences))))
