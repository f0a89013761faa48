"""Read and write rubrics in the formats of `FORMATS`: our own, those of other platforms, and printed mark schemes.

Every file is taken for hostile: sizes are checked first, XML with a DTD and zips that unpack to too much are refused.
What is wrong is told in a RubricError by file and line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from marker.documents.source import MEGABYTE, suffix
from marker.errors import MarkerError, RubricError
from marker.interchange import canvas, h5p, json_file, ora, page, pdf, toml_file
from marker.rubric import Rubric

__all__ = ["FORMATS", "Format", "load", "read", "write"]


@dataclass(frozen=True)
class Format:
    """Describe a format: `read` takes the bytes and the file's name, `write` gives the bytes; None where it cannot."""

    name: str
    suffix: str
    media_type: str
    read: Callable[[bytes, str], Rubric] | None
    write: Callable[[Rubric], bytes] | None


FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        Format("toml", ".toml", "application/toml", toml_file.read, toml_file.write),
        Format("json", ".json", "application/json", json_file.read, json_file.write),
        Format("canvas", ".csv", "text/csv", canvas.read, canvas.write),
        Format("h5p", ".h5p", "application/zip", h5p.read, None),
        Format("ora", ".xml", "application/xml", ora.read, None),
        Format("html", ".html", "text/html", None, page.write),
        Format("pdf", ".pdf", "application/pdf", None, pdf.write),
    )
}
"""The formats by name; a new one is a module and a line here."""

_BY_SUFFIX = {format.suffix: name for name, format in FORMATS.items()}
_LARGEST = 20 * MEGABYTE  # of a file that `load` takes into memory; each format has its own, smaller limit
_CERTAIN = {"h5p": rb"PK\x03\x04", "pdf": rb"%PDF-", "canvas": rb'(?i)"?rubric name"?\s*[,;]'}
_LIKELY = {"html": rb"(?i)<(!doctype\s+)?html\b", "ora": rb"<", "json": rb"\{", "toml": rb"#|\[|[A-Za-z_-]+\s*="}


def read(data: bytes, where: str, format: str | None = None) -> Rubric:
    """Read a rubric; `where` names the file, whose format is recognised unless given; raises RubricError."""
    if not data.strip():
        raise RubricError([f"{where}: is empty: choose the file that holds the rubric"])
    name = format or _recognised(data, where)
    if name not in FORMATS:
        raise RubricError([f"{where}: {name} is no format that is known; known are {', '.join(FORMATS)}"])
    if (reader := FORMATS[name].read) is None:
        raise RubricError([f"{where}: {name} is for printing and cannot be read: choose the file it was made from"])
    return reader(data, where)


def write(rubric: Rubric, where: str, format: str | None = None) -> bytes:
    """Write a rubric in the format given, or that of the suffix of `where`; raises MarkerError for what it cannot."""
    name = format or _BY_SUFFIX.get(suffix(where), "")
    writer = FORMATS[name].write if name in FORMATS else None
    if writer is None:
        can = ", ".join(f"{f.name} ({f.suffix})" for f in FORMATS.values() if f.write)
        raise MarkerError(f"{where}: cannot be written as {name or 'a file of this name'}: choose one of {can}")
    return writer(rubric)


def load(path: Path, format: str | None = None) -> Rubric:
    """Read a rubric from a file or from the folder of a rubric.toml; raises RubricError."""
    file = path / "rubric.toml" if path.is_dir() else path
    if not file.is_file():  # reading a pipe or a device might never end
        raise RubricError([f"{file}: no such file: give a rubric's file or folder"])
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise RubricError([f"{file}: cannot be opened: {error.strerror}"]) from None
    return read(data, str(file), format)


def _recognised(data: bytes, where: str) -> str:
    """Name the format by content, and by suffix where content cannot tell; raises RubricError for any other."""
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    name = _begun(start, _CERTAIN) or _BY_SUFFIX.get(suffix(where)) or _begun(start, _LIKELY)
    if name == "json":
        return _kind_of_json(data, where)
    if name:
        return name
    known = ", ".join(f"{f.name} ({f.suffix})" for f in FORMATS.values() if f.read)
    raise RubricError([f"{where}: is of no format that is known; known are {known}: save it as one of them"])


def _begun(start: bytes, beginnings: dict[str, bytes]) -> str:
    return next((name for name, pattern in beginnings.items() if re.match(pattern, start)), "")


def _kind_of_json(data: bytes, where: str) -> str:
    content = json_file.parsed(data, where)
    fields = set(content) if isinstance(content, dict) else set()
    if "keywords" in fields:
        return "h5p"
    return "ora" if fields & {"criteria", "rubric"} else "json"
