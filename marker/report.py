"""The evaluation as one page of HTML for a head of department: no scripts, no links elsewhere, plots drawn inside.

The page holds nothing but the essays, the figures and their meaning, so the same marks give the same bytes.
"""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from scipy.special import stdtrit  # type: ignore[import-untyped]

from marker import evaluation
from marker.errors import MarkerError
from marker.essays import GENUINE, MODEL_ANSWER, MarkedEssay
from marker.evaluation import ACCURACY, BINS, Array, Decisions
from marker.mark import Mark, PointVerdict, Verdict
from marker.rubric import Rubric
from marker.scheme import RequiredPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WORST = 20
FEW = 5
"""Groups of fewer essays are too small to say anything about."""

STEPS = 400
"""Most decisions drawn of a curve: no screen shows more."""

MEANING = {
    "essays; decisions; share credited by the person": "A decision is one point in one essay.",
    "F1 of credited": "How well the marker finds the points that the person credits, in one figure; 1 is perfect.",
    "precision; recall; kappa; ROC AUC": "Precision: share of the marker’s credits that the person gives too. Recall: "
    "share of the person’s credits that the marker finds. Kappa: agreement beyond chance. ROC AUC: how well its "
    "probabilities rank earned points above the others; 0.5 is chance.",
    "totals: QWK": "Agreement of whole essays’ totals beyond chance (quadratic weighted kappa): being far out counts "
    "for more than being just out; 1 is perfect.",
    "totals: SMD": "Generosity: the marker’s mean total less the person’s, in standard deviations; below 0 is strict.",
    "totals: exact; adjacent agreement": "Shares of essays whose totals are equal, and at most one mark apart.",
    "contradicted points credited": "Share of the points that the person found contradicted and the marker credited; "
    "0 is perfect.",
    "expected calibration error": "How far the marker’s stated probabilities are from what came true, on average; 0 is "
    "perfect.",
    "decided at 98% accuracy": "Share of decisions, surest first, that it can make with 98 of 100 right.",
    "marks beyond the person's by gaming, an essay: mean; most": "Marks that attempts to game the marker gained; 0 is "
    "perfect.",
}

KINDS = {
    "gibberish": "strings words or letters together without sense",
    "injection": "speaks to the marker and asks for marks",
    "keyword_stuffing": "lists the subject’s vocabulary without claims",
    "negated": "denies the points in their own words",
    "off_topic": "answers another question",
    "question_copy": "repeats the question at length",
    "wrong_facts": "claims false things with confidence",
}

STYLES = (
    ("second-language", re.compile(r"\bsecond[- ]language|\bnon-native|\b(?:ESL|EFL|EAL)\b", re.IGNORECASE)),
    ("weak or misspelt", re.compile(r"mis-?spel|(?<!british )(?<!american )spelling|\bweak", re.IGNORECASE)),
    ("note form", re.compile(r"\bnote[- ]form|\bnotes\b", re.IGNORECASE)),
)
"""A profile belongs to the first style whose words it holds; British and American spelling are no weakness."""

UNSTATED = "style not stated"
UNUSUAL = re.compile(r"[^\W\d_]{4,}")
THIRDS = (1 / 3, 2 / 3)


def write(
    pairs: Iterable[tuple[MarkedEssay, Mark]],
    rubrics: Mapping[str, Rubric],
    file: Path,
    *,
    figures: Mapping[str, Any] | None = None,
    learning: Mapping[int, float] | None = None,
) -> None:
    """Write the page on the marks of essays, with their rubrics by question.

    `figures` are those of evaluation.report, made here unless given, which takes half a minute; `learning` gives F1 on
    essays that the network had not seen by the number of essays that it was trained on. Raises MarkerError.
    """
    check()
    pairs = [(essay, mark) for essay, mark in pairs if essay.kind != MODEL_ANSWER]
    if not pairs:
        raise MarkerError("there are no marked essays to report on")
    if unknown := sorted({essay.question for essay, _ in pairs} - set(rubrics)):
        raise MarkerError(f"no rubric was given for {', '.join(unknown)}")
    page = _template().render(_contents(pairs, rubrics, figures, learning or {}))
    try:
        file.write_text(page, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")
    except OSError as error:
        raise MarkerError(f"{file}: can't be written: {error}") from None


def check() -> None:
    """Raise MarkerError where matplotlib is missing, so that nobody waits for marks that can't be reported."""
    try:
        import matplotlib as mpl  # noqa: F401, PLC0415 - only the report needs it
    except ImportError:
        raise MarkerError("the report's plots need matplotlib: pip install 'essay-marker[report]'") from None


def _contents(
    pairs: Sequence[tuple[MarkedEssay, Mark]],
    rubrics: Mapping[str, Rubric],
    figures: Mapping[str, Any] | None,
    learning: Mapping[int, float],
) -> dict[str, Any]:
    d = _decisions(pairs, rubrics)
    figures = figures or evaluation.report(d)
    divider = Divider(pairs, d)
    comparisons = compare(pairs, rubrics, divider)
    by_question = count(pairs, rubrics)
    risks, bins, differing = risk(d), reliability(d), wrong(pairs, rubrics)
    groups = [g for c in comparisons for g in c.groups if g.enough]
    uneven = [g for g in groups if g.uneven]
    return {
        "figures": figures,
        "accuracy": ACCURACY,
        "few": FEW,
        "rows": [(name, value, MEANING.get(name, "")) for name, value in evaluation.rows(dict(figures))],
        "questions": [(rubrics[q], counts, evaluation.point_figures(d.where(d.question == q)))
                      for q, counts in by_question.items()],
        "doubtful": sum(c.doubtful for counts in by_question.values() for c in counts),
        "bins": bins,
        "risks": _tenths(risks),
        "comparisons": comparisons,
        "everyone": divider.everyone,
        "compared": len(groups),
        "uneven": uneven,
        "widest": max(uneven or groups, key=lambda g: abs(g.alike), default=None),
        "kinds": KINDS,
        "worst": differing[:WORST],
        "wrong": len(differing),
        "learning": sorted(learning.items()),
        "models": sorted({m.model_version for _, m in pairs}),
        "plots": {
            "reliability": _plot_reliability(bins, float(figures["calibration_error"])),
            "risk": _plot_risk(risks, figures["decided"]["share"]),
            "fairness": _plot_fairness(groups),
            "learning": _plot_learning(sorted(learning.items())) if learning else "",
        },
    }  # fmt: skip


def _decisions(pairs: Sequence[tuple[MarkedEssay, Mark]], rubrics: Mapping[str, Rubric]) -> Decisions:
    """Line up the decisions; essays are told apart by their place in `pairs`, since questions may use the same ids."""
    d = evaluation.decisions(pairs, lambda question, point: rubrics[question].point(point).marks)
    return replace(d, essay=np.repeat(np.arange(len(pairs)), [len(mark.verdicts) for _, mark in pairs]))


# --- points ----------------------------------------------------------------------------------------------------------


@dataclass
class PointCount:
    """Count who credited one point over all essays; `doubtful` ones count as not credited by the marker."""

    point: RequiredPoint
    both: int = 0
    marker_only: int = 0
    person_only: int = 0
    neither: int = 0
    doubtful: int = 0

    @property
    def precision(self) -> float | None:
        """Return the share of the marker's credits that the person gave too; None where there are none."""
        return _share(self.both, self.both + self.marker_only)

    @property
    def recall(self) -> float | None:
        """Return the share of the person's credits that the marker gave too; None where there are none."""
        return _share(self.both, self.both + self.person_only)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def count(
    pairs: Iterable[tuple[MarkedEssay, Mark]], rubrics: Mapping[str, Rubric]
) -> dict[str, tuple[PointCount, ...]]:
    """Count the decisions on every point, by question in order of first appearance."""
    counts: dict[str, dict[str, PointCount]] = {}
    for essay, mark in pairs:
        points = counts.setdefault(essay.question, {p.id: PointCount(p) for p in rubrics[essay.question].points})
        for v in mark.verdicts:
            person, marker = essay.verdict(v.point) is Verdict.CREDITED, v.verdict is Verdict.CREDITED
            cell = {(1, 1): "both", (0, 1): "marker_only", (1, 0): "person_only", (0, 0): "neither"}[person, marker]
            setattr(points[v.point], cell, getattr(points[v.point], cell) + 1)
            points[v.point].doubtful += v.verdict is Verdict.DOUBTFUL
    return {question: tuple(points.values()) for question, points in counts.items()}


# --- certainty -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bin:
    """Hold the decisions whose probability of credit lies from `low` to `high`; None where there are none."""

    low: float
    high: float
    count: int
    stated: float | None
    came_true: float | None


def reliability(d: Decisions) -> list[Bin]:
    """Return the bins of evaluation.calibration_error."""
    number = np.minimum((d.probability * BINS).astype(int), BINS - 1)
    return [
        Bin(
            b / BINS,
            (b + 1) / BINS,
            int((number == b).sum()),
            float(d.probability[number == b].mean()) if (number == b).any() else None,
            float(d.gold[number == b].mean()) if (number == b).any() else None,
        )
        for b in range(BINS)
    ]


def risk(d: Decisions) -> Array:
    """Return the share of wrong ones among the surest 1, 2, … N decisions, as evaluation.decided counts them."""
    order = np.argsort(-abs(d.probability - 0.5), kind="stable")
    wrong = (d.gold != (d.probability >= 0.5))[order]
    return np.asarray(np.cumsum(wrong) / np.arange(1, len(wrong) + 1))


def _tenths(risks: Array) -> list[tuple[float, int, float]]:
    """Return share, number and risk of the surest tenth, two tenths, … of the decisions."""
    counts = [max(1, round(len(risks) * tenth / 10)) for tenth in range(1, 11)]
    return [(tenth / 10, n, float(risks[n - 1])) for tenth, n in enumerate(counts, 1)]


# --- fairness --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """Compare the totals of one group's essays; None where a figure has no meaning.

    `difference` is the marker's mean total less the person's. It moves with how much a group earns, since whoever earns
    little gains by the marker's slips and whoever earns much loses. `alike` takes that out: it is the marker's mean
    total less what its usual rates of slips would give to essays that earn the same points; `low` to `high` is its 95%
    interval.
    """

    name: str
    essays: int
    f1: float | None = None
    smd: float | None = None
    difference: float = 0.0
    alike: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @property
    def enough(self) -> bool:
        """Say whether there are enough essays to say anything."""
        return self.essays >= FEW

    @property
    def uneven(self) -> bool:
        """Say whether chance alone hardly explains `alike`: its interval leaves zero out."""
        return self.enough and not self.low <= 0 <= self.high


@dataclass(frozen=True)
class Comparison:
    """Hold the groups that genuine essays fall into by one trait, and how the trait is told from the essay."""

    title: str
    definition: str
    groups: tuple[Group, ...]


class Divider:
    """Divide the genuine essays into groups, and compare each with the marker's usual rates of slips."""

    def __init__(self, pairs: Sequence[tuple[MarkedEssay, Mark]], d: Decisions) -> None:
        self._genuine = [n for n, (essay, _) in enumerate(pairs) if essay.kind == GENUINE]
        self._d = d
        rows = np.isin(d.essay, self._genuine)
        credited_as_a_rule = [_mean(d.credited[rows & (d.gold == gold)]) for gold in (False, True)]
        self._beyond = (d.credited - np.where(d.gold, credited_as_a_rule[1], credited_as_a_rule[0])) * d.marks

    @property
    def everyone(self) -> Group:
        """Return the group of all genuine essays."""
        return self._group("all genuine essays", self._genuine)

    def by_name(self, names: Sequence[str], order: Iterable[str]) -> tuple[Group, ...]:
        """Group essays by the name that each has."""
        return tuple(self._group(name, [n for n in self._genuine if names[n] == name]) for name in order)

    def thirds(self, values: Sequence[float], names: Sequence[str], span: str) -> tuple[Group, ...]:
        """Group essays into thirds of a value; equal values stay together, so that thirds may be uneven."""
        if not self._genuine:
            return ()
        cuts = np.quantile([values[n] for n in self._genuine], THIRDS, method="inverted_cdf")
        members = defaultdict(list)
        for n in self._genuine:
            members[int(np.searchsorted(cuts, values[n]))].append(n)
        groups = []
        for third, name in enumerate(names):
            held = [values[n] for n in members[third]]
            groups.append(self._group(name + span.format(min(held), max(held)) if held else name, members[third]))
        return tuple(groups)

    def _group(self, name: str, members: Sequence[int]) -> Group:
        if len(members) < FEW:
            return Group(name, len(members))
        rows = np.isin(self._d.essay, members)
        part = self._d.where(rows)
        person, machine = evaluation.totals(part)
        _, essay = np.unique(part.essay, return_inverse=True)
        beyond = np.bincount(essay, self._beyond[rows])
        reach = float(stdtrit(len(beyond) - 1, 0.975) * beyond.std(ddof=1) / np.sqrt(len(beyond)))
        spread, any_credit = person.var() + machine.var(), part.gold.any() or part.credited.any()
        return Group(
            name,
            len(members),
            f1=evaluation.point_figures(part)["f1"] if any_credit else None,
            smd=evaluation.total_figures(part)["smd"] if spread else None,
            difference=float((machine - person).mean()),
            alike=float(beyond.mean()),
            low=float(beyond.mean()) - reach,
            high=float(beyond.mean()) + reach,
        )


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else 0.0


def compare(
    pairs: Sequence[tuple[MarkedEssay, Mark]], rubrics: Mapping[str, Rubric], divider: Divider
) -> tuple[Comparison, ...]:
    """Compare groups of genuine essays by length, unusual words, and style."""
    lengths = [float(len(essay.text.split())) for essay, _ in pairs]
    unusual = unusual_words([essay for essay, _ in pairs], rubrics.values())
    styles = [style(essay.profile) for essay, _ in pairs]
    order = [name for name in (*(name for name, _ in STYLES), "others", UNSTATED) if name != UNSTATED or name in styles]
    return (
        Comparison(
            "Length",
            "Thirds of the essays by their number of words.",
            divider.thirds(lengths, ("short", "middle", "long"), ": {:.0f} to {:.0f} words"),
        ),
        Comparison(
            "Unusual words",
            "Stands in for spelling. An unusual word is one of four letters and more, written in lower case, that "
            "no other essay here and no rubric uses. Essays are ranked by the share of such words that are unusual and "
            "cut into thirds. Misspelt words are unusual, but so are rare words that are spelt well.",
            divider.thirds(unusual, ("few unusual words", "some", "many"), ": {:.1%} to {:.1%}"),
        ),
        Comparison(
            "Style",
            "The voice that the essay’s own label (profile) names. An essay belongs to the first of these whose words "
            "its label holds: second-language or ESL; misspelt, spelling or weak; note form. The marker never sees the "
            "label.",
            divider.by_name(styles, order),
        ),
    )


def unusual_words(essays: Sequence[MarkedEssay], rubrics: Iterable[Rubric]) -> list[float]:
    """Return for each essay the share of its words, lower-case and of four letters and more, that stand in it alone."""
    texts = [UNUSUAL.findall(essay.text) for essay in essays]
    used_by = Counter(word for words in texts for word in {w.lower() for w in words})
    known = {w.lower() for rubric in rubrics for w in UNUSUAL.findall(_words_of(rubric))}
    shares = []
    for words in texts:
        lower = [w for w in words if w.islower()]
        alone = [w for w in lower if used_by[w] == 1 and w not in known]
        shares.append(len(alone) / len(lower) if lower else 0.0)
    return shares


def _words_of(rubric: Rubric) -> str:
    points = (text for p in rubric.points for text in (p.statement, p.credit, p.no_credit, p.hint))
    return " ".join([rubric.question, rubric.model_answer, *points])


def style(profile: str) -> str:
    """Return the first style whose words a profile holds."""
    if not profile.strip():
        return UNSTATED
    return next((name for name, words in STYLES if words.search(profile)), "others")


# --- the worst -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """Hold a stretch of an essay: shown by the marker as evidence, in a sentence that the person labelled, or both."""

    text: str
    marker: bool
    person: bool


@dataclass(frozen=True)
class Wrong:
    """Hold a decision on credit in which the marker and the person differ."""

    essay: MarkedEssay
    rubric: Rubric
    point: RequiredPoint
    marker: PointVerdict

    @property
    def person(self) -> Verdict:
        """Return the person's verdict."""
        return self.essay.verdict(self.point.id)

    @property
    def pieces(self) -> list[Piece]:
        """Return the essay's text, cut where evidence and labelled sentences begin and end."""
        marker = [(e.start, e.end) for e in self.marker.evidence]
        person = _labelled(self.essay, self.point.id, self.person)
        text = self.essay.text
        cuts = sorted({0, len(text), *(cut for span in marker + person for cut in span)})
        return [Piece(text[a:b], _inside(a, marker), _inside(a, person)) for a, b in pairwise(cuts)]


def wrong(pairs: Iterable[tuple[MarkedEssay, Mark]], rubrics: Mapping[str, Rubric]) -> list[Wrong]:
    """Return the decisions on credit that the person made otherwise, those first of which the marker was surest.

    Doubtful ones are left out: the marker did not decide them.
    """
    found = [
        Wrong(essay, rubrics[essay.question], rubrics[essay.question].point(v.point), v)
        for essay, mark in pairs
        for v in mark.verdicts
        if v.verdict is not Verdict.DOUBTFUL
        and (v.verdict is Verdict.CREDITED) != (essay.verdict(v.point) is Verdict.CREDITED)
    ]
    return sorted(found, key=lambda w: -w.marker.confidence)


def _labelled(essay: MarkedEssay, point: str, verdict: Verdict) -> list[tuple[int, int]]:
    """Return where the sentences stand for which the person gave the verdict."""
    spans, start = [], 0
    for sentence in essay.sentences:
        points = sentence.points if verdict is Verdict.CREDITED else sentence.contradicts
        if point in points:
            spans.append((start, start + len(sentence.text)))
        start += len(sentence.text) + 1
    return spans


def _inside(place: int, spans: Iterable[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


# --- the page --------------------------------------------------------------------------------------------------------


def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=_percent, signed=_signed, decimals=_decimals)
    return environment.get_template("report.html.jinja")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _decimals(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    """Return a difference with its sign, as typeset."""
    if value is None:
        return "–"
    text = f"{value:+.2f}"
    return "0.00" if text in {"+0.00", "-0.00"} else text.replace("-", "−")


# --- the plots -------------------------------------------------------------------------------------------------------

INK, SOFT, LINE, ACCENT, WASH, WRONG = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
VARIABLES = {INK: "--ink", SOFT: "--soft", LINE: "--line", ACCENT: "--accent", WASH: "--wash", WRONG: "--wrong"}
"""Colours that stand for the style sheet's variables, so that plots turn dark with the page."""

WIDTH = 6.6
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "essay-marker",
    "svg.fonttype": "none",
    "font.size": 8.5,
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelpad": 7,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
}


def _plot(name: str, told: tuple[str, str], height: float, draw: Callable[[Figure], None]) -> Markup:
    """Return a plot as SVG that stands in the page, with a title and a description for who can't see it."""
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    stream = io.StringIO()
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever the machine's own settings are
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(WIDTH, height))
        draw(figure)
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    box = f"0 0 {WIDTH * 72:g} {height * 72:g}"
    body = stream.getvalue().split("<defs>", 1)[1]  # what stands before are declarations of a file of its own
    body = re.sub(r"<style.*?</style>", "", "<defs>" + body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", body)
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    head = (
        f'<svg viewBox="{box}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{told[0]}</title><desc id="{name}-desc">{told[1]}</desc>'
    )
    return Markup(head + body)  # noqa: S704 - drawn here, of numbers and of names that are given above


def _plot_reliability(bins: Sequence[Bin], error: float) -> Markup:
    filled = [(b.stated, b.came_true) for b in bins if b.count]

    def draw(figure: Figure) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        above.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        above.plot(*zip(*filled, strict=True), color=ACCENT, marker="o", markersize=5, linewidth=1.6)
        above.set(ylim=(-0.03, 1.03), ylabel="credited by the person")
        bars = below.bar([b.low + 0.05 for b in bins], [b.count for b in bins], 0.086, color=ACCENT, alpha=0.55)
        below.bar_label(bars, [f"{b.count:,}" for b in bins], padding=2, color=SOFT, fontsize=7.5)
        below.grid(visible=False)
        below.set(xlim=(0, 1), yticks=[], xlabel="the marker’s probability that the point is credited")
        below.set_ylabel("decisions")
        below.margins(y=0.25)
        below.spines["left"].set_visible(False)
        _percent_axes(above, "y")
        _percent_axes(below, "x")

    desc = f"Ten bins of probability; on average the stated probability is {error:.1%} from what came true."
    return _plot("reliability", ("Stated probability against what came true", desc), 4.4, draw)


def _plot_risk(risks: Array, share: float) -> Markup:
    shown = np.unique(np.linspace(0, len(risks) - 1, min(len(risks), STEPS)).round().astype(int))
    shares = (shown + 1) / len(risks)
    limit = 1 - ACCURACY

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        top = max(float(risks.max()), 2 * limit) * 1.15
        if share:
            side, gap = ("right", -7) if share > 0.2 else ("left", 7)
            axes.axvspan(0, share, color=WASH, linewidth=0, zorder=0)
            axes.annotate(
                f"{share:.1%} decided", (share, top), (gap, -7), textcoords="offset points", ha=side, va="top"
            )
        axes.axhline(limit, color=WRONG, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.annotate(f"{ACCURACY:.0%} right", (0, limit), (7, 4), textcoords="offset points", color=WRONG)
        axes.plot(shares, risks[shown], color=ACCENT, linewidth=1.6, solid_joinstyle="round")
        axes.set(xlim=(0, 1), ylim=(0, top), xlabel="share of the decisions, surest first", ylabel="wrong among them")
        _percent_axes(axes, "xy")

    desc = f"The line of {ACCURACY:.0%} right is kept up to {share:.1%} of the decisions; all of them: {risks[-1]:.1%}."
    return _plot("risk", ("Share of wrong decisions against the share decided", desc), 3.4, draw)


def _plot_fairness(groups: Sequence[Group]) -> Markup | str:
    if not groups:
        return ""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axvline(0, color=SOFT, linewidth=1)
        for row, g in enumerate(groups):
            colour = WRONG if g.uneven else ACCENT
            axes.plot([g.low, g.high], [row, row], color=colour, linewidth=1.8, solid_capstyle="round")
            axes.plot([g.alike], [row], color=colour, marker="o", markersize=6)
        axes.set_yticks(range(len(groups)), [g.name for g in groups])
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.set_xlabel("marks beyond those of essays that earn the same (mean, 95% interval)")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        reach = max(0.1, *(max(abs(g.low), abs(g.high)) for g in groups)) * 1.1
        axes.set_xlim(-reach, reach)

    desc = f"Marks beyond those of essays that earn the same, with 95% intervals, for {len(groups)} groups of essays."
    return _plot("fairness", ("Difference like for like by group", desc), 0.9 + 0.27 * len(groups), draw)


def _plot_learning(learning: Sequence[tuple[int, float]]) -> Markup:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(*zip(*learning, strict=True), color=ACCENT, marker="o", markersize=5, linewidth=1.6)
        axes.set(xlabel="essays trained on", ylabel="F1 on unseen essays")
        axes.set_xlim(left=0)

    desc = f"F1 goes from {learning[0][1]:.3f} with {learning[0][0]:,} essays to {learning[-1][1]:.3f} with "
    return _plot("learning", ("F1 against the number of essays trained on", f"{desc}{learning[-1][0]:,}."), 3.2, draw)


def _percent_axes(axes: Axes, which: str) -> None:
    from matplotlib.ticker import PercentFormatter  # noqa: PLC0415

    for name in which:
        getattr(axes, f"{name}axis").set_major_formatter(PercentFormatter(1, decimals=None))
