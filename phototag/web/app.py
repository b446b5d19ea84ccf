"""The application behind the guard: which address answers what. Everything is asked through
phototag.asking and the library, as on the command line."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from phototag.asking import find_mistake
from phototag.errors import PhototagError, StorageError, UnreadablePhoto, UsageError
from phototag.highlights import captions
from phototag.library import Library
from phototag.library.facets import Facet
from phototag.library.grid import Shapes
from phototag.query.complete import complete
from phototag.query.terms import Query
from phototag.records import Box
from phototag.web import changes, people, places
from phototag.web.albums import Albums, compare, film_elements
from phototag.web.answers import JSONAnswer, facet_element, grid_bytes, line_dict
from phototag.web.elements import Element, count_photos
from phototag.web.heat import SMILE, HeatMaps
from phototag.web.panel import panel
from phototag.web.photo_page import photo_dict
from phototag.web.places import Position
from phototag.web.thumbnails import FACE_SIDE, SIDES, Thumbnails, Wanted

THREADS = 3  # that ask the catalog: each holds a connection with its own cache of pages
CACHE_KIB = 8192  # of each; the system keeps more of the file, and gives it to whoever asks
LONGEST_QUESTION = 2000  # characters
STATIC = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
PICTURE_SECONDS = 600  # a browser may show a picture so long without asking whether it is still the same
COUNTING_AFTER_SECONDS = 2.0  # when the first photos are there
KEPT_GRIDS = 4  # 6 MB each for a million photos
COUNTING_SECONDS = 60.0  # for what all photos have in common, counted beside everything else
NO_PHOTO_FITS = "No photo fits."
EMPTY_CATALOG = "The catalog is empty. Scan some photos first: phototag scan FOLDER"
SORTS = {
    "": "Best order",
    "newest": "Newest first",
    "oldest": "Oldest first",
    "smile": "Best smile first",
    "relevance": "Most relevant first",
    "path": "By path",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """`thumbnails`: the folder of the cache. `read_only`: nothing can be changed."""

    thumbnails: Path
    read_only: bool = False


Version = str


@dataclass(frozen=True, slots=True)
class Common:
    """Of all photos: (label, number of photos), the most frequent first, and the facets by their names."""

    labels: list[tuple[str, int]]
    facets: dict[str, Facet]


class Browser:
    """What the handlers share."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self.library, self.settings = library, settings
        self.thumbnails = Thumbnails(settings.thumbnails)
        self.heat_maps = HeatMaps(self.thumbnails)
        self.albums = Albums(library, settings.thumbnails.parent / "films")
        self._shapes: Shapes | None = None
        self._common: tuple[Version, Common] | None = None
        self._counting, self._reading = threading.Lock(), threading.Lock()
        self._positions: tuple[tuple[str, Version], Sequence[Position]] | None = None
        self._grids: dict[tuple[str, str, Version], bytes] = {}

    def version(self) -> Version:
        """Changes with whatever is written into the catalog, by whichever process."""
        return self.library.change_mark()

    def common(self) -> Common | None:
        """What all photos have in common, as it is now. Over a million photos it takes seconds: then it is
        counted beside, and is None until it is there."""
        version = self.version()
        if self._common is not None and self._common[0] == version:
            return self._common[1]
        if self._counting.acquire(blocking=False):
            threading.Thread(target=self._count, args=(version,), daemon=True).start()
        return None

    def grid(self, question: str, sort: str, make: Callable[[], bytes]) -> bytes:
        """The grid of a question; the last ones are kept, so that going back takes no time."""
        key = question, sort, self.version()
        found = self._grids.get(key)
        if found is None:
            while len(self._grids) >= KEPT_GRIDS:
                self._grids.pop(next(iter(self._grids)), None)
            found = self._grids[key] = make()
        return found

    def positions(self, question: str) -> Sequence[Position]:
        """Where the photos of a question were taken; kept while one looks around on the map."""
        key = question, self.version()
        if self._positions is None or self._positions[0] != key:
            self._positions = key, self.library.positions(self.library.ask(question))
        return self._positions[1]

    def _count(self, version: Version) -> None:
        try:
            time.sleep(COUNTING_AFTER_SECONDS)
            labels = [(row.label, row.photos) for row in self.library.labels()]
            facets = self.library.facets(seconds=COUNTING_SECONDS)
            self._common = version, Common(labels, {facet.name: facet for facet in facets})
        finally:
            self._counting.release()

    def shapes(self) -> Shapes:
        """Those of the catalog as it is now; kept, since reading a million takes seconds."""
        revision = self.library.revision()
        with self._reading:
            if self._shapes is None or self._shapes.revision != revision:
                self._shapes = self.library.shapes()
            return self._shapes

    def prepare(self) -> None:
        """Read beside everything else what the first grid needs."""
        threading.Thread(target=self.shapes, daemon=True).start()


Handler = Callable[[Request], Awaitable[Response]]
Answering = Callable[[Browser, Request], Any]


def make_app(library: Library, settings: Settings) -> Starlette:
    """The ASGI application, to be put behind a Guard."""
    library.limit_cache(CACHE_KIB)
    browser = Browser(library, settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        browser.prepare()
        yield
        browser.albums.close()

    routes = [
        Route("/", _static("index.html")),
        *(Route(f"/static/{name}", _static(name)) for name in static_names()),
        *(Route(path, _json(browser, answer)) for path, answer in QUESTIONS.items()),
        *(Route(path, _json(browser, answer), methods=["POST"]) for path, answer in CHANGES.items()),
        Route("/api/grid", _json(browser, _grid)),
        Route("/film", _film(browser)),
        Route("/api/photo/{photo_id:int}/heatmap", _heatmap(browser)),
        *(Route(f"/{side}/{{photo_id:int}}", _picture(browser, side)) for side in SIDES),
        Route("/face/{photo_id:int}", _picture(browser, FACE_SIDE)),
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: _not_found, 405: _not_found})


def static_names() -> list[str]:
    """The files of the page."""
    folder = resources.files("phototag.web") / "static"
    return sorted(each.name for each in folder.iterdir() if each.name.rpartition(".")[2] in STATIC)


def _static(name: str) -> Handler:
    async def handler(request: Request) -> Response:
        zipped = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if zipped else {})
        return Response(
            _read_static(name, zipped), headers=headers, media_type=STATIC[name.rpartition(".")[2]]
        )

    return handler


@cache
def _read_static(name: str, zipped: bool) -> bytes:
    data = (resources.files("phototag.web") / "static" / name).read_bytes()
    return gzip.compress(data, mtime=0) if zipped else data


async def _not_found(request: Request, error: Exception) -> Response:
    return JSONAnswer({"error": "there is nothing at this address"}, 404)


# -- asking


def _json(browser: Browser, answer: Answering) -> Handler:
    async def handler(request: Request) -> Response:
        if request.method == "POST":
            request.state.sent = _read_json(await request.body())
        return await run_in_threadpool(_answered, answer, browser, request)

    return handler


def _answered(answer: Answering, browser: Browser, request: Request) -> Response:
    try:
        found = answer(browser, request)
    except PhototagError as error:
        return _refused(browser, request, error)
    return found if isinstance(found, Response) else JSONAnswer(found)


def _refused(browser: Browser, request: Request, error: PhototagError) -> Response:
    """One sentence; of a question that is not understood also where in it."""
    said: dict[str, Any] = {"error": str(error)}
    if isinstance(error, UsageError) and (text := request.query_params.get("q")):
        place = find_mistake(browser.library, text)
        said |= {"start": place[0], "end": place[1]} if place else {}
    return JSONAnswer(said, 400 if isinstance(error, UsageError) else 409)


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        sent = None
    return sent if isinstance(sent, dict) else {}


def question_of(text: str | None) -> str:
    """Raises UsageError for one that nobody types."""
    if len(text or "") > LONGEST_QUESTION:
        raise UsageError(f"the question is longer than {LONGEST_QUESTION:,} characters")
    return text or ""


def ask(browser: Browser, text: str | None) -> Query:
    return browser.library.ask(question_of(text))


def _grid(browser: Browser, request: Request) -> Response:
    def make() -> bytes:
        return _make_grid(browser, request)

    asked = request.query_params
    key = f"{asked.get('q', '')}\0{asked.get('album', '')}", asked.get("sort", "")
    data = browser.grid(*key, make)
    return Response(data, media_type="application/octet-stream")


def _make_grid(browser: Browser, request: Request) -> bytes:
    album, question = request.query_params.get("album", ""), request.query_params.get("q", "")
    notes = ""
    if album:
        ids, by_time = [each["id"] for each in browser.albums.members(album)], False
    else:
        query = ask(browser, question)
        ids, by_time = _sorted_ids(browser, query, request.query_params.get("sort", ""))
        notes = " ".join(captions.visible(str(word)) for word in query.unknown_words)
    shapes, count = browser.shapes(), count_photos(len(ids))
    return grid_bytes(
        shapes.arrange(ids, by_month=by_time),
        shapes.revision,
        title=album or question or "All photos",
        count=f"Album {album}: {count}" if album else count,
        nothing="" if ids else NO_PHOTO_FITS if question or browser.library.count() else EMPTY_CATALOG,
        notes=notes,
    )


def _sorted_ids(browser: Browser, query: Query, sort: str) -> tuple[list[int], bool]:
    """The photos asked for in the order asked for, and whether that is by time."""
    if sort not in SORTS:
        raise UsageError(f"cannot sort by {sort!r}; there are {', '.join(filter(None, SORTS))}")
    sort = sort or ("relevance" if query.has_label else "newest")
    by_time = sort in ("newest", "oldest")
    order = "taken" if by_time else sort
    return browser.library.ids(query, sort=order, descending=sort == "newest"), by_time


def _land(browser: Browser, request: Request) -> str:
    return places.land()


def _places(browser: Browser, request: Request) -> dict[str, Any]:
    question = question_of(request.query_params.get("q"))
    return places.describe(browser.positions(question), question)


def _spots(browser: Browser, request: Request) -> list[Element]:
    question = question_of(request.query_params.get("q"))
    window = places.Window.read(request.query_params)
    spots = window.gather(browser.positions(question))
    return [places.spot_element(spot, window.cell, question) for spot in spots]


def _start(browser: Browser, request: Request) -> dict[str, Any]:
    """What the page needs to know at first."""
    browser.common()  # begins to count for the first completion
    return {
        "photos": browser.library.count(),
        "revision": browser.library.revision(),
        "read_only": browser.settings.read_only,
        "sorts": [["option", {"value": sort}, title] for sort, title in SORTS.items()],
    }


def _news(browser: Browser, request: Request) -> dict[str, Any]:
    return {"revision": browser.library.revision()}


def _lines(browser: Browser, request: Request) -> list[dict[str, Any]]:
    asked = request.query_params.get("ids", "")
    if not re.fullmatch(r"[0-9]{1,10}(,[0-9]{1,10}){0,499}", asked):
        raise UsageError("name up to 500 photos by their ids")
    thresholds = browser.library.thresholds()
    ids = changes.read_ids([int(each) for each in asked.split(",")])
    return [line_dict(line, thresholds) for line in browser.library.lines_with_ids(ids)]


def _photo(browser: Browser, request: Request) -> Response:
    found = browser.library.photos_with_ids([request.path_params["photo_id"]])
    if not found:
        return JSONAnswer({"error": "the catalog knows no such photo"}, 404)
    known = photo_dict(found[0], browser.library.thresholds())
    return JSONAnswer(known | {"panel": panel(found[0], known)})


def _facets(browser: Browser, request: Request) -> list[Element]:
    question = question_of(request.query_params.get("q"))
    found = browser.library.facets(ask(browser, question))
    return [facet_element(facet, question) for facet in found if facet.values != ()]


def _complete(browser: Browser, request: Request) -> list[Element]:
    """Choices, which know the question `before` the cursor, and the `rest` of it, where they are chosen."""
    text = question_of(request.query_params.get("q"))
    at = request.query_params.get("at", "")
    place = min(int(at), len(text)) if re.fullmatch("[0-9]{1,5}", at) else len(text)
    common = browser.common()
    labels = common.labels if common else [(label, 0) for label in browser.library.known_labels()]
    persons = browser.library.known_persons()
    values = {"person": persons, "smiling": persons}
    for key, name in (("taken", "years"), ("camera", "cameras"), ("place", "places")):
        values[key] = [each.text for each in (common and common.facets[name].values) or ()]
    found = complete(text, place, labels, values)
    after = text[found.end :]
    return [
        [
            "li",
            {"role": "option", "id": f"choice-{number}", "ariaSelected": False},
            {"before": text[: found.start] + _spaced(each.term, after), "rest": after},
            ["b", each.term],
            ["small", each.note],
        ]
        for number, each in enumerate(found.choices)
    ]


def _spaced(term: str, after: str) -> str:
    """The term with the blank behind it that lets one type on; a key waits for its value."""
    return term if term.endswith(":") or after.startswith(" ") else f"{term} "


def _persons(browser: Browser, request: Request) -> list[str]:
    return browser.library.known_persons()


def _people(browser: Browser, request: Request) -> dict[str, Any]:
    return people.describe(browser.library)


def _moment(browser: Browser, request: Request) -> list[dict[str, Any]]:
    return browser.albums.moment(request.path_params["photo_id"])


def _moment_page(browser: Browser, request: Request) -> list[Element]:
    return compare(_moment(browser, request), request.path_params["photo_id"])


# -- albums


def _albums_page(browser: Browser, request: Request) -> list[Element]:
    return browser.albums.page(can_write=not browser.settings.read_only)


def _albums(browser: Browser, request: Request) -> list[dict[str, Any]]:
    return browser.albums.describe()


def _members(browser: Browser, request: Request) -> list[dict[str, Any]]:
    return browser.albums.members(request.query_params.get("name", ""))


def _film_state(browser: Browser, request: Request) -> dict[str, Any]:
    state = browser.albums.film_state(request.query_params.get("name", ""))
    return state | {"shown": film_elements(request.query_params.get("name", ""), state)}


def _preview(browser: Browser, request: Request) -> dict[str, Any]:
    sent = request.state.sent
    return browser.albums.preview(
        read_text(sent, "theme"), ask(browser, read_text(sent, "q")), read_top(sent)
    )


def _save_album(browser: Browser, request: Request) -> dict[str, Any]:
    sent = request.state.sent
    text = read_text(sent, "q")
    theme, name, top = read_text(sent, "theme"), read_text(sent, "name"), read_top(sent)
    return browser.albums.save(name, theme, ask(browser, text), top, text)


def _delete_album(browser: Browser, request: Request) -> dict[str, Any]:
    browser.library.delete_album(read_text(request.state.sent, "name"))
    return {}


def _make_film(browser: Browser, request: Request) -> dict[str, Any]:
    name = read_text(request.state.sent, "name")
    state = browser.albums.make_film(name)
    return state | {"shown": film_elements(name, state)}


def _film(browser: Browser) -> Handler:
    async def handler(request: Request) -> Response:
        try:
            file = await run_in_threadpool(browser.albums.film_file, request.query_params.get("album", ""))
        except PhototagError as error:
            return JSONAnswer({"error": str(error)}, 404)
        if not file.is_file():
            return JSONAnswer({"error": "there is no film of this album yet"}, 404)
        return FileResponse(file, media_type="video/mp4")  # parts of it too (Range): players ask for them

    return handler


def read_text(sent: dict[str, Any], name: str) -> str:
    """A text of a request, '' where it is not there. Raises UsageError for anything else."""
    value = sent.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST_QUESTION:
        raise UsageError(f"{name} must be a text of at most {LONGEST_QUESTION:,} characters")
    return value


def read_top(sent: dict[str, Any]) -> int | None:
    """How many photos at most; None: as the theme says. Raises UsageError."""
    value = sent.get("top") or None  # a field of a form that is left empty
    if isinstance(value, str) and re.fullmatch("[0-9]{1,5}", value):
        value = int(value)
    if value is not None and (
        not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 10_000
    ):
        raise UsageError("top must be a number from 1 to 10,000")
    return value


# -- pictures


def _picture(browser: Browser, side: int) -> Handler:
    async def handler(request: Request) -> Response:
        photo_id = request.path_params["photo_id"]
        if photo_id >= 2**31:
            return JSONAnswer({"error": "the catalog knows no such photo"}, 404)
        place = await run_in_threadpool(browser.library.file_with_id, photo_id)
        if place is None:
            return JSONAnswer({"error": "the catalog knows no such photo"}, 404)
        path, content_hash = place
        headers = {"Cache-Control": f"private, max-age={PICTURE_SECONDS}", "ETag": f'"{content_hash}"'}
        if content_hash and request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        try:
            wanted = Wanted(path, content_hash, side, _read_box(request) if side == FACE_SIDE else None)
            data = await run_in_threadpool(browser.thumbnails.find, wanted)
            if data is None:
                data = await _made(browser, request, wanted)
        except (UnreadablePhoto, StorageError) as error:
            return JSONAnswer({"error": str(error)}, 404)
        return Response(data, media_type="image/webp", headers=headers if content_hash else None)

    return handler


def _heatmap(browser: Browser) -> Handler:
    async def handler(request: Request) -> Response:
        of = request.query_params.get("of", SMILE)
        photo_id = request.path_params["photo_id"]
        found = []
        if photo_id < 2**31:
            found = await run_in_threadpool(browser.library.photos_with_ids, [photo_id])
        if not found or not 0 < len(of) <= changes.LONGEST_WORD:
            return JSONAnswer({"error": "the catalog knows no such photo or thing"}, 404)
        try:
            data = await _while_connected(request, browser.heat_maps.find(found[0], of))
        except PhototagError as error:
            return JSONAnswer({"error": str(error)}, 409)
        return Response(data, media_type="image/webp")

    return handler


async def _while_connected(request: Request, work: Coroutine[Any, Any, bytes]) -> bytes:
    """What the work gives; it is ended where nobody waits for it any more."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_disconnected(request))
    await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    if not working.done():
        working.cancel()
        raise PhototagError("nobody waits for it any more")
    return working.result()


async def _made(browser: Browser, request: Request, wanted: Wanted) -> bytes:
    """The picture when it is made; where nobody waits for it any more, it is not."""
    made: asyncio.Future[Any] = asyncio.wrap_future(browser.thumbnails.wish(wanted))
    gone: asyncio.Future[Any] = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({made, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not made.done():
            made.cancel()
            raise UnreadablePhoto("nobody waits for it any more")
        data: bytes = made.result()
        return data
    finally:
        gone.cancel()


def _read_box(request: Request) -> Box:
    """The face that is asked for: four fractions of the photo. Raises UnreadablePhoto."""
    text = request.query_params.get("box", "")
    if re.fullmatch(r"[01](\.[0-9]{1,6})?(,[01](\.[0-9]{1,6})?){3}", text):
        with suppress(ValueError):
            return Box(*map(float, text.split(",")))
    raise UnreadablePhoto("there is no such face")


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


# Address -> what is answered: read alone, in a thread, as JSON.
QUESTIONS: dict[str, Answering] = {
    "/api/start": _start,
    "/api/news": _news,
    "/api/photos": _lines,
    "/api/photo/{photo_id:int}": _photo,
    "/api/facets": _facets,
    "/api/land": _land,
    "/api/places": _places,
    "/api/spots": _spots,
    "/api/complete": _complete,
    "/api/moment/{photo_id:int}": _moment,
    "/api/moment/{photo_id:int}/page": _moment_page,
    "/api/persons": _persons,
    "/api/people": _people,
    "/api/albums": _albums,
    "/api/albums/page": _albums_page,
    "/api/album": _members,
    "/api/film": _film_state,
}


# -- changing: the same words as on the command line


def _changing(change: Callable[[Library, dict[str, Any]], dict[str, Any]]) -> Answering:
    def answer(browser: Browser, request: Request) -> dict[str, Any]:
        return change(browser.library, request.state.sent)

    return answer


CHANGES: dict[str, Answering] = {
    "/api/labels": _changing(changes.label),
    "/api/faces": _changing(changes.tag_faces),
    "/api/faces/untag": _changing(changes.untag_faces),
    "/api/face": _changing(changes.add_face),
    "/api/name": _changing(changes.name_only_faces),
    "/api/forget": _changing(changes.forget),
    "/api/undo": _changing(changes.undo),
    "/api/people/name": _changing(people.name),
    "/api/people/apart": _changing(people.apart),
    "/api/people/merge": _changing(people.merge),
    "/api/people/split": _changing(people.split),
    "/api/album/preview": _preview,
    "/api/album/save": _save_album,
    "/api/album/delete": _delete_album,
    "/api/film/make": _make_film,
}
