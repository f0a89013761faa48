"""Turn what a teacher hands in into essays: files in the formats of `READERS`, folders of them, and zips of them.

What cannot be read is given back as a `DocumentError` among the essays, so one bad file never sinks a batch. Every
file is taken for hostile: sizes are checked before and while reading, and XML with a DTD is refused. The paragraphs
of every format are separated by a blank line; a line break within one stays a newline.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from defusedxml.common import DefusedXmlException

from marker.documents.archives import ENCRYPTED, opened, unpacked
from marker.documents.pdf import read_pdf
from marker.documents.prose import read_docx, read_html, read_odt, read_rtf, read_txt
from marker.documents.source import MEGABYTE, Allowance, Found, Limits, Reader, Source, essay, identifier, suffix
from marker.documents.tables import read_csv, read_jsonl, read_xlsx
from marker.errors import DocumentError

__all__ = ["DEFAULTS", "READERS", "Limits", "read", "read_bytes"]

DEFAULTS = Limits()
_CANNOT_OPEN = "cannot be opened: check that it exists and may be read"
_UNKNOWN = "is not of a kind that can be read: save it as .docx, .odt, .pdf or .txt"


def read(path: Path, limits: Limits = DEFAULTS) -> Iterator[Found]:
    """Yield the essays in a file, a folder or a zip, and a DocumentError for each file or row that is no essay."""
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where it may not look
        yield from _read_folder(path, limits)
    else:
        yield from _read_path(path, path.name, "", limits)


def read_bytes(name: str, data: bytes, limits: Limits = DEFAULTS) -> Iterator[Found]:
    """Yield what `read` would of a file of this name; folders in `name` are ignored."""
    base = identifier(name.replace("\\", "/").rpartition("/")[2]) or "upload"
    yield from _found(Source(base, limits, Allowance(limits.total_size)), lambda: data)


def _read_folder(folder: Path, limits: Limits) -> Iterator[Found]:
    faults: list[OSError] = []
    tree = os.walk(folder, onerror=faults.append)
    files = {
        (path := Path(root, file)).relative_to(folder).as_posix(): path for root, _, names in tree for file in names
    }
    found = sorted(name for name in files if not _hidden(name))
    for name in found:
        yield from _read_path(files[name], name, f"{name}/", limits)
    for fault in faults:
        yield DocumentError(identifier(str(fault.filename)), _CANNOT_OPEN)
    if not found and not faults:
        yield DocumentError(identifier(str(folder)), "holds no files: choose the folder that holds the essays")


def _read_path(path: Path, name: str, prefix: str, limits: Limits) -> Iterator[Found]:
    source = Source(identifier(name), limits, Allowance(limits.total_size), prefix=identifier(prefix))

    def load() -> bytes:
        try:
            if path.is_file():  # reading a pipe or a device might never end
                with path.open("rb") as stream:
                    return stream.read(limits.file_size + 1)
        except OSError:
            pass
        raise DocumentError(source.name, _CANNOT_OPEN)

    return _found(source, load)


def _hidden(name: str) -> bool:
    clutter = {"__MACOSX", "Thumbs.db", "desktop.ini"}
    return any(part in clutter or re.match(r"~\$|\.[^.]", part) for part in PurePosixPath(name).parts)


def _found(source: Source, load: Callable[[], bytes]) -> Iterator[Found]:
    """Read a file, and turn whatever goes wrong into a value; a new error lets go of the frames that hold the file."""
    name = source.name
    try:
        source = replace(source, data=load())
        found = READERS[_format(source)](source)
        yield from [essay(source, name, found)] if isinstance(found, str) else found
    except DocumentError as error:
        yield DocumentError(error.name, error.reason)
    except DefusedXmlException:
        yield DocumentError(name, "holds XML with a DTD, which office programs never write: save it again from one")
    except Exception:  # noqa: BLE001 - readers raise anything on damaged files, and the message may quote the essay
        kind = suffix(name) if suffix(name)[1:] in READERS else "file of its kind"
        yield DocumentError(name, f"is damaged or not really a {kind}: open it and save it again")


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


def _format(source: Source) -> str:
    """Name the format by content, and by suffix where content cannot tell; raises DocumentError for any other."""
    head, ending, size = source.data[:1024], suffix(source.name), source.limits.file_size
    start = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")  # of UTF-16 too
    if not head:
        raise DocumentError(source.name, "is empty: hand in the file again")
    if len(source.data) > size:
        raise DocumentError(
            source.name, f"is larger than {size // MEGABYTE} MB: leave out pictures or hand it in in parts"
        )
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise DocumentError(source.name, _old_office(source.data, ending))
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
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
    with opened(source) as archive:
        names = set(archive.namelist())
        kind = unpacked(source, archive, archive.getinfo("mimetype"), source.name) if "mimetype" in names else b""
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
    with opened(source) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir() and not _hidden(info.filename)]
        for info in sorted(infos, key=lambda info: info.filename):
            name = source.prefix + identifier(info.filename.replace("\\", "/"))
            member = replace(source, name=name, data=b"", prefix=f"{name}/", depth=source.depth + 1)
            yield from _found(member, partial(_member, source, archive, info, name))
    if not infos:
        raise DocumentError(source.name, "holds no files: zip the folder that holds the essays")


def _member(source: Source, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> bytes:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", str(path)):
        raise DocumentError(name, "has a name that leads out of the zip: zip the folder again")
    return unpacked(source, archive, info, name)


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
