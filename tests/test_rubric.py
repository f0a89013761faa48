import pytest

from marker.errors import RubricError
from marker.rubric import Rubric
from tests.conftest import ROOT

POINT = {"id": "a", "statement": "A claim."}
GOOD = {"id": "q", "question": "Why?", "points": [POINT]}


def faults(data):
    with pytest.raises(RubricError) as error:
        Rubric.from_dict(data, "rubric.toml")
    return error.value.faults


def test_version_changes_with_content():
    other = {**GOOD, "points": [{**POINT, "statement": "Another claim."}]}
    assert Rubric.from_dict(GOOD).version != Rubric.from_dict(other).version


def test_version_ignores_line_wrapping():
    wrapped = {**GOOD, "question": "Why?\n"}
    assert Rubric.from_dict(GOOD).version == Rubric.from_dict(wrapped).version


def test_available_adds_up_marks():
    assert Rubric.from_dict({**GOOD, "points": [{**POINT, "marks": 3}, {"id": "b", "statement": "B."}]}).available == 4


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({**GOOD, "points": [POINT, POINT]}, "points[2].id: 'a' is used by an earlier point"),
        ({**GOOD, "colour": "red"}, "colour: unknown field"),
        ({"id": "q", "points": [POINT]}, "question: missing"),
        ({**GOOD, "points": []}, "points: give at least one"),
        ({**GOOD, "points": [{**POINT, "marks": 0}]}, "points[1].marks: must be a whole number"),
        ({**GOOD, "points": [{**POINT, "marks": True}]}, "points[1].marks: must be a whole number"),
        ({**GOOD, "points": [{"id": "a"}]}, "points[1].statement: missing"),
        ({**GOOD, "points": [{**POINT, "statement": " "}]}, "points[1].statement: is empty"),
        ({**GOOD, "id": "Bad Id"}, "id: 'Bad Id' must be"),
        ({**GOOD, "question": 3}, "question: must be text"),
        ({**GOOD, "points": [{**POINT, "accepted": "Bread."}]}, "points[1].accepted: must be a list of sentences"),
        ({**GOOD, "points": [{**POINT, "accepted": [""]}]}, "points[1].accepted: must be a list of sentences"),
    ],
)
def test_fault_names_file_field_and_reason(data, expected):
    assert any(f.startswith(f"rubric.toml: {expected}") for f in faults(data))


def test_every_fault_is_reported_at_once():
    assert len(faults({"id": "Bad Id", "points": [{"id": "a"}], "x": 1})) == 4


def test_broken_toml_names_the_file(tmp_path):
    (tmp_path / "rubric.toml").write_text("id = ")
    with pytest.raises(RubricError, match=r"rubric\.toml: not valid TOML"):
        Rubric.load(tmp_path)


def test_missing_folder_says_what_a_rubric_is(tmp_path):
    with pytest.raises(RubricError, match="a rubric is a folder that holds"):
        Rubric.load(tmp_path / "none")


@pytest.mark.parametrize("folder", sorted(p.parent for p in ROOT.glob("rubrics/*/rubric.toml")), ids=lambda p: p.name)
def test_shipped_rubric_loads_under_its_folders_name(folder):
    assert Rubric.load(folder).id == folder.name
