from dataclasses import replace

import pytest

from marker.essays import Sample
from marker.examiner import Examiner
from marker.mark import Essay
from marker.samples import RememberingReader, effect
from tests.conftest import PLAIN, WordReader


class CountingReader(WordReader):
    def __init__(self):
        self.read_claims = []

    def read(self, rubric, windows):
        self.read_claims.append([c.id for c in rubric.claims])
        return super().read(rubric, windows)


@pytest.fixture
def reader():
    return CountingReader()


def examiner(rubric, reader):
    return Examiner(rubric, reader, PLAIN, "words-1")


def edited(rubric, **changes):
    return replace(rubric, points=(replace(rubric.points[0], **changes), *rubric.points[1:]))


def test_remembered_readings_give_the_same_mark(rubric, reader):
    essay = Essay("1", "We like apples every day. It is not bread that we want.")
    remembering = RememberingReader(reader)
    plain = examiner(rubric, WordReader()).mark(essay)
    assert [examiner(rubric, remembering).mark(essay) for _ in range(2)] == [plain, plain]
    assert len(reader.read_claims) == 1


def test_only_an_edited_point_is_read_anew(rubric, reader):
    remembering = RememberingReader(reader)
    essay = Essay("1", "We like apples every day.")
    examiner(rubric, remembering).mark(essay)
    examiner(edited(rubric, credit="Names a fruit."), remembering).mark(essay)
    assert reader.read_claims == [["apples", "bread", "cheese"], ["apples"]]


def test_an_edit_of_marks_reads_nothing(rubric, reader):
    remembering = RememberingReader(reader)
    essay = Essay("1", "We like apples every day.")
    examiner(rubric, remembering).mark(essay)
    assert examiner(edited(rubric, marks=5), remembering).mark(essay).awarded == 5
    assert len(reader.read_claims) == 1


def test_effect_names_missed_and_wrongly_credited_points(rubric, reader):
    sample = Sample("s", "We like apples every day.", {"apples": False, "bread": True})
    (found,) = effect(examiner(rubric, reader), [sample]).samples
    assert (found.missed, found.wrongly, found.teacher) == (("bread",), ("apples",), None)


def test_effect_shows_which_samples_an_edit_changes(rubric, reader):
    samples = [Sample("a", "We like apples every day.", {}), Sample("b", "We bake bread every day.", {})]
    before = {s.sample: s.mark for s in effect(examiner(rubric, reader), samples).samples}
    after = effect(examiner(edited(rubric, marks=1), reader), samples, before)
    assert [(s.sample, s.changed, s.before.awarded, s.mark.awarded) for s in after.samples] == [
        ("a", True, 2, 1),
        ("b", False, 1, 1),
    ]


def test_teachers_total_follows_the_scheme(rubric, reader):
    sample = Sample("s", "We sleep.", {"apples": True, "bread": True, "cheese": False})
    (found,) = effect(examiner(rubric, reader), [sample]).samples
    assert found.teacher == 3


def test_agreement_counts_only_what_the_teacher_judged(rubric, reader):
    samples = [Sample(str(n), "We like apples every day.", {"apples": n < 9, "bread": False}) for n in range(12)]
    found = effect(examiner(rubric, reader), samples)
    assert (found.decisions, found.agreement, found.warning) == (24, pytest.approx(21 / 24), "")
    low, high = found.interval
    assert 0.5 < low < 21 / 24 < high <= 1


def test_few_marked_samples_are_said_to_be_too_few(rubric, reader):
    found = effect(examiner(rubric, reader), [Sample("s", "We sleep.", {"apples": False})])
    assert "too few" in found.warning


def test_no_marked_sample_gives_no_agreement(rubric, reader):
    found = effect(examiner(rubric, reader), [Sample("s", "We sleep.", {})])
    assert (found.agreement, found.interval) == (None, None)
    assert "click the points" in found.warning
