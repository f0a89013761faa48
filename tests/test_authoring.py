import json

import pytest

from marker import authoring
from marker.examiner import Examiner
from marker.rubric import Rubric
from marker.scheme import RequiredPoint
from tests.conftest import PLAIN, WordReader

HEAD = 'id = "food"\nquestion = "Why do we eat?"\nmodel_answer = "We eat apples and bread."\n'
APPLES = '[[points]]\nid = "apples"\nstatement = "Apples keep doctors away."\nhint = "Which fruit?"\n'
BREAD = '[[points]]\nid = "bread"\nstatement = "Bakers fill stomachs."\n'


@pytest.fixture(autouse=True)
def small_examiner(monkeypatch):
    monkeypatch.setattr(Examiner, "load", lambda rubric, _=None: Examiner(rubric, WordReader(), PLAIN, ""))


def check(tmp_path, text, *essays):
    folder = tmp_path / "food"
    folder.mkdir()
    (folder / "rubric.toml").write_text(text)
    if essays:
        (folder / "essays.jsonl").write_text("\n".join(json.dumps(e) for e in essays))
    return authoring.check(folder)


def essay(*points, **changes):
    return {"id": "1", "question": "food", "sentences": [{"text": "A.", "points": list(points)}], **changes}


def test_sound_rubric_has_no_faults(tmp_path):
    assert check(tmp_path, HEAD + APPLES + BREAD, essay("apples", "bread")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD.replace("food", "drink") + APPLES, "id: 'drink' differs from the folder's name"),
        (HEAD + APPLES + APPLES.replace('"apples"', '"bread"'), "points.bread.statement: too like that of apples"),
        (
            HEAD + APPLES.replace("Which fruit?", "Do apples keep something away?"),
            "points.apples.hint: gives the answer",
        ),
        (HEAD + APPLES + BREAD.replace("bread", "cheese"), "points.cheese: the model answer does not earn it"),
        (HEAD.replace("eat?", "eat apples?") + APPLES, "points.apples: the bare question earns it"),
    ],
)
def test_fault_is_named(tmp_path, text, expected):
    assert any(expected in fault for fault in check(tmp_path, text))


def test_faults_of_the_file_are_reported_without_an_engine(tmp_path):
    assert any("question: missing" in f for f in check(tmp_path, 'id = "food"\n' + APPLES))


def test_point_that_no_marked_essay_earns(tmp_path):
    assert any("no marked essay earns bread" in f for f in check(tmp_path, HEAD + APPLES + BREAD, essay("apples")))


def test_unknown_point_and_question_in_essays(tmp_path):
    faults = check(tmp_path, HEAD + APPLES, essay("apples", "pears", question="drink"))
    assert any("'pears' is not a point" in f for f in faults)
    assert any("question: is 'drink'" in f for f in faults)


def test_broken_essays_file_is_a_fault(tmp_path):
    folder = tmp_path / "food"
    folder.mkdir()
    (folder / "rubric.toml").write_text(HEAD + APPLES)
    (folder / "essays.jsonl").write_text("{")
    assert any("line 1" in f for f in authoring.check(folder))


def test_hint_may_use_words_of_the_question():
    point = RequiredPoint("a", "We eat apples.", hint="Why do we eat?")
    assert not authoring.gives_away(point, Rubric("q", "Why do we eat?", (point,)).question)


def faults(points, **tables):
    rows = [{"id": id, "statement": id, **fields} for id, fields in points.items()]
    return authoring.faults_of(Rubric.from_dict({"id": "q", "question": "Why?", "points": rows, **tables}))


@pytest.mark.parametrize(
    ("points", "tables", "expected"),
    [
        ({"a": {}}, {"groups": [{"id": "g", "at_most": 1}]}, "groups.g: no point is in it"),
        ({"a": {"group": "g"}}, {"groups": [{"id": "g", "at_most": 1}]}, "groups.g: its limit is not below"),
        (
            {"a": {"group": "g"}, "b": {"group": "g", "needs": ["a"]}},
            {"groups": [{"id": "g", "exclusive": True}]},
            "points.b.needs: can't be earned",
        ),
        ({"a": {}}, {"levels": [{"name": "One", "least": 0, "most": 2}]}, "levels.One.most: more than the 1 marks"),
        ({"a": {}}, {"levels": [{"name": "One", "least": 1, "most": 1}]}, "levels: no level holds a total of 0"),
    ],
)
def test_what_cannot_be_reached_is_named(points, tables, expected):
    assert any(fault.startswith(expected) for fault in faults(points, **tables))


def test_a_scheme_that_can_be_reached_has_no_faults():
    points = {"a": {"group": "g"}, "b": {"group": "g"}, "c": {"needs": ["a"]}}
    levels = [{"name": "One", "least": 0, "most": 1}, {"name": "Two", "least": 2, "most": 2}]
    assert faults(points, groups=[{"id": "g", "at_most": 1}], levels=levels) == []
