"""How points add up to a total: one pure function from the points that are credited, explained step by step.

A group limits what its points earn together ("any four of these six", a cap), or says that they exclude each other. A
point may need others. Levels describe bands of the total: the total proposes one, a teacher sets it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RequiredPoint:
    """Describe one creditable point: what earns it, what does not, its marks, and a hint for who missed it.

    `accepted` are sentences that earn it, `rejected` are some that do not: a person's rulings. The marker reads the
    last of each as examples, and a student's sentence of nearly the same words as one gets the same verdict. `needs`
    are points without which this one earns nothing.
    """

    id: str
    statement: str
    credit: str = ""
    no_credit: str = ""
    marks: int = 1
    hint: str = ""
    accepted: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    group: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Limit what the points of a group earn together: 0 stands for no limit.

    Of an exclusive group an answer may make one point: two that exclude each other earn nothing.
    """

    id: str
    at_most: int = 0
    """Points that count, those of most marks first."""
    most_marks: int = 0
    exclusive: bool = False


@dataclass(frozen=True)
class Misconception:
    """Describe a mistake that earns a correction, never a mark."""

    id: str
    statement: str
    correction: str = ""


@dataclass(frozen=True)
class Level:
    """Describe a band of totals, from `least` to `most` marks."""

    name: str
    least: int
    most: int
    descriptor: str = ""


@dataclass(frozen=True)
class Step:
    """Say what one credited point adds to the total, and why it is no more."""

    point: str
    marks: int
    reason: str = ""


@dataclass(frozen=True)
class Total:
    """Hold the steps of a total, one for each credited point, in the order of the rubric."""

    steps: tuple[Step, ...]

    @property
    def awarded(self) -> int:
        """Return the sum."""
        return sum(s.marks for s in self.steps)

    def marks(self, point: str) -> int:
        """Return what a point adds: nothing where it is not credited."""
        return sum(s.marks for s in self.steps if s.point == point)


def total(points: Sequence[RequiredPoint], groups: Sequence[Group], credited: Collection[str]) -> Total:
    """Add up the credited points; neither their order nor that of the rubric changes the sum."""
    needs = {p.id: p.needs for p in points}
    steps: dict[str, Step] = {}
    for point in (p for p in points if p.id in credited):
        lacking = _lacking(point.id, needs, credited)
        steps[point.id] = Step(point.id, 0, f"needs {lacking}") if lacking else Step(point.id, point.marks)
    for group in groups:
        _limit(group, [p for p in points if p.group == group.id and p.id in steps and not steps[p.id].reason], steps)
    return Total(tuple(steps.values()))


def available(points: Sequence[RequiredPoint], groups: Sequence[Group]) -> int:
    """Return the greatest total that an answer can earn."""
    best = sum(p.marks for p in points if not p.group)
    for group in groups:
        marks = sorted((p.marks for p in points if p.group == group.id), reverse=True)
        sum_ = sum(marks[: 1 if group.exclusive else group.at_most or None])
        best += min(sum_, group.most_marks or sum_)
    return best


def level(levels: Sequence[Level], awarded: int) -> Level | None:
    """Return the band that a total proposes, or None where no band holds it."""
    return next((x for x in levels if x.least <= awarded <= x.most), None)


def _lacking(id: str, needs: Mapping[str, Sequence[str]], credited: Collection[str]) -> str:
    """Return a point that this one needs, itself or through others, and that is not credited."""
    return next((n for n in needs[id] if n not in credited or _lacking(n, needs, credited)), "")


def _limit(group: Group, earned: list[RequiredPoint], steps: dict[str, Step]) -> None:
    """Take the marks that a group's points earn beyond its limits."""
    if group.exclusive and len(earned) > 1:
        steps |= {p.id: Step(p.id, 0, f"only one point of {group.id} can be right") for p in earned}
        return
    left = group.most_marks or sum(p.marks for p in earned)
    for place, point in enumerate(sorted(earned, key=lambda p: (-p.marks, p.id)), 1):
        if group.at_most and place > group.at_most:
            steps[point.id] = Step(point.id, 0, f"only {group.at_most} of {group.id} count")
        elif point.marks > left:
            steps[point.id] = Step(point.id, left, f"{group.id} earns at most {group.most_marks} marks")
        left -= steps[point.id].marks
