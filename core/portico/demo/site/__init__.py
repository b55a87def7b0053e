"""A UNICORE-compatible REST server: what UNICORE/X 11 answers, for the part of its API that pyunicore uses.

Deciding is pure: `descriptions` (what a job asks for), `resources` (whether the partition has it), `render` (what is shown of a job).
Doing is thin: `identities` (who asks), `jobs` (a job's life), `files` (its directory), `forwarding`, `notifications`, `handlers` (HTTP).
"""
