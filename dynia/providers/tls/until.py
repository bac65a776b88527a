"""HTTP of a library that waits for its answers: no request is begun after a moment, and none waited for."""

from __future__ import annotations

import time
from collections.abc import Callable

import requests
from requests.adapters import HTTPAdapter


class Until(HTTPAdapter):
    """`moment` is by `time.monotonic`; None: as long as the request itself says."""

    def __init__(self, moment: Callable[[], float | None], longest: float) -> None:
        super().__init__()
        self._moment, self._longest = moment, longest

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        until = self._moment()
        patience = self._longest if until is None else min(self._longest, until - time.monotonic())
        if patience <= 0:
            raise requests.exceptions.Timeout("this run no longer surely has its lock", request=request)
        return super().send(
            request, stream=stream, timeout=patience, verify=verify, cert=cert, proxies=proxies
        )
