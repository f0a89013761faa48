"""Rubrics in every format: there and back, from other platforms, broken, and hostile."""

import io
import json
import zipfile

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marker import cli, interchange
from marker.errors import MarkerError, RubricError
from marker.interchange import FORMATS
from marker.rubric import Rubric
from tests.conftest import ROOT

TWO_WAY = [f.name for f in FORMATS.values() if f.read and f.write]
SHIPPED = sorted(p.parent for p in ROOT.glob("rubrics/*/rubric.toml"))
SAMPLE = SHIPPED[:: len(SHIPPED) // 20][:20]
HEADER = (
    "Rubric Name,Criteria Name,Criteria Description,Criteria Enable Range,Rating Name,Rating Description,Rating Points"
)

# --- rubrics ---------------------------------------------------------------------------------------------------------

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
sentences = words.filter(str.strip) | st.sampled_from(
    ["\"a\", 'b'\n- c", "'=1+1", "=1+1", "# no", "x = 1", "é — 毛泽东"]
)
ids = st.from_regex(r"[a-z0-9]{1,6}([-_][a-z0-9]{1,3})?", fullmatch=True)
whole = st.integers(0, 100)


@st.composite
def rubrics(draw):
    points = draw(st.lists(ids, min_size=1, max_size=4, unique=True))
    groups = draw(st.lists(ids, max_size=2, unique=True))
    return Rubric.from_dict(
        {
            "id": draw(ids),
            "question": draw(sentences),
            "subject": draw(words),
            "model_answer": draw(words),
            "points": [
                {
                    "id": id,
                    "statement": draw(sentences),
                    "credit": draw(words),
                    "no_credit": draw(words),
                    "marks": draw(st.integers(1, 100)),
                    "hint": draw(words),
                    "accepted": draw(st.lists(sentences, max_size=2)),
                    "rejected": draw(st.lists(sentences, max_size=2)),
                    "group": draw(st.sampled_from(["", *groups])),
                    "needs": draw(st.lists(st.sampled_from(points[:number]), unique=True)) if number else [],
                }
                for number, id in enumerate(points)
            ],
            "groups": [
                {"id": id, "at_most": draw(whole), "most_marks": draw(whole), "exclusive": draw(st.booleans())}
                for id in groups
            ],
            "misconceptions": [
                {"id": id, "statement": draw(sentences), "correction": draw(words)}
                for id in draw(st.lists(ids, max_size=2, unique=True))
            ],
            "levels": [
                {"name": draw(sentences), "least": draw(st.integers(0, 50)), "most": 50, "descriptor": draw(words)}
                for _ in range(draw(st.integers(0, 2)))
            ],
        }
    )


def rubric(**fields):
    return Rubric.from_dict({"id": "q", "question": "Why?", "points": [{"id": "a", "statement": "A claim."}], **fields})


def faults(data, name, format=None):
    with pytest.raises(RubricError) as error:
        interchange.read(data if isinstance(data, bytes) else data.encode(), name, format)
    return error.value.faults


def pages(data):
    document = pypdfium2.PdfDocument(data)
    return "".join(page.get_textpage().get_text_range() for page in document)


def together(text):
    return "".join(text.split())


# --- there and back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", TWO_WAY)
@given(rubric=rubrics())
@settings(max_examples=30, deadline=None)
def test_a_rubric_comes_back_the_same(format, rubric):
    assert interchange.read(FORMATS[format].write(rubric), "rubric", format) == rubric


@pytest.mark.parametrize("format", TWO_WAY)
@pytest.mark.parametrize("folder", SAMPLE, ids=lambda p: p.name)
def test_a_shipped_rubric_comes_back_the_same(folder, format):
    shipped = Rubric.load(folder)
    assert interchange.read(FORMATS[format].write(shipped), f"rubric{FORMATS[format].suffix}") == shipped


@pytest.mark.parametrize("format", TWO_WAY)
def test_a_format_is_recognised_without_its_suffix(format):
    assert interchange.read(FORMATS[format].write(rubric()), "download") == rubric()


def test_a_suffix_that_lies_does_not_hide_the_format():
    assert interchange.read(FORMATS["canvas"].write(rubric()), "rubric.toml") == rubric()


# --- Canvas ----------------------------------------------------------------------------------------------------------


def test_canvas_gets_a_row_for_each_point():
    points = [{"id": "a", "statement": "A.", "marks": 2, "credit": "Says A."}, {"id": "b", "statement": "B."}]
    rows = FORMATS["canvas"].write(rubric(points=points)).decode()
    assert "false,Full marks,Says A.,2,No marks,,0" in rows
    assert "Why?,B." in rows


def test_canvas_template_can_be_read():
    rows = [
        f"{HEADER},Rating Name,Rating Description,Rating Points",
        "Rubric 1,Criteria 1,Criteria 1 Description,false,Rating 1,Best,2,Rating 2,None,0",
        "Rubric 1,Criteria 2,,false,Rating 1,Good,1,Rating 2,As good,1",
    ]
    found = interchange.read("\n".join(rows).encode(), "rubrics.csv")
    assert found.question == "Rubric 1"
    assert [(p.id, p.statement, p.marks, p.credit, p.no_credit) for p in found.points] == [
        ("criteria-1-criteria-1-description", "Criteria 1: Criteria 1 Description", 2, "Best", "None"),
        ("criteria-2", "Criteria 2", 1, "Good", ""),
    ]


def test_canvas_names_may_be_changed_there():
    long = "Why? " * 80
    changed = FORMATS["canvas"].write(rubric(question=long)).decode().replace("Why? ", "Wherefore? ", 1)
    assert interchange.read(changed.encode(), "rubric.csv").question.startswith("Wherefore? Why? Why?")


def test_a_spreadsheet_will_not_run_a_statement():
    rows = FORMATS["canvas"].write(rubric(points=[{"id": "a", "statement": "=1+1"}])).decode()
    assert ",'=1+1," in rows


def test_semicolons_of_a_spreadsheet_are_read():
    rows = f"{HEADER}\nWhy?,A claim.,,false,Full,,2".replace(",", ";")
    assert interchange.read(rows.encode(), "rubric.csv").available == 2


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("Why?,A,,false,Full,,2.5", "rubric.csv:3: Rating Points '2.5' must be a whole number"),
        ("Why?,A,,false,Full,,two", "rubric.csv:3: Rating Points 'two' is no number"),
        ("Why?,A,,false,Full,,0", "rubric.csv:3: has no rating with points"),
        ("Why?,A,,false,,,", "rubric.csv:3: has no rating"),
        ("Why?,,,false,Full,,1", "rubric.csv:3: Criteria Name is empty"),
        (",A,,false,Full,,1", "rubric.csv:3: Rubric Name is empty"),
        ("How?,A,,false,Full,,1", "rubric.csv:3: begins another rubric, 'How?'"),
        ('Why?,A,"id = ""A b""",false,Full,,1', "rubric.csv:3: points[2].id: 'A b' must be"),
        ('Why?,"A,,false,Full,,1', "rubric.csv:3: not valid CSV"),
    ],
)
def test_a_wrong_row_is_named_by_its_number(row, fault):
    assert faults(f"{HEADER}\nWhy?,B,,false,Full,,1\n{row}", "rubric.csv")[0].startswith(fault)


# --- H5P -------------------------------------------------------------------------------------------------------------

ESSAY = {
    "taskDescription": "<p>Explain <strong>photosynthesis</strong> &amp; light.</p>",
    "solution": {"introduction": "", "sample": "<p>Plants use light.</p>"},
    "keywords": [
        {
            "keyword": "chlorophyll",
            "alternatives": ["green pigment", "leaf green"],
            "options": {"points": 2, "feedbackMissed": "What is green?", "feedbackIncluded": "Good."},
        },
        {"keyword": "light", "options": {"points": 1}},
    ],
    "overallFeedback": [{"from": 0, "to": 50, "feedback": "Weak."}, {"from": 51, "to": 100, "feedback": "Good."}],
}


def h5p(content, name="content/content.json"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("h5p.json", "{}")
        archive.writestr(name, content)
    return stream.getvalue()


def test_h5p_keyword_becomes_a_point():
    point = interchange.read(h5p(json.dumps(ESSAY)), "leaf.h5p").points[0]
    assert (point.id, point.statement, point.marks) == ("chlorophyll", "The answer mentions chlorophyll.", 2)
    assert "“chlorophyll” or “green pigment” or “leaf green”" in point.credit
    assert point.hint == "What is green?"


def test_h5p_task_and_solution_lose_their_tags():
    found = interchange.read(h5p(json.dumps(ESSAY)), "leaf.h5p")
    assert (found.id, found.question) == ("leaf", "Explain photosynthesis & light.")
    assert found.model_answer == "Plants use light."


def test_h5p_ranges_become_levels():
    found = interchange.read(json.dumps(ESSAY).encode(), "content.json")
    assert [(x.least, x.most, x.descriptor) for x in found.levels] == [(0, 1, "Weak."), (2, 3, "Good.")]


# --- ORA -------------------------------------------------------------------------------------------------------------

OLX = """<openassessment url_name="censorship">
  <title>Censorship</title>
  <prompts><prompt><description>Should books be removed?</description></prompt></prompts>
  <rubric>
    <criterion feedback="optional">
      <name>Ideas</name><label>Ideas</label><prompt>The essay has a unifying theme.</prompt>
      <option points="0"><name>Poor</name><label>Poor</label><explanation>No main idea.</explanation></option>
      <option points="5"><name>Good</name><label>Good</label><explanation>Presents a theme.</explanation></option>
    </criterion>
    <criterion><name>Comments</name><label>Comments</label><prompt>Anything else?</prompt></criterion>
  </rubric>
</openassessment>
"""


def test_ora_criterion_becomes_a_point():
    point = interchange.read(OLX.encode(), "ora.xml").points[0]
    assert (point.id, point.statement, point.marks) == ("ideas", "The essay has a unifying theme.", 5)
    assert (point.credit, point.no_credit) == ("Presents a theme.", "No main idea.")


def test_ora_prompt_becomes_the_question():
    found = interchange.read(OLX.encode(), "ora.xml")
    assert (found.id, found.question) == ("censorship", "Should books be removed?")


def test_ora_json_gives_the_same():
    options = [
        {"points": 0, "name": "Poor", "explanation": "No main idea."},
        {"points": 5, "name": "Good", "explanation": "Presents a theme."},
    ]
    criterion = {"name": "Ideas", "label": "Ideas", "prompt": "The essay has a unifying theme.", "options": options}
    content = {"prompts": [{"description": "Should books be removed?"}], "criteria": [criterion]}
    assert interchange.read(json.dumps(content).encode(), "censorship.json") == interchange.read(OLX.encode(), "ora")


# --- broken ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "name", "fault"),
    [
        ('id = "q"\nquestion = \n', "rubric.toml", "rubric.toml:2:12: not valid TOML"),
        ('id = "q"\nquestion = "', "rubric.toml", "rubric.toml:2"),
        (b'id = "q"\nquestion = "\xff"', "rubric.toml", "rubric.toml:2: is not text in UTF-8"),
        ('{"id": "q",\n "question" 1}', "rubric.json", "rubric.json:2:13: not valid JSON"),
        ('{"id": "\\ud800"}', "rubric.json", "rubric.json: holds half of a character"),
        ("[1]", "rubric.json", "rubric.json: holds no rubric"),
        ('{"id": "q"}', "rubric.json", "rubric.json: question: missing"),
        ("a,b\n1,2", "rubric.csv", "rubric.csv:1: is no rubric of Canvas"),
        (HEADER, "rubric.csv", "rubric.csv:1: holds no criteria"),
        (OLX.replace("</criterion>", "", 1), "ora.xml", "ora.xml:11: not valid XML"),
        (OLX.replace('points="5"', 'points="x"'), "ora.xml", "ora.xml:5: an option's points must be a whole number"),
        (OLX.replace('points="5"', 'points="500"'), "ora.xml", "ora.xml:5: points[1].marks: must be"),
        ("<a>\n</a>", "ora.xml", "ora.xml:1: holds no <rubric>"),
        ('{"keywords":\n [}', "content.json", "content.json:2:3: not valid JSON"),
        ('{"keywords": 1}', "content.json", "content.json: holds no keywords"),
        (h5p('{"keywords":\n [}'), "essay.h5p", "essay.h5p/content/content.json:2:3: not valid JSON"),
        (h5p("{}", "other.json"), "essay.h5p", "essay.h5p: holds no content/content.json"),
        (h5p("{}")[:60], "essay.h5p", "essay.h5p"),
        ("", "rubric.toml", "rubric.toml: is empty"),
        ("Just words.", "notes.txt", "notes.txt: is of no format that is known"),
        ("<!doctype html><p>", "scheme.html", "scheme.html: html is for printing"),
    ],
)
def test_a_broken_file_is_named_with_its_line(data, name, fault):
    assert faults(data, name)[0].startswith(fault)


# --- hostile ---------------------------------------------------------------------------------------------------------

LAUGHS = '<?xml version="1.0"?>\n<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>\n<rubric>&b;</rubric>'


@pytest.mark.parametrize(
    ("data", "name", "fault"),
    [
        (LAUGHS, "ora.xml", "ora.xml:2: holds a DTD"),
        ("<a>" * 20_000, "ora.xml", "ora.xml:1: not valid XML"),
        (b"Rubric Name," * (50 * 2**20 // 12), "rubric.csv", "rubric.csv: is larger than 256 kB"),
        (b"<a/>" * 2**20, "ora.xml", "ora.xml: is larger than 256 kB"),
        (h5p(b" " * 2**25), "bomb.h5p", "bomb.h5p"),
        (h5p(b" " * 2**19), "large.h5p", "large.h5p"),
        (f"{'a.' * 16_000}a = 1", "rubric.toml", "rubric.toml:1: has more dots"),
        ("a = " + "[" * 50_000, "rubric.toml", "rubric.toml: not a rubric: nests too deeply"),
        ('{"a":' * 40_000, "rubric.json", "rubric.json: nests too deeply"),
        ('{"a":' + "9" * 5000 + "}", "rubric.json", "rubric.json: holds a number of thousands of digits"),
        (json.dumps({"keywords": [{"keyword": "a"}] * 5000}), "content.json", "content.json: has more than 200 points"),
        (HEADER + "\nq,a,,,f,,1" * 9000, "rubric.csv", "rubric.csv: has more than 200 points"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 80 else "",
)
def test_a_hostile_file_is_refused(data, name, fault):
    assert faults(data, name)[0].startswith(fault)


def test_a_fault_does_not_repeat_a_hostile_value():
    assert max(map(len, faults(json.dumps({"id": "A" * 100_000}), "rubric.json"))) <= 400


# --- mark schemes ----------------------------------------------------------------------------------------------------


def test_page_escapes_markup():
    page = FORMATS["html"].write(rubric(points=[{"id": "a", "statement": "<script>alert(1)</script>"}])).decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_page_explains_groups_needs_levels_and_misconceptions():
    points = [
        {"id": "a", "statement": "A.", "group": "g"},
        {"id": "b", "statement": "B.", "group": "g", "needs": ["a"]},
    ]
    tables = {
        "groups": [{"id": "g", "at_most": 1}],
        "levels": [{"name": "Pass", "least": 1, "most": 1, "descriptor": "Enough."}],
        "misconceptions": [{"id": "m", "statement": "Wrong.", "correction": "Right."}],
    }
    page = FORMATS["html"].write(rubric(points=points, **tables)).decode()
    for told in ("g (points 1 and 2). At most 1 of them counts", "only together with point 1", "Enough.", "Right."):
        assert told in page


@given(rubric=rubrics())
@settings(max_examples=10, deadline=None)
def test_any_rubric_can_be_printed(rubric):
    assert FORMATS["html"].write(rubric).startswith(b"<!doctype html>")
    assert FORMATS["pdf"].write(rubric).startswith(b"%PDF-")


@pytest.mark.parametrize("folder", SAMPLE[:5], ids=lambda p: p.name)
def test_pdf_holds_every_statement(folder):
    shipped = Rubric.load(folder)
    text = together(pages(FORMATS["pdf"].write(shipped)))
    assert [p.id for p in shipped.points if together(p.statement) not in text] == []


def test_pdf_prints_diacritics_cyrillic_and_arrows():
    statement = "Řehoř Dvořák, Wałęsa, Ceaușescu, Жуков: A → B ≥ C."
    data = FORMATS["pdf"].write(rubric(points=[{"id": "a", "statement": statement}]))
    assert together(statement) in together(pages(data))


def test_pdf_says_what_its_fonts_lack():
    text = pages(FORMATS["pdf"].write(rubric(points=[{"id": "a", "statement": "毛泽东 \U0001f600"}])))
    assert "毛泽东 \ufffd" in text
    assert "Chinese characters need a font" in text
    assert "stands for a character" in text


def test_pdf_breaks_a_point_longer_than_a_page():
    data = FORMATS["pdf"].write(rubric(points=[{"id": "a", "statement": "word " * 5000 + "x" * 5000}]))
    assert len(pypdfium2.PdfDocument(data)) > 3


# --- the command line ------------------------------------------------------------------------------------------------


def test_command_converts_a_folder_by_suffix(tmp_path):
    out = tmp_path / "rubric.csv"
    assert cli.main(["convert", str(SAMPLE[0]), str(out)]) == 0
    assert interchange.load(out) == Rubric.load(SAMPLE[0])


def test_command_converts_by_named_formats(tmp_path):
    source, out = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_bytes(FORMATS["json"].write(rubric()))
    assert cli.main(["convert", str(source), str(out), "--from", "json", "--to", "toml"]) == 0
    assert interchange.load(out, "toml") == rubric()


@pytest.mark.parametrize(
    ("source", "out", "told"),
    [
        ("broken.json", "out.toml", "broken.json:1:2: not valid JSON"),
        ("none.json", "out.toml", "none.json: no such file"),
        ("good.json", "out.docx", "out.docx: cannot be written as a file of this name"),
        ("good.json", "out.xml", "out.xml: cannot be written as ora"),
        ("good.json", "none/out.toml", "out.toml: cannot be written: No such file"),
    ],
)
def test_command_says_what_it_cannot_convert(tmp_path, capsys, source, out, told):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "good.json").write_bytes(FORMATS["json"].write(rubric()))
    assert cli.main(["convert", str(tmp_path / source), str(tmp_path / out)]) == 2
    assert told in capsys.readouterr().err


def test_a_format_without_a_writer_is_refused():
    with pytest.raises(MarkerError, match="choose one of toml"):
        interchange.write(rubric(), "rubric.h5p")
