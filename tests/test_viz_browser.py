"""Pages in a real browser: Chromium, driven by playwright (`make browser`).

States of a page are compared with each other, so no picture is kept as a reference.
"""

import os
import shutil

import pytest

import autodiff as ad
import nn
import viz
from tests.pages import Page, trained

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser():
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium on the PATH: apt install chromium, or set CHROMIUM")
    with driver.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def visit(browser):
    """Open a file; fails at the end if anything was fetched or complained."""
    contexts, wrong = [], []

    def visit(path, *, hash="", width=1280, height=900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}"))
        page.on("request", lambda r: wrong.append(r.url) if r.url != page.url else None)
        page.goto(path.as_uri() + hash)
        del wrong[:]  # the page itself
        return page

    visit.wrong = wrong
    yield visit
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def record():
    return trained(depth=5, width=8, steps=40, every=2, lr=0.5)


@pytest.fixture(scope="module")
def report(record, folder):
    return record.report(folder / "report.html")


@pytest.fixture(scope="module")
def graph(folder):
    ad.manual_seed(0)
    model = nn.Sequential(*(nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(5)))
    loss = (model(ad.random.normal((16, 8))) ** 2).mean()
    return viz.graph(loss, model=model).render(folder / "graph.html")


def stage(page):
    return page.locator("details[open] .stage").first


def node(page, name):
    """The node of a name in the drawing that is shown."""
    ids = page.evaluate("data.graphs[0].names")
    (id,) = (id for id, known in ids.items() if known == name)
    return page.locator(f'details[open] g.node[data-id="{id}"]').first


def fill(page, name):
    return node(page, name).locator("ellipse, path, polygon, rect").first.get_attribute("fill")


def background(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


# ---------------------------------------------------------------- the slider
def test_the_slider_recolours_the_graph(visit, report):
    page = visit(report)
    shown, before = page.locator("output.step"), stage(page).screenshot()
    first = stage(page).inner_html()
    assert shown.inner_text().startswith("step 38")
    page.get_by_label("Training step").fill("0")
    assert shown.inner_text().startswith("step 0 ")
    assert stage(page).screenshot() != before
    row = page.evaluate("Object.values(data.graphs[0].rows)[0]")
    looks = page.evaluate("data.looks")
    name = page.evaluate("data.graphs[0].names[Object.keys(data.graphs[0].rows)[0]]")
    assert fill(page, name) == looks[row["look"][0]]["fill"]
    assert row["text"][0] in node(page, name).text_content()
    page.get_by_label("Training step").fill("19")
    assert stage(page).inner_html() == first


def test_keys_and_charts_move_the_slider(visit, report):
    page = visit(report)
    shown = page.locator("output.step")
    page.get_by_label("Training step").press("ArrowLeft")
    assert shown.inner_text().startswith("step 36")
    area = page.locator(".track .when").bounding_box()
    page.mouse.click(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    assert shown.inner_text().startswith(("step 18", "step 20"))
    cells = page.locator(".chart .when").first
    cells.scroll_into_view_if_needed()
    area = cells.bounding_box()
    page.mouse.click(area["x"] + 2, area["y"] + area["height"] - 8)
    assert shown.inner_text().startswith("step 0 ")
    places = page.locator("line.cursor").evaluate_all(
        "all => all.map(x => Number(x.getAttribute('x1')))"
    )
    firsts = page.locator(".when").evaluate_all("all => all.map(x => parseFloat(x.dataset.at))")
    assert places == firsts


def test_it_plays(visit, report):
    page = visit(report)
    play = page.get_by_role("button", name="Play the training")
    play.click()
    for _ in range(100):
        page.wait_for_timeout(50)
        if page.locator("output.step").inner_text().startswith("step 6 "):
            break
    else:
        pytest.fail("it does not play")
    play.click()
    stopped = page.locator("output.step").inner_text()
    page.wait_for_timeout(600)
    assert page.locator("output.step").inner_text() == stopped


def test_runs_follow_one_slider(visit, folder, record):
    runs = viz.compare({"a": record, HOSTILE: trained(nn.ReLU, steps=30, every=3)})
    page = visit(runs.report(folder / "runs.html"))
    stages = page.locator("details[open] .stage")
    before = [stages.nth(i).screenshot() for i in (0, 1)]
    page.get_by_label("Training step").fill("0")
    assert all(stages.nth(i).screenshot() != before[i] for i in (0, 1))
    assert HOSTILE in page.locator("h2").nth(1).inner_text()
    assert page.locator("img").count() == 0


# ---------------------------------------------------------------- the graph
def test_search(visit, graph):
    page = visit(graph)
    field = page.get_by_label("Search the names of the graph")
    field.fill("3.0.WEIGHT")
    assert "1 place found" in page.get_by_role("status").inner_text()
    assert "hit" in node(page, "3.0.weight").get_attribute("class")
    assert float(node(page, "0.0.weight").evaluate("x => getComputedStyle(x).opacity")) < 0.5
    field.press("Enter")
    assert "chosen" in node(page, "3.0.weight").get_attribute("class")
    inside, outer = node(page, "3.0.weight").bounding_box(), stage(page).bounding_box()
    assert outer["x"] < inside["x"] and outer["y"] < inside["y"] < outer["y"] + outer["height"]
    assert page.locator(".card").inner_text().startswith("3.0.weight")
    field.press("Escape")
    assert page.locator(".hit").count() == 0


def test_boxes_open_and_modules_close(visit, graph):
    page = visit(graph)
    nodes = page.locator("details[open] g.node")
    every = nodes.count()
    page.get_by_role("button", name="Modules").click()
    assert nodes.count() < every
    page.locator('details[open] g.cluster[data-id^="cluster_b"]').first.click()
    assert nodes.count() == every
    box = page.locator("details[open] g.cluster").first.bounding_box()
    page.mouse.click(box["x"] + 5, box["y"] + box["height"] / 2)  # beside the nodes in it
    assert nodes.count() < every
    page.get_by_label("Search the names of the graph").fill("4.0.bias")
    assert page.locator("details[open] g.node.hit").count() == 1  # the box that holds it


def test_hovering_tells_everything(visit, graph):
    page = visit(graph)
    card = page.locator(".card")
    assert not card.is_visible()
    node(page, "0.0.weight").hover()
    assert card.is_visible() and "L2 " in card.inner_text() and "shape (8, 8)" in card.inner_text()
    assert page.locator("g.edge.near").count() == 1
    box = card.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 1280
    page.mouse.move(2, 2)
    assert not card.is_visible() and page.locator("g.edge.near").count() == 0


def test_moving_and_zooming(visit, graph):
    page = visit(graph)
    view = lambda: page.locator("details[open] svg").get_attribute("viewBox")  # noqa: E731

    def moved(before):
        for _ in range(50):
            if view() != before:
                return True
            page.wait_for_timeout(40)
        return False

    stage(page).focus()
    page.keyboard.press("0")
    whole = view()
    for key in ("+", "ArrowDown", "ArrowLeft", "-", "n"):
        before = view()
        page.keyboard.press(key)
        assert moved(before), key
    assert page.locator(".card").inner_text().startswith("0.0.weight")  # n chose the first
    page.keyboard.press("Escape")
    area, before = stage(page).bounding_box(), view()
    x, y = area["x"] + area["width"] - 40, area["y"] + 40
    page.mouse.move(x, y)
    page.mouse.wheel(0, 300)
    assert moved(before)
    before = view()
    page.mouse.down()
    page.mouse.move(x - 200, y + 100, steps=4)
    page.mouse.up()
    assert moved(before)
    page.get_by_role("button", name="Show the whole graph").click()
    assert view() == whole


def test_links_go_to_nodes(visit, graph, report):
    page = visit(graph, hash="#2.0.bias")
    assert "chosen" in node(page, "2.0.bias").get_attribute("class")
    node(page, "2.0.weight").click()
    assert page.evaluate("location.hash") == "#2.0.weight"
    page = visit(report, hash="#3.0")  # a layer: the first place in it
    assert page.locator(".card").inner_text().startswith("3.0.")


def test_everything_is_reached_by_keys(visit, report):
    page = visit(report)
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(
            "[document.activeElement.tagName, getComputedStyle(document.activeElement)"
            ".outlineStyle, document.activeElement.getAttribute('aria-label')]"
        ))  # fmt: skip
    assert {"BUTTON", "INPUT", "DIV"} <= {tag for tag, _, _ in reached}
    assert all(outline != "none" for _, outline, _ in reached), reached
    labels = " ".join(label or "" for _, _, label in reached)
    for part in ("Training step", "Search", "Graph: arrow keys"):
        assert part in labels


# ---------------------------------------------------------------- how it looks
def test_dark_and_light(visit, report):
    page = visit(report)
    light, before = background(page), stage(page).screenshot()
    page.get_by_role("button", name="Dark or light").click()
    assert background(page) != light and stage(page).screenshot() != before
    dark = visit(report, color_scheme="dark")
    assert background(dark) == background(page)
    assert fill(dark, "0.0.weight") == fill(page, "0.0.weight")  # colours mean the same
    dark.get_by_role("button", name="Dark or light").click()
    assert background(dark) == light


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read(visit, report, scheme):
    """Contrast of 4.5 to 1 (WCAG 2, AA) of the page's own words."""
    page = visit(report, color_scheme=scheme)
    colors = page.evaluate("""() => {
      const rgb = text => text.match(/[0-9.]+/g).slice(0, 3).map(Number);
      const paper = rgb(getComputedStyle(document.body).backgroundColor);
      return ["h1", "p", ".soft", "td", "a", ".finding dt"].map(which =>
        [which, paper, rgb(getComputedStyle(document.querySelector(which)).color)]);
    }""")

    def luminance(color):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
                  for c in (v / 255 for v in color)]  # fmt: skip
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for which, *pair in colors:
        low, high = sorted(map(luminance, pair))
        assert (high + 0.05) / (low + 0.05) >= 4.5, which


@pytest.mark.parametrize("width", [400, 768, 1600])
def test_nothing_sticks_out(visit, report, graph, folder, width):
    for path in (report, graph):
        page = visit(path, width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_motion_can_be_reduced(visit, graph):
    seconds = [
        visit(graph, reduced_motion=wish).evaluate(
            "getComputedStyle(document.querySelector('g.node')).transitionDuration"
        )
        for wish in ("no-preference", "reduce")
    ]
    assert seconds == ["0.15s", "0s"]


# ---------------------------------------------------------------- without scripts, and safely
def test_without_scripts(visit, report, record):
    page = visit(report, java_script_enabled=False)
    assert page.locator("details[open] g.node").first.is_visible()
    assert page.locator("button, input").count() == 0
    for part in ("Findings", "Every layer through training", "Numbers of the last sample"):
        assert page.get_by_role("heading", name=part).is_visible()
    assert page.get_by_text("Scripts are off").is_visible()
    assert page.locator("details.level:not([open])").count() == 1
    page.locator("details.level:not([open]) summary").click()
    assert all(drawing.is_visible() for drawing in page.locator("details.level svg").all())
    # With scripts the first sight is the same: every node has the fill that it has without.
    live = visit(report)
    fills = live.locator("g.node > ellipse").evaluate_all("a => a.map(e => e.getAttribute('fill'))")
    still = [a["fill"] for t, a in Page(report.read_text("utf-8")).tags if t == "ellipse"]
    assert fills == still and len(set(still)) > 1


def test_nothing_can_be_fetched(visit, graph):
    page = visit(graph)
    assert (
        page.evaluate("fetch('https://example.org').then(() => 'got', e => e.name)") == "TypeError"
    )
    violated = page.evaluate("""() => new Promise(done => {
      document.addEventListener("securitypolicyviolation", e => done(e.violatedDirective));
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      setTimeout(() => done("nothing"), 500);
    })""")
    assert violated.startswith("script-src") and not page.evaluate("window.ran")
    assert len(visit.wrong) >= 2  # the console says both
    visit.wrong.clear()


def test_names_stay_text(visit, folder):
    record = trained(depth=1, name=HOSTILE)
    page = visit(record.report(folder / "hostile.html"))
    assert page.locator("img").count() == 0
    page.get_by_label("Search the names of the graph").fill("onerror")
    assert page.locator("g.node.hit").count() > 0


# ---------------------------------------------------------------- other pages
def test_a_film_plays_in_an_image(visit, record, folder):
    record.animate(folder / "film.svg")
    (folder / "film.html").write_text('<!DOCTYPE html><img src="film.svg" height="600">')
    page = visit(folder / "film.html", java_script_enabled=False)
    image = page.locator("img")
    first = image.screenshot()
    pictures = []
    for _ in range(4):
        page.wait_for_timeout(400)
        pictures.append(image.screenshot())
    assert any(picture != first for picture in pictures)


def test_the_controls_of_a_lesson(visit, folder):
    page = visit(viz.lesson("vanishing", folder / "lesson.html"))
    drawing = page.locator("[data-shape]:visible")
    words = lambda: drawing.locator(".cell text").all_text_contents()  # noqa: E731
    said = page.locator("#said")
    assert drawing.count() == 1 and len(words()) == 33 and "sigmoid" in said.inner_text()
    first = words()
    page.focus("#depth")
    page.keyboard.press("ArrowUp")  # 16 -> 8 layers
    assert len(words()) == 17 and said.inner_text().startswith("8 hidden layers")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")  # the next activation
    assert "tanh" in said.inner_text()
    for box in ("skip", "norm"):
        before = words()
        page.check(f"#{box}")
        assert drawing.count() == 1 and words() != before
    assert drawing.get_attribute("data-shape") == "8sn"
    page.check("#quiz")
    assert set(words()) == {"?"} and said.inner_text().startswith("How many decades")
    assert not page.locator("#every").is_visible()
    page.get_by_role("button", name="Show the answer").press("Enter")
    assert "?" not in words() and page.locator("#every").is_visible() and words() != first


def test_a_lesson_without_scripts(visit, folder):
    page = visit(viz.lesson("dead", folder / "dead.html"), java_script_enabled=False)
    assert page.locator("[data-shape]:visible").count() == 1
    assert not page.locator("#controls").is_visible()
    assert page.locator("td .strip").count() == 576
