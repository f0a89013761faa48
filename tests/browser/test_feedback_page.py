"""The pages in Debian's chromium: by keyboard, without JavaScript, on a telephone, in the dark, checked by axe-core."""

import json
import os
import re
import threading
from pathlib import Path

import pytest
import waitress
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect, sync_playwright
from pretend import ESSAY, make_app

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
QUESTION = "Why did tea become the drink of the British?"

# The size of targets is the one WCAG 2.2 AA rule that axe-core leaves off unless asked.
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}

if not CHROMIUM.exists() and not os.environ.get("CI"):
    pytest.skip("needs chromium: apt-get install chromium", allow_module_level=True)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    app = make_app(tmp_path_factory.mktemp("service"))
    server = waitress.create_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.maintenance_interval = 0
    server.task_dispatcher.shutdown()
    server.close()
    thread.join(5)
    app.extensions["store"].close()


@pytest.fixture
def open_page(browser, address):
    """Open the form in a browser of one's own; whatever the page complains of fails the test."""
    contexts, complaints = [], []

    def opened(**options):
        contexts.append(browser.new_context(base_url=address, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None
        )
        page.goto("/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


def mark(page):
    page.get_by_label("Question").select_option(label=QUESTION)
    page.get_by_label("Essay").fill(ESSAY)
    page.get_by_role("button", name="Mark this essay").click()
    page.wait_for_url("**/marks/*")  # and until its script has run


def violations(page):
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate(f"axe.run({json.dumps(AXE)})")["violations"]
    return [(v["id"], node["target"], node["failureSummary"]) for v in found for node in v["nodes"]]


def overflow(page):
    """How far the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


@pytest.mark.parametrize("width", [1280, 375, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_at_any_width_in_any_light(open_page, tmp_path, width, scheme):
    page = open_page(viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    page.get_by_role("button", name="Mark this essay").click()
    for name in ("errors", "form", "mark", "evidence", "erase"):
        if name == "form":
            page.goto("/")
        elif name == "mark":
            mark(page)
        elif name == "evidence":
            page.locator("#point-1 a").focus()
        elif name == "erase":
            page.get_by_text("Erase…").click()
        page.screenshot(path=tmp_path / f"{name}-{width}-{scheme}.png", full_page=True)
        assert violations(page) == []
        assert overflow(page) <= 0


@pytest.mark.parametrize("path", ["/none", "/problems/", "/problems/not-found"])
def test_the_other_pages_are_accessible(open_page, path):
    page = open_page(viewport={"width": 320, "height": 800})
    page.goto(path)
    assert violations(page) == []
    assert overflow(page) <= 0


def test_an_essay_is_marked_by_keyboard_alone(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Question")).to_be_focused()
    page.keyboard.type("Why did tea")
    page.keyboard.press("Tab")
    page.keyboard.insert_text(ESSAY)
    page.keyboard.press("Tab")
    page.keyboard.type("C-7")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="3 of 5 marks")).to_be_visible()
    expect(page.get_by_text("Candidate C-7")).to_be_visible()


def test_focusing_a_point_lights_its_evidence(open_page):
    page = open_page()
    mark(page)
    page.locator("#point-1 a").focus()
    expect(page.locator(".essay mark.lit")).to_have_text(["the East India Company ", "brought it1"])


def test_hovering_a_point_lights_its_evidence_until_the_pointer_leaves(open_page):
    page = open_page()
    mark(page)
    page.locator("#point-4").hover()
    expect(page.locator(".essay mark.lit")).to_have_text(["nobody boiled the water4"])
    page.locator("h1").hover()
    expect(page.locator(".lit")).to_have_count(0)


def test_focusing_evidence_lights_its_point(open_page):
    page = open_page()
    mark(page)
    page.get_by_role("link", name="Point 3: In doubt").focus()
    expect(page.locator("#point-3")).to_have_class(re.compile(r"\blit\b"))


def test_hovering_shared_evidence_lights_both_points(open_page):
    page = open_page()
    mark(page)
    page.locator("mark[data-points='1 2']").hover(position={"x": 5, "y": 8})
    expect(page.locator(".point.lit")).to_have_count(2)


def test_a_wrong_form_puts_the_reader_at_the_summary(open_page):
    page = open_page()
    page.get_by_role("button", name="Mark this essay").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("link", name="Choose the question that the essay answers.").click()
    expect(page.get_by_label("Question")).to_be_focused()


def test_the_question_is_shown_in_full(open_page):
    page = open_page()
    page.get_by_label("Question").select_option(label=QUESTION)
    expect(page.get_by_text(f"{QUESTION} (5 marks)")).to_be_visible()


def test_a_second_press_does_not_mark_twice(open_page):
    page = open_page()
    sent = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    page.get_by_label("Question").select_option(label=QUESTION)
    page.get_by_label("Essay").fill(ESSAY)
    page.get_by_role("button", name="Mark this essay").dblclick()
    expect(page).to_have_url(re.compile("/marks/"))
    assert len(sent) == 1


def test_an_essay_is_erased(open_page):
    page = open_page()
    mark(page)
    gone = page.url
    page.get_by_text("Erase…").click()
    page.get_by_role("button", name="Erase this essay and its mark").click()
    expect(page.get_by_role("status")).to_have_text("The essay and its mark were erased.")
    assert page.goto(gone).status == 404


def test_everything_works_without_javascript(open_page):
    page = open_page(java_script_enabled=False)
    mark(page)
    page.locator("#point-4").get_by_role("link", name="Show in the essay").click()
    expect(page.locator("mark:target")).to_have_text("nobody boiled the water4")
    page.get_by_role("link", name="Point 4: Contradicted").click()
    expect(page.locator("#point-4:target")).to_be_visible()
    page.get_by_text("Erase…").click()
    page.get_by_role("button", name="Erase this essay and its mark").click()
    expect(page.get_by_role("status")).to_be_visible()
