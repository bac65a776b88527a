"""How a container is made that boots systemd and runs Docker of its own: the arguments of `docker create`."""

from __future__ import annotations

from pathlib import Path

from dynia.interfaces.shape import Shape

# Linux capabilities by bit. A node gets what this machine has and Docker knows (`--privileged` fails where
# one is missing), but not what would reach past it: the clock, kernel modules, raw hardware, MAC policy.
BY_BIT = """
chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot
sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease
audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read
"""
WITHHELD = frozenset({"sys_module", "sys_rawio", "sys_time", "mac_override", "mac_admin", "wake_alarm"})
# systemd 257 boots on cgroup v1 only if it is told twice.
CGROUP_V1 = "systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"


class Machine(Shape):
    """A node's container: `name` is Docker's, `hostname` the node's."""

    name: str
    hostname: str
    image: str
    network: str
    address: str
    volume: str
    labels: dict[str, str]


def bounding_set(status: Path = Path("/proc/self/status")) -> int:
    """Capabilities that this machine can give at all."""
    line = next(one for one in status.read_text().splitlines() if one.startswith("CapBnd:"))
    return int(line.split()[1], 16)


def capabilities(bounding: int) -> tuple[str, ...]:
    """The names of those that a node gets."""
    have = (name for bit, name in enumerate(BY_BIT.split()) if bounding >> bit & 1)
    return tuple(name for name in have if name not in WITHHELD)


def create_arguments(machine: Machine, bounding: int, cgroup_version: str) -> tuple[str, ...]:
    """Arguments of `docker` that create the container. A reboot brings it back, a power-off does not."""
    legacy = ("--env", f"SYSTEMD_PROC_CMDLINE={CGROUP_V1}") if cgroup_version == "1" else ()
    return (
        *("create", "--name", machine.name, "--hostname", machine.hostname),
        *("--network", machine.network, "--ip", machine.address),
        *(part for key, value in sorted(machine.labels.items()) for part in ("--label", f"{key}={value}")),
        *(part for name in capabilities(bounding) for part in ("--cap-add", name)),
        *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
        *("--security-opt", "systempaths=unconfined", "--device-cgroup-rule", "a *:* rwm"),
        *("--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
        *("--tmpfs", "/run", "--tmpfs", "/tmp", "--volume", f"{machine.volume}:/var/lib/docker"),  # noqa: S108
        *("--restart", "on-failure", "--stop-signal", "SIGRTMIN+3", "--stop-timeout", "20"),
        *("--log-opt", "max-size=5m"),
        *legacy,
        machine.image,
    )
