"""The pages of the workshop, without a browser: forms, edits, samples, versions."""

import io
import json
import logging

import pytest
from lxml import html
from pretend import ESSAY, PretendExaminer, make_app

from api import workbench_form as forms
from api.workbench_edits import halves
from marker import ModelError, Rubric

ANSWER = "The East India Company carried tea from China to London. Lower duties made tea cheap for poor families."


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path)
    yield app
    app.extensions["store"].close()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def workshop(app):
    return app.extensions["workshop"]


@pytest.fixture
def work(app, workshop):
    """The tea question of the library in the workshop, as tea-2, with what its first point came from."""
    origin = {"answers": [ANSWER], "sources": {"trade": [[0, 0, 55]]}, "left_out": [[0, 56, 104, "no claim"]]}
    return workshop.add(app.extensions["desk"].library["tea"], origin)


def token(client):
    return html.fromstring(client.get("/").text).xpath("string(//input[@name='csrf_token']/@value)")


def read(answer):
    return html.fromstring(answer.text)


def words(element):
    return " ".join(element.text_content().split())


def post(client, path, **fields):
    return client.post(path, data={"csrf_token": token(client), **fields})


def sheet(client, path="/rubrics/tea-2"):
    """The fields of the editor's form as a browser would send them."""
    form = read(client.get(path)).get_element_by_id("sheet")
    return {name: value for name, value in form.form_values() if name != "do"}


def save(client, do="save", **changes):
    return client.post("/rubrics/tea-2", data={**sheet(client), "do": do, **changes})


def ids(workshop):
    return [p.id for p in workshop.get("tea-2").rubric.points]


# The list


def test_the_page_of_every_question_leads_to_the_rubrics(client):
    assert read(client.get("/")).xpath("//header//nav/a/@href") == ["/rubrics/"]


def test_the_list_tells_what_is_published_and_what_has_changed_since(client, work, workshop):
    assert "Not published yet" in client.get("/rubrics/").text
    workshop.publish("tea-2")
    assert words(read(client.get("/rubrics/")).find_class("state")[0]) == "Published"
    save(client, **{"points-1-marks": "5"})
    assert "Changed since it was published" in client.get("/rubrics/").text


def test_what_was_changed_last_comes_first(client, work, workshop):
    workshop.add(Rubric.from_dict({**work.rubric.as_dict(), "id": "later", "question": "Later?"}))
    save(client, **{"points-1-marks": "5"})
    assert [a.text for a in read(client.get("/rubrics/")).xpath("//*[@class='works']//a")][1] == "Later?"


# Three ways in


def test_points_are_drafted_from_a_model_answer(client, workshop):
    answer = post(client, "/rubrics/draft", question="How did tea spread?", **{"answer-1": ANSWER})
    assert answer.status_code == 303
    (work,) = workshop.all()
    assert answer.headers["Location"] == f"/rubrics/{work.rubric.id}"
    assert len(work.rubric.points) == 2
    assert work.origin["answers"] == [ANSWER]


def test_the_words_of_each_drafted_point_are_shown_with_its_number(client, workshop):
    answer = post(client, "/rubrics/draft", question="How did tea spread?", **{"answer-1": ANSWER})
    page = read(client.get(answer.headers["Location"]))
    assert [m.get("data-lights") for m in page.xpath("//*[@id='origin']//mark")] == ["1", "2"]


@pytest.mark.parametrize(("field", "message"), [("question", "Write the question"), ("answer-1", "Paste at least one")])
def test_what_is_missing_for_a_draft_is_told_and_nothing_is_lost(client, field, message):
    fields = {"question": "Why <tea>?", "subject": "History", "answer-1": ANSWER, "notes": "Notes.", field: " "}
    answer = post(client, "/rubrics/draft", **fields)
    page = read(answer)
    assert answer.status_code == 422
    assert message in words(page.get_element_by_id(f"{field}-error"))
    assert page.get_element_by_id("draft-subject").get("value") == "History"
    assert page.get_element_by_id("notes").text.strip() == "Notes."


def test_an_answer_without_a_claim_is_told_beside_it(client):
    answer = post(client, "/rubrics/draft", question="Why?", **{"answer-1": "Hello."})
    assert answer.status_code == 422
    assert "nothing to draft" in words(read(answer).get_element_by_id("answer-1-error"))


def test_a_session_that_ended_keeps_the_model_answer(client):
    answer = client.post("/rubrics/draft", data={"question": "Why?", "answer-1": ANSWER})
    assert answer.status_code == 400
    assert read(answer).get_element_by_id("answer-1").text.strip() == ANSWER


def test_a_file_is_imported(client, work, workshop):
    content = json.dumps({**work.rubric.as_dict(), "id": "brought"}).encode()
    answer = post(client, "/rubrics/import", file=(io.BytesIO(content), "rubric.json"))
    assert answer.status_code == 303
    assert workshop.get("brought").rubric.points == work.rubric.points


@pytest.mark.parametrize(
    ("file", "message"), [((io.BytesIO(b"[oh"), "bad.toml"), "Bad.toml"), ((io.BytesIO(b""), ""), "Choose the file")]
)
def test_a_file_that_is_no_rubric_is_told_beside_the_field(client, file, message):
    answer = post(client, "/rubrics/import", file=file)
    assert answer.status_code == 422
    assert message in words(read(answer).get_element_by_id("file-error"))


def test_a_question_of_the_library_is_copied(client, app, workshop):
    assert post(client, "/rubrics/copy", library="tea").headers["Location"] == "/rubrics/tea-2"
    assert workshop.get("tea-2").rubric.points == app.extensions["desk"].library["tea"].points


def test_a_question_has_to_be_chosen(client):
    answer = post(client, "/rubrics/copy", library="none")
    assert answer.status_code == 422
    assert "Choose the question" in words(read(answer).get_element_by_id("library-error"))


def test_no_question_takes_the_address_of_a_form(client, work, workshop):
    content = json.dumps({**work.rubric.as_dict(), "id": "import"}).encode()
    answer = post(client, "/rubrics/import", file=(io.BytesIO(content), "r.json"))
    assert answer.headers["Location"] == "/rubrics/import-2"


# The form of the editor


def test_the_form_as_it_comes_is_no_edit(client, work, workshop):
    save(client)
    assert workshop.get("tea-2").rubric == work.rubric
    assert workshop.get("tea-2").revision == 1


def test_every_field_of_a_point_is_kept(client, work, workshop):
    fields = {
        "statement": "Say it.", "credit": "Yes.", "no_credit": "No.", "marks": "3", "hint": "What?",
        "accepted": "One.\r\nTwo.\r\n", "rejected": "Three.", "needs": "price",
    }  # fmt: skip
    save(client, **{f"points-1-{name}": value for name, value in fields.items()})
    point = workshop.get("tea-2").rubric.points[0]
    assert (point.statement, point.credit, point.no_credit, point.marks, point.hint, point.accepted) == (
        "Say it.", "Yes.", "No.", 3, "What?", ("One.", "Two."),
    )  # fmt: skip
    assert (point.rejected, point.needs) == (("Three.",), ("price",))


def test_groups_misconceptions_and_levels_are_added(client, work, workshop):
    save(
        client,
        **{
            "groups-new-id": "Any two", "groups-new-at_most": "2",
            "misconceptions-new-statement": "Tea grows in England.", "misconceptions-new-correction": "It does not.",
            "levels-new-name": "Good", "levels-new-least": "2", "levels-new-most": "5",
        },
    )  # fmt: skip
    save(client, **{"points-1-group": "any-two"})
    rubric = workshop.get("tea-2").rubric
    assert (rubric.groups[0].id, rubric.groups[0].at_most, rubric.points[0].group) == ("any-two", 2, "any-two")
    assert [m.correction for m in rubric.misconceptions] == ["It does not."]
    assert [(x.name, x.least, x.most) for x in rubric.levels] == [("Good", 2, 5)]


def test_a_group_goes_out_of_its_points_too(client, work, workshop):
    save(client, **{"groups-new-id": "pair"})
    save(client, **{"points-1-group": "pair"})
    save(client, "drop:groups-1")
    rubric = workshop.get("tea-2").rubric
    assert (rubric.groups, rubric.points[0].group) == ((), "")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("points-1-marks", "none", "Marks must be a whole number from 1 to 100."),
        ("points-2-statement", " ", "Statement is empty."),
        ("question", "", "Question is empty."),
        ("levels-new-least", "7", "Name is empty."),
    ],
)
@pytest.mark.usefixtures("work")
def test_a_wrong_edit_is_told_beside_its_field_and_loses_nothing(client, workshop, field, value, message):
    answer = save(client, **{field: value, "points-1-hint": "Kept <hint>"})
    page = read(answer)
    assert answer.status_code == 422
    assert message in " ".join(words(c) for c in page.find_class("complaint"))
    assert page.get_element_by_id("point-trade-hint").get("value") == "Kept <hint>"
    assert workshop.get("tea-2").revision == 1


@pytest.mark.parametrize("do", ["up:9", "up:x", "fly:1", "drop:points-1", "take:0-1-2"])
def test_a_button_that_is_not_there_does_nothing(client, work, workshop, do):
    assert save(client, do).status_code == 400
    assert workshop.get("tea-2").revision == 1


def test_without_a_token_nothing_is_saved_and_nothing_typed_is_lost(client, work, workshop):
    answer = save(client, csrf_token="", **{"points-1-hint": "Mine"})
    assert answer.status_code == 400
    assert read(answer).get_element_by_id("point-trade-hint").get("value") == "Mine"
    assert workshop.get("tea-2").revision == 1


def test_an_edit_of_an_old_copy_shows_both_and_overwrites_only_when_told(client, work, workshop):
    stale = {**sheet(client), "points-1-hint": "Mine"}
    save(client, **{"points-1-hint": "Theirs"})
    answer = client.post("/rubrics/tea-2", data={**stale, "do": "save"})
    page = read(answer)
    assert answer.status_code == 409
    assert "Kept now: Theirs Yours: Mine" in words(page.get_element_by_id("top"))
    assert page.get_element_by_id("point-trade-hint").get("value") == "Mine"
    client.post("/rubrics/tea-2", data={**stale, "do": page.xpath("string(//button[text()='Keep mine']/@value)")})
    assert workshop.get("tea-2").rubric.points[0].hint == "Mine"


# The buttons


@pytest.mark.parametrize(
    ("do", "order"),
    [
        ("up:2", ["price", "trade", "temperance", "boiling"]),
        ("down:1", ["price", "trade", "temperance", "boiling"]),
        ("up:1", ["trade", "price", "temperance", "boiling"]),
        ("down:4", ["trade", "price", "temperance", "boiling"]),
        ("delete:3", ["trade", "price", "boiling"]),
        ("merge:1", ["trade", "temperance", "boiling"]),
        ("merge:4", ["trade", "price", "temperance", "boiling"]),
    ],
)
def test_points_are_moved_and_taken_away(client, work, workshop, do, order):
    save(client, do)
    assert ids(workshop) == order


def test_a_button_keeps_what_was_typed_beside_it(client, work, workshop):
    save(client, "up:2", **{"points-4-hint": "Typed"})
    assert workshop.get("tea-2").rubric.points[3].hint == "Typed"


def test_the_reader_lands_at_the_point_that_was_moved(client, work):
    assert save(client, "up:2").headers["Location"] == "/rubrics/tea-2#point-price"


def test_a_point_is_added_at_the_end(client, work, workshop):
    save(client, "add", **{"new-statement": "Sugar made it sweet."})
    assert workshop.get("tea-2").rubric.points[-1].statement == "Sugar made it sweet."


def test_an_empty_point_is_not_added(client, work):
    answer = save(client, "add")
    assert answer.status_code == 422
    assert "Write what" in words(read(answer).get_element_by_id("new-statement-error"))


def test_a_merged_point_is_worth_both_and_needed_as_both(client, work, workshop):
    save(client, **{"points-4-needs": "price"})
    save(client, "merge:1")
    first, *_, last = workshop.get("tea-2").rubric.points
    assert (first.statement, first.marks) == ("The East India Company brought tea in. Lower duty made tea cheap.", 3)
    assert last.needs == ("trade",)


def test_a_point_is_split_and_its_marks_are_shared(client, work, workshop):
    save(client, "split:2", **{"points-2-statement": "Duty fell, and tea became cheap."})
    points = workshop.get("tea-2").rubric.points
    assert [(p.statement, p.marks) for p in points[1:3]] == [("Duty fell.", 1), ("Tea became cheap.", 1)]


@pytest.mark.parametrize(
    ("statement", "parts"),
    [
        ("It rained hard. It was cold.", ("It rained hard.", "It was cold.")),
        ("It rained hard and it was cold", ("It rained hard.", "It was cold.")),
        ("Bread and butter", ("Bread and butter", "")),
        ("", ("", "")),
    ],
)
def test_a_statement_is_cut_where_a_claim_ends(statement, parts):
    assert halves(statement) == parts


def test_a_statement_that_cannot_be_cut_is_told(client, work):
    answer = save(client, "split:1")
    assert "no full stop" in words(read(answer).get_element_by_id("points-1-statement-error"))


def test_the_last_point_is_not_deleted(client, work, workshop):
    for _ in range(4):
        answer = save(client, "delete:1")
    assert answer.status_code == 422
    assert ids(workshop) == ["boiling"]


def test_the_last_edit_is_undone(client, work, workshop):
    save(client, "delete:1")
    save(client, "undo")
    assert workshop.get("tea-2").rubric == work.rubric


# Where points come from


def test_what_was_left_out_is_shown_with_its_reason_and_can_become_a_point(client, work, workshop):
    page = read(client.get("/rubrics/tea-2"))
    (left,) = page.xpath("//*[@class='left-over']/li")
    assert "No claim." in words(left)
    save(client, left.find("button").get("value"))
    assert workshop.get("tea-2").rubric.points[-1].statement.startswith("Lower duties")
    page = read(client.get("/rubrics/tea-2"))
    assert page.find_class("left-over") == []
    assert [m.get("data-lights") for m in page.xpath("//*[@id='origin']//mark")] == ["1", "5"]


def test_the_words_of_a_deleted_point_are_left_out(client, work):
    save(client, "delete:1")
    assert "Its point was taken away." in words(read(client.get("/rubrics/tea-2")).find_class("left-over")[0])


def test_the_words_go_along_with_a_merge(client, work):
    save(client, "up:2")
    save(client, "merge:1")
    assert read(client.get("/rubrics/tea-2")).xpath("//*[@id='origin']//mark/@data-lights") == ["1"]


def test_the_linter_speaks_beside_the_point_and_names_it_by_number(client, work):
    alike, telling = "The East India Company brought tea in.", "Boiled water was safer?"
    save(client, **{"points-2-statement": alike, "points-4-hint": telling})
    page = read(client.get("/rubrics/tea-2"))
    assert "is too like that of point 1" in words(page.get_element_by_id("point-price-lint"))
    assert "hint gives the answer away" in words(page.get_element_by_id("point-boiling-lint"))
    assert words(page.get_element_by_id("point-trade-lint")) == ""


# Samples


def test_several_samples_are_pasted_at_once_in_their_order(client, work, workshop):
    post(client, "/rubrics/tea-2/samples", samples="One.\r\n---\r\nTwo.\n\nMore of two.\n  -----\nThree.")
    assert [s.text for s in workshop.samples("tea-2")] == ["One.", "Two.\n\nMore of two.", "Three."]


def test_files_become_samples_and_one_that_cannot_be_read_is_named(client, work, workshop):
    files = [(io.BytesIO(b"From a file."), "a.txt"), (io.BytesIO(b"\xd0\xcf\x11\xe0"), "old.doc")]
    answer = post(client, "/rubrics/tea-2/samples", samples="", files=files)
    assert answer.status_code == 422
    assert "old.doc is a document of an old kind" in words(read(answer).get_element_by_id("files-error"))
    assert [s.text for s in workshop.samples("tea-2")] == ["From a file."]


def test_nothing_pasted_is_told_beside_the_field(client, work):
    answer = post(client, "/rubrics/tea-2/samples", samples=" ")
    assert "Paste at least one answer." in words(read(answer).get_element_by_id("samples-error"))


def test_samples_that_do_not_fit_are_not_lost(client, work):
    answer = post(client, "/rubrics/tea-2/samples", samples="x" * 20_001)
    assert answer.status_code == 422
    assert read(answer).get_element_by_id("samples").text.strip() == "x" * 20_001


def test_a_file_may_be_larger_than_an_essay(app, client, work, workshop):
    app.config["MAX_CONTENT_LENGTH"] = 100_000
    large = json.dumps({"id": "1", "text": "Text.", "notes": "x" * 200_000}).encode()
    post(client, "/rubrics/tea-2/samples", files=(io.BytesIO(large), "a.jsonl"))
    assert [s.text for s in workshop.samples("tea-2")] == ["Text."]
    far_too_large = post(client, "/rubrics/tea-2/samples", files=(io.BytesIO(2 * large), "b.jsonl"))
    assert far_too_large.status_code == 413


@pytest.fixture
def sample(work, workshop):
    (sample,) = workshop.add_samples("tea-2", [ESSAY])
    return sample


def test_a_sample_shows_the_evidence_of_credited_points_alone(client, sample):
    marks = read(client.get("/rubrics/tea-2")).xpath("//*[contains(@class, 'sample')]//mark")
    assert [m.text for m in marks] == ["the East India Company ", "brought it", " cheaply once the duty fell"]


def test_a_total_is_explained_step_by_step(client, sample):
    save(client, **{"points-1-needs": "boiling"})
    steps = read(client.get("/rubrics/tea-2")).xpath("//*[contains(@class, 'sums')]//ol/li")
    assert [words(s) for s in steps] == ["Point 1 adds 0 marks: needs point 4.", "Point 2 adds 2 marks."]


def test_a_judgement_is_saved_and_its_sample_stays_unfolded(client, sample, workshop):
    fields = {"earned-trade": "yes", "earned-price": "no", "earned-boiling": "", "earned-none": "yes"}
    answer = post(client, f"/rubrics/tea-2/samples/{sample.id}/judge", **fields)
    assert workshop.samples("tea-2")[0].earned == {"trade": True, "price": False}
    assert answer.headers["Location"] == f"/rubrics/tea-2?open={sample.id}#sample-{sample.id}"
    page = read(client.get(answer.headers["Location"]))
    assert page.get_element_by_id(f"sample-{sample.id}").get("open") is not None
    assert page.get_element_by_id(f"judge-{sample.id}-trade-yes").get("checked") is not None


def test_missed_and_wrongly_credited_points_are_linked(client, sample, workshop):
    workshop.judge("tea-2", sample.id, {"trade": False, "boiling": True})
    effect = read(client.get("/rubrics/tea-2")).get_element_by_id("effect")
    assert effect.xpath(".//a/@href") == [f"#judge-{sample.id}-trade", f"#judge-{sample.id}-boiling"]
    assert [words(x) for x in effect.xpath(".//li")] == [
        "Sample 1, point 1 wrongly credited",
        "Sample 1, point 4 missed",
    ]


def test_agreement_is_told_in_words_with_its_interval_and_a_warning(client, work, workshop):
    samples = workshop.add_samples("tea-2", [ESSAY, f"Again: {ESSAY}", "Nothing of that."])
    for each in samples:
        workshop.judge("tea-2", each.id, {"trade": True, "boiling": False})
    effect = words(read(client.get("/rubrics/tea-2")).get_element_by_id("effect"))
    assert "The rubric agrees with 83% of your 6 decisions, likely between" in effect
    assert "too few" in effect


def test_the_samples_that_the_last_edit_changed_are_linked(client, sample):
    save(client, **{"points-1-marks": "4"})
    effect = read(client.get("/rubrics/tea-2")).get_element_by_id("effect")
    assert words(effect.xpath(".//li")[0]) == "Sample 1 from 3 to 6 marks"


def test_the_teachers_total_stands_beside_the_machines(client, sample, workshop):
    workshop.judge("tea-2", sample.id, dict.fromkeys(("trade", "price", "temperance", "boiling"), True))
    page = read(client.get("/rubrics/tea-2"))
    assert "3 of 5 You: 5" in words(page.get_element_by_id(f"sample-{sample.id}-facts"))


def test_a_sample_is_removed(client, sample, workshop):
    post(client, f"/rubrics/tea-2/samples/{sample.id}/remove")
    assert workshop.samples("tea-2") == []


def test_a_missing_model_does_not_stop_the_editing(tmp_path):
    def factory(rubric):
        raise ModelError("no model")

    app = make_app(tmp_path, SAMPLE_EXAMINER_FACTORY=factory)
    app.extensions["workshop"].add(app.extensions["desk"].library["tea"])
    answer = app.test_client().get("/rubrics/tea-2")
    app.extensions["store"].close()
    assert answer.status_code == 200
    assert "The marking model could not be loaded" in answer.text


# Versions


def test_publishing_saves_what_was_typed_and_makes_it_selectable(client, app, work):
    save(client, "publish", question="Why tea?")
    assert app.extensions["desk"].questions["tea-2"].question == "Why tea?"
    assert "tea-2" in read(client.get("/")).xpath("//option/@value")


def test_a_version_is_compared_with_the_working_copy(client, sample, workshop):
    version = workshop.publish("tea-2").rubric.version
    save(client, **{"points-1-marks": "4"})
    page = read(client.get(f"/rubrics/tea-2/versions/{version}"))
    differences = words(page.find_class("differences")[0])
    assert differences == "Point “The East India Company brought tea in.”: marks Then: 1 Now: 4"
    assert words(page.xpath("//tbody/tr")[0]) == "Sample 1 3 of 5 6 of 8 – Yes"


@pytest.mark.parametrize("format", ["toml", "json", "canvas", "html", "pdf"])
def test_a_rubric_is_downloaded(client, work, format):
    answer = client.get(f"/rubrics/tea-2/export/{format}")
    assert answer.status_code == 200
    assert "attachment; filename=tea-2." in answer.headers["Content-Disposition"]
    assert answer.data


def test_a_question_is_deleted(client, work, workshop):
    post(client, "/rubrics/tea-2/delete")
    assert workshop.all() == []


# Every page


@pytest.mark.parametrize(
    "path", ["/rubrics/none", "/rubrics/none/export/toml", "/rubrics/tea-2/export/h5p", "/rubrics/tea-2/versions/none"]
)
def test_what_is_not_there_is_a_404(client, work, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["none", "none/delete", "none/samples", "tea-2/samples/none/judge", "tea-2/samples/none/remove"]
)
def test_what_is_not_there_cannot_be_changed(client, work, path):
    assert post(client, f"/rubrics/{path}", samples="Text.").status_code == 404


@pytest.mark.parametrize(
    "path", ["import", "copy", "tea-2/delete", "tea-2/samples", "tea-2/samples/x/judge", "tea-2/samples/x/remove"]
)
def test_without_a_token_nothing_is_changed(client, work, path):
    assert client.post(f"/rubrics/{path}", data={"samples": "Text."}).status_code == 400


def test_hostile_text_is_shown_and_never_run(client, work, workshop):
    hostile = "<script>alert(1)</script>"
    save(client, question=hostile, **{"points-1-statement": hostile, "points-1-hint": f'">{hostile}'})
    workshop.add_samples("tea-2", [hostile])
    for path in ("/rubrics/", "/rubrics/tea-2"):
        assert "<script>" not in client.get(path).text


def test_no_sample_stands_in_the_log(client, work, caplog):
    with caplog.at_level(logging.DEBUG):
        post(client, "/rubrics/tea-2/samples", samples="my secret answer")
        client.get("/rubrics/tea-2")
    assert "secret" not in caplog.text


@pytest.fixture(params=["/rubrics/", "/rubrics/tea-2", "version"])
def any_page(request, client, sample, workshop):
    version = workshop.publish("tea-2").rubric.version
    return read(client.get(request.param.replace("version", f"/rubrics/tea-2/versions/{version}")))


def test_the_headings_of_a_page_skip_no_level(any_page):
    levels = [int(h.tag[1]) for h in any_page.xpath("//h1 | //h2 | //h3 | //h4")]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))


def test_no_id_stands_twice_and_every_label_has_its_field(any_page):
    ids = any_page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert set(any_page.xpath("//label/@for")) <= set(ids)


def test_nothing_runs_or_is_styled_inline(any_page):
    assert any_page.xpath("//script[not(@src)] | //style | //@style | //@onclick") == []


def test_a_form_that_was_read_is_the_form_that_was_shown(work):
    assert Rubric.from_dict({**forms.of_rubric(work.rubric).data(), "id": "tea-2"}) == work.rubric


def test_the_examiner_that_stands_in_is_the_one_that_marks(app, work):
    assert isinstance(app.extensions["workshop"]._examiner(work.rubric), PretendExaminer)
