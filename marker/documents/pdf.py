"""pdf by pdfium. A pdf knows lines and no paragraphs, so these are told from how the lines lie."""

from __future__ import annotations

import re
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import pairwise
from typing import Any, NamedTuple

from marker.documents.archives import ENCRYPTED
from marker.documents.source import MEGABYTE, Source
from marker.errors import DocumentError

_PDFIUM = threading.Lock()  # pdfium is not safe to call from two threads at once
_HYPHENS = "\x02\xad\u2010-"  # pdfium gives U+0002 for a hyphen that ends a line


class Line(NamedTuple):
    """Hold a line of a page and its place in points; `first` is the width of its first word."""

    text: str
    left: float
    right: float
    bottom: float
    first: float


def read_pdf(source: Source) -> str:
    """Read the text, without running heads and page numbers; raises DocumentError for a scan."""
    import pypdfium2  # noqa: PLC0415 - heavy

    _check_streams(source)
    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(source.data)
        except pypdfium2.PdfiumError as error:
            if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
                raise DocumentError(source.name, ENCRYPTED) from None
            raise
        with closing(document):
            pages = _pages(source, document)
    lines = [line for page in _without_furniture(pages) for line in page]
    if not lines:
        raise DocumentError(source.name, "is scanned, it has no text: run OCR or ask for the original file")
    return _unwrapped(lines)


def _check_streams(source: Source) -> None:
    """Refuse a pdf bomb: pdfium itself would unpack a gigabyte."""
    room, data = source.limits.expanded_size, memoryview(source.data)
    for match in re.finditer(rb"(?<!end)stream\r?\n(?=[\x08\x18\x28\x38\x48\x58\x68\x78])", source.data):
        engine, start = zlib.decompressobj(), match.end()
        with suppress(zlib.error):  # pdfium too makes do with what came before
            while start < len(data) and not engine.eof and room >= 0:
                room -= len(engine.decompress(data[start : start + 4096]))  # to 4 MB at the most
                start += 4096
        if room < 0:
            size = source.limits.expanded_size // MEGABYTE
            raise DocumentError(source.name, f"unpacks to more than {size} MB: save it again without pictures")


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
    from pypdfium2.raw import FPDFText_GetUnicode  # noqa: PLC0415 - heavy

    text = "".join(chr(FPDFText_GetUnicode(page, index)) for index in range(min(page.count_chars(), room)))
    for match in re.finditer(r"[^\s\x02](?:[^\r\n\x02]*[^\s\x02])?\x02?", text):
        line, start = match[0], match.start()
        left, bottom, _, _ = page.get_charbox(start, loose=True)
        word_end = page.get_charbox(start + len(line.split(None, 1)[0]) - 1, loose=True)[2]
        yield Line(line, left, page.get_charbox(match.end() - 1, loose=True)[2], bottom, word_end - left)


def _without_furniture(pages: list[list[Line]]) -> list[list[Line]]:
    """Drop page numbers and running heads: first and last lines that, but for digits, most pages share."""
    for edge in (0, -1):
        shared = True
        while shared:
            ends = [re.sub(r"\d+", "#", page[edge].text) if page else "" for page in pages]
            common = {text for text, count in Counter(ends).items() if text and count > max(1, len(pages) / 2)}
            shared = bool(common)
            for page, end in zip(pages, ends, strict=True):
                if end in common:
                    del page[edge]
    return pages


def _unwrapped(lines: list[Line]) -> str:
    """Undo the wrapping of lines.

    A paragraph ends before a wider gap than lines have between them, or where the next line's first word would
    have fitted on the line, so the break was meant.
    """
    drops = sorted(drop for a, b in pairwise(lines) if (drop := a.bottom - b.bottom) > 1)
    leading = drops[len(drops) // 4] if drops else 0.0
    edges: dict[int, float] = {}  # how far lines with the same left edge reach, so columns have their own
    for line in lines:
        edges[round(line.left)] = max(edges.get(round(line.left), 0), line.right)
    pieces = [lines[0].text]
    for above, line in pairwise(lines):
        drop = above.bottom - line.bottom
        fits = above.right + 0.2 * leading + line.first < edges[round(above.left)] and abs(drop) > 0.5 * leading
        meant = drop > 1.2 * leading or line.text[0] in "•▪◦‣●○" or (fits and above.text[-1] not in _HYPHENS)
        pieces += "\n\n" if meant else "\n", line.text
    return _rejoined("".join(pieces))


def _rejoined(text: str) -> str:
    """Join the lines of paragraphs; a hyphen at a line's end stays where the text elsewhere has the word with it."""
    known = set(re.findall(r"(?<!\w)\w+-\w+", text.casefold()))

    def join(match: re.Match[str]) -> str:
        word, rest = match[1], match[2]
        hyphened = not rest[0].islower() or f"{word}-{rest}".casefold() in known
        return f"{word}-" if hyphened else word

    text = re.sub(rf"(?<!\w)(\w+)[{_HYPHENS}]\n(?!\n)(?=(\w+))", join, text)
    text = re.sub(r"(?<=\S[–—-])\n(?=\w)", "", text)
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text).replace("\x02", "-")
