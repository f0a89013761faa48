"""What the workshop keeps: working copies, samples and versions, in a real database."""

import pytest
from pretend import ESSAY, PretendExaminer

from api.store import Store
from api.workshop import SAMPLES, Conflict, Full, UnknownWork, Workshop
from marker import Rubric, RubricError

TEA = {
    "id": "tea",
    "question": "Why did tea become the drink of the British?",
    "subject": "history",
    "points": [
        {"id": "trade", "statement": "Trade with China brought tea to London.", "marks": 2},
        {"id": "boiling", "statement": "Boiling made the water safe."},
    ],
}


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'marks.db'}")
    yield store
    store.close()


@pytest.fixture
def workshop(store):
    return Workshop(store, dict, PretendExaminer)


@pytest.fixture
def work(workshop):
    return workshop.add(Rubric.from_dict(TEA), {"answers": ["Tea came by trade."]})


def edited(**changes):
    return {**TEA, "points": [{**TEA["points"][0], **changes}, TEA["points"][1]]}


def test_a_question_survives_a_restart(work, store):
    again = Workshop(store, dict, PretendExaminer).get("tea")
    assert (again.rubric, again.origin) == (work.rubric, {"answers": ["Tea came by trade."]})


def test_a_new_question_never_takes_an_id_that_is_used(store):
    workshop = Workshop(store, lambda: {"tea": Rubric.from_dict(TEA)}, PretendExaminer)
    assert [workshop.add(Rubric.from_dict(TEA)).rubric.id for _ in range(2)] == ["tea-2", "tea-3"]


def test_an_edit_keeps_what_was_before(workshop, work):
    after = workshop.save("tea", edited(marks=3))
    assert (after.rubric.points[0].marks, after.before, after.revision) == (3, work.rubric, 2)


def test_saving_without_a_change_is_no_edit(workshop, work):
    assert workshop.save("tea", TEA).revision == 1


def test_a_faulty_edit_is_refused_and_changes_nothing(workshop, work):
    with pytest.raises(RubricError, match="marks"):
        workshop.save("tea", edited(marks=0))
    assert workshop.get("tea").rubric == work.rubric


def test_an_edit_of_an_old_revision_is_refused(workshop, work):
    workshop.save("tea", edited(marks=3), 1)
    with pytest.raises(Conflict):
        workshop.save("tea", edited(marks=4), 1)


def test_an_unknown_question_is_told(workshop):
    with pytest.raises(UnknownWork):
        workshop.get("coffee")


def test_a_question_goes_with_its_samples(workshop, work):
    workshop.add_samples("tea", [ESSAY])
    workshop.remove("tea")
    assert workshop.all() == []
    workshop.add(Rubric.from_dict(TEA))
    assert workshop.samples("tea") == []


def test_a_sample_is_not_added_twice(workshop, work):
    workshop.add_samples("tea", ["One.", "One.", " "])
    workshop.add_samples("tea", ["One.", "Two."])
    assert [s.text for s in workshop.samples("tea")] == ["One.", "Two."]


@pytest.mark.parametrize("texts", [[" "], ["x" * 20_001], [str(n) for n in range(SAMPLES + 1)]])
def test_what_does_not_fit_is_refused_whole(workshop, work, texts):
    with pytest.raises(Full):
        workshop.add_samples("tea", texts)
    assert workshop.samples("tea") == []


def test_a_judgement_is_kept_and_can_be_taken_back(workshop, work):
    (sample,) = workshop.add_samples("tea", [ESSAY])
    workshop.judge("tea", sample.id, {"trade": True, "boiling": False})
    workshop.judge("tea", sample.id, {"boiling": None})
    assert [s.earned for s in workshop.samples("tea")] == [{"trade": True}]


def test_a_sample_of_another_question_is_not_touched(workshop, work):
    (sample,) = workshop.add_samples("tea", [ESSAY])
    other = workshop.add(Rubric.from_dict(TEA)).rubric.id
    for touch in (lambda: workshop.judge(other, sample.id, {}), lambda: workshop.remove_sample(other, sample.id)):
        with pytest.raises(UnknownWork):
            touch()
    assert len(workshop.samples("tea")) == 1


def test_the_effect_compares_with_the_edit_before(workshop, work):
    workshop.add_samples("tea", [ESSAY, "Nothing of that."])
    found = workshop.effect(workshop.save("tea", edited(marks=5)))
    assert [(s.before.awarded, s.mark.awarded, s.changed) for s in found.samples] == [(2, 5, True), (0, 0, False)]


def test_publishing_makes_a_version_once(workshop, work):
    assert not work.is_published
    assert workshop.publish("tea").is_published
    workshop.publish("tea")
    assert [p.rubric for p in workshop.versions("tea")] == [work.rubric]


def test_an_edit_after_publishing_does_not_change_what_students_are_marked_by(workshop, work):
    workshop.publish("tea")
    assert not workshop.save("tea", edited(marks=4)).is_published
    assert workshop.published() == {"tea": work.rubric}
    later = workshop.publish("tea").rubric
    assert workshop.published() == {"tea": later}
    assert [p.rubric for p in workshop.versions("tea")] == [later, work.rubric]


def test_what_was_published_stays_when_the_working_copy_goes(workshop, work):
    workshop.publish("tea")
    workshop.remove("tea")
    assert workshop.published() == {"tea": work.rubric}
