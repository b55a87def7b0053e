"""A real UNICORE/X server for the tests: fetched by Maven, configured and started below a temporary directory.

Version 3.0.0 of `uas-core` is the server that calls itself UNICORE 11.0.0. It needs Java 17 and Maven; what was fetched is kept in the
directory that PORTICO_TEST_CACHE names, or in `~/.cache/portico-tests`. Its embedded TSI only forgets a job that is aborted; the module and
the shell beside this file make it end the job, as a site's batch system does.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from portico.demo.install import write_server_credential

from tests.support.demo import ALICE, BOB, free_port

HERE = Path(__file__).parent / "unicorex"
SITE_NAME = "REAL"
PASSWORD = "changeit"
START_LIMIT = 120.0
"""Seconds."""
FETCH_LIMIT = 900.0
"""Seconds."""
SMALL_JVM = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
PARTITIONS = {
    "batch": {"IsDefaultPartition": "true", "Resources": {"Runtime": "1-86400:3600", "Nodes": "1-4:1"}},
    "gpus": {"Resources": {"Runtime": "1-43200:1200", "Nodes": "1-2:1", "GPUsPerNode": "1-4:1"}},
}
UIDS = {"alice": [getpass.getuser(), "nobody"], "bob": [getpass.getuser()]}


@dataclass(frozen=True)
class RunningUnicoreX:
    """A server that answers at `url`."""

    url: str
    directory: Path


def why_not() -> str | None:
    """What is missing here to run it; None: nothing."""
    missing = [tool for tool in ("java", "javac", "mvn", "openssl") if shutil.which(tool) is None]
    return f"{', '.join(missing)} is missing" if missing else None


def cache() -> Path:
    """Where fetched and compiled files are kept between runs."""
    return Path(os.environ.get("PORTICO_TEST_CACHE") or Path.home() / ".cache" / "portico-tests")


def fetched() -> str:
    """The server's class path, fetched and compiled where it isn't yet."""
    pom, source = HERE / "pom.xml", HERE / "src" / "site" / "EndingModule.java"
    digest = hashlib.sha256(pom.read_bytes() + source.read_bytes()).hexdigest()[:12]
    top = cache() / f"unicorex-{digest}"
    libraries, classes = top / "lib", top / "classes"
    if not (top / "complete").exists():
        shutil.rmtree(top, ignore_errors=True)
        top.mkdir(parents=True)
        shutil.copy(pom, top / "pom.xml")
        _run("mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={libraries}", directory=top)
        _run("javac", "-cp", f"{libraries}/*", "-d", str(classes), str(source), directory=top)
        (top / "complete").touch()
    return f"{classes}:{libraries}/*"


def _run(*command: str, directory: Path) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=FETCH_LIMIT, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")


@contextlib.contextmanager
def running_unicorex(directory: Path) -> Iterator[RunningUnicoreX]:
    """A server with the users `ALICE` and `BOB`, until the block ends."""
    class_path = fetched()
    port = free_port()
    _configure(directory, port)
    log = directory / "unicorex.log"
    command = ["java", *SMALL_JVM, "-Dlog4j2.configurationFile=conf/log4j2.properties", "-cp", class_path]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "eu.unicore.uas.UAS", "conf/unicorex.config"],
            cwd=directory,
            env={name: os.environ[name] for name in ("PATH", "HOME", "USER", "JAVA_HOME") if name in os.environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        url = f"https://127.0.0.1:{port}/rest/core"
        _wait_until_it_answers(server, url, log)
        yield RunningUnicoreX(url=url, directory=directory)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        _end_jobs(directory / "jobshell")


def _end_jobs(shell: Path) -> None:
    """End what the server has left running, each job with all that it started."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(shell) in process.cmdline():
                for each in (*process.children(recursive=True), process):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()


def _wait_until_it_answers(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Before it is ready it answers 404, and then for a moment without the resource that takes jobs."""
    deadline = time.monotonic() + START_LIMIT
    while True:
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.get(f"{url}/factories", verify=False, auth=ALICE, headers={"Accept": "application/json"})
            if answer.status_code == 200 and answer.json()["factories"]:
                return
        if server.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"UNICORE/X does not start: {log.read_text()[-3000:]}")
        time.sleep(0.1)


def _configure(directory: Path, port: int) -> None:
    configuration, keys, data = directory / "conf", directory / "keys", directory / "data"
    for path in (configuration, keys, data / "home"):
        path.mkdir(parents=True)
    write_server_credential(keys)
    _run(
        *("openssl", "pkcs12", "-export", "-inkey", "key.pem", "-in", "certificate.pem", "-name", "server"),
        *("-passout", f"pass:{PASSWORD}", "-out", "server.p12"),
        directory=keys,
    )
    shell = directory / "jobshell"
    shell.write_text(f"#!{sys.executable}\n{(HERE / 'jobshell.py').read_text()}")
    shell.chmod(0o700)
    (configuration / "unicorex.config").write_text(
        "".join(f"{key}={value}\n" for key, value in _properties(directory, port, shell).items())
    )
    (configuration / "idb.json").write_text(json.dumps({"Applications": [_APPLICATION], "Partitions": PARTITIONS}))
    (configuration / "users.txt").write_text("".join(_user_line(name, password) for name, password in (ALICE, BOB)))
    (configuration / "map.json").write_text(
        json.dumps({f".*CN={name},.*": {"role": "user", "xlogin": uids, "group": ["qsim"]} for name, uids in UIDS.items()})
    )
    (configuration / "log4j2.properties").write_text(
        "rootLogger.level=INFO\nrootLogger.appenderRef.out.ref=OUT\nappender.out.type=Console\nappender.out.name=OUT\n"
        "appender.out.layout.type=PatternLayout\nappender.out.layout.pattern=%d [%t] %-5p %c{1} - %m%n\n"
    )


_APPLICATION = {"Name": "Date", "Version": "1.0", "Executable": "/bin/date", "Arguments": ["$ARGUMENTS?"]}


def _user_line(name: str, password: str) -> str:
    """One line of FilebasedAuthenticator's file."""
    salt = secrets.token_hex(16)
    return f"{name}:{hashlib.md5((salt + password).encode()).hexdigest()}:{salt}:CN={name}, O=Demo, C=EU\n"


def _properties(directory: Path, port: int, shell: Path) -> dict[str, object]:
    security, authentication = "container.security.", "container.security.rest.authentication."
    target, storage = "coreServices.targetsystemfactory.", "coreServices.targetsystem.storage.0."
    return {
        "container.sitename": SITE_NAME,
        "container.externalurl": f"https://127.0.0.1:{port}",
        "container.host": "127.0.0.1",
        "container.port": port,
        "container.httpServer.fastRandom": "true",
        "container.httpServer.requireClientAuthn": "false",
        "container.client.serverHostnameChecking": "NONE",
        "persistence.directory": "data/state",
        f"{security}gateway.enable": "false",
        f"{security}credential.path": "keys/server.p12",
        f"{security}credential.password": PASSWORD,
        f"{security}credential.format": "pkcs12",
        f"{security}truststore.type": "directory",
        f"{security}truststore.directoryLocations.1": "keys/certificate.pem",
        f"{security}accesscontrol": "true",
        f"{authentication}order": "FILE OIDC",
        f"{authentication}FILE.class": "eu.unicore.services.rest.security.FilebasedAuthenticator",
        f"{authentication}FILE.file": "conf/users.txt",
        f"{authentication}OIDC.class": "eu.unicore.services.rest.security.OAuthAuthenticator",
        f"{authentication}OIDC.address": "http://127.0.0.1:9/userinfo",
        f"{authentication}OIDC.identityAssign": '"CN="+preferred_username+",O=Demo,C=EU"',
        f"{security}attributes.order": "MAP",
        f"{security}attributes.MAP.class": "eu.unicore.services.aip.file.FileAttributeSource",
        f"{security}attributes.MAP.file": "conf/map.json",
        f"{security}attributes.MAP.matching": "regexp",
        f"{target}tsiMode": "custom",
        f"{target}tsiCustomModeModuleClass": "site.EndingModule",
        f"{storage}name": "HOME",
        f"{storage}type": "FIXEDPATH",
        f"{storage}path": directory / "data" / "home",
        "XNJS.filespace": directory / "data" / "jobs",
        "XNJS.idbfile": "conf/idb.json",
        "XNJS.numberofworkers": 4,
        "XNJS.localtsi.workerThreads": 32,
        "XNJS.localtsi.shell": shell,
    }
