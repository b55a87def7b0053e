"""An embedded site to try everything on one machine: identity provider, UNICORE-compatible site, its nodes, an SSH login node.

It is code of its own that knows nothing of the managers: they meet it over HTTP and SSH as they meet any site. What it imitates, and how
faithfully, is held by `tests/contract/test_unicore_site.py`, which runs against a real UNICORE/X as well. It is for one machine and for
people who try or test the product; it is no batch system for real users.
"""
