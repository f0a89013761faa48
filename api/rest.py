"""The JSON API, version 1."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, jsonify, request, url_for
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from werkzeug.exceptions import BadRequest

from api import schemas
from api.desk import Desk
from api.problems import Problem
from api.security import refuse_foreign_origin
from api.store import MarkedPaper
from marker import Rubric

MARKS = Tag(name="marks", description="Mark an essay, read its mark, erase both")
QUESTIONS = Tag(name="questions", description="What essays can be marked for")
SERVICE = Tag(name="service", description="The service itself")


def problem(description: str) -> dict[str, Any]:
    """Describe an error answer in the OpenAPI document."""
    schema = {"$ref": f"#/components/schemas/{schemas.ProblemDetails.__name__}"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


def describe(model: type, description: str, **headers: Any) -> dict[str, Any]:
    """Describe an answer that holds something new with its address."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    location = {"description": "The address of what is new", "schema": {"type": "string"}}
    return {
        "description": description,
        "content": {"application/json": {"schema": schema}},
        "headers": {"Location": location, **headers},
    }


def guard(blueprint: APIBlueprint) -> None:
    """Let no page of another site in, and no body that is not a JSON object."""
    blueprint.before_request(refuse_foreign_origin)
    blueprint.before_request(require_json_object)


def require_json_object() -> None:
    """Refuse a body that is not a JSON object; no form of another site can send one as `application/json`."""
    if request.method not in {"POST", "PUT"}:
        return
    if request.mimetype != "application/json":
        raise Problem("unsupported-media-type", "Send the header Content-Type: application/json.")
    try:
        body = request.get_json()
    except (BadRequest, RecursionError) as error:
        raise Problem("malformed-json", "The body could not be read as JSON in UTF-8.") from error
    if not isinstance(body, dict):
        errors = [{"pointer": "", "detail": "The body must be a JSON object."}]
        raise Problem("invalid-request", "The body must be a JSON object.", errors=errors)


EVERYWHERE: dict[Any, Any] = {
    400: problem("The host name is not served here, or the body is not JSON"),
    500: problem("Something went wrong in the service"),
}
"""What any address of the API may answer."""

rest = APIBlueprint(
    "rest",
    __name__,
    url_prefix="/api/v1",
    abp_responses=EVERYWHERE,
)
guard(rest)


@rest.post(
    "/marks",
    tags=[MARKS],
    operation_id="markEssay",
    responses={
        201: describe(schemas.Mark, "The essay was marked and kept"),
        403: problem("The request comes from a page of another site"),
        413: problem("The body is too large"),
        415: problem("The body is not application/json"),
        422: problem("The request is not as described, or the essay cannot be marked"),
        503: problem("The marking model could not be loaded"),
    },
)
def mark_essay(body: schemas.Submission) -> tuple[Response, int, dict[str, str]]:
    """Mark an essay and keep it with its mark."""
    paper = desk().receive(body.question, body.text, body.candidate)
    return jsonify(paper.as_dict()), 201, {"Location": url_for("rest.read_mark", id=paper.id)}


@rest.get(
    "/marks/<id>",
    tags=[MARKS],
    operation_id="readMark",
    responses={200: schemas.Mark, 404: problem("There is no such mark")},
)
def read_mark(path: schemas.MarkPath) -> Response:
    """Read a mark that was given earlier."""
    return jsonify(find_paper(path.id).as_dict())


@rest.delete(
    "/marks/<id>",
    tags=[MARKS],
    operation_id="eraseMark",
    responses={
        204: None,
        403: problem("The request comes from a page of another site"),
        404: problem("There is no such mark"),
    },
)
def erase_mark(path: schemas.MarkPath) -> tuple[str, int]:
    """Erase an essay and its mark for good."""
    if not desk().erase(path.id):
        raise unknown_mark()
    return "", 204


@rest.get("/questions", tags=[QUESTIONS], operation_id="listQuestions", responses={200: schemas.Questions})
def list_questions() -> Response:
    """List the questions by subject."""
    return jsonify(questions=[summary(r) for r in desk().questions.values()])


@rest.get(
    "/questions/<id>",
    tags=[QUESTIONS],
    operation_id="readQuestion",
    responses={200: schemas.QuestionInFull, 404: problem("There is no such question")},
)
def read_question(path: schemas.QuestionPath) -> Response:
    """Read a question with its points, without the rules for crediting them or the model answer."""
    rubric = desk().questions.get(path.id)
    if rubric is None:
        raise Problem("unknown-question", "There is no such question here.")
    points = [{"id": p.id, "statement": p.statement, "marks": p.marks, "hint": p.hint} for p in rubric.points]
    return jsonify(**summary(rubric), points=points)


@rest.get("/health", tags=[SERVICE], operation_id="readHealth", responses={200: schemas.Health})
def read_health() -> Response:
    """Say whether the service runs and its engine is loaded."""
    health = {"status": "ok", "ready": desk().ready}
    version = desk().model_version
    return jsonify(health if version is None else {**health, "model_version": version})


@rest.get("/openapi.json", doc_ui=False)
def read_description() -> Response:
    """Describe the API."""
    return jsonify(current_app.api_doc)  # type: ignore[attr-defined]


def desk() -> Desk:
    """Return the desk of the running service."""
    found: Desk = current_app.extensions["desk"]
    return found


def find_paper(id: str) -> MarkedPaper:
    """Return a paper or stop with a problem."""
    paper = desk().paper(id)
    if paper is None:
        raise unknown_mark()
    return paper


def unknown_mark() -> Problem:
    """Return the problem of an id under which nothing is kept."""
    return Problem("unknown-mark", "There is no such mark; it may have been erased.")


def summary(rubric: Rubric) -> dict[str, Any]:
    """Return what a list of questions says of one."""
    return {
        "id": rubric.id,
        "question": rubric.question,
        "subject": rubric.subject,
        "available": rubric.available,
        "version": rubric.version,
    }
