"""What the readers share: the limits, text from bytes, ids from names, and a rubric from plain data."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath
from typing import Any

from marker.documents.prose import read_html
from marker.documents.source import Allowance, Limits, Source
from marker.errors import RubricError
from marker.rubric import Rubric

SIZE = 2**18  # bytes of one rubric's text; the longest that ships has 6,100
POINTS = 200  # the longest that ships has 10; what points need of each other takes time that grows with their square
FAULTS = 50  # told of one file, each of as many characters as a teacher may read
FAULT_LENGTH = 400
_ID_WORDS = 6


def decoded(data: bytes, where: str) -> str:
    """Decode UTF-8 with or without its mark; raises RubricError for too much, and by line for another encoding."""
    if len(data) > SIZE:
        raise RubricError([f"{where}: is larger than {SIZE // 1024} kB, as no rubric is: choose the rubric's file"])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RubricError([f"{where}:{line}: is not text in UTF-8: save the file in that encoding"]) from None


def built(data: Any, where: str, places: Sequence[int] = ()) -> Rubric:
    """Build a rubric from plain data; `places` holds each point's line, which its faults name; raises RubricError."""
    if not isinstance(data, dict):
        raise RubricError([f"{where}: holds no rubric: a rubric is one table of fields"])
    count(data.get("points"), where)
    try:
        return Rubric.from_dict(data, where)
    except RubricError as error:
        raise RubricError([_placed(f, where, places)[:FAULT_LENGTH] for f in error.faults[:FAULTS]]) from None


def count(points: Any, where: str) -> None:
    """Raise RubricError for more points than a rubric may have."""
    if isinstance(points, list) and len(points) > POINTS:
        raise RubricError([f"{where}: has more than {POINTS} points: split it into several rubrics"])


def _placed(fault: str, where: str, places: Sequence[int]) -> str:
    """Name the line of a point's fault, where lines are known."""
    found = re.match(r"points\[(\d+)\]", fault.removeprefix(f"{where}: "))
    place = places[int(found[1]) - 1] if found and places else None
    return f"{where}:{place}: {fault.removeprefix(f'{where}: ')}" if place else fault


def identifier(name: str, taken: Collection[str], otherwise: str) -> str:
    """Return an id made of a name's first words, unlike those taken; `otherwise` serves names without Latin letters."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower().replace("'", "")
    words = re.findall(r"[a-z0-9]+", plain)[:_ID_WORDS]
    id = base = "-".join(words) or otherwise
    number = 1
    while id in taken:
        number += 1
        id = f"{base}-{number}"
    return id


def stem(where: str) -> str:
    """Return a file's name without folders and suffix, from which a rubric without an id takes one."""
    return PurePosixPath(where.replace("\\", "/")).stem


def plain(text: str, where: str) -> str:
    """Return the text of a piece of HTML; raises RubricError for one that no program writes."""
    if not re.search("[<&]", text):
        return text
    limits = Limits()
    try:
        return read_html(Source(where, limits, Allowance(limits.total_size), f"<div>{text}</div>".encode()))
    except Exception:  # noqa: BLE001 - the parser raises anything on hostile pages
        raise RubricError([f"{where}: holds HTML that cannot be read: write plain text in its place"]) from None
