"""One essay a file: plain text, docx, odt, html and rtf, each by its library."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, cast
from xml.etree.ElementTree import Element, TreeBuilder

from marker.documents.archives import check_tags, office_file
from marker.documents.source import CONTROLS, Source
from marker.errors import DocumentError

_ENCODINGS = ["utf_8", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "cp1252", "mac_roman"]
_PARAGRAPH = "\u2029"  # marks where one begins or ends
_SPACE = re.compile(r"[ \t\r\n\f]+")


def read_txt(source: Source) -> str:
    """Decode as UTF-8 or as charset-normalizer thinks best; raises DocumentError for what is no text."""
    data = source.data.removesuffix(b"\x1a")  # the end mark of DOS
    with suppress(UnicodeDecodeError):
        if not CONTROLS.search(text := data.decode("utf-8-sig")):
            return text
    from charset_normalizer import from_bytes  # noqa: PLC0415 - seldom needed

    text = str(from_bytes(data, cp_isolation=_ENCODINGS).best() or "\0")
    if CONTROLS.search(text):
        raise DocumentError(source.name, "is not text, or its encoding cannot be told: save it as UTF-8 or as .docx")
    return text


def _paragraphs(pieces: Iterable[str]) -> str:
    paragraphs = (paragraph.strip() for paragraph in "".join(pieces).split(_PARAGRAPH))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def read_docx(source: Source) -> str:
    """Read by python-docx; tracked insertions, content controls and text boxes count, deletions do not.

    The text is taken from the body's XML, as `paragraph.text` lacks insertions and content controls.
    """
    from docx import Document  # noqa: PLC0415 - heavy
    from docx.oxml.ns import qn  # noqa: PLC0415
    from lxml.etree import iterwalk, strip_elements  # noqa: PLC0415

    stream = office_file(source)
    try:
        body = Document(stream).element.body
    except ValueError:  # a template, or with macros
        raise DocumentError(source.name, "is not an ordinary Word document: save it as .docx") from None
    strip_elements(body, qn("w:del"), qn("w:moveFrom"), qn("w:pPr"), "{*}Fallback", with_tail=False)
    paragraph, texts = qn("w:p"), (qn("w:t"), qn("m:t"))  # m of equations
    marks = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-", paragraph: _PARAGRAPH}
    return _paragraphs(
        marks.get(element.tag) or element.text or ""
        for event, element in iterwalk(body, ("start", "end"), [*texts, *marks])
        if event == "start" or element.tag == paragraph
    )


_ODT_BODY = """descendant::*[self::text:p or self::text:h]
    [not(ancestor::text:p or ancestor::text:h or ancestor::text:tracked-changes)]"""
_ODT_MARKS = {"text:p": _PARAGRAPH, "text:h": _PARAGRAPH, "text:s": " ", "text:tab": "\t", "text:line-break": "\n"}
_ODT_SKIPPED = {"office:annotation", "office:binary-data", "svg:desc", "svg:title", "text:note", "text:ruby-text"}


def read_odt(source: Source) -> str:
    """Read by odfdo, whose own `inner_text` would add notes and the addresses of links."""
    from odfdo import Document  # noqa: PLC0415 - heavy

    pieces = [""]
    for paragraph in Document(office_file(source)).body.xpath(_ODT_BODY):
        _gather(paragraph, _ODT_MARKS, _ODT_SKIPPED, pieces)
    return _paragraphs(pieces)


_HTML_BLOCKS = """address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table td th tr ul"""
_HTML_MARKS = {**dict.fromkeys(_HTML_BLOCKS.split(), _PARAGRAPH), "br": "\n"}
_HTML_SKIPPED = {"head", "iframe", "noscript", "object", "script", "select", "style", "svg", "template", "title"}


class _BareBuilder(TreeBuilder):
    """Build a tree without attributes, as lxml takes hours to build one with a million."""

    def start(self, tag: str, attrs: Mapping[Any, Any]) -> Element:  # noqa: ARG002
        """Begin an element."""
        return super().start(tag, {})


def read_html(source: Source) -> str:
    """Read by lxml, which fetches nothing."""
    from lxml.etree import HTMLParser  # noqa: PLC0415 - heavy

    page, pieces, target = read_txt(source), [""], cast("Any", _BareBuilder())
    check_tags(source, page.count("<"))
    parser = HTMLParser(
        target=target, encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    parser.feed(page.encode())
    _gather(parser.close(), _HTML_MARKS, _HTML_SKIPPED, pieces)
    return _paragraphs(pieces)


def _gather(
    element: Any, marks: Mapping[str, str], skipped: set[str], pieces: list[str], *, verbatim: bool = False
) -> None:
    """Append the text in an element of lxml or odfdo; marks of paragraphs stand around their text, others for it."""
    if element.tag in skipped:
        return
    mark = marks.get(element.tag, "")
    verbatim = verbatim or element.tag == "pre"

    def add(text: str | None) -> None:
        if not verbatim:
            text = _SPACE.sub(" ", text or "")
            text = text.lstrip(" ") if pieces[-1][-1:].isspace() else text
        pieces.extend([text] if text else [])

    pieces.append(mark)
    if mark in {"", _PARAGRAPH}:
        add(element.text)
    for child in getattr(element, "children", element):  # lxml's elements are lists of theirs
        _gather(child, marks, skipped, pieces, verbatim=verbatim)
        add(child.tail)
    pieces.append(_PARAGRAPH if mark == _PARAGRAPH else "")


def read_rtf(source: Source) -> str:
    """Read by striprtf, with guards against what takes it long and against what it loses.

    Its pattern HYPERLINKS is quadratic in links (and adds their addresses), FONTTABLE in fonts that no semicolon ends
    and in digits; pictures it goes over in Python. Line breaks would end paragraphs, and cells become bars.
    """
    from striprtf.striprtf import font_table_group, rtf_to_text  # noqa: PLC0415 - seldom needed

    text = re.sub(r"[0-9a-fA-F\r\n]{128,}", "", source.data.decode("cp1252", "replace"))
    text = re.sub(r"(?i)(\\fldinst)\{", r"\1 {", text)
    if fonts := font_table_group(text):  # type: ignore[no-untyped-call]
        text = text.replace(fonts, re.sub(r"(?=\\f\d|.\Z)", ";\n", re.sub(r"\d{6,}", "", fonts)), 1)
    text = re.sub(r"(?<!\\)\\line(?![a-z]) ?", r"\\u8232{}", text)
    text = re.sub(r"(?<!\\)\\(?:nest)?cell(?![a-z])", r"\\par", text)
    return _paragraphs(rtf_to_text(text, errors="replace").replace("\n", _PARAGRAPH))  # type: ignore[no-untyped-call]
