"""The pages of the workshop: the list of its questions, and the editor of one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import current_app, render_template, request

from api import workbench_form as forms
from api import workbench_view as view
from api.pages import UNAVAILABLE, desk, subjects
from api.workshop import Work, Workshop
from marker import ModelError, Rubric

if TYPE_CHECKING:
    from marker.samples import Effect

log = logging.getLogger(__name__)

ANSWERS = 3
"""Model answers that a rubric can be drafted from."""

FORMATS = {
    "toml": "Essay Marker (.toml)",
    "json": "JSON",
    "canvas": "Canvas (.csv)",
    "h5p": "H5P",
    "ora": "Open edX",
    "html": "Mark scheme to print (.html)",
    "pdf": "Mark scheme (.pdf)",
}
"""What people call the formats."""


def list_page(values: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None) -> str:
    """Show the questions in the workshop and the ways to a new one, with what was entered and what is wrong."""
    from marker import interchange  # noqa: PLC0415 - it loads the readers

    readable = [f for f in interchange.FORMATS.values() if f.read]
    return render_template(
        "workshop/list.html",
        works=workshop().all(),
        library=subjects(desk().library.values()),
        formats=[FORMATS.get(f.name, f.name) for f in readable],
        suffixes=",".join(f.suffix for f in readable),
        answers=range(1, ANSWERS + 1),
        values=values or {},
        errors=errors or {},
    )


def editor_page(
    work: Work,
    sheet: forms.Sheet | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    revision: int | None = None,
    **shown: Any,
) -> str:
    """Show the editor: the rubric as it is kept, or the form as it was sent with what is wrong with it."""
    rubric = work.rubric
    effect, unavailable = effect_of(work)
    sheet = sheet or forms.of_rubric(rubric)
    return render_template(
        "workshop/editor.html",
        work=work,
        sheet=sheet,
        revision=revision or work.revision,
        errors=errors or {},
        answers=view.answers(work.origin, rubric),
        left_over=view.left_over(work.origin, rubric),
        lint=view.lint(rubric),
        effect=effect,
        unavailable=unavailable,
        agreement=view.agreement(effect) if effect else "",
        samples=view.sample_views(rubric, workshop().samples(rubric.id), effect),
        versions=workshop().versions(rubric.id),
        formats=writable(),
        opened=request.args.get("open", ""),
        **shown,
    )


def effect_of(work: Work, against: Rubric | None = None) -> tuple[Effect | None, str]:
    """Mark the samples, or say why that can't be done now."""
    try:
        return workshop().effect(work, against), ""
    except ModelError as error:
        log.error("samples not marked: %s", error)  # noqa: TRY400 - the message says it all
        return None, UNAVAILABLE


def writable() -> list[tuple[str, str]]:
    """Return the formats that a rubric can be downloaded in, by name, with what people call them."""
    from marker import interchange  # noqa: PLC0415 - it loads the writers

    return [(f.name, FORMATS.get(f.name, f.name)) for f in interchange.FORMATS.values() if f.write]


def workshop() -> Workshop:
    """Return the workshop of the running service."""
    found: Workshop = current_app.extensions["workshop"]
    return found
