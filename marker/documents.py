"""Turn what a teacher hands in into essays: files in the formats of `READERS`, folders of them, and zips of them.

What cannot be read is given back as a `DocumentError` among the essays, so one bad file never sinks a batch. Every
file is taken for hostile: sizes are checked before and while reading, XML with a DTD is refused, and no parser
builds a tree. The paragraphs of every format are separated by a blank line; a line break within one stays a newline.
"""

from __future__ import annotations

import csv
import io
import json
import os
import posixpath
import re
import stat
import threading
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, XMLParser

from marker.errors import DocumentError
from marker.mark import Essay

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bound what one hand-in may cost to read; sizes are in bytes."""

    file_size: int = 20 * MEGABYTE  # an essay with photographs has a few megabytes, a class's zip of texts one
    expanded_size: int = 100 * MEGABYTE  # what one archive, office file or pdf may unpack to
    total_size: int = 500 * MEGABYTE  # the same for everything inside one hand-in, however it is nested
    ratio: int = 100  # text packs about 4:1 and a blank spreadsheet 50:1; a bomb has 1000:1
    ratio_from: int = MEGABYTE  # below this size even a bomb is harmless, and small blank files pack very well
    members: int = 10_000  # files in one archive
    depth: int = 2  # a class's zip holding each student's zip
    pages: int = 500  # a thesis; essays have under 20
    cells: int = 1_000_000  # 100,000 answers with ten columns
    characters: int = 100_000  # about 17,000 words; the longest exam essays have 3,000


DEFAULTS = Limits()


@dataclass(slots=True)
class Allowance:
    """Count down the bytes that one hand-in may still unpack."""

    left: int

    def spend(self, name: str, size: int) -> None:
        """Take `size` off; raises DocumentError when nothing is left."""
        self.left -= size
        if self.left < 0:
            raise DocumentError(name, "would unpack to too much, with what came before: hand it in in parts")


@dataclass(frozen=True, slots=True)
class Source:
    """Hold one file on its way to a reader; `prefix` begins the ids of what is found inside it."""

    name: str
    data: bytes
    limits: Limits
    allowance: Allowance
    prefix: str = ""
    depth: int = 0


Found = Essay | DocumentError
Reader = Callable[[Source], "str | Iterator[Found]"]


def read(path: Path, limits: Limits = DEFAULTS) -> Iterator[Found]:
    """Yield the essays in a file, a folder or a zip, and a DocumentError for each file or row that is no essay."""
    try:
        folder = stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        yield DocumentError(_identifier(str(path)), "cannot be opened: check that it exists and may be read")
        return
    yield from _read_folder(path, limits) if folder else _read_path(path, path.name, "", limits)


def read_bytes(name: str, data: bytes, limits: Limits = DEFAULTS) -> Iterator[Found]:
    """Yield what `read` would of a file of this name; folders in `name` are ignored."""
    base = _identifier(name.replace("\\", "/").rpartition("/")[2]) or "upload"
    yield from _read_source(Source(base, data, limits, Allowance(limits.total_size)))


def _read_folder(folder: Path, limits: Limits) -> Iterator[Found]:
    faults: list[OSError] = []
    tree = os.walk(folder, onerror=faults.append)
    paths = {
        Path(root, file).relative_to(folder).as_posix(): Path(root, file) for root, _, files in tree for file in files
    }
    names = [name for name in sorted(paths) if not _hidden(name)]
    for name in names:
        yield from _read_path(paths[name], name, f"{name}/", limits)
    for fault in faults:
        yield DocumentError(_identifier(str(fault.filename)), "cannot be opened: check that it may be read")
    if not names and not faults:
        yield DocumentError(_identifier(str(folder)), "holds no files: choose the folder that holds the essays")


def _read_path(path: Path, name: str, prefix: str, limits: Limits) -> Iterator[Found]:
    name = _identifier(name)
    try:
        data = _file_bytes(path, limits)
    except OSError:
        yield DocumentError(name, "cannot be opened: check that it exists and may be read")
        return
    yield from _read_source(Source(name, data, limits, Allowance(limits.total_size), _identifier(prefix)))


def _file_bytes(path: Path, limits: Limits) -> bytes:
    if not path.is_file():  # reading a pipe or a device might never end
        raise OSError
    with path.open("rb") as stream:
        return stream.read(limits.file_size + 1)


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
        suffix = _suffix(name)
        kind = suffix if suffix[1:] in READERS else "file of its kind"
        yield DocumentError(name, f"is damaged or not really a {kind}: open it and save it again")


def _open(source: Source) -> Iterator[Found]:
    if not source.data:
        raise DocumentError(source.name, "is empty: hand in the file again")
    if len(source.data) > source.limits.file_size:
        size = source.limits.file_size // MEGABYTE
        raise DocumentError(source.name, f"is larger than {size} MB: leave out pictures or hand it in in parts")
    found = READERS[_format(source)](source)
    yield from [_essay(source, source.name, found)] if isinstance(found, str) else found


# --- which format ---------------------------------------------------------------------------------------------------

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


def _format(source: Source) -> str:
    """Name the format by content, and by suffix where content cannot tell; raises DocumentError for any other."""
    head, suffix = source.data[:1024], _suffix(source.name)
    start = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")  # of UTF-16 too
    if head.startswith(_OLE):
        raise DocumentError(source.name, _old_office(source.data, suffix))
    if head.startswith(_ZIPS):
        return _zip_format(source)
    if start.startswith(b"%PDF-") or (suffix == ".pdf" and b"%PDF-" in head):
        return "pdf"
    if start.startswith(rb"{\rtf"):
        return "rtf"
    if _HTML.match(start) and _SUFFIXES.get(suffix) != "csv":  # whose first answer may begin with a tag
        return "html"
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if suffix[1:] in READERS:
        raise ValueError(suffix)
    raise DocumentError(source.name, _UNKNOWN)


_UNKNOWN = "is not of a kind that can be read: save it as .docx, .odt, .pdf or .txt"


def _old_office(data: bytes, suffix: str) -> str:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return "is encrypted: remove the password and hand it in again"
    if suffix in {".xls", ".xlsx"} or "Workbook".encode("utf-16-le") in data:
        return "is a workbook of an old kind: open it and save it as .xlsx"
    return "is a document of an old kind: open it and save it as .docx"


def _zip_format(source: Source) -> str:
    with _archive(source) as archive:
        names = set(archive.namelist())
        kind = _content(source, archive, archive.getinfo("mimetype"), source.name) if "mimetype" in names else b""
    if any(_MAIN_PART.fullmatch(name) for name in names):
        return "docx"
    if "xl/workbook.xml" in names:
        return "xlsx"
    if kind.startswith(b"application/vnd.oasis.opendocument.text"):
        return "odt"
    if kind or names & {"[Content_Types].xml", "Index/Document.iwa"}:
        raise DocumentError(source.name, _UNKNOWN)
    return "zip"


# --- names and text -------------------------------------------------------------------------------------------------

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_SOFT_HYPHEN = "\xad"  # unseen, and would part a word from its meaning
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    clutter = {"__MACOSX", "Thumbs.db", "desktop.ini"}
    return any(part in clutter or part.startswith("~$") or re.match(r"\.[^.]", part) for part in parts)


def _identifier(name: str) -> str:
    """Make a name safe to show and to store: NFC, no control characters, no undecodable bytes."""
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "?", name).strip()


def _normalised(text: str) -> str:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # pairs become one, strays U+FFFD
    text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    text = "\n".join(line.rstrip() for line in text.replace(_SOFT_HYPHEN, "").split("\n"))
    return unicodedata.normalize("NFC", text).strip("\n")


def _essay(source: Source, id: str, text: str, candidate: str | None = None, place: str | None = None) -> Found:
    """Make an essay, or say at `place` why its text is none."""
    place, limit = place or id, source.limits.characters
    source.allowance.spend(place, len(text))
    if len(text) > 4 * limit or len(text := _normalised(text)) > limit:
        return DocumentError(place, f"is longer than {limit:,} characters: hand in the essay alone")
    if not text.strip():
        return DocumentError(place, "holds no text: hand in the essay again")
    return Essay(id, text, candidate)


# --- plain text -----------------------------------------------------------------------------------------------------

_BOMS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


def _read_txt(source: Source) -> str:
    if len(source.data) > 4 * source.limits.characters + 4:  # no encoding has more bytes to a character
        raise DocumentError(
            source.name, f"is longer than {source.limits.characters:,} characters: hand in the essay alone"
        )
    return _decoded(source)


def _decoded(source: Source) -> str:
    """Decode by byte order mark, as UTF-8, as cp1252, or by guess; raises DocumentError for what is no text."""
    data = source.data.removesuffix(b"\x1a")  # the end mark of DOS
    named = next((encoding for bom, encoding in _BOMS.items() if data.startswith(bom)), "utf-8")
    for encoding, ascii_share in ((named, 0.0), ("cp1252", 0.7)):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _is_text(text, ascii_share):
            return text
    from charset_normalizer import from_bytes  # noqa: PLC0415 - seldom needed

    if len(data) <= MEGABYTE and (best := from_bytes(data).best()) and _is_text(str(best), 0.7):
        return str(best)
    raise DocumentError(source.name, "is not text, or its encoding cannot be told: save it as UTF-8 text or as .docx")


def _is_text(text: str, ascii_share: float) -> bool:
    """Say whether a guess may be right: no control characters, and mostly ASCII as English is in any encoding."""
    return not _CONTROLS.search(text) and len(text.encode("ascii", "ignore")) >= ascii_share * len(text)


# --- markup: docx, odt and html -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Markup:
    """Say by local name which elements hold text and what they do to it; white space stands in `verbatim` ones."""

    blocks: frozenset[str]
    holders: frozenset[str]
    verbatim: frozenset[str]
    skipped: frozenset[str]
    pieces: Mapping[str, str]


# What was inserted with tracked changes, in content controls and in text boxes counts; what was deleted does not.
_DOCX = Markup(
    blocks=frozenset({"p"}),
    holders=frozenset({"t"}),
    verbatim=frozenset({"t"}),
    skipped=frozenset({"del", "moveFrom", "pPr", "rPr", "Fallback"}),
    pieces={"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"},
)
_ODT = Markup(
    blocks=frozenset({"p", "h"}),
    holders=frozenset({"p", "h"}),
    verbatim=frozenset(),
    skipped=frozenset({"tracked-changes", "annotation", "note", "title", "desc", "ruby-text", "binary-data"}),
    pieces={"s": " ", "tab": "\t", "line-break": "\n"},
)
_HTML_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li",
    "main", "nav", "ol", "p", "pre", "section", "summary", "table", "td", "th", "tr", "ul",
})  # fmt: skip
_HTML_SKIPPED = frozenset({
    "head", "iframe", "noscript", "object", "script", "select", "style", "svg", "template", "title",
})  # fmt: skip
_HTML_MARKUP = Markup(
    blocks=_HTML_BLOCKS,
    holders=frozenset({"body"}),
    verbatim=frozenset({"pre"}),
    skipped=_HTML_SKIPPED,
    pieces={"br": "\n"},
)
_SPACE = re.compile(r"[ \t\r\n\f]+")


class Paragraphs:
    """Gather paragraphs as the target of an XML or HTML parser; the parser's `close` returns them as text."""

    def __init__(self, markup: Markup) -> None:
        self.markup = markup
        self.within: Counter[str] = Counter()
        self.paragraphs: list[str] = []
        self.pieces: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002 - the parsers give them
        """Begin an element."""
        name = _local(tag)
        self._count(name, 1)
        if name in self.markup.blocks:
            self._flush()
        if name in self.markup.pieces and not self.within["skipped"]:
            self.pieces.append(self.markup.pieces[name])

    def end(self, tag: str) -> None:
        """End an element."""
        name = _local(tag)
        self._count(name, -1)
        if name in self.markup.blocks:
            self._flush()

    def data(self, text: str) -> None:
        """Take characters."""
        if self.within["skipped"] or not self.within["holders"]:
            return
        if not self.within["verbatim"]:
            text = _SPACE.sub(" ", text)
            if not self.pieces or self.pieces[-1][-1:].isspace():
                text = text.removeprefix(" ")
        if text:
            self.pieces.append(text)

    def close(self) -> str:
        """Return the text."""
        self._flush()
        return "\n\n".join(self.paragraphs)

    def _count(self, name: str, step: int) -> None:
        for role in ("skipped", "holders", "verbatim"):
            if name in getattr(self.markup, role):
                self.within[role] += step

    def _flush(self) -> None:
        if paragraph := "".join(self.pieces).strip():
            self.paragraphs.append(paragraph)
        self.pieces.clear()


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _parse(part: bytes, target: Any) -> Any:
    """Feed a part of an office file to the target; raises DefusedXmlException for a DTD, ParseError for no XML."""
    parser = XMLParser(target=target, forbid_dtd=True)
    parser.feed(part)
    return parser.close()


_MAIN_PART = re.compile(r"word/document\d*\.xml")


def _read_docx(source: Source) -> str:
    parts = _parts(source)
    main = next(name for name in sorted(parts) if _MAIN_PART.fullmatch(name))
    return str(_parse(parts[main], Paragraphs(_DOCX)))


def _read_odt(source: Source) -> str:
    parts = _parts(source)
    if b"encryption-data" in parts.get("META-INF/manifest.xml", b""):
        raise DocumentError(source.name, "is encrypted: remove the password and hand it in again")
    return str(_parse(parts["content.xml"], Paragraphs(_ODT)))


def _read_html(source: Source) -> str:
    from lxml.etree import HTMLParser  # noqa: PLC0415 - heavy

    target: Any = Paragraphs(_HTML_MARKUP)
    parser = HTMLParser(target=target, encoding="utf-8", no_network=True, huge_tree=False)
    parser.feed(_decoded(source).encode())
    return str(parser.close())


# --- rtf ------------------------------------------------------------------------------------------------------------

_PICTURE = re.compile(r"[0-9a-fA-F\r\n]{128,}")


def _read_rtf(source: Source) -> str:
    """Read by striprtf; what its regular expressions take quadratic time over is taken from it first."""
    from striprtf.striprtf import font_table_group, rtf_to_text  # noqa: PLC0415 - seldom needed

    text = _PICTURE.sub("", source.data.decode("cp1252", "replace"))
    text = re.sub(r"(?i)(\\fldinst)\{", r"\1 {", text)  # keeps it from its pattern for links, which adds addresses too
    fonts = font_table_group(text)  # type: ignore[no-untyped-call]
    text = text.replace(fonts, re.sub(r"(?=\\f\d)", ";\n", fonts), 1)
    text = re.sub(r"(?<!\\)\\line(?![a-z]) ?", r"\\u8232{}", text)  # else a line break ends a paragraph
    text = re.sub(r"(?<!\\)\\(?:nest)?cell(?![a-z])", r"\\par", text)
    lines = rtf_to_text(text, errors="replace").split("\n")  # type: ignore[no-untyped-call]
    return "\n\n".join(line.strip() for line in lines if line.strip())


# --- pdf ------------------------------------------------------------------------------------------------------------

_PDFIUM = threading.Lock()  # pdfium is not safe to call from two threads at once
_WRAPPED_HYPHENS = "\x02\xad\u2010-"  # pdfium gives U+0002 for a hyphen that ends a line


class Line(NamedTuple):
    """Hold a line of a page and its place in points; `first` is the width of its first word."""

    text: str
    left: float
    right: float
    bottom: float
    height: float
    first: float


def _read_pdf(source: Source) -> str:
    import pypdfium2  # noqa: PLC0415 - heavy

    _check_streams(source)
    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(source.data)
        except pypdfium2.PdfiumError as error:
            if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
                raise DocumentError(source.name, "is encrypted: remove the password and hand it in again") from None
            raise
        with closing(document):
            pages = _without_furniture(_pages(source, document))
    if not any(pages):
        raise DocumentError(source.name, "is scanned, it has no text: run OCR or ask for the original file")
    return _unwrapped(pages)


def _check_streams(source: Source) -> None:
    """Refuse a pdf bomb: pdfium itself would unpack a gigabyte."""
    room = source.limits.expanded_size
    for match in re.finditer(rb"(?<!end)stream\r?\n(?=[\x08\x18\x28\x38\x48\x58\x68\x78])", source.data):
        room -= _inflated_size(source.data, match.end(), room)
        if room < 0:
            size = source.limits.expanded_size // MEGABYTE
            raise DocumentError(source.name, f"unpacks to more than {size} MB: save it again without pictures")


def _inflated_size(data: bytes, start: int, enough: int) -> int:
    engine, view, size = zlib.decompressobj(), memoryview(data), 0
    try:
        while start < len(data) and not engine.eof and size <= enough:
            size += len(engine.decompress(view[start : start + 4096]))  # 4 kB inflate to 4 MB at the most
            start += 4096
    except zlib.error:
        pass  # pdfium too makes do with what came before
    return size


def _pages(source: Source, document: Any) -> list[list[Line]]:
    if len(document) > source.limits.pages:
        raise DocumentError(source.name, f"has more than {source.limits.pages} pages: hand in the essay alone")
    pages: list[list[Line]] = []
    room = 2 * source.limits.characters  # furniture and hyphens may yet go; the essay's own length is checked later
    for number in range(len(document)):
        with closing(document[number]) as page, closing(page.get_textpage()) as text:
            pages.append(list(_lines(text, room)))
        room -= sum(len(line.text) for line in pages[-1])
        if room <= 0:
            break
    return pages


def _lines(page: Any, room: int) -> Iterator[Line]:
    from pypdfium2 import raw  # noqa: PLC0415 - heavy

    def box(index: int) -> tuple[float, float, float, float]:
        rectangle = raw.FS_RECTF()
        raw.FPDFText_GetLooseCharBox(page, index, rectangle)
        return rectangle.left, rectangle.bottom, rectangle.right, rectangle.top

    text = "".join(chr(raw.FPDFText_GetUnicode(page, index)) for index in range(min(page.count_chars(), room)))
    for match in re.finditer(r"[^\s\x02](?:[^\r\n\x02]*[^\s\x02])?\x02?", text):
        line = match[0]
        left, bottom, _, top = box(match.start())
        word_end = box(match.start() + len(line.split(None, 1)[0]) - 1)[2]
        yield Line(line, left, box(match.end() - 1)[2], bottom, top - bottom, word_end - left)


def _without_furniture(pages: list[list[Line]]) -> list[list[Line]]:
    """Drop page numbers and running heads: first and last lines that, but for digits, most pages share."""
    for edge in (0, -1):
        while common := _common_lines(pages, edge):
            for page in pages:
                if page and _without_digits(page[edge]) in common:
                    del page[edge]
    return pages


def _common_lines(pages: list[list[Line]], edge: int) -> set[str]:
    counts = Counter(_without_digits(page[edge]) for page in pages if page)
    return {text for text, count in counts.items() if count > max(1, len(pages) / 2)}


def _without_digits(line: Line) -> str:
    return re.sub(r"\d+", "#", line.text)


def _unwrapped(pages: list[list[Line]]) -> str:
    """Undo the wrapping of lines.

    A paragraph ends before a wider gap than lines have between them, or where the next line's first word would
    have fitted on the line, so the break was meant.
    """
    drops = sorted(a.bottom - b.bottom for page in pages for a, b in pairwise(page) if a.bottom - b.bottom > 1)
    leading = drops[len(drops) // 4] if drops else 0.0
    blocks = [block for page in pages for block in _blocks(page, leading)]
    margin = max((line.right for block in blocks for line in block if len(block) > 1), default=0.0)
    text, edge = "", margin
    previous: Line | None = None
    for block in blocks:
        for line in block:
            text += _separator(previous, line, edge, leading) + line.text
            previous, edge = line, max(each.right for each in block) if len(block) > 2 else margin
    return _rejoined(text)


def _blocks(page: list[Line], leading: float) -> list[list[Line]]:
    """Part the lines of a page at wider gaps and where the text jumps up, to a new column."""
    blocks: list[list[Line]] = []
    for line in page:
        drop = blocks[-1][-1].bottom - line.bottom if blocks else None
        if drop is None or not -0.5 * leading <= drop <= 1.2 * leading:
            blocks.append([])
        blocks[-1].append(line)
    return blocks


def _separator(previous: Line | None, line: Line, edge: float, leading: float) -> str:
    if previous is None:
        return ""
    drop = previous.bottom - line.bottom
    fits = previous.right + 0.25 * line.height + line.first < edge and abs(drop) > 0.5 * leading
    meant = drop > 1.2 * leading or line.text[0] in "•▪◦‣●○" or (fits and previous.text[-1] not in _WRAPPED_HYPHENS)
    return "\n\n" if meant else "\n"


def _rejoined(text: str) -> str:
    """Join the lines of paragraphs; a hyphen at a line's end stays where the text elsewhere has the word with it."""
    known = set(re.findall(r"(?<!\w)\w+-\w+", text.casefold()))

    def join(match: re.Match[str]) -> str:
        word, rest = match[1], match[2]
        hyphened = not rest[0].islower() or f"{word}-{rest}".casefold() in known
        return f"{word}-" if hyphened else word

    text = re.sub(rf"(?<!\w)(\w+)[{_WRAPPED_HYPHENS}]\n(?!\n)(?=(\w+))", join, text)
    text = re.sub(r"(?<=\S[–—-])\n(?=\w)", "", text)
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text).replace("\x02", "-")


# --- tables: csv and xlsx -------------------------------------------------------------------------------------------

_TEXT_COLUMNS = ("text", "answer", "essay", "response")
_HEADINGS = frozenset({*_TEXT_COLUMNS, "id", "candidate"})
_SAMPLE = 20  # first rows by which a table without a known header is judged
_NO_DELIMITER = "\x1f"  # never in text, so each line stays whole

Row = dict[int, str]  # the cells that are not blank, by column
Rows = dict[int, Row]  # the rows that are not blank, by number from 1


class Columns(NamedTuple):
    """Hold where a table has its texts, ids and candidates, -1 for nowhere, and whether its first row is a header."""

    text: int
    id: int
    candidate: int
    header: bool


def _read_csv(source: Source) -> Iterator[Found]:
    text = re.sub(r"\r\n?", "\n", _decoded(source))
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


def _is_header(cells: Iterable[str]) -> bool:
    return not _HEADINGS.isdisjoint(cell.strip().casefold() for cell in cells)


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
    numbers = sorted(rows)
    columns = _columns([rows[number] for number in numbers[:_SAMPLE]])
    numbers = numbers[1:] if columns.header else numbers
    if not numbers:
        yield DocumentError(name, "has a header and no answers: hand in the file with the answers")
    for before, number in pairwise([min(rows) - (not columns.header), *numbers]):
        if number > before + 1:
            yield DocumentError(f"{name}:{before + 1}", "is an empty row: delete it, or fill in the answer")
        yield _answer(source, rows[number], f"{name}:{number}", columns, last_column)


def _answer(source: Source, row: Row, place: str, columns: Columns, last_column: int) -> Found:
    if max(row) > last_column:
        return DocumentError(place, "has more cells than the first row: put the answer in quotation marks")
    if columns.text not in row:
        return DocumentError(place, "has no answer: delete the row, or fill in the answer")
    id, candidate = _identifier(row.get(columns.id, "")), _identifier(row.get(columns.candidate, ""))
    return _essay(source, id or place, row[columns.text], candidate or None, place)


class Workbook:
    """Gather shared strings and the cells of a sheet as the target of an XML parser.

    Rows are sparse: a workbook of 5 kB may hold a cell in row 1,048,576 and column 16,384.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.room = source.limits.cells
        self.strings: list[str] = []
        self.rows: Rows = {}
        self.row, self.column = 0, -1
        self.kind = ""
        self.pieces: list[str] = []
        self.listening = False
        self.phonetic = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Begin an element."""
        name = _local(tag)
        if name == "row":
            self.row, self.column = int(attributes.get("r", self.row + 1)), -1
        elif name == "c":
            self.kind = attributes.get("t", "n")
            self.column = _column(attributes["r"]) if "r" in attributes else self.column + 1
        if name in {"c", "si"}:
            self.pieces = []
        self.phonetic = self.phonetic or name == "rPh"
        self.listening = name in {"v", "t"} and not self.phonetic

    def end(self, tag: str) -> None:
        """End an element."""
        name = _local(tag)
        self.listening = False
        if name == "rPh":
            self.phonetic = False
        elif name == "si":
            self.strings.append(_unescaped("".join(self.pieces)))
        elif name == "c" and (text := self._value()).strip():
            self.rows.setdefault(self.row, {})[self.column] = text

    def data(self, text: str) -> None:
        """Take characters."""
        if self.listening:
            self.pieces.append(text)

    def _value(self) -> str:
        self.room -= 1
        if self.room < 0:
            limit = self.source.limits.cells
            raise DocumentError(self.source.name, f"has more than {limit:,} cells: hand it in in parts")
        text = "".join(self.pieces)
        return self.strings[int(text)] if self.kind == "s" and text else _unescaped(text)


def _column(reference: str) -> int:
    """Return the column of a cell, from 0: 2 for `C7`; raises ValueError for no reference."""
    match = re.fullmatch(r"([A-Z]{1,3})\d{1,7}", reference)
    if not match:
        raise ValueError(reference)
    column = 0
    for letter in match[1]:
        column = 26 * column + ord(letter) - ord("A") + 1
    return column - 1


def _unescaped(text: str) -> str:
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text)


class Elements:
    """Gather the attributes of the elements of one name as the target of an XML parser."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: list[dict[str, str]] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Begin an element."""
        if _local(tag) == self.name:
            self.found.append({_local(key): value for key, value in attributes.items()})


def _read_xlsx(source: Source) -> Iterator[Found]:
    """Read the visible sheets with a column for the text; where none has one, the first that holds anything."""
    sheets = _sheets(source)
    named = {title: rows for title, rows in sheets.items() if _has_text_column(rows[min(rows)])}
    chosen = named or dict(islice(sheets.items(), 1))
    if not chosen:
        raise DocumentError(source.name, "holds no answers: hand in the workbook that has them")
    for title, rows in chosen.items():
        name = source.name if len(chosen) == 1 else f"{source.name}:{_identifier(title)}"
        yield from _answers(source, rows, name, 2**14)


def _has_text_column(row: Row) -> bool:
    return not set(_TEXT_COLUMNS).isdisjoint(cell.strip().casefold() for cell in row.values())


def _sheets(source: Source) -> dict[str, Rows]:
    """Return the rows of each visible sheet that has any, in the workbook's order."""
    parts = _parts(source)
    book = Workbook(source)
    if "xl/sharedStrings.xml" in parts:
        _parse(parts["xl/sharedStrings.xml"], book)
    sheets: dict[str, Rows] = {}
    for title, part in _sheet_parts(parts):
        book.rows, book.row = {}, 0
        _parse(parts[part], book)
        if book.rows:
            sheets[title] = book.rows
    return sheets


def _sheet_parts(parts: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    sheets, relations = Elements("sheet"), Elements("Relationship")
    _parse(parts["xl/workbook.xml"], sheets)
    _parse(parts["xl/_rels/workbook.xml.rels"], relations)
    targets = {
        relation["Id"]: relation["Target"] for relation in relations.found if relation["Type"].endswith("/worksheet")
    }
    for sheet in sheets.found:
        if sheet["id"] in targets and sheet.get("state", "visible") == "visible":
            yield sheet["name"], posixpath.normpath(posixpath.join("/xl", targets[sheet["id"]]))[1:]


# --- jsonl ----------------------------------------------------------------------------------------------------------


def _read_jsonl(source: Source) -> Iterator[Found]:
    for number, line in enumerate(_decoded(source).split("\n"), 1):
        if line.strip():
            yield _json_answer(source, line, f"{source.name}:{number}")


def _json_answer(source: Source, line: str, place: str) -> Found:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return DocumentError(place, "is not JSON: write one object a line")
    match row:
        case {"id": str() | int() as id, "text": str() as text} if isinstance(row.get("candidate"), str | int | None):
            candidate = _identifier(str(row.get("candidate") or "")) or None
            return _essay(source, _identifier(str(id)) or place, text, candidate, place)
    return DocumentError(place, 'needs an object with "id" and "text": {"id": "…", "text": "…"}')


# --- archives -------------------------------------------------------------------------------------------------------


def _archive(source: Source) -> zipfile.ZipFile:
    """Open an archive; raises DocumentError for one whose directory promises too much."""
    archive, limits = zipfile.ZipFile(io.BytesIO(source.data)), source.limits
    infos = archive.infolist()
    if len(infos) > limits.members:
        raise DocumentError(source.name, f"holds more than {limits.members:,} files: hand it in in parts")
    if sum(info.file_size for info in infos) > limits.expanded_size:
        size = limits.expanded_size // MEGABYTE
        raise DocumentError(source.name, f"unpacks to more than {size} MB: leave out pictures or hand it in in parts")
    if sum(info.compress_size for info in infos) > len(source.data):
        raise DocumentError(source.name, "holds files that overlap, as no ordinary program writes them: zip it again")
    return archive


def _content(source: Source, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> bytes:
    """Unpack one member and no more than its promised size; zipfile checks that nothing follows it."""
    if fault := _member_fault(info, source.limits):
        raise DocumentError(name, fault)
    source.allowance.spend(name, info.file_size)
    with archive.open(info) as stream:
        return stream.read(info.file_size + 1)


def _member_fault(info: zipfile.ZipInfo, limits: Limits) -> str:
    if info.flag_bits & 1:
        return "is encrypted: remove the password and hand it in again"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:  # zipfile cannot bound the others
        return "is packed in a rare way: zip it again in the ordinary way"
    if info.file_size > limits.ratio_from and info.file_size > limits.ratio * info.compress_size:
        return f"unpacks to more than {limits.ratio} times its size, as no essay does: hand in the original"
    return ""


def _parts(source: Source) -> dict[str, bytes]:
    """Unpack the XML of an office file; raises DefusedXmlException if any of it has a DTD."""
    with _archive(source) as archive:
        infos = [info for info in archive.infolist() if _suffix(info.filename) in {".xml", ".rels"}]
        parts = {info.filename: _content(source, archive, info, source.name) for info in infos}
    for part in parts.values():
        with suppress(ParseError):  # LibreOffice writes empty parts; a broken one that is needed fails when it is read
            _parse(part, object())
    return parts


def _read_zip(source: Source) -> Iterator[Found]:
    if source.depth >= source.limits.depth:
        raise DocumentError(source.name, "is a zip too deep within zips: unpack it and hand in the folder")
    with _archive(source) as archive:
        infos = sorted(archive.infolist(), key=lambda info: info.filename)
        infos = [info for info in infos if not info.is_dir() and not _hidden(info.filename)]
        for info in infos:
            yield from _read_member(source, archive, info)
    if not infos:
        raise DocumentError(source.name, "holds no files: zip the folder that holds the essays")


def _read_member(source: Source, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[Found]:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    name = source.prefix + _identifier(str(path))

    def found() -> Iterator[Found]:
        if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", str(path)):
            raise DocumentError(name, "has a name that leads out of the zip: zip the folder again")
        data = _content(source, archive, info, name)
        return _open(replace(source, name=name, data=data, prefix=f"{name}/", depth=source.depth + 1))

    return _shielded(name, found)


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "txt": _read_txt,
        "docx": _read_docx,
        "odt": _read_odt,
        "rtf": _read_rtf,
        "pdf": _read_pdf,
        "html": _read_html,
        "csv": _read_csv,
        "xlsx": _read_xlsx,
        "jsonl": _read_jsonl,
        "zip": _read_zip,
    }
)
"""The formats that can be read, each with the function that reads it."""
