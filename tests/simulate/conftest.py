"""Every test that asks for an engine runs on each that is installed."""

from __future__ import annotations

import pytest

from gnnglass.simulate import ENGINES


@pytest.fixture(scope="module", params=ENGINES.names())
def engine(request):
    if not ENGINES.available(request.param):
        pytest.skip(f"the engine {request.param!r} is not installed here")
    return ENGINES.create(request.param)
