"""Turn a mark into words for the student; derived whenever it is needed, never stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marker.mark import Evidence, Mark, Mistake, PointVerdict, Verdict
from marker.rubric import Rubric
from marker.scheme import RequiredPoint

QUOTE_LIMIT = 160
"""Characters of the student's own words repeated in a comment; the full evidence is shown beside it."""


@dataclass(frozen=True, slots=True)
class Comment:
    """Say one thing about one point, with the student's words that it is about where there are some."""

    point: str
    text: str
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """Hold what earned credit, what to do next, and what to put right."""

    went_well: tuple[Comment, ...]
    next_steps: tuple[Comment, ...]
    corrections: tuple[Comment, ...]

    def as_dict(self) -> dict[str, list[dict[str, Any]]]:
        """Return the feedback as plain data, in the shape of the API."""
        return {
            "went_well": [_plain(c) for c in self.went_well],
            "next_steps": [_plain(c) for c in self.next_steps],
            "corrections": [_plain(c) for c in self.corrections],
        }


def write(rubric: Rubric, mark: Mark, *, reveal: bool = False) -> Feedback:
    """Write feedback on a mark by its rubric; `reveal` gives the answer where a hint would otherwise stand."""
    by_verdict: dict[Verdict, list[tuple[RequiredPoint, PointVerdict]]] = {v: [] for v in Verdict}
    for point in sorted(rubric.points, key=lambda p: -p.marks):
        verdict = mark[point.id]
        by_verdict[verdict.verdict].append((point, verdict))
    doubtful = [_doubtful(p, v, reveal=reveal) for p, v in by_verdict[Verdict.DOUBTFUL]]
    omitted = [_omitted(p, reveal=reveal) for p, _ in by_verdict[Verdict.OMITTED]]
    return Feedback(
        went_well=tuple(_credited(p, v) for p, v in by_verdict[Verdict.CREDITED]),
        next_steps=tuple(c for c in [*doubtful, *omitted] if c is not None),
        corrections=(
            *(_contradicted(p, v, reveal=reveal) for p, v in by_verdict[Verdict.CONTRADICTED]),
            *(_mistaken(rubric, m) for m in mark.mistakes),
        ),
    )


def _credited(point: RequiredPoint, verdict: PointVerdict) -> Comment:
    evidence = _strongest(verdict)
    return Comment(point.id, f"{_quoted(evidence)} earns the point: {point.statement}", evidence)


def _doubtful(point: RequiredPoint, verdict: PointVerdict, *, reveal: bool) -> Comment:
    evidence = _strongest(verdict)
    advice = _advice(point, reveal=reveal)
    text = f"{_quoted(evidence)} may be on the way to a point, but it is not clear enough yet. {advice}"
    return Comment(point.id, text.strip(), evidence)


def _contradicted(point: RequiredPoint, verdict: PointVerdict, *, reveal: bool) -> Comment:
    evidence = _strongest(verdict)
    text = f"Check {_quoted(evidence)}: it says something different from what happened or is known. "
    return Comment(point.id, (text + _advice(point, reveal=reveal)).strip(), evidence)


def _mistaken(rubric: Rubric, mistake: Mistake) -> Comment:
    (misconception,) = (m for m in rubric.misconceptions if m.id == mistake.misconception)
    evidence = max(mistake.evidence, key=lambda e: e.strength, default=None)
    return Comment(misconception.id, f"Check {_quoted(evidence)}: {misconception.correction}".rstrip(" :"), evidence)


def _omitted(point: RequiredPoint, *, reveal: bool) -> Comment | None:
    advice = _advice(point, reveal=reveal)
    return Comment(point.id, advice) if advice else None


def _advice(point: RequiredPoint, *, reveal: bool) -> str:
    return f"The mark scheme says: {point.statement}" if reveal else point.hint


def _strongest(verdict: PointVerdict) -> Evidence | None:
    return max(verdict.evidence, key=lambda e: e.strength, default=None)


def _quoted(evidence: Evidence | None) -> str:
    if evidence is None:
        return "Part of your answer"
    quote = evidence.quote
    if len(quote) > QUOTE_LIMIT:
        quote = quote[:QUOTE_LIMIT].rsplit(" ", 1)[0] + " …"
    return f"“{quote}”"


def _plain(comment: Comment) -> dict[str, Any]:
    data: dict[str, Any] = {"point": comment.point, "text": comment.text}
    if comment.evidence is not None:
        data["evidence"] = comment.evidence.as_dict()
    return data
