import json
import logging
import re
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from flask import abort
from pretend import ESSAY, PretendExaminer, make_app

from api import problems, schemas
from api.serve import greeting, listen
from marker import MarkerError, ModelError, Rubric

GOOD = {"question": "tea", "text": ESSAY, "candidate": "C-7"}


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path, MAX_CONTENT_LENGTH=5000, ESSAY_LIMIT=1000)
    yield app
    app.extensions["store"].close()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def marked(client):
    """A mark that was just given."""
    return client.post("/api/v1/marks", json=GOOD).json


# Marking


def test_an_essay_is_marked(client):
    answer = client.post("/api/v1/marks", json=GOOD)
    assert answer.status_code == 201
    assert (answer.json["awarded"], answer.json["available"], answer.json["referred"]) == (3, 5, True)
    assert answer.json["question"] == "tea"
    assert answer.json["candidate"] == "C-7"


def test_location_is_the_address_of_the_mark(client):
    answer = client.post("/api/v1/marks", json=GOOD)
    assert answer.headers["Location"] == f"/api/v1/marks/{answer.json['id']}"
    assert client.get(answer.headers["Location"]).json == answer.json


def test_a_mark_is_as_the_schema_describes_it(marked):
    schemas.Mark.model_validate(marked)


def test_evidence_is_counted_in_characters_of_the_text(client):
    text = f"🫖 Ça alors!\r\n{ESSAY}"
    mark = client.post("/api/v1/marks", json={"question": "tea", "text": text}).json
    evidence = mark["points"][0]["evidence"][0]
    assert text[evidence["start"] : evidence["end"]] == evidence["quote"] == "the East India Company brought it"


def test_feedback_comes_in_three_parts(marked):
    feedback = marked["feedback"]
    assert [c["point"] for c in feedback["went_well"]] == ["price", "trade"]
    assert [c["point"] for c in feedback["next_steps"]] == ["temperance"]
    assert [c["point"] for c in feedback["corrections"]] == ["boiling"]
    assert feedback["corrections"][0]["evidence"]["quote"] == "nobody boiled the water"


def test_the_candidate_may_be_left_out(client):
    assert client.post("/api/v1/marks", json={"question": "tea", "text": ESSAY}).json["candidate"] is None


def test_one_essay_is_marked_at_a_time(tmp_path):
    inside, most = [], []

    class Slow(PretendExaminer):
        def mark(self, essay):
            inside.append(essay.id)
            most.append(len(inside))
            time.sleep(0.02)
            inside.remove(essay.id)
            return super().mark(essay)

    app = make_app(tmp_path, EXAMINER_FACTORY=Slow)
    threads = [
        threading.Thread(target=app.test_client().post, args=["/api/v1/marks"], kwargs={"json": GOOD | {"question": q}})
        for q in ("tea", "cells", "tea", "cells")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    app.extensions["store"].close()
    assert most == [1, 1, 1, 1]


def test_an_examiner_is_loaded_once_for_each_question(tmp_path):
    loaded = []

    def factory(rubric):
        loaded.append(rubric.id)
        return PretendExaminer(rubric)

    app = make_app(tmp_path, EXAMINER_FACTORY=factory)
    for question in ("tea", "cells", "tea"):
        app.test_client().post("/api/v1/marks", json=GOOD | {"question": question})
    app.extensions["store"].close()
    assert loaded == ["tea", "cells"]


# Keeping and erasing


def test_a_mark_survives_a_restart(app, client, marked, tmp_path):
    app.extensions["store"].close()
    again = make_app(tmp_path)
    assert again.test_client().get(f"/api/v1/marks/{marked['id']}").json == marked
    again.extensions["store"].close()


def test_an_old_mark_keeps_the_rubric_that_it_was_given_by(marked, tmp_path):
    file = tmp_path / "rubrics/tea/rubric.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('id = "boiling"', 'id = "hygiene"'), encoding="utf-8")
    again = make_app(tmp_path)
    assert again.test_client().get(f"/api/v1/marks/{marked['id']}").json == marked
    again.extensions["store"].close()


def test_an_erased_mark_is_gone(client, marked):
    assert client.delete(f"/api/v1/marks/{marked['id']}").status_code == 204
    assert client.get(f"/api/v1/marks/{marked['id']}").status_code == 404


def test_nothing_of_an_erased_essay_is_left_on_the_disk(client, marked, tmp_path):
    files = [*(tmp_path / "instance").iterdir()]
    assert any(b"Tea was strange" in file.read_bytes() for file in files)
    client.delete(f"/api/v1/marks/{marked['id']}")
    assert not any(b"Tea was strange" in file.read_bytes() for file in files if file.exists())


def test_erasing_one_mark_leaves_the_others(client, marked):
    other = client.post("/api/v1/marks", json=GOOD).json
    client.delete(f"/api/v1/marks/{marked['id']}")
    assert client.get(f"/api/v1/marks/{other['id']}").json == other


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("busy_timeout", 30000),
        ("foreign_keys", 1),
        ("synchronous", 2),
        ("secure_delete", 1),
    ],
)
def test_sqlite_is_set_to_lose_nothing(app, pragma, value):
    with app.extensions["store"]._engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_sqlite_takes_the_right_to_write_at_once(app, tmp_path):
    other = sqlite3.connect(tmp_path / "instance/marks.db", timeout=0)
    with app.extensions["store"]._engine.begin(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()


# Questions and health


def test_questions_are_listed_by_subject(client):
    answer = client.get("/api/v1/questions").json
    schemas.Questions.model_validate(answer)
    assert [q["id"] for q in answer["questions"]] == ["cells", "tea"]


def test_a_question_shows_its_points(client):
    answer = client.get("/api/v1/questions/tea").json
    schemas.QuestionInFull.model_validate(answer)
    assert answer["points"][1] == {
        "id": "price",
        "statement": "Lower duty made tea cheap.",
        "marks": 2,
        "hint": "What happened to its price?",
    }


def test_a_question_hides_the_model_answer_and_the_rules(client):
    assert "SECRET" not in client.get("/api/v1/questions/tea").text


def test_a_broken_rubric_is_left_out_and_logged(tmp_path, caplog):
    app = make_app(tmp_path)
    assert "broken" not in app.extensions["desk"].questions
    assert "broken/rubric.toml: question: missing" in caplog.text
    app.extensions["store"].close()


def test_a_second_rubric_of_the_same_id_is_left_out_and_logged(tmp_path, caplog):
    app = make_app(tmp_path)
    app.extensions["store"].close()
    (tmp_path / "rubrics/zz").mkdir()
    (tmp_path / "rubrics/zz/rubric.toml").write_text((tmp_path / "rubrics/tea/rubric.toml").read_text())
    app = make_app(tmp_path)
    app.extensions["store"].close()
    assert "the id 'tea' is used by another folder" in caplog.text
    assert len(app.extensions["desk"].questions) == 2


def test_health_tells_when_the_engine_is_loaded(app, client):
    assert client.get("/api/v1/health").json == {"status": "ok", "ready": False}
    app.extensions["desk"].warm().join()
    assert client.get("/api/v1/health").json == {"status": "ok", "ready": True, "model_version": "pretend-1"}


def test_a_missing_model_does_not_stop_the_start(tmp_path, caplog):
    def factory(rubric):
        raise ModelError("models/none: no such folder")

    app = make_app(tmp_path, EXAMINER_FACTORY=factory)
    app.extensions["desk"].warm().join()
    assert app.test_client().get("/api/v1/health").json["ready"] is False
    assert "models/none: no such folder" in caplog.text
    app.extensions["store"].close()


# Problems

JSON = {"Content-Type": "application/json"}


def essay(**changes):
    return {"json": {**GOOD, **changes}}


def raw(body):
    return {"data": body, "headers": JSON}


POST = ("POST", "/api/v1/marks")
RUBRIC = {"id": "tea", "question": "Why?", "points": [{"id": "a", "statement": "A."}]}
FAULTY = {**RUBRIC, "points": [{"id": "a", "statement": "A.", "group": "none"}]}
TROUBLE = [
    (*POST, raw("{"), 400, "malformed-json", None),
    (*POST, raw(b'{"question": "\xff"}'), 400, "malformed-json", None),
    (*POST, raw("[" * 4000), 400, "malformed-json", None),
    (*POST, essay() | {"headers": {"Host": "evil.example"}}, 400, "untrusted-host", None),
    (*POST, essay() | {"headers": {"Origin": "https://evil.example"}}, 403, "foreign-origin", None),
    (*POST, essay() | {"headers": {"Origin": "http://localhost:3000"}}, 403, "foreign-origin", None),
    (*POST, essay() | {"headers": {"Origin": "null"}}, 403, "foreign-origin", None),
    (*POST, essay() | {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403, "foreign-origin", None),
    ("DELETE", "/api/v1/marks/0", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403, "foreign-origin", None),
    ("GET", "/api/v1/nothing", {}, 404, "not-found", None),
    ("GET", "/api/v1/questions/none", {}, 404, "unknown-question", None),
    ("GET", "/api/v1/marks/none", {}, 404, "unknown-mark", None),
    ("DELETE", "/api/v1/marks/none", {}, 404, "unknown-mark", None),
    ("GET", "/api/v1/rubrics/none", {}, 404, "unknown-rubric", None),
    ("PUT", "/api/v1/rubrics/none", {"json": RUBRIC}, 404, "unknown-rubric", None),
    ("PUT", "/api/v1/rubrics/cups", {"json": RUBRIC, "headers": {"If-Match": '"7"'}}, 412, "edit-conflict", None),
    ("POST", "/api/v1/rubrics", {"json": FAULTY}, 422, "faulty-rubric", "/points/0/group"),
    ("PUT", "/api/v1/rubrics/cups", {"json": FAULTY}, 422, "faulty-rubric", "/points/0/group"),
    ("POST", "/api/v1/rubrics/cups/samples", {"json": {"texts": [" "]}}, 422, "samples-refused", None),
    ("PUT", "/api/v1/rubrics/cups", {"data": "{}"}, 415, "unsupported-media-type", None),
    ("PUT", "/api/v1/marks", {}, 405, "method-not-allowed", None),
    (*POST, essay(text="x" * 6000), 413, "body-too-large", None),
    (*POST, {"data": json.dumps(GOOD)}, 415, "unsupported-media-type", None),
    (*POST, {"data": json.dumps(GOOD), "headers": {"Content-Type": "text/plain"}}, 415, "unsupported-media-type", None),
    (*POST, {"data": {"question": "tea"}}, 415, "unsupported-media-type", None),
    (*POST, raw("[]"), 422, "invalid-request", ""),
    (*POST, raw(json.dumps(json.dumps(GOOD))), 422, "invalid-request", ""),
    (*POST, raw('{"question": "tea"}'), 422, "invalid-request", "/text"),
    (*POST, essay(text=7), 422, "invalid-request", "/text"),
    (*POST, essay(question=None), 422, "invalid-request", "/question"),
    (*POST, essay(**{"a/b~c": 1}), 422, "invalid-request", "/a~1b~0c"),
    (*POST, essay(text="a\0b"), 422, "invalid-request", "/text"),
    (*POST, raw('{"question": "tea", "text": "\\ud800"}'), 422, "invalid-request", "/text"),
    (*POST, essay(candidate="c" * 65), 422, "invalid-request", "/candidate"),
    (*POST, essay(question="none"), 422, "unknown-question", "/question"),
    (*POST, essay(text=" \n"), 422, "empty-essay", "/text"),
    (*POST, essay(text="x" * 1001), 422, "essay-too-long", "/text"),
    (*POST, essay(text="unmarkable"), 422, "essay-refused", "/text"),
    (*POST, essay(text="crash"), 500, "internal-error", None),
    (*POST, essay(text="no model"), 503, "examiner-unavailable", None),
]


@pytest.fixture
def fragile(tmp_path):
    """A service whose examiner can fail in every way."""

    class Fragile(PretendExaminer):
        def mark(self, essay):
            if essay.text == "no model":
                raise ModelError("models/none: no such folder")
            return super().mark(essay)

    app = make_app(tmp_path, MAX_CONTENT_LENGTH=5000, ESSAY_LIMIT=1000, EXAMINER_FACTORY=Fragile)
    app.extensions["workshop"].add(Rubric.from_dict({**RUBRIC, "id": "cups"}))
    yield app.test_client()
    app.extensions["store"].close()


@pytest.mark.parametrize("case", TROUBLE, ids=lambda case: f"{case[1]}-{case[4]}")
def test_trouble_is_answered_with_a_problem(fragile, case):
    method, path, request_, status, kind, pointer = case
    answer = fragile.open(path, method=method, **request_)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json["type"] == f"/problems/{kind}"
    assert answer.json["title"] == problems.KINDS[kind].title
    assert answer.json["status"] == status
    assert answer.json["detail"]
    assert [e["pointer"] for e in answer.json.get("errors", [])] == ([] if pointer is None else [pointer])
    schemas.ProblemDetails.model_validate(answer.json)


def test_every_kind_of_problem_is_tried_above():
    assert {row[4] for row in TROUBLE} == set(problems.KINDS)


@pytest.mark.parametrize("kind", problems.KINDS)
def test_every_kind_of_problem_has_a_page(client, kind):
    page = client.get(f"/problems/{kind}")
    assert page.status_code == 200
    assert problems.KINDS[kind].title in page.text


def test_every_fault_is_told_at_once(client):
    answer = client.post("/api/v1/marks", json={"question": "none", "text": ""})
    assert [e["pointer"] for e in answer.json["errors"]] == ["/question", "/text"]


def test_a_wrong_method_is_told_the_right_ones(client):
    assert "POST" in client.put("/api/v1/marks").headers["Allow"]


def test_an_error_without_a_kind_is_a_problem_too(client, app):
    app.add_url_rule("/api/teapot", view_func=lambda: abort(418))
    answer = client.get("/api/teapot")
    assert answer.mimetype == "application/problem+json"
    assert (answer.json["type"], answer.json["status"]) == ("about:blank", 418)


def test_an_unexpected_error_leaks_nothing(client, caplog):
    answer = client.post("/api/v1/marks", json=GOOD | {"text": "my secret makes it crash"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "secret" not in caplog.text
    assert "RuntimeError" in caplog.text


def test_a_refusal_does_not_repeat_the_essay(client):
    assert "secret" not in client.post("/api/v1/marks", json=GOOD | {"text": {"secret": 1}}).text


# What keeps other sites out


def test_our_own_pages_may_call_the_api(client):
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/v1/marks", json=GOOD, headers=headers).status_code == 201


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:80", "[::1]", "[::1]:8000"])
def test_this_machine_is_answered(client, host):
    assert client.get("/api/v1/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", ""])
@pytest.mark.parametrize("path", ["/", "/api/v1/health", "/nothing", "/static/style.css"])
def test_a_foreign_host_name_is_refused(client, host, path):
    with client.get(path, headers={"Host": host}) as answer:
        assert answer.status_code == 400


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/problems/", "/static/style.css", "/api/v1/health", "/api/v1/nothing"]
)
def test_every_answer_has_the_security_headers(client, path):
    with client.get(path) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in headers


def test_an_answer_that_holds_an_essay_is_not_cached(client, marked):
    assert client.get(f"/api/v1/marks/{marked['id']}").headers["Cache-Control"] == "no-store"
    assert client.get(f"/marks/{marked['id']}").headers["Cache-Control"] == "no-store"


# Settings, log, description


def test_the_secret_key_is_made_once_and_is_private(app, tmp_path):
    file = tmp_path / "instance/secret_key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(app.secret_key) >= 48
    again = make_app(tmp_path)
    assert again.secret_key == app.secret_key
    again.extensions["store"].close()


def test_the_instance_folder_is_private(app, tmp_path):
    assert (tmp_path / "instance").stat().st_mode & 0o777 == 0o700


def test_settings_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKER_ESSAY_LIMIT", "20")
    monkeypatch.setenv("MARKER_TRUSTED_HOSTS", "school.example, localhost")
    app = make_app(tmp_path)
    client = app.test_client()
    assert client.get("/api/v1/health", headers={"Host": "school.example"}).status_code == 200
    assert client.post("/api/v1/marks", json=GOOD).json["type"] == "/problems/essay-too-long"
    app.extensions["store"].close()


def test_a_request_is_logged_in_one_line_without_the_essay(client, caplog):
    caplog.set_level(logging.INFO, logger="api")
    client.post("/api/v1/marks?note=tea", json=GOOD)
    assert len(caplog.messages) == 1
    assert re.fullmatch(r"POST /api/v1/marks 201 \d+ ms", caplog.messages[0])


def test_a_line_end_in_an_address_does_not_forge_a_log_line(client, caplog):
    caplog.set_level(logging.INFO, logger="api")
    client.get("/a%0Aforged")
    assert caplog.messages[0].startswith("GET /a%0Aforged 404")


def test_the_description_is_openapi_3_1(client):
    assert client.get("/api/v1/openapi.json").json["openapi"] == "3.1.0"


def test_the_description_covers_the_whole_api(app, client):
    described = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, item in client.get("/api/v1/openapi.json").json["paths"].items()
        for method in item
    }
    served = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") and not rule.rule.endswith("openapi.json")
    }
    assert described == served


def test_every_reference_in_the_description_leads_somewhere(client):
    text = client.get("/api/v1/openapi.json").text
    held = set(json.loads(text)["components"]["schemas"])
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= held


def test_every_error_in_the_description_is_a_problem(client):
    for item in client.get("/api/v1/openapi.json").json["paths"].values():
        for operation in item.values():
            errors = [r for status, r in operation["responses"].items() if status >= "400"]
            assert errors
            assert all([*error["content"]] == ["application/problem+json"] for error in errors)


def test_the_service_loads_no_engine_until_an_essay_comes():
    heavy = "{'spacy', 'sklearn', 'onnxruntime', 'numpy'}"
    code = (
        f"import sys, api.serve; sys.exit(str(sorted({heavy} & set(sys.modules)))) if {heavy} & set(sys.modules) else 0"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


# Serving


def test_a_taken_port_is_told_plainly():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MarkerError, match=f"Port {port} of 127.0.0.1 is taken .* --port {port + 1}"):
            listen("127.0.0.1", port)


def test_a_port_that_does_not_exist_is_told_plainly():
    with pytest.raises(MarkerError, match="Port 70000 does not exist"):
        listen("127.0.0.1", 70000)


def test_the_greeting_gives_the_address():
    assert greeting("127.0.0.1", 8000).startswith("Essay Marker is at http://127.0.0.1:8000\n")
    assert greeting("::1", 8000).startswith("Essay Marker is at http://[::1]:8000\n")


def test_the_greeting_warns_when_other_machines_can_reach_it():
    assert "Other machines can reach it" in greeting("0.0.0.0", 8000)  # noqa: S104 - the case to warn of
    assert "Other machines" not in greeting("localhost", 8000)


def test_serve_serves(tmp_path):
    code = (
        "from pathlib import Path; from pretend import PretendExaminer, write_rubrics; from api.serve import serve\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "serve(port=0, config={'INSTANCE': folder / 'instance', 'RUBRICS': write_rubrics(folder / 'rubrics'),"
        " 'EXAMINER_FACTORY': PretendExaminer})"
    )
    here = Path(__file__).parent
    with subprocess.Popen([sys.executable, "-c", code], cwd=here, stdout=subprocess.PIPE, text=True) as service:
        try:
            address = service.stdout.readline().removeprefix("Essay Marker is at ").strip()
            with urllib.request.urlopen(f"{address}/api/v1/health", timeout=10) as answer:
                assert json.load(answer)["status"] == "ok"
                assert answer.headers["Server"] is None
        finally:
            service.terminate()
