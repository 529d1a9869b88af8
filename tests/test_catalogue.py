"""The list of public names is complete, or says why not; its page is true."""

import pytest

from . import catalogue


def test_every_name_is_there_or_explained():
    assert catalogue.missing() == set(catalogue.ABSENT)


def test_the_page_is_not_stale():
    assert catalogue.PAGE.read_text(encoding="utf-8") == catalogue.page(), (
        "run python -m tests.catalogue"
    )


def test_a_row_tells_the_modes_of_an_op():
    torch = catalogue.in_torch()
    head = dict(zip(catalogue.HEAD, catalogue.row("exp", torch), strict=True))
    assert head["scalar"] == head["2nd"] == "✓" and head["PyTorch"] == "`torch.exp`"
    head = dict(zip(catalogue.HEAD, catalogue.row("linalg.inv", torch), strict=True))
    assert head["scalar"] == head["float16"] == "–"


def test_functions_are_taken_apart_into_ops():
    cell, *modes = catalogue.row("dot", catalogue.in_torch())
    assert cell.startswith("`dot`: made of ") and "`matmul`" in cell and modes[1] == "✓"


def test_a_function_without_rows_is_an_error(monkeypatch):
    monkeypatch.setattr(catalogue, "CASES", [])
    with pytest.raises(AssertionError, match="exp has no row"):
        catalogue.row("exp", {})
