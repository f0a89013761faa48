from marker.essays import MarkedEssay, MarkedSentence
from marker.rulings import learned


def essay(*sentences):
    return MarkedEssay("1", "food", tuple(MarkedSentence(text, points) for text, points in sentences))


def test_a_sentence_that_was_missed_is_accepted(examiner):
    own = [essay(("Pears will do as well.", ("apples",)), ("We like apples.", ("apples",)))]
    assert learned(examiner, own).points[0].accepted[-1] == "Pears will do as well."


def test_a_sentence_that_was_wrongly_credited_is_rejected(examiner):
    own = [essay(("We ate apples once.", ()), ("We slept.", ()))]
    point = learned(examiner, own).points[0]
    assert (point.accepted, point.rejected) == ((), ("We ate apples once.",))


def test_only_the_worst_misjudgements_are_kept(examiner):
    own = [essay(*((f"Fruit number {n} keeps us well.", ("apples",)) for n in range(5)), ("Apples do.", ("apples",)))]
    accepted = learned(examiner, own).points[0].accepted
    assert len(accepted) == 2
    assert "Apples do." not in accepted


def test_points_that_were_judged_alike_stay_as_they_are(examiner):
    assert learned(examiner, [essay(("We slept.", ()))]) == examiner.rubric
