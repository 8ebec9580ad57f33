"""The served page without a network: requests put to the routes as a server puts them, from a page that may ask."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import httpx

from glassformer.serve.app import App
from glassformer.serve.guard import Guard
from glassformer.serve.live import Desk, Worker
from tests import made

PORT, TOKEN = 8765, "the token"
HERE = f"http://127.0.0.1:{PORT}"
COOKIE = f"glassformer-{PORT}={TOKEN}"
GOOD = {"Origin": HERE, "Content-Type": "application/json", "Cookie": f'glassformer-{PORT}="{TOKEN}"'}
ROUTES = ("picture", "more", "whatif", "head", "worked", "array", "models", "load", "cancel", "progress")


def guarded(most=16, reader=None):
    app = App(Desk(reader or made.reader()), "<!doctype html><title>page</title>", "default-src 'none'", Worker(most))
    return app, Guard(app.routes(), PORT, TOKEN)


async def ask(guard, method, path, headers=GOOD, body=None, base=HERE):
    """headers: None in one takes it away."""
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    kept = {name: value for name, value in headers.items() if value is not None}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(guard, raise_app_exceptions=False), base_url=base
    ) as client:
        return await client.request(method, path, headers=kept, content=content)


def done(coroutine):
    """What comes of it, in a thread of its own: in this one the loop of a browser may go on, from a test before."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def answer(guard, method, path, headers=GOOD, body=None, base=HERE):
    return done(ask(guard, method, path, headers, body, base))


def post(guard, route, **body):
    return answer(guard, "POST", f"/api/{route}", body=body)


def told(response):
    """The one line of an error, with nothing of where it happened."""
    assert response.headers["content-type"] == "application/json"
    (error,) = json.loads(response.text).values()
    assert "\n" not in error and "Traceback" not in error and ".py" not in error
    return error
