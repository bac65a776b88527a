"""Pieces of the sh scripts that bring components to life on a node. They run as root, under ``sh -eu``.

Under ``$STAGE`` lies the tree of a push while it is checked; it is empty for an activation alone, and holds a
component's folder only if a file of that folder is pushed. ``$TOUCHED`` is a file that lists the paths that a
push touches or puts back, one a line, each behind ``+ `` or ``- ``; for an activation alone it is not there.
"""

from __future__ import annotations

from shlex import quote

_CLEAN = 'env -i PATH="$PATH" HOME=/root'


def staged(path: str, variable: str) -> str:
    """Sets a variable to the path in the stage, or to the live one where it is not staged."""
    return f'{variable}="$STAGE"{quote(path)}\n[ -e "${variable}" ] || {variable}={quote(path)}\n'


def without(path: str, then: str) -> str:
    """What to do where a file is gone: a first push was taken back, so nothing of it may stay awake."""
    return f"if [ ! -e {quote(path)} ]; then\n{_indent(then)}\n  exit 0\nfi\n"


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.rstrip("\n").split("\n"))


def stopped(unit: str) -> str:
    return f"systemctl daemon-reload\nsystemctl disable -q --now {unit} || :\n"


def awake(unit: str, argument: str, drop_in: str) -> str:
    """Enabled and running on our file: reloaded if it already does, else restarted. What a drop-in says is
    read when a unit starts, so where that was touched it starts again.

    `argument` is what the command line of a process that runs on our file has.
    """
    touched = f"-e {quote(f'+ {drop_in}')} -e {quote(f'- {drop_in}')}"
    return (
        f'touched=$(grep -sxF {touched} "$TOUCHED" || :)\n'
        f'[ -z "$touched" ] && [ "$(systemctl show -p NeedDaemonReload --value {unit})" = no ] ||\n'
        "  systemctl daemon-reload\n"
        f"systemctl is-enabled -q {unit} || systemctl enable -q {unit}\n"
        f"pid=$(systemctl show -p MainPID --value {unit})\n"
        f'if [ -z "$touched" ] && systemctl is-active -q {unit} && '
        f"tr '\\0' '\\n' <\"/proc/$pid/cmdline\" | grep -qxF -e {quote(argument)}; then\n"
        f"  systemctl reload {unit}\n"
        "else\n"
        f"  systemctl reset-failed {unit} 2>/dev/null || :\n"
        f"  systemctl restart {unit}\n"
        "fi\n"
    )


def compose(
    project: str, folder: str, files: tuple[str, ...], env_file: str, command: str, *, told: str = ""
) -> str:
    """A compose command in a clean environment. `folder` may name a shell variable (``"$folder"``); `told` is
    a variable of the script that compose is given too."""
    named = " ".join(f"-f {folder}/{quote(name)}" for name in files)
    given = f'{_CLEAN} {told}="${told}"' if told else _CLEAN
    return (
        f"{given} docker compose -p {quote(project)} --project-directory {folder} "
        f"--env-file {env_file} {named} {command}"
    )


def mounts_renewed(project: str, service: str, again: str) -> str:
    """Makes the running containers again that still have a replaced file of the service's folder mounted.

    A bind mount of a file is one of its inode. A push swaps files by rename, so a container whose
    configuration did not change goes on with what was there before, and the kernel tells: the mount's root
    ends with ``//deleted`` (proc(5), mountinfo). `again` is a compose command; the service's name follows it.
    """
    containers = quote(f"label=com.docker.compose.project={project}")
    what = quote('{{.State.Pid}} {{index .Config.Labels "com.docker.compose.service"}}')
    replaced = quote(f"/services/{service}/[^ ]*//deleted ")
    return (
        f"ids=$(docker ps -q --filter {containers})\n"
        f'[ -z "$ids" ] || docker inspect -f {what} $ids | while read -r pid name; do\n'
        f'  ! grep -qs {replaced} "/proc/$pid/mountinfo" || {again} "$name" </dev/null\n'
        "done\n"
    )


def keyed_hash(variable: str, path: str) -> str:
    """Exports the node's own keyed hash of a file (``keyed`` in ``prelude.sh``): it says whether the content
    changed, and nothing of what it is to whoever has not the node's keys."""
    keys = "/var/lib/dynia/keys"
    return (
        f"inner=$(cat {keys}/inner {quote(path)} | sha256sum)\n"
        f'{variable}=$(printf %s "${{inner%% *}}" | cat {keys}/outer - | sha256sum | cut -c 1-64)\n'
        f"export {variable}\n"
    )


# Ends a script where Docker hangs or is down, before anything is touched. After a boot it may take a while.
DOCKER_ANSWERS = """code=0
said=$(timeout -k 1 30 docker version 2>&1 >/dev/null </dev/null) || code=$?
case $code in
  0) ;;
  124 | 137) echo 'Docker does not answer here within 30 s'; exit 1 ;;
  *) printf '%s\\n' "$said"; exit 1 ;;
esac
"""


def compose_down(project: str, *, volumes: bool = False) -> str:
    """Takes a project's containers and networks away, found by their labels: works without its files."""
    more = " -v" if volumes else ""
    down = f"{_CLEAN} docker compose -p {quote(project)} down --remove-orphans{more} </dev/null\n"
    return DOCKER_ANSWERS + down


def compose_swept(project: str) -> str:
    """Takes away all that Docker has of a project, also what runs, whatever its files say by now."""
    of_it = f"--filter {quote(f'label=com.docker.compose.project={project}')}"
    return (
        f"docker ps -aq {of_it} | xargs -r docker rm -fv >/dev/null 2>&1 || :\n"
        f"docker network ls -q {of_it} | xargs -r docker network rm >/dev/null 2>&1 || :\n"
        f"docker volume ls -q {of_it} | xargs -r docker volume rm >/dev/null 2>&1 || :\n"
    )


def edge_network(service: str) -> str:
    """Makes the network between Caddy and a service's routed container, if it is not there.

    ``--internal``: it leads nowhere else, so it never becomes a container's way out.
    """
    name = quote(f"edge-{service}")
    return (
        f"docker network inspect {name} >/dev/null 2>&1 || "
        f"docker network create --internal --label dev.dynia.service={quote(service)} {name} >/dev/null\n"
    )


def caddy_joins(service: str) -> str:
    """Connects Caddy, if it is there and not connected yet."""
    name = quote(f"edge-{service}")
    return (
        "if docker container inspect dynia-caddy >/dev/null 2>&1; then\n"
        "  docker inspect -f '{{json .NetworkSettings.Networks}}' dynia-caddy |\n"
        f"    grep -qF '\"edge-{service}\":' ||\n"
        f"    docker network connect {name} dynia-caddy\n"
        "fi\n"
    )


def edge_gone(service: str) -> str:
    """Takes the network away, and whoever is still connected to it off it."""
    name = quote(f"edge-{service}")
    return (
        "on_it='{{range .Containers}}{{.Name}} {{end}}'\n"
        f'for one in $(docker network inspect -f "$on_it" {name} 2>/dev/null); do\n'
        f'  docker network disconnect -f {name} "$one" || :\n'
        "done\n"
        f"docker network rm {name} >/dev/null 2>&1 || ! docker network inspect {name} >/dev/null 2>&1\n"
    )
