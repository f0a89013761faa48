"""The form of the rubric's editor: what was typed, as a rubric, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from api.workshop import free_id
from marker import Rubric, RubricError

TEXTS = ("question", "subject", "model_answer")
COLUMNS = {
    "points": ("id", "statement", "credit", "no_credit", "marks", "hint", "group", "needs", "accepted", "rejected"),
    "groups": ("id", "at_most", "most_marks", "exclusive"),
    "misconceptions": ("id", "statement", "correction"),
    "levels": ("name", "least", "most", "descriptor"),
}
LABELS = {
    "question": "Question",
    "subject": "Subject",
    "model_answer": "Model answer",
    "statement": "Statement",
    "credit": "What earns it",
    "no_credit": "What does not",
    "marks": "Marks",
    "hint": "Hint",
    "group": "Group",
    "needs": "Needs",
    "accepted": "Accepted sentences",
    "rejected": "Rejected sentences",
    "at_most": "Points that count",
    "most_marks": "Most marks",
    "exclusive": "Only one can be right",
    "correction": "Correction",
    "name": "Name",
    "least": "From",
    "most": "To",
    "descriptor": "Description",
}
NUMBERS = {"marks", "at_most", "most_marks", "least", "most"}
LIMITS = {"at_most", "most_marks"}
"""Numbers that may be left empty: no limit."""
LISTS = {"accepted", "rejected"}

Row = dict[str, Any]
Sources = dict[str, list[list[int]]]


@dataclass
class Sheet:
    """Hold what stands in the editor's form, sound or not; numbers are what was typed, lists have a line an entry."""

    texts: dict[str, str]
    tables: dict[str, list[Row]]
    sources: Sources
    """Where the words of each point stand in the answers: answer, start, end."""
    added: str = ""
    """The id of the point that the form's empty row has become."""

    @property
    def points(self) -> list[Row]:
        """Return the rows of the points."""
        return self.tables["points"]

    def data(self) -> dict[str, Any]:
        """Return what was typed in the shape of a rubric, which may find faults with it."""
        tables = {t: [{c: plain(c, v) for c, v in r.items()} for r in rows] for t, rows in self.tables.items()}
        return {**self.texts, **tables}

    def new_id(self, wanted: str) -> str:
        """Return an id that no point and no misconception has."""
        return free_id(wanted[:40], {r["id"] for t in ("points", "misconceptions") for r in self.tables[t]})


def of_rubric(rubric: Rubric, sources: Mapping[str, Any] | None = None) -> Sheet:
    """Fill the form from a rubric."""
    texts = {name: getattr(rubric, name) for name in TEXTS}
    tables = {table: [filled(table, item) for item in getattr(rubric, table)] for table in COLUMNS}
    return Sheet(texts, tables, dict(sources or {}))


def filled(table: str, item: object) -> Row:
    """Fill one row of a table."""
    return {column: typed(column, getattr(item, column)) for column in COLUMNS[table]}


def of_form(form: MultiDict[str, str], sources: Mapping[str, Any] | None = None) -> Sheet:
    """Read the form as it was sent, with what stands in its empty rows for something new."""
    texts = {name: clean(form.get(name, "")) for name in TEXTS}
    sheet = Sheet(texts, {table: list(rows(form, table)) for table in COLUMNS}, dict(sources or {}))
    if statement := clean(form.get("new-statement", "")).strip():
        sheet.points.append(new_point(sheet, statement))
        sheet.added = sheet.points[-1]["id"]
    for table in ("groups", "misconceptions", "levels"):
        row = {c: cell(form, f"{table}-new-{c}", c) for c in COLUMNS[table]}
        if any(row.values()):
            sheet.tables[table].append(named(sheet, table, row))
    return sheet


def rows(form: MultiDict[str, str], table: str) -> Iterator[Row]:
    """Yield the rows of a table of the form; one that was emptied altogether is gone."""
    number = 1
    while f"{table}-{number}-{COLUMNS[table][0]}" in form:
        row = {c: cell(form, f"{table}-{number}-{c}", c) for c in COLUMNS[table]}
        if any(row.values()):
            yield row
        number += 1


def cell(form: MultiDict[str, str], name: str, column: str) -> Any:
    """Read one field of the form."""
    if column == "needs":
        return form.getlist(name)
    return name in form if column == "exclusive" else clean(form.get(name, ""))


def clean(text: str) -> str:
    """Put right the line ends that browsers change, and what no database takes."""
    return text.replace("\r\n", "\n").replace("\0", "\ufffd")


def named(sheet: Sheet, table: str, row: Row) -> Row:
    """Give a new row an id made of what it says."""
    if table == "groups":
        return {**row, "id": free_id(row["id"] or "group", {r["id"] for r in sheet.tables[table]})}
    return {**row, "id": sheet.new_id(row["statement"])} if table == "misconceptions" else row


def new_point(sheet: Sheet, statement: str) -> Row:
    """Return a point of one mark that says no more than its statement."""
    empty: Row = dict.fromkeys(COLUMNS["points"], "")
    return {**empty, "id": sheet.new_id(statement), "statement": statement, "marks": "1", "needs": []}


def typed(column: str, value: Any) -> Any:
    """Return a value of a rubric as the form shows it."""
    if column in LISTS:
        return "\n".join(value)
    if column in NUMBERS:
        return "" if column in LIMITS and not value else str(value)
    return list(value) if column == "needs" else value


def plain(column: str, value: Any) -> Any:
    """Return what was typed as a rubric holds it; what is no number stays as it is, to be found at fault."""
    if column in LISTS:
        return [line for line in value.splitlines() if line.strip()]
    if column in NUMBERS:
        value = value.strip() or ("0" if column in LIMITS else "")
        return int(value) if re.fullmatch("[0-9]{1,6}", value) else value
    return value


# --- faults and differences ------------------------------------------------------------------------------------------


def faults_by_field(error: RubricError) -> dict[str, str]:
    """Say what is wrong beside the field of the form that it is about."""
    found: dict[str, str] = {}
    for fault in error.faults:
        match = re.fullmatch(r"rubric: (?:(\w+)\[(\d+)\]\.)?(\w+): (.*)", fault, re.DOTALL)
        if match is None:
            found.setdefault("form", fault)
            continue
        table, number, column, reason = match.groups()
        name = f"{table}-{number}-{column}" if table else column
        if column == "needs":  # the one fault that the form's boxes can make
            reason = "what needs this point in turn"
        found.setdefault(name, f"{LABELS.get(column, column)} {reason}.")
    return found


def differences(kept: Sheet, mine: Sheet) -> list[tuple[str, str, str]]:
    """Return where two forms differ: what it is, how it is kept, how it was typed."""
    names = names_of(kept) | names_of(mine)
    theirs, own = flat(kept), flat(mine)
    keys = dict.fromkeys([*own, *theirs])
    differing = [key for key in keys if theirs.get(key) != own.get(key)]
    return [(names[key], theirs.get(key, "(not there)"), own.get(key, "(not there)")) for key in differing]


Key = tuple[str, str, str]


def flat(sheet: Sheet) -> dict[Key, str]:
    """Return all that stands in a form, each under a key that does not depend on its place."""
    found: dict[Key, str] = {("", "", name): " ".join(text.split()) for name, text in sheet.texts.items()}
    found["points", "", "order"] = "; ".join(p["statement"] for p in sheet.points)
    for table, rows in sheet.tables.items():
        key, *columns = COLUMNS[table]
        found |= {(table, row[key], c): shown(row[c]) for row in rows for c in columns}
    return found


def names_of(sheet: Sheet) -> dict[Key, str]:
    """Return what a person calls each thing of a form."""
    found: dict[Key, str] = {("", "", name): LABELS[name] for name in sheet.texts}
    found["points", "", "order"] = "The points and their order"
    for table, rows in sheet.tables.items():
        key, *columns = COLUMNS[table]
        called = table.removesuffix("s").capitalize()
        for row in rows:
            title = row.get("statement") or row[key]
            found |= {(table, row[key], c): f"{called} “{title}”: {LABELS[c].lower()}" for c in columns}
    return found


def shown(value: Any) -> str:
    """Write what stands in a field on one line."""
    if isinstance(value, bool):
        return "yes" if value else ""
    return ", ".join(value) if isinstance(value, list) else " ".join(value.split())
