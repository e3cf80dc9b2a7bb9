"""How far an ensemble is: a table of its runs, and a summary to print."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gnnglass.ensembles.run import OWN_KEYS, Run

if TYPE_CHECKING:
    import pandas as pd

STATES = ("done", "running", "failed", "planned")
#: Runs of one state that are listed one by one.
LISTED = 12


def status_table(runs: Iterable[Run]) -> pd.DataFrame:
    """One row per run, read from state points and job documents alone.

    Args:
        runs: The runs.

    Returns:
        Indexed by ``run``, with columns ``state`` (done, running, failed or planned), ``reason``
        of a failure, ``equilibration`` (the verdict, once done), ``seconds`` of work, ``system``,
        ``engine``, ``protocol`` (its kind), ``kT``, the facts given when the runs were planned,
        and ``folder``.
    """
    import pandas as pd

    rows = [_row(run) for run in runs]
    first = ["run", "state", "reason", "equilibration", "seconds"]
    last = ["system", "engine", "protocol", "kT", "folder"]
    facts = list(dict.fromkeys(key for row in rows for key in row if key not in (*first, *last)))
    return pd.DataFrame(rows, columns=[*first, *facts, *last]).set_index("run")


def _row(run: Run) -> dict[str, Any]:
    state_point, document = run.state_point, run.document
    state = run.state(document)
    protocol, system = state_point["protocol"], state_point["system"]
    return {
        "run": run.name,
        "state": state,
        "reason": document.get("failure", "") if state == "failed" else "",
        "equilibration": document.get("equilibration", {}).get("verdict", ""),
        "seconds": sum(line["seconds"] for line in document.get("work", [])),
        **{key: value for key, value in state_point.items() if key not in OWN_KEYS},
        "system": system if isinstance(system, str) else system["name"],
        "engine": state_point["engine"],
        "protocol": protocol["kind"],
        "kT": protocol["kT"],
        "folder": str(run.folder),
    }


def counts(table: pd.DataFrame) -> str:
    """How many runs are in each state, in words."""
    found = table["state"].value_counts()
    return ", ".join(f"{found.get(state, 0)} {state}" for state in STATES)


def summary(table: pd.DataFrame, *, listed: int = LISTED) -> str:
    """Lines to print: runs per kind and state, then those that run, and failed, and why.

    Args:
        table: From `status_table`.
        listed: How many runs of one state are listed.
    """
    import pandas as pd

    alike = [key for key in ("protocol", "system", "phase", "kT") if key in table]
    grouped = table.groupby(alike, dropna=False, sort=False)
    tallies = pd.DataFrame(
        {
            state: grouped["state"].agg(lambda one, s=state: int((one == s).sum()))
            for state in STATES
        }
    )
    verdicts = table[table["equilibration"] != ""]
    for verdict, members in verdicts.groupby("equilibration"):
        tallies[verdict] = members.groupby(alike, dropna=False, sort=False).size()
    shown = tallies.fillna(0).astype(int).reset_index().fillna("")
    lines = [shown.to_string(index=False)]
    for state in ("running", "failed"):
        members = table[table["state"] == state]
        for name, reason in members["reason"].head(listed).items():
            lines.append(f"{state}: {name}{': ' + reason if reason else ''}")
        if len(members) > listed:
            lines.append(f"{state}: and {len(members) - listed} more")
    return "\n".join(lines)
