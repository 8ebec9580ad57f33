"""The routes.  Each question goes to the worker's thread; what comes back are bytes of GFP1, or JSON."""

import asyncio
import json
import math
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from glassformer.errors import CheckpointError, GlassformerError, MissingError, UsageError, one_line
from glassformer.serve.guard import Refused, refusal
from glassformer.serve.live import Desk, Full, Stale, Worker
from glassformer.show.packed import header, joined, pack, whole

if TYPE_CHECKING:
    from glassformer.explain.explanation import Explanation

LONGEST = 100_000  # characters of a text, of which a model reads the beginning
MOST_SWITCHES = 64
HEAVY = 24_000_000  # bytes of arrays; of a larger picture only what is drawn first is sent at once
FIRST = ("thumb", "brought", "pooled", "logits", "final", "look", "sentence", "sentence2", "similarity")
EVERY_DIGIT = 17  # of a number that is held beside another
STATUS = {UsageError: 400, MissingError: 404, CheckpointError: 422}


@dataclass(frozen=True)
class Asked:
    """The body of a question, checked.  page: which open page asks."""

    page: str
    model: str | None
    text: str
    second: str | None
    joint: bool
    switches: list[str]
    body: Mapping[str, Any]

    @staticmethod
    def of(body: Mapping[str, Any]) -> "Asked":
        text, second = _text(body, "text"), _text(body, "second")
        switches = body.get("switches") or []
        if not isinstance(switches, list) or len(switches) > MOST_SWITCHES:
            raise UsageError(f"switches is a list of at most {MOST_SWITCHES}")
        each = [_short(switch, "a switch") for switch in switches]
        model = None if body.get("model") is None else _short(body["model"], "model", 1000)
        return Asked(_page(body), model, text or "", second, body.get("joint") is True, each, body)

    def number(self, name: str) -> int:
        value = self.body.get(name)
        if type(value) is not int or not 0 <= value < 1_000_000:
            raise UsageError(f"{name} is {one_line(repr(value), 40)}; a number was expected")
        return value


def _page(body: Mapping[str, Any]) -> str:
    return _short(body.get("page", ""), "page", 64)


def _text(body: Mapping[str, Any], name: str) -> str | None:
    return None if body.get(name) is None else _short(body[name], name, LONGEST)


def _short(value: Any, name: str, most: int = 200) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise UsageError(f"{name} is text of at most {most:,} characters")
    return value


class App:
    """The page at /, and what its LiveSource asks for at /api/…"""

    def __init__(self, desk: Desk, html: str, policy: str, worker: Worker | None = None):
        self.desk, self.worker = desk, Worker() if worker is None else worker
        self.html, self.policy = html, policy

    def routes(self) -> Starlette:
        kinds: dict[str, Callable[[Asked], Any]] = {
            "picture": self.picture,
            "more": self.more,
            "whatif": self.what_if,
            "head": self.head,
            "worked": self.worked,
            "array": self.array,
        }
        asked = [Route(f"/api/{name}", self._explaining(work), methods=["POST"]) for name, work in kinds.items()]
        others = {"models": self._models, "load": self._load, "cancel": self._cancel, "progress": self._progress}
        more = [Route(f"/api/{name}", _guarded(answer), methods=["POST"]) for name, answer in others.items()]
        front = Route("/", self._page, methods=["GET"])
        handlers = {HTTPException: _refused, Exception: _broken}
        return Starlette(routes=[front, *asked, *more], exception_handlers=handlers)

    async def _page(self, request: Request) -> Response:
        policy = f"{self.policy}; frame-ancestors 'none'"
        return HTMLResponse(self.html, headers={"Content-Security-Policy": policy})

    def _explaining(self, work: Callable[[Asked], Any]) -> Callable:
        async def answer(request: Request) -> Response:
            asked = Asked.of(await _body(request))
            topic = _short(asked.body.get("topic") or "", "topic", 64)
            return _sent(await self._done(request, lambda: work(asked), asked.page, topic))

        return _guarded(answer)

    async def _done(self, request: Request, work: Callable[[], Any], page: str, topic: str = "") -> Any:
        """What the worker makes of it; nothing, if the page that asked has gone meanwhile."""
        job = self.worker.ask(work, page, topic)
        left = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait({job.future, left}, return_when=asyncio.FIRST_COMPLETED)
            if not job.future.done():
                self.worker.drop(job)
                raise Stale("the page that asked has gone")
            return job.future.result()
        finally:
            left.cancel()
            job.future.cancel()

    # what a page asks for, in the worker's thread

    def _explained(self, asked: Asked) -> "Explanation":
        return self.desk.explanation(asked.model, asked.text, asked.second, asked.joint)

    def picture(self, asked: Asked) -> bytes:
        """All that is needed at once.  The cells of the head that is looked at are asked for by `head`, which measures
        them, and the rest by `more`: of a text too long to measure every edge, all effects, so that the answer need
        not wait for them.
        """
        found = self._explained(asked).picture(full=False, switches=asked.switches, cells=False, effects=False)
        arrays = found["arrays"]
        if _heavy(arrays):
            arrays = {name: array for name, array in arrays.items() if name.split(".")[-1] in FIRST}
        return pack({**found, "arrays": arrays})

    def more(self, asked: Asked) -> bytes:
        """What was left for later; of the arrays those that are other ones now: cells that were measured.  Where even
        effects were left, they come `first`, and the rest is asked for once more.
        """
        first = asked.body.get("first") is True
        found = self._explained(asked).picture(full=not first)
        others = first or any(map(any, found["cells"]["exact"]))
        cells = {name: each for name, each in found["arrays"].items() if others and name.endswith(".cells")}
        return pack({**found, "arrays": {} if _heavy(cells) else cells})

    def what_if(self, asked: Asked) -> dict[str, Any]:
        x = self._explained(asked)
        found = x.what_if(*(self._switch(x, each, asked) for each in asked.switches))
        controls = [[name, after] for name, after in found.controls.items()]
        said = {name: getattr(found, name) for name in ("what", "before", "after", "change", "flips", "baseline")}
        return {**said, "controls": controls, "n": 1, "exact": True}

    def _switch(self, x: "Explanation", text: str, asked: Asked) -> Any:
        return x.switch(text, _text(asked.body, "other"))

    def head(self, asked: Asked) -> bytes:
        x = self._explained(asked)
        return pack(x.head_picture(asked.number("layer"), asked.number("head"), asked.switches))

    def worked(self, asked: Asked) -> dict[str, Any]:
        return asdict(self._explained(asked).why(_short(asked.body.get("address"), "address")))

    def array(self, asked: Asked) -> bytes:
        """Any value of the tape, whole."""
        name = _short(asked.body.get("name"), "name")
        value = self._explained(asked)[name].detach().float().numpy()
        return joined({"kind": "array", "name": name}, {name: whole(value)}, deflate=False)

    # what it asks about the server

    async def _models(self, request: Request) -> Response:
        def listed() -> list[dict[str, str]]:
            return [self.said(self.desk.reader(name)) for name in self.desk.known()]

        return _sent({"models": await self._done(request, listed, "")})

    async def _load(self, request: Request) -> Response:
        body = await _body(request)
        name = _short(body.get("name"), "name", 1000)
        reader = await self._done(request, lambda: self.desk.load(name), _page(body), "load")
        return _sent(self.said(reader))

    def said(self, reader: Any) -> dict[str, str]:
        return {"id": reader.given, "name": reader.name, "what": reader.kind.what}

    async def _cancel(self, request: Request) -> Response:
        return _sent({"dropped": self.worker.cancel(_page(await _body(request)))})

    async def _progress(self, request: Request) -> Response:
        await _body(request)
        job = self.worker.running
        seconds = 0.0 if job is None else round(time.monotonic() - job.since, 2)
        return _sent({"waiting": len(self.worker), "running": None if job is None else job.topic, "seconds": seconds})


def _heavy(arrays: Mapping[str, Any]) -> bool:
    return sum(array.nbytes for array in arrays.values()) > HEAVY


async def _gone(request: Request) -> None:
    """Ends when whoever asked has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}", parse_constant=lambda name: math.nan)
    except (ValueError, RecursionError):
        raise UsageError("the body is no JSON") from None
    if not isinstance(body, dict):
        raise UsageError("the body is no JSON object")
    return body


def _sent(result: Any) -> Response:
    if isinstance(result, bytes):
        return Response(result, media_type="application/octet-stream")
    return Response(header(result, EVERY_DIGIT), media_type="application/json")


def _guarded(answer: Callable) -> Callable:
    """Every error that a person can cause as its status and one line; of any other, nothing but that it happened."""

    async def guarded(request: Request) -> Response:
        try:
            return await answer(request)
        except Refused as refused:
            return refusal(refused.status, str(refused))
        except Full:
            return refusal(503, "too many questions are waiting; ask again in a moment", **{"Retry-After": "1"})
        except Stale as stale:
            return refusal(409, str(stale))
        except GlassformerError as error:
            status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
            return refusal(status, str(error))
        except OSError as error:
            return refusal(500, one_line(error))
        except MemoryError:
            return refusal(507, "there is not enough memory for that; give a shorter text")

    return guarded


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = {404: "there is nothing here", 405: "this is not asked in that way"}
    return refusal(error.status_code, said.get(error.status_code, "that cannot be answered"))


async def _broken(request: Request, error: Exception) -> Response:
    """A bug of ours: the page is told so, and the terminal what happened."""
    traceback.print_exception(error)
    return refusal(500, "something went wrong that should not; the terminal says more")
