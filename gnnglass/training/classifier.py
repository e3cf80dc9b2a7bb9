"""A trained classifier: network, recipe, labels, split and calibration in one safe file."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from gnnglass._files import written_whole
from gnnglass.errors import FileError, InputError
from gnnglass.models import MODELS, ClassifierNet, arguments_for, batched, device_of
from gnnglass.models.inputs import AnyRecipe, recipe_from_dict
from gnnglass.registry import check_arguments
from gnnglass.training.labelled import Split
from gnnglass.trajectories import TrajectoryLike, as_trajectory


@dataclass(frozen=True)
class Calibration:
    """P(second class) = 1 / (1 + exp[−(scale · score + offset)]).

    Platt, "Probabilistic outputs for support vector machines" (1999): a logistic curve fitted
    on validation scores, with targets pulled in from 0 and 1 by the number of examples, so that
    perfectly separated scores do not give an infinitely steep curve.
    """

    scale: float = 1.0
    offset: float = 0.0

    @classmethod
    def fit(cls, scores: ArrayLike, targets: ArrayLike) -> Calibration:
        """Fit on validation scores, shape [n], and their classes (0 or 1), shape [n]."""
        scores = np.asarray(scores, dtype=np.float64)
        positive = np.asarray(targets) == 1
        n_positive, n_negative = positive.sum(), (~positive).sum()
        wanted = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
        spread = max(float(scores.std()), 1e-12)
        center = float(scores.mean())
        reduced = (scores - center) / spread

        def loss(parameters: NDArray[np.float64]) -> float:
            z = parameters[0] * reduced + parameters[1]
            return float(np.sum(np.logaddexp(0, z) - wanted * z))

        slope, intercept = minimize(loss, x0=np.array([1.0, 0.0]), method="BFGS").x
        # A score that ranks the classes the wrong way round on validation is left to be seen as
        # such, not turned over.
        slope = max(float(slope), 1e-6)
        return cls(scale=slope / spread, offset=float(intercept) - slope * center / spread)

    def probability(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Probability of the second class, shape of `scores`."""
        return np.asarray(expit(self.scale * np.asarray(scores) + self.offset))


FloatArray = NDArray[np.float64]
#: In the second format the order of the labels did not say which one is explained.
_FORMAT = "gnnglass classifier 3"
#: What the header of a file holds besides its format.
_STORED = {"model", "recipe", "labels", "level", "system", "split", "calibration", "record"}


@dataclass(frozen=True)
class TrainedClassifier:
    """A network that tells the phase of a snapshot, and all that is needed to use it right.

    On disk it is a safetensors file: the weights, and JSON in the header. Nothing in it is
    executed on loading, so classifiers may be exchanged freely.

    Attributes:
        model_name: Registered name of the network.
        model_options: Its constructor arguments.
        model: The network, in evaluation mode.
        recipe: How snapshots become its input.
        labels: Class names, in the order of the logits; the last is the explained one.
        level: ``"thermal"`` or ``"inherent"``: what it was trained on and must be given.
        system: Glass former it was trained on; None if not stated.
        split: Runs it was trained, validated and tested on.
        calibration: From decision score to probability, fitted on validation runs.
        record: How it was trained: options, seed, history, versions.
    """

    model_name: str
    model_options: Mapping[str, Any]
    model: ClassifierNet
    recipe: AnyRecipe
    labels: tuple[str, ...]
    level: str
    system: str | dict[str, Any] | None
    split: Split
    calibration: Calibration
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def explained(self) -> str:
        """The class whose logit is explained unless another is asked for: the last label."""
        return self.labels[-1]

    @property
    def device(self) -> torch.device:
        """Where the network's weights are."""
        return device_of(self.model)

    def to(self, device: torch.device | str) -> TrainedClassifier:
        """Move the network to a device, in place, and return the classifier."""
        self.model.to(choose_device(device))
        return self

    def logits(self, snapshots: TrajectoryLike, *, batch_size: int = 8) -> FloatArray:
        """Logits of each snapshot, shape [n_snapshots, n_classes]; one row for a single one.

        Args:
            snapshots: Configurations of the classifier's level: a trajectory, a file, or one or
                more snapshots.
            batch_size: Snapshots per forward call; boxes of different sizes go one by one.

        Raises:
            FileError: If a path cannot be read.
            InputError: If a configuration does not fit the recipe.
        """
        snapshots = as_trajectory(snapshots)
        with torch.no_grad():
            rows = [
                self.model(*arguments_for(self.model, batch)).double().cpu().numpy()
                for batch in batched(self.recipe, snapshots, batch_size)
            ]
        return np.concatenate(rows)

    def scores(self, snapshots: TrajectoryLike, **options: Any) -> FloatArray:
        """Decision score, logit of the second class minus that of the first, [n_snapshots]."""
        logits = self.logits(snapshots, **options)
        return np.asarray(logits[:, 1] - logits[:, 0])

    def predict_proba(self, snapshots: TrajectoryLike, **options: Any) -> FloatArray:
        """Calibrated probability of each class, shape [n_snapshots, 2]."""
        second = self.calibration.probability(self.scores(snapshots, **options))
        return np.stack([1 - second, second], axis=1)

    def save(self, path: str | Path) -> Path:
        """Write the classifier as one safetensors file, whole or not at all.

        Raises:
            FileError: If the file cannot be written.
        """
        from safetensors.torch import save_file

        facts = {
            "format": _FORMAT,
            "model": {"name": self.model_name, "options": dict(self.model_options)},
            "recipe": self.recipe.to_dict(),
            "labels": self.labels,
            "level": self.level,
            "system": self.system,
            "split": asdict(self.split),
            "calibration": asdict(self.calibration),
            "record": dict(self.record),
        }
        weights = {k: v.detach().cpu().contiguous() for k, v in self.model.state_dict().items()}
        with written_whole(path) as aside:
            save_file(weights, aside, metadata={"gnnglass": json.dumps(facts, sort_keys=True)})
        return Path(path)

    @classmethod
    def load(
        cls, path: str | PathLike[str], device: torch.device | str = "cpu"
    ) -> TrainedClassifier:
        """Read a classifier that `save` wrote.

        Args:
            path: The safetensors file.
            device: ``"cpu"``, ``"cuda"`` or ``"auto"``.

        Raises:
            FileError: If the file is missing, broken, or not a gnnglass classifier.
            UnknownNameError: If its network is not registered here.
        """
        from safetensors import SafetensorError, safe_open

        path = Path(path)
        if not path.is_file():
            raise FileError(f"no classifier at {path}: give the .safetensors file of one.")
        try:
            with safe_open(path, framework="pt") as file:
                facts = json.loads((file.metadata() or {}).get("gnnglass", "{}"))
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, ValueError, OSError) as error:
            raise FileError(
                f"{path} cannot be read as a classifier ({str(error).rstrip('.')}); "
                "it is broken, or not a safetensors file."
            ) from error
        if not isinstance(facts, dict) or facts.get("format") != _FORMAT:
            raise FileError(
                f"{path} is a safetensors file but not a {_FORMAT!r}; train one with this version."
            )
        try:
            return cls._rebuilt(facts, weights).to(device)
        except InputError as error:
            raise FileError(
                f"the classifier in {path} does not fit this version: {str(error).rstrip('.')}; "
                "train it again."
            ) from error

    @classmethod
    def _rebuilt(cls, facts: dict[str, Any], weights: dict[str, torch.Tensor]) -> TrainedClassifier:
        """The classifier of a stored header and weights.

        Raises:
            InputError: If they do not fit together, or the network of this version.
        """
        absent = sorted(_STORED - facts.keys())
        if absent or not {"name", "options"} <= facts["model"].keys():
            raise InputError(f"it lacks {', '.join(absent) or 'the name or options of its model'}")
        name, options = facts["model"]["name"], facts["model"]["options"]
        for kind, part in ((Split, "split"), (Calibration, "calibration")):
            check_arguments(kind, facts[part], f"its {part}")
        model = MODELS.create(name, **options)
        expected = {key: value.shape for key, value in model.state_dict().items()}
        if {key: value.shape for key, value in weights.items()} != expected:
            raise InputError(f"its weights are not those of the network {name!r}")
        model.load_state_dict(weights)
        return cls(
            model_name=name,
            model_options=options,
            model=model.eval(),
            recipe=recipe_from_dict(facts["recipe"]),
            labels=tuple(facts["labels"]),
            level=facts["level"],
            system=facts["system"],
            split=Split(**{k: tuple(v) for k, v in facts["split"].items()}),
            calibration=Calibration(**facts["calibration"]),
            record=facts["record"],
        )


Other = TypeVar("Other")


def as_classifier(source: str | PathLike[str] | Other) -> TrainedClassifier | Other:
    """The classifier that is meant: of a path the one it holds, anything else as it is.

    Raises:
        FileError: As `TrainedClassifier.load`.
        UnknownNameError: As `TrainedClassifier.load`.
    """
    return TrainedClassifier.load(source) if isinstance(source, str | PathLike) else source


def choose_device(device: torch.device | str) -> torch.device:
    """The device of a name; ``"auto"`` is a GPU where there is one.

    Raises:
        InputError: If the name is not a device, or CUDA is asked for and absent.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise InputError(
            f"unknown device {device!r}; expected cpu, cuda, cuda:<index> or auto."
        ) from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device {device!r} was asked for, but no GPU is usable; use cpu or auto.")
    return chosen


def versions() -> dict[str, str]:
    """Versions of what a training result depends on."""
    import torch_geometric

    import gnnglass

    return {
        "gnnglass": gnnglass.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torch_geometric": torch_geometric.__version__,
    }
