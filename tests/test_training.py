"""What is held out, and what the decision makes of features; the network itself is trained elsewhere (torch)."""

import json

import numpy as np
import pytest

from marker import essays, training
from marker.decision import Logistic, expand

RUBRIC = 'id = "food"\nquestion = "Why eat?"\n[[points]]\nid = "bread"\nstatement = "Bread fills."\n'


def lines(*ids):
    sentences = [{"text": "Bread fills.", "points": ["bread"], "contradicts": []}]
    return "".join(json.dumps({"id": i, "question": "food", "sentences": sentences}) + "\n" for i in ids)


@pytest.fixture
def library(tmp_path):
    folder = tmp_path / "rubrics" / "food"
    folder.mkdir(parents=True)
    (folder / "rubric.toml").write_text(RUBRIC, encoding="utf-8")
    (folder / "essays.jsonl").write_text(lines("a", "b"), encoding="utf-8")
    (folder / "essays-2.jsonl").write_text(lines("c", "d"), encoding="utf-8")
    return tmp_path / "rubrics"


@pytest.fixture
def start(tmp_path, library):
    folder = tmp_path / "old"
    folder.mkdir()
    data = {"food/essays.jsonl": essays.digest(library / "food" / "essays.jsonl")}
    (folder / "config.json").write_text(json.dumps({"training_data": data}), encoding="utf-8")
    return folder


def test_without_a_start_no_essay_is_known(library):
    (question,) = training.load(library)
    assert [e.id for e in question.essays] == ["c", "d", "a", "b"]
    assert question.known == frozenset()


def test_essays_that_the_start_was_taught_are_known_by_their_files_digest(library, start):
    (question,) = training.load(library, start)
    assert question.known == {"a", "b"}


def test_known_essays_are_held_out_in_neither_half(library, start):
    (question,) = training.load(library, start)
    halves = {e.id: question.half(e) for e in question.essays}
    assert halves["a"] is halves["b"] is None
    assert {halves["c"], halves["d"]} <= {0, 1}


def test_a_question_with_known_essays_is_held_out_by_essay(library, start):
    assert [q.by_essay for q in training.load(library, start)] == [True]
    assert [q.by_essay for q in training.load(library)] == [False]


def test_a_changed_file_is_no_longer_known(library, start):
    (library / "food" / "essays.jsonl").write_text(lines("a", "b", "e"), encoding="utf-8")
    (question,) = training.load(library, start)
    assert question.known == frozenset()


def test_expanded_features_are_standardised_then_multiplied_by_two():
    expanded = expand(np.array([[3.0, 5.0]]), np.array([1.0, 1.0]), np.array([2.0, 2.0]))
    assert expanded.tolist() == [[1, 2, 1, 2, 4]]


def test_a_feature_far_outside_counts_no_more_than_its_limit():
    regression = Logistic((0.0,), (1.0,), (1.0, 0.0), 0.0)
    far, limit = regression(np.array([[400.0], [4.0]]))
    assert far == limit


def test_the_decision_learns_what_only_a_product_tells():
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(2000, 2))
    truth = vectors[:, 0] * vectors[:, 1] > 0
    learned = training._fit_logistic(vectors, truth)
    assert ((learned(vectors) > 0.5) == truth).mean() > 0.95


def test_a_questions_statements_each_credit_their_own_point(library):
    (question,) = training.load(library)
    (essay,) = training.stated(question).essays
    assert [(s.text, s.points) for s in essay.sentences] == [("Bread fills.", ("bread",))]
