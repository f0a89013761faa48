from marker import feedback
from marker.examiner import Examiner
from marker.mark import Essay
from marker.rubric import Rubric
from tests.conftest import PLAIN, WordReader


def write(examiner, text, **options):
    return feedback.write(examiner.rubric, examiner.mark(Essay("1", text)), **options)


def test_credit_quotes_the_students_words(examiner):
    comment = write(examiner, "We like apples.").went_well[0]
    assert (comment.point, comment.evidence.quote) == ("apples", "We like apples.")
    assert "“We like apples.”" in comment.text


def test_omitted_points_give_their_hint_and_not_the_answer(examiner):
    steps = write(examiner, "We like apples.").next_steps
    assert [c.text for c in steps] == ["What do bakers make?"]


def test_answer_is_given_where_the_teacher_says_so(examiner):
    texts = [c.text for c in write(examiner, "We like apples.", reveal=True).next_steps]
    assert "The mark scheme says: Cheese is kept milk." in texts


def test_points_worth_more_come_first(examiner):
    assert write(examiner, "We sleep.", reveal=True).next_steps[0].point == "apples"


def test_correction_says_what_the_student_wrote(examiner):
    corrections = write(examiner, "It is not bread.").corrections
    assert [c.point for c in corrections] == ["bread"]
    assert "“It is not bread.”" in corrections[0].text


def test_essay_that_earns_all_gets_no_next_step(examiner):
    written = write(examiner, "We like apples. Bread is good. So is cheese.")
    assert (len(written.went_well), written.next_steps, written.corrections) == (3, (), ())


def test_no_sentence_is_common_to_different_essays(examiner):
    def texts(essay):
        f = write(examiner, essay)
        return {c.text for c in (*f.went_well, *f.next_steps, *f.corrections)}

    assert not texts("We like apples. Bread is good. So is cheese.") & texts("It is not apples. It is not bread.")


def test_a_known_mistake_is_corrected_in_the_rubrics_words(rubric):
    mistake = {"id": "stones", "statement": "We eat stones.", "correction": "Stones are not food."}
    wrong = Rubric.from_dict({**rubric.as_dict(), "misconceptions": [mistake]})
    (comment,) = write(Examiner(wrong, WordReader(), PLAIN, ""), "We like apples. We eat stones.").corrections
    assert (comment.point, comment.text) == ("stones", "Check “We eat stones.”: Stones are not food.")


def test_long_quotes_are_cut_at_a_word(examiner):
    comment = write(examiner, "We like apples " + "and pears " * 40 + ".").went_well[0]
    assert "and …”" in comment.text


def test_plain_data_holds_offsets(examiner):
    data = write(examiner, "We like apples.").as_dict()
    assert data["went_well"][0]["evidence"] == {"start": 0, "end": 15, "quote": "We like apples."}
