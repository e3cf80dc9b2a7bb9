import shutil

import pytest
from fake_study import fake_study
from tiny_study import TINY

from gnnglass.study import Report, Study, run_study


def draw_nothing(monkeypatch):
    """Reports without their pictures, which take longer to draw than all that leads to them."""
    monkeypatch.setattr("gnnglass.study.report.small_png", lambda figure: b"drawn")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Folder of the tiny study, done, its report without pictures; not to be changed."""
    folder = tmp_path_factory.mktemp("study") / "tiny"
    with pytest.MonkeyPatch.context() as monkeypatch:
        draw_nothing(monkeypatch)
        run_study(Study.from_dict(TINY), folder, workers=2, device="cpu")
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished study that may be changed."""
    return shutil.copytree(finished, tmp_path / "copied")


@pytest.fixture
def undrawn(monkeypatch):
    draw_nothing(monkeypatch)


@pytest.fixture(scope="session")
def study():
    return fake_study()


@pytest.fixture(scope="session")
def page(study):
    return Report(*study).html()
