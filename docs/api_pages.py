"""A page for each public package: what users call first, then the rest of what it exports.

A Sphinx extension, as ``registry_tables`` is: before the pages are read it writes them to
``docs/api/``. Only the order is decided here; names come from the packages.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.pycode import ModuleAnalyzer

from gnnglass.registry import Registry

#: Package -> the names that users call, in the order in which a script does.
FIRST = {
    "trajectories": "read as_trajectory Trajectory Snapshot write",
    "systems": "glass_former GlassFormer GLASS_FORMERS",
    "simulate": "Protocol AgeingProtocol IsoconfigurationalProtocol Ensemble inherent_structures "
    "match_energies ENGINES",
    "models": "recipe_for GraphRecipe VoxelRecipe create_model GraphNet MODELS",
    "training": "LabelledSet split_by_run TrainingOptions fit fit_best evaluate TrainedClassifier",
    "explain": "annotate GraphGradCAM Occlusion IntegratedGradients VoxelGradCAM RandomAttribution "
    "ATTRIBUTIONS",
    "explain.faithfulness": "faithfulness_curve Resampling Removal seed_agreement randomised "
    "shuffled_labels control_correlation localisation_auc",
    "dynamics": "IsoconfigurationalEnsemble annotate Propensity BondBreaking SelfOverlap "
    "TimeCorrelations Ageing",
    "structure": "annotate indicators_for INDICATORS",
    "compare": "correlate compare_fields gain smooth correlate_lags noise_ceiling "
    "correlation_length",
    "study": "Study run_study Report",
    "planted": "base_configurations planted_set HexagonalPatch MOTIFS",
    "published": "with_dynamics with_structure annotated compare_by_name",
    "stats": "mean_over_runs auc_over_runs auc_difference null_quantile Interval",
    "parallel": "run_parallel",
    "testing": "check_indicator check_attribution check_model check_glass_former check_engine "
    "check_motif example_of example_snapshot",
    "registry": "Registry Description",
    "errors": "GnnglassError InputError FileError GnnglassWarning",
}


def setup(app: Any) -> dict[str, bool]:
    """Write the pages before Sphinx reads any."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "api"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(folder: Path) -> None:
    """Write one page per package; those that are as they were are not touched."""
    folder.mkdir(exist_ok=True)
    for name, first in FIRST.items():
        path, text = folder / f"{name}.md", page(f"gnnglass.{name}", first.split())
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def page(name: str, first: list[str]) -> str:
    """The page of a package.

    Raises:
        ValueError: If a name in `first` is not public.
    """
    package = importlib.import_module(name)
    public = public_names(package)
    if unknown := set(first) - set(public):
        raise ValueError(f"{name} has no public {', '.join(sorted(unknown))}")
    rest = [one for one in public if one not in first]
    parts = [f"# {name}", directive("automodule", name, "no-members")]
    parts += ["## What most scripts use", *(entry(package, one) for one in first)]
    if rest:
        parts += ["## Everything else", *(entry(package, one) for one in rest)]
    return "\n\n".join(parts) + "\n"


def public_names(package: ModuleType) -> list[str]:
    """What a package exports, or what a module defines; modules have pages of their own."""
    if hasattr(package, "__all__"):
        names = package.__all__
    else:
        names = [
            name
            for name, found in vars(package).items()
            if not name.startswith("_")
            and (inspect.isclass(found) or inspect.isfunction(found))
            and found.__module__ == package.__name__
        ]
    return [name for name in names if not inspect.ismodule(getattr(package, name))]


def entry(package: ModuleType, name: str) -> str:
    """The directive that documents one name."""
    found, path = getattr(package, name), f"{package.__name__}.{name}"
    if isinstance(found, type):
        return directive("autoclass", path)
    if inspect.isfunction(found):
        return directive("autofunction", path)
    return directive("py:data", path, text=about_data(package, name))


def about_data(package: ModuleType, name: str) -> str:
    """What a registry is, or what the comment above another value says."""
    found = getattr(package, name)
    if isinstance(found, Registry):
        return (
            f"Every registered {found.kind}: ``{name}.create(name)`` makes one, ``list({name})`` "
            "names them. See :class:`~gnnglass.registry.Registry`."
        )
    for path in sorted(Path(inspect.getfile(package)).parent.glob("*.py")):
        comments = ModuleAnalyzer.for_file(path, package.__name__).find_attr_docs()
        if ("", name) in comments:
            return " ".join(comments["", name])
    raise ValueError(f"{package.__name__}.{name} has no comment (#:) that says what it is")


def directive(kind: str, path: str, option: str = "", text: str = "") -> str:
    """A directive in reStructuredText, which is what docstrings are written in."""
    lines = [f".. {kind}:: {path}", *([f"   :{option}:"] if option else []), "", f"   {text}"]
    return "\n".join(["```{eval-rst}", *lines]).rstrip() + "\n```"
