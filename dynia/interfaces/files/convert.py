"""From the file's own shapes to the desired ones, defaults filled in."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UnsetType

from dynia.interfaces import desired
from dynia.interfaces.durations import seconds
from dynia.interfaces.files import raw
from dynia.interfaces.files.compose_file import ComposeFile
from dynia.interfaces.files.rules_cluster import may_be_out, node_count
from dynia.interfaces.files.rules_services import times

Resolve = Callable[[str], str]
# What whoever is to be told wants to know, where the file does not say.
AFTERWARDS = ("post_apply", "on_failure")


def cluster(
    name: str,
    spec: raw.Cluster,
    services: tuple[desired.Service, ...],
    templates: dict[str, str],
    resolve: Resolve,
    protect: str = "",
) -> desired.ClusterSpec:
    """`resolve` makes a path of the file absolute; `protect` is where the file protects the cluster."""
    hosts = spec.nodes if isinstance(spec.nodes, list) else []
    return desired.ClusterSpec(
        name=name,
        provider=_provider(spec, resolve),
        nodes=node_count(spec),
        hosts=tuple(_host(host, spec.ssh) for host in hosts),
        ssh=desired.Ssh(
            user=spec.ssh.user,
            port=spec.ssh.port,
            key=resolve(spec.ssh.key),
            jump=spec.ssh.jump,
            connect_timeout=seconds(spec.ssh.connect_timeout),
            readers=tuple(" ".join(line.split()[:2]) for line in spec.ssh.readers),
        ),
        entry=_entry(spec),
        tls=_tls(spec, resolve),
        dns=_dns(spec.dns),
        rollout=desired.Rollout(
            max_unavailable=may_be_out(spec),
            canary=spec.rollout.canary,
            health_timeout=seconds(spec.rollout.health_timeout),
            drain_timeout=seconds(spec.rollout.drain_timeout),
            monitor=seconds(spec.rollout.monitor),
            on_failure=spec.rollout.on_failure,
            max_failures=spec.rollout.max_failures,
            pause_after_canary=spec.rollout.pause_after_canary,
        ),
        firewall=desired.Firewall(
            enabled=spec.firewall.enabled, ssh=_reach(spec.firewall.ssh), http=_reach(spec.firewall.http)
        ),
        registries=tuple(
            desired.Registry(
                host=each.host, user=each.user, password=desired.EnvSource(env=each.password.env)
            )
            for each in spec.registries
        ),
        caddy_image=spec.caddy.image if spec.caddy else "",
        services=tuple(sorted(services, key=lambda each: each.name)),
        templates=templates,
        keep=spec.keep,
        hooks=_hooks(spec.hooks, resolve),
        protect=protect,
        notify=tuple(
            desired.Webhook(
                url=desired.EnvSource(env=each.url.env) if isinstance(each.url, raw.EnvSource) else each.url,
                events=AFTERWARDS if isinstance(each.events, UnsetType) else tuple(each.events),
            )
            for each in spec.notify
        ),
        ignored=tuple(
            desired.DriftIgnore(item=each.item, until=each.until, because=each.because)
            for each in spec.drift.ignore
        ),
    )


def service(
    name: str,
    spec: raw.Service,
    compose: ComposeFile,
    as_written: bytes,
    secrets: tuple[desired.ServiceSecret, ...],
) -> desired.Service:
    interval, timeout = times(spec.health)
    return desired.Service(
        name=name,
        kind=spec.kind,
        source=compose.source,
        compose=compose.text,
        dotenv=compose.dotenv,
        files=tuple(compose.shipment.files[path] for path in sorted(compose.shipment.files)),
        containers=compose.containers,
        domains=tuple(spec.domains),
        default=spec.default,
        target=compose.target,
        health=desired.Health(
            path=spec.health.path if spec.health else "/", interval=interval, timeout=timeout
        ),
        volumes=spec.volumes or "refuse",
        pre_deploy=desired.PreDeploy(
            container=compose.main,
            command=tuple(spec.pre_deploy),
            timeout=seconds(spec.pre_deploy_timeout),
        )
        if spec.pre_deploy
        else None,
        secrets=secrets,
        as_written=as_written,
    )


def secret(spec: raw.Secret, running: tuple[str, ...], where: str, resolve: Resolve) -> desired.ServiceSecret:
    """`running` are all containers of the service."""
    return desired.ServiceSecret(
        name=spec.name,
        source=_source(spec, resolve),
        containers=tuple(sorted(spec.containers or running)),
        mount="" if isinstance(spec.mount, UnsetType) else spec.mount,
        mode=int(spec.mode, 8),
        where=where,
    )


def _source(spec: raw.Secret, resolve: Resolve) -> desired.SecretSource | None:
    if not isinstance(spec.env, UnsetType):
        return desired.VariableSource(env=spec.env)
    if not isinstance(spec.file, UnsetType):
        return desired.FileSource(file=resolve(spec.file))
    if not isinstance(spec.age, UnsetType):
        return desired.AgeSource(age=resolve(spec.age))
    argv = argv_of(spec.command)
    return desired.CommandSource(command=argv, folder=resolve(".")) if argv else None


def _provider(spec: raw.Cluster, resolve: Resolve) -> desired.Provider:
    if isinstance(spec.provider, raw.SshProvider):
        return desired.SshProvider(known_hosts=resolve(spec.provider.known_hosts))
    if isinstance(spec.provider, raw.DigitalOceanProvider):
        size = spec.nodes.size if isinstance(spec.nodes, raw.Count) else None
        return desired.DigitalOceanProvider(
            region=spec.provider.region,
            image=spec.provider.image,
            size=size or desired.DEFAULT_SIZE,
            vpc=spec.provider.vpc,
        )
    return desired.DockerProvider(image=spec.provider.image)


def _host(host: raw.Host, ssh: raw.Ssh) -> desired.SshHost:
    return desired.SshHost(
        name=host.name,
        host=host.host,
        private_ip=host.private_ip,
        user=host.user or ssh.user,
        port=host.port or ssh.port,
        host_key=" ".join(host.host_key.split()[:2]),
    )


def _entry(spec: raw.Cluster) -> desired.Entry:
    """Nodes of the lab share a layer 2, droplets don't; of hosts that exist it is not known."""
    entry = spec.entry
    if entry is None:
        if isinstance(spec.provider, raw.DigitalOceanProvider):
            return desired.ApiEntry()
        lab = isinstance(spec.provider, raw.DockerProvider)
        return desired.VipEntry() if lab else desired.NoEntry()
    if isinstance(entry, raw.VipEntry):
        return desired.VipEntry(address=entry.address, interface=entry.interface, witness=entry.witness)
    if isinstance(entry, raw.ApiEntry):
        return desired.ApiEntry(witness=entry.witness)
    return desired.NoEntry()


def _tls(spec: raw.Cluster, resolve: Resolve) -> desired.Tls:
    tls = spec.tls
    if isinstance(tls, raw.FilesTls):
        return desired.FilesTls(certificate=resolve(tls.certificate), key=resolve(tls.key))
    if isinstance(tls, raw.SelfSignedTls):
        return desired.SelfSignedTls()
    if isinstance(tls, raw.CloudflareOriginTls):
        return desired.CloudflareOriginTls()
    if isinstance(tls, raw.AcmeTls):
        return desired.AcmeTls(email=tls.email, directory=tls.directory, ca=resolve(tls.ca))
    return desired.NoTls()


def _dns(dns: raw.Dns) -> desired.Dns:
    if isinstance(dns, raw.NoDns):
        return desired.NoDns()
    if isinstance(dns, raw.CloudflareDns):
        return desired.CloudflareDns(zone=dns.zone, cname=dns.cname, proxied=dns.proxied, adopt=dns.adopt)
    return desired.Rfc2136Dns(
        zone=dns.zone,
        server=dns.server,
        port=dns.port,
        key=dns.key.lower().rstrip("."),
        algorithm=dns.algorithm,
        secret=desired.EnvSource(env=dns.secret.env),
        cname=dns.cname,
        adopt=dns.adopt,
    )


def _hooks(hooks: raw.Hooks, resolve: Resolve) -> desired.Hooks:
    return desired.Hooks(
        pre_plan=argv_of(hooks.pre_plan),
        pre_apply=argv_of(hooks.pre_apply),
        post_apply=argv_of(hooks.post_apply),
        on_failure=argv_of(hooks.on_failure),
        folder=resolve("."),
        timeout=seconds(hooks.timeout),
    )


def argv_of(command: raw.Command | UnsetType) -> tuple[str, ...]:
    """Text is for a shell."""
    if isinstance(command, UnsetType):
        return ()
    return ("sh", "-c", command) if isinstance(command, str) else tuple(command)


def _reach(reach: raw.Reach) -> tuple[str, ...]:
    return () if isinstance(reach, str) else tuple(reach)
