"""Give a node its manifest: what it keeps of the cluster, for the day on which the state is lost.

With it comes what the newest generation was rendered from, and what no generation needs any more goes.
"""

from __future__ import annotations

from shlex import quote

from dynia.interfaces.node_requests import ExpectedFile, PushRequest
from dynia.interfaces.release import ReleaseFile
from dynia.services.actions.answered import must_be_done
from dynia.services.actions.base import Action, Tools
from dynia.state import generation
from dynia.state.manifest import MODE, PATH, Sealer
from dynia.state.model import Change, Cluster

# Its transaction on the node goes by this name. No component has it, and no release.
MANIFEST = "manifest"


class WriteManifest(Action, tag="write_manifest"):
    """`expected` is what was seen in its place: a manifest that somebody else wrote since is newer than what
    is known here. What is written is the state at that moment. `generation` is the one that the node lacks;
    0: it has it."""

    node: str
    expected: tuple[ExpectedFile, ...] = ()
    generation: int = 0

    def sentence(self) -> str:
        return "write the manifest"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        await write_manifest(tools, self, Sealer(tools.state(), tools.cluster))
        return ()


async def write_manifest(tools: Tools, action: WriteManifest, sealer: Sealer) -> None:
    """A push like any other: under the node's lock, atomically, and only over what was seen."""
    home = tools.state().cluster(tools.cluster)
    content = sealer.content(action.node, serial=home.serial if home else 0, fencing=tools.fencing)
    files = [ReleaseFile(path=PATH, mode=MODE, content=content)]
    if action.generation:
        kept = tools.generation(action.generation)
        path = generation.path_of(action.generation)
        files.append(ReleaseFile(path=path, mode=generation.MODE, content=kept, secret=True))
    request = PushRequest(
        component=MANIFEST,
        lineage=tools.lineage,
        fence=tools.fence,
        files=tuple(files),
        expected=action.expected,
        # The renames are in the node's journal before long; what the files hold is on its disk now.
        activate="sync " + " ".join(f.path for f in files) + "\n" + (sweep(home) if home else ""),
    )
    connection = await tools.connection(action.node)
    must_be_done(action.node, MANIFEST, await connection.push(request))


def sweep(home: Cluster) -> str:
    """Takes away what lies there of generations that are not kept, and of the images that Dynia itself
    brought those that neither a kept generation nor a release needs. One that a container uses stays."""
    numbers = " ".join(str(one.number) for one in home.generations)
    images = {image for one in home.generations for image in one.images}
    images |= {image for one in home.releases for image in one.images}
    return _SWEEP.format(numbers=quote(f" {numbers} "), images=quote(f" {' '.join(sorted(images))} "))


_SWEEP = """var=${{DYNIA_VAR:-/var/lib/dynia}} numbers={numbers} images={images}
for one in "$var"/generations/*; do
  case $numbers in *" ${{one##*/}} "*) ;; *) rm -rf -- "$one" ;; esac
done
# Of a Docker that does not answer nothing is known to be gone. What is not done in a few seconds is left to
# the next time: a manifest must not wait for it.
if [ -s "$var/images" ] && timeout -k 1 5 docker version >/dev/null 2>&1 </dev/null; then
  read -r up _ </proc/uptime
  end=$((${{up%.*}} + 15))
  while IFS= read -r one; do
    case $images in *" $one "*) echo "$one"; continue ;; esac
    read -r up _ </proc/uptime
    code=9
    if [ "${{up%.*}}" -lt "$end" ]; then
      code=0
      timeout -k 1 5 docker image inspect "$one" >/dev/null 2>&1 </dev/null || code=$?
    fi
    case $code in
      0) ! timeout -k 1 15 docker image rm "$one" >/dev/null 2>&1 </dev/null || continue ;;
      1) continue ;; # somebody took it away
    esac
    echo "$one"
  done <"$var/images" >"$var/images.new"
  mv -f "$var/images.new" "$var/images"
fi
"""
