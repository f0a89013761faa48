"""What can go wrong, by name: RFC 9457 problem details for programs, and a page on each for people."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, Response, abort, json, render_template, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from api.desk import Refused
from marker import ModelError

log = logging.getLogger(__name__)
pages = Blueprint("problems", __name__, url_prefix="/problems")


@dataclass(frozen=True, slots=True)
class Kind:
    """Describe one kind of problem; its name never changes once released."""

    status: int
    title: str
    advice: str


KINDS = {
    "malformed-json": Kind(
        400,
        "The body is not JSON",
        "The request's body could not be read as JSON in UTF-8. Check quotes, commas and brackets, and that "
        "nothing is nested absurdly deep.",
    ),
    "untrusted-host": Kind(
        400,
        "The host name is not served here",
        "The request came under a host name that this service does not answer to, which is how a hostile web site "
        "would reach it. Use the address that was printed at the start, or add the name to MARKER_TRUSTED_HOSTS.",
    ),
    "foreign-origin": Kind(
        403,
        "The request comes from another site",
        "Another web site made the browser send this request. Programs may call the service freely; pages of other "
        "sites may not.",
    ),
    "not-found": Kind(404, "There is nothing at this address", "Check the address against /api/v1/openapi.json."),
    "unknown-question": Kind(
        404,
        "There is no such question",
        "The id names no question here. GET /api/v1/questions lists them. A question is a folder with a rubric.toml; "
        "one that is broken or was added after the start is not served.",
    ),
    "unknown-mark": Kind(
        404, "There is no such mark", "No essay was marked under this id, or it was erased since and nothing is kept."
    ),
    "unknown-rubric": Kind(
        404,
        "There is no such thing in the workshop",
        "The id names no rubric, sample or version in the workshop. GET /api/v1/rubrics lists the rubrics; those of "
        "the library are questions and have to be copied into the workshop before they can be edited.",
    ),
    "method-not-allowed": Kind(
        405, "The address does not do that", "The Allow header of the answer lists the methods that this address has."
    ),
    "edit-conflict": Kind(
        412,
        "Somebody else has changed it",
        "The rubric has another revision than If-Match names. Read it again, put your edit to it, and send that with "
        "the new ETag.",
    ),
    "body-too-large": Kind(
        413,
        "The request is too large",
        "The body has more bytes than the service accepts. Send one essay at a time, as text.",
    ),
    "unsupported-media-type": Kind(
        415, "The body must be JSON", "Send the header Content-Type: application/json and a JSON body."
    ),
    "invalid-request": Kind(
        422,
        "The request is not as described",
        "The JSON has a field that is missing, unknown or of the wrong type. Each entry of “errors” points at one. "
        "/api/v1/openapi.json describes every request.",
    ),
    "faulty-rubric": Kind(
        422,
        "The rubric has faults",
        "Each entry of “errors” names a field of the rubric and what is wrong with it. Nothing was kept.",
    ),
    "samples-refused": Kind(
        422, "The samples were not added", "The detail says which limit they pass. None of them was kept."
    ),
    "empty-essay": Kind(422, "The essay is empty", "The text holds no words, so there is nothing to mark."),
    "essay-too-long": Kind(
        422,
        "The essay is too long",
        "The text has more characters than the service marks at once. The limit is in the detail of the answer.",
    ),
    "essay-refused": Kind(
        422, "The essay cannot be marked", "The examiner refused the text; the detail of the answer says why."
    ),
    "internal-error": Kind(
        500,
        "Something went wrong here",
        "The fault is in Essay Marker, not in the request. Nothing was kept. The service's log says where it happened.",
    ),
    "examiner-unavailable": Kind(
        503,
        "The examiner is not available",
        "The marking model could not be loaded. The service's log says what is missing.",
    ),
}

BY_STATUS = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large", 415: "unsupported-media-type"}


class Problem(Exception):  # noqa: N818 - the name that RFC 9457 gives it
    """Stop a request of the API with a problem of one of the kinds."""

    def __init__(
        self, kind: str, detail: str, *, status: int | None = None, errors: Sequence[Mapping[str, str]] = ()
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.status = status or KINDS[kind].status
        self.errors = list(errors)

    @classmethod
    def from_refusal(cls, refusal: Refused) -> Problem:
        """Tell a program why the desk refused a paper; the first fault gives the type."""
        errors = [{"pointer": f"/{f.field}", "detail": f.message} for f in refusal.faults]
        return cls(refusal.faults[0].kind, str(refusal), status=422, errors=errors)

    @classmethod
    def from_validation(cls, error: ValidationError) -> Problem:
        """Tell a program where its JSON differs from the schema, without repeating what it sent."""
        errors = [{"pointer": pointer(e["loc"]), "detail": e["msg"]} for e in error.errors(include_input=False)]
        detail = f"{len(errors)} field{'s are' if len(errors) > 1 else ' is'} not as described."
        return cls("invalid-request", detail, errors=errors)

    def response(self) -> Response:
        """Write the problem as `application/problem+json`."""
        body: dict[str, Any] = {
            "type": f"/problems/{self.kind}",
            "title": KINDS[self.kind].title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        return Response(json.dumps(body), self.status, mimetype="application/problem+json")


def pointer(location: tuple[str | int, ...]) -> str:
    """Write a location in a JSON document as an RFC 6901 JSON Pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in location)


def register(app: Flask) -> None:
    """Answer every error: the API's with problem details, the pages' with a page."""
    app.register_blueprint(pages)
    app.register_error_handler(Problem, Problem.response)
    app.register_error_handler(Refused, lambda refusal: Problem.from_refusal(refusal).response())
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(ModelError, _unavailable)
    app.register_error_handler(Exception, _unexpected)


@pages.get("/")
def index() -> str:
    """List every kind of problem."""
    return render_template("problems.html", kinds=KINDS)


@pages.get("/<kind>")
def explain(kind: str) -> str:
    """Explain one kind of problem to a person."""
    if kind not in KINDS:
        abort(404)
    return render_template("problem.html", name=kind, kind=KINDS[kind])


def _http_error(error: HTTPException) -> Response:
    code = error.code or 500
    response = answer(BY_STATUS.get(code), code, error.description or error.name)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _unavailable(error: ModelError) -> Response:
    log.error("not marked: %s", error)
    return answer("examiner-unavailable", 503, "The marking model could not be loaded; see the service's log.")


def _unexpected(error: Exception) -> Response:
    # The place, never the message: a message may hold a piece of an essay.
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("unexpected %s at\n%s", type(error).__name__, where)
    return answer("internal-error", 500, "The fault is in Essay Marker. Nothing was kept.")


def answer(kind: str | None, status: int, detail: str) -> Response:
    """Write an error for whoever asked: a program below /api/, a person elsewhere."""
    if not request.path.startswith("/api/"):
        page = render_template("error.html", status=status)
        return Response(page, status)
    if kind is not None:
        return Problem(kind, detail, status=status).response()
    title = HTTP_STATUS_CODES.get(status, "Error")
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Response(json.dumps(body), status, mimetype="application/problem+json")
