"""What answers at a portal's addresses. `table` stands before JupyterHub's own handlers, `rest` after them."""

from portico.hub.handlers.table import rest, table

__all__ = ["rest", "table"]
