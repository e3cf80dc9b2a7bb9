"""Softness: on which side of a learnt hyperplane a particle's surroundings lie, and how far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from gnnglass.errors import InputError, NotComputedError
from gnnglass.structure.indicator import Indicator
from gnnglass.structure.symmetry_functions import symmetry_functions
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(eq=False)
class Softness(Indicator):
    """Signed distance from the hyperplane between two groups of particles, positive for soft ones.

    The hyperplane is that of a linear support vector machine on the standardised
    `symmetry_functions`, learnt for each species of the centre by itself from particles that were
    seen to move and others that were not (Cubuk et al., Phys. Rev. Lett. 114, 108001 (2015);
    Schoenholz et al., Nat. Phys. 12, 469 (2016)); the distance is in standard deviations of
    features. Unlike the registered indicators it has to be fitted before `compute`, and what it
    says is about the dynamics it has seen: keep the runs it learns from and those it is compared
    on apart.

    Args:
        C: Penalty of each training particle on the wrong side.

    Attributes:
        pipelines_: scikit-learn's scaler and classifier of each species, by its name.
    """

    C: float = 0.1

    def fit(self, snapshots: Sequence[Snapshot], labels: Sequence[ArrayLike]) -> Self:
        """Learn a hyperplane for each species; returns self.

        Args:
            snapshots: Configurations, thermal or inherent, of the same species.
            labels: For each, +1 for the particles of the soft group, −1 for those of the other
                and 0 for the rest, which are not learnt from; shape [n] each.

        Raises:
            InputError: If labels do not fit the snapshots, or a species lacks one of the groups.
        """
        groups = [np.asarray(group) for group in labels]
        if not snapshots or len(groups) != len(snapshots):
            raise InputError(
                f"there are labels of {len(groups)} snapshots for {len(snapshots)}; expected one "
                "array for each, and at least one."
            )
        names = snapshots[0].type_names
        for k, (snapshot, group) in enumerate(zip(snapshots, groups, strict=True)):
            if snapshot.type_names != names:
                raise InputError(
                    f"snapshot {k} has the species {', '.join(snapshot.type_names)}, the first "
                    f"{', '.join(names)}; expected the same, in the same order."
                )
            if group.shape != (len(snapshot),) or not np.isin(group, (-1, 0, 1)).all():
                raise InputError(
                    f"labels of snapshot {k} are no array of {len(snapshot)} values +1 (soft), −1 "
                    "(hard) or 0 (neither), one per particle."
                )
        labelled = list(zip(snapshots, groups, strict=True))
        features = np.concatenate([symmetry_functions(one)[group != 0] for one, group in labelled])
        types = np.concatenate([one.types[group != 0] for one, group in labelled])
        side = np.concatenate([group[group != 0] for group in groups])
        self.pipelines_ = {
            name: self._hyperplane(name, features[types == k], side[types == k])
            for k, name in enumerate(names)
        }
        return self

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Softness of each particle, shape [n].

        Raises:
            NotComputedError: Before `fit`.
            InputError: If the snapshot has other species than those it was fitted on.
        """
        if not hasattr(self, "pipelines_"):
            raise NotComputedError("Softness has no hyperplane yet; call fit first.")
        names = tuple(self.pipelines_)
        if snapshot.type_names != names:
            raise InputError(
                f"softness was fitted on the species {', '.join(names)}, the snapshot has "
                f"{', '.join(snapshot.type_names)}; expected the same, in the same order."
            )
        features, values = symmetry_functions(snapshot), np.zeros(len(snapshot))
        for name in [name for name in names if snapshot.of_type(name).any()]:
            mine, pipeline = snapshot.of_type(name), self.pipelines_[name]
            normal = np.linalg.norm(pipeline[-1].coef_)
            values[mine] = pipeline.decision_function(features[mine]) / normal
        return values

    def _hyperplane(self, name: str, features: FloatArray, side: FloatArray) -> Pipeline:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import LinearSVC

        for group in (1, -1):
            if not (side == group).any():
                raise InputError(
                    f"no particle of species {name} has the label {group:+d}; expected some of "
                    "both groups, +1 and −1, for each species."
                )
        # How many are in each group is the user's choice of a threshold, and should not matter.
        machine = LinearSVC(C=self.C, class_weight="balanced", dual=False, max_iter=10_000)
        return make_pipeline(StandardScaler(), machine).fit(features, side)
