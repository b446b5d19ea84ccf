"""Every address of the local server with values that nobody's page sends: an answer or a sentence, never an
error of the server."""

import json
import random
import shutil
import time
from urllib.parse import quote

import pytest

from phototag.web.app import CHANGES, QUESTIONS
from tests.hostile import NAMES, VALUES, distort

WORDS = (
    "q",
    "sort",
    "ids",
    "id",
    "name",
    "theme",
    "of",
    "start",
    "end",
    "person",
    "text",
    "top",
    "offset",
    "west",
    "cell",
)
ODD = (*NAMES, *(str(value)[:1500] for value in VALUES), "9" * 400, "-1", "1e400", "\u0663", "1,2,,3")
BODY = {
    "ids": [1], "add": ["x"], "remove": [], "q": "", "name": "x", "theme": "smiles", "photo": 1, "id": 1,
    "face": 1, "faces": [[1, 1]], "box": [0.1, 0.1, 0.2, 0.2], "person": "x", "smiling": True, "group": 1,
    "groups": [1, 2], "number": 1, "numbers": [1, 2], "number_of": 1, "is_face": False, "top": 3,
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_odd_requests_are_no_errors_of_the_server(serve, scanned, tmp_path, seed):
    shutil.copy(scanned[1], tmp_path / "catalog.db")
    served, rng = serve(tmp_path / "catalog.db"), random.Random(seed)
    until = time.monotonic() + (2 if seed == 1 else 300)
    asked = 0
    while time.monotonic() < until:
        if rng.random() < 0.4:
            path = rng.choice([*QUESTIONS, "/api/grid", "/film"])
            path = path.replace("{photo_id:int}", rng.choice(("1", "0", "9" * 30)))
            given = [
                f"{rng.choice(WORDS)}={quote(rng.choice(ODD).encode('utf-8', 'surrogatepass'))}"
                for _ in range(3)
            ]
            shown = f"{path}?{'&'.join(given)}"
            answer = served.request("GET", shown)
        else:
            path = rng.choice([path for path in CHANGES if "film" not in path])
            body = BODY
            for _ in range(rng.choice((1, 2, 5))):
                body = distort(body, rng)
            shown = f"{path} {body!r:.500}"
            try:
                answer = served.request("POST", path, body=json.dumps(body))
            except ValueError:  # integers of thousands of digits
                continue
        asked += 1
        assert answer.status < 500 or answer.status == 503, (shown, answer.status, answer.body[:500])
        assert b"this is a bug" not in answer.body and b"Traceback" not in answer.body, (
            shown,
            answer.body[:500],
        )
    assert asked > 10
    assert served.process.poll() is None
