"""The long run: ``python -m tests.fuzz 1000000`` (`make fuzz N=1000000`); ``--replay FILE --target NAME`` runs one input.

Each target has a process of its own with a bound of memory. What an input does that none may do is written down with
the input, made as small as it gets, under ``.fuzz/``; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from dynia.commands.screens.text import columns
from tests.fuzz.catalogue import NAMES, target
from tests.fuzz.chance import Seeded
from tests.fuzz.oracle import Hung
from tests.fuzz.smaller import smaller
from tests.fuzz.target import Target

FOUND = Path(".fuzz")
MEMORY = 3 * 1024**3
# Nobody heard of one input for so long: not even the bound of CPU time could stop it.
SILENT_S = 300.0
MOST_FAILURES = 5


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.fuzz")
    words.add_argument("inputs", nargs="?", type=int, default=20_000)
    words.add_argument("--target", action="append", choices=NAMES)
    words.add_argument("--seed", type=int, default=None)
    words.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    words.add_argument("--replay", type=Path)
    said = words.parse_args()
    seed = random.SystemRandom().randrange(2**32) if said.seed is None else said.seed
    chosen = tuple(said.target or NAMES)
    if said.replay:
        print(target(chosen[0]).judge(said.replay.read_bytes()).outcome)
        return 0
    FOUND.mkdir(exist_ok=True)
    if said.child:
        return _child(chosen[0], said.inputs, seed)
    return _all(chosen, said.inputs, seed)


def _all(names: tuple[str, ...], inputs: int, seed: int) -> int:
    weights = {name: target(name).weight for name in names}
    whole = sum(weights.values())
    print(f"seed {seed}")
    rows = [("target", "inputs", "accepted", "refused", "outcomes", "a second", "failures")]
    failed: list[str] = []
    run = 0
    for name in names:
        share = max(1, round(inputs * weights[name] / whole))
        told = _parent(name, share, seed)
        run += int(told["inputs"])
        failed += told["failures"]
        rate = round(told["inputs"] / max(told["seconds"], 0.001))
        counts = (
            told["inputs"],
            told["accepted"],
            told["refused"],
            told["outcomes"],
            rate,
            len(told["failures"]),
        )
        rows.append((name, *map(str, counts)))
        print(f"{name}: " + ", ".join(f"{n} {what}" for what, n in told["most"]), flush=True)
        if not told["failures"] and share >= 200 and not (told["accepted"] and told["refused"]):
            failed.append(f"{name}: a bin is empty, so this target tests nothing")
    print("\n".join(columns(rows, 100)))
    for line in failed:
        print(line)
    print(f"{run} inputs really run, {len(failed)} failures")
    return 1 if failed else 0


def _parent(name: str, inputs: int, seed: int) -> dict[str, object] | dict[str, int]:
    """Run one target's share in a process that may be stopped."""
    argv = [sys.executable, "-m", "tests.fuzz", str(inputs), "--target", name, "--seed", str(seed), "--child"]
    result, current = FOUND / f"{name}.json", FOUND / f"{name}.current"
    result.unlink(missing_ok=True)
    current.write_bytes(b"")
    child = subprocess.Popen(argv)
    while True:
        try:
            child.wait(5)
            break
        except subprocess.TimeoutExpired:
            if time.time() - current.stat().st_mtime > SILENT_S:
                child.kill()
                child.wait()
    if result.exists():
        told: dict[str, object] = json.loads(result.read_bytes())
        return told
    kept = FOUND / f"{name}-ended-{seed}"
    kept.write_bytes(current.read_bytes())
    failure = f"{name}: the process ended with {child.returncode}; the last input is {kept}"
    return {
        "inputs": 0,
        "accepted": 0,
        "refused": 0,
        "outcomes": 0,
        "seconds": 1,
        "most": [],
        "failures": [failure],
    }


def _child(name: str, inputs: int, seed: int) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    border = target(name)
    chance = Seeded(seed)
    outcomes: Counter[str] = Counter()
    failures: list[str] = []
    kinds: set[str] = set()
    begun = time.monotonic()
    with (FOUND / f"{name}.current").open("r+b", buffering=0) as current:
        for number in range(inputs):
            raw = border.seeds[number] if number < len(border.seeds) else border.made(chance)
            current.truncate(0)
            os.pwrite(current.fileno(), raw, 0)
            try:
                outcomes[border.judge(raw).outcome] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                outcomes["broken"] += 1
                if (kind := _kind(error)) not in kinds:
                    kinds.add(kind)
                    failures.append(_kept(border, raw, error, kind))
                if len(failures) >= MOST_FAILURES:
                    break
    border.close()
    accepted = sum(n for what, n in outcomes.items() if what.startswith("accepted"))
    told = {
        "inputs": outcomes.total(), "accepted": accepted,
        "refused": outcomes.total() - accepted - outcomes["broken"],
        "outcomes": len(outcomes), "seconds": time.monotonic() - begun, "failures": failures,
        "most": outcomes.most_common(12),
    }  # fmt: skip
    (FOUND / f"{name}.json").write_text(json.dumps(told))
    return 0


def _kind(error: Exception) -> str:
    """What and where, so that one mistake is told once."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if "/dynia/" in file or not place:
            place = f"{Path(file).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} at {place}"


def _kept(border: Target, raw: bytes, error: Exception, kind: str) -> str:
    # What takes too long is not run hundreds of times more.
    small = (
        raw
        if isinstance(error, Hung | MemoryError)
        else smaller(raw, lambda one: _fails_so(border, one, kind))
    )
    path = FOUND / f"{border.name}-{abs(hash(kind)) % 10**8:08d}"
    path.write_bytes(small)
    said = str(error).splitlines()[0][:300] if str(error) else ""
    return f"{border.name}: {kind}: {said} ({path}, {len(small)} bytes)"


def _fails_so(border: Target, raw: bytes, kind: str) -> bool:
    try:
        border.judge(raw)
    except Exception as error:  # noqa: BLE001
        return _kind(error) == kind
    return False


if __name__ == "__main__":
    sys.exit(main())
