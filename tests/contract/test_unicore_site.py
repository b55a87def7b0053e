"""What a UNICORE site does, as pyunicore (unchanged) and plain HTTP see it: the same for the demo's site and for a real UNICORE/X.

Everything here was seen at UNICORE/X 11. A site is described by `Site`, so that a further one is a further fixture parameter.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import jwt
import pytest
from cryptography import x509
from pyunicore.client import Client, Job, JobStatus, Transport
from pyunicore.credentials import Anonymous, AuthenticationFailedException, Credential, OIDCToken, UsernamePassword
from pyunicore.forwarder import open_tunnel

from tests.support.demo import ALICE, BOB, alive, eventually, free_port, running_site
from tests.support.unicorex import running_unicorex, why_not

JSON = {"Accept": "application/json"}
FINAL = {JobStatus.SUCCESSFUL, JobStatus.FAILED}


@dataclass(frozen=True)
class Site:
    """A site with the users `ALICE` and `BOB`, a default partition `batch` of 1 to 4 nodes, and a partition `gpus`."""

    url: str

    def client(self, credential: Credential | None = None) -> Client:
        """A client of Alice's, unless told otherwise."""
        return Client(credential or UsernamePassword(*ALICE), self.url, cache_time=0)

    def http(self, user: tuple[str, str] | None = ALICE, **options: Any) -> httpx.Client:
        """Plain HTTP, for what pyunicore hides."""
        return httpx.Client(auth=user, verify=False, headers=JSON, timeout=30, **options)

    def run(self, command: str, *, client: Client | None = None, **description: Any) -> Job:
        """A submitted job."""
        job = (client or self.client()).new_job({"Executable": command, **description})
        job.cache_time = 0
        return job


@pytest.fixture(scope="module", params=["demo", pytest.param("unicorex", marks=pytest.mark.real)])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp(request.param)
    if request.param == "demo":
        with running_site(directory, tls=True) as demo:
            yield Site(url=demo.url)
        return
    if reason := why_not():
        pytest.skip(reason)
    with running_unicorex(directory) as real:
        yield Site(url=real.url)


def reaches(job: Job, state: JobStatus) -> Job:
    """Wait until the job is in that state or beyond."""
    eventually(lambda: job.status.ordinal() >= state.ordinal(), limit=60)
    return job


def ends(job: Job) -> Job:
    """Wait until the job is over."""
    return reaches(job, JobStatus.SUCCESSFUL)


def content(job: Job, name: str) -> str:
    """A file of the job's directory; empty while there is none."""
    try:
        return job.working_dir.stat(name).read().decode()
    except httpx.HTTPError:
        return ""


def python(program: str) -> str:
    """A command line that runs a program of several lines with a mark in its arguments."""
    return f"{sys.executable} -c {shlex.quote(program)}"


# -- the site -------------------------------------------------------------------------------------------------------------------------


def test_a_client_learns_who_it_is_and_what_the_server_is(site: Site) -> None:
    client = site.client()

    assert client.access_info()["role"]["selected"] == "user"
    assert client.access_info()["authenticationMethod"] == "PASSWORD_FILE"
    assert client.access_info()["xlogin"]["UID"] in client.access_info()["xlogin"]["availableUIDs"]
    assert client.server_version_info() >= (11, 0, 0)
    assert client.properties["server"]["jobSubmission"] == {"message": "", "enabled": True}


def test_resources_are_listed_as_ranges(site: Site) -> None:
    (compute,) = site.client().get_compute()

    queues = compute.get_queues()
    assert queues["batch"]["Nodes"] == "1-4"
    assert queues["gpus"]["GPUsPerNode"] == "1-4"
    assert all(re.fullmatch(r"\d+-\d+", value) for queue in queues.values() for value in queue.values())


def test_applications_are_listed(site: Site) -> None:
    (compute,) = site.client().get_compute()

    assert [(application.name, application.version) for application in compute.get_applications()] == [("Date", "1.0")]


@pytest.mark.parametrize("path", ["", "/jobs", "/factories", "/storages", "/sites", "/transfers", "/tasks", "/jobs/", "/reservations"])
def test_every_resource_answers_with_its_links(site: Site, path: str) -> None:
    with site.http() as http:
        answer = http.get(site.url + path)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert "_links" in answer.json()


def test_the_certificate_is_the_one_that_signs_tokens(site: Site) -> None:
    token = site.client().issue_auth_token(lifetime=60)

    claims = jwt.decode(token, public_key(site), algorithms=["RS256"])
    assert claims["etd"] == "true"
    assert claims["sub"].startswith("CN=alice")
    assert claims["exp"] - claims["iat"] == 60


def public_key(site: Site) -> Any:
    """The key of the server's certificate."""
    with site.http() as http:
        answer = http.get(f"{site.url}/certificate", headers={"Accept": "text/plain"})
    return x509.load_pem_x509_certificate(answer.content).public_key()


# -- jobs -----------------------------------------------------------------------------------------------------------------------------


def test_a_job_runs_and_leaves_its_output(site: Site) -> None:
    job = ends(site.run("echo hello; echo trouble >&2", Name="greeting"))

    assert job.status == JobStatus.SUCCESSFUL
    assert job.exit_code == 0
    assert job.properties["name"] == "greeting"
    assert job.properties["queue"] == "batch"
    assert (content(job, "stdout"), content(job, "stderr")) == ("hello\n", "trouble\n")


def test_states_go_forward_only(site: Site) -> None:
    job = site.run("sleep 2", Imports=[{"From": "inline://dummy", "To": "f", "Data": "x"}])

    seen = [job.status]
    while seen[-1] not in FINAL:
        seen.append(job.status)
    # READY is a job that waits for its next step: before its imports, where the server has not looked at it yet, and after them.
    order = ["UNDEFINED", "STAGINGIN", "QUEUED", "RUNNING", "STAGINGOUT", "SUCCESSFUL"]
    names = [status.name for status in seen]
    places = [order.index(name) for name in names if name != "READY"]
    assert places == sorted(places)
    assert "READY" not in names[min(number for number, name in enumerate(names) if name in order[2:]) :]
    assert JobStatus.RUNNING in seen


def test_a_job_gets_its_imports_before_it_starts(site: Site) -> None:
    job = ends(
        site.run(
            "cat",
            Arguments=["below/one.txt", "two.txt"],
            Imports=[
                {"From": "inline://dummy", "To": "below/one.txt", "Data": "1\n"},
                {"From": "inline://dummy", "To": "two.txt", "Data": "2\n"},
            ],
        )
    )

    assert content(job, "stdout") == "1\n2\n"


@pytest.mark.parametrize("environment", [{"GREETING": "good day"}, ["GREETING=good day"]], ids=["object", "list"])
def test_a_job_gets_its_environment(site: Site, environment: object) -> None:
    job = ends(site.run('echo "$GREETING"', Environment=environment))

    assert content(job, "stdout") == "good day\n"


def test_a_job_does_not_get_the_environment_of_the_server(site: Site) -> None:
    job = ends(site.run("env"))

    assert "PYTEST_CURRENT_TEST" not in content(job, "stdout")


def test_arguments_are_joined_unquoted_into_a_shell_line(site: Site) -> None:
    job = ends(site.run("echo", Arguments=["a;", "echo", "'b  c'"]))

    assert content(job, "stdout") == "a\nb  c\n"


def test_a_job_waits_for_files_that_the_client_sends(site: Site, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("from the client\n")
    client = site.client()
    job = client.new_job({"Executable": "cat data.txt"}, inputs={"data.txt": str(tmp_path / "data.txt")}, autostart=False)
    job.cache_time = 0

    eventually(lambda: job.status == JobStatus.READY)
    assert job.properties["batchSystemID"] == "N/A"
    job.start()
    assert content(ends(job), "stdout") == "from the client\n"


def test_a_failing_command_fails_the_job_with_its_exit_code(site: Site) -> None:
    job = ends(site.run("exit 3"))

    assert job.status == JobStatus.FAILED
    assert job.exit_code == 3
    assert job.properties["statusMessage"].startswith("User application exited with non-zero exit code: <3>")


def test_a_job_that_exceeds_its_runtime_ends(site: Site) -> None:
    job = ends(site.run("echo $$ > pid; sleep 61", Resources={"Runtime": "1"}))

    assert job.status == JobStatus.FAILED
    assert gone([int(content(job, "pid"))])


IMPOSSIBLE: dict[str, tuple[dict[str, object], str]] = {
    "an unknown partition": ({"Queue": "nope"}, "Resource request <Queue = nope> is out of range"),
    "too many nodes": ({"Nodes": 99}, "Resource request <Nodes=99> is out of range"),
    "no number of nodes": ({"Nodes": "many"}, "Resource request <Nodes=many> is out of range"),
    "too long a runtime": ({"Runtime": "999h"}, "Resource request <Runtime=3596400> is out of range"),
    "a resource that no partition has": ({"Unicorns": 1}, "Resource <Unicorns> is not available for partition <batch>"),
    "GPUs where there are none": ({"GPUsPerNode": 1}, "Resource <GPUsPerNode> is not available for partition <batch>"),
    "too many GPUs": ({"Queue": "gpus", "GPUsPerNode": 9}, "Resource request <GPUsPerNode=9> is out of range"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_resources_are_accepted_and_then_fail(site: Site, case: str) -> None:
    resources, message = IMPOSSIBLE[case]

    job = ends(site.run("true", Resources=resources))

    assert job.status == JobStatus.FAILED
    assert message in job.properties["statusMessage"]
    assert job.properties["batchSystemID"] == "N/A"


UNREADABLE: dict[str, tuple[dict[str, object], str]] = {
    "an unknown type": ({"Job type": "WHATEVER"}, "JobType.WHATEVER"),
    "an inline import from nowhere": (
        {"Imports": [{"From": "inline://", "To": "f", "Data": "x"}]},
        "Expected authority at index 9: inline://",
    ),
    "an import to elsewhere": ({"Imports": [{"From": "inline://dummy", "To": "../../f", "Data": "x"}]}, "Staging in failed"),
    "a runtime in no unit": ({"Resources": {"Runtime": "abc"}}, "Could not parse requested resource <Runtime>"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_description_that_makes_no_sense_is_accepted_and_then_fails(site: Site, case: str) -> None:
    description, message = UNREADABLE[case]

    job = ends(site.run("true", **description))

    assert job.status == JobStatus.FAILED
    assert message in job.properties["statusMessage"]


def test_a_job_without_a_command_is_successful(site: Site) -> None:
    job = site.client().new_job({"Imports": [{"From": "inline://dummy", "To": "f", "Data": ["a", "b"]}]})
    job.cache_time = 0

    assert ends(job).status == JobStatus.SUCCESSFUL
    assert job.exit_code is None
    assert content(job, "f") == "a\nb\n"


def test_a_job_on_the_login_node_runs(site: Site) -> None:
    job = ends(site.run("echo here", **{"Job type": "INTERACTIVE"}))

    assert job.status == JobStatus.SUCCESSFUL
    assert job.properties["jobType"] == "ON_LOGIN_NODE"
    assert content(job, "stdout") == "here\n"


def test_commands_before_and_after_keep_their_output_to_themselves(site: Site) -> None:
    job = ends(site.run("cat made", **{"User precommand": "echo before > made; echo noise", "User postcommand": "echo noise"}))

    assert job.status == JobStatus.SUCCESSFUL
    assert content(job, "stdout") == "before\n"


@pytest.mark.parametrize("runtime", ["60", "60s", "5min", "2h"])
def test_a_runtime_may_have_a_unit(site: Site, runtime: str) -> None:
    assert ends(site.run("true", Resources={"Runtime": runtime})).status == JobStatus.SUCCESSFUL


# -- the end of a job -----------------------------------------------------------------------------------------------------------------

BROOD = """
import os, subprocess, sys, time
subprocess.Popen(["sleep", "62"])
subprocess.Popen(["sleep", "63"], start_new_session=True)
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        open("orphan", "w").write(str(os.getpid()))
        time.sleep(64)
    os._exit(0)
os.wait()
while not os.path.exists("orphan") or not open("orphan").read():
    time.sleep(0.01)
pids = subprocess.run(["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True).stdout
mine = [line.split()[0] for line in pids.splitlines() if "sleep 62" in line or "sleep 63" in line]
open("pids.new", "w").write(" ".join([str(os.getpid()), open("orphan").read(), *mine]))
os.rename("pids.new", "pids")
time.sleep(65)
"""


def gone(pids: list[int]) -> bool:
    """Whether all of them end, soon."""
    return eventually(lambda: not any(alive(pid) for pid in pids), limit=15)


def brood(site: Site) -> tuple[Job, list[int]]:
    """A running job with children, one in a session of its own, and an orphan that left it too."""
    job = site.run(python(BROOD))
    pids = [int(pid) for pid in eventually(lambda: content(job, "pids"), limit=60).split()]
    assert len(pids) >= 4
    assert all(alive(pid) for pid in pids)
    return job, pids


def test_abort_ends_the_whole_process_tree(site: Site) -> None:
    job, pids = brood(site)

    job.abort()

    assert gone(pids)
    assert ends(job).status == JobStatus.FAILED
    assert job.properties["statusMessage"] == "Job aborted."
    job.abort()  # pointless, and no error


def test_deleting_a_job_ends_its_processes_and_forgets_it(site: Site) -> None:
    job, pids = brood(site)

    job.delete()

    with site.http() as http:
        eventually(lambda: http.get(job.resource_url).status_code == 404)
        assert job.resource_url not in http.get(f"{site.url}/jobs").json()["jobs"]
    assert gone(pids)


def test_a_job_can_be_aborted_before_it_starts(site: Site) -> None:
    job = site.client().new_job({"Executable": "true", "haveClientStageIn": "true"}, autostart=False)
    job.cache_time = 0
    eventually(lambda: job.status == JobStatus.READY)

    job.abort()

    assert ends(job).status == JobStatus.FAILED
    assert job.properties["statusMessage"] == "Job aborted."


# -- files ----------------------------------------------------------------------------------------------------------------------------


def test_files_of_a_job_are_written_and_read(site: Site) -> None:
    directory = reaches(site.run("sleep 60"), JobStatus.RUNNING).working_dir

    directory.put("0123456789", "some/where/digits.txt")
    directory.mkdir("made")
    directory.rename("/some/where/digits.txt", "/made/digits.txt")
    directory.copy("/made/digits.txt", "/made/again.txt")

    file = directory.stat("made/digits.txt")
    assert (file.isfile(), file.size(), file.read()) == (True, 10, b"0123456789")
    assert file.read(offset=2, size=3) == b"234"
    assert file.read(offset=7) == b"789"
    assert sorted(directory.listdir("made")) == ["made/again.txt", "made/digits.txt"]
    assert directory.listdir()["made/" if "made/" in directory.listdir() else "made"].isdir()
    directory.rm("made/digits.txt")
    directory.rmdir("made")
    assert "made" not in {name.rstrip("/") for name in directory.listdir()}


def test_a_written_file_is_replaced(site: Site) -> None:
    directory = reaches(site.run("sleep 60"), JobStatus.RUNNING).working_dir

    directory.put("a longer first text", "f")
    directory.put("second", "f")

    assert directory.stat("f").read() == b"second"


@pytest.mark.parametrize("accept", ["application/json", "application/octet-stream"])
def test_a_missing_file_is_unknown(site: Site, accept: str) -> None:
    directory = reaches(site.run("sleep 60"), JobStatus.RUNNING).links["workingDirectory"]

    with site.http() as http:
        answer = http.get(f"{directory}/files/nowhere", headers={"Accept": accept})

    assert (answer.status_code, answer.content) == (404, b"")


def test_no_path_leads_out_of_a_storage(site: Site) -> None:
    directory = reaches(site.run("sleep 60"), JobStatus.RUNNING).links["workingDirectory"]

    for method in ("GET", "PUT", "DELETE"):
        with site.http() as http:
            answer = http.request(
                method, f"{directory}/files/" + "%2e%2e/" * 12 + "etc/hostname", headers={"Accept": "application/octet-stream"}
            )
            assert (answer.status_code, answer.content) == (400, b"")


# -- the tunnel -----------------------------------------------------------------------------------------------------------------------

ECHO = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    open("listening", "w").write("1")
    while True:
        connection, _ = server.accept()
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data.upper())
"""


def test_bytes_go_through_a_tunnel_to_a_port_of_the_job(site: Site) -> None:
    port = free_port()
    job = site.run(f"{python(ECHO)} {port}")
    eventually(lambda: content(job, "listening"), limit=60)

    with open_tunnel(job, service_port=port) as tunnel:
        for text in (b"hello", b"x" * 200_000):
            tunnel.sendall(text)
            received = b""
            while len(received) < len(text):
                received += tunnel.recv(65536)
            assert received == text.upper()

    with open_tunnel(job, service_port=port) as second:
        second.sendall(b"again")
        assert second.recv(5) == b"AGAIN"


def test_a_tunnel_to_a_port_where_nobody_listens_is_refused(site: Site) -> None:
    job = reaches(site.run("sleep 60"), JobStatus.RUNNING)

    with pytest.raises(ValueError, match="500"):
        open_tunnel(job, service_port=free_port())
    with site.http() as http:
        upgrade = {"Connection": "Upgrade", "Upgrade": "UNICORE-Socket-Forwarding"}
        answer = http.get(f"{job.links['forwarding']}?port={free_port()}", headers=upgrade)
    assert answer.json()["status"] == 500
    assert answer.json()["errorMessage"].startswith("Could not connect to backend service")


# -- who may do what ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Bearer wrong"}, {"Authorization": "Basic YWxpY2U6d3Jvbmc="}, {"Authorization": "Basic bm9ib2R5Ong="}],
    ids=["token", "password", "user"],
)
@pytest.mark.parametrize("path", ["", "/jobs"])
def test_a_wrong_credential_is_refused_with_an_empty_body(site: Site, headers: dict[str, str], path: str) -> None:
    with site.http(None) as http:
        answer = http.get(site.url + path, headers=headers)

    assert (answer.status_code, answer.content) == (403, b"")


def test_pyunicore_says_so_when_a_token_is_wrong(site: Site) -> None:
    with pytest.raises(httpx.HTTPError, match="403"):
        site.client(OIDCToken("wrong"))


def test_without_a_credential_one_is_anonymous(site: Site) -> None:
    anonymous = site.client(Anonymous())
    with pytest.raises(AuthenticationFailedException):
        anonymous.assert_authentication()
    with site.http(None) as http:
        assert http.get(site.url).json()["client"]["role"] == {"selected": "anonymous"}
        assert http.get(f"{site.url}/jobs").json()["jobs"] == []
        answer = http.post(f"{site.url}/jobs", json={"Executable": "true"})
    assert (answer.status_code, answer.content) == (403, b"")


def test_anothers_job_is_refused_with_an_empty_body(site: Site) -> None:
    job = reaches(site.run("sleep 60"), JobStatus.RUNNING)

    with site.http(BOB) as http:
        assert job.resource_url not in http.get(f"{site.url}/jobs").json()["jobs"]
        for method, url in (
            ("GET", job.resource_url),
            ("DELETE", job.resource_url),
            ("POST", job.links["action:abort"]),
            ("GET", f"{job.links['forwarding']}?port=1"),
            ("GET", job.links["workingDirectory"]),
        ):
            answer = http.request(method, url, **({"json": {}} if method == "POST" else {}))
            assert (answer.status_code, answer.content) == (403, b""), (method, url)
    assert job.status == JobStatus.RUNNING


def test_a_login_of_ones_own_is_used_and_anybody_elses_refused(site: Site) -> None:
    transport = Transport(UsernamePassword(*ALICE))
    own = Client(transport, site.url).access_info()["xlogin"]["availableUIDs"]
    assert len(own) == 2

    for uid in own:
        transport.preferences = f"uid:{uid}"
        assert Client(transport, site.url).access_info()["xlogin"]["UID"] == uid
    for wrong in ("uid:somebodyelse", f"uid:{own[0]},group:strangers"):
        transport.preferences = wrong
        with pytest.raises(httpx.HTTPError, match="403"):
            Client(transport, site.url)


def test_a_security_session_stands_for_its_credential(site: Site) -> None:
    with site.http() as http:
        first = http.get(site.url)
    assert int(first.headers["X-UNICORE-SecuritySession-Lifetime"]) > 1000

    with site.http(None) as http:
        again = http.get(site.url, headers={"X-UNICORE-SecuritySession": first.headers["X-UNICORE-SecuritySession"]})
        unknown = http.get(site.url, headers={"X-UNICORE-SecuritySession": "unknown"})
    assert again.json()["client"]["dn"] == first.json()["client"]["dn"]
    assert (unknown.status_code, unknown.content) == (432, b"")


# -- requests that are no good --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"{bad", b"[]", b""], ids=["broken", "a list", "nothing"])
def test_malformed_json_is_a_server_error_with_a_message(site: Site, body: bytes) -> None:
    with site.http() as http:
        answer = http.post(f"{site.url}/jobs", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 500
    assert set(answer.json()) == {"errorMessage", "status"}
    assert answer.json()["status"] == 500
    assert "JSONException" in answer.json()["errorMessage"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/nowhere", {}, 404),
        ("GET", "/jobs/nope", {}, 404),
        ("DELETE", "/jobs/nope", {}, 404),
        ("GET", "/storages/nope", {}, 404),
        ("PUT", "/jobs", {"Content-Type": "application/json"}, 405),
        ("POST", "/jobs", {"Content-Type": "text/plain"}, 415),
    ],
)
def test_other_errors_have_an_empty_body(site: Site, method: str, path: str, headers: dict[str, str], status: int) -> None:
    with site.http() as http:
        answer = http.request(method, site.url + path, headers=headers, content=b"{}" if headers else None)

    assert (answer.status_code, answer.content) == (status, b"")


# -- lists and notifications ----------------------------------------------------------------------------------------------------------


def test_jobs_are_found_by_tag_and_listed_in_pages(site: Site) -> None:
    client = site.client()
    jobs = [site.run("true", client=client, Tags=["paged", f"number{number}"]) for number in range(3)]
    urls = {job.resource_url for job in jobs}
    for job in jobs:
        ends(job)

    assert {job.resource_url for job in client.get_jobs(tags=["paged"])} >= urls
    assert [job.resource_url for job in client.get_jobs(tags=["number1"])] == [jobs[1].resource_url]
    with site.http() as http:
        first = http.get(f"{site.url}/jobs?num=1").json()
        assert len(first["jobs"]) == 1
        second = http.get(first["_links"]["next"]["href"]).json()
        assert second["jobs"] != first["jobs"]
        assert set(http.get(f"{jobs[0].resource_url}?fields=status,queue").json()) == {"status", "queue"}


@dataclass
class Heard:
    """What a listener was told: bodies, and the tokens beside them."""

    url: str
    bodies: list[dict[str, Any]]
    tokens: list[str]


@pytest.fixture
def heard() -> Iterator[Heard]:
    told = Heard(url="", bodies=[], tokens=[])

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.tokens.append(self.headers["Authorization"].removeprefix("Bearer "))
            told.bodies.append(json.loads(self.body()))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def body(self) -> bytes:
            if length := self.headers.get("Content-Length"):
                return self.rfile.read(int(length))
            chunks = b""
            while size := int(self.rfile.readline(), 16):
                chunks += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return chunks

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Listener)
    told.url = f"http://127.0.0.1:{server.server_port}/notify"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (lambda url: {"Notification": url}, ["RUNNING", "SUCCESSFUL"]),
        (lambda url: {"NotificationSettings": {"URL": url, "status": ["SUCCESSFUL"]}}, ["SUCCESSFUL"]),
    ],
    ids=["by default", "as told"],
)
def test_a_job_tells_its_states_to_whom_it_names(
    site: Site, heard: Heard, wanted: Callable[[str], dict[str, Any]], expected: list[str]
) -> None:
    job = ends(site.run("sleep 1", **wanted(heard.url)))

    eventually(lambda: len(heard.bodies) >= len(expected))
    assert [body["status"] for body in heard.bodies] == expected
    assert all(body["href"] == job.resource_url for body in heard.bodies)
    assert heard.bodies[-1]["exitCode"] == "0"
    assert heard.bodies[-1]["batchSystemID"] == job.properties["batchSystemID"]
    for token in heard.tokens:
        claims = jwt.decode(token, public_key(site), algorithms=["RS256"])
        assert claims["etd"] == "true"
        assert claims["sub"].replace(", ", ",") == job.properties["owner"]


def test_a_listener_that_is_away_does_not_trouble_the_job(site: Site) -> None:
    job = ends(site.run("true", Notification=f"http://127.0.0.1:{free_port()}/"))

    assert job.status == JobStatus.SUCCESSFUL
