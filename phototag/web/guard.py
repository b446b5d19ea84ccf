"""Who may ask, and how: the one ASGI middleware before everything else.

A local server is reached by more than its owner. Other users of the machine reach the loopback address:
they lack the cookie. Web pages that the owner has open reach it too: their requests carry another origin,
and what they make the browser send on its own carries no cookie (SameSite=Strict). A page that has made
its own name point here (DNS rebinding) gives itself away by the Host header. Whatever is answered forbids
the browser to load, frame or run anything that does not come from here."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY_BYTES = 1 << 20  # ten thousand ids of photos are a tenth of it
BODY_SECONDS = 10.0  # for the whole of a body: who sends slower is no browser on this machine
WRITE_HEADER = b"x-phototag"  # no form and no other site can send it without being asked first (CORS)
# A key lies in the process list, where the browser is started with the URL: it is good for one visit.
KEY_BYTES = 24

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


class Refusal(Exception):
    """What a request is answered instead: a status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Guard:
    """Lets through what comes from the page itself, in the browser that opened the printed URL."""

    def __init__(self, app: ASGIApp, port: int, *, read_only: bool = False) -> None:
        self._app, self._port, self._read_only = app, port, read_only
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        self.key: str = secrets.token_urlsafe(KEY_BYTES)
        self._key_is_good = True
        self._session = secrets.token_urlsafe(KEY_BYTES)

    @property
    def cookie(self) -> str:
        """Its name: two servers on one machine, on different ports, share a browser's cookies."""
        return f"phototag-{self._port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        send = _with_headers(send)
        try:
            if scope["type"] != "http":
                raise Refusal(403, "only HTTP is spoken here")
            headers = self._check(scope)
            if key := _key_of(scope):
                return await self._visit(key, scope, headers, send)
            if not self._knows(headers):
                raise Refusal(
                    403, "open the address that phototag browse has printed; each run has its own, good once"
                )
            if scope["method"] == "POST":
                body = await _read_body(headers, receive)
                receive = _replay(body, receive)
        except Refusal as refusal:
            return await _answer(send, refusal.status, refusal.sentence)
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> Mapping[bytes, bytes]:
        """The headers of a request that the page itself may have sent. Raises Refusal."""
        names = [name for name, _ in scope["headers"]]
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if names.count(b"host") != 1 or host not in self._hosts:
            raise Refusal(421, "this server answers on its own address only")
        origin = headers.get(b"origin")
        if names.count(b"origin") > 1 or (
            origin is not None and origin.decode("latin-1") != f"http://{host}"
        ):
            raise Refusal(403, "this request comes from another site")
        if headers.get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none"):
            raise Refusal(403, "this request comes from another site")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            raise Refusal(405, "only GET, HEAD and POST are answered here")
        if scope["method"] == "POST":
            if headers.get(b"content-type", b"").split(b";")[0].strip() != b"application/json":
                raise Refusal(415, "only JSON is taken")
            if headers.get(WRITE_HEADER) != b"1":
                raise Refusal(403, "the header X-Phototag: 1 is missing")
            if self._read_only:
                raise Refusal(
                    403, "phototag browse runs with --read-only; start it without to change anything"
                )
        return headers

    async def _visit(self, key: str, scope: Scope, headers: Mapping[bytes, bytes], send: Send) -> None:
        """The printed URL was opened: set the cookie and lead to the page itself, without the key in its
        address."""
        good = self._key_is_good and hmac.compare_digest(key.encode(), self.key.encode())
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("q", [""])[0]
        place = f"/?{urlencode({'q': asked}, errors='replace')}" if asked else "/"
        more: list[tuple[bytes, bytes]] = [(b"location", place.encode("ascii"))]
        if good:
            self._key_is_good = False
            cookie = f"{self.cookie}={self._session}; HttpOnly; SameSite=Strict; Path=/"
            more.append((b"set-cookie", cookie.encode()))
        elif not self._knows(headers):
            raise Refusal(403, "this key is wrong or was used already; run phototag browse again for another")
        await _answer(send, 303, "", more)

    def _knows(self, headers: Mapping[bytes, bytes]) -> bool:
        try:
            cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
        except CookieError:
            return False
        given = cookies.get(self.cookie)
        return given is not None and hmac.compare_digest(given.value.encode(), self._session.encode())


def _key_of(scope: Scope) -> str | None:
    if scope["path"] != "/" or scope["method"] != "GET":
        return None
    return parse_qs(scope["query_string"].decode("latin-1")).get("key", [None])[0]


async def _read_body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > LARGEST_BODY_BYTES:
        raise Refusal(413, "the request is too large")
    body = bytearray()

    async def read() -> None:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refusal(400, "the request was not completed")
            body.extend(message.get("body", b""))
            if len(body) > LARGEST_BODY_BYTES:
                raise Refusal(413, "the request is too large")
            more = message.get("more_body", False)

    try:
        await asyncio.wait_for(read(), BODY_SECONDS)
    except TimeoutError:
        raise Refusal(408, "the request took too long to arrive") from None
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read already, once, and then what comes after it."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                *HEADERS,
                *([] if b"cache-control" in own else [(b"cache-control", b"no-store")]),
            ]
        await send(message)

    return sending


async def _answer(
    send: Send, status: int, sentence: str, more: list[tuple[bytes, bytes]] | None = None
) -> None:
    body = json.dumps({"error": sentence}).encode() if sentence else b""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers + (more or [])})
    await send({"type": "http.response.body", "body": body})
