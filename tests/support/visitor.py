"""A visitor of the portals without a browser: cookies, forms and redirects over HTTP, for tests that post by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import httpx


class Loopback(httpx.HTTPTransport):
    """Finds every name below .localhost on this machine, as a browser does; the cookie jar still sees the name."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host.endswith(".localhost"):
            # A copy: the client files cookies under the address of the request that it made.
            url = request.url.copy_with(host="127.0.0.1")
            request = httpx.Request(request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions)
        return super().handle_request(request)


class Visitor:
    """One person at one portal."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.name = ""
        self.http = httpx.Client(base_url=address, transport=Loopback(), follow_redirects=True, timeout=30)

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def xsrf(self) -> str:
        """The token that a form of the portal carries."""
        values = [cookie.value for cookie in self.http.cookies.jar if cookie.name == "_xsrf" and cookie.path == "/hub/"]
        return values[-1] or ""

    @property
    def session(self) -> str:
        """The portal's cookies as a Cookie header, for clients of other kinds."""
        host = httpx.URL(self.address).host
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.http.cookies.jar if cookie.domain.startswith(host))

    def log_in(self, user: str, password: str) -> httpx.Response:
        """Go the way of a browser: landing page, identity provider, its form, back to the portal's home."""
        self.name = user
        self.http.get("/hub/login")
        page = self.http.get("/hub/oauth_login")
        fields = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text))
        action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
        target = urljoin(str(page.url), action.group(1).replace("&amp;", "&") if action else "")
        # httpx gives the rewritten address back; the identity provider is told apart by its name.
        return self.http.post(target, data={**fields, "username": user, "password": password})

    def post(self, path: str, **fields: object) -> httpx.Response:
        """Post a form with the portal's own token; redirects are answered, not followed."""
        return self.http.post(path, data={"_xsrf": self.xsrf, **fields}, follow_redirects=False)

    def start(self, **choice: object) -> httpx.Response:
        """Post the start form."""
        return self.post("/hub/start", **choice)

    def events(self, name: str) -> Iterator[dict[str, Any]]:
        """The live events of a lab, each as an object, until the portal ends the stream."""
        with self.http.stream("GET", f"/hub/labs/{name}/events", timeout=60) as answer:
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))


def landing(address: str) -> str:
    """A portal's first page, or an empty text where there is none."""
    with Visitor(address) as visitor:
        try:
            answer = visitor.http.get("/hub/login")
        except httpx.HTTPError:
            return ""
        return answer.text if answer.status_code == 200 else ""
