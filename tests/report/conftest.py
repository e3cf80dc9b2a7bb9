import pytest
from fake_study import fake_study

from gnnglass.report import Report


@pytest.fixture(scope="session")
def study():
    return fake_study()


@pytest.fixture(scope="session")
def page(study):
    return Report(*study).html()
