"""Who is there: login at an OpenID Connect provider, claims kept fresh, logout.

`identity` reads claims (pure), `provider` asks the provider and says what an answer means, `authenticator` and `logout` are what JupyterHub
sees. What a user may start is not decided here: the claims lie in the encrypted auth state for `portico.spawner.desk`.
"""
