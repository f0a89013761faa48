"""The rubric CSV of Canvas: a row a criterion, which is a point, with a rating for full marks and one for none.

Source of the format: instructure/canvas-lms, app/models/rubric_import.rb and lib/rubric_csv_importer.rb. Canvas wants
commas, UTF-8 without a byte order mark, a rubric's name and at least one rating in each row.

What Canvas has no column for stands as TOML in the criterion's description: id, hint, accepted, rejected, group and
needs of the point; in the first row, below [rubric], what belongs to all points. So a file written here gives the same
rubric back. Read from others, a description is the end of the point's statement. Lost from others' files are the
ratings between the best and the lowest, ranges, and all rubrics but the one of a file that holds one only.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tomli_w

from marker.errors import RubricError
from marker.interchange import toml_file
from marker.interchange.shared import built, count, decoded, identifier
from marker.rubric import Rubric

HEADER = ["Rubric Name", "Criteria Name", "Criteria Description", "Criteria Enable Range"]
RATING = ["Rating Name", "Rating Description", "Rating Points"]
FULL, NONE = "Full marks", "No marks"
NAME_LENGTH = 255  # of a rubric or criterion in Canvas
_NOTED = ("id", "hint", "accepted", "rejected", "group", "needs")  # and `statement` where it is too long for a name
_NOTED_RUBRIC = ("id", "subject", "model_answer", "groups", "misconceptions", "levels")  # and `question` likewise
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(rf"^'(?={_FORMULA.pattern})")


# --- writing ---------------------------------------------------------------------------------------------------------


def write(rubric: Rubric) -> bytes:
    """Write a row a point."""
    data = rubric.as_dict()
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow([*HEADER, *RATING, *RATING])
    for number, point in enumerate(data["points"]):
        note = _named(point, "statement", _NOTED)
        note |= {} if number else {"rubric": _named(data, "question", _NOTED_RUBRIC)}
        row = [_short(data["question"]), _short(point["statement"]), tomli_w.dumps(note).strip(), "false"]
        row += [FULL, point.get("credit", ""), str(point.get("marks", 1)), NONE, point.get("no_credit", ""), "0"]
        writer.writerow([f"'{cell}" if _FORMULA.match(cell) else cell for cell in row])
    return stream.getvalue().encode()


def _named(data: dict[str, Any], name: str, fields: Sequence[str]) -> dict[str, Any]:
    """Return the fields without a column, and the one that stands as a name where it does not fit."""
    fields = fields if _short(data[name]) == data[name] else [name, *fields]
    return {f: data[f] for f in fields if f in data}


def _short(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Columns:
    """Hold where the columns stand; ratings may be many."""

    rubric: int
    criterion: int
    description: int
    ratings: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class _Criterion:
    """Hold what a row gives: the rubric's name, what its note says of the rubric, and a point."""

    number: int
    name: str
    rubric: dict[str, Any]
    point: dict[str, Any]


def read(data: bytes, where: str) -> Rubric:
    """Read a rubric; raises RubricError by row, counted from the header's 1 as spreadsheets do."""
    rows = _rows(decoded(data, where), where)
    columns = _columns(rows.pop(1, []), where)
    count([*rows], where)
    criteria, faults = [], []
    for number, row in rows.items():
        try:
            criteria.append(_criterion(number, row, columns))
        except ValueError as error:
            faults.append(f"{where}:{number}: {error}")
    faults += [
        f"{where}:{c.number}: begins another rubric, {c.name[:80]!r}: put each rubric in a file of its own"
        for c in criteria
        if c.name != criteria[0].name
    ]
    if faults or not criteria:
        raise RubricError(faults or [f"{where}:1: holds no criteria: write a row for each below the header"])
    return built(_whole(criteria), where, [c.number for c in criteria])


def _rows(text: str, where: str) -> dict[int, list[str]]:
    """Return the rows that are not blank, by number from 1."""
    head = text.partition("\n")[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","  # a spreadsheet's where the comma is decimal
    rows: dict[int, list[str]] = {}
    number = 0
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1):
            if any(cell.strip() for cell in row):
                rows[number] = row
    except csv.Error as error:
        fault = f"{where}:{number + 1}: not valid CSV: {error}: look for a missing quotation mark"
        raise RubricError([fault]) from None
    return rows


def _columns(header: list[str], where: str) -> _Columns:
    names = [cell.strip().casefold() for cell in header]
    ratings = zip(*([i for i, n in enumerate(names) if part.casefold() in n] for part in RATING), strict=False)
    rubric, criterion, description = (names.index(n) if (n := h.casefold()) in names else -1 for h in HEADER[:3])
    columns = _Columns(rubric, criterion, description, tuple((a, b, c) for a, b, c in ratings))
    if columns.rubric < 0 or columns.criterion < 0 or not columns.ratings:
        wanted = ", ".join([*HEADER[:2], *RATING])
        raise RubricError([f"{where}:1: is no rubric of Canvas: the first row must name the columns {wanted}"])
    return columns


def _criterion(number: int, row: list[str], columns: _Columns) -> _Criterion:
    """Read a row; raises ValueError that says what is wrong with it."""
    cells = {i: _GUARDED.sub("", cell.strip(), count=1) for i, cell in enumerate(row)}
    name, criterion, description = (cells.get(i, "") for i in (columns.rubric, columns.criterion, columns.description))
    if not name or not criterion:
        raise ValueError(f"{'Criteria Name' if name else 'Rubric Name'} is empty: fill it in")
    ratings = _ratings(cells, columns)
    if (note := _note(description)) is None:
        return _Criterion(number, name, {}, {"statement": f"{criterion}: {description}"} | ratings)
    rubric = note.pop("rubric", {})
    return _Criterion(number, name, rubric, note | {"statement": _full(note, "statement", criterion)} | ratings)


def _full(note: dict[str, Any], name: str, cell: str) -> str:
    """Return a name that did not fit its cell, unless the cell was changed since."""
    full = note.get(name)
    return full if isinstance(full, str) and _short(full) == cell else cell


def _note(description: str) -> dict[str, Any] | None:
    """Return what `write` put into a description, or None for one that another wrote."""
    try:
        note = toml_file.parsed(description, "")
    except RubricError:
        return None
    if description and not note:  # a comment's sign begins it
        return None
    rubric = note.get("rubric", {})
    known = isinstance(rubric, dict) and set(rubric) <= {"question", *_NOTED_RUBRIC}
    sound = isinstance(note.get("id", ""), str)
    return note if known and sound and set(note) <= {"statement", "rubric", *_NOTED} else None


def _ratings(cells: dict[int, str], columns: _Columns) -> dict[str, Any]:
    """Return the marks and rules that the best and the lowest rating give."""
    ratings = []
    for name, description, points in columns.ratings:
        if cells.get(name, "").strip():
            ratings.append((_points(cells.get(points, "")), cells.get(description, "").strip()))
    if not ratings:
        raise ValueError("has no rating: give at least one with its points")
    best, lowest = max(ratings, key=lambda r: r[0]), min(ratings, key=lambda r: r[0])
    if best[0] < 1:
        raise ValueError("has no rating with points: give the best one at least 1")
    return {"marks": best[0], "credit": best[1]} | ({"no_credit": lowest[1]} if lowest[0] < best[0] else {})


def _points(cell: str) -> int:
    try:
        points = float(cell.strip().replace(",", "."))
    except ValueError:
        raise ValueError(f"Rating Points {cell[:20]!r} is no number: write a whole number") from None
    if not points.is_integer() or abs(points) > 100:
        raise ValueError(f"Rating Points {cell[:20]!r} must be a whole number up to 100: multiply all or round")
    return int(points)


def _whole(criteria: list[_Criterion]) -> dict[str, Any]:
    """Return the rubric's data, with ids for what has none."""
    name, points = criteria[0].name, [c.point for c in criteria]
    data: dict[str, Any] = {}
    for criterion in criteria:
        data |= criterion.rubric
    taken = {point["id"] for point in points if "id" in point}
    for number, point in enumerate(points, 1):
        if "id" not in point:
            point["id"] = identifier(point["statement"], taken, f"point-{number}")
            taken.add(point["id"])
    return {"id": identifier(name, (), "rubric")} | data | {"question": _full(data, "question", name), "points": points}
