"""One essay a file: plain text, docx, odt, html and rtf. Paragraphs come apart by a blank line."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import Any

from marker.documents.archives import office_file
from marker.documents.source import CONTROLS, MEGABYTE, Source
from marker.errors import DocumentError

_PARAGRAPH = "\u2029"
_SPACE = re.compile(r"[ \t\r\n\f]+")


def _text(pieces: Iterable[str]) -> str:
    paragraphs = (paragraph.strip() for paragraph in "".join(pieces).split(_PARAGRAPH))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def read_txt(source: Source) -> str:
    """Read plain text in whatever encoding."""
    if len(source.data) > 4 * source.limits.characters + 4:  # no encoding has more bytes to a character
        raise DocumentError(
            source.name, f"is longer than {source.limits.characters:,} characters: hand in the essay alone"
        )
    return decoded(source)


def decoded(source: Source) -> str:
    """Decode by byte order mark, as UTF-8, as cp1252, or by guess; raises DocumentError for what is no text."""
    data = source.data.removesuffix(b"\x1a")  # the end mark of DOS
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding, ascii_share in [("utf-16", 0.0)] if wide else [("utf-8-sig", 0.0), ("cp1252", 0.7)]:
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
    return not CONTROLS.search(text) and len(text.encode("ascii", "ignore")) >= ascii_share * len(text)


def read_docx(source: Source) -> str:
    """Read by python-docx; tracked insertions, content controls and text boxes count, deletions do not."""
    from docx import Document  # noqa: PLC0415 - heavy
    from docx.oxml.ns import qn  # noqa: PLC0415
    from lxml.etree import iterwalk, strip_elements  # noqa: PLC0415

    stream = office_file(source)
    try:
        body = Document(stream).element.body  # its `text` of a paragraph lacks insertions and content controls
    except ValueError:
        raise DocumentError(source.name, "is not an ordinary Word document: save it as .docx") from None
    strip_elements(body, *map(qn, ("w:del", "w:moveFrom", "w:pPr")), "{*}Fallback", with_tail=False)
    pieces = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
    paragraph = qn("w:p")
    return _text(
        _PARAGRAPH if element.tag == paragraph else pieces.get(element.tag) or element.text or ""
        for event, element in iterwalk(body, ("start", "end"), [paragraph, qn("w:t"), *pieces])
        if event == "start" or element.tag == paragraph
    )


_ODT_PARAGRAPHS = (
    "descendant::*[self::text:p or self::text:h][not(ancestor::text:p or ancestor::text:h"
    " or ancestor::text:tracked-changes or ancestor::office:annotation)]"
)
_ODT_PIECES = {"text:s": " ", "text:tab": "\t", "text:line-break": "\n"}
_ODT_LEFT_OUT = {"office:annotation", "office:binary-data", "svg:desc", "svg:title", "text:note", "text:ruby-text"}


def read_odt(source: Source) -> str:
    """Read by odfdo; its own `inner_text` would add notes and the addresses of links."""
    from odfdo import Document  # noqa: PLC0415 - heavy

    pieces: list[str] = []
    for paragraph in Document(office_file(source)).body.xpath(_ODT_PARAGRAPHS):
        _odt_pieces(paragraph, pieces)
    return _text(pieces)


def _odt_pieces(element: Any, pieces: list[str]) -> None:
    if element.tag in _ODT_LEFT_OUT:
        return
    mark = _PARAGRAPH if element.tag in {"text:p", "text:h"} else ""
    pieces += mark, _ODT_PIECES.get(element.tag) or _SPACE.sub(" ", element.text)
    for child in element.children:
        _odt_pieces(child, pieces)
        pieces.append(_SPACE.sub(" ", child.tail or ""))
    pieces.append(mark)


_HTML_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form"
    " h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table td th tr ul".split()
)
_HTML_LEFT_OUT = ("head", "iframe", "noscript", "object", "script", "select", "style", "svg", "template", "title")


def read_html(source: Source) -> str:
    """Read by lxml, which fetches nothing."""
    from lxml.etree import HTMLParser, fromstring, iterwalk, strip_elements  # noqa: PLC0415 - heavy

    page = decoded(source)
    source.check_tags(page.count("<"))
    parser = HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
    tree = fromstring(page.encode(), parser)
    strip_elements(tree, *_HTML_LEFT_OUT, with_tail=False)
    pieces, verbatim = [""], 0
    for event, element in iterwalk(tree, ("start", "end")):
        start = event == "start"
        if element.tag in _HTML_BLOCKS:
            pieces.append(_PARAGRAPH)
        elif element.tag == "br" and start:
            pieces.append("\n")
        verbatim += (element.tag == "pre") * (1 if start else -1)
        text = (element.text if start else element.tail) or ""
        if not verbatim:
            text = _SPACE.sub(" ", text)
            text = text.lstrip(" ") if pieces[-1][-1:].isspace() else text
        pieces += [text] if text else []
    return _text(pieces)


_PICTURE = re.compile(r"[0-9a-fA-F\r\n]{128,}")


def read_rtf(source: Source) -> str:
    """Read by striprtf, from which what its regular expressions take quadratic time over is kept.

    Those are HYPERLINKS, over links (it adds their addresses too), and FONTTABLE, over a table without semicolons.
    Pictures go because it reads them character by character. Line breaks and cells are given marks of our own, as it
    gives the first like the ends of paragraphs and the second as bars.
    """
    from striprtf.striprtf import font_table_group, rtf_to_text  # noqa: PLC0415 - seldom needed

    text = _PICTURE.sub("", source.data.decode("cp1252", "replace"))
    text = re.sub(r"(?i)(\\fldinst)\{", r"\1 {", text)
    fonts = font_table_group(text)  # type: ignore[no-untyped-call]
    text = text.replace(fonts, re.sub(r"(?=\\f\d)", ";\n", fonts), 1)
    text = re.sub(r"(?<!\\)\\line(?![a-z]) ?", r"\\u8232{}", text)
    text = re.sub(r"(?<!\\)\\(?:nest)?cell(?![a-z])", r"\\par", text)
    return _text(rtf_to_text(text, errors="replace").replace("\n", _PARAGRAPH))  # type: ignore[no-untyped-call]
