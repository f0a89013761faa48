"""Help with writing rubrics: find every fault of a rubric before a student meets it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from marker import essays
from marker.errors import EssayError, MarkerError, RubricError
from marker.examiner import Examiner
from marker.language import content_stems
from marker.mark import Essay, Verdict
from marker.rubric import Rubric
from marker.scheme import RequiredPoint

ALIKE = 0.7
"""Share of content words, of all that two statements use, at which the points can't be told apart."""

GIVEN_AWAY = 0.5
"""Share of a statement's content words, beyond those of the question, that a hint may not reach."""


def check(folder: Path, model: Path | None = None) -> list[str]:
    """Return every fault of a rubric's folder as `file: field: reason`; an empty list means that it is sound."""
    file = folder / "rubric.toml"
    try:
        rubric = Rubric.load(folder)
    except RubricError as error:
        return error.faults
    faults = [*_name_faults(rubric, folder), *faults_of(rubric), *_trial_faults(rubric, model)]
    return [f"{file}: {fault}" for fault in faults] + list(_essay_faults(rubric, essays.files(folder)))


def faults_of(rubric: Rubric) -> list[str]:
    """Return the faults that show without marking anything, as `field: reason`; for a rubric without a folder too."""
    return [*_rubric_faults(rubric), *_scheme_faults(rubric)]


def _name_faults(rubric: Rubric, folder: Path) -> Iterator[str]:
    if rubric.id != folder.resolve().name:
        yield f"id: {rubric.id!r} differs from the folder's name {folder.resolve().name!r}"


def _rubric_faults(rubric: Rubric) -> Iterator[str]:
    for a, b in combinations(rubric.points, 2):
        if _likeness(a, b) >= ALIKE:
            yield f"points.{b.id}.statement: too like that of {a.id}; merge them or say what sets them apart"
    for point in rubric.points:
        if gives_away(point, rubric.question):
            yield f"points.{point.id}.hint: gives the answer away; ask a question that does not use the point's words"


def _scheme_faults(rubric: Rubric) -> Iterator[str]:
    """Say what can't be reached: a limit that limits nothing, a point that can't be earned, totals without a level."""
    for group in rubric.groups:
        points = [p for p in rubric.points if p.group == group.id]
        if not points:
            yield f"groups.{group.id}: no point is in it"
        elif group.at_most >= len(points) or group.most_marks >= sum(p.marks for p in points):
            yield f"groups.{group.id}: its limit is not below what its points earn without it"
    for point in rubric.points:
        if rubric.total(needed := _needed(rubric, point.id)).marks(point.id) == 0:
            yield f"points.{point.id}.needs: can't be earned: of {', '.join(sorted(needed))} not all can count together"
    totals = set(range(rubric.available + 1))
    for level in rubric.levels:
        if level.most > rubric.available:
            yield f"levels.{level.name}.most: more than the {rubric.available} marks that can be earned"
        totals -= set(range(level.least, level.most + 1))
    if rubric.levels and totals:
        yield f"levels: no level holds a total of {', '.join(map(str, sorted(totals)))}"


def _needed(rubric: Rubric, id: str) -> set[str]:
    """Return a point with all that it needs, itself or through others."""
    return {id}.union(*(_needed(rubric, need) for need in rubric.point(id).needs))


def _trial_faults(rubric: Rubric, model: Path | None) -> Iterator[str]:
    """Mark the model answer, the bare question and nothing at all."""
    examiner = Examiner.load(rubric, model)
    if rubric.model_answer:
        for verdict in examiner.mark(Essay("model answer", rubric.model_answer)).verdicts:
            if verdict.verdict is not Verdict.CREDITED:
                yield f"points.{verdict.point}: the model answer does not earn it ({verdict.verdict.value})"
    for verdict in examiner.mark(Essay("question", rubric.question)).verdicts:
        if verdict.verdict is Verdict.CREDITED:
            yield f"points.{verdict.point}: the bare question earns it; state what an answer must add"
    try:
        examiner.mark(Essay("empty", ""))
    except EssayError:
        return
    yield "an empty essay was marked"


def _essay_faults(rubric: Rubric, files: Sequence[Path]) -> Iterator[str]:
    marked = []
    known = {p.id for p in rubric.points}
    for file in files:
        try:
            read = essays.read(file)
        except MarkerError as error:
            yield str(error)
            return
        marked += read
        for essay in read:
            if essay.question != rubric.id:
                yield f"{file}: {essay.id}: question: is {essay.question!r}, not {rubric.id!r}"
            for unknown in sorted({p for s in essay.sentences for p in (*s.points, *s.contradicts)} - known):
                yield f"{file}: {essay.id}: points: {unknown!r} is not a point of the rubric"
    for point in rubric.points:
        if files and not any(e.verdict(point.id) is Verdict.CREDITED for e in marked if e.kind != essays.MODEL_ANSWER):
            yield f"{files[0]}: no marked essay earns {point.id}: add one that does, or drop the point"


def gives_away(point: RequiredPoint, question: str) -> bool:
    """Say whether a hint uses half of the statement's content words that the question does not hold."""
    secret = content_stems(point.statement) - content_stems(question)
    return bool(secret) and len(secret & content_stems(point.hint)) / len(secret) >= GIVEN_AWAY


def _likeness(a: RequiredPoint, b: RequiredPoint) -> float:
    x, y = content_stems(a.statement), content_stems(b.statement)
    return len(x & y) / max(1, len(x | y))
