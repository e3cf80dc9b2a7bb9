import shutil

import pytest
import torch
from tiny_study import TINY

from gnnglass.study import Study, run_study


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """As the subprocesses of these tests; threads that wait for each other take far longer."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def finished(one_thread, tmp_path_factory):
    """Folder of the tiny study, done; not to be changed."""
    folder = tmp_path_factory.mktemp("study") / "tiny"
    run_study(Study.from_dict(TINY), folder, workers=2, device="cpu")
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished study that may be changed."""
    return shutil.copytree(finished, tmp_path / "copied")
