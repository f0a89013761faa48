import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marker import authoring, cli
from marker.drafting import NO_CLAIM, REPEATS, RESTATES, TOO_GENERAL, Span, draft
from marker.errors import RubricError
from marker.language import sentence_spans
from marker.rubric import Rubric

QUESTION = "Explain why there was a power struggle in the USSR after Stalin's death in 1953."
NAMES = "Beria, Malenkov, Molotov and Khrushchev all sought control of the security police."
PIECES = [
    NAMES,
    "Stalin had murdered every able rival",
    "He trusted no one",
    ", and the army stayed in its barracks",
    ", while Beria commanded the secret police",
    "because nobody had been named as heir",
    "There was a power struggle.",
    "It was serious.",
    "\n\n- a list of causes",
    "until Khrushchev outmanoeuvred his frightened colleagues in 1957.",
    "\n",
    "…",
    "Their fear, which had deep roots, shaped everything",
    "«Ça» 😀",
]


def statements(answer, question=QUESTION):
    return [p.point.statement for p in draft(question, [answer]).points]


def reasons(answer, question=QUESTION):
    return {answer[x.span.start : x.span.end]: x.reason for x in draft(question, [answer]).left_out}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            "British public opinion turned against concessions, and critics in Parliament pressed him to stand firm.",
            ["British public opinion turned against concessions.", "Critics in Parliament pressed him to stand firm."],
        ),
        (
            "The public key can be published freely, while the private key is kept secret by its owner.",
            ["The public key can be published freely.", "The private key is kept secret by its owner."],
        ),
        (
            "There was a power struggle because the ministers distrusted one another deeply.",
            ["The ministers distrusted one another deeply."],
        ),
        (
            "Fierce competition between the ministers lasted until Khrushchev outmanoeuvred his remaining rivals.",
            [
                "Fierce competition between the ministers lasted.",
                "Khrushchev outmanoeuvred his remaining rivals.",
            ],
        ),
        (
            "A struggle emerged due to the lack of a clear successor and the centralised system he left behind.",
            [
                "A struggle emerged due to the lack of a clear successor.",
                "A struggle emerged due to the centralised system he left behind.",
            ],
        ),
    ],
    ids=["and", "while", "because", "until", "two causes"],
)
def test_clauses_make_one_claim_each(answer, expected):
    assert statements(answer) == expected


def test_reason_stays_with_a_claim_that_is_more_than_the_question():
    answer = "Factional rivalries intensified because the immense prize made compromise difficult."
    assert statements(answer) == [answer]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Khrushchev was born a peasant. He flattered local officials.", "Khrushchev flattered local officials."),
        ("Waves bend around the cliff. They attack weak bands of rock.", "Waves attack weak bands of rock."),
        ("The economy grew very slowly. It needed foreign machines.", "The economy needed foreign machines."),
        ("The price of bread rose. This made hungry workers angry.", "The price of bread made hungry workers angry."),
        ("Khrushchev was born a peasant. His rivals despised him.", "Khrushchev's rivals despised him."),
        ("The towns covered fields with tarmac. Their drains filled rivers.", "The towns' drains filled rivers."),
        ("The factories lacked coal. He closed many rail lines.", "He closed many rail lines."),
        ("Khrushchev flattered officials. It was dangerous to oppose them.", "It was dangerous to oppose them."),
        ("Molotov had lost. Khrushchev outwitted his rivals in 1957.", "Khrushchev outwitted his rivals in 1957."),
    ],
    ids=["he", "they", "it", "this", "his", "their", "nobody fits", "empty it", "own subject"],
)
def test_pronoun_stands_for_the_subject_before_that_agrees(answer, expected):
    assert statements(answer)[-1] == expected


def test_wrapped_line_does_not_end_a_claim():
    answer = "The ministers distrusted one another deeply and took their quarrels to the\nCentral Committee."
    assert statements(answer) == [answer.replace("\n", " ")]


def test_sentence_without_end_is_left_out():
    assert draft(QUESTION, [f"{NAMES} {'stalin killed rivals and ' * 60}"]).left_out[0].reason == NO_CLAIM


def test_list_of_names_stays_one_point_and_asks_for_any_of_them():
    (point,) = draft(QUESTION, [NAMES]).points
    assert "any 2 of Beria, Malenkov, Molotov and Khrushchev" in point.point.credit


def test_credit_names_the_names_and_dates_of_the_clause():
    (point,) = draft(QUESTION, ["Zhukov arrested his enemy in June 1957 with the help of the army."]).points
    assert "names Zhukov" in point.point.credit
    assert "1957" in point.point.credit
    assert "Zhukov" in point.point.no_credit


def test_points_that_two_answers_share_are_merged_with_both_sources():
    one, two = "Stalin left no clear successor behind him.", "Everyone agrees: Stalin left no clear successor."
    drafted = draft(QUESTION, [one, two])
    assert [{s.answer for s in p.sources} for p in drafted.points if "successor" in p.point.statement] == [{0, 1}]


def test_notes_add_sources_and_no_points():
    answer, note = (
        "Stalin left no clear successor behind him.",
        "He left no clear successor. Potatoes grow well in clay.",
    )
    (point,) = draft(QUESTION, [answer], [note]).points
    assert point.sources == (Span(0, 0, len(answer)), Span(1, 0, 27))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("There was a power struggle in the USSR after the death of Stalin.", RESTATES),
        ("The effects were serious.", TOO_GENERAL),
        ("A divided and fearful leadership.", NO_CLAIM),
        ("The army openly supported Khrushchev's new government.", REPEATS),
    ],
)
def test_what_makes_no_point_is_left_out_with_a_reason(words, reason):
    answer = f"The army supported Khrushchev's new government openly. {words}"
    assert reasons(answer) == {words: reason}


@pytest.mark.parametrize(
    ("question", "answers", "message"),
    [
        (QUESTION, [], "model answer: is empty"),
        (QUESTION, [" \n"], "model answer: is empty"),
        (QUESTION, ["There was a power struggle."], "nothing to draft a point from (restates the question)"),
        (" ", [NAMES], "question: is empty"),
    ],
)
def test_nothing_to_draft_is_refused(question, answers, message):
    with pytest.raises(RubricError) as refused:
        draft(question, answers)
    assert message in str(refused.value)


def test_drafted_rubric_is_sound():
    answer = f"{NAMES} {NAMES.replace('security police', 'army')} Łódź fell. Łódź starved in the bitter winter."
    rubric = draft(QUESTION, [answer]).rubric("power", QUESTION, "history")
    assert Rubric.from_dict(rubric.as_dict()) == rubric
    assert rubric.subject == "history"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map(" ".join))
def test_every_word_of_an_answer_is_in_a_point_or_left_out(answer):
    try:
        drafted = draft(QUESTION, [answer])
    except RubricError:
        return
    spans = [s for p in drafted.points for s in p.sources] + [x.span for x in drafted.left_out]
    assert all(s.answer == 0 and 0 <= s.start < s.end <= len(answer) for s in spans)
    covered = {i for s in spans for i in range(s.start, s.end)}
    words = {i for start, end in sentence_spans(answer) for i in range(start, end) if not answer[i].isspace()}
    assert words <= covered


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map(" ".join))
def test_statements_are_sentences_and_hints_keep_the_answer(answer):
    try:
        points = [p.point for p in draft(QUESTION, [answer, NAMES]).points]
    except RubricError:
        return
    for point in points:
        assert point.statement.endswith(".")
        assert not point.statement[0].islower()
        assert point.hint
        assert not authoring.gives_away(point, QUESTION)


def test_command_writes_a_rubric_and_prints_the_words_of_each_point(capsys, tmp_path):
    answer, out = tmp_path / "answer.txt", tmp_path / "power"
    answer.write_text(f"There was a power struggle in the USSR.\n\n{NAMES}")
    assert cli.main(["draft", "--question", QUESTION, str(answer), "--out", str(out), "--subject", "history"]) == 0
    printed = capsys.readouterr().out
    assert f"answer 1: “{NAMES}”" in printed
    assert "left out, restates the question: answer 1: “There was" in printed
    assert Rubric.load(out).id == "power"


def test_command_refuses_a_folder_that_holds_a_rubric(capsys, tmp_path):
    answer = tmp_path / "answer.txt"
    answer.write_text(NAMES)
    (tmp_path / "rubric.toml").write_text("mine")
    assert cli.main(["draft", "--question", QUESTION, str(answer), "--out", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "rubric.toml").read_text() == "mine"


def test_command_names_an_answer_that_cannot_be_read(capsys, tmp_path):
    assert cli.main(["draft", "--question", QUESTION, str(tmp_path / "none"), "--out", str(tmp_path / "x")]) == 2
    assert "none" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
