"""Starting, following and stopping labs from a hub, through the backend's REST API.

`client` talks, `eventlog` remembers, `follow` keeps both in step, `systems` knows how the systems are, `desk` decides with
`portico.offers`, and `spawner` is what JupyterHub sees.
"""
