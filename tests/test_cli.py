import csv
import io
import json
import subprocess
import sys

import pytest

from marker import cli
from marker.examiner import Examiner
from tests.conftest import ROOT

TWO = '{"id": "1", "text": "We like apples."}\n{"id": "2", "text": "It is not bread."}\n'


@pytest.fixture(autouse=True)
def small_examiner(monkeypatch, examiner):
    monkeypatch.setattr(Examiner, "load", lambda *_: examiner)


@pytest.fixture
def answers(tmp_path):
    file = tmp_path / "answers.jsonl"
    file.write_text(TWO)
    return file


def run(capsys, *arguments):
    status = cli.main([str(a) for a in arguments])
    return status, capsys.readouterr()


def test_mark_writes_an_essay_a_line(capsys, answers):
    status, output = run(capsys, "mark", "--rubric", "x", "--format", "jsonl", answers)
    lines = [json.loads(line) for line in output.out.splitlines()]
    assert status == 0
    assert [(r["id"], r["awarded"], r["available"]) for r in lines] == [("1", 2, 4), ("2", 0, 4)]


def test_same_input_gives_the_same_bytes(capsys, answers):
    first = run(capsys, "mark", "--rubric", "x", "--format", "jsonl", answers)[1].out
    assert first == run(capsys, "mark", "--rubric", "x", "--format", "jsonl", answers)[1].out


def test_essay_that_cannot_be_marked_gives_its_error_and_status_3(capsys, tmp_path):
    file = tmp_path / "answers.jsonl"
    file.write_text(TWO + "not json\n")
    status, output = run(capsys, "mark", "--rubric", "x", "--format", "jsonl", file)
    errors = [r for r in map(json.loads, output.out.splitlines()) if "error" in r]
    assert status == 3
    assert len(errors) == 1
    assert set(errors[0]) == {"id", "error"}


def test_missing_input_is_an_error_in_its_place(capsys, answers, tmp_path):
    status, output = run(capsys, "mark", "--rubric", "x", "--format", "jsonl", tmp_path / "none", answers)
    assert status == 3
    assert len(output.out.splitlines()) == 3


def test_csv_has_a_column_for_every_point(capsys, answers):
    rows = list(csv.DictReader(io.StringIO(run(capsys, "mark", "--rubric", "x", "--format", "csv", answers)[1].out)))
    assert [r["apples"] for r in rows] == ["credited", "omitted"]
    assert rows[1]["bread"] == "contradicted"


def test_csv_defuses_formulas_in_names(capsys, tmp_path):
    (tmp_path / "=cmd().txt").write_text("We like apples.")
    assert "\n'=cmd().txt," in run(capsys, "mark", "--rubric", "x", "--format", "csv", tmp_path)[1].out


def test_table_names_marks_and_points(capsys, answers):
    out = run(capsys, "mark", "--rubric", "x", answers)[1].out
    assert "2/4" in out
    assert "apples" in out


def test_out_writes_a_file(capsys, answers, tmp_path):
    status, output = run(capsys, "mark", "--rubric", "x", "--format", "jsonl", "--out", tmp_path / "o", answers)
    assert (status, output.out) == (0, "")
    assert len((tmp_path / "o").read_text().splitlines()) == 2


def test_evaluate_prints_figures_as_json(capsys, tmp_path):
    file = tmp_path / "essays.jsonl"
    sentences = [{"text": "We like apples.", "points": ["apples"]}, {"text": "Bread is good.", "points": []}]
    file.write_text(
        "".join(json.dumps({"id": str(n), "question": "food", "sentences": sentences}) + "\n" for n in "12")
    )
    status, output = run(capsys, "evaluate", "--rubric", "x", "--essays", file, "--json")
    figures = json.loads(output.out)
    assert status == 0
    assert (figures["points"]["recall"], figures["points"]["precision"]) == (1.0, 0.5)


def test_evaluate_prints_a_table(capsys, tmp_path):
    file = tmp_path / "essays.jsonl"
    file.write_text('{"id": "1", "question": "food", "sentences": [{"text": "We like apples.", "points": ["apples"]}]}')
    assert "F1 of credited" in run(capsys, "evaluate", "--rubric", "x", "--essays", file)[1].out


@pytest.mark.parametrize("arguments", [[], ["mark"], ["mark", "--rubric", "x", "--format", "xml", "y"], ["fly"]])
def test_wrong_usage_ends_with_2(arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2


def test_help_answers_without_loading_the_engine():
    load = "try: cli.main(['--help'])\nexcept SystemExit: print('spacy' in sys.modules)"
    code = f"import sys; from marker import cli\n{load}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.splitlines()[-1] == "False"


def test_broken_rubric_ends_with_2_and_its_faults(capsys, monkeypatch, tmp_path):
    monkeypatch.undo()
    status, output = run(capsys, "mark", "--rubric", tmp_path, tmp_path)
    assert status == 2
    assert "rubric.toml" in output.err
