"""What a printed mark scheme says besides the rubric's own words; the page and the PDF show the same."""

from __future__ import annotations

from dataclasses import dataclass

from marker.rubric import Rubric
from marker.scheme import Group, RequiredPoint

MISCONCEPTIONS = "These mistakes cost no marks; point them out."
LEVELS = "The total proposes a level; the teacher sets it."


@dataclass(frozen=True)
class Entry:
    """Hold a point with its number and the rules beside it, as pairs of a label and what it says."""

    number: int
    point: RequiredPoint
    rules: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sheet:
    """Hold a mark scheme ready to print."""

    rubric: Rubric
    entries: tuple[Entry, ...]
    limits: tuple[str, ...]


def sheet(rubric: Rubric) -> Sheet:
    """Return what to print: the points numbered, and in words what groups and needs mean."""
    numbers = {point.id: number for number, point in enumerate(rubric.points, 1)}
    entries = tuple(Entry(numbers[p.id], p, _rules(p, numbers)) for p in rubric.points)
    limits = tuple(_limit(g, [numbers[p.id] for p in rubric.points if p.group == g.id]) for g in rubric.groups)
    return Sheet(rubric, entries, limits)


def marks(count: int) -> str:
    """Return a number of marks in words."""
    return f"{count} mark" if count == 1 else f"{count} marks"


def _rules(point: RequiredPoint, numbers: dict[str, int]) -> tuple[tuple[str, str], ...]:
    needs = _listed("point", [numbers[need] for need in point.needs])
    rules = [
        ("Credit", point.credit),
        ("Do not credit", point.no_credit),
        *(("Accept", text) for text in point.accepted),
        *(("Reject", text) for text in point.rejected),
        ("Needs", f"Earns marks only together with {needs}." if point.needs else ""),
        ("Group", f"Counts within {point.group}; see Groups." if point.group else ""),
        ("Hint", point.hint),
    ]
    return tuple((label, text) for label, text in rules if text)


def _limit(group: Group, numbers: list[int]) -> str:
    """Say what a group limits, as `marker.scheme` adds it up."""
    if not numbers:
        return f"{group.id}: no point belongs to it."
    told = f"{group.id} ({_listed('point', numbers)})."
    if group.exclusive:
        told += " The points exclude each other: an answer that makes two of them earns nothing for either."
    if group.at_most:
        count = "counts" if group.at_most == 1 else "count"
        told += f" At most {group.at_most} of them {count}, those of most marks first."
    if group.most_marks:
        told += f" Together they earn at most {marks(group.most_marks)}."
    limited = group.exclusive or group.at_most or group.most_marks
    return told if limited else f"{told} Every one counts."


def _listed(name: str, numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"{name} {numbers[0]}"
    return f"{name}s {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}" if numbers else ""
