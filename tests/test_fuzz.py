"""Programs of ops, views and writes in place against PyTorch: `tests/fuzz.py` at small size.

The large run is ``python -m tests.fuzz --programs 10000 --seed 0``.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the extra `parity` brings PyTorch")
pytestmark = pytest.mark.parity

from autodiff import _codegen, _inplace  # noqa: E402

from . import fuzz  # noqa: E402 - needs PyTorch


def test_programs_agree_and_few_are_refused(capsys):
    failed = fuzz.main(["--programs", "500", "--seed", "100000"])
    with capsys.disabled():
        print("\n" + capsys.readouterr().out.rstrip(), end=" ")
    assert not failed


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_no_short_program_disagrees(data, seed):
    """The same programs, drawn so that hypothesis can make a failing one shorter."""

    def pick(n):
        return data.draw(st.integers(0, n - 1))

    try:
        fuzz.run(pick, seed, 1 + pick(10))
    except fuzz.Refused as refused:
        assert refused.side == "torch", refused


@pytest.mark.parametrize("broken", ["_derive_views", "_protect", "track"])
def test_a_broken_engine_is_found_out(monkeypatch, broken):
    """Each part of what makes writes right is needed.

    But for the clock: PyTorch refuses too what it refuses, and tests/test_inplace.py sees to it.
    """
    nothing = lambda *args: None  # noqa: E731
    if broken == "track":
        monkeypatch.setitem(_codegen.SPACE, "track", nothing)
    else:
        monkeypatch.setattr(_inplace, broken, nothing)
    assert fuzz.main(["--programs", "400", "--seed", "0"])
