"""`phototag browse` over large catalogs, in a real browser: what a person waits for the page, how smoothly it
scrolls, and what the server takes of the memory. By the wall clock: nothing else says what a person waits."""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks import ROOT, Figure, Plan, catalog, tell

SIZES = (100_000, 1_000_000)
WINDOW = 60  # photos that a screen shows
REQUESTS = 200
SCROLL_SECONDS = 6
PICTURES = 40  # different thumbnails, each of which stands for many photos
# Within the page: scrolls as a person does who is in a hurry, and notes the time between two frames.
SCROLL = """
const done = arguments[1], scroller = document.querySelector("#scroller"), frames = [];
let last = performance.now(), most = 0;
const end = last + arguments[0] * 1000;
const step = (now) => {
  frames.push(now - last);
  last = now;
  scroller.scrollTop += 90;
  most = Math.max(most, document.querySelectorAll("#canvas .cell, #canvas .month").length);
  if (now < end) requestAnimationFrame(step); else done([frames.slice(2), most]);
};
requestAnimationFrame(step);
"""


def figures(plan: Plan = Plan()) -> list[Figure]:
    sizes = (plan.photos,) if plan.photos else SIZES
    return [figure for size in sizes for figure in measure(catalog.catalog(plan.cache, size), size)]


def measure(file: Path, photos: int) -> list[Figure]:
    """The figures of one catalog. Needs Chromium and Selenium."""
    name = f"browse {photos:,}"
    with tempfile.TemporaryDirectory() as folder:
        thumbnails = Path(folder, "thumbnails")
        half = min(photos, SIZES[0]) // 2
        fill(thumbnails, [*range(half), *range(photos - half, photos)])
        command = [sys.executable, "-m", "phototag", "browse", "--no-open", "--read-only", "--db", str(file)]
        began = time.perf_counter()
        with subprocess.Popen(
            [*command, "--thumbnails", str(thumbnails)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        ) as server:
            try:
                assert server.stdout is not None
                url = server.stdout.readline().strip()
                tell(f"{name}: the address after {time.perf_counter() - began:.1f} s")
                paint, ready, frames, nodes, reached, cookie = look(url, Path(folder))
                answers = ask(url, cookie, photos)
                memory = peak_bytes(server.pid)
            finally:
                server.terminate()
    tell(f"{name}: {len(frames)} frames; load {os.getloadavg()[0]:.1f}")
    found = [
        Figure(f"{name}: grid ready", ready, 1500 if photos <= SIZES[0] else 5000, "ms"),
        Figure(f"{name}: photos not reached by scrolling to the end", reached, 0, "photos"),
    ]
    if photos <= SIZES[0]:
        found += [
            Figure(f"{name}: first paint", paint, 500, "ms"),
            Figure(f"{name}: /api/photos, 95 of 100 within", percentile(answers), 30, "ms"),
            Figure(f"{name}: frames while scrolling, 95 of 100 within", percentile(frames), 33, "ms"),
            Figure(f"{name}: elements of the grid at most", nodes, 300, "elements"),
            Figure(f"{name}: memory of the server at most", memory / 1e6, 150, "MB"),
        ]
    return found


def look(url: str, folder: Path) -> tuple[float, float, list[float], int, int, str]:
    """First paint and grid in ms since the page was asked for, ms between frames while scrolling, the most
    elements, photos after the last that could be reached at two device pixels per pixel, the cookie."""
    browser = start_browser(folder)
    try:
        browser.get(url)
        wait(
            browser, "return performance.getEntriesByName('grid').length && document.querySelector('.there')"
        )
        # The first visit starts the browser too; in another order, nothing is kept from it.
        browser.get(f"http://127.0.0.1:{urlsplit(url).port}/?sort=oldest")
        wait(
            browser, "return performance.getEntriesByName('grid').length && document.querySelector('.there')"
        )
        time.sleep(2)
        paint = browser.execute_script(
            "return performance.getEntriesByName('first-contentful-paint')[0].startTime"
        )
        ready = browser.execute_script("return performance.getEntriesByName('grid')[0].startTime")
        frames, nodes = browser.execute_async_script(SCROLL, SCROLL_SECONDS)
        browser.execute_script("document.querySelector('#scroller').scrollTop = 1e9")
        time.sleep(1)
        left = browser.execute_script(
            "const cells = [...document.querySelectorAll('.cell')].filter((cell) =>"
            "  cell.getBoundingClientRect().bottom <= innerHeight + 1);"
            "return +cells[0].getAttribute('aria-setsize') -"
            "  Math.max(...cells.map((cell) => +cell.getAttribute('aria-posinset')))"
        )
        (cookie,) = browser.get_cookies()
        return paint, ready, frames, nodes, left, f"{cookie['name']}={cookie['value']}"
    finally:
        browser.quit()


def start_browser(folder: Path) -> Any:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    for flag in ("headless=new", "no-sandbox", "disable-gpu", f"user-data-dir={folder / 'profile'}"):
        options.add_argument(f"--{flag}")
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    browser.set_script_timeout(60)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 1280, "height": 860, "deviceScaleFactor": 2, "mobile": False},
    )
    return browser


def wait(browser: Any, script: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 120, 0.05).until(lambda _: browser.execute_script(script))


def ask(url: str, cookie: str, photos: int) -> list[float]:
    """Milliseconds of each request for what a screen shows, at random places, one after the other."""
    rng = random.Random(0)
    connection = HTTPConnection("127.0.0.1", urlsplit(url).port)
    times = []
    for _ in range(REQUESTS):
        first = rng.randrange(1, photos - WINDOW)
        ids = ",".join(map(str, range(first, first + WINDOW)))
        began = time.perf_counter()
        connection.request("GET", f"/api/photos?ids={ids}", headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200
    return times


def fill(folder: Path, numbers: Sequence[int]) -> None:
    """Thumbnails of the made-up photos, as if they had been looked at before."""
    from PIL import Image

    masters = []
    folder.mkdir(parents=True)
    for number in range(PICTURES):
        data = io.BytesIO()
        noise = Image.effect_noise((320, 240), 40).convert("RGB")
        Image.blend(noise, Image.new("RGB", noise.size, (number * 6, 120, 255 - number * 6)), 0.6).save(
            data, "WEBP", quality=78
        )
        masters.append(folder / f"{number}.webp")
        masters[-1].write_bytes(data.getvalue())
    for number in numbers:
        name = hashlib.sha256(str(number).encode()).hexdigest()
        place = folder / name[:2]
        place.mkdir(exist_ok=True)
        os.link(masters[number % PICTURES], place / f"{name}-320.webp")


def peak_bytes(pid: int) -> int:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def percentile(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]
