import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from pretend import ESSAY, make_app

from api.highlight import Span, segments
from api.pages import sureness
from marker import ModelError


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path, MAX_CONTENT_LENGTH=5000, ESSAY_LIMIT=1000)
    yield app
    app.extensions["store"].close()


@pytest.fixture
def client(app):
    return app.test_client()


def token(client):
    """The CSRF token of the client's session."""
    return html.fromstring(client.get("/").text).xpath("string(//input[@name='csrf_token']/@value)")


def hand_in(client, **fields):
    form = {"question": "tea", "text": ESSAY, "candidate": "C-7", "csrf_token": token(client)}
    return client.post("/", data={**form, **fields})


def read(answer):
    return html.fromstring(answer.text)


def words(element):
    return " ".join(element.text_content().split())


@pytest.fixture
def page(client):
    """The page of a mark that was just given."""
    return read(client.get(hand_in(client).headers["Location"]))


# The form


def test_the_form_groups_the_questions_by_subject(client):
    groups = read(client.get("/")).xpath("//optgroup")
    assert [g.get("label") for g in groups] == ["Biology", "History"]
    assert groups[1].xpath("option/text()") == ["Why did tea become the drink of the British?"]


def test_every_field_has_a_label_and_a_hint(client):
    form = read(client.get("/"))
    for name in ("question", "text", "candidate"):
        field = form.get_element_by_id(name)
        assert form.xpath(f"//label[@for='{name}']")
        assert words(form.get_element_by_id(field.get("aria-describedby")))


def test_an_essay_handed_in_is_marked(client):
    answer = hand_in(client)
    assert answer.status_code == 303
    assert re.fullmatch(r"/marks/[0-9a-f]{32}", answer.headers["Location"])


def test_without_a_token_nothing_is_marked(client, app):
    kept = []
    app.extensions["desk"].receive = kept.append
    assert hand_in(client, csrf_token="").status_code == 400
    assert not kept


def test_a_token_of_another_session_is_refused(client, app):
    assert hand_in(client, csrf_token=token(app.test_client())).status_code == 400


def test_a_form_that_outlived_its_session_keeps_its_text(client):
    page = read(hand_in(client, csrf_token=""))
    assert page.get_element_by_id("text").text.strip() == ESSAY
    assert "Your text is still here" in words(page.xpath("//*[@role='alert']")[0])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("question", "", "Choose the question"),
        ("question", "none", "There is no such question"),
        ("text", " \n ", "there is nothing to mark"),
        ("text", "x" * 1001, "1,001 characters; at most 1,000"),
        ("text", "unmarkable", "The essay is unmarkable"),
        ("candidate", "c" * 65, "at most 64 characters"),
    ],
)
def test_what_is_wrong_is_told_beside_the_field(client, field, value, message):
    answer = hand_in(client, **{field: value})
    page = read(answer)
    assert answer.status_code == 422
    assert message in words(page.get_element_by_id(f"{field}-error"))
    assert f"{field}-error" in page.get_element_by_id(field).get("aria-describedby").split()
    assert page.get_element_by_id(field).get("aria-invalid") == "true"


def test_the_summary_of_errors_links_to_the_fields(client):
    page = read(hand_in(client, question="", text=""))
    assert page.xpath("//*[@role='alert']//a/@href") == ["#question", "#text"]
    assert page.findtext("head/title").startswith("Error: ")


def test_after_an_error_nothing_has_to_be_typed_again(client):
    page = read(hand_in(client, text="\n\n  unmarkable\n", candidate="C<7>"))
    assert page.get_element_by_id("text").text == "\n\n\n  unmarkable\n"  # browsers drop the first line end
    assert page.get_element_by_id("candidate").get("value") == "C<7>"
    assert page.xpath("//option[@selected]/@value") == ["tea"]


def test_a_missing_model_keeps_the_text(tmp_path):
    def factory(rubric):
        raise ModelError("models/none: no such folder")

    app = make_app(tmp_path, EXAMINER_FACTORY=factory)
    answer = hand_in(app.test_client())
    app.extensions["store"].close()
    assert answer.status_code == 503
    assert read(answer).get_element_by_id("text").text.strip() == ESSAY


def test_a_folder_without_questions_is_told(tmp_path):
    (tmp_path / "none").mkdir()
    app = make_app(tmp_path, RUBRICS=tmp_path / "none")
    answer = app.test_client().get("/")
    app.extensions["store"].close()
    assert "There are no questions here yet" in answer.text


def test_a_form_may_hold_fifty_thousand_characters_of_any_script(tmp_path):
    app = make_app(tmp_path)
    answer = hand_in(app.test_client(), text="茶" * 50_000)
    app.extensions["store"].close()
    assert answer.status_code == 303


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(client):
    cookie = client.get("/").headers["Set-Cookie"]
    assert cookie.startswith("essay_marker=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


# The mark


def test_the_total_is_told(page):
    assert words(page.get_element_by_id("total")) == "3 of 5 marks"


def test_marks_in_doubt_are_told(page):
    assert "1 more mark is in doubt and not counted." in words(page)


def test_the_bar_has_one_cell_for_each_mark(page):
    assert page.xpath("//*[contains(@class, 'bar')]/rect/@class") == ["awarded"] * 3 + ["doubtful", "missing"]


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        (1, "Credited Very sure (97%)"),
        (2, "Credited Sure (88%)"),
        (3, "In doubt 55% likely to be earned"),
        (4, "Contradicted Sure (91%)"),
    ],
)
def test_each_point_tells_its_verdict_in_words(page, number, verdict):
    assert verdict in words(page.get_element_by_id(f"point-{number}"))


def test_each_verdict_has_an_icon(page):
    assert len(page.xpath("//*[contains(@class, 'tag')]/svg")) == 4


def test_a_point_that_is_missing_links_nowhere(client):
    page = read(
        client.get(hand_in(client, text="Nothing that matters here, at some length though.").headers["Location"])
    )
    assert "Not found Sure (93%)" in words(page.get_element_by_id("point-1"))
    assert not page.get_element_by_id("point-1").xpath(".//a")


def test_a_point_links_to_its_evidence(page):
    link = page.get_element_by_id("point-4").xpath(".//a/@href")[0]
    assert page.get_element_by_id(link[1:]).text == "nobody boiled the water"


def test_evidence_links_to_its_point(page):
    marks = page.xpath("//mark[@data-points='4']")
    assert marks[0].xpath("a/@href") == ["#point-4"]
    assert marks[0].xpath("a/@aria-label") == ["Point 4: Contradicted"]


def test_overlapping_evidence_is_cut_at_its_boundaries(page):
    marks = page.xpath("//mark[contains(@class, 'credited')][@id]")
    assert [(m.text, m.get("data-points")) for m in marks] == [
        ("the East India Company ", "1"),
        ("brought it", "1 2"),
        (" cheaply once the duty fell", "2"),
    ]


def test_the_essay_is_shown_whole(page):
    essay = page.xpath("//*[contains(@class, 'essay')]")[0]
    for number in essay.xpath(".//a"):
        number.drop_tree()
    assert essay.text_content() == ESSAY


def test_line_ends_of_the_browser_do_not_shift_the_evidence(client):
    text = ESSAY.replace("\n", "\r\n")
    page = read(client.get(hand_in(client, text=text).headers["Location"]))
    assert page.xpath("//mark[@data-points='4']")[0].text == "nobody boiled the water"


def test_why_a_teacher_should_look_is_told(client):
    page = read(client.get(hand_in(client, text="Too brief.").headers["Location"]))
    assert "A teacher should check this mark The answer has only few words." in words(page)


def test_a_doubtful_point_calls_for_a_teacher(page):
    assert "It is not clear whether the essay makes point 3." in words(page)


def test_a_clear_mark_says_so(client):
    text = "Then the East India Company brought it to every town of the land."
    assert "Nothing calls for a second look" in client.get(hand_in(client, text=text).headers["Location"]).text


def test_feedback_is_shown_in_three_parts(page):
    parts = page.xpath("//section[@class='feedback']//section")
    assert [words(p.find("h3")) for p in parts] == ["What went well", "Next steps", "To put right"]
    assert "Think of the water." in words(parts[2])


def test_the_page_tells_that_a_machine_marked(page):
    assert "A machine gave this mark" in words(page)


def test_another_essay_on_the_same_question_is_one_step_away(client, page):
    address = page.xpath("//a[text()='Mark another essay']/@href")[0]
    assert read(client.get(address)).xpath("//option[@selected]/@value") == ["tea"]


@pytest.mark.parametrize(
    ("confidence", "word"), [(1, "Very sure"), (0.9, "Sure"), (0.7, "Fairly sure"), (0.5, "Not sure"), (0, "Not sure")]
)
def test_confidence_has_a_word(confidence, word):
    assert sureness(confidence) == word


@pytest.mark.parametrize("field", ["text", "candidate"])
def test_hostile_text_is_shown_and_never_run(client, field):
    answer = client.get(hand_in(client, **{field: "<script>alert(1)</script>"}).headers["Location"])
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "<script>" not in answer.text


def test_hostile_text_is_escaped_inside_evidence_too(client):
    text = 'the East India Company brought it</mark><img src=x onerror="alert(1)">'
    assert not read(client.get(hand_in(client, text=text).headers["Location"])).xpath("//img")


# Erasing


def erase(client, page, **fields):
    form = page.xpath("//form[contains(@action, '/erase')]")[0]
    return client.post(form.get("action"), data={"csrf_token": token(client), **fields}, follow_redirects=True)


def test_erasing_goes_home_with_a_message(client, page):
    answer = erase(client, page)
    assert answer.request.path == "/"
    assert words(read(answer).xpath("//*[@role='status']")[0]) == "The essay and its mark were erased."


def test_an_erased_mark_has_no_page(client, page):
    erase(client, page)
    assert client.get(page.xpath("//form/@action")[0].removesuffix("/erase")).status_code == 404


def test_without_a_token_nothing_is_erased(client, page):
    assert erase(client, page, csrf_token="").status_code == 400
    assert client.get(page.xpath("//form/@action")[0].removesuffix("/erase")).status_code == 200


def test_a_link_cannot_erase(client, page):
    assert client.get(page.xpath("//form/@action")[0]).status_code == 405


def test_erasing_what_is_not_there_is_a_404(client):
    assert client.post("/marks/none/erase", data={"csrf_token": token(client)}).status_code == 404


# Errors and every page


def test_a_page_for_404(client):
    answer = client.get("/marks/none")
    assert (answer.status_code, words(read(answer).find(".//h1"))) == (404, "There is nothing here")


def test_a_page_for_413(client):
    answer = hand_in(client, text="x" * 6000)
    assert (answer.status_code, words(read(answer).find(".//h1"))) == (413, "That is too much text")


def test_a_page_for_500_leaks_nothing(client):
    answer = hand_in(client, text="my secret makes it crash")
    assert (answer.status_code, words(read(answer).find(".//h1"))) == (500, "Something went wrong")
    assert "secret" not in answer.text


def test_a_page_for_a_token_that_fails(client):
    answer = client.post("/marks/none/erase")
    assert (answer.status_code, words(read(answer).find(".//h1"))) == (400, "The request was not understood")


@pytest.fixture(params=["home", "errors", "mark", "missing", "problems", "problem"])
def any_page(request, client):
    if request.param == "errors":
        return hand_in(client, text="")
    if request.param == "mark":
        return client.get(hand_in(client).headers["Location"])
    return client.get(
        {"home": "/", "missing": "/none", "problems": "/problems/", "problem": "/problems/not-found"}[request.param]
    )


def test_a_page_obeys_its_own_policy(any_page):
    page = read(any_page)
    assert not page.xpath("//style | //*[@style] | //script[not(@src)] | //*[@*[starts-with(name(), 'on')]]")
    assert not [a for a in page.xpath("//link/@href | //script/@src | //img/@src") if not a.startswith("/")]


def test_a_page_has_a_language_a_title_and_one_first_heading(any_page):
    page = read(any_page)
    assert page.get("lang") == "en"
    assert page.findtext("head/title").endswith(" – Essay Marker")
    assert len(page.findall(".//h1")) == 1


def test_the_headings_of_a_page_skip_no_level(any_page):
    levels = [int(h.tag[1]) for h in read(any_page).xpath("//h1 | //h2 | //h3 | //h4")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))


def test_a_page_begins_with_a_link_to_its_content(any_page):
    page = read(any_page)
    assert page.xpath("//body//a")[0].get("href") == "#content"
    assert page.get_element_by_id("content").tag == "main"


def test_no_id_stands_twice_on_a_page(any_page):
    ids = read(any_page).xpath("//@id")
    assert len(ids) == len(set(ids))


# Overlap

TEXT = st.text(max_size=60)
SPANS = st.lists(st.builds(Span, st.integers(1, 4), st.integers(-5, 70), st.integers(-5, 70)), max_size=8)


@given(TEXT, SPANS)
def test_the_segments_put_together_are_the_text(text, spans):
    assert "".join(s.text for s in segments(text, spans)) == text


@given(TEXT, SPANS)
def test_no_segment_is_empty(text, spans):
    assert all(s.text for s in segments(text, spans))


@given(TEXT, SPANS)
def test_every_character_carries_the_points_that_claim_it(text, spans):
    carried = [s.points for s in segments(text, spans) for _ in s.text]
    assert carried == [tuple(sorted({s.point for s in spans if s.start <= i < s.end})) for i in range(len(text))]


@given(TEXT, SPANS)
def test_a_number_stands_where_its_evidence_ends(text, spans):
    pieces = segments(text, spans)
    following = [set(piece.points) for piece in pieces[1:]] + [set()]
    for piece, after in zip(pieces, following, strict=False):
        assert set(piece.closes) == set(piece.points) - after


def test_the_number_of_a_point_stands_once_at_the_end_of_overlapping_evidence():
    pieces = segments("abcdef", [Span(1, 0, 3), Span(1, 2, 5)])
    assert [(p.text, p.closes) for p in pieces] == [("abcde", (1,)), ("f", ())]
