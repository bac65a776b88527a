"""`dynia deploy`: put a service into clusters.yaml, or another image into a service, and apply it."""

from __future__ import annotations

import click

from dynia.commands.options import edit_options


@click.command()
@click.option("--name", required=True, metavar="NAME", help="The service.")
@click.option("--compose", default="", metavar="FILE", help="Its compose file.")
@click.option(
    "--domain", "domains", multiple=True, metavar="HOST", help="A domain of it; all, if it is there."
)
@click.option("--target", default="", metavar="CONTAINER:PORT", help="Needed where the file leaves a choice.")
@click.option("--health", default="", metavar="PATH", help="Asked for whether it is well (else /).")
@click.option("--image", default="", metavar="REF", help="Only change the routed container's image.")
@edit_options
def command(
    name: str,
    compose: str,
    domains: tuple[str, ...],
    target: str,
    health: str,
    image: str,
    **said: object,
) -> int:
    """Put a service into clusters.yaml and apply it: shows the edit and the plan, asks, does both.

    Of a service that is there only what is said changes; the --domain options are all of its domains. With
    --image only the routed container's image changes: in the compose file, or where that has a variable, in
    the service's env: in clusters.yaml. Refused at the question, every file is as it was.

    Where the cluster has droplets, nothing is said of dns:, and CLOUDFLARE_API_TOKEN is set, the file also
    gets `dns: {kind: cloudflare}`, so that the domains are bound to the reserved IP.

    \b
    Example:
      dynia deploy --name api --compose ./api/compose.yaml --domain api.example.com
      dynia deploy --name api --image ghcr.io/acme/api:1.9 --cluster prod --yes      (in the app's CI)
    """
    import os

    from dynia.commands.editing import deploy
    from dynia.commands.options import edit_request
    from dynia.interfaces.requests import DeployRequest

    if image and (compose or domains or target or health):
        raise click.UsageError("--image changes the image alone; say the rest in a deploy of its own")
    if not (image or compose or domains or target or health):
        raise click.UsageError("say what changes: --compose, --domain, --target, --health, or --image")
    return deploy(
        DeployRequest(
            run=edit_request("deploy", said),
            service=name,
            compose=compose,
            domains=domains,
            target=target,
            health=health,
            image=image,
            names=bool(os.environ.get("CLOUDFLARE_API_TOKEN")),
        )
    )
