"""Many answers a file, one a row: csv, xlsx and JSON Lines."""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice, pairwise
from typing import Any, NamedTuple

from marker.documents.archives import office_file
from marker.documents.prose import decoded
from marker.documents.source import Found, Source, essay, identifier
from marker.errors import DocumentError

_TEXT_COLUMNS = ("text", "answer", "essay", "response")
_HEADINGS = frozenset({*_TEXT_COLUMNS, "id", "candidate"})
_SAMPLE = 20  # first rows by which a table without a known header is judged
_NO_DELIMITER = "\x1f"  # never in text, so each line stays whole
_LAST_ROW, _LAST_COLUMN = 2**20, 2**14  # of a sheet

Row = dict[int, str]  # the cells that are not blank, by column
Rows = dict[int, Row]  # the rows that are not blank, by number from 1


class Columns(NamedTuple):
    """Hold where a table has its texts, ids and candidates, -1 for nowhere, and whether its first row is a header."""

    text: int
    id: int
    candidate: int
    header: bool


def read_csv(source: Source) -> Iterator[Found]:
    """Read an answer a row, however the cells are parted."""
    text = re.sub(r"\r\n?", "\n", decoded(source))
    rows: Rows = {}
    number, last_column, fault = 0, 0, ""
    try:
        for number, cells in enumerate(_csv_rows(text, _delimiter(text)), 1):
            if row := {column: cell for column, cell in enumerate(cells) if cell.strip()}:
                last_column = last_column if rows else len(cells) - 1
                rows[number] = row
    except csv.Error:  # a cell of more than 131,072 characters
        fault = f"{source.name}:{number + 1}"
    if not rows and not fault:
        raise DocumentError(source.name, "holds no answers: hand in the file that has them")
    if rows:
        yield from _answers(source, rows, source.name, last_column)
    if fault:
        yield DocumentError(
            fault, "cannot be read from here on: look for a missing quotation mark or a very long answer"
        )


def _csv_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _delimiter(text: str) -> str:
    """Choose the delimiter that finds a known heading, or as many cells in every row; else lines stay whole."""
    for delimiter in ",;\t":
        if _is_header(next(_csv_rows(text, delimiter), [])):
            return delimiter
    for delimiter in ",;\t":
        widths = {len(row) for row in islice(_csv_rows(text, delimiter), _SAMPLE) if row}
        if len(widths) == 1 and max(widths) > 1:
            return delimiter
    return _NO_DELIMITER


def _is_header(cells: Iterable[str], headings: Iterable[str] = _HEADINGS) -> bool:
    return not set(headings).isdisjoint(cell.strip().casefold() for cell in cells)


def _columns(sample: list[Row]) -> Columns:
    """Find the columns by the header, and the texts without one by where most is written."""
    first = {cell.strip().casefold(): column for column, cell in sample[0].items()}
    header = _is_header(first)
    id, candidate = first.get("id", -1), first.get("candidate", -1)
    written: Counter[int] = Counter()
    for row in sample[1:] if header else sample:
        written.update({column: len(cell) for column, cell in row.items() if column not in {id, candidate}})
    named = next((first[name] for name in _TEXT_COLUMNS if name in first), None)
    text = max(written, key=lambda column: (written[column], -column), default=-1) if named is None else named
    return Columns(text, id, candidate, header)


def _answers(source: Source, rows: Rows, name: str, last_column: int) -> Iterator[Found]:
    """Yield an answer a row; one with cells beyond the last column has lost its quotation marks."""
    numbers = list(rows)
    columns = _columns([rows[number] for number in numbers[:_SAMPLE]])
    start = numbers[0] - (not columns.header)
    numbers = numbers[columns.header :]
    if not numbers:
        yield DocumentError(name, "has a header and no answers: hand in the file with the answers")
    for before, number in pairwise([start, *numbers]):
        if number > before + 1:
            yield DocumentError(f"{name}:{before + 1}", "is an empty row: delete it, or fill in the answer")
        yield _answer(source, rows[number], f"{name}:{number}", columns, last_column)


def _answer(source: Source, row: Row, place: str, columns: Columns, last_column: int) -> Found:
    if max(row) > last_column:
        return DocumentError(place, "has more cells than the first row: put the answer in quotation marks")
    if columns.text not in row:
        return DocumentError(place, "has no answer: delete the row, or fill in the answer")
    id, candidate = identifier(row.get(columns.id, "")), identifier(row.get(columns.candidate, ""))
    return essay(source, id or place, row[columns.text], candidate or None, place)


def read_xlsx(source: Source) -> Iterator[Found]:
    """Read the visible sheets with a column for the text; where none has one, the first that holds anything."""
    sheets = _sheets(source)
    named = [(title, rows) for title, rows in sheets if _is_header(next(iter(rows.values())).values(), _TEXT_COLUMNS)]
    chosen = named or sheets[:1]
    if not chosen:
        raise DocumentError(source.name, "holds no answers: hand in the workbook that has them")
    for title, rows in chosen:
        name = source.name if len(chosen) == 1 else f"{source.name}:{identifier(title)}"
        yield from _answers(source, rows, name, _LAST_COLUMN)


def _sheets(source: Source) -> list[tuple[str, Rows]]:
    """Return the rows of each visible sheet that has any; a file of 5 kB may have a cell in the last of 2**20 rows."""
    from openpyxl import load_workbook  # noqa: PLC0415 - heavy

    stream = office_file(source)
    warnings.filterwarnings("ignore", module="openpyxl")  # of validation and drawings that it leaves out
    sheets: list[tuple[str, Rows]] = []
    room = source.limits.cells
    with closing(load_workbook(stream, read_only=True, data_only=True, keep_links=False)) as book:
        for sheet in book.worksheets:
            if sheet.sheet_state != "visible":
                continue
            rows: Rows = {}
            sheet.reset_dimensions()  # they may be wrong, or a lie
            for number, cells in enumerate(sheet.iter_rows(max_row=_LAST_ROW, values_only=True), 1):
                room -= len(cells) or 1
                if room < 0:
                    limit = source.limits.cells
                    raise DocumentError(source.name, f"has more than {limit:,} cells: hand it in in parts")
                if row := {column: text for column, cell in enumerate(cells) if (text := _cell_text(cell)).strip()}:
                    rows[number] = row
            if rows:
                sheets.append((sheet.title, rows))
    return sheets


def _cell_text(value: object) -> str:
    from openpyxl.utils.escape import unescape  # noqa: PLC0415 - heavy

    return "" if value is None else unescape(str(value))


def read_jsonl(source: Source) -> Iterator[Found]:
    """Read an object a line."""
    for number, line in enumerate(decoded(source).split("\n"), 1):
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
