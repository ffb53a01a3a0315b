"""Runs towtank and reads what it writes: scenarios in, pandas data frames out.

    from towtank import run
    result = run("scenarios/closed-loop.yaml", "workloads[0].arrivals.concurrency=8")
    result.summary           # a row a placement; columns are paths into summary.json, such as `latency.ttft_ms.p95`
    result.csv("requests")   # requests.csv, and so timeline, compare, replications, candidates; `result.events` is events.jsonl
    result.json("summary")   # summary.json as it is, and so compare, plan

`compare` and `plan` are called alike; a setting is what `--set` takes, `options` are further options. The program is `target/release/towtank`, or
what the environment variable TOWTANK names. `results/README.md` explains the files.
"""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("TOWTANK", ROOT / "target/release/towtank")
# Okabe and Ito's, which colour-blind readers tell apart.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"]


@dataclass
class Results:
    """A directory that towtank wrote."""

    dir: Path

    def json(self, name):
        return json.loads((self.dir / f"{name}.json").read_text())

    def csv(self, name):
        return pd.read_csv(self.dir / f"{name}.csv")

    @property
    def summary(self):
        return pd.json_normalize(self.json("summary")["placements"]).set_index("name")

    @property
    def events(self):
        return pd.read_json(self.dir / "events.jsonl", lines=True)


def call(command, scenario, *settings, out=None, options=()):
    """Runs a command on a scenario (a path from the repository's root); results go to `out`, or to a temporary directory."""
    out = Path(out or tempfile.mkdtemp(prefix="towtank-"))
    line = [PROGRAM, command, ROOT / scenario, "--out", out, "--quiet", *(f"--set={setting}" for setting in settings), *options]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Results(out)


run, compare, plan = (partial(call, command) for command in ("run", "compare", "plan"))
