"""What answers at a portal's addresses. `table` is the whole list; it stands before JupyterHub's own handlers."""

from portico.hub.handlers.table import table

__all__ = ["table"]
