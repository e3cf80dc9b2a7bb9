import pytest
from tiny_benchmark import tiny

from gnnglass.benchmark import run_benchmark


@pytest.fixture(scope="session")
def done(tmp_path_factory):
    """The folder of a finished tiny benchmark, and what came out."""
    folder = tmp_path_factory.mktemp("benchmark")
    return folder, run_benchmark(tiny(), folder, workers=1, device="cpu")
