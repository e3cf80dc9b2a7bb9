"""Engines and protocols: melt, cool, hold, age, quench; isoconfigurational runs; verdicts."""

from gnnglass.simulate.engine import ENGINES, Engine, Progress
from gnnglass.simulate.equilibration import Equilibration, assess
from gnnglass.simulate.inherent import inherent_path, inherent_structures
from gnnglass.simulate.matched_energy import MatchedEnergies, match_energies
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
    "Equilibration",
    "IsoconfigurationalProtocol",
    "MatchedEnergies",
    "Progress",
    "Protocol",
    "StatePoint",
    "assess",
    "inherent_path",
    "inherent_structures",
    "log_spaced_steps",
    "match_energies",
]
