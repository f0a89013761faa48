"""The samples of a rubric: add answers, judge their points, remove one."""

from __future__ import annotations

import re

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from api.workbench_form import clean
from api.workbench_page import editor_page, workshop
from api.workshop import Full
from marker import Essay

samples = Blueprint("samples", __name__)

JUDGED = {"yes": True, "no": False, "": None}


@samples.post("/<id>/samples")
def add(id: str) -> Response | tuple[str, int]:
    """Add the answers that were pasted, and those of the files; a file that can't be read is told."""
    pasted = clean(request.form.get("samples", ""))
    found, faults = uploaded()
    texts = [*re.split(r"^[ \t]*-{3,}[ \t]*$", pasted, flags=re.MULTILINE), *found]
    work = workshop().get(id)
    errors = {"files": " ".join(faults)} if faults else {}
    try:
        if any(t.strip() for t in texts) or not faults:
            before = len(workshop().samples(id))
            workshop().add_samples(id, texts)
            flash(f"Samples added: {len(workshop().samples(id)) - before}.")
    except Full as full:
        return editor_page(work, errors={**errors, "samples": str(full)}, pasted=pasted), 422
    if faults:
        return editor_page(work, errors=errors, file_faults=faults), 422
    return redirect(url_for("workbench.edit", id=id, _anchor="try"), 303)


def uploaded() -> tuple[list[str], list[str]]:
    """Read the files that came along: the texts, and what is wrong with those that could not be read."""
    from marker import documents  # noqa: PLC0415 - it loads a reader for every format

    texts, faults = [], []
    for file in request.files.getlist("files"):
        if not file.filename:
            continue
        for found in documents.read_bytes(file.filename, file.read()):
            if isinstance(found, Essay):
                texts.append(found.text)
            else:
                faults.append(f"{found.name} {found.reason}.")
    return texts, faults


@samples.post("/<id>/samples/<sample>/judge")
def judge(id: str, sample: str) -> Response:
    """Keep what the teacher says of the points of a sample."""
    points = {p.id for p in workshop().get(id).rubric.points}
    said = {name.removeprefix("earned-"): value for name, value in request.form.items() if name.startswith("earned-")}
    workshop().judge(id, sample, {p: JUDGED.get(value) for p, value in said.items() if p in points})
    flash("Judgement saved.")
    return redirect(url_for("workbench.edit", id=id, open=sample, _anchor=f"sample-{sample}"), 303)


@samples.post("/<id>/samples/<sample>/remove")
def remove(id: str, sample: str) -> Response:
    """Remove a sample."""
    workshop().remove_sample(id, sample)
    flash("The sample was removed.")
    return redirect(url_for("workbench.edit", id=id, _anchor="try"), 303)
