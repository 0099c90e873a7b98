"""The registry's REST edge: patients, devices, links and limits in bulk; registering again changes nothing."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import httpx

BULK_MAX = 1000
Row = Mapping[str, Any]


class RegistryRefused(Exception):
    """The registry did not take what was sent; the text quotes why."""


class RegistryClient:
    """Blocking; a context manager."""

    def __init__(self, url: str, *, wait_s: float = 20.0, progress: Callable[[int], None] | None = None) -> None:
        self._client = httpx.Client(base_url=url, timeout=60)
        self._wait_s, self._progress = wait_s, progress

    def __enter__(self) -> "RegistryClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def register(self, patients: Iterable[Row], devices: Iterable[Row], links: Iterable[Row]) -> None:
        """Patients, then devices, then links."""
        for path, rows in (("/patients", patients), ("/devices", devices), ("/devices/link", links)):
            self.post_all(path, rows)

    def thresholds(self, profiles: Iterable[Row]) -> None:
        """Limits of patients."""
        self.post_all("/thresholds", profiles)

    def post_all(self, path: str, rows: Iterable[Row]) -> None:
        """Posts the rows as arrays."""
        stream = iter(rows)
        while part := list(islice(stream, BULK_MAX)):
            self._post(path, part)
            if self._progress:
                self._progress(len(part))

    def get(self, path: str, **parameters: Any) -> Any:
        """A JSON answer."""
        answer = self._client.get(path, params=parameters)
        self._check(answer, path)
        return answer.json()

    def _post(self, path: str, part: Sequence[Row]) -> None:
        deadline, pause = time.monotonic() + self._wait_s, 0.1
        while True:
            try:
                answer = self._client.post(path, json=part)
            except httpx.TransportError as error:
                reason = f"{type(error).__name__} at {self._client.base_url}{path}"
            else:
                if answer.status_code != 503:
                    self._check(answer, path)
                    return
                reason = f"HTTP 503 at {path}"
            if time.monotonic() > deadline:
                raise RegistryRefused(f"the registry does not answer: {reason}")
            time.sleep(pause)
            pause = min(pause * 2, 1.0)

    def _check(self, answer: httpx.Response, path: str) -> None:
        if answer.is_success and answer.status_code != 207:
            return
        raise RegistryRefused(f"the registry refused {path} with HTTP {answer.status_code}: {answer.text[:400]}")
