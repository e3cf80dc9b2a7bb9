"""Registering is being tested: every entry passes the public check of its kind."""

from __future__ import annotations

import pytest

from gnnglass.planted import MOTIFS
from gnnglass.simulate import ENGINES
from gnnglass.systems import GLASS_FORMERS
from gnnglass.testing import check_engine, check_glass_former, check_motif


@pytest.mark.parametrize("name", GLASS_FORMERS.names())
def test_glass_formers(name):
    check_glass_former(name)


@pytest.mark.parametrize("system", GLASS_FORMERS.names())
@pytest.mark.parametrize("name", ENGINES.names())
def test_engines(name, system):
    if not ENGINES.available(name):
        pytest.skip(f"the engine {name!r} is not installed here")
    check_engine(name, system)


@pytest.mark.parametrize("name", MOTIFS.names())
def test_motifs(name):
    check_motif(name)
