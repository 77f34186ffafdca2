"""Tables of other libraries, which are asked for only here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .evaluation.results import GuardrailReport

_COLUMNS = {
    "guardrail": "string",
    "verdict": "string",
    "alerts_only": "bool_",
    "e_value": "float64",
    "threshold": "float64",
    "safe_e_value": "float64",
    "safe_threshold": "float64",
    "stable_requests": "int64",
    "canary_requests": "int64",
    "stable": "float64",
    "canary": "float64",
    "estimate": "float64",
    "low": "float64",
    "high": "float64",
    "within_margin": "bool_",
}


def _library(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as missing:
        raise ImportError(f"this needs {name}: pip install serinus[{extra}]", name=name) from missing


def _columns(guardrails: Mapping[str, GuardrailReport]) -> dict[str, list[Any]]:
    rows = [
        (
            name,
            report.verdict.value,
            report.alerts_only,
            report.e_value,
            report.threshold,
            report.safe_e_value,
            report.safe_threshold,
            report.stable.requests,
            report.canary.requests,
            report.stable.value,
            report.canary.value,
            report.estimate,
            report.interval.low if report.interval else None,
            report.interval.high if report.interval else None,
            report.within_margin,
        )
        for name, report in guardrails.items()
    ]
    columns = zip(*rows, strict=True) if rows else ([] for _ in _COLUMNS)
    return {name: list(column) for name, column in zip(_COLUMNS, columns, strict=True)}


def frame(guardrails: Mapping[str, GuardrailReport]) -> Any:
    """A data frame with a row for each guardrail, by name."""
    pandas = _library("pandas", "pandas")
    kinds = {"bool_": "bool", "string": "object"}
    columns = _columns(guardrails).items()
    series = {name: pandas.Series(values, dtype=kinds.get(_COLUMNS[name], _COLUMNS[name])) for name, values in columns}
    return pandas.DataFrame(series).set_index("guardrail")


def arrow(guardrails: Mapping[str, GuardrailReport]) -> Any:
    """A table with a row for each guardrail."""
    pyarrow = _library("pyarrow", "arrow")
    schema = pyarrow.schema([(name, getattr(pyarrow, kind)()) for name, kind in _COLUMNS.items()])
    return pyarrow.table(_columns(guardrails), schema=schema)


def rows(guardrails: Mapping[str, GuardrailReport]) -> list[dict[str, Any]]:
    """The guardrails as plain rows."""
    columns = _columns(guardrails)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def rows_as_frame(plain: list[dict[str, Any]]) -> Any:
    """A data frame of plain rows."""
    return _library("pandas", "pandas").DataFrame(plain)


def rows_as_arrow(plain: list[dict[str, Any]]) -> Any:
    """A table of plain rows."""
    return _library("pyarrow", "arrow").Table.from_pylist(plain)
