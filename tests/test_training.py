"""What is taught and held out, and what the decision makes of features; the network is trained elsewhere (torch)."""

import json

import numpy as np
import pytest

from marker import training
from marker.decision import Logistic, expand
from marker.essays import MarkedEssay, MarkedSentence, Phrase
from marker.features import FEATURES
from marker.mark import Verdict
from marker.matcher import Readings
from marker.rubric import Rubric

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


def test_all_files_of_a_folder_teach_it(library):
    (lesson,) = training.load(library)
    assert [e.id for e in lesson.essays] == ["c", "d", "a", "b"]
    assert lesson.phrases == []


def test_phrases_beside_the_essays_teach_too(library):
    row = {"point": "bread", "text": "A loaf ends hunger.", "verdict": "credited"}
    (library / "food" / "phrases.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (lesson,) = training.load(library)
    assert lesson.phrases == [Phrase("bread", "A loaf ends hunger.", Verdict.CREDITED)]


def test_a_question_with_many_essays_is_known(library, monkeypatch):
    assert training.known_questions(library) == []
    monkeypatch.setattr(training, "KNOWN", 4)
    assert training.known_questions(library) == ["food"]


def test_fresh_essays_of_the_library_take_its_rubric(library, tmp_path):
    folder = tmp_path / "fresh" / "food"
    folder.mkdir(parents=True)
    (folder / "essays.jsonl").write_text(lines("z"), encoding="utf-8")
    (question,) = training.load_fresh(tmp_path / "fresh", library)
    assert (question.rubric.id, [e.id for e in question.essays], question.known) == ("food", ["z"], False)


def trial(question, essay, *verdicts, known=False):
    """Return a trial of two points whose features show what is true of them, and no more."""
    points = [{"id": "bread", "statement": "Bread fills."}, {"id": "tea", "statement": "Tea warms."}]
    rubric = Rubric.from_dict({"id": question, "question": "Why?", "points": points})
    sentences = tuple(
        MarkedSentence("Yes.", *((p["id"],) if v == at else () for at in "+-"))
        for p, v in zip(points, verdicts, strict=True)
    )
    shown = {"+": 3.0, "-": -3.0, "0": 0.0}
    vectors = np.zeros((2, len(FEATURES)))
    vectors[:, 0] = [shown[v] for v in verdicts]
    readings = Readings((), np.zeros((0, 2, 3), np.float32), np.zeros((2, 3), np.float32))
    fresh = training.Question(rubric, (), known)
    return training.Trial(fresh, MarkedEssay(essay, question, sentences), readings, vectors)


def test_the_decision_credits_as_many_points_as_the_people_did():
    trials = [trial(f"q{n}", str(n), *verdicts) for n, verdicts in enumerate(["+0", "-0", "0+", "+-"] * 10)]
    decision = training.decide(trials, known=False)
    probability, _ = decision.probabilities(np.concatenate([t.vectors for t in trials]))
    assert (probability >= decision.thresholds.credit).mean() == pytest.approx(30 / 80)


def test_no_question_is_decided_by_what_was_learned_on_it():
    held = [
        ({t.question.rubric.id for t in part}, {t.question.rubric.id for t in rest})
        for part, rest in training._held_out([trial(q, e, *"+0") for q in "ab" for e in "12"], lambda t: t.unit)
    ]
    assert held == [({"a"}, {"b"}), ({"b"}, {"a"})]


def test_essays_on_a_known_question_are_held_out_one_by_one():
    assert trial("a", "1", *"+0", known=True).unit == "1"


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
    learned = training.fit_logistic(vectors, truth, np.ones(len(truth)))
    assert ((learned(vectors) > 0.5) == truth).mean() > 0.95
