"""What in a disordered structure makes it a glass?

``import gnnglass as gg`` gives the names that most notebooks and studies need, such as ``gg.read``,
``gg.inherent_structures``, ``gg.fit`` and ``gg.GraphGradCAM``, and the packages that hold the rest,
such as ``gg.structure`` and ``gg.explain.faithfulness``. Each is imported on first use, so
importing gnnglass itself is fast. A name here is the same object as in its package: ``gg.fit`` is
``gnnglass.training.fit``, and ``gg.load`` is ``TrainedClassifier.load``.

``gg.explain``, ``gg.compare`` and so on are always packages, never functions. Three packages have a
function ``annotate`` that adds fields; here they are called ``gg.annotate_importance``,
``gg.annotate_structure`` and ``gg.annotate_dynamics``.

The packages follow the data flow: `systems` and `simulate` make `trajectories`; `models` and
`training` train classifiers of liquid and glass; `explain`, `dynamics` and `structure` add
per-particle fields; `compare` compares the fields; `study` runs all of this from one file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.2.0"

__citation__ = f"""\
@software{{gnnglass,
  title = {{gnnglass: what in a disordered structure makes it a glass?}},
  author = {{{{the gnnglass developers}}}},
  version = {{{__version__}}},
  year = {{2026}},
  note = {{The papers of the glass formers, attributions and indicators that were used are named
    by GlassFormer.citation and in the documentation of each; please cite them, too}},
}}"""

#: Top-level names -> where each is defined. `__getattr__` and `__dir__` use only this table.
_OFFERED = {
    "Snapshot": "gnnglass.trajectories:Snapshot",
    "Trajectory": "gnnglass.trajectories:Trajectory",
    "as_trajectory": "gnnglass.trajectories:as_trajectory",
    "read": "gnnglass.trajectories:read",
    "restated": "gnnglass.trajectories:restated",
    "write": "gnnglass.trajectories:write",
    "GLASS_FORMERS": "gnnglass.systems:GLASS_FORMERS",
    "GlassFormer": "gnnglass.systems:GlassFormer",
    "glass_former": "gnnglass.systems:glass_former",
    "ENGINES": "gnnglass.simulate:ENGINES",
    "AgeingProtocol": "gnnglass.simulate:AgeingProtocol",
    "Ensemble": "gnnglass.simulate:Ensemble",
    "IsoconfigurationalProtocol": "gnnglass.simulate:IsoconfigurationalProtocol",
    "Protocol": "gnnglass.simulate:Protocol",
    "inherent_structures": "gnnglass.simulate:inherent_structures",
    "MODELS": "gnnglass.models:MODELS",
    "recipe_for": "gnnglass.models:recipe_for",
    "LabelledSet": "gnnglass.training:LabelledSet",
    "TrainedClassifier": "gnnglass.training:TrainedClassifier",
    "TrainingOptions": "gnnglass.training:TrainingOptions",
    "evaluate": "gnnglass.training:evaluate",
    "fit": "gnnglass.training:fit",
    "split_by_run": "gnnglass.training:split_by_run",
    "load": "gnnglass.training:TrainedClassifier.load",
    "ATTRIBUTIONS": "gnnglass.explain:ATTRIBUTIONS",
    "AttentionRollout": "gnnglass.explain:AttentionRollout",
    "GNNExplainerAttribution": "gnnglass.explain:GNNExplainerAttribution",
    "GraphGradCAM": "gnnglass.explain:GraphGradCAM",
    "GraphGradCAMAveraged": "gnnglass.explain:GraphGradCAMAveraged",
    "GraphGradCAMPlusPlus": "gnnglass.explain:GraphGradCAMPlusPlus",
    "GraphHiResCAM": "gnnglass.explain:GraphHiResCAM",
    "IntegratedGradients": "gnnglass.explain:IntegratedGradients",
    "Occlusion": "gnnglass.explain:Occlusion",
    "RandomAttribution": "gnnglass.explain:RandomAttribution",
    "Saliency": "gnnglass.explain:Saliency",
    "VoxelGradCAM": "gnnglass.explain:VoxelGradCAM",
    "VoxelHiResCAM": "gnnglass.explain:VoxelHiResCAM",
    "annotate_importance": "gnnglass.explain:annotate",
    "BondBreaking": "gnnglass.dynamics:BondBreaking",
    "IsoconfigurationalEnsemble": "gnnglass.dynamics:IsoconfigurationalEnsemble",
    "Propensity": "gnnglass.dynamics:Propensity",
    "SelfOverlap": "gnnglass.dynamics:SelfOverlap",
    "annotate_dynamics": "gnnglass.dynamics:annotate",
    "INDICATORS": "gnnglass.structure:INDICATORS",
    "annotate_structure": "gnnglass.structure:annotate",
    "compare_fields": "gnnglass.compare:compare_fields",
    "correlate": "gnnglass.compare:correlate",
    "gain": "gnnglass.compare:gain",
    "smooth": "gnnglass.compare:smooth",
    "Study": "gnnglass.study:Study",
    "run_study": "gnnglass.study:run_study",
    # Packages and modules with everything else.
    "compare": "gnnglass.compare",
    "dynamics": "gnnglass.dynamics",
    "errors": "gnnglass.errors",
    "explain": "gnnglass.explain",
    "models": "gnnglass.models",
    "planted": "gnnglass.planted",
    "published": "gnnglass.published",
    "simulate": "gnnglass.simulate",
    "stats": "gnnglass.stats",
    "structure": "gnnglass.structure",
    "study": "gnnglass.study",
    "systems": "gnnglass.systems",
    "testing": "gnnglass.testing",
    "training": "gnnglass.training",
    "trajectories": "gnnglass.trajectories",
}

__all__ = list(_OFFERED)


def __dir__() -> list[str]:
    return sorted([*_OFFERED, "__citation__", "__version__"])


# Type checkers and editors cannot follow the table, so the names are repeated here; a test
# compares.
if TYPE_CHECKING:
    from gnnglass import compare as compare
    from gnnglass import dynamics as dynamics
    from gnnglass import errors as errors
    from gnnglass import explain as explain
    from gnnglass import models as models
    from gnnglass import planted as planted
    from gnnglass import published as published
    from gnnglass import simulate as simulate
    from gnnglass import stats as stats
    from gnnglass import structure as structure
    from gnnglass import study as study
    from gnnglass import systems as systems
    from gnnglass import testing as testing
    from gnnglass import training as training
    from gnnglass import trajectories as trajectories
    from gnnglass.compare import compare_fields as compare_fields
    from gnnglass.compare import correlate as correlate
    from gnnglass.compare import gain as gain
    from gnnglass.compare import smooth as smooth
    from gnnglass.dynamics import BondBreaking as BondBreaking
    from gnnglass.dynamics import IsoconfigurationalEnsemble as IsoconfigurationalEnsemble
    from gnnglass.dynamics import Propensity as Propensity
    from gnnglass.dynamics import SelfOverlap as SelfOverlap
    from gnnglass.explain import ATTRIBUTIONS as ATTRIBUTIONS
    from gnnglass.explain import AttentionRollout as AttentionRollout
    from gnnglass.explain import GNNExplainerAttribution as GNNExplainerAttribution
    from gnnglass.explain import GraphGradCAM as GraphGradCAM
    from gnnglass.explain import GraphGradCAMAveraged as GraphGradCAMAveraged
    from gnnglass.explain import GraphGradCAMPlusPlus as GraphGradCAMPlusPlus
    from gnnglass.explain import GraphHiResCAM as GraphHiResCAM
    from gnnglass.explain import IntegratedGradients as IntegratedGradients
    from gnnglass.explain import Occlusion as Occlusion
    from gnnglass.explain import RandomAttribution as RandomAttribution
    from gnnglass.explain import Saliency as Saliency
    from gnnglass.explain import VoxelGradCAM as VoxelGradCAM
    from gnnglass.explain import VoxelHiResCAM as VoxelHiResCAM
    from gnnglass.models import MODELS as MODELS
    from gnnglass.models import recipe_for as recipe_for
    from gnnglass.simulate import ENGINES as ENGINES
    from gnnglass.simulate import AgeingProtocol as AgeingProtocol
    from gnnglass.simulate import Ensemble as Ensemble
    from gnnglass.simulate import IsoconfigurationalProtocol as IsoconfigurationalProtocol
    from gnnglass.simulate import Protocol as Protocol
    from gnnglass.simulate import inherent_structures as inherent_structures
    from gnnglass.structure import INDICATORS as INDICATORS
    from gnnglass.study import Study as Study
    from gnnglass.study import run_study as run_study
    from gnnglass.systems import GLASS_FORMERS as GLASS_FORMERS
    from gnnglass.systems import GlassFormer as GlassFormer
    from gnnglass.systems import glass_former as glass_former
    from gnnglass.training import LabelledSet as LabelledSet
    from gnnglass.training import TrainedClassifier as TrainedClassifier
    from gnnglass.training import TrainingOptions as TrainingOptions
    from gnnglass.training import evaluate as evaluate
    from gnnglass.training import fit as fit
    from gnnglass.training import split_by_run as split_by_run
    from gnnglass.trajectories import Snapshot as Snapshot
    from gnnglass.trajectories import Trajectory as Trajectory
    from gnnglass.trajectories import as_trajectory as as_trajectory
    from gnnglass.trajectories import read as read
    from gnnglass.trajectories import restated as restated
    from gnnglass.trajectories import write as write

    annotate_dynamics = dynamics.annotate
    annotate_importance = explain.annotate
    annotate_structure = structure.annotate
    load = TrainedClassifier.load
else:

    def __getattr__(name):
        if name not in _OFFERED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import pkgutil

        globals()[name] = found = pkgutil.resolve_name(_OFFERED[name])
        return found
