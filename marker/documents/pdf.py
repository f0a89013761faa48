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
            pages = list(_pages(source, document))
    _drop_furniture(pages)
    if not any(pages):
        raise DocumentError(source.name, "is scanned, it has no text: run OCR or ask for the original file")
    return _unwrapped([line for page in pages for line in page])


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


class Line(NamedTuple):
    """Hold a line of a page and its place in points; `word` is where its first word ends."""

    text: str
    left: float
    right: float
    bottom: float
    word: float


def _pages(source: Source, document: Any) -> Iterator[list[Line]]:
    if len(document) > source.limits.pages:
        raise DocumentError(source.name, f"has more than {source.limits.pages} pages: hand in the essay alone")
    room = 2 * source.limits.characters  # furniture and hyphens may yet go; the essay's own length is checked later
    for number in range(len(document)):
        with closing(document[number]) as page, closing(page.get_textpage()) as text:
            yield (lines := list(_lines(text, max(room, 0))))
        room -= sum(len(line.text) for line in lines)


def _lines(page: Any, room: int) -> Iterator[Line]:
    from pypdfium2.raw import FPDFText_GetUnicode  # noqa: PLC0415 - heavy

    text = "".join(chr(FPDFText_GetUnicode(page, index)) for index in range(min(page.count_chars(), room)))
    for match in re.finditer(r"[^\s\x02](?:[^\r\n\x02]*[^\s\x02])?\x02?", text):
        start, letters = match.start(), len(match[0].split(maxsplit=1)[0])
        first, end, last = (page.get_charbox(at, loose=True) for at in (start, start + letters - 1, match.end() - 1))
        yield Line(match[0], first[0], last[2], first[1], end[2])


def _drop_furniture(pages: list[list[Line]]) -> None:
    """Drop page numbers and running heads: first and last lines that, but for digits, most pages share."""
    for edge in (0, -1) * 2:
        ends = [re.sub(r"\d+", "#", page[edge].text) if page else "" for page in pages]
        common = {text for text, count in Counter(ends).items() if text and count > max(1, len(pages) / 2)}
        for page, end in zip(pages, ends, strict=True):
            if end in common:
                del page[edge]


def _unwrapped(lines: list[Line]) -> str:
    """Join the lines of a paragraph.

    It ends before a wider gap than lines have between them, or where the next line's first word would have fitted.
    """
    drops = sorted(drop for above, line in pairwise(lines) if (drop := above.bottom - line.bottom) > 1)
    leading = drops[len(drops) // 4] if drops else 0.0
    edges: dict[int, float] = {}  # how far lines from the same left edge reach, as columns have their own
    for line in lines:
        edges[round(line.left)] = max(edges.get(round(line.left), 0), line.right)
    text = [lines[0].text]
    for above, line in pairwise(lines):
        drop = above.bottom - line.bottom
        end = above.right + 0.2 * leading + line.word - line.left
        fits = end < edges[round(above.left)] and above.text[-1] not in _HYPHENS
        meant = drop > 1.2 * leading or (fits and abs(drop) > 0.5 * leading)
        text += "\n\n" if meant else "\n", line.text
    return _rejoined("".join(text))


def _rejoined(text: str) -> str:
    """Undo the wrapping; a hyphen at a line's end stays where the text elsewhere has the word with it."""
    known = set(re.findall(r"(?<!\w)\w+-\w+", text.casefold()))

    def join(match: re.Match[str]) -> str:
        word, rest = match[1], match[2]
        hyphened = not rest[0].islower() or f"{word}-{rest}".casefold() in known
        return f"{word}-" if hyphened else word

    text = re.sub(rf"(?<!\w)(\w+)[{_HYPHENS}]\n(?!\n)(?=(\w+))", join, text)
    text = re.sub(r"(?<=\S[–—-])\n(?=\w)", "", text)
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text).replace("\x02", "-")
