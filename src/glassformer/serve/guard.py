"""Who may ask, and what: checked before a route sees anything.

A page of another site can make a browser send requests to this machine, and a name that resolves to 127.0.0.1 can
make it read the answers: so the Host must be this address, the Origin of what changes or costs must be it too, and
every request must carry the token that was printed, as a cookie that no other site's request carries.
"""

import hmac
import json
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glassformer.errors import one_line

MOST_BYTES = 1_000_000  # of a request's body
LONGEST_TARGET = 2_000  # characters of a path and its query
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class Refused(Exception):
    """status: of the answer; the message is its one line."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def refusal(status: int, message: str, **headers: str) -> Response:
    """An error as JSON: {"error": one line}."""
    content = json.dumps({"error": one_line(message, 600)})
    return Response(content, status, headers=headers or None, media_type="application/json")


class Guard:
    """In front of the routes of a server at 127.0.0.1:`port`."""

    def __init__(self, app: ASGIApp, port: int, token: str | None = None):
        self.app, self.port, self.token = app, port, token or secrets.token_urlsafe(24)
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.cookie = f"glassformer-{port}"  # cookies are shared by all ports of a host

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return  # a web socket is not answered, which refuses it
        said = _with_headers(send)
        try:
            answer = self.check(scope)
        except Refused as refused:
            answer = refusal(refused.status, str(refused))
        if answer is not None:
            return await answer(scope, receive, said)
        await self.app(scope, _bounded(receive), said)

    def check(self, scope: Scope) -> Response | None:
        """None where the request may go on; a redirect where it brings the token.  Raises Refused."""
        headers = Headers(scope=scope)
        self._comes_from_here(scope, headers)
        if scope["path"] == "/" and scope["method"] == "GET" and self._brings_token(scope):
            return self._welcome()
        if not self._known(headers):
            raise Refused(403, "this page is open to whoever has the address that was printed; open that one again")
        if scope["method"] == "POST":
            _is_json(headers)
        return None

    def _comes_from_here(self, scope: Scope, headers: Headers) -> None:
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            raise Refused(421, f"this server is 127.0.0.1:{self.port} and answers to no other name")
        if scope["method"] not in ("GET", "POST"):
            raise Refused(405, f"{one_line(scope['method'], 20)} is not answered; GET and POST are")
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_TARGET:
            raise Refused(414, "the address is too long")
        if origins not in ([f"http://{hosts[0]}"], [] if scope["method"] == "GET" else None):
            raise Refused(403, "another site asked; only this page may")
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and scope["path"] != "/":
            raise Refused(403, "another site asked; only this page may")

    def _brings_token(self, scope: Scope) -> bool:
        (given, *more) = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        return not more and _same(given, self.token)

    def _known(self, headers: Headers) -> bool:
        try:
            found = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return self.cookie in found and _same(found[self.cookie].value, self.token)

    def _welcome(self) -> Response:
        """The token moves from the address, which stays in histories, to a cookie that only this page sends."""
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
        return answer


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _is_json(headers: Headers) -> None:
    """Other kinds can be sent across sites without asking first."""
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, f"{one_line(kind, 40) or 'nothing'} was sent; application/json is read")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MOST_BYTES:
        raise Refused(413, f"at most {MOST_BYTES:,} bytes are read at once")


def _bounded(receive: Receive) -> Receive:
    """A body that goes on and on ends, whatever its length was said to be."""
    read = 0

    async def received() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MOST_BYTES:
            raise Refused(413, f"at most {MOST_BYTES:,} bytes are read at once")
        return message

    return received


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", NOTHING)
        await send(message)

    return sent
