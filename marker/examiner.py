"""The middle of the house: apply a rubric to essays."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np

from marker import advisories, features, language, matcher
from marker.decision import Decision
from marker.errors import EssayError
from marker.features import CONTRADICTS, CREDITS, Floats
from marker.language import Window
from marker.mark import Essay, Evidence, Mark, Mistake, PointVerdict, Verdict
from marker.matcher import Floats as Floats32
from marker.matcher import Reader, Readings
from marker.rubric import Rubric
from marker.scheme import RequiredPoint
from marker.windows import Span

ESSAY_LIMIT = 100_000
"""Characters of the longest essay that is marked: about 16,000 words, a dissertation chapter."""

ALSO = 0.5
"""Least probability at which a further sentence is shown as evidence beside the strongest."""

SAME = 0.85
"""Share of words, function words and negations too, at which a sentence is the statement or an accepted one."""

NOTHING, EARNED = (0.98, 0.01, 0.01), (0.01, 0.98, 0.01)
OUTCOMES = {Verdict.CREDITED: CREDITS, Verdict.DOUBTFUL: CREDITS, Verdict.CONTRADICTED: CONTRADICTS}

EVIDENCE_LIMIT = 3
CLAUSE_SHARE = 0.8
"""A clause stands for its long sentence where it holds this share of the sentence's strength."""


class Examiner:
    """Mark essays by one rubric: the same path for one essay, a class, the command line and the evaluation."""

    def __init__(self, rubric: Rubric, reader: Reader, decision: Decision, model_version: str) -> None:
        self.rubric = rubric
        self.model_version = model_version
        self._reader = reader
        self._decision = decision
        self._names = language.rubric_names(rubric)
        self._rulings = [
            ([set(language.words(t)) for t in (c.statement, *c.accepted)], [set(language.words(t)) for t in c.rejected])
            for c in rubric.claims
        ]

    @classmethod
    def load(cls, rubric: Rubric | Path | str, model: Path | None = None) -> Examiner:
        """Load a rubric, if given by its folder, and a model: the newest released one unless given.

        Raises RubricError or ModelError.
        """
        if not isinstance(rubric, Rubric):
            rubric = Rubric.load(rubric)
        network = matcher.load(model or matcher.released())
        kind = "known" if rubric.id in network.config["known_questions"] else "other"
        decision = Decision.from_dict(network.config["decisions"][kind])
        return cls(rubric, network, decision, network.config["version"])

    def reading_by(self, reader: Reader) -> Examiner:
        """Return an examiner that differs in what it reads with."""
        return Examiner(self.rubric, reader, self._decision, self.model_version)

    def mark(self, essay: Essay) -> Mark:
        """Mark one essay; raises EssayError for an empty or over-long one."""
        text = essay.text
        if not text.strip():
            raise EssayError("the essay is empty: there is nothing to mark")
        if len(text) > ESSAY_LIMIT:
            raise EssayError(f"the essay has {len(text):,} characters; at most {ESSAY_LIMIT:,} are marked: shorten it")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise EssayError("the essay holds half a character: save it again as UTF-8 text")
        readings = self.read(text)
        return Mark(
            essay=essay.id,
            verdicts=self._verdicts(text, readings),
            advisories=advisories.advise(text, self.rubric, self._strongest(readings)),
            available=self.rubric.available,
            rubric_version=self.rubric.version,
            model_version=self.model_version,
            mistakes=self._mistakes(text, readings),
        )

    def mark_many(self, essays: Iterable[Essay]) -> Iterator[Mark | EssayError]:
        """Mark essays in order, as many at once as there are cores; an essay that can't be marked gives its error."""
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            essays = iter(essays)
            while batch := list(islice(essays, 64)):  # bounds what is in memory of a long input
                yield from pool.map(self._mark_or_error, batch)

    def read(self, text: str) -> Readings:
        """Return what the network says of every sentence.

        Passages that speak to the marker earn nothing. A sentence that says almost word for word what a person ruled on
        (or the statement itself) gets that ruling.
        """
        readings = self._reader.read(self.rubric, language.sentences(text, self._names))
        for row, span in enumerate(readings.spans):
            passage = text[span.start : span.end]
            if advisories.addresses_marker(passage):
                readings.probabilities[row] = NOTHING
                continue
            said = set(language.words(passage))
            for number, (accepted, rejected) in enumerate(self._rulings):
                likeness, against = _likeness(said, accepted), _likeness(said, rejected)
                if likeness >= SAME and likeness >= against:
                    readings.probabilities[row, number] = readings.whole[number] = EARNED
                elif against >= SAME:
                    readings.probabilities[row, number] = NOTHING
                    readings.whole[number] = _surest(readings, number)
        return readings

    def judge(self, windows: Sequence[Window]) -> Readings:
        """Return what the network alone says of sentences that were cut before."""
        return self._reader.read(self.rubric, windows)

    def probabilities(self, text: str, readings: Readings) -> tuple[Floats, Floats]:
        """Return P(credited) and P(contradicted) of every point."""
        if not len(readings.sentences):
            nothing = np.zeros(len(self.rubric.points))
            return nothing, nothing
        return self._decision.probabilities(self.vectors(text, readings))

    def vectors(self, text: str, readings: Readings) -> Floats:
        """Return the features of every point of an essay with at least one sentence."""
        return self._features(text, readings, self.rubric.points)

    def _features(self, text: str, readings: Readings, claims: Sequence[RequiredPoint]) -> Floats:
        sentences = [text[s.start : s.end] for s in readings.spans if not s.clause]
        judged = readings.sentences[:, : len(claims)].astype(np.float64)
        return features.vectors(claims, judged, readings.whole.astype(np.float64), sentences)

    def _strongest(self, readings: Readings) -> float:
        """Return how surely any sentence has to do with any point."""
        return float(readings.sentences[:, : len(self.rubric.points), 1:].max(initial=0))

    def _mark_or_error(self, essay: Essay) -> Mark | EssayError:
        try:
            return self.mark(essay)
        except EssayError as error:
            return error

    def _verdicts(self, text: str, readings: Readings) -> tuple[PointVerdict, ...]:
        pairs = list(zip(*self.probabilities(text, readings), strict=True))
        found = [self._decision.verdict(float(credited), float(contradicted)) for credited, contradicted in pairs]
        points = self.rubric.points
        total = self.rubric.total([p.id for p, v in zip(points, found, strict=True) if v is Verdict.CREDITED])
        return tuple(
            PointVerdict(
                point.id,
                verdict,
                float(credited if verdict in {Verdict.CREDITED, Verdict.DOUBTFUL} else 1 - credited),
                total.marks(point.id),
                () if verdict is Verdict.OMITTED else _evidence(text, readings, number, OUTCOMES[verdict]),
            )
            for number, (point, verdict, (credited, _)) in enumerate(zip(points, found, pairs, strict=True))
        )

    def _mistakes(self, text: str, readings: Readings) -> tuple[Mistake, ...]:
        """Return the misconceptions that the essay states, decided like points."""
        first = len(self.rubric.points)
        if not self.rubric.misconceptions or not len(readings.sentences):
            return ()
        credited, _ = self._decision.probabilities(self._features(text, readings, self.rubric.claims))
        return tuple(
            Mistake(m.id, float(credited[number]), _evidence(text, readings, number, CREDITS))
            for number, m in enumerate(self.rubric.misconceptions, first)
            if self._decision.verdict(float(credited[number]), 0.0) is Verdict.CREDITED
        )


def _likeness(said: set[str], sentences: Sequence[set[str]]) -> float:
    """Return the share of words that a sentence has in common with the one of several that it is most like."""
    return max((len(said & s) / max(1, len(said | s)) for s in sentences), default=0.0)


def _surest(readings: Readings, number: int) -> Floats32:
    """Return what the sentence says that says most about a claim, as what the whole essay says."""
    own = readings.probabilities[:, number]
    return np.array(own[own[:, 0].argmin()])


def _evidence(text: str, readings: Readings, point: int, outcome: int) -> tuple[Evidence, ...]:
    """Return the strongest sentence, then further strong ones, each cut to its clause where that is what counts."""
    rows = [i for i, s in enumerate(readings.spans) if not s.clause]
    rows.sort(key=lambda i: -readings.probabilities[i, point, outcome])
    strong = [
        i for n, i in enumerate(rows[:EVIDENCE_LIMIT]) if n == 0 or readings.probabilities[i, point, outcome] >= ALSO
    ]
    spans = [_narrowed(readings, i, point, outcome) for i in strong]
    strengths = [float(readings.probabilities[i, point, outcome]) for i in strong]
    return tuple(
        Evidence(s.start, s.end, text[s.start : s.end], round(strength, 4))
        for s, strength in zip(spans, strengths, strict=True)
    )


def _narrowed(readings: Readings, row: int, point: int, outcome: int) -> Span:
    sentence = readings.spans[row]
    clauses = [i for i, s in enumerate(readings.spans) if s.clause and s.sentence == sentence.sentence]
    if not clauses:
        return sentence
    best = max(clauses, key=lambda i: readings.probabilities[i, point, outcome])
    whole = readings.probabilities[row, point, outcome]
    strong = readings.probabilities[best, point, outcome] >= CLAUSE_SHARE * whole
    return readings.spans[best] if strong else sentence
