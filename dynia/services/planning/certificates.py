"""Which certificate the cluster is to serve, and whether another one has to be got."""

from __future__ import annotations

from dynia.interfaces.desired import LETS_ENCRYPT, AcmeTls, ClusterSpec, FilesTls
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.observed import CertificateSeen, NodeFacts
from dynia.interfaces.pem import covers
from dynia.services.actions import ObtainCertificate
from dynia.services.planning.compare import expected
from dynia.services.planning.components import PEM, certified, packages
from dynia.services.planning.components.tls import ACTIVATE, CHECK, NAME, SERVED
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.part import Part
from dynia.services.planning.plan import Line, Step, Waiting
from dynia.services.planning.releases import bootstrap
from dynia.state.model import Certificate, Node

DAY = 86_400
RENEW_DAYS = 30
OBTAIN = "tls/obtain"
# An authority may look at DNS from many places, and DNS takes its time.
OBTAIN_DEADLINE_S = 900.0


def origin_of(spec: ClusterSpec) -> str:
    """Where the cluster's certificate comes from, as a file and the state say it."""
    kind = str(type(spec.tls).__struct_config__.tag)
    return f"{kind} {spec.tls.directory or LETS_ENCRYPT}" if isinstance(spec.tls, AcmeTls) else kind


def domains_of(spec: ClusterSpec) -> tuple[str, ...]:
    return tuple(sorted({domain for service in spec.services for domain in service.domains}))


def days_left(found: CertificateSeen | Certificate, at: int) -> int:
    """Whole days until it expires; negative where it has."""
    return (found.not_after - at) // DAY


def uncovered(found: CertificateSeen | Certificate, spec: ClusterSpec) -> tuple[str, ...]:
    return tuple(domain for domain in domains_of(spec) if not covers(found.names, domain))


def wanted_certificate(given: PlanningInput, spec: ClusterSpec) -> CertificateSeen | None:
    """The one that every node is to serve: of the files, or the best that a node has. None: there is none.

    Raises DyniaError where the files hold what cannot be served.
    """
    if not certified(spec):
        return None
    if isinstance(spec.tls, FilesTls):
        return _of_files(given, spec, spec.tls)
    recorded = _recorded(given)
    there = [found for found in _kept(given).values() if _good(found, given, spec)]
    # One that somebody put on a node does not take the place of the recorded one while that is good.
    ranked = sorted(
        there,
        key=lambda c: (
            not _renewable(c, given.observed.at),
            recorded is not None and c.chain == recorded.chain,
            c.not_after,
            c.chain,
        ),
    )
    return ranked[-1] if ranked else None


def keeper_of(given: PlanningInput, found: CertificateSeen | None, nodes: tuple[Node, ...]) -> str:
    """A node that has this certificate and its key; one that stays before one that leaves."""
    if found is None:
        return ""
    have = [name for name, seen in _kept(given).items() if seen.chain == found.chain and seen.fits]
    staying = [node.name for node in nodes if node.name in have]
    return next(iter((*staying, *sorted(have))), "")


def get_certificate(given: PlanningInput, spec: ClusterSpec, nodes: tuple[Node, ...], holder: str) -> Part:
    """Gets one where no node has one that will do. It is needed before anything is configured. Not the holder
    of the reserved IP is the first to have it, if there is another node."""
    if not certified(spec) or isinstance(spec.tls, FilesTls) or wanted_certificate(given, spec) is not None:
        return Part()
    return _obtain(given, spec, nodes, holder, _why(given, spec))


def needs_certificate(given: PlanningInput, spec: ClusterSpec) -> Refused:
    """A rollback gets none: no vendor is asked for anything then."""
    recorded = _recorded(given)
    missing = uncovered(recorded, spec) if recorded else domains_of(spec)
    what = f"for {', '.join(missing)}" if missing else "that is still good"
    return Refused(
        f"cluster {given.target}: no node has a certificate {what}, and a rollback gets none",
        hint="roll back one service (`--service`), or put the domains back into the file and apply it",
    )


def renew_certificate(given: PlanningInput, spec: ClusterSpec, nodes: tuple[Node, ...], holder: str) -> Part:
    """Gets another one where the present one is still good, but not for long. It comes last: an authority
    that does not answer today must not keep anything else from being done."""
    found = wanted_certificate(given, spec)
    if found is None or isinstance(spec.tls, FilesTls) or not _renewable(found, given.observed.at):
        return Part()
    return _obtain(
        given, spec, nodes, holder, f"because it expires in {days_left(found, given.observed.at)} d"
    )


def record_of(found: CertificateSeen, origin: str) -> Certificate:
    """What the state remembers of a certificate."""
    return Certificate(
        origin=origin,
        fingerprint=found.fingerprint,
        chain=found.chain,
        names=found.names,
        not_before=found.not_before,
        not_after=found.not_after,
    )


def change_of(before: Certificate | None, found: CertificateSeen | None, at: int) -> dict[str, str]:
    """Why the file with it changes on the nodes, as a cause of its component."""
    if found is None or before is None or before.chain == found.chain:
        return {}
    if found.not_after > before.not_after:
        return {NAME: f"because it is renewed, and good for {days_left(found, at)} d"}
    return {NAME: "because it is another certificate"}


def expired(given: PlanningInput, spec: ClusterSpec) -> tuple[Waiting, ...]:
    """Served all the same: there is no other one."""
    found = wanted_certificate(given, spec)
    if found is None or given.observed.at < found.not_after:
        return ()
    reason = "it expired, and so do the files that the file names; renew them"
    return (Waiting(subject="certificate", reason=reason),)


def _of_files(given: PlanningInput, spec: ClusterSpec, tls: FilesTls) -> CertificateSeen:
    found = given.observed.certificate
    where = f"clusters.{spec.name}.tls"
    if found is None:
        recorded = _recorded(given)
        if recorded is None or recorded.origin != origin_of(spec):
            raise DyniaError(
                f"{where}.certificate: there is no file {tls.certificate}",
                hint="nothing was touched; put the certificate and its key there, then plan again",
            )
        # What is applied goes on being served where the files are not at hand.
        return CertificateSeen(
            fingerprint=recorded.fingerprint,
            chain=recorded.chain,
            names=recorded.names,
            not_before=recorded.not_before,
            not_after=recorded.not_after,
        )
    left = days_left(found, given.observed.at)
    missing = uncovered(found, spec)
    if not found.fits:
        raise DyniaError(
            f"{where}.key: {tls.key} is not the key of {tls.certificate}",
            hint="nothing was touched; the two files must come from the same request",
        )
    applied = _recorded(given)
    if given.observed.at >= found.not_after and (applied is None or applied.chain != found.chain):
        raise DyniaError(
            f"{where}.certificate: {tls.certificate} expired {-left} d ago",
            hint="nothing was touched; renew it, then plan again",
        )
    if missing:
        raise DyniaError(
            f"{where}.certificate: {tls.certificate} is not for {', '.join(missing)}",
            hint=f"it is for {', '.join(found.names) or 'no name at all'}; nothing was touched",
        )
    return found


def _obtain(given: PlanningInput, spec: ClusterSpec, nodes: tuple[Node, ...], holder: str, why: str) -> Part:
    looked = {node.name: given.observed.nodes.get(node.name) for node in nodes}
    lineage = given.state.lineage
    ready = [
        (node, facts)
        for node in nodes
        if isinstance(facts := looked[node.name], NodeFacts) and facts.lineage in ("", lineage)
    ]
    if not ready:
        reason = "no node was observed that could keep the certificate"
        return Part(waiting=(Waiting(subject="certificate", reason=reason),), more=True)
    # A new node serves nothing yet: who was given the address meanwhile must not change the choice
    # that was approved.
    node, facts = min(
        ready,
        key=lambda one: (
            not one[0].bootstrapped,
            one[0].name == holder and bool(one[0].components),
            one[0].ordinal,
        ),
    )
    before = bootstrap(node, facts, packages(spec))
    names, origin = domains_of(spec), origin_of(spec)
    action = ObtainCertificate(
        node=node.name,
        origin=origin,
        names=names,
        path=PEM,
        check=CHECK,
        activate=ACTIVATE,
        probe=SERVED,
        expected=expected((PEM,), {f.path: f for f in facts.files}),
        keepers=tuple(one.name for one, _ in ready) if isinstance(spec.tls, AcmeTls) else (),
    )
    step = Step(
        id=OBTAIN,
        action=action,
        why=why,
        after=tuple(one.id for one in before),
        deadline_s=OBTAIN_DEADLINE_S,
    )
    line = Line(
        sign="~" if _recorded(given) else "+",
        subject="certificate",
        details=(("names", ", ".join(names)), ("from", origin)),
        why=why,
    )
    return Part(steps=(*before, step), lines=(line,), more=True)


def _why(given: PlanningInput, spec: ClusterSpec) -> str:
    recorded, origin = _recorded(given), origin_of(spec)
    if recorded is None:
        return f"because tls is {origin} and no node has a certificate for these names"
    if recorded.origin != origin:
        return f"because tls was {recorded.origin} and is {origin}"
    missing = uncovered(recorded, spec)
    if missing:
        return f"because it is not for {', '.join(missing)}"
    if recorded.not_after <= given.observed.at:
        return "because it expired"
    return "because no node has it any more"


def _recorded(given: PlanningInput) -> Certificate | None:
    home = given.state.cluster(given.target)
    return home.certificate if home else None


def _kept(given: PlanningInput) -> dict[str, CertificateSeen]:
    """What each observed node of ours has, by ordinal."""
    found = {}
    for node in given.state.nodes_of(given.target):
        facts = given.observed.nodes.get(node.name)
        if isinstance(facts, NodeFacts) and PEM in facts.certificates:
            found[node.name] = facts.certificates[PEM]
    return found


def _good(found: CertificateSeen, given: PlanningInput, spec: ClusterSpec) -> bool:
    ours = found.fits and found.origin == origin_of(spec)
    return ours and given.observed.at < found.not_after and not uncovered(found, spec)


def _renewable(found: CertificateSeen, at: int) -> bool:
    """Less than 30 days are left, or less than a third of its life where that is short."""
    threshold = min(RENEW_DAYS * DAY, (found.not_after - found.not_before) // 3)
    return found.not_after - at < threshold
