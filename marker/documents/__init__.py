"""Turn what a teacher hands in into essays: files in the formats of `READERS`, folders of them, and zips of them.

What cannot be read is given back as a `DocumentError` among the essays, so one bad file never sinks a batch. Every
file is taken for hostile: sizes are checked before and while reading, and XML with a DTD is refused. The paragraphs
of every format are separated by a blank line; a line break within one stays a newline.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from defusedxml.common import DefusedXmlException

from marker.documents.archives import ENCRYPTED, archive, unpacked
from marker.documents.pdf import read_pdf
from marker.documents.prose import read_docx, read_html, read_odt, read_rtf, read_txt
from marker.documents.source import MEGABYTE, Allowance, Found, Limits, Reader, Source, essay, identifier, suffix
from marker.documents.tables import read_csv, read_jsonl, read_xlsx
from marker.errors import DocumentError

__all__ = ["DEFAULTS", "READERS", "Limits", "read", "read_bytes"]

DEFAULTS = Limits()

_CANNOT_OPEN = "cannot be opened: check that it exists and may be read"


def read(path: Path, limits: Limits = DEFAULTS) -> Iterator[Found]:
    """Yield the essays in a file, a folder or a zip, and a DocumentError for each file or row that is no essay."""
    try:
        folder = stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        yield DocumentError(identifier(str(path)), _CANNOT_OPEN)
        return
    yield from _read_folder(path, limits) if folder else _read_path(path, path.name, "", limits)


def read_bytes(name: str, data: bytes, limits: Limits = DEFAULTS) -> Iterator[Found]:
    """Yield what `read` would of a file of this name; folders in `name` are ignored."""
    base = identifier(name.replace("\\", "/").rpartition("/")[2]) or "upload"
    yield from _read_source(Source(base, data, limits, Allowance(limits.total_size)))


def _read_folder(folder: Path, limits: Limits) -> Iterator[Found]:
    faults: list[OSError] = []
    tree = os.walk(folder, onerror=faults.append)
    paths = {
        (path := Path(root, file)).relative_to(folder).as_posix(): path for root, _, files in tree for file in files
    }
    names = [name for name in sorted(paths) if not _hidden(name)]
    for name in names:
        yield from _read_path(paths[name], name, f"{name}/", limits)
    for fault in faults:
        yield DocumentError(identifier(str(fault.filename)), _CANNOT_OPEN)
    if not names and not faults:
        yield DocumentError(identifier(str(folder)), "holds no files: choose the folder that holds the essays")


def _read_path(path: Path, name: str, prefix: str, limits: Limits) -> Iterator[Found]:
    try:
        if not path.is_file():  # reading a pipe or a device might never end
            raise OSError  # noqa: TRY301
        with path.open("rb") as stream:
            data = stream.read(limits.file_size + 1)
    except OSError:
        yield DocumentError(identifier(name), _CANNOT_OPEN)
        return
    yield from _read_source(Source(identifier(name), data, limits, Allowance(limits.total_size), identifier(prefix)))


def _hidden(name: str) -> bool:
    clutter = {"__MACOSX", "Thumbs.db", "desktop.ini"}
    return any(part in clutter or re.match(r"~\$|\.[^.]", part) for part in PurePosixPath(name).parts)


def _read_source(source: Source) -> Iterator[Found]:
    return _shielded(source.name, lambda: _open(source))


def _shielded(name: str, found: Callable[[], Iterable[Found]]) -> Iterator[Found]:
    """Turn whatever goes wrong into a value; the new error lets go of the frames that hold the file."""
    try:
        yield from found()
    except DocumentError as error:
        yield DocumentError(error.name, error.reason)
    except DefusedXmlException:
        yield DocumentError(name, "holds XML with a DTD, which office programs never write: save it again from one")
    except Exception:  # noqa: BLE001 - readers raise anything on damaged files, and the message may quote the essay
        ending = suffix(name)
        kind = ending if ending[1:] in READERS else "file of its kind"
        yield DocumentError(name, f"is damaged or not really a {kind}: open it and save it again")


def _open(source: Source) -> Iterator[Found]:
    if not source.data:
        raise DocumentError(source.name, "is empty: hand in the file again")
    if len(source.data) > source.limits.file_size:
        size = source.limits.file_size // MEGABYTE
        raise DocumentError(source.name, f"is larger than {size} MB: leave out pictures or hand it in in parts")
    found = READERS[_format(source)](source)
    yield from [essay(source, source.name, found)] if isinstance(found, str) else found


_OLE = b"\xd0\xcf\x11\xe0"
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
_HTML = re.compile(
    rb"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*"
    rb"<(?:!doctype\s+html|html|head|body|meta|title|link|style|p|div|span|table|ul|ol|br|h[1-6])[\s/>]",
    re.IGNORECASE | re.DOTALL,
)
_SUFFIXES = {
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys((".txt", ".text", ".md", ""), "txt"),
}
_UNKNOWN = "is not of a kind that can be read: save it as .docx, .odt, .pdf or .txt"


def _format(source: Source) -> str:
    """Name the format by content, and by suffix where content cannot tell; raises DocumentError for any other."""
    head, ending = source.data[:1024], suffix(source.name)
    start = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")  # of UTF-16 too
    if head.startswith(_OLE):
        raise DocumentError(source.name, _old_office(source.data, ending))
    if head.startswith(_ZIPS):
        return _zip_format(source)
    if start.startswith(b"%PDF-") or (ending == ".pdf" and b"%PDF-" in head):
        return "pdf"
    if start.startswith(rb"{\rtf"):
        return "rtf"
    if _HTML.match(start) and _SUFFIXES.get(ending) != "csv":  # whose first answer may begin with a tag
        return "html"
    if ending in _SUFFIXES:
        return _SUFFIXES[ending]
    if ending[1:] in READERS:
        raise ValueError(ending)
    raise DocumentError(source.name, _UNKNOWN)


def _old_office(data: bytes, ending: str) -> str:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return ENCRYPTED
    if ending in {".xls", ".xlsx"} or "Workbook".encode("utf-16-le") in data:
        return "is a workbook of an old kind: open it and save it as .xlsx"
    return "is a document of an old kind: open it and save it as .docx"


def _zip_format(source: Source) -> str:
    with archive(source) as opened:
        names = set(opened.namelist())
        kind = unpacked(source, opened, opened.getinfo("mimetype"), source.name) if "mimetype" in names else b""
    if any(re.fullmatch(r"word/document\d*\.xml", name) for name in names):
        return "docx"
    if "xl/workbook.xml" in names:
        return "xlsx"
    if kind.startswith(b"application/vnd.oasis.opendocument.text"):
        return "odt"
    if kind or names & {"[Content_Types].xml", "Index/Document.iwa"}:
        raise DocumentError(source.name, _UNKNOWN)
    return "zip"


def _read_zip(source: Source) -> Iterator[Found]:
    if source.depth >= source.limits.depth:
        raise DocumentError(source.name, "is a zip too deep within zips: unpack it and hand in the folder")
    with archive(source) as opened:
        infos = sorted(opened.infolist(), key=lambda info: info.filename)
        infos = [info for info in infos if not info.is_dir() and not _hidden(info.filename)]
        for info in infos:
            yield from _read_member(source, opened, info)
    if not infos:
        raise DocumentError(source.name, "holds no files: zip the folder that holds the essays")


def _read_member(source: Source, opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[Found]:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    name = source.prefix + identifier(str(path))

    def found() -> Iterator[Found]:
        if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", str(path)):
            raise DocumentError(name, "has a name that leads out of the zip: zip the folder again")
        data = unpacked(source, opened, info, name)
        return _open(replace(source, name=name, data=data, prefix=f"{name}/", depth=source.depth + 1))

    return _shielded(name, found)


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "txt": read_txt,
        "docx": read_docx,
        "odt": read_odt,
        "rtf": read_rtf,
        "pdf": read_pdf,
        "html": read_html,
        "csv": read_csv,
        "xlsx": read_xlsx,
        "jsonl": read_jsonl,
        "zip": _read_zip,
    }
)
"""The formats that can be read, each with the function that reads it."""
