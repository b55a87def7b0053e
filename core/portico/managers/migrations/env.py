"""alembic's environment: it works on the connection that the store hands it, and on nothing else."""

from __future__ import annotations

from alembic import context

from portico.managers.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
