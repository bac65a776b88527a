"""Makes clusters.yaml and the files that it names say what a generation was: worked out, shown, written."""

from __future__ import annotations

from pathlib import Path

from dynia.commands.approval import show_edit
from dynia.commands.output import Output
from dynia.commands.screens.text import one_line, wrap
from dynia.interfaces.clusters_file import load
from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import BadInput, Refused
from dynia.interfaces.files.rewrite import FileEdit, looking_past_all, write_edit
from dynia.interfaces.files.yaml_edit import CannotEdit, edit
from dynia.interfaces.files.yaml_reader import read_yaml
from dynia.interfaces.files.yaml_tree import child, plain
from dynia.interfaces.shape import Shape
from dynia.services.adoption import adopt, left


class Adopted(Shape):
    """Edits that are not written yet. `left` is what a person has to change, line by line."""

    edits: tuple[FileEdit, ...]
    left: tuple[str, ...]


def adopted(file: Path, now: ClusterSpec, then: ClusterSpec) -> Adopted:
    """What is to be written so that the file asks for `then`; read again as it would be."""
    before = file.read_bytes()
    tree, _ = read_yaml(str(file), before)
    entry = plain(found) if (found := child(child(tree, "clusters"), now.name)) is not None else {}
    wish = adopt(now, then, entry if isinstance(entry, dict) else {})
    by_hand: tuple[str, ...] = ()
    try:
        text = edit(str(file), before, wish.edits)
    except CannotEdit:
        # Said key by key: no value of `env:` is shown that nobody is about to write.
        text, by_hand = before, tuple(f"{file.name}: {'.'.join(one.path)}" for one in wish.edits)
    edits = [FileEdit(path=str(file), before=before, after=text)]
    for name, content in wish.files.items():
        path = file.parent / name
        edits.append(
            FileEdit(path=str(path), before=path.read_bytes() if path.is_file() else None, after=content)
        )
    made = tuple(one for one in edits if not one.empty)
    try:
        desired = load(file, look=looking_past_all(made))
    except BadInput as error:
        raise Refused(
            f"cluster {now.name}: the file cannot be made to say it: {error.message}",
            hint="nothing was changed; roll back without --adopt, and change the file by hand",
        ) from error
    after = next(spec for spec in desired.clusters if spec.name == now.name)
    return Adopted(edits=made, left=(*left(then, after), *by_hand))


def show_adopted(found: Adopted, output: Output, *, beside: bool) -> None:
    """The edits, then what they leave to a person."""
    for one in found.edits:
        show_edit(one, output, beside=beside)
    say = output.tell if beside else output.show
    if found.left:
        lines = [
            line
            for said in found.left
            for line in wrap(one_line(said), output.width, first="  . ", rest="      ")
        ]
        say("\n".join(("Not written, and yours to change (until then `dynia plan` shows it)", *lines, "")))
    elif not found.edits:
        say("The file says this already.\n")


def write_adopted(found: Adopted, output: Output, *, beside: bool) -> None:
    say = output.tell if beside else output.show
    for one in found.edits:
        Path(one.path).parent.mkdir(parents=True, exist_ok=True)
        write_edit(one)
        say(f"{one.path} is written.")
