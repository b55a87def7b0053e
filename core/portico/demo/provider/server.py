"""The provider's addresses: `/authorize`, `/token`, `/userinfo`, `/logout`, and the two documents that clients discover them by."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlencode, urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from portico.demo.configuration import ClientConfig, ProviderConfig, UserConfig
from portico.demo.provider.tokens import CODE_LIFETIME, Grant, Invalid, Tokens

COOKIE = "demo_session"
WRONG = "Username or password is wrong. Try again."
_POLICY = "default-src 'none'; style-src 'self'; form-action 'self' http:; frame-ancestors 'none'; base-uri 'none'"
_pages = Environment(loader=PackageLoader("portico.demo.provider", "pages"), autoescape=True, undefined=StrictUndefined)


@dataclass(frozen=True)
class Asked:
    """A checked authorization request."""

    client: ClientConfig
    redirect_uri: str
    state: str
    nonce: str
    scope: str
    challenge: str


class Provider:
    """One provider over its configuration. Its clients change with the file `source`, where there is one; all else stays as it was."""

    def __init__(self, config: ProviderConfig, source: Path | None = None) -> None:
        self._config = config
        self._source, self._seen = source, 0
        self._register(config.clients)
        self._users = {user.name: user for user in config.users}
        self._tokens = Tokens(
            directory=config.directory,
            issuer=config.issuer,
            access_lifetime=config.access_token_lifetime,
            session_lifetime=config.session_lifetime,
        )

    def application(self) -> web.Application:
        """All addresses."""
        app = web.Application(middlewares=[_headers])
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self.discovery),
                web.get("/jwks", self.keys),
                web.get("/authorize", self.ask),
                web.post("/authorize", self.sign_in),
                web.post("/token", self.token),
                web.get("/userinfo", self.userinfo),
                web.post("/userinfo", self.userinfo),
                web.get("/logout", self.log_out),
                web.post("/logout", self.log_out),
                web.get("/provider.css", _style),
            ]
        )
        return app

    def _register(self, clients: tuple[ClientConfig, ...]) -> None:
        """Know these clients; raises OSError where the file with a secret is missing."""
        self._clients, self._secrets = (
            {client.client_id: client for client in clients},
            {client.client_id: client.secret_file.read_text().strip() for client in clients},
        )

    def _look(self) -> None:
        """Take the clients of the file, if it was written since; one that can't be read yet is read at the next request."""
        if self._source is None:
            return
        with contextlib.suppress(OSError, ValueError):
            written = self._source.stat().st_mtime_ns
            if written != self._seen:
                self._register(ProviderConfig.read(self._source).clients)
                self._seen = written

    async def discovery(self, _: web.Request) -> web.Response:
        """OpenID Connect Discovery 1.0, section 3."""
        issuer = self._config.issuer
        return web.json_response(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "userinfo_endpoint": f"{issuer}/userinfo",
                "end_session_endpoint": f"{issuer}/logout",
                "jwks_uri": f"{issuer}/jwks",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }
        )

    async def keys(self, _: web.Request) -> web.Response:
        """The public key."""
        return web.json_response(self._tokens.keyring.public())

    async def ask(self, request: web.Request) -> web.Response:
        """The sign-in page, or straight back to the portal where a session goes on."""
        asked = self._asked(request)
        try:
            session = self._tokens.check(request.cookies.get(COOKIE, ""), "session")
        except Invalid:
            return self._page(asked)
        return self._back_to(asked, user=session["sub"], session=session["sid"])

    async def sign_in(self, request: web.Request) -> web.Response:
        """Check name and password; the answer never says which of the two was wrong."""
        asked = self._asked(request)
        form = await request.post()
        name, password = str(form.get("username", "")).strip(), str(form.get("password", ""))
        user = self._users.get(name)
        expected = user.password if user else ""
        if not hmac.compare_digest(expected.encode(), password.encode()) or user is None:
            return self._page(asked, name=name, error=WRONG, status=401)
        cookie = self._tokens.begin_session(user.name)
        session = self._tokens.check(cookie, "session")
        answer = self._back_to(asked, user=user.name, session=session["sid"])
        answer.set_cookie(COOKIE, cookie, httponly=True, samesite="Lax", path="/")
        return answer

    async def token(self, request: web.Request) -> web.Response:
        """Exchange a code or a refresh token (RFC 6749, sections 4.1.3 and 6)."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        client_id = self._authenticated(request, form)
        if client_id is None:
            return web.json_response({"error": "invalid_client"}, status=401)
        try:
            match form.get("grant_type"):
                case "authorization_code":
                    answer = self._tokens.exchange(
                        form.get("code", ""),
                        client_id=client_id,
                        redirect_uri=form.get("redirect_uri", ""),
                        verifier=form.get("code_verifier", ""),
                    )
                case "refresh_token":
                    answer = self._tokens.refresh(form.get("refresh_token", ""), client_id=client_id)
                case _:
                    return web.json_response({"error": "unsupported_grant_type"}, status=400)
        except Invalid as error:
            return web.json_response({"error": "invalid_grant", "error_description": str(error)}, status=400)
        return web.json_response(answer)

    async def userinfo(self, request: web.Request) -> web.Response:
        """Whom an access token belongs to."""
        try:
            claims = self._tokens.check(request.headers.get("Authorization", "").removeprefix("Bearer ").strip(), "access")
            user = self._users[claims["sub"]]
        except (Invalid, KeyError):
            return web.json_response({"error": "invalid_token"}, status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return web.json_response(self._claims(user))

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session (OpenID Connect RP-Initiated Logout 1.0), and go back where a portal asked to."""
        form = {**request.query, **{key: str(value) for key, value in (await request.post()).items()}}
        with contextlib.suppress(Invalid):
            self._tokens.end_session(self._tokens.check(request.cookies.get(COOKIE, ""), "session")["sid"])
        target = str(form.get("post_logout_redirect_uri", ""))
        self._look()
        allowed = {origin for client in self._clients.values() for origin in client.origins}
        parts = urlsplit(target)
        if f"{parts.scheme}://{parts.netloc}" in allowed:
            state = f"{'&' if parts.query else '?'}{urlencode({'state': form['state']})}" if form.get("state") else ""
            answer = web.Response(status=303, headers={"Location": target + state})
        else:
            answer = _html("signed-out.html")
        answer.del_cookie(COOKIE, path="/")
        return answer

    def _asked(self, request: web.Request) -> Asked:
        """Check an authorization request. What can't be trusted is answered here, never by a redirect; raises HTTPBadRequest."""
        self._look()
        query = request.query
        client = self._clients.get(query.get("client_id", ""))
        if client is None:
            raise _refused("The portal that sent you here is not known.")
        redirect_uri = query.get("redirect_uri", "")
        if redirect_uri not in client.redirect_uris:
            raise _refused(f"The address to go back to is not one of {client.title}'s.")
        if query.get("response_type") != "code" or query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            raise _refused("The portal's request lacks what protects your sign-in (a code with an S256 challenge).")
        return Asked(
            client=client,
            redirect_uri=redirect_uri,
            state=query.get("state", ""),
            nonce=query.get("nonce", ""),
            scope=query.get("scope", "openid"),
            challenge=query["code_challenge"],
        )

    def _back_to(self, asked: Asked, *, user: str, session: str) -> web.Response:
        code = self._tokens.code_for(
            Grant(
                user=user,
                session=session,
                client_id=asked.client.client_id,
                redirect_uri=asked.redirect_uri,
                challenge=asked.challenge,
                nonce=asked.nonce,
                scope=asked.scope,
                expires=time.monotonic() + CODE_LIFETIME,
            )
        )
        query = urlencode({"code": code, "state": asked.state, "iss": self._config.issuer})
        return web.Response(status=303, headers={"Location": f"{asked.redirect_uri}?{query}"})

    def _page(self, asked: Asked, *, name: str = "", error: str = "", status: int = 200) -> web.Response:
        return _html("sign-in.html", status=status, portal=asked.client.title, name=name, error=error, users=self._config.users)

    def _authenticated(self, request: web.Request, form: dict[str, str]) -> str | None:
        """The client that the request proves to come from; None where it proves nothing."""
        self._look()
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        header = request.headers.get("Authorization", "")
        if header.startswith("Basic "):
            try:
                client_id, _, secret = base64.b64decode(header[6:], validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return None
            client_id, secret = unquote(client_id), unquote(secret)
        expected = self._secrets.get(client_id)
        return client_id if expected is not None and hmac.compare_digest(expected.encode(), secret.encode()) else None

    def _claims(self, user: UserConfig) -> dict[str, object]:
        return {
            "sub": user.name,
            "preferred_username": user.name,
            "name": user.title,
            "email": user.email,
            "email_verified": True,
            "groups": list(user.groups),
            self._config.accounts_claim: list(user.accounts),
        }


def _html(template: str, *, status: int = 200, **values: object) -> web.Response:
    return web.Response(text=_pages.get_template(template).render(**values), status=status, content_type="text/html")


def _refused(sentence: str) -> web.HTTPBadRequest:
    text = _pages.get_template("refused.html").render(sentence=sentence)
    return web.HTTPBadRequest(text=text, content_type="text/html")


async def _style(_: web.Request) -> web.FileResponse:
    return web.FileResponse(Path(__file__).parent / "pages" / "provider.css")


@web.middleware
async def _headers(request: web.Request, handler: web.Handler) -> web.StreamResponse:  # type: ignore[name-defined] # a private alias
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPException as answer:
        response = answer
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response
