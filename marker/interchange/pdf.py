"""A mark scheme to print, as a PDF by reportlab.

Latin, Greek and Cyrillic come in Noto Sans, which is embedded. Chinese is left to the reader's own fonts, and what no
font has prints as U+FFFD; a note at the end says so. Scripts from right to left are not shaped.
"""

from __future__ import annotations

import io
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from marker.interchange import sheet
from marker.rubric import Rubric

MAIN, OTHER, CHINESE = "NotoSans", "Vera", "STSong-Light"
SIGNS = ("Symbol", "ZapfDingbats")  # of every reader of PDF: arrows, Greek of formulas, ticks
MISSING = "\ufffd"
INK, SOFT, LINE = "#1b1b1f", "#55555f", "#b9b9c2"
WIDTHS = (12, 140, 17)  # of the columns, in millimetres
NOTES = {
    CHINESE: "Chinese characters need a font of your own computer. If they are blank, print the HTML mark scheme.",
    MISSING: f"{MISSING} stands for a character that this file's fonts lack. The HTML mark scheme shows it.",
}


def write(rubric: Rubric) -> bytes:
    """Write the PDF; the same rubric gives the same bytes."""
    from reportlab.lib.units import mm  # noqa: PLC0415 - heavy
    from reportlab.platypus import SimpleDocTemplate  # noqa: PLC0415

    stream = io.BytesIO()
    document = SimpleDocTemplate(
        stream,
        title=f"Mark scheme: {rubric.question}",
        lang="en",
        invariant=1,
        **{f"{side}Margin": 18 * mm for side in ("left", "right", "top", "bottom")},
    )
    document.build(_Story(rubric).flowables(), onFirstPage=_footer, onLaterPages=_footer)
    return stream.getvalue()


def _footer(canvas: Any, document: Any) -> None:
    canvas.setFont(MAIN, 8)
    canvas.drawRightString(document.pagesize[0] - document.rightMargin, document.bottomMargin / 2, str(document.page))


class _Story:
    """Lay out a rubric, and remember which fonts it fell back to."""

    def __init__(self, rubric: Rubric) -> None:
        self.sheet = sheet.sheet(rubric)
        self.rubric = rubric
        self.fallen: set[str] = set()

    def flowables(self) -> list[Any]:
        """Return what the pages hold, in order."""
        rubric = self.rubric
        facts = [rubric.subject, f"{sheet.marks(rubric.available)} available", f"version {rubric.version}"]
        story = [self.text("Mark scheme", 18), self.text(rubric.question, 12)]
        story += [self.text(" · ".join(filter(None, facts)), 9, SOFT), self._points()]
        story += self._section("Groups", "", self.sheet.limits)
        levels = [": ".join(filter(None, [f"{x.name} ({x.least}–{x.most})", x.descriptor])) for x in rubric.levels]
        story += self._section("Levels", sheet.LEVELS, levels)
        mistakes = [" – ".join(filter(None, [m.statement, m.correction])) for m in rubric.misconceptions]
        story += self._section("Misconceptions", sheet.MISCONCEPTIONS, mistakes)
        story += self._section("Model answer", "", [rubric.model_answer] if rubric.model_answer else [])
        return story + [self.text(note, 8, SOFT) for name, note in NOTES.items() if name in self.fallen]

    def _points(self) -> Any:
        from reportlab.lib.units import mm  # noqa: PLC0415
        from reportlab.platypus import LongTable  # noqa: PLC0415

        rows: list[Any] = [[self.text(head, 9, SOFT) for head in ("No.", "Point", "Marks")]]
        for entry in self.sheet.entries:
            rules = [self.text(f"{label}: {text}", 9, SOFT) for label, text in entry.rules]
            cell = [self.text(entry.point.statement, 10), *rules]
            rows.append([self.text(str(entry.number), 10), cell, self.text(str(entry.point.marks), 10)])
        lines = [("GRID", (0, 0), (-1, -1), 0.5, LINE), ("VALIGN", (0, 0), (-1, -1), "TOP")]
        widths = [width * mm for width in WIDTHS]  # a row longer than a page goes on on the next
        return LongTable(rows, colWidths=widths, repeatRows=1, splitInRow=1, style=lines, spaceBefore=6, spaceAfter=6)

    def _section(self, title: str, about: str, texts: Any) -> list[Any]:
        if not texts:
            return []
        heads = [self.text(title, 13, keep=True), *([self.text(about, 9, SOFT, keep=True)] if about else [])]
        return heads + [self.text(text, 10) for text in texts]

    def text(self, text: str, size: float, colour: str = INK, *, keep: bool = False) -> Any:
        """Return a paragraph of `size` points; `keep` holds it on the page of what follows."""
        from reportlab.lib.styles import ParagraphStyle  # noqa: PLC0415
        from reportlab.platypus import Paragraph  # noqa: PLC0415

        space = size / 2 if size > 10 else 1
        style = ParagraphStyle(
            "text", fontName=MAIN, fontSize=size, leading=size * 1.35, textColor=colour,
            spaceBefore=space, spaceAfter=space, keepWithNext=keep,
        )  # fmt: skip
        return Paragraph(self._marked_up(text), style)

    def _marked_up(self, text: str) -> str:
        """Escape text, and name the font of each run that the main one cannot show."""
        pieces = []
        for font, characters in groupby(text, _font):
            run = "".join(characters)
            self.fallen.add(font)
            shown = MISSING * len(run) if font == MISSING else escape(run)
            pieces.append(shown if font in {MAIN, MISSING} else f'<font name="{font}">{shown}</font>')
        return "".join(pieces)


def _font(character: str) -> str:
    """Name the font for a character, MISSING for none."""
    for name, has in _fonts().items():
        if ord(character) in has:
            return name
    codecs = {**{name: f"{name}Encoding" for name in SIGNS}, CHINESE: "gbk"}
    return next(
        (name for name, codec in codecs.items() if character.isprintable() and _encodes(character, codec)), MISSING
    )


def _encodes(character: str, codec: str) -> bool:
    try:
        return bool(character.encode(codec))
    except UnicodeEncodeError:
        return False


@cache
def _fonts() -> dict[str, set[int]]:
    """Register the fonts once, and return which characters each has."""
    import fontpkg_noto_sans  # noqa: PLC0415 - of files alone
    from reportlab.pdfbase import pdfmetrics  # noqa: PLC0415
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # noqa: PLC0415
    from reportlab.pdfbase.ttfonts import TTFont  # noqa: PLC0415

    files = Path(fontpkg_noto_sans.ROOT, "files")
    fonts = {MAIN: TTFont(MAIN, str(files / "NotoSans[wdth,wght].ttf")), OTHER: TTFont(OTHER, "Vera.ttf")}
    for font in (*fonts.values(), UnicodeCIDFont(CHINESE)):
        pdfmetrics.registerFont(font)
    return {name: {code for code in font.face.charToGlyph if code >= 0x20} for name, font in fonts.items()}
