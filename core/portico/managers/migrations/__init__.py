"""How the backend's tables came about, step by step; `portico.managers.store` applies what is missing at start."""
