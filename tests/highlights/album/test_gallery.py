"""The gallery in a real browser: headless Chromium from the system's packages, driven by Selenium."""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

import pytest
from PIL import Image

from phototag.errors import PhototagError
from phototag.highlights import theme as themes
from phototag.highlights.album import gallery
from phototag.highlights.album.folder import OutputFolder
from phototag.highlights.appearance import measure_appearance
from phototag.highlights.choose import choose

HOSTILE = [
    "<img src=x onerror=document.title='hacked'>.jpg",
    "\"><script>document.title='hacked'</script>.jpg",
    "' onload='document.title=1.jpg",
    "two\nlines & \x1b[31mred\u202egpj.jpg",
    "$title ${script}.jpg",
    "bytes\udcff.jpg",
]


@pytest.fixture(scope="module")
def built(pictures, tmp_path_factory):
    """A gallery of the known answer's photos, under hostile names."""
    folder = tmp_path_factory.mktemp("hostile")
    photos = []
    for number, photo in enumerate(
        p for p in pictures.photos if pictures.expected[p.path.rpartition("/")[2]].kept
    ):
        name = HOSTILE[number % len(HOSTILE)]
        path = f"{folder}/{number}" + name.replace("/", "\u2215")
        shutil.copyfile(photo.path, path)
        photos.append(replace(photo, path=path))
    choice = choose(photos, themes.load("smiles"), measure_appearance)
    assert len(choice.kept) == len(photos) >= len(HOSTILE)
    out = tmp_path_factory.mktemp("out") / "album"
    with OutputFolder(out) as album:
        gallery.lay_out(album, choice, 'Smiles <2016> & "more"', progress=lambda: None)
    return out / "gallery", choice


def opened(browser, folder, width=1280, height=860, scheme="light"):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.get("about:blank")
    browser.get_log("performance"), browser.get_log("browser")
    browser.get((folder / "index.html").as_uri())
    return browser


def state(browser):
    return browser.execute_script(
        "const d = document.querySelector('dialog'), i = d.querySelector('img');"
        "return {open: d.open, hash: location.hash, file: i.getAttribute('src')?.split('/').pop() ?? '',"
        " caption: d.querySelector('figcaption').innerText, focus: "
        "document.activeElement.closest('li')?.id ?? ''}"
    )


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def wait(browser, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 30).until(lambda _: condition(state(browser)))


def shoot(browser, request, name):
    """Screenshots to look at: pytest --basetemp=DIR keeps them."""
    folder = request.config._tmp_path_factory.getbasetemp() / "screenshots"
    folder.mkdir(exist_ok=True)
    browser.save_screenshot(str(folder / f"{name}.png"))


def test_it_opens_without_an_error_and_nothing_leaves_the_folder(browser, built, request):
    folder, choice = built
    for scheme, width, name in (("light", 1280, "light"), ("dark", 1280, "dark"), ("light", 390, "phone")):
        opened(browser, folder, width, 844 if width < 700 else 860, scheme)
        loaded = browser.execute_script(
            "return Promise.all(Array.from(document.images).filter(i => i.getAttribute('src')).map(i => {"
            "i.loading = 'eager'; return i.decode().then(() => i.naturalWidth)}))"
        )
        assert len(loaded) == len(choice.kept) and all(loaded)
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        shoot(browser, request, name)
        requests = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        urls = [r["params"]["request"]["url"] for r in requests if r["method"] == "Network.requestWillBeSent"]
        assert urls and all(url.startswith((folder.as_uri() + "/", "data:")) for url in urls), urls
        assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_hostile_names_and_titles_do_nothing(browser, built):
    folder, _ = built
    opened(browser, folder)
    assert browser.title == 'Smiles <2016> & "more"'
    assert browser.execute_script(
        "return document.querySelectorAll('li img').length === document.querySelectorAll('li').length"
    )
    assert browser.execute_script("return document.scripts.length") == 1
    shown = browser.execute_script(
        "return Array.from(document.querySelectorAll('.file'), e => e.textContent)"
    )
    assert any("<img src=x onerror=" in name for name in shown) and any("<script>" in name for name in shown)
    assert not any(character in "".join(shown) for character in "\n\x1b\u202e")


def test_the_lightbox_by_keyboard(browser, built, request):
    from selenium.webdriver.common.keys import Keys

    folder, choice = built
    files = [gallery.picture_names(verdict.photo)[1].rpartition("/")[2] for verdict in choice.kept]
    opened(browser, folder)
    press(browser, Keys.TAB)
    assert state(browser)["focus"] == "p1"
    press(browser, Keys.ENTER)
    wait(browser, lambda now: now["open"] and now["file"] == files[0] and now["hash"] == "#photo-1")
    press(browser, Keys.ARROW_RIGHT)
    wait(browser, lambda now: now["file"] == files[1])
    press(browser, Keys.ARROW_LEFT)
    press(browser, Keys.ARROW_LEFT)  # no further than the first
    wait(browser, lambda now: now["file"] == files[0])
    press(browser, Keys.END)
    wait(browser, lambda now: now["file"] == files[-1] and "2016" in now["caption"])
    press(browser, Keys.ARROW_RIGHT)
    assert state(browser)["file"] == files[-1]
    press(browser, Keys.TAB, Keys.TAB)  # to a button and on: the arrows still work
    press(browser, Keys.HOME)
    wait(browser, lambda now: now["file"] == files[0])
    press(browser, Keys.END)
    wait(browser, lambda now: now["file"] == files[-1])
    browser.execute_async_script(
        "const done = arguments[0]; document.querySelector('dialog img').decode().then(done, done)"
    )
    shoot(browser, request, "lightbox")
    press(browser, Keys.ESCAPE)
    wait(browser, lambda now: not now["open"] and now["focus"] == f"p{len(files)}")
    wait(browser, lambda now: not now["hash"].startswith("#photo"))
    press(browser, Keys.ENTER)
    wait(browser, lambda now: now["open"])
    browser.back()  # as on a phone
    wait(browser, lambda now: not now["open"])
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_the_lightbox_by_mouse_and_by_address(browser, built):
    folder, _ = built
    opened(browser, folder)
    browser.find_element("css selector", "#p2 a").click()
    wait(browser, lambda now: now["open"] and now["hash"] == "#photo-2")
    browser.find_element("css selector", "dialog .next").click()
    wait(browser, lambda now: now["hash"] == "#photo-3")
    browser.find_element("css selector", "dialog .close").click()
    wait(browser, lambda now: not now["open"])
    browser.get((folder / "index.html").as_uri() + "#photo-4")
    wait(browser, lambda now: now["open"] and now["hash"] == "#photo-4")
    browser.find_element("css selector", "dialog .close").click()
    wait(browser, lambda now: not now["open"] and now["hash"] == "#all")


def test_the_lightbox_by_touch(browser, built, request):
    folder, _ = built
    opened(browser, folder, 390, 844)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        browser.execute_script("location.hash = 'photo-2'")
        wait(browser, lambda now: now["open"])
        shoot(browser, request, "phone-lightbox")

        def swipe(start, end):
            browser.execute_cdp_cmd(
                "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": start, "y": 400}]}
            )
            for step in range(1, 6):
                x = start + (end - start) * step / 5
                browser.execute_cdp_cmd(
                    "Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": 402}]}
                )
            browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        swipe(320, 80)
        wait(browser, lambda now: now["hash"] == "#photo-3")
        swipe(80, 320)
        wait(browser, lambda now: now["hash"] == "#photo-2")
    finally:
        browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_zoom_counter_and_slideshow(browser, built, request):
    from selenium.webdriver.common.keys import Keys

    folder, choice = built
    opened(browser, folder)
    browser.find_element("css selector", "#p1 a").click()
    wait(browser, lambda now: now["open"])
    counter = "return document.querySelector('.counter').textContent"
    assert browser.execute_script(counter) == f"1 / {len(choice.kept)}"
    zoomed = "return document.querySelector('dialog').classList.contains('zoomed')"
    press(browser, "+", "+")
    assert browser.execute_script(zoomed)
    shoot(browser, request, "zoomed")
    press(browser, "0")
    assert not browser.execute_script(zoomed)
    browser.find_element("css selector", "dialog .zoom").click()
    assert browser.execute_script(zoomed)
    press(browser, Keys.ARROW_RIGHT)  # the next photo is seen in full
    wait(browser, lambda now: now["hash"] == "#photo-2")
    assert not browser.execute_script(zoomed)
    playing = "return document.querySelector('.play').getAttribute('aria-pressed')"
    browser.execute_script("document.querySelector('dialog .close').focus()")
    press(browser, " ")  # does not press the button that has the focus: it would close the viewer
    wait(browser, lambda now: now["open"])
    assert browser.execute_script(playing) == "true"
    wait(browser, lambda now: now["hash"] == "#photo-3")
    press(browser, " ")
    assert browser.execute_script(playing) == "false" and state(browser)["open"]
    press(browser, " ", Keys.ARROW_LEFT)  # who leafs by hand ends it
    assert browser.execute_script(playing) == "false"
    assert browser.execute_script("return document.querySelector('.original').hidden")  # nothing was copied
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_captions_say_who_is_in_it_and_never_the_same_of_every_photo(built, pictures):
    from phototag.records import Person, PersonInPhoto, Written

    _, choice = built
    first = choice.kept[0].photo
    persons = tuple(
        PersonInPhoto(Person(number, name), 1, 0.9, "word", certain=name != "Carla")
        for number, name in enumerate(("Anna", "Ben <b>", "Carla"), 1)
    )
    photo = replace(first, persons=persons, places=("Rome", "Italy"), written=Written(title="At the lake"))
    changed = replace(choice, verdicts=(replace(choice.kept[0], photo=photo), *choice.verdicts[1:]))
    text = gallery.page(changed, "t", places=True)
    assert "Anna and Ben &lt;b&gt;</span>" in text and "Carla" not in text
    assert "Rome, Italy" in text and "At the lake" in text and "one smile" not in text
    assert "Rome" not in gallery.page(changed, "t")


def test_a_long_album_has_a_heading_for_each_month(built):
    _, choice = built
    kept = choice.kept
    many = [
        replace(kept[number % len(kept)], photo=replace(kept[0].photo, taken_at=datetime(2016, month, 3)))
        for month in (5, 6)
        for number in range(7)
    ]
    text = gallery.page(replace(choice, verdicts=tuple(many)), "t")
    assert re.findall("<h2>(.*?)</h2>", text) == ["May 2016", "June 2016"]
    assert text.count('<ol class="grid">') == 2 and text.count("<li id=") == 14
    assert "<h2>" not in gallery.page(choice, "t")


def test_originals_that_were_copied_and_the_film_are_on_the_page(browser, pictures, tmp_path):
    from phototag.highlights.album import manifest

    choice = choose(pictures.photos, themes.load("smiles"), measure_appearance)
    (tmp_path / "smiles.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    with OutputFolder(tmp_path / "album") as folder:
        manifest.lay_out(folder, choice, "Smiles", "", "copy")
        gallery.lay_out(folder, choice, "Smiles", film=tmp_path / "smiles.mp4")
    assert (tmp_path / "album" / "gallery" / "film.mp4").read_bytes().endswith(b"ftypmp42")
    opened(browser, tmp_path / "album" / "gallery")
    assert browser.execute_script("return document.querySelector('video').getAttribute('src')") == "film.mp4"
    browser.find_element("css selector", "#p1 a").click()
    wait(browser, lambda now: now["open"])
    link = browser.find_element("css selector", "dialog .original")
    name = manifest.file_names([verdict.photo for verdict in choice.kept])[0]
    assert link.is_displayed() and link.get_attribute("href").endswith(f"/album/{quote(name)}")
    assert link.get_attribute("download") is not None
    with OutputFolder(tmp_path / "linked") as folder:
        manifest.lay_out(folder, choice, "Smiles", "", "symlink")
        gallery.lay_out(folder, choice, "Smiles")
    text = (tmp_path / "linked" / "gallery" / "index.html").read_text()
    assert "data-original" not in text and "<video" not in text


def test_without_javascript_it_shows_pictures_and_links(browser, built):
    folder, choice = built
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        opened(browser, folder)
        browser.find_element("css selector", "#p1 a").click()
        assert browser.current_url.endswith(gallery.picture_names(choice.kept[0].photo)[1])
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_the_policy_holds_exactly_this_style_and_script(built):
    text = (built[0] / "index.html").read_text(encoding="utf-8")
    for tag in ("style", "script"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert gallery._digest(inside) in text
    assert "unsafe" not in text and "http" not in re.sub(r"http-equiv", "", text)


def test_pictures_carry_no_exif_and_are_small(built, pictures):
    folder, choice = built
    for verdict in choice.kept:
        with Image.open(verdict.photo.path) as original:
            assert original.getexif().get_ifd(0x8825)
        for name, side in zip(
            gallery.picture_names(verdict.photo), (gallery.THUMBNAIL_SIDE, gallery.LARGE_SIDE), strict=True
        ):
            with Image.open(folder / name) as picture:
                assert max(picture.size) <= side and not picture.getexif() and "exif" not in picture.info
                assert picture.width > picture.height or verdict.photo.width < verdict.photo.height


def test_places_are_told_only_when_asked(built):
    _, choice = built
    assert "48.13°" not in gallery.page(choice, "t") and "48.13° N, 11.57° E" in gallery.page(
        choice, "t", places=True
    )


def test_a_rerun_makes_no_picture_again_and_drops_those_not_wanted(pictures, tmp_path):
    choice = choose(pictures.photos, themes.load("smiles"), measure_appearance)
    times = []
    for _ in range(2):
        with OutputFolder(tmp_path / "album") as folder:
            gallery.lay_out(folder, choice, "Smiles")
            times.append(list(folder.staged))
    assert len(times[0]) == 2 * len(choice.kept) + 1 and times[1] == []
    fewer = choose(pictures.photos[:2], themes.load("smiles"), measure_appearance)
    with OutputFolder(tmp_path / "album") as folder:
        gallery.lay_out(folder, fewer, "Smiles")
    assert len(list((tmp_path / "album" / "gallery" / "pictures").iterdir())) == 4


def test_a_photo_gone_since_it_was_chosen_is_one_sentence_and_leaves_nothing(pictures, tmp_path):
    choice = choose(pictures.photos, themes.load("smiles"), measure_appearance)
    gone = replace(
        choice.kept[0],
        photo=replace(
            choice.kept[0].photo, path="/nowhere/gone.jpg", content_hash=hashlib.sha256().hexdigest()
        ),
    )
    changed = replace(choice, verdicts=(gone,))
    with (
        pytest.raises(PhototagError, match=r"/nowhere/gone\.jpg was chosen"),
        OutputFolder(tmp_path / "album") as folder,
    ):
        gallery.lay_out(folder, changed, "Smiles")
    assert not (tmp_path / "album").exists()
