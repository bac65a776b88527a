"""What the operating system refused the state, as an error that a person can act on."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from dynia.interfaces.errors import DyniaError


@contextlib.contextmanager
def in_words(folder: Path) -> Iterator[None]:
    """`OSError` becomes `DyniaError`."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        where = f" ({error.filename})" if isinstance(error.filename, str) else ""
        hint = ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "free some space and run this again; everything recorded so far is safe"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            hint = "the state is kept beside clusters.yaml: that folder must be writable"
        message = f"can't keep the state in {folder.absolute()}: {reason}{where}"
        raise DyniaError(message, hint=hint) from error
