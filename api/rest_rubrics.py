"""The JSON API of the workshop: draft rubrics, edit them, try them on samples, publish them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Response, current_app, jsonify, request, url_for
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from api import rubric_schemas as schemas
from api.problems import Problem
from api.rest import EVERYWHERE, describe, guard, problem
from api.workshop import Conflict, Full, UnknownWork, Work, Workshop
from marker import Rubric, RubricError
from marker.essays import Sample

if TYPE_CHECKING:
    from marker.samples import Effect, SampleEffect

Responses = dict[str | int, Any]
RUBRICS = Tag(name="rubrics", description="Make rubrics and try them on samples before students meet them")
SAMPLES = Tag(name="samples", description="Sample answers, what you judged of them, and what a rubric makes of them")

FOREIGN = problem("The request comes from a page of another site")
CHANGES: Responses = {
    403: FOREIGN,
    413: problem("The body is too large"),
    415: problem("The body is not application/json"),
    422: problem("The request is not as described, or the rubric has faults"),
}
MISSING: Responses = {404: problem("There is no such thing in the workshop")}
ETAG = {"description": "The revision, for If-Match", "schema": {"type": "string"}}

rubrics = APIBlueprint(
    "rubrics",
    __name__,
    url_prefix="/api/v1",
    abp_responses=EVERYWHERE,
)
guard(rubrics)


def register_errors() -> None:
    """Answer what the workshop refuses with problems."""
    rubrics.register_error_handler(UnknownWork, lambda _: unknown().response())
    rubrics.register_error_handler(Conflict, lambda e: Problem("edit-conflict", str(e)).response())
    rubrics.register_error_handler(Full, lambda e: Problem("samples-refused", str(e)).response())
    rubrics.register_error_handler(RubricError, lambda e: faulty(e).response())


register_errors()


@rubrics.post(
    "/drafts",
    tags=[RUBRICS],
    operation_id="draftRubric",
    responses={200: schemas.Draft, **CHANGES},
)
def draft_rubric(body: schemas.DraftRequest) -> Response:
    """Propose required points from model answers; nothing is kept."""
    from marker.drafting import draft  # noqa: PLC0415 - loads the parser when it is first needed

    found = draft(body.question, body.answers, body.notes)
    answers = [*body.answers, *body.notes]

    def place(span: Any) -> dict[str, Any]:
        return {**asdict(span), "quote": answers[span.answer][span.start : span.end]}

    points = [{**plain_point(p.point), "sources": [place(s) for s in p.sources]} for p in found.points]
    left_out = [{**place(x.span), "reason": x.reason} for x in found.left_out]
    return jsonify(points=points, left_out=left_out)


@rubrics.get("/rubrics", tags=[RUBRICS], operation_id="listRubrics", responses={200: schemas.Works})
def list_rubrics() -> Response:
    """List what is in the workshop, the last changed first."""
    return jsonify(rubrics=[summary(w) for w in workshop().all()])


@rubrics.post(
    "/rubrics",
    tags=[RUBRICS],
    operation_id="addRubric",
    responses={201: describe(schemas.Work, "The rubric is in the workshop", ETag=ETAG), **CHANGES},
)
def add_rubric(body: schemas.Rubric) -> tuple[Response, int, dict[str, str]]:
    """Put a rubric into the workshop; where its id is taken it gets another."""
    work = workshop().add(Rubric.from_dict(content(body)))
    return jsonify(plain(work)), 201, headers(work)


@rubrics.get("/rubrics/<id>", tags=[RUBRICS], operation_id="readRubric", responses={200: schemas.Work, **MISSING})
def read_rubric(path: schemas.RubricPath) -> tuple[Response, int, dict[str, str]]:
    """Read a rubric in the workshop."""
    work = workshop().get(path.id)
    return jsonify(plain(work)), 200, headers(work)


@rubrics.put(
    "/rubrics/<id>",
    tags=[RUBRICS],
    operation_id="replaceRubric",
    responses={
        200: schemas.Work,
        412: problem("Somebody else has changed the rubric in the meantime"),
        **MISSING,
        **CHANGES,
    },
)
def replace_rubric(path: schemas.RubricPath, body: schemas.Rubric) -> tuple[Response, int, dict[str, str]]:
    """Replace the working copy; with If-Match only if nobody else has changed it since."""
    work = workshop().save(path.id, content(body), expected_revision(path.id))
    return jsonify(plain(work)), 200, headers(work)


@rubrics.delete(
    "/rubrics/<id>",
    tags=[RUBRICS],
    operation_id="removeRubric",
    responses={204: None, 403: FOREIGN, **MISSING},
)
def remove_rubric(path: schemas.RubricPath) -> tuple[str, int]:
    """Remove a rubric and its samples from the workshop; what was published and marked stays."""
    workshop().remove(path.id)
    return "", 204


@rubrics.get(
    "/rubrics/<id>/faults",
    tags=[RUBRICS],
    operation_id="checkRubric",
    responses={200: schemas.Faults, 503: problem("The marking model could not be loaded"), **MISSING},
)
def check_rubric(path: schemas.RubricPath) -> Response:
    """Say what is wrong with a rubric, each fault as `field: reason`."""
    from marker import authoring  # noqa: PLC0415

    return jsonify(faults=authoring.faults_of(workshop().get(path.id).rubric))


@rubrics.get("/rubrics/<id>/versions", tags=[RUBRICS], operation_id="listVersions", responses={200: schemas.Versions})
def list_versions(path: schemas.RubricPath) -> Response:
    """List what was published of a question, the newest first."""
    found = workshop().versions(path.id)
    return jsonify(
        versions=[
            {"version": p.rubric.version, "created": p.created.isoformat(), "rubric": p.rubric.as_dict()} for p in found
        ]
    )


@rubrics.post(
    "/rubrics/<id>/versions",
    tags=[RUBRICS],
    operation_id="publishRubric",
    responses={
        201: describe(schemas.Work, "Students are marked by this from now on", ETag=ETAG),
        412: problem("Somebody else has changed the rubric in the meantime"),
        **MISSING,
        **CHANGES,
    },
)
def publish_rubric(path: schemas.RubricPath, body: schemas.Nothing) -> tuple[Response, int, dict[str, str]]:  # noqa: ARG001
    """Publish the working copy: a version that is never changed."""
    expected = expected_revision(path.id)
    if expected is not None and expected != workshop().get(path.id).revision:
        raise Conflict("The rubric was changed in the meantime.")
    work = workshop().publish(path.id)
    return jsonify(plain(work)), 201, headers(work)


@rubrics.get(
    "/rubrics/<id>/samples", tags=[SAMPLES], operation_id="listSamples", responses={200: schemas.Samples, **MISSING}
)
def list_samples(path: schemas.RubricPath) -> Response:
    """List the samples with what was judged of them."""
    return jsonify(samples=[plain_sample(s) for s in workshop().samples(path.id)])


@rubrics.post(
    "/rubrics/<id>/samples",
    tags=[SAMPLES],
    operation_id="addSamples",
    responses={200: schemas.Samples, **MISSING, **CHANGES},
)
def add_samples(path: schemas.RubricPath, body: schemas.NewSamples) -> Response:
    """Add sample answers and return the new ones; one that is there already is not added twice."""
    return jsonify(samples=[plain_sample(s) for s in workshop().add_samples(path.id, body.texts)])


@rubrics.put(
    "/rubrics/<id>/samples/<sample>",
    tags=[SAMPLES],
    operation_id="judgeSample",
    responses={204: None, **MISSING, **CHANGES},
)
def judge_sample(path: schemas.SamplePath, body: schemas.Judgement) -> tuple[str, int]:
    """Say which points a sample earns; null takes a judgement back, points not named stay as they are."""
    workshop().judge(path.id, path.sample, body.earned)
    return "", 204


@rubrics.delete(
    "/rubrics/<id>/samples/<sample>",
    tags=[SAMPLES],
    operation_id="removeSample",
    responses={204: None, 403: FOREIGN, **MISSING},
)
def remove_sample(path: schemas.SamplePath) -> tuple[str, int]:
    """Remove a sample."""
    workshop().remove_sample(path.id, path.sample)
    return "", 204


@rubrics.get(
    "/rubrics/<id>/effect",
    tags=[SAMPLES],
    operation_id="readEffect",
    responses={200: schemas.Effect, 503: problem("The marking model could not be loaded"), **MISSING},
)
def read_effect(path: schemas.RubricPath, query: schemas.Against) -> Response:
    """Mark the samples by the working copy, beside what you judged and what a version, or the last edit, changes."""
    work = workshop().get(path.id)
    return jsonify(plain_effect(work.rubric, workshop().effect(work, version(path.id, query.against))))


def version(id: str, against: str | None) -> Rubric | None:
    """Return a published version of a question; stops with a problem where there is none."""
    if against is None:
        return None
    for publication in workshop().versions(id):
        if publication.rubric.version == against:
            return publication.rubric
    raise unknown()


def workshop() -> Workshop:
    """Return the workshop of the running service."""
    found: Workshop = current_app.extensions["workshop"]
    return found


def expected_revision(id: str) -> int | None:
    """Return the revision that If-Match names, or None without one; stops with a problem where it names none."""
    tags = request.if_match
    if not tags or tags.star_tag:
        return None
    numbers = [int(t) for t in tags.as_set() if t.isdecimal()]
    current = workshop().get(id).revision
    return current if current in numbers else -1


def content(body: schemas.Rubric) -> dict[str, Any]:
    """Return what was sent, without what was left out."""
    return body.model_dump(exclude_unset=True)


def headers(work: Work) -> dict[str, str]:
    """Return address and entity tag of a rubric."""
    return {"Location": url_for("rubrics.read_rubric", id=work.rubric.id), "ETag": f'"{work.revision}"'}


def summary(work: Work) -> dict[str, Any]:
    """Return what a list says of a rubric."""
    return {
        "id": work.rubric.id,
        "question": work.rubric.question,
        "subject": work.rubric.subject,
        "available": work.rubric.available,
        "revision": work.revision,
        "changed": work.changed.isoformat(),
        "published_version": work.published,
        "is_published": work.is_published,
    }


def plain(work: Work) -> dict[str, Any]:
    """Return a rubric in the workshop as plain data."""
    return {**summary(work), "rubric": work.rubric.as_dict()}


def plain_point(point: Any) -> dict[str, Any]:
    """Return what a draft says of a point."""
    return {name: getattr(point, name) for name in ("id", "statement", "credit", "no_credit", "marks", "hint")}


def plain_sample(sample: Sample) -> dict[str, Any]:
    """Return a sample as plain data."""
    return {"id": sample.id, "text": sample.text, "earned": dict(sample.earned)}


def plain_effect(rubric: Rubric, effect: Effect) -> dict[str, Any]:
    """Return what a rubric makes of its samples as plain data."""
    return {
        "samples": [plain_sample_effect(rubric, s) for s in effect.samples],
        "decisions": effect.decisions,
        "agreement": effect.agreement,
        "interval": effect.interval,
        "warning": effect.warning,
    }


def plain_sample_effect(rubric: Rubric, found: SampleEffect) -> dict[str, Any]:
    """Return what a rubric makes of one sample, its total step by step."""
    credited = [v.point for v in found.mark.verdicts if v.verdict == "credited"]
    return {
        "sample": found.sample,
        "awarded": found.mark.awarded,
        "before": None if found.before is None else found.before.awarded,
        "teacher": found.teacher,
        "changed": found.changed,
        "missed": list(found.missed),
        "wrongly": list(found.wrongly),
        "points": [{"id": v.point, "verdict": v.verdict.value, "marks": v.marks} for v in found.mark.verdicts],
        "steps": [asdict(s) for s in rubric.total(credited).steps],
    }


def unknown() -> Problem:
    """Return the problem of an id that nothing in the workshop has."""
    return Problem("unknown-rubric", "There is no such rubric, sample or version in the workshop.")


def faulty(error: RubricError) -> Problem:
    """Return the problem of a rubric with faults, each with the field that it names."""
    return Problem("faulty-rubric", "The rubric has faults.", errors=[_fault(f) for f in error.faults])


def _fault(fault: str) -> Mapping[str, str]:
    """Turn `rubric: points[2].marks: reason` into a JSON Pointer and a reason."""
    _, _, rest = fault.partition(": ")
    field, _, reason = rest.partition(": ")
    steps = field.replace("]", "").replace("[", ".").split(".")
    pointer = "".join("/" + (str(int(s) - 1) if s.isdecimal() else s) for s in steps)
    return {"pointer": pointer if reason else "", "detail": reason or rest or fault}
