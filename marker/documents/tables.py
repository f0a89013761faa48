"""Many answers a file, one a row: csv, xlsx and JSON Lines."""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

from marker.documents.archives import office_file
from marker.documents.prose import read_txt
from marker.documents.source import Found, Source, essay, identifier
from marker.errors import DocumentError

_TEXTS = ("text", "answer", "essay", "response")
_HEADINGS = (*_TEXTS, "id", "candidate")
_SAMPLE = 20  # first rows by which a table without a known header is judged
_NO_DELIMITER = "\x1f"  # never in text, so each line stays whole

Rows = dict[int, list[str]]  # those that are not blank, by number from 1; the last cell of each is not blank


def read_csv(source: Source) -> Iterator[Found]:
    """Read an answer a row, however the cells are parted."""
    text = re.sub(r"\r\n?", "\n", read_txt(source))
    rows: Rows = {}
    number, width, fault = 0, 0, ""
    try:
        for number, cells in enumerate(_csv_rows(text, _delimiter(text)), 1):
            if row := _trimmed(cells):
                width = width or len(cells)
                rows[number] = row
    except csv.Error:  # a cell of more than 131,072 characters
        fault = f"{source.name}:{number + 1}"
    if rows or not fault:
        yield from _answers(source, rows, source.name, width)
    if fault:
        yield DocumentError(fault, "cannot be read from here on: look for a missing quotation mark or a long answer")


def _csv_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _delimiter(text: str) -> str:
    """Choose the delimiter that finds a known heading, or as many cells in every row; else lines stay whole."""
    for delimiter in ",;\t":
        if _headings(next(_csv_rows(text, delimiter), [])):
            return delimiter
    for delimiter in ",;\t":
        widths = {len(row) for row in islice(_csv_rows(text, delimiter), _SAMPLE) if row}
        if len(widths) == 1 and max(widths) > 1:
            return delimiter
    return _NO_DELIMITER


def _trimmed(cells: list[str]) -> list[str]:
    return cells[: max((column for column, cell in enumerate(cells, 1) if cell.strip()), default=0)]


def _headings(cells: list[str]) -> dict[str, int]:
    names = [cell.strip().casefold() for cell in cells]
    return {name: names.index(name) for name in _HEADINGS if name in names}


def _answers(source: Source, rows: Rows, name: str, width: int) -> Iterator[Found]:
    """Yield an answer a row; one of more than `width` cells has lost its quotation marks."""
    if not rows:
        raise DocumentError(name, "holds no answers: hand in the file that has them")
    numbers = list(rows)
    headings = _headings(rows[numbers[0]])
    texts = [headings[heading] for heading in _TEXTS if heading in headings]
    column = texts[0] if texts else _fullest([rows[number] for number in numbers[:_SAMPLE]], {*headings.values()})
    before = numbers[0] if headings else numbers[0] - 1
    if headings and len(rows) == 1:
        yield DocumentError(name, "has a header and no answers: hand in the file with the answers")
    for number in numbers[1 if headings else 0 :]:
        if number > before + 1:
            yield DocumentError(f"{name}:{before + 1}", "is an empty row: delete it, or fill in the answer")
        before, row, place = number, dict(enumerate(rows[number])), f"{name}:{number}"
        if len(row) > width:
            yield DocumentError(place, "has more cells than the first row: put the answer in quotation marks")
        elif not row.get(column, "").strip():
            yield DocumentError(place, "has no answer: delete the row, or fill in the answer")
        else:
            id, candidate = (identifier(row.get(headings.get(heading, -1), "")) for heading in ("id", "candidate"))
            yield essay(source, id or place, row[column], candidate or None, place)


def _fullest(sample: list[list[str]], but: set[int]) -> int:
    """Return the column with most written in it, -1 for none."""
    columns = [column for column in range(max(map(len, sample))) if column not in but]
    return max(columns, key=lambda column: sum(len("".join(row[column : column + 1])) for row in sample), default=-1)


def read_xlsx(source: Source) -> Iterator[Found]:
    """Read the visible sheets with a column for the text; where none has one, the first that holds anything."""
    sheets = _sheets(source)
    named = [(title, rows) for title, rows in sheets if not {*_TEXTS}.isdisjoint(_headings(rows[min(rows)]))]
    chosen = named or sheets[:1] or [("", {})]
    for title, rows in chosen:
        name = source.name if len(chosen) == 1 else f"{source.name}:{identifier(title)}"
        yield from _answers(source, rows, name, source.limits.cells)


def _sheets(source: Source) -> list[tuple[str, Rows]]:
    """Return the visible sheets that hold anything; a file of 5 kB may have a cell in the last of 2**20 rows."""
    from openpyxl import load_workbook  # noqa: PLC0415 - heavy
    from openpyxl.utils.escape import unescape  # noqa: PLC0415

    stream, room = office_file(source), source.limits.cells
    warnings.filterwarnings("ignore", module="openpyxl")  # it leaves out validation and drawings, as we do
    sheets: list[tuple[str, Rows]] = []
    with closing(load_workbook(stream, read_only=True, data_only=True, keep_links=False)) as book:
        for sheet in (each for each in book.worksheets if each.sheet_state == "visible"):
            rows: Rows = {}
            sheet.reset_dimensions()  # they may be a lie
            for number, cells in enumerate(sheet.iter_rows(max_row=2**20, values_only=True), 1):
                room -= len(cells) or 1
                if room < 0:
                    limit = source.limits.cells
                    raise DocumentError(source.name, f"has more than {limit:,} cells: hand it in in parts")
                if cells and (row := _trimmed(["" if cell is None else unescape(str(cell)) for cell in cells])):
                    rows[number] = row
            sheets += [(sheet.title, rows)] if rows else []
    return sheets


def read_jsonl(source: Source) -> Iterator[Found]:
    """Read an object a line."""
    for number, line in enumerate(read_txt(source).split("\n"), 1):
        if line.strip():
            yield _json_answer(source, line, f"{source.name}:{number}")


def _json_answer(source: Source, line: str, place: str) -> Found:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return DocumentError(place, "is not JSON: write one object a line")
    match row:
        case {"id": str() | int() as id, "text": str() as text} if isinstance(row.get("candidate"), str | int | None):
            candidate = identifier(str(row.get("candidate") or "")) or None
            return essay(source, identifier(str(id)) or place, text, candidate, place)
    return DocumentError(place, 'needs an object with "id" and "text": {"id": "…", "text": "…"}')
