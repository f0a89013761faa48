"""A mark scheme to print, as one HTML page that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from marker.interchange import sheet
from marker.rubric import Rubric


def write(rubric: Rubric) -> bytes:
    """Write the page; every word of the rubric is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - heavy

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["marks"] = sheet.marks
    template = environment.get_template("mark_scheme.html.jinja")
    notes = {"about_levels": sheet.LEVELS, "about_misconceptions": sheet.MISCONCEPTIONS}
    return template.render(sheet=sheet.sheet(rubric), rubric=rubric, **notes).encode()
