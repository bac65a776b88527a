"""The list of verbs: name, module, group and one line of help, so that help imports none of them.

A name of two words ("cluster destroy") is joined into the group that the first word names. Each module has
`command`, a click command or group.
"""

from __future__ import annotations

from typing import NamedTuple


class Verb(NamedTuple):
    """One verb. `parts` are a group's own verbs, as help shows them."""

    name: str
    module: str
    group: str
    help: str
    parts: str = ""


PLAN, CLUSTER, SERVICES, LOOK, REPAIR, LAB = (
    "Plan and apply",
    "Cluster",
    "Services",
    "Look",
    "Repair",
    "Lab",
)
GROUPS = (PLAN, CLUSTER, SERVICES, LOOK, REPAIR, LAB)

VERBS: tuple[Verb, ...] = (
    Verb("plan", "dynia.commands.plan", PLAN, "Show what apply would change, and whether it will hurt"),
    Verb("show", "dynia.commands.show", PLAN, "Show a saved plan, and whether it is stale"),
    Verb("apply", "dynia.commands.apply", PLAN, "Make the cluster what the file says, after your yes"),
    Verb(
        "drift",
        "dynia.commands.drift",
        PLAN,
        "Show what differs from what was applied",
        "adopt|revert|ignore",
    ),
    Verb("drift adopt", "dynia.commands.drift_adopt", PLAN, "Make the files say what was done by hand"),
    Verb("drift revert", "dynia.commands.drift_revert", PLAN, "Put back what was done by hand, that alone"),
    Verb("drift ignore", "dynia.commands.drift_ignore", PLAN, "Leave something as it is until a day"),
    Verb("sync", "dynia.commands.sync", PLAN, "Apply files and services only, and no machines"),
    Verb("rollback", "dynia.commands.rollback", PLAN, "Go back to a former generation, from the nodes alone"),
    Verb("unhold", "dynia.commands.unhold", PLAN, "Let a release that failed be applied again"),
    Verb("rehearse", "dynia.commands.rehearse", PLAN, "Play the file on this machine before it is real"),
    Verb("ci", "dynia.commands.ci", PLAN, "What a CI job on a cluster repository runs", "plan|apply|nightly"),
    Verb("drill", "dynia.commands.drill", PLAN, "Practise on the running cluster", "failover"),
    Verb("init", "dynia.commands.init", CLUSTER, "Write a first clusters.yaml; asks what it needs"),
    Verb(
        "cluster",
        "dynia.commands.cluster",
        CLUSTER,
        "Clusters of this file and state",
        "create|list|show|scale|destroy",
    ),
    Verb("cluster create", "dynia.commands.cluster_create", CLUSTER, "Add a cluster to the file and make it"),
    Verb("cluster scale", "dynia.commands.cluster_scale", CLUSTER, "Set the number of nodes and apply it"),
    Verb("cluster destroy", "dynia.commands.cluster_destroy", CLUSTER, "Delete a cluster and all it has"),
    Verb(
        "node",
        "dynia.commands.node",
        CLUSTER,
        "The machines of a cluster",
        "list|drain|undrain|promote|replace|reboot|ssh",
    ),
    Verb(
        "context", "dynia.commands.context", CLUSTER, "The cluster used by default", "current|use|clear|list"
    ),
    Verb("deploy", "dynia.commands.deploy", SERVICES, "Add or change a service in the file and apply it"),
    Verb("undeploy", "dynia.commands.undeploy", SERVICES, "Take a service out of the file and apply it"),
    Verb("restart", "dynia.commands.restart", SERVICES, "Start a service again, one node after the other"),
    Verb("service", "dynia.commands.service", SERVICES, "The services of a cluster", "list"),
    Verb("logs", "dynia.commands.logs", SERVICES, "What a service's containers wrote, from every node"),
    Verb("exec", "dynia.commands.exec", SERVICES, "Run a command in a service's container"),
    Verb("status", "dynia.commands.status", LOOK, "Roles, components, and what serves through each node"),
    Verb("history", "dynia.commands.history", LOOK, "The last runs: who, when, and how they ended", "show"),
    Verb(
        "validate", "dynia.commands.validate", LOOK, "Check clusters.yaml and what it names; touches nothing"
    ),
    Verb("secrets", "dynia.commands.secrets", LOOK, "Which secrets of services are missing here", "check"),
    Verb("render", "dynia.commands.render", LOOK, "Write every config to deploy-config/, apply nothing"),
    Verb("schema", "dynia.commands.schema", LOOK, "Print the JSON Schema of clusters.yaml"),
    Verb(
        "state",
        "dynia.commands.state",
        REPAIR,
        "What Dynia remembers, and its lock",
        "show|rebuild|pull|push|unlock",
    ),
    Verb("state unlock", "dynia.commands.state_unlock", REPAIR, "Take the lock from a run that never ends"),
    Verb("import", "dynia.commands.import_existing", REPAIR, "Take a machine or an address that exists"),
    Verb("forget", "dynia.commands.forget", REPAIR, "Take a node out of the state without touching it"),
    Verb(
        "lab",
        "dynia.commands.lab",
        LAB,
        "Nodes in containers on this machine, for trying things",
        "up|down|status",
    ),
)


def top_level() -> tuple[Verb, ...]:
    """The verbs that stand right after `dynia`."""
    return tuple(verb for verb in VERBS if " " not in verb.name)


def joined_to(group: str) -> tuple[Verb, ...]:
    """The verbs that are joined into a group from modules of their own."""
    return tuple(verb for verb in VERBS if verb.name.startswith(f"{group} "))
