"""The teacher's workbench: make a rubric, try it on samples, publish it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as Answer

from api import workbench_edits as edits
from api import workbench_form as forms
from api import workbench_view as view
from api.pages import EXPIRED, desk
from api.workbench_page import ANSWERS, editor_page, effect_of, list_page, workshop
from api.workbench_samples import samples
from api.workshop import Conflict, UnknownWork, Work, free_id
from marker import Rubric, RubricError

if TYPE_CHECKING:
    from marker.drafting import Draft

bench = Blueprint("workbench", __name__, url_prefix="/rubrics")
bench.register_blueprint(samples)

RESERVED = {"draft", "import", "copy"}
"""Ids that the addresses of the list's forms have taken."""


@bench.url_value_preprocessor
def allow_uploads(_endpoint: str | None, _values: Mapping[str, Any] | None) -> None:
    """Let files be larger than an essay: up to what the server itself cuts off. This comes before any form is read."""
    request.max_content_length = 4 * current_app.config["MAX_CONTENT_LENGTH"]


# --- the list, and the ways to a new question ------------------------------------------------------------------------


@bench.get("/")
def index() -> str:
    """List the questions in the workshop."""
    return list_page()


@bench.post("/draft")
def draft() -> Answer | tuple[str, int]:
    """Draft a rubric from model answers."""
    from marker.drafting import draft as drafted  # noqa: PLC0415 - it loads spaCy

    values = entered()
    texts = {n: text for n in range(1, ANSWERS + 1) if (text := values.get(f"answer-{n}", "").strip())}
    if errors := missing(values, texts):
        return list_page(values, errors), 422
    notes = [text for text in [values.get("notes", "").strip()] if text]
    try:
        found = drafted(values["question"], [*texts.values()], notes)
        rubric = found.rubric(free_id(values["question"], RESERVED), values["question"], values["subject"])
    except RubricError as error:
        return list_page(values, {f"answer-{min(texts)}": sentence(error)}), 422
    flash(f"Points drafted: {len(rubric.points)}. Read each one: a machine wrote them.")
    return opened(rubric, origin_of(found, [*texts.values()], notes))


def missing(values: Mapping[str, str], answers: Mapping[int, str]) -> dict[str, str]:
    """Say what a draft needs and was not entered."""
    errors = {} if values["question"].strip() else {"question": "Write the question that the answers answer."}
    return errors | (
        {} if answers else {"answer-1": "Paste at least one model answer: the points are drafted from it."}
    )


def origin_of(draft: Draft, answers: list[str], notes: list[str]) -> dict[str, Any]:
    """Return what a rubric was drafted from as plain data: texts, words of each point, and what was left out."""
    return {
        "answers": answers,
        "notes": notes,
        "sources": {p.point.id: [[s.answer, s.start, s.end] for s in p.sources] for p in draft.points},
        "left_out": [[x.span.answer, x.span.start, x.span.end, x.reason] for x in draft.left_out],
    }


@bench.post("/import")
def bring() -> Answer | tuple[str, int]:
    """Import a rubric from a file."""
    from marker import interchange  # noqa: PLC0415 - it loads the readers

    file = request.files.get("file")
    if file is None or not file.filename:
        return list_page(errors={"file": "Choose the file that holds the rubric."}), 422
    try:
        return opened(interchange.read(file.read(), file.filename))
    except RubricError as error:
        return list_page(errors={"file": sentence(error)}), 422


@bench.post("/copy")
def copy() -> Answer | tuple[str, int]:
    """Start from the rubric of a question of the library."""
    rubric = desk().library.get(request.form.get("library", ""))
    if rubric is None:
        return list_page(errors={"library": "Choose the question to start from."}), 422
    return opened(rubric)


def opened(rubric: Rubric, origin: Mapping[str, Any] | None = None) -> Answer:
    """Put a rubric into the workshop and go to its editor."""
    named = {**rubric.as_dict(), "id": free_id(rubric.id, RESERVED)}
    origin = origin or {"answers": [rubric.model_answer] if rubric.model_answer else []}
    work = workshop().add(Rubric.from_dict(named), origin)
    return redirect(url_for(".edit", id=work.rubric.id), 303)


def entered() -> dict[str, str]:
    """Return the fields of a form."""
    return {"question": "", "subject": "", **{name: forms.clean(text) for name, text in request.form.items()}}


def sentence(error: RubricError) -> str:
    """Say on one line all that is wrong."""
    return " ".join(f"{fault[:1].upper()}{fault[1:]}." for fault in error.faults)


# --- the editor ------------------------------------------------------------------------------------------------------


@bench.get("/<id>")
def edit(id: str) -> str:
    """Show the editor of a question."""
    return editor_page(workshop().get(id))


@bench.post("/<id>")
def save(id: str) -> Answer | tuple[str, int]:
    """Do what the button says with the form, and keep it; or show the form again with what is wrong."""
    work = workshop().get(id)
    command = request.form.get("do", "save")
    sheet = forms.of_form(request.form, work.origin.get("sources"))
    revision = known_revision(command)
    try:
        point = change(work, sheet, command)
        data = work.before.as_dict() if command == "undo" else sheet.data()
        workshop().save(id, data, revision, {**work.origin, "sources": sheet.sources})
    except edits.Impossible as impossible:
        return editor_page(work, sheet, {impossible.field: str(impossible)}, revision=revision), 422
    except RubricError as error:
        return editor_page(work, sheet, forms.faults_by_field(error), revision=revision), 422
    except Conflict:
        rows = forms.differences(forms.of_rubric(work.rubric), sheet)
        return editor_page(work, sheet, revision=revision, conflict=rows), 409
    return redirect(url_for(".edit", id=id, _anchor=finish(id, command, point)), 303)


def known_revision(command: str) -> int:
    """Return the revision that the form was made from, or the one that it may replace."""
    name, _, number = command.partition(":")
    given = number if name == "overwrite" else request.form.get("revision", "")
    if not given.isdecimal():
        abort(400)
    return int(given)


def change(work: Work, sheet: forms.Sheet, command: str) -> str:
    """Do what the button says, and return the id of the point it is about."""
    name, _, argument = command.partition(":")
    if name == "take":
        return take(work, sheet, argument)
    if name in {"save", "publish", "undo", "overwrite"}:
        return ""
    return edits.edit(sheet, command)


def take(work: Work, sheet: forms.Sheet, key: str) -> str:
    """Make a point of words that were left out."""
    found = next((x for x in view.left_over(work.origin, work.rubric) if x.key == key), None)
    if found is None:
        abort(400)
    point = forms.new_point(sheet, f"{found.text[:1].upper()}{found.text[1:]}")
    sheet.points.append(point)
    sheet.sources[point["id"]] = [[int(n) for n in key.split("-")]]
    return str(point["id"])


def finish(id: str, command: str, point: str) -> str | None:
    """Publish where that was asked for, say what was done, and return where on the page to go on."""
    if command == "publish":
        workshop().publish(id)
        flash("Published. Students are marked by this from now on.")
        return None
    flash("The last edit was undone." if command == "undo" else "Saved.")
    return f"point-{point}" if point else None


@bench.post("/<id>/delete")
def delete(id: str) -> Answer:
    """Delete a question from the workshop."""
    workshop().remove(id)
    flash("The question and its samples were deleted.")
    return redirect(url_for(".index"), 303)


@bench.get("/<id>/export/<format>")
def export(id: str, format: str) -> Response:
    """Download the rubric in a format."""
    from marker import interchange  # noqa: PLC0415 - it loads the writers

    rubric = workshop().get(id).rubric
    found = interchange.FORMATS.get(format)
    if found is None or found.write is None:
        abort(404)
    response = Response(found.write(rubric), mimetype=found.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=f"{rubric.id}{found.suffix}")
    return response


@bench.get("/<id>/versions/<version>")
def compare(id: str, version: str) -> str:
    """Compare a published version with the working copy, on the samples."""
    work = workshop().get(id)
    publication = next((p for p in workshop().versions(id) if p.rubric.version == version), None)
    if publication is None:
        abort(404)
    effect, unavailable = effect_of(work, publication.rubric)
    return render_template(
        "workshop/version.html",
        work=work,
        publication=publication,
        rows=forms.differences(forms.of_rubric(publication.rubric), forms.of_rubric(work.rubric)),
        samples=view.sample_views(work.rubric, workshop().samples(id), effect),
        unavailable=unavailable,
    )


# --- what goes wrong -------------------------------------------------------------------------------------------------


@bench.errorhandler(UnknownWork)
def unknown(_error: UnknownWork) -> tuple[str, int]:
    """Say that there is no such question or sample."""
    return render_template("error.html", status=404), 404


@bench.errorhandler(CSRFError)
def expired(_error: CSRFError) -> tuple[str, int]:
    """Keep what was typed when the session has ended; nothing was saved."""
    if request.endpoint == "workbench.draft":
        return list_page(entered(), {"form": EXPIRED}), 400
    if request.endpoint == "workbench.save":
        work = workshop().get((request.view_args or {})["id"])
        sheet = forms.of_form(request.form, work.origin.get("sources"))
        revision = request.form.get("revision", type=int)
        return editor_page(work, sheet, {"form": EXPIRED}, revision=revision), 400
    return render_template("error.html", status=400, csrf=True), 400
