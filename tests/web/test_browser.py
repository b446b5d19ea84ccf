"""The page in a real browser: looking, asking and correcting, as a person does."""

import json
import shutil
import subprocess
import sys

import pytest

WAIT = 15  # seconds


@pytest.fixture(scope="module")
def served(serve, scanned, tmp_path_factory):
    catalog = tmp_path_factory.mktemp("browse") / "catalog.db"
    shutil.copy(scanned[1], catalog)
    served = serve(catalog, visit=False)
    served.catalog = catalog
    return served


@pytest.fixture(scope="module")
def visited(browser, served):
    """The printed URL, opened once, as it is good for one visit."""
    show(browser)
    browser.get("about:blank")
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(served.url)
    wait(browser, "return document.querySelectorAll('.cell img.there').length > 3")
    return browser


@pytest.fixture
def page(visited, served):
    """All photos. At the end: no error on the console, and no request to anybody else."""
    show(visited)
    visited.get("about:blank")
    visited.get_log("browser"), visited.get_log("performance")
    visited.get(f"http://{served.host}/")
    wait(visited, "return document.querySelectorAll('.cell img.there').length > 3")
    yield visited
    errors = [entry["message"] for entry in visited.get_log("browser")]
    assert [error for error in errors if "400 (Bad Request)" not in error] == []
    logged = [json.loads(entry["message"])["message"] for entry in visited.get_log("performance")]
    urls = [
        each["params"]["request"]["url"] for each in logged if each["method"] == "Network.requestWillBeSent"
    ]
    assert urls
    ours = (f"http://{served.host}/", f"blob:http://{served.host}/", "data:")
    assert [url for url in urls if not url.startswith(ours)] == []


def show(browser, width=1280, height=860, scheme="light"):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )


def wait(browser, script, *arguments):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, WAIT, 0.05).until(lambda _: browser.execute_script(script, *arguments))


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def ask(browser, text):
    from selenium.webdriver.common.keys import Keys

    box = browser.find_element("id", "q")
    box.clear()
    box.send_keys(text, Keys.ENTER)


def count(browser, text):
    wait(browser, "return document.querySelector('#count').textContent === arguments[0]", text)


def shoot(browser, request, name):
    """Screenshots to look at: pytest --basetemp=DIR keeps them."""
    folder = request.config._tmp_path_factory.getbasetemp() / "screenshots"
    folder.mkdir(exist_ok=True)
    browser.save_screenshot(str(folder / f"browse-{name}.png"))


def run(served, *arguments):
    command = [sys.executable, "-m", "phototag", *arguments, "--db", str(served.catalog)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def photo_named(browser, name):
    """The id of the photo of this file name, which the grid shows."""
    return wait(
        browser,
        "return [...document.querySelectorAll('.cell')]"
        ".find(c => c.title.startsWith(arguments[0]))?.id.slice(6)",
        name,
    )


def test_the_grid_in_light_in_dark_and_on_a_phone(page, request):
    for scheme, width, name in (("light", 1280, "light"), ("dark", 1280, "dark"), ("light", 390, "phone")):
        show(page, width, 844 if width < 700 else 860, scheme)
        page.execute_script("document.querySelector('#scroller').scrollTop = 0")
        wait(page, "return document.querySelectorAll('.cell img.there').length > 3")
        assert page.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        shoot(page, request, name)
    count(page, "15 photos")
    months = page.execute_script("return [...document.querySelectorAll('.month b')].map(e => e.textContent)")
    assert "December 2016" in months


def test_asking_with_completion_filters_and_the_back_button(page, request):
    from selenium.webdriver.common.keys import Keys

    page.find_element("id", "q").send_keys("smili")
    wait(page, "return document.querySelectorAll('#completions li').length")
    press(page, Keys.ARROW_DOWN, Keys.ENTER)
    wait(page, "return document.querySelector('#q').value === 'smiling:'")
    wait(
        page,
        "return [...document.querySelectorAll('#completions b')].some(b => b.textContent === 'smiling:all')",
    )
    shoot(page, request, "completion")
    page.find_element("id", "q").send_keys("all", Keys.ENTER)
    count(page, "7 photos")
    assert page.current_url.endswith("?q=smiling%3Aall")
    page.find_element("id", "filters").click()
    year = "[...document.querySelectorAll('#facets button')].find(b => b.textContent.startsWith('2016'))"
    wait(page, f"return {year}")
    shoot(page, request, "filters")
    page.execute_script(f"{year}.click()")
    count(page, "5 photos")
    assert page.execute_script("return document.querySelector('#q').value") == "smiling:all taken:2016"
    wait(page, f"return {year}?.getAttribute('aria-pressed') === 'true'")
    page.execute_script(f"{year}.click()")  # the term is taken out again
    count(page, "7 photos")
    page.back(), page.back()
    count(page, "7 photos")
    page.back()
    count(page, "15 photos")
    page.forward()
    count(page, "7 photos")
    page.find_element("id", "filters").click()


def test_going_back_shows_the_question_even_while_the_cursor_is_in_the_box(page):
    ask(page, "smiling:all")
    count(page, "7 photos")
    ask(page, "taken:2016")
    count(page, "8 photos")
    assert page.execute_script("return document.activeElement.id") == "q"
    page.back()
    count(page, "7 photos")
    assert page.execute_script("return document.querySelector('#q').value") == "smiling:all"


def test_filters_take_out_no_half_of_an_either_or(page):
    ask(page, "animal or faces:3")
    count(page, "2 photos")
    page.find_element("id", "filters").click()
    chosen = "document.querySelectorAll('#facets button[aria-pressed=true]').length"
    year = "[...document.querySelectorAll('#facets button')].find(b => b.textContent.startsWith('2016'))"
    wait(page, f"return {year} && {chosen} === 0")
    page.execute_script(f"{year}.click()")
    asked = "return document.querySelector('#q').value"
    wait(page, asked + " === '( animal or faces:3 ) taken:2016'")
    wait(page, f"return {chosen} === 1")
    page.execute_script(f"{year}.click()")  # and out again
    count(page, "2 photos")
    assert page.execute_script("return document.querySelector('#problem').hidden")
    page.find_element("css selector", "nav a[data-view=albums]").click()
    wait(page, "return document.querySelector('.maker')")
    facets = "document.querySelector('#facets').checkVisibility()"
    assert not page.execute_script(f"return {facets}")  # of photos alone
    page.back()
    wait(page, f"return {facets}")
    page.find_element("id", "filters").click()


def test_the_map_is_of_the_question_and_leads_back_to_it(page):
    ask(page, "taken:2016")
    count(page, "8 photos")
    page.find_element("css selector", "nav a[data-view=map]").click()
    wait(
        page,
        "return document.querySelector('#page [role=status]')?.textContent.includes('of “taken:2016”')",
    )
    page.find_element("css selector", "nav a[data-view='']").click()
    wait(page, "return document.querySelector('#q').value === 'taken:2016'")
    count(page, "8 photos")
    page.find_element("css selector", "nav a[data-view='']").click()  # and from there to all
    count(page, "15 photos")


def test_what_was_wrong_with_a_question_is_told_of_it_alone(page):
    from selenium.webdriver.common.keys import Keys

    ask(page, "taken:20xx")
    told = "return !document.querySelector('#problem').hidden"
    wait(page, told + " && document.querySelector('#photos').matches('.stale')")
    assert page.execute_script("return document.querySelector('#count').textContent") == ""
    page.find_element("css selector", "nav a[data-view=people]").click()
    wait(page, "return document.querySelector('#page h1')?.textContent === 'People'")
    assert page.execute_script("return document.querySelector('#problem').hidden")
    page.back()
    wait(page, told)  # again where it belongs
    box = page.find_element("id", "q")
    box.clear()
    box.send_keys("taken:2016", Keys.ENTER)
    count(page, "8 photos")
    assert not page.execute_script("return document.querySelector('#photos').matches('.stale')")


def test_a_quotation_mark_in_a_label_or_a_name_can_be_asked_for(page, served):
    from selenium.webdriver.common.keys import Keys

    ask(page, "faces:3")
    count(page, "1 photo")
    page.execute_script("document.querySelector('.cell').click()")
    wait(page, "return document.querySelector('.panel form input')")
    press(page, "l")
    press(page, '6" lens', Keys.ENTER)
    wait(page, "return document.querySelector('.chips a')?.textContent === '6\" lens'")
    page.find_element("css selector", ".chips a").click()
    wait(page, "return document.querySelector('#q').value === '\"6\"\" lens\"'")
    count(page, "1 photo")
    assert run(served, "query", "--count", '"6"" lens"').strip() == "1"
    page.back()
    wait(page, "return document.querySelector('#viewer').open")
    press(page, "u")
    wait(
        page,
        "return document.querySelector('.panel .chips li') === null ||"
        " document.querySelector('.chips a').textContent !== '6\" lens'",
    )
    press(page, Keys.ESCAPE)
    wait(page, "return !document.querySelector('#viewer').open")


def test_escape_leaves_a_field_before_it_leaves_the_photo(page):
    from selenium.webdriver.common.keys import Keys

    ask(page, "faces:3")
    count(page, "1 photo")
    page.execute_script("document.querySelector('.cell').click()")
    wait(page, "return document.querySelector('.panel form input')")
    press(page, "l")
    press(page, "half a wo", Keys.ESCAPE)
    assert page.execute_script("return document.activeElement.id") == "viewer"
    assert page.execute_script("return document.querySelector('#viewer').open")
    press(page, Keys.ESCAPE)
    wait(page, "return !document.querySelector('#viewer').open")


def test_two_escapes_close_the_photo_and_no_more(page):
    ask(page, "taken:2016")
    count(page, "8 photos")
    page.execute_script("document.querySelector('.cell').click()")
    wait(page, "return document.querySelectorAll('.panel section').length")
    # The browser itself closes a dialog at the second Escape, whatever the page says.
    page.execute_script(
        "const viewer = document.querySelector('#viewer');"
        "viewer.dispatchEvent(new Event('cancel', {cancelable: true})); viewer.close();"
    )
    wait(page, "return !location.search.includes('photo=')")
    count(page, "8 photos")
    assert page.execute_script("return document.querySelector('#q').value") == "taken:2016"
    page.execute_script("document.querySelector('.cell').click()")
    wait(page, "return document.querySelector('#viewer').open")


def test_read_only_offers_nothing_that_it_refuses(served, serve, browser):
    show(browser)
    browser.get(serve(served.catalog, "--read-only", visit=False).url)
    wait(browser, "return document.querySelectorAll('.cell img.there').length > 3")
    browser.execute_script("document.querySelector('.cell').click()")
    wait(browser, "return document.querySelectorAll('.panel section').length")
    press(browser, "d")
    assert browser.execute_script("return document.querySelector('.drawn')") is None
    browser.execute_script("document.querySelector('.close').click()")
    wait(browser, "return !document.querySelector('#viewer').open")
    browser.find_element("css selector", "nav a[data-view=albums]").click()
    wait(browser, "return document.querySelector('.albums li')")
    assert browser.execute_script("return document.querySelector('.maker')") is None


def test_another_shot_of_the_moment_is_closed_to_the_grid(page):
    from selenium.webdriver.common.keys import Keys

    ask(page, "path:burst")
    count(page, "3 photos")
    page.execute_script("document.querySelector('.cell').click()")
    button = "[...document.querySelectorAll('.panel button')].find(b => b.textContent.startsWith('Compare'))"
    wait(page, f"return {button}").click()
    wait(page, "return document.querySelectorAll('.shots a').length === 3")
    was = page.current_url
    page.execute_script("document.querySelector('.shots li:not(:has([alt=\"This photo\"])) a').click()")
    wait(page, "return location.href !== arguments[0]", was)
    press(page, Keys.ESCAPE)
    wait(page, "return !document.querySelector('#viewer').open")


def test_a_question_that_is_not_understood_says_where(page):
    ask(page, "smiling:all faces:many")
    wait(page, "return document.querySelector('#problem mark')?.textContent === 'faces:many'")
    assert "faces:2" in page.execute_script("return document.querySelector('#problem').textContent")
    ask(page, "faces:2..")
    wait(page, "return document.querySelector('#problem').hidden")


def test_of_a_word_that_no_photo_has_what_is_near_is_told(page):
    ask(page, "persn")
    count(page, "0 photos")
    wait(page, "return document.querySelector('#problem').textContent.includes('person')")
    ask(page, "person")
    wait(page, "return document.querySelector('#problem').hidden")


def test_a_scan_meanwhile_is_told_and_shown_when_asked(page, served, tmp_path):
    from PIL import Image

    from phototag import Library
    from phototag.reading.files import hash_file
    from phototag.reading.walk import Walk

    count(page, "15 photos")
    Image.new("RGB", (90, 60)).save(tmp_path / "new.jpg")
    with Library.open(served.catalog) as library:
        walk = Walk([str(tmp_path / "new.jpg")])
        library.reconcile(walk.roots, walk, hash_file=lambda file: hash_file(file.full_path()))
    page.execute_script("document.dispatchEvent(new Event('visibilitychange'))")  # as when one comes back
    wait(page, "return !document.querySelector('#news').hidden")
    count(page, "15 photos")  # not before it is asked
    page.find_element("css selector", "#news button").click()
    count(page, "16 photos")
    wait(page, "return document.querySelector('.cell[aria-posinset=\"1\"] img.there')")
    with Library.open(served.catalog) as library:
        library.forget([tmp_path / "new.jpg"])


def test_the_viewer_by_keyboard(page, request):
    from selenium.webdriver.common.keys import Keys

    ask(page, "smiling:all taken:2016")
    count(page, "5 photos")
    ids = page.execute_script("return [...document.querySelectorAll('.cell')].map(c => c.id)")
    page.execute_script("document.querySelector('.cell[tabindex=\"0\"]').focus()")
    press(page, Keys.ENTER)
    wait(
        page, "return document.querySelector('#viewer').open && document.querySelectorAll('.box').length > 2"
    )
    shoot(page, request, "photo")
    counter = "return document.querySelector('.counter').textContent"
    assert page.execute_script(counter) == "1 of 5"
    press(page, Keys.ARROW_RIGHT)
    wait(page, counter + " === '2 of 5'")
    press(page, Keys.END)
    wait(page, counter + " === '5 of 5'")
    press(page, Keys.ARROW_RIGHT)
    assert page.execute_script(counter) == "5 of 5"
    press(page, "+")
    wait(page, "return document.querySelector('#viewer').classList.contains('zoomed')")
    press(page, "0")
    wait(page, "return !document.querySelector('#viewer').classList.contains('zoomed')")
    press(page, "b")
    wait(page, "return ![...document.querySelectorAll('.box')].some(box => box.checkVisibility())")
    press(page, "b")
    press(page, Keys.ESCAPE)
    wait(page, "return !document.querySelector('#viewer').open")
    assert page.execute_script("return document.activeElement.id") == ids[4]
    press(page, Keys.HOME, Keys.ENTER)
    wait(page, "return document.querySelector('#viewer').open")
    page.back()
    wait(page, "return !document.querySelector('#viewer').open")


def test_the_years_at_the_side_and_the_keys_lead_to_the_last_photo(page):
    from selenium.webdriver.common.keys import Keys

    show(page, 700, 300)  # low, so that there is much to scroll
    wait(page, "return !document.querySelector('#scrubber').hidden")
    shown = "return [...document.querySelectorAll('.cell')].some(cell => cell.ariaPosInSet === '15')"
    assert not page.execute_script(shown)
    page.execute_script("document.querySelector('#scrubber input').focus()")
    press(page, Keys.END)
    wait(page, shown)
    assert page.execute_script("return document.querySelector('#scrubber input').ariaValueText")
    assert page.execute_script("return document.documentElement.clientWidth === innerWidth")
    press(page, Keys.HOME)
    wait(page, shown.replace("some", "every").replace("=== '15'", "!== '15'"))
    focused = "return document.activeElement.ariaPosInSet"
    page.execute_script("document.querySelector('.cell[tabindex=\"0\"]').focus()")
    press(page, Keys.END)
    wait(page, focused + " === '15'")
    press(page, Keys.HOME)
    wait(page, focused + " === '1'")


def test_who_does_not_smile_is_told(page):
    ask(page, "faces:3")
    count(page, "1 photo")
    page.execute_script("document.querySelector('.cell').click()")
    wait(page, "return document.querySelectorAll('.faces li').length === 3")
    said = page.execute_script("return document.querySelector('.panel').textContent")
    assert "2 of the 3 faces that count smile" in said and "does not smile (0.01)" in said
    assert page.execute_script("return document.querySelectorAll('.box.sober').length") == 1


def test_a_label_said_by_mouse_is_found_by_query(page, served):
    from selenium.webdriver.common.keys import Keys

    ask(page, "animal")
    count(page, "1 photo")
    cat = photo_named(page, "cat.jpg")
    page.execute_script(f"document.querySelector('#photo-{cat}').click()")
    wait(page, "return document.querySelector('.panel form input')")
    page.find_element("css selector", ".panel form input").send_keys("Chelsea", Keys.ENTER)
    wait(page, "return [...document.querySelectorAll('.chips a')].some(a => a.textContent === 'Chelsea')")
    assert run(served, "query", "Chelsea").strip().endswith("cat.jpg")
    page.find_element("css selector", ".chips button[aria-label^='There is no cat']").click()
    wait(page, "return ![...document.querySelectorAll('.chips a')].some(a => a.textContent === 'cat')")
    assert run(served, "query", "--count", "cat").strip() == "0"


def test_not_everyone_smiles_is_believed_by_query_and_highlights(page, served):
    photo = photo_named(page, "booth-two.jpg")
    page.execute_script(f"document.querySelector('#photo-{photo}').click()")
    wait(page, "return document.querySelectorAll('.faces li').length === 2")
    button = (
        "[...document.querySelectorAll('.panel button')].find(b => b.textContent === 'Not everyone smiles')"
    )
    page.execute_script(f"{button}.click()")
    wait(page, "return document.querySelector('.panel h3 b').textContent === 'no'")
    assert "booth-two.jpg" not in run(served, "query", "smiling:all")
    assert "booth-two.jpg" not in run(served, "highlights", "smiles", "--year", "2016", "--dry-run")


def test_faces_are_corrected_named_drawn_and_all_of_it_undone(page, served, request):
    from selenium.webdriver.common.keys import Keys

    ask(page, "faces:3")
    count(page, "1 photo")
    page.execute_script("document.querySelector('.cell').click()")
    wait(page, "return document.querySelectorAll('.faces li').length === 3")
    everyone = "return document.querySelector('.panel h3 b').textContent"
    assert page.execute_script(everyone) == "no"
    page.find_element("css selector", ".faces .sober button[aria-label$='is not a face']").click()
    wait(page, everyone + " === 'yes'")
    assert "booth-one-serious" in run(served, "query", "smiling:all")
    wait(page, "return document.querySelector('#viewer #toast button')").click()  # Undo
    wait(page, everyone + " === 'no'")
    assert "booth-one-serious" not in run(served, "query", "smiling:all")
    press(page, "1")  # the name of the first face
    press(page, "Eileen", Keys.ENTER)
    wait(page, "return document.querySelector('.faces b').textContent === 'Eileen'")
    shoot(page, request, "named")
    assert run(served, "query", "--count", "person:Eileen").strip() == "1"
    page.execute_script("document.activeElement.blur()")
    press(page, "d")
    wait(page, "return document.activeElement.classList.contains('drawn')")
    press(page, *[Keys.ARROW_DOWN] * 30, Keys.ENTER)  # by the keyboard alone, off the face that is there
    wait(page, "return document.querySelectorAll('.faces li').length === 4")
    press(page, "u")
    wait(page, "return document.querySelectorAll('.faces li').length === 3")
    press(page, Keys.ESCAPE)
    wait(page, "return !document.querySelector('#viewer').open")


def test_many_are_chosen_by_keyboard_by_shift_and_by_drawing_over_them(page, served, request):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    ask(page, "taken:2016")
    count(page, "8 photos")
    wait(page, "return document.querySelectorAll('.cell').length === 8")
    chosen = "return document.querySelectorAll('.cell[aria-selected=true]').length"
    page.execute_script("document.querySelector('.cell[tabindex=\"0\"]').focus()")
    press(page, " ")
    wait(page, chosen + " === 1")
    ActionChains(page).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).key_up(
        Keys.SHIFT
    ).perform()
    wait(page, chosen + " === 3")
    press(page, Keys.ESCAPE)
    wait(page, chosen + " === 0")
    cells = page.find_elements("css selector", ".cell")
    cells.sort(key=lambda cell: int(cell.get_attribute("aria-posinset")))
    ActionChains(page).move_to_element(cells[1]).click_and_hold().move_to_element(
        cells[2]
    ).release().perform()
    wait(page, chosen + " === 2")
    ActionChains(page).key_down(Keys.SHIFT).click(cells[3]).key_up(Keys.SHIFT).perform()
    wait(page, chosen + " === 3")
    shoot(page, request, "chosen")
    page.find_element("css selector", "#selection input").send_keys("holiday", Keys.ENTER)
    wait(page, "return document.querySelector('#selection').hidden")
    assert page.execute_script("return document.activeElement.className") == "cell"  # the keys go on there
    assert run(served, "query", "--count", "holiday").strip() == "3"
    assert not page.execute_script("return document.querySelector('#viewer').open")


def test_every_control_has_a_name_and_can_be_reached_by_tab(page):
    from selenium.webdriver.common.keys import Keys

    nameless = (
        "return [...document.querySelectorAll('button, input, select, a[href], [role=slider], [role=option],"
        " dialog, [role=listbox]')].filter(e => !(e.getAttribute('aria-label') || e.labels?.length ||"
        " e.textContent.trim() || e.title)).map(e => e.outerHTML)"
    )
    assert page.execute_script(nameless) == []
    page.execute_script("document.activeElement.blur()")
    reached = set()
    for _ in range(14):
        press(page, Keys.TAB)
        reached.add(
            page.execute_script(
                "const e = document.activeElement;"
                "return e.id && !e.id.startsWith('photo-') ? e.id : e.className || e.textContent"
            )
        )
    assert {"Photos", "Albums", "q", "filters", "sort", "cell"} <= reached, reached
    page.execute_script("document.querySelector('.cell').click()")
    wait(page, "return document.querySelectorAll('.faces, .panel section').length")
    assert page.execute_script(nameless) == []


def test_words_can_be_read_on_their_ground(page):
    """WCAG 2.1 AA: 4.5 to 1 for text of this size."""
    measure = """
    const light = (colour) => {
      const parts = colour.match(/[\\d.]+/g).map(Number);
      const linear = (c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      const [r, g, b] = parts.slice(0, 3).map((c) => linear(c / 255));
      return { value: 0.2126 * r + 0.7152 * g + 0.0722 * b, alpha: parts[3] ?? 1 };
    };
    const ground = (e) => {
      for (let at = e; at; at = at.parentElement) {
        const found = light(getComputedStyle(at).backgroundColor);
        if (found.alpha > 0.9) return found.value;
      }
      return 1;
    };
    return [...document.querySelectorAll(arguments[0])].filter((e) => e.offsetParent).map((e) => {
      const [a, b] = [light(getComputedStyle(e).color).value, ground(e)].sort((x, y) => y - x);
      return [e.className || e.id || e.tagName, (a + 0.05) / (b + 0.05)];
    }).filter(([, ratio]) => ratio < 4.5);
    """
    for scheme in ("light", "dark"):
        show(page, scheme=scheme)
        assert (
            page.execute_script(measure, "nav a, .month, .month b, #count, button, select, #facets *") == []
        )
    page.execute_script("document.querySelector('.cell').click()")
    wait(page, "return document.querySelectorAll('.panel section').length")
    for scheme in ("light", "dark"):
        show(page, scheme=scheme)
        assert page.execute_script(measure, ".panel *") == []


def test_hostile_names_and_labels_do_nothing(browser, serve, tmp_path):
    """Forty file names and labels that would be markup, script, or direction marks."""
    from PIL import Image

    from phototag import Library, scan
    from phototag.scanning import ScanOptions
    from phototag.taggers import table
    from tests import tiny
    from tests.hostile import NAMES

    (tmp_path / "photos").mkdir()
    for number, name in enumerate(NAMES):
        path = tmp_path / "photos" / f"{number:02}{name}.png"
        Image.new("RGB", (60, 40), (number * 5, 90, 120)).save(
            str(path).encode("utf-8", "surrogateescape"), "PNG"
        )
    specs = dict(table.SPECS)
    table.SPECS.clear()
    table.SPECS["colour"] = tiny.SPEC
    try:
        with Library.open(tmp_path / "catalog.db") as library:
            scan(library, [tmp_path / "photos"], ScanOptions(taggers=("colour",)))
            for path, name in zip(list(library.paths(sort="path")), NAMES, strict=True):
                if name.encode("utf-8", "replace").decode() == name:
                    library.correct(path, add=[name])
    finally:
        table.SPECS.clear()
        table.SPECS.update(specs)
    served = serve(tmp_path / "catalog.db", visit=False)
    show(browser)
    browser.get_log("browser")
    browser.get(served.url)
    count(browser, f"{len(NAMES)} photos")
    wait(browser, "return document.querySelectorAll('.cell img.there').length > 10")
    browser.execute_script("document.querySelector('#filters').click()")
    wait(browser, "return document.querySelectorAll('#facets button').length > 3")
    browser.execute_script("document.querySelector('.cell').click()")
    for number in range(len(NAMES)):
        wait(
            browser,
            "return document.querySelector('.counter').textContent.startsWith(arguments[0])",
            f"{number + 1} of",
        )
        wait(browser, "return document.querySelector('.panel dl')")
        browser.execute_script("document.querySelector('.next').click()")
    assert browser.execute_script("return document.scripts.length") == 1
    assert browser.execute_script("return typeof hacked") == "undefined"
    assert "hacked" not in browser.title
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_an_album_of_a_question_is_made_with_a_live_preview(page, served, request):
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    ask(page, "taken:2016")
    count(page, "8 photos")
    page.find_element("css selector", "nav a[data-view=albums]").click()
    wait(page, "return document.querySelector('.maker')")
    box = page.find_element("css selector", ".maker input[type=search]")
    box.clear()
    box.send_keys("taken:2016")
    wait(page, "return document.querySelector('.maker [role=status]').textContent.startsWith('Smiles 2016')")
    wait(page, "return document.querySelectorAll('.chosen > .preview li').length >= 3")
    name = page.find_element("css selector", ".maker input[type=text]")
    name.clear()
    name.send_keys("ours", Keys.ENTER)
    kept = "return document.querySelector('.albums b')?.textContent === 'ours'"
    WebDriverWait(page, 120, 0.2).until(lambda _: page.execute_script(kept))  # a net looks once more
    shoot(page, request, "albums")
    assert "ours" in run(served, "albums")
    page.find_element("css selector", ".albums a").click()
    wait(page, "return document.querySelector('#count').textContent.startsWith('Album ours')")


def test_the_map_shows_where_photos_were_taken_and_asks_for_them(page, request):
    page.find_element("css selector", "nav a[data-view=map]").click()
    wait(page, "return document.querySelectorAll('.spot').length > 0")
    for scheme in ("light", "dark"):
        show(page, scheme=scheme)
    shoot(page, request, "map")
    wait(page, "return document.querySelector('.spot img').complete")
    page.execute_script("document.querySelector('.spot').click()")
    wait(page, "return document.querySelector('#q').value.startsWith('near:')")
    count(page, "1 photo")


def test_a_heat_map_is_made_when_asked_and_explained(page, request):
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    ask(page, "faces:3")
    count(page, "1 photo")
    page.execute_script("document.querySelector('.cell').click()")
    legend = "return document.querySelector('.legend')?.textContent"
    wait(page, legend + " === ''")
    press(page, "h")
    wait(page, legend + ".startsWith('Asking the net')")
    laid = "const heat = document.querySelector('.heat'); return !heat.hidden && heat.naturalWidth > 0"
    WebDriverWait(page, 300, 0.2).until(lambda _: page.execute_script(laid))
    assert page.execute_script(legend) == "What speaks for a smile"
    pressed = "return [...document.querySelectorAll('.panel [aria-pressed=true]')].map(b => b.textContent)"
    assert page.execute_script(pressed) == ["smile"]
    shoot(page, request, "heat")
    press(page, "h")
    assert page.execute_script("return document.querySelector('.heat').hidden")
    assert page.execute_script(legend) == "" and page.execute_script(pressed) == []
    press(page, Keys.ESCAPE)
    wait(page, "return !document.querySelector('#viewer').open")


def touch(browser, kind, *points):
    browser.execute_cdp_cmd(
        "Input.dispatchTouchEvent",
        {
            "type": kind,
            "touchPoints": [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)],
        },
    )


def test_fingers_spread_move_and_turn_photos_on_a_phone(page, request):
    ask(page, "taken:2016")
    count(page, "8 photos")
    show(page, 390, 844)
    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    try:
        page.execute_script("document.querySelector('.cell[aria-posinset=\"1\"]').click()")
        counter = "return document.querySelector('.counter').textContent"
        wait(page, counter + " === '1 of 8' && document.querySelector('.panel section')")
        assert page.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        shoot(page, request, "photo-phone")

        touch(page, "touchStart", (300, 200))
        for x in (260, 200, 120, 60):
            touch(page, "touchMove", (x, 205))
        touch(page, "touchEnd")
        wait(page, counter + " === '2 of 8'")  # to the left: the next

        zoom = "return new DOMMatrix(getComputedStyle(document.querySelector('.frame')).transform)"
        touch(page, "touchStart", (180, 200))
        touch(page, "touchStart", (180, 200), (210, 200))
        for wide in (40, 60, 90):
            touch(page, "touchMove", (195 - wide, 200), (195 + wide, 200))
        wait(page, zoom + ".a > 3")
        touch(page, "touchEnd", (105, 200))
        touch(page, "touchEnd")
        before = page.execute_script(zoom + ".e")
        touch(page, "touchStart", (200, 200))
        touch(page, "touchMove", (140, 200))
        touch(page, "touchEnd")
        wait(page, f"{zoom}.e < {before}")  # a finger moves what is larger than the window
        assert page.execute_script(counter) == "2 of 8"

        touch(page, "touchStart", (150, 200))
        touch(page, "touchStart", (60, 200), (330, 200))
        for wide in (100, 60, 10):
            touch(page, "touchMove", (195 - wide, 200), (195 + wide, 200))
        touch(page, "touchEnd")
        wait(page, "return !document.querySelector('#viewer').matches('.zoomed')")
        touch(page, "touchStart", (60, 200))
        touch(page, "touchMove", (200, 200))
        touch(page, "touchMove", (330, 200))
        touch(page, "touchEnd")
        wait(page, counter + " === '1 of 8'")  # to the right: the one before
        touch(page, "touchStart", (190, 120))
        touch(page, "touchMove", (190, 220))
        touch(page, "touchMove", (195, 320))
        touch(page, "touchEnd")
        wait(page, "return !document.querySelector('#viewer').open")  # pulled down: back to the grid
    finally:
        page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_by_the_keyboard_alone_from_the_start_to_a_corrected_photo(page, served):
    from selenium.webdriver.common.keys import Keys

    page.execute_script("document.activeElement.blur()")
    press(page, "/")
    press(page, "faces:3", Keys.ENTER)
    count(page, "1 photo")
    for _ in range(12):
        press(page, Keys.TAB)
        if page.execute_script("return document.activeElement.matches('.cell')"):
            break
    press(page, Keys.ENTER)
    wait(page, "return document.querySelectorAll('.faces li').length === 3")
    press(page, "l")
    press(page, "by keys", Keys.ENTER)
    wait(page, "return [...document.querySelectorAll('.own a')].some(a => a.textContent === 'by keys')")
    assert run(served, "query", "--count", '"by keys"').strip() == "1"
    press(page, "u")  # what was written is told, and the keys are the photo's again
    wait(page, "return ![...document.querySelectorAll('.own a')].some(a => a.textContent === 'by keys')")
    press(page, Keys.ESCAPE)
    wait(page, "return !document.querySelector('#viewer').open")
    assert page.execute_script("return document.activeElement.matches('.cell')")
