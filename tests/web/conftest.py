"""A server as `phototag browse` runs it, in a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest


@dataclass
class Served:
    """`url`: as it was printed; `cookie`: what a visit with it gets."""

    url: str
    process: subprocess.Popen
    cookie: str = ""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def request(self, method, path, headers=None, body=None, *, cookie=True) -> HTTPResponse:
        """A request as a browser on the page makes it, with `headers` in place of its own; None leaves
        one out. The answer has been read: `answer.body`."""
        all_headers = {"Host": self.host, "Sec-Fetch-Site": "same-origin"}
        if cookie and self.cookie:
            all_headers["Cookie"] = self.cookie
        if method == "POST":
            all_headers |= {
                "Content-Type": "application/json",
                "X-Phototag": "1",
                "Origin": f"http://{self.host}",
            }
        all_headers |= headers or {}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in all_headers.items():
            if value is not None:
                connection.putheader(name, value)
        data = body.encode() if isinstance(body, str) else body
        if data is not None and "Content-Length" not in all_headers:
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        answer = connection.getresponse()
        answer.body = answer.read()
        connection.close()
        return answer

    def visit(self) -> str:
        """Open the printed URL."""
        parts = urlsplit(self.url)
        answer = self.request("GET", f"{parts.path}?{parts.query}", {"Sec-Fetch-Site": "none"}, cookie=False)
        assert answer.status == 303, answer.body
        self.cookie = answer.getheader("Set-Cookie").split(";")[0]
        return answer.getheader("Location")


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Starts servers of the catalog in a file, or at an address; they are stopped at the end."""
    running = []

    def start(catalog: Path | str, *options: str, visit: bool = True) -> Served:
        command = [sys.executable, "-m", "phototag", "browse", "--no-open", "--db", str(catalog), *options]
        beside = catalog.parent if isinstance(catalog, Path) else tmp_path_factory.mktemp("served")
        environment = os.environ | {"XDG_CACHE_HOME": str(beside / "cache")}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        running.append(process)
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), url + process.stderr.read()
        served = Served(url, process)
        if visit:
            served.visit()
        return served

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(60)
        process.stdout.close()
        process.stderr.close()
