"""The certificate and the key that `tls: {kind: files}` names, read where they are there."""

from __future__ import annotations

from pathlib import Path

from dynia.interfaces.desired import ClusterSpec, FilesTls
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.pem import Pem, PemError, read_chain, read_pem

_MOST = 1024 * 1024


def read_tls_files(spec: ClusterSpec | None) -> Pem | None:
    """None where one of the two is not there: then what is applied goes on being served."""
    if spec is None or not isinstance(spec.tls, FilesTls):
        return None
    chain, key = (_read(spec.name, name, getattr(spec.tls, name)) for name in ("certificate", "key"))
    if chain is None or key is None:
        return None
    where = f"clusters.{spec.name}.tls"
    try:
        read_chain(chain, key_hash="")
    except PemError as error:
        raise DyniaError(f"{where}.certificate: {spec.tls.certificate} {error}") from error
    try:
        return read_pem(chain, key)
    except PemError as error:
        raise DyniaError(f"{where}.key: {spec.tls.key} {error}") from error


def _read(cluster: str, key: str, path: str) -> bytes | None:
    try:
        with Path(path).open("rb") as file:
            return file.read(_MOST)
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DyniaError(f"clusters.{cluster}.tls.{key}: {path} cannot be read: {reason}") from error
