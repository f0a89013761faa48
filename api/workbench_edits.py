"""What the buttons of the rubric's editor do with its form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from werkzeug.exceptions import BadRequest

from api.workbench_form import Row, Sheet, new_point, plain

JOINTS = (r"(?<=[.;])\s+", r",\s+and\s+", r"\s+and\s+", r",\s+")
"""Where a statement can be split, the best place first."""


class Impossible(Exception):  # noqa: N818 - reads as what happened: the edit is impossible
    """Refuse an edit; `field` names the part of the form that it is about."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def edit(sheet: Sheet, command: str) -> str:
    """Do what a button says, `name:argument`, and return the id of the point it is about; raises Impossible."""
    name, _, argument = command.partition(":")
    if name not in EDITS:
        raise BadRequest
    return EDITS[name](sheet, argument)


def place(argument: str, rows: list[Row]) -> int:
    """Return the index that a button names by its number from 1."""
    if not argument.isdecimal() or not 1 <= int(argument) <= len(rows):
        raise BadRequest
    return int(argument) - 1


def add(sheet: Sheet, _argument: str) -> str:
    """Go to the point that the form's empty row has become."""
    if not sheet.added:
        raise Impossible("new-statement", "Write what the new point says.")
    return sheet.added


def swap(sheet: Sheet, i: int, j: int) -> str:
    """Let two points change places; beyond either end there is nothing to do."""
    points = sheet.points
    if 0 <= j < len(points):
        points[i], points[j] = points[j], points[i]
        return str(points[j]["id"])
    return str(points[i]["id"])


def up(sheet: Sheet, argument: str) -> str:
    """Move a point up."""
    i = place(argument, sheet.points)
    return swap(sheet, i, i - 1)


def down(sheet: Sheet, argument: str) -> str:
    """Move a point down."""
    i = place(argument, sheet.points)
    return swap(sheet, i, i + 1)


def delete(sheet: Sheet, argument: str) -> str:
    """Take a point away, and out of what other points need."""
    i = place(argument, sheet.points)
    if len(sheet.points) == 1:
        raise Impossible("points-1-statement", "A rubric has at least one point: change this one instead.")
    forget(sheet, sheet.points.pop(i)["id"])
    return str(sheet.points[min(i, len(sheet.points) - 1)]["id"])


def forget(sheet: Sheet, gone: str, instead: str = "") -> None:
    """Let points need another point, or nothing, instead of the one that is gone."""
    for point in sheet.points:
        needs = [instead if n == gone else n for n in point["needs"]]
        point["needs"] = [n for n in dict.fromkeys(needs) if n and n != point["id"]]


def split(sheet: Sheet, argument: str) -> str:
    """Make two points of one at the best place of its statement; the second has its rules still to be written."""
    i = place(argument, sheet.points)
    point = sheet.points[i]
    first, second = halves(point["statement"])
    if not second:
        message = "There is no full stop, comma or “and” to split this statement at. Shorten it and add a point."
        raise Impossible(f"points-{i + 1}-statement", message)
    marks = plain("marks", point["marks"])
    share = marks // 2 if isinstance(marks, int) and marks > 1 else 0
    other = {**new_point(sheet, second), "group": point["group"], "needs": [*point["needs"]], "marks": str(share or 1)}
    point |= {"statement": first, "marks": str(marks - share) if share else point["marks"]}
    sheet.points.insert(i + 1, other)
    sheet.sources[other["id"]] = sheet.sources.get(point["id"], [])
    return str(point["id"])


def halves(statement: str) -> tuple[str, str]:
    """Cut a statement into two sentences; the second is empty where there is no place to cut."""
    for joint in JOINTS:
        parts = re.split(joint, statement.strip(), maxsplit=1)
        if len(parts) == 2 and all(len(p.split()) > 1 for p in parts):
            first, second = (p.strip(" .;,") for p in parts)
            return f"{first}.", f"{second[:1].upper()}{second[1:]}."
    return statement, ""


def merge(sheet: Sheet, argument: str) -> str:
    """Make one point of a point and the next, worth both; a sentence accepted for one half no longer earns it."""
    i = place(argument, sheet.points)
    point = sheet.points[i]
    if i + 1 == len(sheet.points):
        return str(point["id"])
    other = sheet.points.pop(i + 1)
    marks = [plain("marks", p["marks"]) for p in (point, other)]
    point |= {c: " ".join(filter(None, (point[c], other[c]))) for c in ("statement", "credit", "no_credit", "hint")}
    point |= {"accepted": "", "rejected": "\n".join(filter(None, (point["rejected"], other["rejected"])))}
    point |= {"needs": [*point["needs"], *other["needs"]], "group": point["group"] or other["group"]}
    point["marks"] = str(sum(marks)) if all(isinstance(m, int) for m in marks) else point["marks"]
    sheet.sources[point["id"]] = [*sheet.sources.get(point["id"], []), *sheet.sources.get(other["id"], [])]
    forget(sheet, other["id"], point["id"])
    return str(point["id"])


def drop(sheet: Sheet, argument: str) -> str:
    """Take a group, a misconception or a level away."""
    table, _, number = argument.partition("-")
    if table not in {"groups", "misconceptions", "levels"}:
        raise BadRequest
    gone = sheet.tables[table].pop(place(number, sheet.tables[table]))
    if table == "groups":
        for point in sheet.points:
            point["group"] = "" if point["group"] == gone["id"] else point["group"]
    return ""


EDITS: Mapping[str, Callable[[Sheet, str], str]] = {
    "add": add, "up": up, "down": down, "delete": delete, "split": split, "merge": merge, "drop": drop,
}  # fmt: skip
