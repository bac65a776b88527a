"""Prints what a URL answers; asks again for up to 15 seconds, since an address may just be moving."""

import sys
import time
import urllib.error
import urllib.request

give_up = time.monotonic() + 15
while True:
    try:
        with urllib.request.urlopen(sys.argv[1], timeout=2) as answer:  # noqa: S310
            sys.stdout.write(answer.read(4096).decode(errors="replace"))
        break
    except (urllib.error.URLError, OSError) as error:
        if time.monotonic() > give_up:
            sys.exit(f"{sys.argv[1]} does not answer: {error}")
        time.sleep(0.2)
