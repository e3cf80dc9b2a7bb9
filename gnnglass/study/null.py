"""The null of a study's maps: the same networks, trained on labels shuffled over runs.

A map may correlate with the dynamics whatever the labels are, because the network reads structure
and structure is related to dynamics within each phase. What the labels have to do with it is what
the correlation has beyond that of wrong labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass import explain
from gnnglass._files import written_whole
from gnnglass._records import Record, digest_of
from gnnglass.explain import ATTRIBUTIONS
from gnnglass.parallel import run_parallel
from gnnglass.stats import LEVEL, null_quantile
from gnnglass.study.classification import fitted
from gnnglass.study.definition import Study
from gnnglass.study.fields import correlated
from gnnglass.study.workspace import Parts, Workspace, followed_frames, run_names, split_of
from gnnglass.training import LabelledSet, relabellings
from gnnglass.trajectories import Trajectory, read

FloatArray = NDArray[np.float64]

#: The nulls: labels exchanged between runs of both phases, and arbitrary ones within the explained.
SHUFFLED, HALVES = "shuffled", "halves"


def wrong_labels(study: Study, parts: Parts, classifier: str) -> dict[str, list[dict[str, int]]]:
    """Null to the labels of each of a classifier's trainings: run to 0 or 1.

    A part of the split with a single run of the explained phase cannot be halved; then there is no
    null of arbitrary labels.
    """
    split = split_of(parts)
    phases = {SHUFFLED: study.labels, HALVES: (study.explain,)}
    runs = {
        kind: {phase: run_names(study, phase) for phase in members}
        for kind, members in phases.items()
    }
    explained = set(run_names(study, study.explain))
    if min(len(explained.intersection(parts[part])) for part in ("train", "validation")) < 2:
        del runs[HALVES]
    return {
        kind: relabellings(of_class, split, study.shuffles(classifier), seed=study.null.seed)
        for kind, of_class in runs.items()
    }


#: What this worker process has read, and what is measured in it, is the same for every training.
_READ: dict[tuple[Any, ...], tuple[LabelledSet, list[Trajectory]]] = {}


@dataclass(frozen=True)
class Retraining:
    """One training on wrong labels, and its maps of the followed configurations.

    Attributes:
        workspace: The study.
        classifier: Name of the classifier.
        kind: Which null.
        number: Which of its trainings.
        targets: Run to 0 or 1.
        runs: The held-out runs whose dynamics is known.
        digest: Of everything that its maps depend on.
    """

    workspace: Workspace
    classifier: str
    kind: str
    number: int
    targets: Mapping[str, int] = field(repr=False)
    runs: Sequence[str] = field(repr=False)
    digest: str = field(repr=False)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.classifier}-{self.kind}-{self.number:03d}"

    @property
    def maps(self) -> Path:
        """File of the maps of the followed frames, shape [n_runs, n_frames, n_particles]."""
        return self.workspace.folder / "null" / f"{self.name}.npy"

    @property
    def record(self) -> Path:
        """What says that the maps are done."""
        return self.maps.with_suffix(".json")

    @property
    def is_done(self) -> bool:
        """Whether the maps are there, for just these labels and options."""
        return Record.find(self.record, self.digest, [self.maps]) is not None

    def __call__(self) -> None:
        """Train, explain, and store the maps."""
        Record.make(self.record, self.digest, self._work, [self.maps])

    def _work(self) -> None:
        workspace, study = self.workspace, self.workspace.study
        section = study.classifiers[self.classifier]
        labelled, followed = self._configurations()
        relabelled = labelled.relabelled(self.targets)
        classifier = fitted(workspace, self.classifier, relabelled, progress=False)
        attribution = ATTRIBUTIONS.create(section.attribution, **section.attribution_options)
        maps = [
            [
                snapshot.field("map")
                for snapshot in explain.annotate(
                    classifier, frames, attribution, "map", target=study.explain
                )
            ]
            for frames in followed
        ]
        with written_whole(self.maps) as aside, aside.open("wb") as file:
            np.save(file, np.array(maps), allow_pickle=False)

    def _configurations(self) -> tuple[LabelledSet, list[Trajectory]]:
        """The labelled set of the study, and the followed frames of each followed run."""
        workspace, study = self.workspace, self.workspace.study
        level, section = study.explain_level, study.dynamics
        key = (workspace.folder, level, *self.runs)
        if key not in _READ:
            _READ.clear()
            places = [-1] if section is None else followed_frames(study, section)
            whole = [workspace.load(run, level) for run in self.runs]
            followed = [Trajectory([one[k] for k in places], one.metadata) for one in whole]
            _READ[key] = workspace.labelled(level), followed
        return _READ[key]

    def fail(self, reason: str, traceback: str = "") -> None:
        """Nothing is stored: the training is begun again the next time."""


def retrainings(
    workspace: Workspace, classifier: str, runs: Sequence[str], digest: str
) -> list[Retraining]:
    """The trainings of all nulls of one classifier.

    Args:
        workspace: The study.
        classifier: Name of the classifier.
        runs: The held-out runs whose dynamics is known.
        digest: Of all that every one of them depends on.
    """
    return [
        Retraining(
            # Without what it has loaded, which a worker process would be sent.
            replace(workspace),
            classifier,
            kind,
            number,
            targets,
            runs,
            digest_of(digest, targets),
        )
        for kind, members in wrong_labels(workspace.study, workspace.parts, classifier).items()
        for number, targets in enumerate(members)
    ]


def train_on_wrong_labels(tasks: Sequence[Retraining], workers: int | None) -> None:
    """Do those trainings that are not done yet, each on one core.

    Raises:
        SimulationError: If some failed, after the others are done.
    """
    left = [task for task in tasks if not task.is_done]
    run_parallel(
        left,
        workers=workers,
        description="trainings on wrong labels",
        n_done=len(tasks) - len(left),
    )


def place_in_null(
    workspace: Workspace,
    runs: Sequence[str],
    compared: Mapping[str, Any],
    tasks: Sequence[Retraining],
) -> dict[str, list[dict[str, Any]]]:
    """Correlate the maps of wrong labels with the dynamics, exactly like the true ones.

    Args:
        workspace: The study.
        runs: The held-out runs whose dynamics is known.
        compared: The comparison of the true maps, and of everything else; see
            `gnnglass.study.fields.compare_with_dynamics`.
        tasks: The finished trainings of one classifier.

    Returns:
        For each of its ``rows``, and in a study of ageing for each of those of ``ageing``, nothing
        if it is not of this classifier's map, else for each kind of null ``<kind>_n``, the number
        of trainings, ``<kind>_median`` and ``<kind>_95``, the median and the 95 % quantile of their
        ``|r|``, and ``<kind>_quantile``, see `gnnglass.stats.null_quantile`. The constant map of a
        network that has learnt nothing at all has no coefficient and is not counted.
    """
    rows = compared["ageing"]["rows"] if "ageing" in compared else compared["rows"]
    waited = [row.get("waiting_time", 0.0) for row in rows]
    times = sorted(set(waited))
    maps = [np.load(task.maps, allow_pickle=False) for task in tasks]
    sizes = {
        time: _sizes_of_null(workspace, runs, frame, tasks, [one[:, frame] for one in maps])
        for frame, time in enumerate(times)
    }
    own = {f"importance_{task.classifier}" for task in tasks}
    placed = [
        {
            name: value
            for kind in (SHUFFLED, HALVES)
            if row["predictor"] in own and row["estimate"] is not None
            for name, value in _columns(
                kind, row, sizes[time].get((kind, *_place(row)), [])
            ).items()
        }
        for row, time in zip(rows, waited, strict=True)
    ]
    return {
        "rows": [one for one, time in zip(placed, waited, strict=True) if time == times[-1]],
        "ageing": placed if "ageing" in compared else [],
    }


def _sizes_of_null(
    workspace: Workspace,
    runs: Sequence[str],
    frame: int,
    tasks: Sequence[Retraining],
    maps: Sequence[FloatArray],
) -> dict[tuple[Any, ...], list[float]]:
    """Kind of null, and what is compared -> ``|r|`` of each training.

    Args:
        workspace: The study.
        runs: The followed runs.
        frame: Which of their followed frames.
        tasks: The trainings.
        maps: The maps of each in this frame, shape [n_runs, n_particles].
    """
    fields = [f"null {number}" for number in range(len(tasks))]
    frames = [
        read(workspace.compared(run))[frame].with_fields(
            **{name: of_runs[k] for name, of_runs in zip(fields, maps, strict=True)}
        )
        for k, run in enumerate(runs)
    ]
    sizes: dict[tuple[Any, ...], list[float]] = {}
    kinds = {name: task.kind for name, task in zip(fields, tasks, strict=True)}
    for row in correlated(workspace.study, runs, frames, fields) if fields else []:
        if row["estimate"] is not None:
            key = (kinds[row["predictor"]], *_place(row))
            sizes.setdefault(key, []).append(abs(row["estimate"]))
    return sizes


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a row is of, but for its predictor."""
    return tuple(row[name] for name in ("target", "species", "method", "given", "smoothed"))


def _columns(kind: str, row: Mapping[str, Any], sizes: list[float]) -> dict[str, float]:
    if not sizes:
        return {}
    return {
        f"{kind}_n": len(sizes),
        f"{kind}_median": float(np.median(sizes)),
        f"{kind}_95": float(np.quantile(sizes, LEVEL)),
        f"{kind}_quantile": null_quantile(row["estimate"], sizes),
    }
