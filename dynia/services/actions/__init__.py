"""Everything that Dynia can do to the world: one tagged union, so that a plan can be saved."""

from __future__ import annotations

from dynia.services.actions.bootstrap_node import BootstrapNode
from dynia.services.actions.component import (
    ActivateComponent,
    PushComponent,
    RecordComponent,
    RemoveComponent,
    RestartComponent,
)
from dynia.services.actions.delete_node import DeleteNode
from dynia.services.actions.dns import BindDns, UnbindDns
from dynia.services.actions.drain import Drain, DrainNode, Undrain, UndrainNode
from dynia.services.actions.forget_intent import ForgetIntent
from dynia.services.actions.forget_node import ForgetNode
from dynia.services.actions.hand_over import HandOver
from dynia.services.actions.obtain_certificate import ObtainCertificate
from dynia.services.actions.pre_deploy import PreDeploy
from dynia.services.actions.provide_image import ProvideImage
from dynia.services.actions.provision_node import ProvisionNode
from dynia.services.actions.reboot_node import RebootNode
from dynia.services.actions.reserved_ip import (
    AllocateReservedIp,
    AttachReservedIp,
    DetachReservedIp,
    ReleaseReservedIp,
)
from dynia.services.actions.start_node import StartNode
from dynia.services.actions.wait_healthy import WaitHealthy, WatchHealthy
from dynia.services.actions.write_manifest import WriteManifest

AnyAction = (
    ProvisionNode
    | StartNode
    | DeleteNode
    | ForgetNode
    | ForgetIntent
    | AllocateReservedIp
    | AttachReservedIp
    | DetachReservedIp
    | ReleaseReservedIp
    | BootstrapNode
    | ObtainCertificate
    | ProvideImage
    | PreDeploy
    | PushComponent
    | ActivateComponent
    | RestartComponent
    | RecordComponent
    | RemoveComponent
    | WaitHealthy
    | WatchHealthy
    | Drain
    | Undrain
    | DrainNode
    | UndrainNode
    | HandOver
    | RebootNode
    | WriteManifest
    | BindDns
    | UnbindDns
)

__all__ = [
    "ActivateComponent",
    "AllocateReservedIp",
    "AnyAction",
    "AttachReservedIp",
    "BindDns",
    "BootstrapNode",
    "DeleteNode",
    "DetachReservedIp",
    "Drain",
    "DrainNode",
    "ForgetIntent",
    "ForgetNode",
    "HandOver",
    "ObtainCertificate",
    "PreDeploy",
    "ProvideImage",
    "ProvisionNode",
    "PushComponent",
    "RebootNode",
    "RecordComponent",
    "ReleaseReservedIp",
    "RemoveComponent",
    "RestartComponent",
    "StartNode",
    "UnbindDns",
    "Undrain",
    "UndrainNode",
    "WaitHealthy",
    "WatchHealthy",
    "WriteManifest",
]
