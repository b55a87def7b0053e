"""Portico: many branded JupyterHub portals on one shared backend."""

__version__ = "0.1.0"
