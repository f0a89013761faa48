"""What marking an essay gives: verdicts with their evidence, advisories, and the totals that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """An examiner's tick, benefit of the doubt, CON and ^."""

    CREDITED = "credited"
    DOUBTFUL = "doubtful"
    CONTRADICTED = "contradicted"
    OMITTED = "omitted"


@dataclass(frozen=True, slots=True)
class Essay:
    """Hold what the candidate handed in; `candidate` is a reference, never a name."""

    id: str
    text: str
    candidate: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Point at the characters `text[start:end]` of the essay; `strength` is a probability from 0 to 1."""

    start: int
    end: int
    quote: str
    strength: float

    def as_dict(self) -> dict[str, Any]:
        """Return where it stands and what it says as plain data."""
        return {"start": self.start, "end": self.end, "quote": self.quote}


@dataclass(frozen=True, slots=True)
class PointVerdict:
    """Say of one required point whether the essay makes it.

    `confidence` is the calibrated probability, from 0 to 1, that a second marker gives the same credit;
    for a doubtful point it is the probability that the point is earned.
    """

    point: str
    verdict: Verdict
    confidence: float
    marks: int
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Mistake:
    """Say that the essay makes a mistake that the rubric knows, and where; `confidence` is a probability."""

    misconception: str
    confidence: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Advisory:
    """Give a reason to doubt the whole essay."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Hold the verdicts on one essay; `available` is the rubric's maximum."""

    essay: str
    verdicts: tuple[PointVerdict, ...]
    advisories: tuple[Advisory, ...]
    available: int
    rubric_version: str
    model_version: str
    mistakes: tuple[Mistake, ...] = ()

    def __getitem__(self, point: str) -> PointVerdict:
        """Return the verdict on one point; raises KeyError for a point that the rubric lacks."""
        for verdict in self.verdicts:
            if verdict.point == point:
                return verdict
        raise KeyError(point)

    @property
    def awarded(self) -> int:
        """Add up the marks of the credited points; a doubtful point earns nothing until a teacher decides."""
        return sum(v.marks for v in self.verdicts)

    @property
    def referred(self) -> bool:
        """Say whether a person must look: a point is doubtful or an advisory was raised."""
        return bool(self.advisories) or any(v.verdict is Verdict.DOUBTFUL for v in self.verdicts)

    def as_dict(self) -> dict[str, Any]:
        """Return the mark as plain data, in the shape of the command line's JSON Lines and of the API."""
        data = {
            "id": self.essay,
            "awarded": self.awarded,
            "available": self.available,
            "referred": self.referred,
            "points": [
                {
                    "id": v.point,
                    "verdict": v.verdict.value,
                    "confidence": round(v.confidence, 4),
                    "marks": v.marks,
                    "evidence": [e.as_dict() for e in v.evidence],
                }
                for v in self.verdicts
            ],
            "advisories": [{"code": a.code, "message": a.message} for a in self.advisories],
            "rubric_version": self.rubric_version,
            "model_version": self.model_version,
        }
        if self.mistakes:
            data["mistakes"] = [
                {
                    "id": m.misconception,
                    "confidence": round(m.confidence, 4),
                    "evidence": [e.as_dict() for e in m.evidence],
                }
                for m in self.mistakes
            ]
        return data
