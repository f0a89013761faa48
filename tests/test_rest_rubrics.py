"""The workshop's JSON API, against a real database."""

import pytest
from pretend import ESSAY, make_app

from api import rubric_schemas as schemas

CUPS = {
    "id": "cups",
    "question": "Why did cups get handles?",
    "points": [
        {"id": "trade", "statement": "Trade with China brought tea.", "marks": 2},
        {"id": "boiling", "statement": "Boiling water burns fingers.", "needs": ["trade"]},
    ],
}


@pytest.fixture
def client(tmp_path):
    app = make_app(tmp_path)
    yield app.test_client()
    app.extensions["store"].close()


@pytest.fixture
def cups(client):
    return client.post("/api/v1/rubrics", json=CUPS)


def test_a_rubric_is_kept_under_its_id(client, cups):
    assert (cups.status_code, cups.headers["Location"]) == (201, "/api/v1/rubrics/cups")
    read = client.get("/api/v1/rubrics/cups")
    assert read.json == cups.json
    assert read.json["rubric"] == CUPS
    schemas.Work.model_validate(read.json)


def test_a_taken_id_is_not_taken_over(client):
    assert client.post("/api/v1/rubrics", json={**CUPS, "id": "tea"}).json["id"] == "tea-2"


def test_rubrics_are_listed(client, cups):
    listed = client.get("/api/v1/rubrics").json
    assert [r["id"] for r in schemas.Works.model_validate(listed).model_dump()["rubrics"]] == ["cups"]


def test_an_edit_moves_the_entity_tag(client, cups):
    tag = cups.headers["ETag"]
    edit = client.put("/api/v1/rubrics/cups", json={**CUPS, "subject": "art"}, headers={"If-Match": tag})
    assert (edit.status_code, edit.json["rubric"]["subject"]) == (200, "art")
    again = client.put("/api/v1/rubrics/cups", json=CUPS, headers={"If-Match": tag})
    assert again.status_code == 412
    assert client.get("/api/v1/rubrics/cups").headers["ETag"] == edit.headers["ETag"] != tag


def test_a_removed_rubric_is_gone(client, cups):
    assert client.delete("/api/v1/rubrics/cups").status_code == 204
    assert client.get("/api/v1/rubrics/cups").status_code == 404


def test_a_published_rubric_marks_essays(client, cups):
    assert client.post("/api/v1/marks", json={"question": "cups", "text": ESSAY}).status_code == 422
    published = client.post("/api/v1/rubrics/cups/versions", json={})
    assert (published.status_code, published.json["is_published"]) == (201, True)
    mark = client.post("/api/v1/marks", json={"question": "cups", "text": ESSAY})
    assert (mark.status_code, mark.json["rubric_version"]) == (201, published.json["published_version"])


def test_a_mark_keeps_the_version_that_it_was_given_by(client, cups):
    client.post("/api/v1/rubrics/cups/versions", json={})
    old = client.post("/api/v1/marks", json={"question": "cups", "text": ESSAY}).json
    client.put("/api/v1/rubrics/cups", json={**CUPS, "points": [{**CUPS["points"][0], "marks": 5}]})
    client.post("/api/v1/rubrics/cups/versions", json={})
    assert client.get(f"/api/v1/marks/{old['id']}").json == old
    assert client.post("/api/v1/marks", json={"question": "cups", "text": ESSAY}).json["awarded"] == 5
    versions = client.get("/api/v1/rubrics/cups/versions").json
    assert len(schemas.Versions.model_validate(versions).versions) == 2


def test_publishing_an_older_revision_is_refused(client, cups):
    client.put("/api/v1/rubrics/cups", json={**CUPS, "subject": "art"})
    answer = client.post("/api/v1/rubrics/cups/versions", json={}, headers={"If-Match": cups.headers["ETag"]})
    assert answer.status_code == 412
    assert client.get("/api/v1/rubrics/cups/versions").json == {"versions": []}


@pytest.fixture
def sample(client, cups):
    (added,) = client.post("/api/v1/rubrics/cups/samples", json={"texts": [ESSAY]}).json["samples"]
    return f"/api/v1/rubrics/cups/samples/{added['id']}"


def test_a_sample_keeps_what_was_judged_of_it(client, sample):
    assert client.put(sample, json={"earned": {"trade": True, "boiling": True}}).status_code == 204
    assert client.put(sample, json={"earned": {"boiling": None}}).status_code == 204
    (kept,) = client.get("/api/v1/rubrics/cups/samples").json["samples"]
    assert (kept["text"], kept["earned"]) == (ESSAY, {"trade": True})


def test_a_removed_sample_is_gone(client, sample):
    assert client.delete(sample).status_code == 204
    assert client.put(sample, json={"earned": {}}).status_code == 404


def test_the_effect_shows_what_the_last_edit_changed(client, sample):
    client.put(sample, json={"earned": {"trade": True, "boiling": True}})
    client.put("/api/v1/rubrics/cups", json={**CUPS, "points": [{**CUPS["points"][0], "marks": 4}, CUPS["points"][1]]})
    effect = client.get("/api/v1/rubrics/cups/effect").json
    schemas.Effect.model_validate(effect)
    (found,) = effect["samples"]
    assert (found["before"], found["awarded"], found["teacher"]) == (2, 4, 5)
    assert (found["missed"], found["steps"]) == (["boiling"], [{"point": "trade", "marks": 4, "reason": ""}])
    assert (effect["decisions"], effect["agreement"]) == (2, 0.5)
    assert "too few" in effect["warning"]


def test_the_effect_compares_with_a_version(client, sample):
    version = client.post("/api/v1/rubrics/cups/versions", json={}).json["published_version"]
    for marks in (4, 6):
        points = [{**CUPS["points"][0], "marks": marks}, CUPS["points"][1]]
        client.put("/api/v1/rubrics/cups", json={**CUPS, "points": points})
    (found,) = client.get(f"/api/v1/rubrics/cups/effect?against={version}").json["samples"]
    assert (found["before"], found["awarded"]) == (2, 6)
    assert client.get("/api/v1/rubrics/cups/effect?against=none").status_code == 404
