"""Which keys a container may have in Compose 2.24, the oldest that nodes may have, and of what shape."""

from __future__ import annotations

from collections.abc import Iterator

from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.mistakes import did_you_mean, mistake
from dynia.interfaces.files.yaml_tree import Mapping, Path, Scalar, Sequence, Tree

_TEXT = (
    "attach blkio_weight cgroup cgroup_parent container_name cpu_count cpu_percent cpu_period cpu_quota "
    "cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset domainname hostname image init ipc isolation "
    "mac_address mem_limit mem_reservation mem_swappiness memswap_limit network_mode oom_kill_disable "
    "oom_score_adj pid pids_limit platform privileged pull_policy read_only restart runtime scale shm_size "
    "stdin_open stop_grace_period stop_signal tty user userns_mode uts working_dir"
)
_LIST = (
    "cap_add cap_drop configs device_cgroup_rules devices dns_opt expose external_links group_add links "
    "ports profiles secrets security_opt volumes volumes_from"
)
_MAPPING = "blkio_config credential_spec deploy develop healthcheck logging storage_opt ulimits"
_LIST_OR_MAPPING = "annotations depends_on environment extra_hosts labels networks sysctls"
_TEXT_OR_LIST = "command dns dns_search entrypoint env_file tmpfs"
_ANY = "build extends"

Shapes = tuple[type[Tree], ...]
_SHAPES: dict[str, Shapes] = {
    **dict.fromkeys(_TEXT.split(), (Scalar,)),
    **dict.fromkeys(_LIST.split(), (Sequence,)),
    **dict.fromkeys(_MAPPING.split(), (Mapping,)),
    **dict.fromkeys(_LIST_OR_MAPPING.split(), (Sequence, Mapping)),
    **dict.fromkeys(_TEXT_OR_LIST.split(), (Scalar, Sequence)),
    **dict.fromkeys(_ANY.split(), (Scalar, Sequence, Mapping)),
}
_NEWER = frozenset(
    ("gpus", "label_file", "models", "post_start", "pre_start", "pre_stop", "provider", "use_api_socket")
)
_WORDS = {Scalar: "text or a number", Sequence: "a list", Mapping: "a mapping"}


def keys(container: Mapping, path: Path) -> Iterator[Mistake]:
    """Unknown keys, and values of the wrong shape."""
    for key, entry in container.entries.items():
        here = (*path, key)
        if key in _NEWER:
            message = "Compose 2.24 does not know it, and nodes may have that"
            yield mistake(entry.key, here, "unknown-key", message)
        elif key not in _SHAPES:
            if not key.startswith("x-"):
                hint = did_you_mean(key, _SHAPES)
                yield mistake(entry.key, here, "unknown-key", "a container has no such key", hint)
        elif not isinstance(entry.value, _SHAPES[key]) and not _is_null(entry.value):
            wanted = " or ".join(_WORDS[shape] for shape in _SHAPES[key])
            yield mistake(entry.value.spot, here, "bad-type", f"expected {wanted}")


def _is_null(tree: Tree) -> bool:
    return isinstance(tree, Scalar) and tree.value is None
