"""The tenant admin's page: what is live, what was refused and why, what was live before, previews, and what announcements do.

`views` is what its template gets, `known` reads what the sync wrote down, `page` puts the one into the other, `errands` asks the sync to
act. The page is drawn by `hub.tool`, which no bundle can change.
"""
