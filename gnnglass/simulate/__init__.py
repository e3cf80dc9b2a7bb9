"""Protocols, engines, inherent structures and equilibration; many runs in one folder."""

from gnnglass.simulate._project import Run, clone_name
from gnnglass.simulate.engine import ENGINES, Engine, Progress
from gnnglass.simulate.ensemble import Ensemble
from gnnglass.simulate.equilibration import Equilibration, assess
from gnnglass.simulate.inherent import (
    MatchedEnergies,
    inherent_path,
    inherent_structures,
    match_energies,
    minimise_files,
)
from gnnglass.simulate.protocol import (
    AgeingProtocol,
    IsoconfigurationalProtocol,
    Protocol,
    StatePoint,
    log_spaced_steps,
)

__all__ = [
    "ENGINES",
    "AgeingProtocol",
    "Engine",
    "Ensemble",
    "Equilibration",
    "IsoconfigurationalProtocol",
    "MatchedEnergies",
    "Progress",
    "Protocol",
    "Run",
    "StatePoint",
    "assess",
    "clone_name",
    "inherent_path",
    "inherent_structures",
    "log_spaced_steps",
    "match_energies",
    "minimise_files",
]
