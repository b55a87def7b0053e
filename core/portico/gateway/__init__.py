"""The one HTTP entrance: the proxy process, and each hub's way to manage its own routes in it."""
