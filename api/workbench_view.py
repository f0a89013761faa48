"""What the editor shows beside its form: where points came from, what the linter finds, and how samples fare."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.highlight import Segment, Span, segments
from api.pages import VERDICTS
from marker import Mark, Rubric, Verdict
from marker.essays import Sample
from marker.scheme import Level, level

if TYPE_CHECKING:
    from marker.samples import Effect, SampleEffect

OPENING = 70
"""Characters of a sample that stand for it while it is folded away."""


@dataclass(frozen=True)
class Answer:
    """Hold a model answer or a note, cut where the words of a point begin and end."""

    title: str
    pieces: list[Segment]


@dataclass(frozen=True)
class LeftOver:
    """Hold words of an answer that no point came from; `key` names them in the form."""

    key: str
    text: str
    reason: str


@dataclass(frozen=True)
class Judgement:
    """Hold one point of one sample: what the rubric makes of it, and what the teacher says."""

    number: int
    point: str
    statement: str
    kind: str
    word: str
    earned: bool | None

    @property
    def differs(self) -> str:
        """Say in a word how the rubric differs from the teacher: it missed the point, or credited it wrongly."""
        credited = self.kind == Verdict.CREDITED
        if self.earned is None or not self.kind or self.earned == credited:
            return ""
        return "missed" if self.earned else "wrongly"


@dataclass(frozen=True)
class SampleView:
    """Hold what the page shows of one sample; there is no effect where it could not be marked."""

    number: int
    sample: Sample
    effect: SampleEffect | None
    pieces: list[Segment]
    points: list[Judgement]
    steps: list[str]
    level: Level | None
    mistakes: list[str]

    @property
    def opening(self) -> str:
        """Return the first words."""
        text = " ".join(self.sample.text.split())
        return text if len(text) <= OPENING else f"{text[:OPENING].rsplit(' ', 1)[0]}…"

    @property
    def judged(self) -> int:
        """Count the points that the teacher has judged."""
        return sum(p.earned is not None for p in self.points)

    @property
    def differing(self) -> list[Judgement]:
        """Return the points on which the rubric and the teacher differ."""
        return [p for p in self.points if p.differs]


# --- where the points came from --------------------------------------------------------------------------------------


def answers(origin: Mapping[str, Any], rubric: Rubric) -> list[Answer]:
    """Cut each answer and note of an origin at the words of the rubric's points."""
    texts = [*origin.get("answers", ()), *origin.get("notes", ())]
    return [
        Answer(title(number, origin), segments(text, [s for n, s in spans(origin, rubric) if n == number]))
        for number, text in enumerate(texts)
    ]


def title(number: int, origin: Mapping[str, Any]) -> str:
    """Name an answer by its number from 0; notes are numbered after the answers."""
    count = len(origin.get("answers", ()))
    if number >= count:
        return "Notes"
    return "Model answer" if count == 1 else f"Model answer {number + 1}"


def spans(origin: Mapping[str, Any], rubric: Rubric) -> Iterator[tuple[int, Span]]:
    """Yield the words of each point, with the number of the answer they stand in."""
    for number, point in enumerate(rubric.points, 1):
        for answer, start, end in origin.get("sources", {}).get(point.id, ()):
            yield answer, Span(number, start, end)


def left_over(origin: Mapping[str, Any], rubric: Rubric) -> list[LeftOver]:
    """Return what no point of the rubric came from: what drafting left out, and the words of points now gone."""
    texts = [*origin.get("answers", ()), *origin.get("notes", ())]
    known = {p.id for p in rubric.points}
    sources: Mapping[str, Sequence[Sequence[int]]] = origin.get("sources", {})
    taken = {tuple(place) for id, places in sources.items() if id in known for place in places}
    gone = [(*p, "its point was taken away") for id, places in sources.items() if id not in known for p in places]
    found = {}
    for answer, start, end, reason in [*map(tuple, origin.get("left_out", ())), *gone]:
        if (answer, start, end) not in taken:
            key = f"{answer}-{start}-{end}"
            found[key] = LeftOver(key, " ".join(texts[answer][start:end].split()), reason)
    return list(found.values())


# --- the linter ------------------------------------------------------------------------------------------------------


def lint(rubric: Rubric) -> dict[str, list[str]]:
    """Return the linter's faults by the id of the point that they name, and under "" those that name none."""
    from marker.authoring import faults_of  # noqa: PLC0415 - it loads spaCy

    found: dict[str, list[str]] = {}
    for fault in faults_of(rubric):
        match = re.fullmatch(r"points\.([^.:]+)(?:\.(\w+))?: (.*)", fault, re.DOTALL)
        point, field, reason = match.groups() if match else ("", "", fault)
        words = f"The {field.replace('_', ' ')} {reason_for(field, reason)}" if field else reason
        found.setdefault(point, []).append(numbered(words, rubric))
    return found


def reason_for(field: str, reason: str) -> str:
    """Make the reason of a fault go on from the name of its field."""
    return f"is {reason}" if field == "statement" and reason.startswith("too like") else reason


def numbered(words: str, rubric: Rubric) -> str:
    """Call points by their numbers, as the page does, and not by their ids."""
    numbers = {p.id: n for n, p in enumerate(rubric.points, 1)}
    return re.sub(
        r"(too like that of|^needs) ([\w-]+)",
        lambda m: f"{m[1]} point {numbers[m[2]]}" if m[2] in numbers else m[0],
        words,
    )


# --- the samples -----------------------------------------------------------------------------------------------------


def sample_views(rubric: Rubric, samples: Sequence[Sample], effect: Effect | None) -> list[SampleView]:
    """Put each sample beside what the rubric makes of it."""
    found = {s.sample: s for s in effect.samples} if effect else {}
    return [sample_view(rubric, number, s, found.get(s.id)) for number, s in enumerate(samples, 1)]


def sample_view(rubric: Rubric, number: int, sample: Sample, effect: SampleEffect | None) -> SampleView:
    """Put one sample beside what the rubric makes of it."""
    mark = effect.mark if effect else None
    evidence = credited_spans(rubric, mark) if mark else []
    return SampleView(
        number,
        sample,
        effect,
        segments(sample.text, evidence),
        [judgement(n, p.id, p.statement, sample, mark) for n, p in enumerate(rubric.points, 1)],
        list(steps(rubric, mark)) if mark else [],
        level(rubric.levels, mark.awarded) if mark else None,
        mistakes(rubric, mark) if mark else [],
    )


def judgement(number: int, point: str, statement: str, sample: Sample, mark: Mark | None) -> Judgement:
    """Put what the rubric makes of a point beside what the teacher says."""
    verdict = mark[point].verdict if mark else None
    word = VERDICTS[verdict] if verdict else "Not marked"
    return Judgement(number, point, statement, verdict or "", word, sample.earned.get(point))


def credited_spans(rubric: Rubric, mark: Mark) -> list[Span]:
    """Return the evidence of the points that are credited."""
    verdicts = [(number, mark[p.id]) for number, p in enumerate(rubric.points, 1)]
    return [Span(n, e.start, e.end) for n, v in verdicts if v.verdict is Verdict.CREDITED for e in v.evidence]


def steps(rubric: Rubric, mark: Mark) -> Iterator[str]:
    """Say step by step how the total comes about."""
    numbers = {p.id: n for n, p in enumerate(rubric.points, 1)}
    credited = {v.point for v in mark.verdicts if v.verdict is Verdict.CREDITED}
    for step in rubric.total(credited).steps:
        reason = f": {numbered(step.reason, rubric)}" if step.reason else ""
        yield f"Point {numbers[step.point]} adds {marks(step.marks)}{reason}."


def marks(number: int) -> str:
    """Write a number of marks."""
    return f"{number} mark{'' if number == 1 else 's'}"


def mistakes(rubric: Rubric, mark: Mark) -> list[str]:
    """Return the statements of the misconceptions that an answer shows."""
    statements = {m.id: m.statement for m in rubric.misconceptions}
    return [statements[m.misconception] for m in mark.mistakes if m.misconception in statements]


def agreement(effect: Effect) -> str:
    """Say how far the rubric agrees with the teacher, and how sure that is."""
    if effect.agreement is None or effect.interval is None:
        return ""
    low, high = (round(100 * bound) for bound in effect.interval)
    count = f"{effect.decisions} decision{'' if effect.decisions == 1 else 's'}"
    between = f"likely between {low}% and {high}%" if low < high else "too few to say how far that holds"
    return f"The rubric agrees with {round(100 * effect.agreement)}% of your {count}, {between}."
