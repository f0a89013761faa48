import numpy as np
import pytest

from marker import evaluation
from marker.evaluation import Decisions


def decisions(gold, credited, probability=None, **columns):
    count = len(gold)
    default = {
        "essay": np.array([f"e{n // 2}" for n in range(count)]),
        "question": np.array(["q"] * count),
        "kind": np.array(["genuine"] * count),
        "gold": np.array(gold, bool),
        "contradicted": np.zeros(count, bool),
        "credited": np.array(credited, bool),
        "probability": np.array(probability if probability is not None else credited, float),
        "marks": np.ones(count, int),
    }
    return Decisions(**{**default, **{k: np.array(v) for k, v in columns.items()}})


def test_precision_recall_and_f1_by_hand():
    figures = evaluation.point_figures(decisions([1, 1, 1, 0], [1, 0, 1, 1]))
    assert figures["precision"] == pytest.approx(2 / 3)
    assert figures["recall"] == pytest.approx(2 / 3)
    assert figures["f1"] == pytest.approx(2 / 3)


def test_perfect_marks_have_perfect_agreement():
    figures = evaluation.total_figures(decisions([1, 1, 0, 0], [1, 1, 0, 0]))
    assert (figures["exact"], figures["qwk"], figures["smd"]) == (1, 1, 0)


def test_smd_is_positive_for_a_generous_marker():
    assert evaluation.total_figures(decisions([1, 0, 0, 0, 1, 1], [1, 1, 0, 0, 1, 1]))["smd"] > 0


def test_adjacent_agreement_allows_one_mark():
    figures = evaluation.total_figures(decisions([1, 0, 0, 0], [1, 1, 0, 0]))
    assert (figures["exact"], figures["adjacent"]) == (0.5, 1)


def test_totals_weigh_points_by_their_marks():
    assert evaluation.totals(decisions([1, 0], [0, 1], marks=[3, 1]))[0].tolist() == [3]


def test_calibration_error_by_hand():
    d = decisions([1, 0, 1, 1], [1, 1, 1, 1], [0.75] * 4)
    assert evaluation.calibration_error(d) == pytest.approx(0)
    assert evaluation.calibration_error(decisions([0, 0], [1, 1], [0.9, 0.9])) == pytest.approx(0.9)


def test_decided_share_stops_where_accuracy_falls():
    d = decisions([1, 1, 0, 0], [1, 1, 1, 0], [0.99, 0.98, 0.7, 0.4])
    assert evaluation.decided(d)["share"] == 0.5


def test_contradicted_credited_counts_only_contradicted_points():
    d = decisions([0, 0, 1, 0], [1, 0, 1, 1], contradicted=[True, True, False, False])
    assert evaluation.contradicted_credited(d) == 0.5


def test_gaming_counts_marks_beyond_the_persons_only():
    d = decisions([1, 0, 1, 1], [1, 1, 0, 1], kind=["negated"] * 4)
    assert evaluation.gaming(d) == {"negated": {"essays": 2, "mean_beyond": 0.5, "most_beyond": 1.0}}


def test_interval_holds_the_figure_and_is_the_same_each_time():
    d = decisions([1, 0, 1, 1] * 10, [1, 1, 0, 1] * 10)
    figure = {"f1": lambda x: evaluation.point_figures(x)["f1"]}
    first = evaluation.intervals_of(d, figure, resamples=100)["f1"]
    assert first == evaluation.intervals_of(d, figure, resamples=100)["f1"]
    assert first[0] <= evaluation.point_figures(d)["f1"] <= first[1]


def test_report_reads_as_text():
    text = evaluation.as_text(evaluation.report(decisions([1, 0, 1, 1], [1, 1, 0, 1]), intervals=False))
    assert "F1 of credited" in text
