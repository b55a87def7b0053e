"""What git asks for the user and token of a repository: a program of its own, so that the token goes from its file to git by a pipe.

Git's configuration names this file, the token's file and the user; the token itself stands in no configuration, argument or environment.
Git runs it with Python's isolated mode (`-I -S`), so it imports nothing of Portico. It answers nothing but the question `get`.
"""

import sys
from pathlib import Path


def main(token_file: str, user: str, question: str) -> int:
    """Answer git's question on standard output, in the form of `git-credential`."""
    sys.stdin.read()
    if question != "get":
        return 0
    try:
        token = Path(token_file).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return 1
    if not token or any(character.isspace() for character in token):
        return 1
    sys.stdout.write(f"username={user}\npassword={token}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
