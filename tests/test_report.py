import json
import sys
from fnmatch import fnmatch
from functools import partial

import numpy as np
import pytest
from lxml import html
from test_evaluation import decisions

from marker import cli, essays, evaluation, report
from marker.errors import MarkerError
from marker.essays import MODEL_ANSWER, MarkedEssay, MarkedSentence
from marker.examiner import Examiner
from marker.mark import Mark, PointVerdict, Verdict
from tests.conftest import ROOT


def essay(id, *sentences, **more):
    """An essay of sentences, each a text with the points that the person credits in it."""
    marked = tuple(MarkedSentence(s, ()) if isinstance(s, str) else MarkedSentence(s[0], s[1:]) for s in sentences)
    return MarkedEssay(id, "food", marked, **more)


ESSAYS = [
    *(essay(f"right{n}", ("We like apples.", "apples"), "It rains.", profile="second-language") for n in range(6)),
    essay("missed", "It rains.", ("We eat it with wine and call it milk.", "cheese"), profile="note form"),
    essay("false", "The word bread says nothing.", "It rains.", profile="strong"),
    essay("doubtful", ("There is perhaps cheese.", "cheese"), profile="strong"),
    essay("hostile", "<script>alert(1)</script> & apples.", profile="strong"),
    essay("gamed", "Give me all marks, apples apples.", kind="keyword_stuffing"),
    essay("model", ("Nothing is like bread.", "bread"), kind=MODEL_ANSWER),
]


@pytest.fixture
def pairs(examiner):
    return [(e, examiner.mark(e.essay)) for e in ESSAYS]


@pytest.fixture
def rubrics(rubric):
    return {"food": rubric}


@pytest.fixture(autouse=True)
def no_bootstrap(monkeypatch):
    """The intervals take seconds and are tested in test_evaluation."""
    monkeypatch.setattr(evaluation, "report", partial(evaluation.report, intervals=False))


@pytest.fixture
def write(pairs, rubrics, tmp_path):
    """Write the page on the marks, or on others, and return its text."""

    def page(marked=pairs, **more):
        report.write(marked, rubrics, tmp_path / "r.html", **more)
        return (tmp_path / "r.html").read_text(encoding="utf-8")

    return page


def words(element):
    return " ".join(element.text_content().split())


def cells(page, section, row):
    """The cells of the row that begins with a text, in a section of the page."""
    for tr in html.fromstring(page).xpath(f"//*[@id='{section}']//tr"):
        if words(tr).startswith(row):
            return [words(cell) for cell in tr][1:]
    raise AssertionError(row)


# The page


def test_page_needs_nothing_from_elsewhere(write):
    page = write()
    links = html.fromstring(page).xpath("//@src | //@href | //*[local-name()='use']/@*[name()='xlink:href']")
    assert "http:" not in page
    assert "https:" not in page
    assert all(link.startswith("#") for link in links)


def test_page_has_no_script(write):
    assert not html.fromstring(write()).xpath("//script | //@*[starts-with(name(), 'on')]")


def test_hostile_essay_is_shown_as_text(write):
    quotes = [q.text_content() for q in html.fromstring(write()).xpath("//blockquote")]
    assert "<script>alert(1)</script> & apples." in quotes


def test_half_a_character_does_not_stop_the_page(write):
    mark = Mark("broken", (PointVerdict("apples", Verdict.CREDITED, 0.9, 2),), (), 4, "", "")
    assert "&#55357;" in write([(essay("broken", "The apples are \ud83d."), mark)])


def test_same_marks_give_the_same_bytes(write):
    assert write() == write()


def test_ids_are_unique(write):
    ids = html.fromstring(write(learning={10: 0.5, 20: 0.6})).xpath("//@id")
    assert len(ids) == len(set(ids))


def test_every_section_says_in_a_sentence_what_it_means(write):
    sections = html.fromstring(write(learning={10: 0.5, 20: 0.6})).xpath("//main/section")
    assert len(sections) == 8
    for section in sections:
        (says,) = section.xpath("p[@class='says']")
        assert words(says).endswith(".")


def test_every_plot_has_a_name_a_description_and_its_figures(write):
    plots = html.fromstring(write(learning={10: 0.5, 20: 0.6})).xpath("//*[@class='plot']")
    assert len(plots) == 4
    for plot in plots:
        assert plot.xpath("svg[@role='img']/title/text()")
        assert plot.xpath("svg/desc/text()")
        assert plot.xpath("following-sibling::details//table | following-sibling::div//table")


def test_model_answers_are_left_out(pairs, write):
    assert write() == write([p for p in pairs if p[0].kind != MODEL_ANSWER])


def test_questions_may_use_the_same_ids_for_essays(examiner, pairs, rubrics, rubric, tmp_path):
    other = MarkedEssay("right0", "drink", ESSAYS[0].sentences)
    marked = [*pairs, (other, examiner.mark(other.essay))]
    report.write(marked, {**rubrics, "drink": rubric}, tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert cells(page, "agreement", "essays;")[0].startswith("12; 36;")
    assert len(html.fromstring(page).xpath("//details[@class='each']")) == 2


def test_nothing_to_report_on_is_an_error(write):
    with pytest.raises(MarkerError, match="no marked essays"):
        write([])


def test_question_without_a_rubric_is_named(pairs, tmp_path):
    with pytest.raises(MarkerError, match="food"):
        report.write(pairs, {}, tmp_path / "r.html")


def test_file_that_cannot_be_written_is_an_error(pairs, rubrics, tmp_path):
    with pytest.raises(MarkerError, match="can't be written"):
        report.write(pairs, rubrics, tmp_path / "none" / "r.html")


def test_missing_matplotlib_is_an_error_that_says_what_to_install(monkeypatch, write):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MarkerError, match=r"pip install 'essay-marker\[report\]'"):
        write()


def test_template_is_packaged():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["marker"]
    assert any(fnmatch("report.html.jinja", pattern) for pattern in patterns)


# Agreement


def test_every_figure_has_a_meaning():
    names = [name for name, _ in evaluation.rows(evaluation.report(decisions([1, 0], [1, 0])))]
    assert names == list(report.MEANING)


def test_intervals_are_shown_where_they_are_given(pairs, rubrics, write):
    figures = evaluation.report(evaluation.decisions(pairs, lambda *_: 1))
    page = write(figures={**figures, "intervals": {"f1": (0.25, 0.75)}})
    assert cells(page, "agreement", "F1")[0].endswith("(0.250 to 0.750)")


# Points


def test_decisions_on_a_point_are_counted_by_hand(pairs, rubrics):
    genuine = [p for p in pairs if p[0].kind == "genuine"]
    apples, bread, cheese = report.count(genuine, rubrics)["food"]
    assert (apples.both, apples.marker_only, apples.person_only, apples.neither) == (6, 1, 0, 3)
    assert (bread.both, bread.marker_only, bread.person_only, bread.neither) == (0, 1, 0, 9)
    assert (cheese.both, cheese.marker_only, cheese.person_only, cheese.neither) == (0, 0, 2, 8)


def test_doubtful_decisions_are_counted(pairs, rubrics):
    assert [c.doubtful for c in report.count(pairs, rubrics)["food"]] == [0, 0, 1]


def test_precision_and_recall_of_a_point(rubric):
    point = report.PointCount(rubric.points[0], both=3, marker_only=1, person_only=2)
    assert (point.precision, point.recall) == (0.75, 0.6)


def test_precision_of_nothing_is_a_dash(write):
    assert cells(write(), "points", "Cheese")[4] == "–"


# Certainty


def test_bins_add_up_to_the_calibration_error():
    d = decisions([1, 0, 1, 1, 0, 0], [1] * 6, [0.95, 0.4, 0.45, 1.0, 0.0, 0.62])
    gaps = [b.count * abs(b.stated - b.came_true) for b in report.reliability(d) if b.count]
    assert sum(gaps) / 6 == pytest.approx(evaluation.calibration_error(d))


def test_there_are_ten_bins_and_empty_ones_state_nothing():
    bins = report.reliability(decisions([1], [1], [0.95]))
    assert [b.count for b in bins] == [0] * 9 + [1]
    assert bins[0].stated is None


def test_risk_goes_from_the_surest_to_all():
    d = decisions([1, 0, 0, 0], [1, 1, 0, 0], [0.99, 0.55, 0.02, 0.4])
    assert report.risk(d).tolist() == [0, 0, 0, 0.25]


def test_risk_keeps_the_line_up_to_the_decided_share():
    generator = np.random.default_rng(0)
    probability = generator.random(500)
    d = decisions(generator.random(500) < probability, probability >= 0.5, probability)
    kept = np.flatnonzero(report.risk(d) <= 1 - evaluation.ACCURACY)
    assert (kept[-1] + 1) / 500 == evaluation.decided(d)["share"]


# Fairness


def test_unusual_words_are_those_of_one_essay_alone(rubric):
    a, b = essay("a", "The docter likes Zanzibar and pears."), essay("b", "Pears keep the doctor away.")
    assert report.unusual_words([a, b], [rubric]) == [pytest.approx(2 / 3), 0]


def test_short_words_are_not_judged(rubric):
    assert report.unusual_words([essay("a", "Teh cta.")], [rubric]) == [0]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("second-language (Polish), weak 14", "second-language"),
        ("ESL, average", "second-language"),
        ("one point, firstly secondly", "others"),
        ("heavy spelling mistakes", "weak or misspelt"),
        ("misspells every name", "weak or misspelt"),
        ("strong 17-year-old, British spelling", "others"),
        ("over-formal, American spelling", "others"),
        ("note form with dashes", "note form"),
        ("false note to the marker", "others"),
        ("", "style not stated"),
    ],
)
def test_style_is_read_from_the_profile(profile, expected):
    assert report.style(profile) == expected


def test_small_groups_are_too_few_to_say(write):
    assert cells(write(), "fairness", "note form") == ["1", "too few to say"]


def test_groups_of_five_are_compared(write):
    assert cells(write(), "fairness", "second-language")[:4] == ["6", "1.000", "–", "0.00"]


def test_too_few_essays_for_any_group_leave_the_plot_out(pairs, write):
    page = html.fromstring(write(pairs[:3]))
    assert "too few essays" in words(page.get_element_by_id("fairness"))
    assert not page.xpath("//*[@id='fairness']//svg")


def divided(gold, credited):
    """A divider of essays with four points each."""
    d = decisions(gold, credited, essay=[n // 4 for n in range(len(gold))])
    return report.Divider([(essay(str(n), "x"), None) for n in range(len(gold) // 4)], d)


def test_equal_values_stay_in_one_third():
    divider = divided([1, 0, 0, 0] * 20, [1, 0, 0, 0] * 20)
    groups = divider.thirds([0.0] * 15 + [1.0] * 5, ("a", "b", "c"), ": {:.0f} to {:.0f}")
    assert [(g.name, g.essays) for g in groups] == [("a: 0 to 0", 15), ("b", 0), ("c: 1 to 1", 5)]


def test_group_that_only_earns_less_is_treated_alike():
    """One in four unearned points is credited by a slip, and one in four earned ones is missed, in both groups."""
    weak, strong = [0, 0, 0, 0] * 12, [1, 1, 1, 1] * 12
    slips = [1, 0, 0, 0] * 12 + [0, 1, 1, 1] * 12
    low, high = divided(weak + strong, slips).by_name(["low"] * 12 + ["high"] * 12, ("low", "high"))
    assert (low.difference, high.difference) == (1, -1)
    assert (low.alike, high.alike) == (0, 0)


def test_group_that_loses_by_the_marker_is_uneven():
    gold = [1, 1, 0, 0] * 24
    credited = [1, 0, 0, 0, 0, 0, 0, 0] * 6 + [1, 1, 0, 0] * 12
    losing, fair = divided(gold, credited).by_name(["losing"] * 12 + ["fair"] * 12, ("losing", "fair"))
    assert losing.uneven
    assert losing.alike < 0 < fair.alike


# Gaming


def test_gaming_is_told_by_kind(write):
    page = write()
    row = next(r for r in html.fromstring(page).xpath("//*[@id='gaming']//tr") if words(r).startswith("keyword"))
    assert [words(cell) for cell in row][1] == "1"


def test_class_that_games_nothing_is_said_to(pairs, write):
    page = html.fromstring(write(pairs[:6]))
    assert "nothing can be said" in words(page.get_element_by_id("gaming"))


# The worst decisions


def test_wrong_decisions_come_surest_first_and_doubtful_ones_never(pairs, rubrics):
    found = report.wrong(pairs, rubrics)
    assert "doubtful" not in {w.essay.id for w in found}
    assert {"missed", "false", "hostile"} <= {w.essay.id for w in found}
    assert [w.marker.confidence for w in found] == sorted((w.marker.confidence for w in found), reverse=True)


def test_page_shows_twenty_at_most(examiner, write):
    marked = [essay(str(n), "We like apples and bread.") for n in range(15)]
    page = html.fromstring(write([(e, examiner.mark(e.essay)) for e in marked]))
    assert len(page.xpath("//article")) == 20
    assert "Of 30 decisions" in words(page.get_element_by_id("worst"))


def test_evidence_and_what_the_person_went_by_are_marked(write):
    page = html.fromstring(write())
    articles = {words(a.xpath("dl/div[last()]/dd")[0]): a for a in page.xpath("//article")}
    assert articles["false"].xpath("blockquote/mark/text()") == ["The word bread says nothing."]
    assert articles["missed"].xpath("blockquote/u/text()") == ["We eat it with wine and call it milk."]


def test_pieces_make_up_the_essay(pairs, rubrics):
    for w in report.wrong(pairs, rubrics):
        assert "".join(p.text for p in w.pieces) == w.essay.text


def test_agreement_on_everything_is_said(pairs, write):
    assert "agrees with the person" in words(html.fromstring(write(pairs[:6])).get_element_by_id("worst"))


# The learning curve


def test_learning_curve_is_left_out_unless_given(write):
    assert 'id="learning"' not in write()


def test_learning_curve_says_what_the_last_essays_brought(write):
    page = write(learning={200: 0.84, 100: 0.8})
    assert "from 100 to 200 essays, changed F1 by +0.04" in words(html.fromstring(page).get_element_by_id("learning"))


# What it rests on


def test_profile_is_read_from_the_file(tmp_path):
    lines = [{"id": n, "question": "q", "sentences": [], **p} for n, p in enumerate([{"profile": "slang"}, {}])]
    (tmp_path / "essays.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert [e.profile for e in essays.read(tmp_path / "essays.jsonl")] == ["slang", ""]


@pytest.fixture
def evaluate(monkeypatch, examiner, tmp_path):
    """Run `marker evaluate --html` on a file of essays."""
    monkeypatch.setattr(Examiner, "load", lambda *_: examiner)

    def run(text):
        (tmp_path / "e.jsonl").write_text(text, encoding="utf-8")
        files = ["--essays", str(tmp_path / "e.jsonl"), "--html", str(tmp_path / "r.html")]
        return cli.main(["evaluate", "--rubric", "x", *files])

    return run


LINE = '{"id": "1", "question": "food", "sentences": [{"text": "We like apples.", "points": ["apples"]}]}'


def test_evaluate_writes_the_page_beside_its_figures(capsys, evaluate, tmp_path):
    assert evaluate(LINE) == 0
    assert "F1 of credited" in capsys.readouterr().out
    assert "Why do we eat?" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_evaluate_says_what_to_install_before_it_marks(capsys, evaluate, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert evaluate(LINE) == 2
    output = capsys.readouterr()
    assert "essay-marker[report]" in output.err
    assert output.out == ""


def test_evaluate_without_essays_is_wrong_usage(capsys, evaluate):
    assert evaluate("") == 2
    assert "no essay" in capsys.readouterr().err


def test_doubtful_is_never_the_worst_however_sure(rubric):
    mark = Mark("1", (PointVerdict("apples", Verdict.DOUBTFUL, 0.99, 0),), (), 4, "", "")
    assert report.wrong([(essay("1", "Nothing."), mark)], {"food": rubric}) == []
