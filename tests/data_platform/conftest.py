"""Libraries that warn when they are loaded, loaded once before warnings count as errors."""

import gc
import importlib
import warnings

import pytest


@pytest.fixture(scope="session")
def suite_loaded() -> None:
    """Load Great Expectations: its imports use what Python and marshmallow call deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("great_expectations")
        importlib.import_module("great_expectations.expectations.core")
    gc.collect()
    gc.freeze()  # as after collection


@pytest.fixture(scope="session")
def dagster_loaded() -> None:
    """Load Dagster and the definitions: its command line uses what click calls deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("dagster")
