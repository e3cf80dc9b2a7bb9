import pytest
from planted_truth import run_benchmark
from tiny_benchmark import tiny


@pytest.fixture(scope="session")
def done(tmp_path_factory):
    """The folder of a finished tiny benchmark, and what came out."""
    folder = tmp_path_factory.mktemp("benchmark")
    return folder, run_benchmark(tiny(), folder, workers=1, device="cpu")
