"""The formats are read alike, faults become values, and hostile files cost little."""

import html
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marker import documents
from marker.documents import DEFAULTS, READERS, Limits, read, read_bytes
from marker.documents.source import normalised
from marker.errors import DocumentError
from marker.mark import Essay

DOCUMENTS = Path(__file__).parent / "documents"
TEXT = (DOCUMENTS / "essay.txt").read_text(encoding="utf-8").strip()

WORD = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{}</w:body></w:document>'
ODF = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0">'
    "<office:body><office:text>{}</office:text></office:body></office:document-content>"
)
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ODT_TYPE = "application/vnd.oasis.opendocument.text"
DTD = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
MIB = 2**20


def pack(members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def package(parts, types, relations):
    """Build an office file of parts, their content types, and relations as `{from: {id: (type, target)}}`."""
    kinds = "".join(
        f'<Override PartName="/{name}" ContentType="application/vnd.{kind}+xml"/>' for name, kind in types.items()
    )
    default = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    parts = {"[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">{default}{kinds}</Types>', **parts}
    for name, targets in relations.items():
        each = "".join(
            f'<Relationship Id="{id}" Type="{OFFICE}/{kind}" Target="{target}"/>'
            for id, (kind, target) in targets.items()
        )
        parts[name] = f'<Relationships xmlns="{PACKAGE}/relationships">{each}</Relationships>'
    return pack(parts)


def docx(body, kind="openxmlformats-officedocument.wordprocessingml.document.main"):
    return package(
        {"word/document.xml": WORD.format(body)},
        {"word/document.xml": kind},
        {"_rels/.rels": {"r1": ("officeDocument", "word/document.xml")}},
    )


def run(text):
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def odt(body, **more):
    return pack({"mimetype": ODT_TYPE, "content.xml": ODF.format(body), **more})


def xlsx(sheets, strings="", states=None):
    """Build a workbook of sheets given as the XML of their rows."""
    names = "".join(
        f'<sheet name="{title}" sheetId="{n + 1}" state="{(states or {}).get(title, "visible")}" r:id="r{n}"/>'
        for n, title in enumerate(sheets)
    )
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/sharedStrings.xml": f'<sst xmlns="{SHEET}">{strings}</sst>',
    }
    for n, rows in enumerate(sheets.values()):
        parts[f"xl/s{n}.xml"] = f'<worksheet xmlns="{SHEET}"><sheetData>{rows}</sheetData></worksheet>'
    kind = "openxmlformats-officedocument.spreadsheetml"
    types = {"xl/workbook.xml": f"{kind}.sheet.main", "xl/sharedStrings.xml": f"{kind}.sharedStrings"}
    own = {f"r{n}": ("worksheet", f"s{n}.xml") for n in range(len(sheets))}
    book = {"r1": ("officeDocument", "xl/workbook.xml")}
    return package(parts, types, {"_rels/.rels": book, "xl/_rels/workbook.xml.rels": own})


def inline(*cells):
    return "<row>" + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in cells) + "</row>"


def pdf(content):
    """Build a one-page pdf around a content stream that is already deflated."""
    stream = b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(content), content)
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>"
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, stream]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (n, each) for n, each in enumerate(objects, 1))
    return b"%PDF-1.4\n" + body + b"trailer<</Root 1 0 R>>\n%%EOF"


def texts(name, data, limits=DEFAULTS):
    return [found.text for found in read_bytes(name, data, limits)]


def text_of(name, data, limits=DEFAULTS):
    (found,) = read_bytes(name, data, limits)
    assert isinstance(found, Essay), found
    return found.text


def reason(name, data, limits=DEFAULTS):
    (found,) = read_bytes(name, data, limits)
    assert isinstance(found, DocumentError), found
    return found.reason


# --- one essay, many formats ---


@pytest.mark.parametrize("name", ["txt", "docx", "odt", "rtf", "pdf", "html"])
def test_same_essay_gives_same_text_in_every_format(name):
    (found,) = read(DOCUMENTS / f"essay.{name}")
    assert found == Essay(f"essay.{name}", TEXT)


@pytest.mark.parametrize("name", ["essay-utf16.txt", "essay-cp1252.txt"])
def test_same_essay_gives_same_text_in_every_encoding(name):
    (found,) = read(DOCUMENTS / name)
    assert found.text == TEXT


@pytest.mark.parametrize("name", ["answers.csv", "answers.xlsx"])
def test_table_gives_an_answer_a_row_and_names_the_empty_row(name):
    first, second, empty = read(DOCUMENTS / name)
    assert first == Essay(f"{name}:2", TEXT, "c1")
    assert second == Essay(f"{name}:3", "He denounced Stalin, in “secret”, in 1956.", "c2")
    assert empty.name == f"{name}:4"
    assert "no answer" in empty.reason


def test_jsonl_gives_an_answer_a_line_and_names_the_bad_lines():
    first, second, *bad = read(DOCUMENTS / "answers.jsonl")
    assert first == Essay("a1", TEXT, "c1")
    assert second.id == "a2"
    assert [error.name for error in bad] == ["answers.jsonl:3", "answers.jsonl:4"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("corrupt.docx", "open it and save it again"),
        ("encrypted.pdf", "remove the password"),
        ("scanned.pdf", "run OCR or ask for the original"),
    ],
)
def test_unreadable_file_says_what_to_do(name, words):
    (found,) = read(DOCUMENTS / name)
    assert isinstance(found, DocumentError)
    assert found.name == name
    assert words in found.reason


# --- one class, many formats ---


def docx_file(paragraphs):
    from docx import Document

    document, buffer = Document(), io.BytesIO()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.save(buffer)
    return buffer.getvalue()


def odt_file(paragraphs):
    from odfdo import Document, Paragraph

    document, buffer = Document("text"), io.BytesIO()
    document.body.clear()
    for paragraph in paragraphs:
        document.body.append(Paragraph(paragraph))
    document.save(buffer)
    return buffer.getvalue()


def rtf_file(paragraphs):
    def escaped(letter):
        return f"\\{letter}" if letter in "\\{}" else letter if letter.isascii() else f"\\u{ord(letter)}?"

    return (r"{\rtf1\ansi " + "".join("".join(map(escaped, each)) + "\\par\n" for each in paragraphs) + "}").encode()


def html_file(paragraphs):
    body = "".join(f"<p>{html.escape(paragraph)}</p>\n" for paragraph in paragraphs)
    return f"<!DOCTYPE html><html><title>Essay</title><body>{body}</body></html>".encode()


def pdf_file(paragraphs):
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

    buffer, style = io.BytesIO(), getSampleStyleSheet()["BodyText"]
    story = [part for each in paragraphs for part in (Paragraph(html.escape(each), style), Spacer(1, 12))]
    SimpleDocTemplate(buffer).build(story)
    return buffer.getvalue()


@pytest.mark.parametrize("write", [docx_file, odt_file, rtf_file, html_file, pdf_file])
def test_class_gives_same_texts_in_every_format(write, tmp_path):
    kind = write.__name__.removesuffix("_file")
    expected = {found.id.removesuffix(".txt"): found.text for found in read(DOCUMENTS / "class")}
    for name, text in expected.items():
        (tmp_path / f"{name}.{kind}").write_bytes(write(text.split("\n\n")))
    assert len(expected) == 10
    assert {found.id.removesuffix(f".{kind}"): found.text for found in read(tmp_path)} == expected


# --- the package ---


def test_every_reader_is_listed_by_its_format():
    assert list(READERS) == ["txt", "docx", "odt", "rtf", "pdf", "html", "csv", "xlsx", "jsonl", "zip"]


def test_importing_is_cheap():
    heavy = {"lxml", "docx", "odfdo", "openpyxl", "pypdfium2", "striprtf", "charset_normalizer", "spacy"}
    code = f"import sys, marker.documents; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_package_imports_only_errors_and_mark_of_marker():
    sources = "".join(file.read_text() for file in Path(documents.__file__).parent.glob("*.py"))
    imported = set(re.findall(r"(?:from|import) (marker[.\w]*)", sources))
    assert {name for name in imported if not name.startswith("marker.documents.")} == {"marker.errors", "marker.mark"}


# --- text ---


def test_text_is_normalised_to_nfc():
    assert text_of("a.txt", unicodedata.normalize("NFD", "naïve café").encode()) == "naïve café"


def test_line_ends_become_newlines_and_trailing_spaces_go():
    assert text_of("a.txt", "one  \r\n\r\n  two\t\rthree\u2028four\n\n".encode()) == "one\n\n  two\nthree\nfour"


def test_utf16_without_a_mark_is_guessed():
    assert text_of("a.txt", "The speech shook the Party’s believers.".encode("utf-16-le")).startswith("The speech")


def test_dos_end_mark_is_no_text():
    assert text_of("a.txt", b"An essay.\x1a") == "An essay."


def test_soft_hyphens_go():
    assert text_of("a.html", "<p>co\xadoperate</p>".encode()) == "cooperate"


@pytest.mark.parametrize("data", [bytes(range(256)) * 4, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\0" * 50])
def test_binary_rubbish_is_no_text(data):
    assert "not text" in reason("a.txt", data)


@pytest.mark.parametrize("data", [b"", b" \n\t\n", "\ufeff".encode()])
def test_empty_text_is_an_error(data):
    assert "hand in" in reason("a.txt", data)


def test_long_essay_is_an_error():
    assert "longer than 10 characters" in reason("a.txt", b"eleven char", Limits(characters=10))


def test_large_file_is_an_error():
    assert "larger than" in reason("a.txt", b"x" * 101, Limits(file_size=100))


@pytest.mark.parametrize("name", ["rubric.toml", "photo.png", "essay.final version", "slides.key"])
def test_unknown_kind_says_what_to_save_it_as(name):
    assert "save it as .docx" in reason(name, b"Some text")


def test_upload_is_named_without_its_folders():
    (found,) = read_bytes("C:\\fakepath\\../essay.txt", b"An essay.")
    assert found.id == "essay.txt"


# --- formats are told by content ---


@pytest.mark.parametrize("wrong", ["doc", "txt", "html", "csv"])
@pytest.mark.parametrize("right", ["docx", "odt", "rtf", "pdf"])
def test_content_decides_the_format(right, wrong):
    assert text_of(f"essay.{wrong}", (DOCUMENTS / f"essay.{right}").read_bytes()) == TEXT


def test_html_is_told_by_its_tags():
    assert text_of("a.txt", b"\n<!-- saved --><!DOCTYPE html><body><p>One<p>Two") == "One\n\nTwo"


@pytest.mark.parametrize("suffix", ["docx", "odt", "rtf", "pdf", "xlsx", "zip"])
def test_text_under_an_office_suffix_is_damaged(suffix):
    assert reason(f"a.{suffix}", b"An essay.") == f"is damaged or not really a .{suffix}: open it and save it again"


@pytest.mark.parametrize(
    ("name", "stream", "words"),
    [
        ("a.doc", "WordDocument", "save it as .docx"),
        ("a.xls", "Workbook", "save it as .xlsx"),
        ("a.docx", "EncryptedPackage", "remove the password"),
    ],
)
def test_old_office_file_says_what_to_do(name, stream, words):
    assert words in reason(name, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + stream.encode("utf-16-le"))


@pytest.mark.parametrize(
    "members",
    [
        {"[Content_Types].xml": "<Types/>", "ppt/presentation.xml": "<p/>"},
        {"mimetype": "application/epub+zip", "book.xhtml": "<p>text</p>"},
        {"Index/Document.iwa": "x"},
    ],
)
def test_other_packages_are_not_taken_for_zips_of_essays(members):
    assert "save it as .docx" in reason("a.zip", pack(members))


# --- docx, odt, html, rtf ---


def test_docx_keeps_tables_and_breaks_in_order():
    table = f"<w:tbl><w:tr><w:tc><w:p>{run('cell')}</w:p></w:tc></w:tr></w:tbl>"
    body = f"<w:p>{run('one')}<w:r><w:br/></w:r>{run('two')}</w:p><w:p/>{table}<w:p>{run('end')}</w:p>"
    assert text_of("a.docx", docx(body)) == "one\ntwo\n\ncell\n\nend"


def test_docx_counts_tracked_insertions_and_not_deletions():
    deleted = "<w:del><w:r><w:delText>not </w:delText></w:r></w:del>"
    moved = f"<w:moveFrom>{run('moved ')}</w:moveFrom>"
    assert text_of("a.docx", docx(f"<w:p>{run('He ')}{deleted}{moved}<w:ins>{run('left')}</w:ins></w:p>")) == "He left"


def test_docx_reads_content_controls_and_text_boxes_once():
    box = f"<w:txbxContent><w:p>{run('box')}</w:p></w:txbxContent>"
    both = (
        f'<m:AlternateContent xmlns:m="m"><m:Choice>{box}</m:Choice><m:Fallback>{box}</m:Fallback></m:AlternateContent>'
    )
    body = f"<w:sdt><w:sdtContent><w:p>{run('control')}</w:p></w:sdtContent></w:sdt><w:p><w:r>{both}</w:r></w:p>"
    assert text_of("a.docx", docx(body)) == "control\n\nbox"


def test_docx_reads_equations():
    equation = '<m:r xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:t>x+1</m:t></m:r>'
    assert text_of("a.docx", docx(f"<w:p>{run('y=')}{equation}</w:p>")) == "y=x+1"


def test_docx_ignores_tab_stops_and_field_codes():
    body = f"<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:instrText>PAGE</w:instrText></w:r>{run('text')}</w:p>"
    assert text_of("a.docx", docx(body)) == "text"


def test_docx_text_around_a_text_box_keeps_its_paragraph():
    box = f"<w:r><w:txbxContent><w:p>{run('box')}</w:p></w:txbxContent></w:r>"
    assert text_of("a.docx", docx(f"<w:p>{run('one')}{box}{run('two')}</w:p>")) == "one\n\nbox\n\ntwo"


def test_document_with_macros_says_to_save_it_as_docx():
    assert "save it as .docx" in reason("a.docm", docx("", "ms-word.document.macroEnabled.main"))


def test_odt_collapses_white_space_and_counts_its_elements():
    body = (
        "<text:h>Title</text:h><text:p>one\n  <text:span>two</text:span><text:line-break/>three<text:s/>four</text:p>"
    )
    assert text_of("a.odt", odt(body)) == "Title\n\none two\nthree four"


def test_odt_leaves_out_deletions_comments_and_notes():
    deleted = "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
    note = "<text:note><text:p>note</text:p></text:note>"
    assert text_of("a.odt", odt(f"{deleted}<text:p>kept{note}</text:p>")) == "kept"


def test_odt_reads_text_boxes_and_the_text_of_links():
    box = "<draw:frame><draw:text-box><text:p>box</text:p></draw:text-box></draw:frame>"
    assert text_of("a.odt", odt(f"<text:p>{box}one <text:a>two</text:a></text:p>")) == "box\n\none two"


def test_odt_with_an_empty_part_is_read():
    assert text_of("a.odt", odt("<text:p>text</text:p>", **{"Configurations2/current.xml": ""})) == "text"


def test_encrypted_odt_says_to_remove_the_password():
    manifest = {"META-INF/manifest.xml": "<m><encryption-data/></m>"}
    assert "remove the password" in reason("a.odt", odt("", **manifest))


def test_html_drops_scripts_and_keeps_lines():
    page = b"<html><title>t</title><body>a<script>s</script> b<br>c<div>d</div><ul><li>e</ul><pre>f\n  g</pre></body>"
    assert text_of("a.html", page) == "a b\nc\n\nd\n\ne\n\nf\n  g"


def test_html_fetches_and_expands_nothing():
    page = b'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><body><p>a&x;b</body>'
    assert "root:" not in text_of("a.html", page)


def test_rtf_keeps_line_breaks_within_a_paragraph():
    assert text_of("a.rtf", rb"{\rtf1 one\line two\par three\tab four\par}") == "one\ntwo\n\nthree\tfour"


def test_rtf_link_shows_its_text_alone():
    link = rb'{\rtf1 see {\field{\*\fldinst{HYPERLINK "http://x.org"}}{\fldrslt{\ul here}}}}'
    assert text_of("a.rtf", link) == "see here"


def test_rtf_with_a_picture_is_read_without_it():
    picture = rb"{\pict\pngblip " + b"89504e47" * 1000 + b"}"
    assert text_of("a.rtf", rb"{\rtf1 before" + picture + rb" after}") == "before after"


# --- pdf ---


def test_pdf_is_unwrapped_across_pages_without_heads_and_numbers():
    (found,) = read(DOCUMENTS / "wrapped.pdf")
    assert found.text.endswith(
        "It began in 1928 and it went on to the end of 1932, and the well-known figures come from it."
    )


def test_pdf_hyphenation_is_undone_and_real_hyphens_stay():
    (found,) = read(DOCUMENTS / "wrapped.pdf")
    first, _ = found.text.split("\n\n")
    assert first == (
        "The Five-Year Plan was an industrial plan that the well-known economists drew up; "
        "it was anti-Stalinist only in part."
    )


def test_pdf_with_too_many_pages_is_an_error():
    data = (DOCUMENTS / "wrapped.pdf").read_bytes()
    assert "more than 1 pages" in reason("a.pdf", data, Limits(pages=1))


def test_pdf_bomb_is_refused():
    bomb = pdf(zlib.compress(b" " * 3 * MIB))
    assert "unpacks to more than 2 MB" in reason("a.pdf", bomb, Limits(expanded_size=2 * MIB))


def test_pdfs_are_read_from_threads():
    data = (DOCUMENTS / "essay.pdf").read_bytes()
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: text_of("a.pdf", data), range(12))) == {TEXT}


# --- tables ---


def test_csv_ids_and_candidates_come_from_their_columns():
    (found,) = read_bytes("a.csv", b"ID, Response ,candidate\nx1,An answer,c9\n")
    assert found == Essay("x1", "An answer", "c9")


def test_csv_without_a_known_header_takes_the_column_with_most_text():
    rows = b"anna,He denounced Stalin in a speech\nbert,He was removed in 1964 by colleagues\n"
    first, second = read_bytes("a.csv", rows)
    assert (first.id, first.text) == ("a.csv:1", "He denounced Stalin in a speech")
    assert second.id == "a.csv:2"


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_csv_delimiter_is_found(delimiter):
    assert texts("a.csv", f"id{delimiter}text\nx{delimiter}one, two\n".encode()) == ["one, two"]


def test_csv_lines_without_columns_stay_whole():
    assert texts("a.csv", b"Well, yes, it was\nNo, never\nPerhaps\n") == ["Well, yes, it was", "No, never", "Perhaps"]


def test_csv_answer_may_hold_lines():
    assert texts("a.csv", b'text\n"one\r\n\r\ntwo"\n') == ["one\n\ntwo"]


def test_csv_row_with_lost_quotation_marks_is_an_error():
    good, bad = read_bytes("a.csv", b'id,text\n1,"one, two"\n2,one, two\n')
    assert good.text == "one, two"
    assert (bad.name, "quotation marks" in bad.reason) == ("a.csv:3", True)


def test_csv_empty_row_is_named_and_trailing_ones_are_not():
    first, empty, last = read_bytes("a.csv", b"text\none\n\ntwo\n\n\n")
    assert (first.text, empty.name, last.id) == ("one", "a.csv:3", "a.csv:4")


def test_csv_with_a_huge_cell_keeps_the_rows_before_it():
    first, rest = read_bytes("a.csv", b"id,text\n1,one\n2," + b"x" * 140_000 + b"\n3,three\n")
    assert (first.text, rest.name) == ("one", "a.csv:3")


def test_csv_with_a_header_alone_is_an_error():
    assert "no answers" in reason("a.csv", b"id,text\n")


def test_xlsx_reads_shared_rich_and_escaped_strings():
    strings = '<si><r><t>An </t></r><r><t>answer_x000D_\nhere</t></r><rPh sb="0" eb="1"><t>phonetic</t></rPh></si>'
    rows = inline("text") + '<row r="2"><c r="A2" t="s"><v>0</v></c></row>'
    assert texts("a.xlsx", xlsx({"One": rows}, strings)) == ["An answer\nhere"]


def test_xlsx_reads_every_visible_sheet_with_a_text_column():
    sheets = {"One": inline("text") + inline("a"), "List": inline("notes"), "Two": inline("essay") + inline("b")}
    sheets["Secret"] = inline("text") + inline("c")
    found = list(read_bytes("a.xlsx", xlsx(sheets, states={"Secret": "hidden"})))
    assert [(each.id, each.text) for each in found] == [("a.xlsx:One:2", "a"), ("a.xlsx:Two:2", "b")]


def test_xlsx_with_a_far_cell_is_read_without_filling_the_sheet():
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    first, gap, last = read_bytes("a.xlsx", xlsx({"One": inline("text") + inline("a") + far}))
    assert (first.text, gap.name, last.name) == ("a", "a.xlsx:3", "a.xlsx:1048576")


def test_xlsx_with_too_many_cells_is_an_error():
    book = xlsx({"One": inline("text") + inline("a") * 5})
    assert "more than 4 cells" in reason("a.xlsx", book, Limits(cells=4))


def test_xlsx_text_repeated_by_shared_strings_is_bounded():
    rows = inline("text") + '<row><c t="s"><v>0</v></c></row>' * 1000
    book = xlsx({"One": rows}, f"<si><t>{'x' * 9000}</t></si>")
    *essays, error = read_bytes("a.xlsx", book, Limits(total_size=MIB))
    assert len(essays) < 120
    assert "in parts" in error.reason


# --- jsonl ---


@pytest.mark.parametrize(
    "line", ['{"id": "a"}', "[]", '"text"', "{", "[" * 100_000, '{"id": null, "text": "x"}', "1" * 9999]
)
def test_bad_json_line_is_named_and_the_rest_is_read(line):
    bad, good = read_bytes("a.jsonl", f'{line}\n{{"id": 7, "text": "x"}}\n'.encode())
    assert bad.name == "a.jsonl:1"
    assert good == Essay("7", "x")


def test_json_with_stray_surrogates_can_be_stored():
    (found,) = read_bytes("a.jsonl", json.dumps({"id": "a\ud800", "text": "b\ud800 \ud83d\ude00\0"}).encode())
    assert (found.id, found.text) == ("a?", "b\ufffd 😀")


def test_no_line_of_an_error_quotes_the_answer():
    found = read_bytes("a.jsonl", b'{"id": "a", "text": "private"\n')
    assert not any("private" in str(error) for error in found)


# --- folders and zips ---


@pytest.fixture
def folder(tmp_path):
    for name in ("b/two.txt", "a.txt", ".hidden/x.txt", "__MACOSX/a.txt", "~$a.docx", "b/.DS_Store"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_folder_is_walked_in_order_and_clutter_skipped(folder):
    assert [found.id for found in read(folder)] == ["a.txt", "b/two.txt"]


def test_zip_gives_the_same_ids_as_its_folder(folder):
    data = pack(
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    )
    assert list(read_bytes("class.zip", data)) == list(read(folder))


def test_zip_in_a_folder_begins_the_ids_of_its_members(tmp_path):
    (tmp_path / "class.zip").write_bytes(pack({"x/a.txt": "An essay", "b.csv": "text\nAn answer"}))
    assert [found.id for found in read(tmp_path)] == ["class.zip/b.csv:2", "class.zip/x/a.txt"]


def test_bad_file_does_not_sink_the_batch(tmp_path):
    (tmp_path / "a.docx").write_bytes(b"rubbish")
    (tmp_path / "b.txt").write_text("An essay")
    bad, good = read(tmp_path)
    assert (bad.name, good.id) == ("a.docx", "b.txt")


def test_missing_path_is_an_error():
    (found,) = read(Path("/nowhere/essay.docx"))
    assert isinstance(found, DocumentError)
    assert "check that it exists" in found.reason


def test_empty_folder_is_an_error(tmp_path):
    (found,) = read(tmp_path)
    assert "holds no files" in found.reason


def test_empty_zip_is_an_error():
    assert "holds no files" in reason("a.zip", pack({}))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    (found,) = read(tmp_path)
    assert "cannot be opened" in found.reason


@pytest.mark.parametrize("name", ["../../etc/essay.txt", "/etc/essay.txt", "C:\\essay.txt", "a\\..\\..\\essay.txt"])
def test_zip_member_that_leads_out_is_refused(name):
    bad, good = read_bytes("a.zip", pack({name: "An essay", "z.txt": "Another"}))
    assert "leads out of the zip" in bad.reason
    assert good.id == "z.txt"


def test_zip_members_of_one_name_in_composed_form():
    (found,) = read_bytes("a.zip", pack({unicodedata.normalize("NFD", "café.txt"): "An essay"}))
    assert found.id == "café.txt"


def test_encrypted_zip_member_is_an_error():
    data = bytearray(pack({"a.txt": "An essay", "b.txt": "Another"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    bad, good = read_bytes("a.zip", bytes(data))
    assert (bad.name, "password" in bad.reason, good.id) == ("a.txt", True, "b.txt")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_member_that_cannot_be_unpacked_within_bounds_is_refused(method):
    assert "packed in a rare way" in reason("a.zip", pack({"a.txt": "An essay"}, method))


# --- bombs ---


def test_zip_bomb_is_refused_and_its_neighbour_read():
    bad, good = read(DOCUMENTS / "bomb.zip")
    assert "more than 100 times its size" in bad.reason
    assert good.text == "A good essay."


def test_archive_that_promises_too_much_is_refused():
    members = {f"{n}.txt": os.urandom(MIB // 2) for n in range(5)}
    assert "unpacks to more than 2 MB" in reason("a.zip", pack(members), Limits(expanded_size=2 * MIB))


def test_archive_with_too_many_files_is_refused():
    assert "more than 3 files" in reason("a.zip", pack(dict.fromkeys("abcd", "x")), Limits(members=3))


def test_member_longer_than_its_directory_says_is_damaged():
    data = bytearray(pack({"a.txt": "x" * 50_000}))
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    assert "damaged" in reason("a.zip", bytes(data))


def test_overlapping_members_are_refused():
    data = pack({"a.txt": os.urandom(1000).hex(), "b.txt": os.urandom(1000).hex()})
    entries = [match.start() for match in re.finditer(re.escape(b"PK\x01\x02"), data)]
    large = bytearray(data)
    for entry in entries:
        large[entry + 20 : entry + 24] = (len(data) - 10).to_bytes(4, "little")
    assert "overlap" in reason("a.zip", bytes(large))


def test_zips_too_deep_are_refused():
    data = pack({"a.txt": "An essay"})
    for level in range(2):
        assert text_of("a.zip", data) == "An essay"
        data = pack({f"{level}.zip": data})
    assert "too deep" in reason("a.zip", data)


def test_everything_in_one_upload_shares_an_allowance():
    inner = pack({"a.txt": os.urandom(MIB // 4).hex()})
    outer = pack({f"{n}.zip": inner for n in range(8)})
    *_, last = read_bytes("a.zip", outer, Limits(total_size=2 * MIB, characters=MIB))
    assert "in parts" in last.reason


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", pack({"word/document.xml": DTD + WORD.format(f"<w:p>{run('&b;')}</w:p>")})),
        ("a.docx", pack({"word/document.xml": WORD.format(""), "word/styles.xml": DTD + "<x>&b;</x>"})),
        ("a.odt", pack({"mimetype": ODT_TYPE, "content.xml": DTD + ODF.format("<text:p>&b;</text:p>")})),
        ("a.xlsx", pack({"xl/workbook.xml": DTD + "<workbook>&b;</workbook>"})),
    ],
)
def test_entity_bomb_is_refused(name, data):
    assert "DTD" in reason(name, data)


def test_office_file_with_a_bomb_inside_is_refused():
    bomb = pack({"word/document.xml": WORD.format("<w:p/>" * 500_000)})
    assert "times its size" in reason("a.docx", bomb)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", docx("<w:p/>" * 100)),
        ("a.odt", odt("<text:p/>" * 100)),
        ("a.xlsx", xlsx({"One": "<row/>" * 100})),
        ("a.html", b"<p>" * 101),
    ],
)
def test_more_tags_than_a_tree_should_have_are_refused(name, data):
    assert "more than 100 tags" in reason(name, data, Limits(tags=100))


def test_html_with_many_attributes_is_read_at_once():
    assert text_of("a.html", b"<p " + b" ".join(b"a%d" % n for n in range(100_000)) + b">text") == "text"


def test_odt_that_counts_a_billion_spaces_has_one():
    assert text_of("a.odt", odt('<text:p>one<text:s text:c="999999999"/>two</text:p>')) == "one two"


def test_xlsx_row_beyond_the_last_is_not_counted_up_to():
    row = '<row r="99999999999"><c><v>1</v></c></row>'
    assert texts("a.xlsx", xlsx({"One": inline("text") + inline("a") + row})) == ["a"]


def test_xlsx_rows_that_are_wide_and_empty_are_bounded():
    rows = '<row><c r="XFD1"><v>1</v></c></row>' * 1000
    assert "more than 2,000,000 cells" in reason("a.xlsx", xlsx({"One": rows}))


@pytest.mark.parametrize(
    "data",
    [
        rb"{\rtf1" + rb"{\field{\*\fldinst{HYPERLINK " * 20_000,
        rb"{\rtf1{\fonttbl" + rb"\f1\fcharset0" * 20_000 + b"}}",
        rb"{\rtf1{\fonttbl\f1" + rb"\fcharset0 " * 20_000 + b"}}",
        rb"{\rtf1{\fonttbl\f" + b"1" * 200_000 + b"}}",
    ],
)
def test_rtf_that_makes_patterns_slow_is_read_at_once(data):
    assert "no text" in reason("a.rtf", data)


# --- anything at all ---

MAGIC = [b"", b"%PDF-1.4\n", b"PK\x03\x04", b"{\\rtf1", b"<html>", b"\xd0\xcf\x11\xe0", b"\xff\xfe", b"\xef\xbb\xbf"]
SUFFIXES = [*READERS, "doc", "xls", "png", "tsv", ""]


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(suffix=st.sampled_from(SUFFIXES), magic=st.sampled_from(MAGIC), rest=st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(suffix, magic, rest):
    assert all(isinstance(found, Essay | DocumentError) for found in read_bytes(f"a.{suffix}", magic + rest))


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), name=st.sampled_from(["essay.docx", "essay.odt", "essay.rtf", "essay.pdf", "answers.xlsx"]))
def test_damaged_files_never_raise(data, name):
    whole = bytearray((DOCUMENTS / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert all(isinstance(found, Essay | DocumentError) for found in read_bytes(name, bytes(whole)))


@settings(deadline=None)
@given(text=st.text(max_size=200))
def test_normalising_twice_changes_nothing(text):
    once = normalised(text)
    assert normalised(once) == once
