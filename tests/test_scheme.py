"""Totals stay within bounds, do not depend on order, and never fall when a point is credited (exclusions apart)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marker.errors import RubricError
from marker.rubric import Rubric
from marker.scheme import Group, Level, RequiredPoint, available, level, total

IDS = "abcdefgh"


@st.composite
def schemes(draw, *, exclusive=True):
    groups = [
        Group(id, draw(st.integers(0, 3)), draw(st.integers(0, 5)), draw(st.booleans()) if exclusive else False)
        for id in ("g", "h")
    ]
    points = []
    for n, id in enumerate(IDS[: draw(st.integers(1, len(IDS)))]):
        group = draw(st.sampled_from(["", "g", "h"]))
        needs = draw(st.lists(st.sampled_from(IDS[:n]), unique=True, max_size=2)) if n else []
        points.append(RequiredPoint(id, id, marks=draw(st.integers(1, 4)), group=group, needs=tuple(needs)))
    credited = draw(st.sets(st.sampled_from([p.id for p in points])))
    return points, groups, credited


@given(schemes())
def test_total_stays_between_nothing_and_what_is_available(scheme):
    points, groups, credited = scheme
    assert 0 <= total(points, groups, credited).awarded <= available(points, groups)


@given(schemes(), st.randoms())
def test_total_does_not_depend_on_the_order_of_points(scheme, random):
    points, groups, credited = scheme
    shuffled = random.sample(points, len(points))
    one, other = total(points, groups, credited), total(shuffled, groups[::-1], credited)
    assert {p.id: one.marks(p.id) for p in points} == {p.id: other.marks(p.id) for p in points}


@given(schemes(exclusive=False), st.sampled_from(IDS))
def test_total_never_falls_when_a_point_is_credited(scheme, another):
    points, groups, credited = scheme
    assert total(points, groups, credited | {another}).awarded >= total(points, groups, credited).awarded


@given(schemes())
def test_every_credited_point_has_a_step_and_no_other_has(scheme):
    points, groups, credited = scheme
    steps = total(points, groups, credited).steps
    assert [s.point for s in steps] == [p.id for p in points if p.id in credited]
    worth = {p.id: p.marks for p in points}
    assert all(bool(s.reason) == (s.marks < worth[s.point]) for s in steps)


def point(id, **fields):
    return RequiredPoint(id, id, **fields)


def test_any_two_of_three_count_those_of_most_marks_first():
    points = [point("a", group="g"), point("b", group="g", marks=3), point("c", group="g", marks=2)]
    result = total(points, [Group("g", at_most=2)], "abc")
    assert [(s.point, s.marks, s.reason) for s in result.steps] == [
        ("a", 0, "only 2 of g count"),
        ("b", 3, ""),
        ("c", 2, ""),
    ]


def test_a_cap_cuts_the_last_mark():
    points = [point("a", group="g", marks=2), point("b", group="g", marks=2)]
    assert [s.marks for s in total(points, [Group("g", most_marks=3)], "ab").steps] == [2, 1]


def test_a_point_waits_for_what_it_needs_through_others():
    points = [point("a"), point("b", needs=("a",)), point("c", needs=("b",))]
    assert total(points, [], "bc").awarded == 0
    assert total(points, [], "abc").awarded == 3


def test_points_that_exclude_each_other_earn_nothing_together():
    points, groups = [point("a", group="g"), point("b", group="g")], [Group("g", exclusive=True)]
    assert (total(points, groups, "a").awarded, total(points, groups, "ab").awarded) == (1, 0)
    assert available(points, groups) == 1


def test_a_total_proposes_its_level():
    levels = [Level("low", 0, 2), Level("high", 3, 5)]
    assert level(levels, 3) == levels[1]
    assert level(levels, 6) is None


GOOD = {"id": "q", "question": "Why?", "points": [{"id": "a", "statement": "A."}, {"id": "b", "statement": "B."}]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"points": [{"id": "a", "statement": "A.", "group": "x"}]}, "points[1].group: 'x' is not the id of"),
        ({"points": [{"id": "a", "statement": "A.", "needs": ["x"]}]}, "points[1].needs: 'x' is not the id of a point"),
        ({"points": [{"id": "a", "statement": "A.", "needs": ["a"]}]}, "points[1].needs: 'a' needs itself"),
        ({"levels": [{"name": "One", "least": 3, "most": 1}]}, "levels[1].least: is greater than most"),
        ({"groups": [{"id": "g", "exclusive": 1}]}, "groups[1].exclusive: must be true or false"),
        ({"groups": {"id": "g"}}, "groups: give [[groups]] tables"),
        ({"misconceptions": [{"id": "m"}]}, "misconceptions[1].statement: missing"),
    ],
)
def test_fault_of_a_scheme_is_named(changes, expected):
    with pytest.raises(RubricError) as error:
        Rubric.from_dict({**GOOD, **changes})
    assert any(expected in fault for fault in error.value.faults)


def test_a_rubric_is_the_same_after_it_was_written_as_plain_data():
    rubric = Rubric.from_dict(
        {
            **GOOD,
            "groups": [{"id": "g", "at_most": 1}],
            "misconceptions": [{"id": "m", "statement": "M.", "correction": "No."}],
            "levels": [{"name": "One", "least": 0, "most": 2}],
        }
    )
    assert Rubric.from_dict(rubric.as_dict()) == rubric
