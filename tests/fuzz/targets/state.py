"""state.json: mistakes with places, or a state that every screen and the planner can live with, and that is written
and read again the same."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dynia.interfaces.observed import Observed
from dynia.services.planning.inputs import PlanningInput
from dynia.state.snapshot import read_text, state_of, write_text
from tests.bad_input.state.good import LINEAGE, STATE
from tests.fuzz import screens
from tests.fuzz.oracle import Broken
from tests.fuzz.target import Target
from tests.plans import worlds

V0 = b"""{"current_cluster": "prod", "clusters": [{"name": "prod", "provider": "digitalocean", "reserved_ip": "198.18.0.9",
"reserved_ip_id": "1"}], "nodes": [{"cluster": "prod", "name": "a", "droplet_id": "1", "public_ip": "198.18.0.2"}]}"""


class StateFile(Target):
    name = "state"
    weight = 120
    examples = 100

    def __init__(self) -> None:
        world = worlds.settled(worlds.cluster(2))
        self._spec = world.desired
        self._templates = world.templates
        self._world = world

    def good(self) -> list[bytes]:
        import msgspec

        from dynia.state.snapshot import snapshot_of

        state = msgspec.structs.replace(self._world.state, lineage=LINEAGE)
        return [STATE.encode(), V0, write_text(snapshot_of(state, {}))]

    def attempt(self, raw: bytes) -> Iterable[str]:
        path = Path("/w/state.json")
        snapshot, _ = read_text(path, raw, LINEAGE)
        again, _ = read_text(path, write_text(snapshot), LINEAGE)
        if again != snapshot:
            raise Broken(f"{snapshot} was written and read as {again}")
        state = state_of(snapshot)
        yield from screens.of_state(state)
        spec = self._spec
        given = PlanningInput(
            target="prod", desired=spec, state=state, observed=Observed(), templates=self._templates
        )
        yield from screens.of_world(worlds.wanting(given, spec))
