"""One tenant's hub: stock JupyterHub, configured, with the tenant's own pages.

`config` is all of its configuration, `portal` what its parts share, `views` and `pages` turn the hub's objects into what templates see and
into HTML, `handlers` answer, `facade` stands where JupyterHub keeps its templates. `app` runs it, `warm` imports it before a fork.
"""
