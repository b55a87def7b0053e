"""A bundle while it is being written: `portico preview` shows every page in every state, as it will be, at each save.

There is no hub and nobody is logged in: the pages are the rehearsal's, with its sample data. `watching` sees that files have changed,
`studio` keeps what they make and what is wrong with it, `stage` is the limited process that renders, `server` answers a browser.
"""
