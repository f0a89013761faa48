"""The middle of the house: apply a rubric to essays."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np

from marker import advisories, features, language, matcher
from marker.decision import Decision
from marker.errors import EssayError
from marker.features import CONTRADICTS, CREDITS, Floats
from marker.mark import Essay, Evidence, Mark, PointVerdict, Verdict
from marker.matcher import Reader, Readings
from marker.rubric import Rubric
from marker.windows import Span

ESSAY_LIMIT = 100_000
"""Characters of the longest essay that is marked: about 16,000 words, a dissertation chapter."""

ALSO = 0.5
"""Least probability at which a further sentence is shown as evidence beside the strongest."""

SAME = 0.85
"""Share of words, function words and negations too, at which a sentence is the statement or an accepted one."""

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
        self._accepted = [[set(language.words(t)) for t in (p.statement, *p.accepted)] for p in rubric.points]

    @classmethod
    def load(cls, rubric: Rubric | Path | str, model: Path | None = None) -> Examiner:
        """Load a rubric, if given by its folder, and a model: the newest released one unless given.

        Raises RubricError or ModelError.
        """
        if not isinstance(rubric, Rubric):
            rubric = Rubric.load(rubric)
        network = matcher.load(model or matcher.released())
        decision = Decision.from_dict(network.config["decision"])
        return cls(rubric, network, decision, network.config["version"])

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
        verdicts = self._verdicts(text, readings)
        strongest = float(readings.sentences[:, :, 1:].max(initial=0))
        return Mark(
            essay=essay.id,
            verdicts=verdicts,
            advisories=advisories.advise(text, self.rubric, strongest),
            available=self.rubric.available,
            rubric_version=self.rubric.version,
            model_version=self.model_version,
        )

    def mark_many(self, essays: Iterable[Essay]) -> Iterator[Mark | EssayError]:
        """Mark essays in order, as many at once as there are cores; an essay that can't be marked gives its error."""
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            essays = iter(essays)
            while batch := list(islice(essays, 64)):  # bounds what is in memory of a long input
                yield from pool.map(self._mark_or_error, batch)

    def read(self, text: str) -> Readings:
        """Return what the network says of every sentence.

        Passages that speak to the marker earn nothing; a point's own statement or an accepted sentence, almost word for
        word, earns it.
        """
        readings = self._reader.read(self.rubric, language.sentences(text, self._names))
        for row, span in enumerate(readings.spans):
            passage = text[span.start : span.end]
            if advisories.addresses_marker(passage):
                readings.probabilities[row] = (1, 0, 0)
                continue
            said = set(language.words(passage))
            for number, accepted in enumerate(self._accepted):
                if any(len(said & a) >= SAME * len(said | a) for a in accepted):
                    readings.probabilities[row, number] = (0.01, 0.98, 0.01)
        return readings

    def probabilities(self, text: str, readings: Readings) -> tuple[Floats, Floats]:
        """Return P(credited) and P(contradicted) of every point."""
        if not len(readings.sentences):
            nothing = np.zeros(len(self.rubric.points))
            return nothing, nothing
        return self._decision.probabilities(self.vectors(text, readings))

    def vectors(self, text: str, readings: Readings) -> Floats:
        """Return the features of every point of an essay with at least one sentence."""
        sentences = [text[s.start : s.end] for s in readings.spans if not s.clause]
        return features.vectors(self.rubric.points, readings.sentences.astype(np.float64), sentences)

    def _mark_or_error(self, essay: Essay) -> Mark | EssayError:
        try:
            return self.mark(essay)
        except EssayError as error:
            return error

    def _verdicts(self, text: str, readings: Readings) -> tuple[PointVerdict, ...]:
        credited, contradicted = self.probabilities(text, readings)
        return tuple(
            self._verdict(text, readings, number, (float(credited[number]), float(contradicted[number])))
            for number in range(len(self.rubric.points))
        )

    def _verdict(self, text: str, readings: Readings, number: int, probable: tuple[float, float]) -> PointVerdict:
        point, (credited, contradicted) = self.rubric.points[number], probable
        verdict = self._decision.verdict(credited, contradicted)
        earns = verdict is Verdict.CREDITED
        outcome = CONTRADICTS if verdict is Verdict.CONTRADICTED else CREDITS
        evidence = () if verdict is Verdict.OMITTED else _evidence(text, readings, number, outcome)
        confidence = credited if earns or verdict is Verdict.DOUBTFUL else 1 - credited
        return PointVerdict(point.id, verdict, confidence, point.marks if earns else 0, evidence)


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
