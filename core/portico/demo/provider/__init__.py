"""The demo's identity provider: OpenID Connect's code flow with PKCE, behind a sign-in page of its own.

`oidc-provider-mock` was tried first: it signs anybody in by name alone, so passwords, single log-out and exact redirect addresses would
have to be bolted on from outside. This is the part of the protocol that the portals use, on joserfc's signatures, and nothing more.
"""
