"""Tell whom a job names about its states, as UNICORE/X does: a POST, signed by the server on behalf of the job's owner."""

from __future__ import annotations

import asyncio
import logging

import aiohttp

from portico.demo.site.credential import ServerCredential
from portico.demo.site.records import JobRecord

log = logging.getLogger(__name__)
TIMEOUT = 10.0
"""Seconds."""


class Notifier:
    """Sends in the background; who can't be reached costs a line in the job's log."""

    def __init__(self, *, http: aiohttp.ClientSession, credential: ServerCredential) -> None:
        self._http = http
        self._credential = credential
        self._last: dict[str, asyncio.Task[None]] = {}

    def tell(self, record: JobRecord, href: str) -> None:
        """That the job has reached its state. Messages of one job arrive in order."""
        if record.notification_url is None or record.status not in record.notified_states:
            return
        body = {"batchSystemID": record.batch_id, "href": href, "status": record.status, "statusMessage": record.message}
        if record.exit_code is not None:
            body["exitCode"] = str(record.exit_code)
        task = asyncio.get_running_loop().create_task(self._send(record, record.notification_url, body, self._last.get(record.id)))
        self._last[record.id] = task
        task.add_done_callback(lambda done: self._forget(record.id, done))

    def _forget(self, job: str, done: asyncio.Task[None]) -> None:
        if self._last.get(job) is done:
            del self._last[job]

    async def _send(self, record: JobRecord, url: str, body: dict[str, str], earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await asyncio.wait([earlier])
        headers = {"Authorization": f"Bearer {self._credential.sign(record.owner)}"}
        try:
            async with self._http.post(url, json=body, headers=headers, timeout=aiohttp.ClientTimeout(TIMEOUT)) as answer:
                if answer.status >= 400:
                    record.say(f"Could not send notification to <{url}>: HTTP {answer.status}")
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            log.info("job %s: no notification: %s", record.id, error)
            record.say(f"Could not send notification to <{url}>")

    async def close(self) -> None:
        """Let what is under way arrive, for a moment."""
        if self._last:
            await asyncio.wait(list(self._last.values()), timeout=1)
