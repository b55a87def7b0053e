"""Runs git: with our own configuration alone, within limits on time, memory, CPU, file size and output, and in a process group that ends.

Git 2.39 has no option that limits what a fetch brings, so the kernel does: no file may grow beyond `FILE_LIMIT` (which ends a pack that is
too large), no process may have more memory than `MEMORY` (which ends deltas that unfold to gigabytes). A credential is named in
the configuration by its file, never by its value.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ctypes
import os
import re
import resource
import secrets
import shlex
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from portico.logs import redact
from portico.settings.models import Source
from portico.tenants import credential
from portico.tenants.addresses import RepositoryError

MEMORY = 1_000_000_000
"""Bytes of address space that git, and each of its children, may have."""
FILE_LIMIT = 200_000_000
"""Bytes of the largest file that git may write: what one fetch may bring."""
_OUTPUT_LIMIT = 1_000_000
_COMPLAINT_LIMIT = 20_000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)

_CONFIG = """\
[protocol]
\tallow = never
[protocol "file"]
\tallow = always
[protocol "http"]
\tallow = always
[protocol "https"]
\tallow = always
[protocol "ssh"]
\tallow = always
[safe]
\tdirectory = *
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\tcommitGraph = false
\tbigFileThreshold = 2m
\tdeltaBaseCacheLimit = 16m
\tpackedGitWindowSize = 16m
\tpackedGitLimit = 128m
\tsshCommand = {ssh}
[credential]
\thelper =
[fetch]
\tfsckObjects = true
\tunpackLimit = 1
\trecurseSubmodules = false
\twriteCommitGraph = false
[pack]
\tthreads = 1
\twindowMemory = 64m
[uploadpack]
\tallowFilter = true
[gc]
\tauto = 0
[maintenance]
\tauto = false
[http]
\tfollowRedirects = false
\tlowSpeedLimit = 1000
\tlowSpeedTime = 10
"""
"""All of git's configuration. A repository may belong to another account: that the operator lists it is her consent."""

_SSH = (
    "ssh",
    "-oBatchMode=yes",
    "-oStrictHostKeyChecking=yes",
    "-oConnectTimeout=10",
    "-oServerAliveInterval=5",
    "-oServerAliveCountMax=3",
)
_SSH_WITH_KEY = (
    *("-F", "none", "-oIdentitiesOnly=yes", "-oIdentityAgent=none", "-oPreferredAuthentications=publickey"),
    *("-oGlobalKnownHostsFile=none", "-oUpdateHostKeys=no", "-oVerifyHostKeyDNS=no", "-oForwardAgent=no", "-oClearAllForwardings=yes"),
)

_COMPLAINTS = (
    (r"Host key verification failed|HOST IDENTIFICATION HAS CHANGED", "The repository's host shows a key that the operator doesn't know."),
    (
        r"Authentication failed|could not read (Username|Password)|Permission denied|error: 40[13]\b",
        "The repository doesn't let this portal in: its deploy key or token is missing, wrong or out of date.",
    ),
    (r"Could not resolve host", "The repository's host name can't be resolved."),
    (r"signal 25|File too large|[Ff]ile size limit", f"The repository is too large: a fetch may bring {FILE_LIMIT // 1_000_000} MB."),
    (r"[Oo]ut of memory|malloc failed|mmap failed|signal (9|24)\b", "The repository needs more memory or time to read than it may take."),
)


class GitFailedError(RepositoryError):
    """Git ended with an error. `complaints` is what it wrote, for whoever looks for one of its own sentences; it is shown to nobody."""

    def __init__(self, sentence: str, complaints: str) -> None:
        super().__init__(sentence)
        self.complaints = complaints


@dataclass(frozen=True)
class Access:
    """How a repository is entered: by files that the operator names, or by whatever the account itself has."""

    key_file: Path | None = None
    known_hosts_file: Path | None = None
    token_file: Path | None = None
    token_user: str = "git"  # noqa: S105 -- a user's name

    @classmethod
    def of(cls, source: Source) -> Access:
        """The access that the operator lists for a repository."""
        return cls(source.key_file, source.known_hosts_file, source.token_file, source.token_user)

    def usable(self) -> None:
        """Raises RepositoryError where a file is missing or empty: git would say it in words that help nobody."""
        for kind, path in (("key", self.key_file), ("known hosts", self.known_hosts_file), ("token", self.token_file)):
            if path is not None and not (os.access(path, os.R_OK) and (not path.is_file() or path.stat().st_size)):
                raise RepositoryError(f"The file of the repository's {kind} can't be read. Ask the operator to look at it.")

    def scrubbed(self, text: str) -> str:
        """The text without the token, should a server have sent it back."""
        try:
            token = self.token_file.read_text(encoding="ascii").strip() if self.token_file is not None else ""
        except (OSError, ValueError):
            return text
        for secret in (token, base64.b64encode(f"{self.token_user}:{token}".encode()).decode()) if token else ():
            text = text.replace(secret, "***")
        return text


def configuration(address: Path | str, access: Access) -> str:
    """Git's configuration for one repository."""
    ssh = [*_SSH]
    if access.key_file is not None and access.known_hosts_file is not None:
        files = (f"-oIdentityFile={access.key_file.absolute()}", f"-oUserKnownHostsFile={access.known_hosts_file.absolute()}")
        ssh += [*_SSH_WITH_KEY, *files]
    text = _CONFIG.format(ssh=_value(shlex.join(ssh)))
    if access.token_file is not None:
        origin = re.match(r"https?://[^/]+", str(address))
        helper = [sys.executable, "-I", "-S", str(Path(credential.__file__)), str(access.token_file.absolute()), access.token_user]
        text += f'[credential "{origin[0] if origin else ""}"]\n\thelper = {_value(shlex.join(helper))}\n'
    return text


def _value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def environment(config: Path) -> dict[str, str]:
    """All of the environment that git gets."""
    kept = ("PATH", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "https_proxy", "http_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY")
    return {key: os.environ[key] for key in kept if key in os.environ} | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "LC_ALL": "C",
    }


def write_config(path: Path, text: str) -> None:
    """Have a configuration on disk, by one rename where it differs."""
    if not path.is_file() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{secrets.token_hex(8)}")
        temporary.touch(mode=0o600)
        temporary.write_text(text)
        temporary.replace(path)


async def run(*arguments: str, cwd: Path, config: Path, timeout: float, scrub: Callable[[str], str] = str) -> str:
    """Run git and answer its output; its process group ends with the time limit or a cancellation. Raises RepositoryError.

    `scrub` takes out of a complaint what nobody may see.
    """
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        cwd=cwd,
        env=environment(config),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_limits(timeout),
    )
    assert process.stdout is not None  # noqa: S101 -- opened as pipes above
    assert process.stderr is not None  # noqa: S101
    try:
        async with asyncio.timeout(timeout):
            out, err, _ = await asyncio.gather(
                _read(process.stdout, _OUTPUT_LIMIT, strict=True), _read(process.stderr, _COMPLAINT_LIMIT), process.wait()
            )
    except TimeoutError as error:
        raise RepositoryError(f"The repository didn't answer within {timeout:.0f} s.") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        raise GitFailedError(_reason(err, process.returncode, scrub), err)
    return out


def _limits(timeout: float) -> Callable[[], None]:
    """What the child does between fork and exec: calls of the kernel and nothing else, since other threads may hold locks."""
    wanted = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_FSIZE: FILE_LIMIT,
        resource.RLIMIT_CPU: int(timeout) + 1,
        resource.RLIMIT_CORE: 0,
    }
    ceilings = {number: resource.getrlimit(number)[1] for number in wanted}
    values = [
        (number, value if ceilings[number] == resource.RLIM_INFINITY else min(value, ceilings[number])) for number, value in wanted.items()
    ]
    setrlimit, prctl, kill = resource.setrlimit, _libc.prctl, int(signal.SIGKILL)

    def limit() -> None:
        prctl(_PR_SET_PDEATHSIG, kill)  # a sync that is killed leaves no git that writes into its mirrors
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that a file which is too large is an error that git names
        for number, value in values:
            setrlimit(number, (value, value))

    return limit


async def _read(stream: asyncio.StreamReader, limit: int, *, strict: bool = False) -> str:
    """All of a stream, of which `limit` bytes are kept; with `strict`, more of it is an error."""
    kept = b""
    while chunk := await stream.read(65_536):
        kept += chunk[: limit - len(kept)]
        if strict and len(kept) >= limit:
            raise RepositoryError("The repository answers with more than it may.")
    return kept.decode(errors="replace")


def _reason(complaints: str, code: int, scrub: Callable[[str], str]) -> str:
    for pattern, sentence in _COMPLAINTS:
        if re.search(pattern, complaints):
            return sentence
    if -code in (signal.SIGXFSZ, signal.SIGXCPU, signal.SIGKILL):
        return "The repository needs more memory or time to read than it may take."
    lines = [line.strip() for line in complaints.splitlines() if line.startswith(("fatal:", "error:", "ssh:"))]
    return f"The repository can't be fetched from: {redact(scrub(lines[0]))[:200] if lines else 'git failed'}."
