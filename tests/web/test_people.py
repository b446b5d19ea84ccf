"""Groups of faces in the browser: named, joined, taken apart, undone."""

import json

import pytest

from tests.conftest import SAMPLES


@pytest.fixture(scope="module")
def served(serve, catalogs, tmp_path_factory):
    """The sample photos, scanned with people: two persons who are in several of them, and a third."""
    from phototag import Library, scan
    from phototag.scanning import ScanOptions

    catalog = catalogs.address(tmp_path_factory.mktemp("people") / "catalog.db")
    with Library.open(catalog) as library:
        scan(library, [SAMPLES], ScanOptions(people=True))
    served = serve(catalog)
    served.catalog = catalog
    return served


def people(served):
    return json.loads(served.request("GET", "/api/people").body)


def post(served, path, body):
    answer = served.request("POST", path, body=json.dumps(body))
    return answer.status, json.loads(answer.body)


def count(served, question):
    from phototag import Library

    with Library.open(served.catalog) as library:
        return library.count(question)


def test_groups_come_with_faces_that_can_be_seen(served):
    found = people(served)
    assert found["looking"] and len(found["groups"]) >= 2 and found["more"] == 0
    first = found["groups"][0]
    assert first["name"] is None and first["faces"] >= len(first["examples"]) > 1
    for face in first["examples"]:
        answer = served.request("GET", f"/face/{face['photo']}?box={','.join(map(str, face['box']))}")
        assert answer.status == 200 and answer.body[8:12] == b"WEBP"


def test_a_group_is_named_denied_and_all_of_it_undone(served):
    first = people(served)["groups"][0]
    status, done = post(served, "/api/people/name", {"number": first["number"], "name": "Eileen"})
    assert status == 200 and people(served)["groups"][0]["name"] == "Eileen"
    assert count(served, "person:Eileen") == first["photos"]
    assert post(served, "/api/undo", {"change": done["change"]})[0] == 200
    assert people(served)["groups"][0]["name"] is None and count(served, "person:Eileen") == 0


def test_no_to_two_groups_is_kept_until_it_is_undone(served):
    """Two groups without a name, as a split leaves them, are asked about once."""
    number = people(served)["groups"][0]["number"]
    split = post(served, "/api/people/split", {"number": number})[1]
    pairs = people(served)["suggestions"]
    asked = [pairs[0]["one"]["number"], pairs[0]["other"]["number"]]
    status, done = post(served, "/api/people/apart", {"numbers": asked})
    assert status == 200 and done["summary"] == f"groups {asked[0]} and {asked[1]}: not one person"
    left = [{pair["one"]["number"], pair["other"]["number"]} for pair in people(served)["suggestions"]]
    assert set(asked) not in left and len(left) == len(pairs) - 1
    assert post(served, "/api/undo", {"change": done["change"]})[0] == 200
    assert people(served)["suggestions"] == pairs
    post(served, "/api/undo", {"change": split["change"]})


def test_no_to_a_name_is_a_word_about_every_face(served):
    first, second = people(served)["groups"][:2]
    post(served, "/api/people/name", {"number": first["number"], "name": "Grace"})
    numbers = [first["number"], second["number"]]
    status, done = post(served, "/api/people/apart", {"numbers": numbers})
    assert status == 200 and done["summary"] == f"group {second['number']}: not Grace"
    for _ in range(2):
        post(served, "/api/undo", {"change": done["change"]})
        done = {"change": done["change"] - 1}


def test_what_is_no_group_is_one_sentence(served):
    for path, body in (
        ("name", {"number": 1}),
        ("name", {"number": 999_999, "name": "x"}),
        ("name", {"number": "1", "name": "x"}),
        ("merge", {"numbers": [1]}),
        ("merge", {"numbers": ["1", "2"]}),
        ("merge", {"numbers": [1, 999_999]}),
        ("split", {"number": True}),
        ("split", {"number": 999_999}),
        ("apart", {}),
        ("apart", {"numbers": [1, 1]}),
        ("apart", {"numbers": [1, 2, 3]}),
        ("apart", {"numbers": [1, 999_999]}),
    ):
        status, said = post(served, f"/api/people/{path}", body)
        assert status in (400, 409) and said["error"], (path, body)


@pytest.mark.parametrize("box", ["", "0,0,1", "0,0,1,x", "1,1,0,0", "0,0,2,2", "0.1,0.1,0.2,0.2;"])
def test_what_is_no_face_is_not_shown(served, box):
    assert served.request("GET", f"/face/1?box={box}").status == 404


def test_a_catalog_without_people_says_what_to_type(serve, browser, scanned, tmp_path):
    import shutil

    from selenium.webdriver.support.ui import WebDriverWait

    shutil.copy(scanned[1], tmp_path / "catalog.db")
    served = serve(tmp_path / "catalog.db", visit=False)
    browser.get(served.url)
    browser.get(f"http://{served.host}/?view=people")
    shown = "return document.querySelector('#page').textContent.includes('phototag scan FOLDER --people')"
    WebDriverWait(browser, 15).until(lambda _: browser.execute_script(shown))


def test_a_group_is_named_in_the_browser(served, browser, request):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    def wait(script):
        return WebDriverWait(browser, 15).until(lambda _: browser.execute_script(script))

    name, _, value = served.cookie.partition("=")
    browser.get(f"http://{served.host}/")  # refused, but then a cookie may be set for it
    browser.add_cookie({"name": name, "value": value})
    browser.get(f"http://{served.host}/?view=people")
    wait("return [...document.querySelectorAll('.examples img')].filter(i => i.complete).length > 4")
    browser.execute_script("document.querySelector('.people form input').focus()")
    ActionChains(browser).send_keys("Eileen", Keys.ENTER).perform()
    wait("return document.querySelector('.people b').textContent === 'Eileen'")
    folder = request.config._tmp_path_factory.getbasetemp() / "screenshots"
    folder.mkdir(exist_ok=True)
    browser.save_screenshot(str(folder / "browse-people.png"))
    browser.execute_script("document.querySelector('#toast button').click()")
    wait("return document.querySelector('.people b').textContent === 'Group 1'")


def test_whoever_names_by_keyboard_goes_on_with_the_next(served, serve, browser):
    from selenium.webdriver.common.keys import Keys

    from tests.web.test_browser import press, wait

    again = serve(served.catalog, visit=False)
    browser.get(again.url)
    wait(browser, "return document.querySelector('#count').textContent")
    browser.find_element("css selector", "nav a[data-view=people]").click()
    wait(browser, "return document.querySelectorAll('.people form input').length > 1")
    browser.execute_script("document.querySelector('.people form input').focus()")
    press(browser, 'Eileen "Mom"', Keys.ENTER)
    wait(browser, "return document.querySelector('.people b').textContent === 'Eileen \"Mom\"'")
    second = "document.querySelectorAll('.people > li')[1].querySelector('form input')"
    wait(browser, f"return document.activeElement === {second}")
    browser.find_element("css selector", ".people a b").click()  # a name in quotes can be asked for
    wait(browser, 'return document.querySelector(\'#q\').value === \'person:"Eileen ""Mom"""\'')
    wait(browser, "return Number.parseInt(document.querySelector('#count').textContent) > 1")
    assert count(served, 'person:"Eileen ""Mom"""') > 1


def test_whoever_answers_by_keyboard_goes_on_with_the_next_pair(served, serve, browser):
    from tests.web.test_browser import press, wait

    first = people(served)["groups"][0]["number"]
    assert post(served, "/api/people/split", {"number": first})[0] == 200
    if not people(served)["suggestions"]:
        pytest.skip("the two halves are not likely to be one person")
    again = serve(served.catalog, visit=False)
    browser.get(again.url)
    wait(browser, "return document.querySelector('#count').textContent")
    browser.find_element("css selector", "nav a[data-view=people]").click()
    wait(browser, "return document.querySelector('.suggestion')")
    browser.execute_script("document.querySelector('.suggestion').focus()")
    press(browser, "y")
    wait(browser, "return document.querySelector('#toast').textContent.includes('Undo')")
    wait(browser, "return document.activeElement.matches('.suggestion, #page')")
