"""What the browser is given is read by people too: it stays small, without a build step."""

from importlib import resources

MOST_BYTES = 60_000  # of scripts, page and styles together, as they lie on the disk
LONGEST_LINE = 110


def test_the_page_is_small_and_made_of_lines_that_can_be_read():
    folder = resources.files("phototag.web") / "static"
    files = [each for each in folder.iterdir() if each.name.endswith((".js", ".html", ".css"))]
    sizes = {each.name: len(each.read_bytes()) for each in files}
    assert sum(sizes.values()) <= MOST_BYTES, sizes
    long = [
        (each.name, number)
        for each in files
        for number, line in enumerate(each.read_text("utf-8").splitlines(), 1)
        if len(line) > LONGEST_LINE
    ]
    assert long == []
