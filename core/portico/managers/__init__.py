"""The backend: one REST service that starts, follows, reaches and stops labs for all tenants.

`portico.managers.app.create_app` is the whole of it; `python -m portico.managers --config portico.toml` runs it.
"""
