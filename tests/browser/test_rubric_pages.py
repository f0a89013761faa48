"""The workshop in Debian's chromium: from an empty page to a rubric that marks samples, by mouse and by keyboard."""

import json
import os
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import waitress
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect, sync_playwright
from pretend import PretendExaminer, make_app

from marker import Evidence, PointVerdict, Rubric, Verdict

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
QUESTION = "Why did tea become the drink of the British?"
ANSWER = (
    "The East India Company carried tea from China to London. Lower duties made tea cheap enough for poor families. "
    "Boiling the water killed germs, so tea was safer than beer."
)
SAMPLES = """The company carried tea from China to London in its ships.
---
Lower duties made it cheap enough even for poor families, and boiling the water killed the germs.
---
People simply liked it."""

AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}

if not CHROMIUM.exists() and not os.environ.get("CI"):
    pytest.skip("needs chromium: apt-get install chromium", allow_module_level=True)


@dataclass(frozen=True)
class WordExaminer(PretendExaminer):
    """Credit a point where the answer holds half of the longer words of its statement."""

    def _judge(self, point, text):
        wanted = [w for w in re.findall(r"\w{5,}", point.statement) if w.lower() in text.lower()]
        if 2 * len(wanted) < len(re.findall(r"\w{5,}", point.statement)) or not wanted:
            return PointVerdict(point.id, Verdict.OMITTED, 0.9, 0)
        start = text.lower().index(wanted[0].lower())
        end = start + len(wanted[0])
        evidence = (Evidence(start, end, text[start:end], 0.9),)
        return PointVerdict(point.id, Verdict.CREDITED, 0.9, point.marks, evidence)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def service(tmp_path):
    """Serve an empty workshop on a port of its own."""
    app = make_app(tmp_path, SAMPLE_EXAMINER_FACTORY=WordExaminer)
    server = waitress.create_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield app, f"http://127.0.0.1:{server.effective_port}"
    server.maintenance_interval = 0
    server.task_dispatcher.shutdown()
    server.close()
    thread.join(5)
    app.extensions["store"].close()


@pytest.fixture
def open_page(browser, service):
    """Open the list in a browser of one's own; whatever the page complains of fails the test."""
    contexts, complaints = [], []

    def opened(path="/rubrics/", **options):
        contexts.append(browser.new_context(base_url=service[1], reduced_motion="reduce", **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None
        )
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def work(service):
    """A rubric of three points with three samples, one of them judged."""
    workshop = service[0].extensions["workshop"]
    points = [
        {"id": "trade", "statement": "The company carried tea from China to London.", "hint": "Who brought it?"},
        {"id": "price", "statement": "Lower duties made tea cheap for poor families.", "marks": 2},
        {"id": "germs", "statement": "Boiling the water killed the germs."},
    ]
    levels = [{"name": "Sound", "least": 2, "most": 4}]
    rubric = Rubric.from_dict({"id": "drink", "question": QUESTION, "points": points, "levels": levels})
    end = ANSWER.index(".") + 1
    left_out = [[0, end + 1, ANSWER.index(".", end) + 1, "no claim"]]
    origin = {"answers": [ANSWER], "sources": {"trade": [[0, 0, end]]}, "left_out": left_out}
    workshop.add(rubric, origin)
    first, *_ = workshop.add_samples("drink", SAMPLES.split("---"))
    workshop.judge("drink", first.id, {"trade": False, "price": True, "germs": False})
    return workshop


def violations(page):
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate(f"axe.run({json.dumps(AXE)})")["violations"]
    return [(v["id"], node["target"], node["failureSummary"]) for v in found for node in v["nodes"]]


def overflow(page):
    """How far the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def saved(page, message="Saved."):
    expect(page.locator("#saying")).to_have_text(message)


def kept(work):
    return work.get("drink").rubric


# From nothing to a published rubric


def test_a_rubric_is_made_by_mouse(open_page, service):
    page = open_page("/")
    page.get_by_role("link", name="Rubrics").click()
    page.get_by_label("Question", exact=True).fill(QUESTION)
    page.get_by_label("Model answer", exact=True).fill(ANSWER)
    page.get_by_role("button", name="Draft the points").click()
    expect(page.get_by_role("heading", name=QUESTION)).to_be_visible(timeout=60_000)
    assert page.locator(".sheet-point").count() >= 2
    page.get_by_label("Answers").fill(SAMPLES)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".sample .total")).to_have_text(
        [re.compile(r"^\s*1 of"), re.compile("of"), re.compile(r"^\s*0 of")]
    )
    page.locator(".sample > summary").first.click()
    page.locator(".judgement").first.get_by_label("Earns it").click()
    saved(page, "Judgement saved.")
    expect(page.locator("#effect")).to_contain_text("The rubric agrees with 100% of your 1 decision")
    page.get_by_role("button", name="Publish").click()
    saved(page, "Published. Students are marked by this from now on.")
    (published,) = service[0].extensions["workshop"].published()
    page.goto("/")
    page.get_by_label("Question").select_option(published)


def test_a_rubric_is_made_by_keyboard(open_page, service):
    page = open_page()
    keys = page.keyboard

    def reach(name, role="button"):
        for _ in range(200):
            keys.press("Tab")
            target = page.get_by_role(role, name=name, exact=True)
            if target.first.evaluate("element => element === document.activeElement"):
                return
        pytest.fail(f"never reached {name}")

    reach("Question", "textbox")
    keys.insert_text(QUESTION)
    reach("Model answer", "textbox")
    keys.insert_text(ANSWER)
    reach("Draft the points")
    keys.press("Enter")
    expect(page.get_by_role("heading", name=QUESTION)).to_be_visible(timeout=60_000)
    reach("Answers", "textbox")
    keys.insert_text(SAMPLES)
    reach("Add")
    keys.press("Enter")
    expect(page.locator(".sample")).to_have_count(3)
    page.locator(".skip").focus()
    for _ in range(200):
        keys.press("Tab")
        if page.evaluate("document.activeElement.closest('.sample > summary') !== null"):
            break
    keys.press("Enter")
    for _ in range(50):
        keys.press("Tab")
        if page.evaluate("document.activeElement.type === 'radio'"):
            break
    keys.press("ArrowDown")  # from "Not judged" round to "Earns it"
    saved(page, "Judgement saved.")
    expect(page.locator(":focus")).to_have_value("yes")
    page.locator(".skip").focus()
    reach("Publish")
    keys.press("Enter")
    saved(page, "Published. Students are marked by this from now on.")
    assert len(service[0].extensions["workshop"].published()) == 1


def test_everything_works_without_javascript(open_page, work):
    page = open_page("/rubrics/drink", java_script_enabled=False)
    page.locator("#point-price").get_by_role("button", name="Up").click()
    assert [p.id for p in kept(work).points] == ["price", "trade", "germs"]
    page.locator("#point-germs-statement").fill("Boiled water is safe.")
    page.locator("#save").click()
    assert kept(work).point("germs").statement == "Boiled water is safe."
    page.locator(".sample > summary").first.click()
    page.locator(".judgement").first.get_by_label("Does not").check()
    page.get_by_role("button", name="Save your judgement of sample 1").click()
    expect(page.locator(".sample").first).to_have_attribute("open", "")
    assert work.samples("drink")[0].earned["price"] is False


# With script: what the page keeps


def test_an_edit_saves_itself_and_shows_its_effect(open_page, work):
    page = open_page("/rubrics/drink")
    page.locator("#point-trade-marks").fill("3")
    page.locator("#point-trade-marks").press("Tab")
    expect(page.locator("#effect")).to_contain_text("Sample 1 from 1 to 3 marks")
    expect(page.locator("#point-trade-hint")).to_be_focused()
    assert kept(work).point("trade").marks == 3


def test_moving_a_point_keeps_focus_and_place(open_page, work):
    page = open_page("/rubrics/drink", viewport={"width": 1280, "height": 500})
    button = page.locator("#point-germs-up")
    button.focus()
    before = button.bounding_box()["y"]
    page.keyboard.press("Enter")
    saved(page)
    assert [p.id for p in kept(work).points] == ["trade", "germs", "price"]
    expect(button).to_be_focused()
    assert abs(button.bounding_box()["y"] - before) < 2


def test_a_judgement_keeps_focus_place_and_what_is_unfolded(open_page, work):
    page = open_page("/rubrics/drink", viewport={"width": 375, "height": 500})
    page.locator(".sample > summary").nth(1).click()
    choice = page.locator(".sample").nth(1).locator(".judgement").nth(2).get_by_label("Earns it")
    choice.focus()
    before = choice.bounding_box()["y"]
    page.keyboard.press("Space")
    saved(page, "Judgement saved.")
    expect(choice).to_be_focused()
    expect(page.locator(".sample").nth(1)).to_have_attribute("open", "")
    assert abs(choice.bounding_box()["y"] - before) < 2


def test_what_is_typed_while_a_save_is_under_way_is_kept(open_page, work):
    page = open_page("/rubrics/drink")
    page.route("**/rubrics/drink", lambda route: (time.sleep(0.4), route.continue_()))
    page.locator("#point-price-up").click()
    page.locator("#point-germs-hint").fill("What does heat do?")
    expect(page.locator(".sheet-point").first).to_have_id("point-price")
    expect(page.locator("#point-germs-hint")).to_have_value("What does heat do?")
    page.locator("#point-germs-hint").press("Tab")
    for _ in range(50):
        if kept(work).point("germs").hint:
            break
        page.wait_for_timeout(100)
    page.unroute_all(behavior="wait")
    assert kept(work).point("germs").hint == "What does heat do?"


def test_a_wrong_edit_is_told_beside_its_field_and_can_be_mended(open_page, work):
    page = open_page("/rubrics/drink")
    marks = page.locator("#point-trade-marks")
    marks.fill("none")
    marks.press("Tab")
    expect(page.locator("#points-1-marks-error")).to_contain_text("must be a whole number")
    expect(marks).to_have_attribute("aria-invalid", "true")
    marks.fill("2")
    marks.press("Tab")
    expect(page.locator("#points-1-marks-error")).to_have_count(0)
    assert kept(work).point("trade").marks == 2


def test_two_windows_lose_nothing(open_page, work):
    one, two = open_page("/rubrics/drink"), open_page("/rubrics/drink")
    one.locator("#point-trade-hint").fill("Which company?")
    one.locator("#point-trade-hint").press("Tab")
    saved(one)
    two.locator("#point-trade-hint").fill("Which ships?")
    two.locator("#point-trade-hint").press("Tab")
    expect(two.get_by_role("alert")).to_contain_text("Kept now: Which company?")
    expect(two.get_by_role("alert")).to_contain_text("Yours: Which ships?")
    two.get_by_role("button", name="Keep mine").click()
    expect(two.get_by_role("alert")).to_have_count(0)
    assert kept(work).point("trade").hint == "Which ships?"


def test_words_that_were_left_out_become_a_point(open_page, work):
    page = open_page("/rubrics/drink")
    page.get_by_role("button", name="Make it a point").first.click()
    expect(page.locator(".sheet-point")).to_have_count(4)
    assert kept(work).points[3].statement.startswith("Lower duties")


def test_a_link_to_a_sample_unfolds_it(open_page, work):
    page = open_page("/rubrics/drink")
    page.get_by_role("link", name="Sample 1, point 1").click()
    expect(page.locator(".sample").first).to_have_attribute("open", "")


# Everybody can use it


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_at_any_width_in_any_light(open_page, work, tmp_path, width, scheme):
    work.save("drink", {**kept(work).as_dict(), "groups": [{"id": "any-two", "at_most": 2}]})
    work.publish("drink")
    page = open_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    shots = Path(os.environ.get("SHOTS", tmp_path))

    def look(name):
        page.screenshot(path=shots / f"{name}-{width}-{scheme}.png", full_page=True)
        assert violations(page) == []
        assert overflow(page) <= 0

    look("list")
    page.get_by_role("button", name="Draft the points").click()
    look("list-errors")
    page.goto("/rubrics/drink")
    look("editor")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    look("editor-open")
    page.locator("#point-trade-marks").fill("none")
    page.locator("#point-trade-marks").press("Tab")
    expect(page.locator("#points-1-marks-error")).to_be_visible()
    look("editor-wrong")
    page.goto(f"/rubrics/drink/versions/{kept(work).version}")
    look("version")
