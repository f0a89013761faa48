import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marker.language import clauses, normalise_names, sentence_spans, sentences


def split(text):
    return [text[a:b] for a, b in sentence_spans(text)]


def test_full_stops_end_sentences():
    assert split("Stalin died. Nobody was ready.") == ["Stalin died.", "Nobody was ready."]


def test_no_capital_letters():
    assert split("stalin died in march. nobody was ready for it.") == [
        "stalin died in march.",
        "nobody was ready for it.",
    ]


@pytest.mark.parametrize(
    "text",
    ["He was born c. 1894 in a village.", "The army of J. V. Stalin won.", "Some leaders, e.g. Beria, had police."],
)
def test_abbreviations_and_initials_do_not_end_sentences(text):
    assert split(text) == [text]


def test_c1953_stays_whole():
    assert split("It began c.1953 and went on.") == ["It began c.1953 and went on."]


def test_bullets_on_lines():
    assert split("- no heir named\n- secret police\n* army") == ["no heir named", "secret police", "army"]


def test_bullets_run_together_on_one_line():
    assert split("- no heir was named - the police were feared - the army waited") == [
        "no heir was named",
        "- the police were feared",
        "- the army waited",
    ]


def test_wrapped_lines_are_joined():
    assert split("The leaders could not\nagree on anything.") == ["The leaders could not\nagree on anything."]


def test_missing_full_stop_before_a_blank_line():
    assert split("First he won the Party\n\nThen he won the army") == ["First he won the Party", "Then he won the army"]


def test_long_sentences_have_clauses_that_cover_them():
    text = (
        "Stalin had ruled alone for so long that nobody knew how to share anything, and the men around him were "
        "afraid of each other, so they watched every step that the others took, because one mistake meant death."
    )
    parts = clauses(text, 0, len(text))
    assert len(parts) >= 3
    assert (parts[0][0], parts[-1][1]) == (0, len(text))


def test_short_sentences_have_no_clauses():
    assert clauses("He won, and they lost.", 0, 22) == ()


@pytest.mark.parametrize("wrong", ["Kruschev", "Khruschev", "Krushchev", "Khrushchov"])
def test_misspelt_names_are_read_as_the_name(wrong):
    assert normalise_names(f"{wrong} won.", ["Khrushchev"]) == "Khrushchev won."


def test_other_names_stay():
    assert normalise_names("Churchill and Molotov met.", ["Khrushchev", "Malenkov"]) == "Churchill and Molotov met."


def test_windows_point_at_the_text_as_handed_in():
    text = "  Kruschev won.\n\nBerya lost.  "
    windows = sentences(text, ["Khrushchev", "Beria"])
    assert [text[w.start : w.end] for w in windows] == ["Kruschev won.", "Berya lost."]
    assert windows[0].reading == "Khrushchev won."


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_ordered_spans_inside_it(text):
    spans = sentence_spans(text)
    assert all(0 <= a < b <= len(text) for a, b in spans)
    assert all(b <= c for (_, b), (c, _) in zip(spans, spans[1:], strict=False))
