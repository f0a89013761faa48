"""The teacher's pages: hand in an essay, read its mark, erase it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from api.desk import CANDIDATE_LIMIT, Desk, Refused
from api.highlight import Segment, Span, segments
from api.store import MarkedPaper
from marker import ModelError, PointVerdict, RequiredPoint, Rubric, Verdict

log = logging.getLogger(__name__)
pages = Blueprint("pages", __name__)

VERDICTS = {
    Verdict.CREDITED: "Credited",
    Verdict.DOUBTFUL: "In doubt",
    Verdict.CONTRADICTED: "Contradicted",
    Verdict.OMITTED: "Not found",
}

SURENESS = ((0.95, "Very sure"), (0.85, "Sure"), (0.7, "Fairly sure"), (0.0, "Not sure"))
"""Least confidence for each word."""

EXPIRED = "Your browser session had ended before you pressed the button. Your text is still here: press it again."
UNAVAILABLE = "The marking model could not be loaded. The window in which Essay Marker was started says why."


@dataclass(frozen=True, slots=True)
class PointRow:
    """Hold what the page shows of one point; `passages` are the numbers of the pieces where its evidence begins."""

    number: int
    point: RequiredPoint
    verdict: PointVerdict
    passages: tuple[int, ...]

    @property
    def word(self) -> str:
        """Say the verdict in words."""
        return VERDICTS[self.verdict.verdict]

    @property
    def confidence(self) -> str:
        """Say how sure the verdict is, in words and percent."""
        percent = min(99, max(1, round(100 * self.verdict.confidence)))
        if self.verdict.verdict is Verdict.DOUBTFUL:
            return f"{percent}% likely to be earned"
        return f"{sureness(self.verdict.confidence)} ({percent}%)"


@pages.get("/")
def home() -> str:
    """Show the form."""
    return form({"question": request.args.get("question", "")})


@pages.post("/")
def hand_in() -> Response | tuple[str, int]:
    """Mark the essay and go to its mark, or show the form again with what is wrong."""
    values = handed_in()
    try:
        paper = desk().receive(values["question"], values["text"], values["candidate"])
    except Refused as refused:
        return form(values, {f.field: f.message for f in refused.faults}), 422
    except ModelError as error:
        log.error("not marked: %s", error)  # noqa: TRY400 - the message says it all
        return form(values, {"form": UNAVAILABLE}), 503
    return redirect(url_for("pages.show_mark", id=paper.id), 303)


@pages.get("/marks/<id>")
def show_mark(id: str) -> str:
    """Show a mark with its reasons."""
    paper = desk().paper(id)
    if paper is None:
        abort(404)
    pieces = segments(paper.text, spans(paper))
    rows = point_rows(paper, pieces)
    kinds = {row.number: row.verdict.verdict for row in rows}
    in_doubt = sum(row.point.marks for row in rows if row.verdict.verdict is Verdict.DOUBTFUL)
    return render_template(
        "mark.html",
        paper=paper,
        pieces=pieces,
        rows=rows,
        numbers={row.point.id: row.number for row in rows},
        kinds=kinds,
        tones=[" ".join(sorted({kinds[number] for number in piece.points})) for piece in pieces],
        words=VERDICTS,
        in_doubt=in_doubt,
        cells=bar(paper.mark.awarded, in_doubt, paper.mark.available),
    )


@pages.post("/marks/<id>/erase")
def erase(id: str) -> Response:
    """Erase an essay and its mark."""
    if not desk().erase(id):
        abort(404)
    flash("The essay and its mark were erased.")
    return redirect(url_for("pages.home"), 303)


@pages.app_errorhandler(CSRFError)
def expired(error: CSRFError) -> tuple[str, int]:
    """Keep a teacher's text when the session has ended; nothing was marked."""
    if request.endpoint == "pages.hand_in":
        return form(handed_in(), {"form": EXPIRED}), 400
    return render_template("error.html", status=error.code, csrf=True), 400


@pages.app_template_filter("local_time")
def local_time(moment: datetime) -> str:
    """Write a time as the clock on the wall shows it: the service runs on the teacher's own machine."""
    local = moment.astimezone()
    return f"{local.day} {local:%B %Y, %H:%M}"


@pages.app_template_filter("opening")
def opening(text: str) -> str:
    """Begin with a capital and leave the rest alone: `history of the USSR` keeps its USSR."""
    return text[:1].upper() + text[1:]


def form(values: Mapping[str, str], errors: Mapping[str, str] | None = None) -> str:
    """Render the form with what was entered and what is wrong with it."""
    return render_template(
        "home.html",
        subjects=subjects(desk().questions.values()),
        values=values,
        errors=errors or {},
        candidate_limit=CANDIDATE_LIMIT,
    )


def handed_in() -> dict[str, str]:
    """Return the fields of the form, with the line ends that browsers change put right."""
    fields = {name: request.form.get(name, "") for name in ("question", "text", "candidate")}
    text = fields["text"].replace("\r\n", "\n").replace("\0", "\ufffd")
    return {"question": fields["question"], "text": text, "candidate": fields["candidate"].strip()}


def subjects(questions: Iterable[Rubric]) -> list[tuple[str, list[Rubric]]]:
    """Group questions, which come in the order of their subjects, by subject."""
    groups = groupby(questions, key=lambda rubric: rubric.subject)
    return [(subject or "Other", list(rubrics)) for subject, rubrics in groups]


def spans(paper: MarkedPaper) -> list[Span]:
    """Return where the evidence of each point stands; points are numbered from 1 in the rubric's order."""
    numbered = enumerate(paper.rubric.points, 1)
    return [Span(number, e.start, e.end) for number, point in numbered for e in paper.mark[point.id].evidence]


def point_rows(paper: MarkedPaper, pieces: list[Segment]) -> list[PointRow]:
    """Put each point of the rubric beside its verdict."""
    return [
        PointRow(number, point, paper.mark[point.id], passages(number, pieces))
        for number, point in enumerate(paper.rubric.points, 1)
    ]


def passages(number: int, pieces: list[Segment]) -> tuple[int, ...]:
    """Return the pieces where the evidence of a point begins."""
    held = [number in piece.points for piece in pieces]
    return tuple(i for i, here in enumerate(held) if here and not (i and held[i - 1]))


def bar(awarded: int, in_doubt: int, available: int) -> list[str]:
    """Return the kind of each mark, in the order of the bar that stands for the total."""
    return [*awarded * ["awarded"], *in_doubt * ["doubtful"], *(available - awarded - in_doubt) * ["missing"]]


def sureness(confidence: float) -> str:
    """Say a probability in words."""
    return next(word for least, word in SURENESS if confidence >= least)


def desk() -> Desk:
    """Return the desk of the running service."""
    found: Desk = current_app.extensions["desk"]
    return found
