"""A plugin for pytest: ``pytest --grad-health`` makes tests check their gradients.

A test asks for the fixture ``grad_health`` and calls it with a loss::

    def test_step(grad_health):
        loss = criterion(model(x), y)
        grad_health(loss, model)
"""

from collections.abc import Callable
from typing import Any

import pytest

from ._diagnose import assert_healthy


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--grad-health``."""
    parser.getgroup("gradients").addoption(
        "--grad-health",
        action="store_true",
        help="let the fixture grad_health fail tests whose gradients are sick",
    )


@pytest.fixture
def grad_health(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`viz.assert_healthy` under ``--grad-health``; else nothing is looked at."""
    if request.config.getoption("--grad-health"):
        return assert_healthy

    def ignore(*args: Any, **kwargs: Any) -> None:
        return None

    return ignore
