"""What the local server refuses. Each attack is made on a real server over a real socket."""

import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from phototag.web.guard import LARGEST_BODY_BYTES


@pytest.fixture(scope="module")
def served(serve, scanned, tmp_path_factory):
    catalog = tmp_path_factory.mktemp("guard") / "catalog.db"
    shutil.copy(scanned[1], catalog)
    return serve(catalog)


LABEL = json.dumps({"ids": [1], "add": ["hacked"]})
# name -> method, path, headers in place of a page's own (None: left out), body, the status it is refused with
ATTACKS = {
    "rebinding: another name": ("GET", "/api/start", {"Host": "evil.example:{port}"}, None, 421),
    "rebinding: another port": ("GET", "/api/start", {"Host": "127.0.0.1:80"}, None, 421),
    "rebinding: no port": ("GET", "/api/start", {"Host": "localhost"}, None, 421),
    "rebinding: a name that begins alike": ("GET", "/", {"Host": "127.0.0.1:{port}.evil.example"}, None, 421),
    "rebinding: an address that means the same": ("GET", "/", {"Host": "0.0.0.0:{port}"}, None, 421),
    "no host": ("GET", "/", {"Host": ""}, None, 421),
    "cross-site GET": ("GET", "/api/start", {"Sec-Fetch-Site": "cross-site"}, None, 403),
    "same-site GET, from another port": ("GET", "/api/start", {"Sec-Fetch-Site": "same-site"}, None, 403),
    "cross-site picture": ("GET", "/320/1", {"Sec-Fetch-Site": "cross-site"}, None, 403),
    "GET with a strange origin": ("GET", "/api/start", {"Origin": "https://evil.example"}, None, 403),
    "GET with an opaque origin": ("GET", "/api/start", {"Origin": "null"}, None, 403),
    "cross-site POST": ("POST", "/api/labels", {"Origin": "https://evil.example"}, LABEL, 403),
    "POST from another port": ("POST", "/api/labels", {"Origin": "http://127.0.0.1:1"}, LABEL, 403),
    "POST of a form": (
        "POST",
        "/api/labels",
        {"Content-Type": "application/x-www-form-urlencoded"},
        "ids=1&add=hacked",
        415,
    ),
    "POST as text, as a form without preflight": (
        "POST",
        "/api/labels",
        {"Content-Type": "text/plain", "Origin": None},
        LABEL,
        415,
    ),
    "POST without our header": ("POST", "/api/labels", {"X-Phototag": None}, LABEL, 403),
    "no cookie": ("GET", "/api/start", {"Cookie": None}, None, 403),
    "a wrong cookie": ("GET", "/api/start", {"Cookie": "phototag-{port}=0"}, None, 403),
    "the cookie of another port": ("GET", "/api/start", {"Cookie": "phototag-1={value}"}, None, 403),
    "a broken cookie": ("GET", "/api/start", {"Cookie": 'phototag-{port}="\\377;=;'}, None, 403),
    "no cookie for the page itself": ("GET", "/", {"Cookie": None}, None, 403),
    "no cookie for its scripts": ("GET", "/static/app.js", {"Cookie": None}, None, 403),
    "a wrong key": ("GET", "/?key=0", {"Cookie": None}, None, 403),
    "an empty key": ("GET", "/?key=", {"Cookie": None}, None, 403),
    "a key elsewhere": ("GET", "/api/start?key={key}", {"Cookie": None}, None, 403),
    "traversal": ("GET", "/static/../app.py", {}, None, 404),
    "traversal, encoded": ("GET", "/static/..%2fapp.py", {}, None, 404),
    "traversal, encoded twice": ("GET", "/static/%252e%252e/app.py", {}, None, 404),
    "a photo by its path": ("GET", "/320//etc/passwd", {}, None, 404),
    "a photo by a number below": ("GET", "/320/-1", {}, None, 404),
    "a photo by a huge number": ("GET", "/320/" + "9" * 300, {}, None, 404),
    "a photo that is none": ("GET", "/1600/999999", {}, None, 404),
    "an original": ("GET", "/original/1", {}, None, 404),
    "ids that are none": ("GET", "/api/photos?ids=1;drop", {}, None, 400),
    "too many ids": ("GET", "/api/photos?ids=" + ",".join(["1"] * 501), {}, None, 400),
    "a question of hundreds of terms": ("GET", "/api/grid?q=" + "a+" * 1500, {}, None, 400),
    "an order that is none": ("GET", "/api/grid?sort=1;drop", {}, None, 400),
    "a method": ("DELETE", "/api/labels", {}, None, 405),
    "TRACE": ("TRACE", "/", {}, None, 405),
    "an oversized body": ("POST", "/api/labels", {}, "x" * (LARGEST_BODY_BYTES + 1), 413),
    "a length that lies high": ("POST", "/api/labels", {"Content-Length": "99999999999"}, None, 413),
    "no JSON": ("POST", "/api/labels", {}, "{", 400),
    "deep JSON": ("POST", "/api/labels", {}, "[" * 100_000, 400),
    "JSON of another kind": ("POST", "/api/labels", {}, "[1, 2]", 400),
    "ids of another kind": ("POST", "/api/labels", {}, '{"ids": [true, "1"], "add": ["x"]}', 400),
    "a label of another kind": ("POST", "/api/labels", {}, '{"ids": [1], "add": [{"a": 1}]}', 400),
    "a label without end": ("POST", "/api/labels", {}, json.dumps({"ids": [1], "add": ["x" * 5000]}), 400),
    "an album by a path": ("GET", "/film?album=../../etc/passwd", {}, None, 404),
    "an album's photos by a path": ("GET", "/api/album?name=../../etc/passwd", {}, None, 409),
    "a theme by a path": ("POST", "/api/album/preview", {}, '{"theme": "../../secret.toml", "q": ""}', 400),
    "an album without end": ("POST", "/api/album/preview", {}, '{"theme": "smiles", "top": 1e9}', 400),
    "a name of many lines": (
        "POST",
        "/api/album/save",
        {},
        '{"theme": "smiles", "q": "", "name": "a\\nb"}',
        400,
    ),
    "a name without end": (
        "POST",
        "/api/album/save",
        {},
        json.dumps({"theme": "smiles", "q": "", "name": "x" * 300}),
        400,
    ),
    "a heat map of no photo": ("GET", "/api/photo/999999/heatmap", {}, None, 404),
    "a heat map of a huge number": ("GET", "/api/photo/" + "9" * 40 + "/heatmap", {}, None, 404),
    "a heat map of a thing without end": ("GET", "/api/photo/1/heatmap?of=" + "x" * 5000, {}, None, 404),
    "a heat map asked by another site": (
        "GET",
        "/api/photo/1/heatmap",
        {"Sec-Fetch-Site": "cross-site"},
        None,
        403,
    ),
    "a face of an endless number": (
        "POST",
        "/api/face",
        {},
        json.dumps({"id": 1, "box": [0.1, 0.1, 0.2, 10**400]}),
        400,
    ),
    "a POST to a question": ("POST", "/api/start", {}, "{}", 404),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused(served, name):
    method, path, headers, body, status = ATTACKS[name]
    value = served.cookie.partition("=")[2]
    key = served.url.partition("key=")[2]
    fill = {"port": served.port, "value": value, "key": key}
    headers = {
        name: given.format(**fill) if given and "{" in given else given for name, given in headers.items()
    }
    answer = served.request(method, path.format(**fill), headers, body)
    assert answer.status == status, answer.body
    assert set(json.loads(answer.body)) <= {"error", "start", "end"}  # one sentence, no trace
    labels = json.loads(served.request("GET", "/api/photo/1").body)["labels"]
    assert labels == []


def test_the_key_is_good_for_one_visit(serve, scanned, tmp_path):
    shutil.copy(scanned[1], tmp_path / "catalog.db")
    served = serve(tmp_path / "catalog.db", visit=False)
    path = "/" + served.url.partition("/?")[2].join(["?", ""])
    assert served.request("GET", "/api/start").status == 403
    assert served.visit() == "/"
    assert served.request("GET", "/api/start").status == 200
    again = served.request("GET", path, {"Cookie": None})
    assert again.status == 403 and b"used already" in again.body
    assert served.request("GET", path).status == 303  # who has the cookie is let in


def test_the_cookie_and_the_headers(serve, scanned, tmp_path):
    shutil.copy(scanned[1], tmp_path / "catalog.db")
    served = serve(tmp_path / "catalog.db", visit=False)
    answer = served.request("GET", "/" + "?" + served.url.partition("?")[2], cookie=False)
    cookie = answer.getheader("Set-Cookie")
    assert cookie.startswith(f"phototag-{served.port}=") and "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie and "Domain" not in cookie
    served.cookie = cookie.partition(";")[0]
    for path in ("/", "/static/app.js", "/api/start", "/320/1", "/nothing"):
        answer = served.request("GET", path)
        policy = answer.getheader("Content-Security-Policy")
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Referrer-Policy") == "no-referrer"
        assert answer.getheader("Cross-Origin-Resource-Policy") == "same-origin"
        assert answer.getheader("Access-Control-Allow-Origin") is None
        assert answer.getheader("Server") is None


def test_localhost_and_ipv6_names_are_let_in(served):
    for host in ("localhost", "[::1]"):
        assert served.request("GET", "/api/start", {"Host": f"{host}:{served.port}"}).status == 200


def test_nothing_can_be_changed_where_it_is_read_only(serve, scanned, tmp_path):
    shutil.copy(scanned[1], tmp_path / "catalog.db")
    served = serve(tmp_path / "catalog.db", "--read-only")
    answer = served.request("POST", "/api/labels", body=LABEL)
    assert answer.status == 403 and b"--read-only" in answer.body
    assert json.loads(served.request("GET", "/api/start").body)["read_only"] is True


def test_scripts_and_styles_are_sent_packed_and_small(served):
    """All that the page is made of, as a browser gets it."""
    import gzip

    from phototag.web.app import static_names

    sent = 0
    for name in static_names():
        plain = served.request("GET", f"/static/{name}")
        packed = served.request("GET", f"/static/{name}", {"Accept-Encoding": "gzip, deflate, br"})
        assert packed.getheader("Content-Encoding") == "gzip" and plain.getheader("Content-Encoding") is None
        assert gzip.decompress(packed.body) == plain.body
        sent += len(packed.body)
    assert sent < 26_000


def test_slow_clients_keep_nobody_waiting(served):
    slow = []
    for number in range(60):  # half a head, half a body, nothing at all
        connection = socket.create_connection(("127.0.0.1", served.port))
        if number % 3 == 0:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
        elif number % 3 == 1:
            head = f"POST /api/labels HTTP/1.1\r\nHost: {served.host}\r\nCookie: {served.cookie}\r\n"
            head += "Content-Type: application/json\r\nX-Phototag: 1\r\nContent-Length: 1000\r\n\r\n{"
            connection.sendall(head.encode())
        slow.append(connection)
    began = time.monotonic()
    for _ in range(20):
        assert served.request("GET", "/api/photos?ids=1,2,3").status == 200
    assert time.monotonic() - began < 5
    for connection in slow:
        connection.close()


def test_an_endless_head_is_refused(served):
    connection = socket.create_connection(("127.0.0.1", served.port))
    connection.settimeout(20)
    try:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(200):
            connection.sendall(b"X: " + b"a" * 1000 + b"\r\n")
        answer = connection.recv(1000)
    except ConnectionError:
        answer = b""
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    connection.close()
    assert served.request("GET", "/api/start").status == 200


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which sockets listen")
def test_it_listens_on_the_loopback_address_alone(served):
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A"]
    assert [each for each in listening if each.endswith(f":{served.port:04X}")] == [
        f"0100007F:{served.port:04X}"
    ]


def test_a_port_that_is_taken_is_one_sentence(served, scanned):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "phototag",
            "browse",
            "--no-open",
            "--port",
            str(served.port),
            "--db",
            scanned[1],
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "leave --port out" in done.stderr and "Traceback" not in done.stderr
