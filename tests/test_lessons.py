"""What the network is taught: every label belongs to its sentence and point, whatever is left out or spliced in."""

import random

import numpy as np
import pytest

from marker import lessons
from marker.essays import MarkedEssay, MarkedSentence, Phrase
from marker.lessons import UNKNOWN, Dealer, Lesson
from marker.mark import Verdict
from marker.matcher import packer, released
from marker.rubric import Rubric

POINTS = [
    {"id": "bread", "statement": "Bread fills the stomach.", "credit": "Says that it fills."},
    {"id": "tea", "statement": "Tea warms the hands.", "credit": "Says that it warms."},
]
RUBRIC = Rubric.from_dict({"id": "food", "question": "Why eat?", "points": POINTS})
ESSAY = MarkedEssay(
    "1",
    "food",
    (
        MarkedSentence("A loaf ends hunger.", ("bread",)),
        MarkedSentence("A cup chills the fingers.", (), ("tea",)),
        MarkedSentence("We slept."),
    ),
)
PHRASES = [Phrase("tea", "It makes palms hot.", Verdict.CREDITED), Phrase("tea", "Tea is green.", Verdict.OMITTED)]


@pytest.fixture(scope="module")
def pack():
    return packer(released() / "tokenizer.json")


@pytest.fixture
def settled(monkeypatch):
    for chance in ("GAP", "BARE", "FEWER", "SPLICED", "RULED"):
        monkeypatch.setattr(lessons, chance, 0.0)
    monkeypatch.setattr(lessons, "MEDLEYS", 0.0)


def deal(pack, phrases=(), seed=0):
    return Dealer([Lesson(RUBRIC, [ESSAY], phrases)], pack)(random.Random(seed))  # noqa: S311


def test_an_essay_keeps_its_labels(settled, pack):
    (example,) = deal(pack)
    assert example.labels.tolist() == [[1, 0], [0, 2], [0, 0]]
    assert example.whole.tolist() == [1, 2]


def test_a_sentence_left_out_takes_its_label_along(settled, pack, monkeypatch):
    monkeypatch.setattr(lessons, "GAP", 0.5)
    rows = {len(e.labels): e.labels.tolist() for seed in range(20) for e in deal(pack, seed=seed)}
    assert {1, 2, 3} == set(rows)
    assert all(row in ([1, 0], [0, 2], [0, 0]) for labels in rows.values() for row in labels)


def test_a_spliced_phrase_is_judged_against_its_own_point_only(settled, pack, monkeypatch):
    monkeypatch.setattr(lessons, "SPLICED", 1.0)
    (example,) = deal(pack, PHRASES)
    spliced = [row for row in example.labels.tolist() if UNKNOWN in row]
    assert spliced
    assert all(row.count(UNKNOWN) == 1 for row in spliced)


def test_a_medley_holds_phrases_alone(settled, pack, monkeypatch):
    monkeypatch.setattr(lessons, "MEDLEYS", 1.0)
    _, *medleys = deal(pack, PHRASES)
    judged = sorted(row for m in medleys for row in m.labels.tolist())
    # two phrases, and the points' own statements
    assert judged == sorted([[UNKNOWN, 1], [UNKNOWN, 0], [1, UNKNOWN], [UNKNOWN, 1]])


def test_fewer_points_are_asked_for_with_their_own_labels(settled, pack, monkeypatch):
    monkeypatch.setattr(lessons, "FEWER", 1.0)
    examples = [e for seed in range(20) for e in deal(pack, seed=seed)]
    columns = {tuple(e.labels[:, 0]) for e in examples if e.labels.shape[1] == 1}
    assert columns == {(1, 0, 0), (0, 2, 0)}


def test_points_stand_side_by_side(pack):
    head = pack.head("Why eat?", ["Bread fills the stomach.", "Tea warms."])
    (a, b), (c, d) = head.points
    assert head.positions[a] == head.positions[c]
    assert set(head.groups[a:b]) == {1}
    assert set(head.groups[c:d]) == {2}
    assert np.diff(head.positions[a:b]).tolist() == [1] * (b - a - 1)
