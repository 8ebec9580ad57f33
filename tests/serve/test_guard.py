"""Who may ask: every check, on every route, and what every answer says to a browser."""

import json

import pytest

from glassformer.serve import guard as room
from tests.serve.asked import GOOD, HERE, PORT, ROUTES, TOKEN, answer, done, guarded, told

EVERY = [("GET", "/"), *(("POST", f"/api/{name}") for name in ROUTES), ("GET", "/nowhere"), ("POST", "/api/nowhere")]
IDS = [path for _, path in EVERY]


@pytest.fixture(scope="module")
def guard():
    return guarded()[1]


@pytest.mark.parametrize(("method", "path"), EVERY, ids=IDS)
@pytest.mark.parametrize("host", ["evil.test", f"evil.test:{PORT}", "127.0.0.1", "127.0.0.1:80", f"0.0.0.0:{PORT}", ""])
def test_another_host_is_misdirected(guard, method, path, host):
    response = answer(guard, method, path, GOOD | {"Host": host}, {})
    assert response.status_code == 421 and "127.0.0.1:8765" in told(response)


@pytest.mark.parametrize(("method", "path"), EVERY, ids=IDS)
@pytest.mark.parametrize(
    "origin", ["http://evil.test", "null", f"https://127.0.0.1:{PORT}", f"http://localhost:{PORT}"]
)
def test_another_origin_may_not_ask(guard, method, path, origin):
    assert answer(guard, method, path, GOOD | {"Origin": origin}, {}).status_code == 403


@pytest.mark.parametrize(("method", "path"), EVERY, ids=IDS)
@pytest.mark.parametrize(
    "cookie", [None, "", f"glassformer-{PORT}=wrong", f"glassformer-1={TOKEN}", "\xff=\xfe;;", "a" * 9000]
)
def test_without_the_token_nothing_is_answered(guard, method, path, cookie):
    response = answer(guard, method, path, GOOD | {"Cookie": cookie and cookie.encode("latin-1")}, {})
    assert response.status_code == 403 and "address that was printed" in told(response)


def test_the_token_moves_from_the_address_to_a_strict_cookie(guard):
    response = answer(guard, "GET", f"/?token={TOKEN}", {})
    assert response.status_code == 303 and response.headers["location"] == "/"
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie and "domain" not in cookie
    given = response.headers["set-cookie"].split(";")[0]
    assert answer(guard, "GET", "/", {"Cookie": given}).status_code == 200
    assert answer(guard, "GET", "/", {"Cookie": f"{given[:-2]}x"}).status_code == 403


@pytest.mark.parametrize(
    "path", ["/?token=wrong", "/?token=", "/?token", f"/?token=x&token={TOKEN}", f"/api/models?token={TOKEN}"]
)
def test_no_other_token_opens(guard, path):
    assert answer(guard, "GET", path, {}).status_code == 403


def test_another_guard_has_another_token():
    assert room.Guard(None, 1).token != room.Guard(None, 1).token and len(room.Guard(None, 1).token) >= 32


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("route", ROUTES)
def test_only_json_is_read(guard, route, kind):
    response = answer(guard, "POST", f"/api/{route}", GOOD | {"Content-Type": kind}, b"{}")
    assert response.status_code == 415 and "application/json" in told(response)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", " application/json ;x=y"])
def test_json_is_known_however_it_is_written(guard, kind):
    assert answer(guard, "POST", "/api/progress", GOOD | {"Content-Type": kind}, b"{}").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "TRACE"])
def test_other_methods_are_not_answered(guard, method):
    for path in ("/", "/api/picture"):
        assert answer(guard, method, path).status_code == 405


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_is_bounded(guard, route):
    response = answer(guard, "POST", f"/api/{route}", body=b" " * (room.MOST_BYTES + 1))
    assert response.status_code == 413 and "1,000,000 bytes" in told(response)


def test_a_body_whose_length_was_a_lie_is_bounded_too(guard):
    for said in ("2", "-1", "9" * 30, "x"):
        response = answer(guard, "POST", "/api/picture", GOOD | {"Content-Length": said}, b" " * (room.MOST_BYTES + 1))
        assert response.status_code == 413


def test_what_just_fits_is_read(guard):
    body = b"{}".ljust(room.MOST_BYTES)
    for length in (None, str(room.MOST_BYTES)):
        assert answer(guard, "POST", "/api/progress", GOOD | {"Content-Length": length}, body).status_code == 200
    path = "/" + "a" * (room.LONGEST_TARGET - 1)
    assert answer(guard, "GET", path).status_code == 404 and answer(guard, "GET", f"{path}a").status_code == 414


def test_what_was_sent_instead_of_json_is_named(guard):
    for kind, named in (("text/plain", "text/plain"), (None, "nothing"), ("a" * 50, "a" * 39 + "…")):
        response = answer(guard, "POST", "/api/progress", GOOD | {"Content-Type": kind}, b"{}")
        assert told(response) == f"{named} was sent; application/json is read"


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/../../etc/passwd",
        "/static/..%2fapp.py",
        "//etc/passwd",
        "/%00",
    ],
)
def test_there_are_no_files(guard, path):
    response = answer(guard, "GET", path)
    assert response.status_code == 404 and told(response)


def test_an_address_is_bounded(guard):
    assert answer(guard, "GET", "/" + "a" * 3000).status_code == 414


@pytest.mark.parametrize("path", ["/", "/nowhere", f"/?token={TOKEN}"])
def test_every_answer_is_closed_to_other_sites(guard, path):
    for headers in (GOOD, {}):
        sent = answer(guard, "GET", path, headers).headers
        assert sent["cache-control"] == "no-store" and sent["x-content-type-options"] == "nosniff"
        assert sent["referrer-policy"] == "no-referrer" and "frame-ancestors 'none'" in sent["content-security-policy"]
        assert "default-src 'none'" in sent["content-security-policy"]
        assert not [name for name in sent if name.startswith("access-control")]


def test_another_site_that_asks_with_the_cookie_is_refused(guard):
    headers = GOOD | {"Sec-Fetch-Site": "cross-site", "Origin": None}
    assert answer(guard, "GET", "/nowhere", headers).status_code == 403


def test_web_sockets_are_not_answered(guard):
    sent = []

    async def send(message):
        sent.append(message)

    done(guard({"type": "websocket", "headers": [], "path": "/"}, None, send))
    assert sent == []


def test_an_error_is_json_in_one_line():
    response = room.refusal(400, "a\nb\x1b[31m")
    assert json.loads(response.body) == {"error": "a�b�[31m"}
    assert HERE not in response.body.decode()
