"""Every model reads as Spark SQL once the dialect macros write Spark: nothing of DuckDB's own stands outside them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import sqlglot
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner
from dbt_warehouse import DBT_DIR, DbtWarehouse, folders
from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError

# Functions of Spark that sqlglot has no node of its own for.
SPARK_FUNCTIONS = {"UNIX_MICROS", "CONVERT_TIMEZONE", "CURRENT_TIMEZONE"}

# What DuckDB understands and Spark does not, by the look of the source.
DUCKDB_ONLY = {
    "list comprehension or lambda": r"\blambda\b|\[\s*\w+\s+for\s",
    "list function": r"\blist_\w+\s*\(|\blist\s*\(|\bunnest\s*\(|\bgenerate_series\s*\(|\brange\s*\(",
    "struct function": r"\bstruct_pack\s*\(",
    "integer division": r"[\w)]\s*//\s*[\w(]",
    "exclude or replace": r"\*\s*(exclude|replace)\b",
    "epoch function": r"\bepoch(_\w+)?\s*\(",
    "arg_max or arg_min": r"\barg_(max|min)\s*\(",
    "strftime": r"\bstr[fp]time\s*\(",
    "date_diff": r"\bdate_(diff|sub)\s*\(",
    "timestamptz": r"\btimestamptz\b",
    "varchar": r"\bvarchar\b|\btext\b(?=\s*\))",
    "hugeint": r"\bhugeint\b",
    "asof join": r"\basof\b",
    "positional join": r"\bpositional\s+join\b",
    "from-first": r"\(\s*from\s",
    "trailing comma": r",\s*\n\s*from\b",
    "quantile": r"\bquantile\w*\s*\(",
    "hash": r"(?<![\w.])hash\s*\(",
}


def sources() -> list[Path]:
    """Model files, and macro files outside the folder of dialects."""
    models = (DBT_DIR / "models").rglob("*.sql")
    macros = (path for path in (DBT_DIR / "macros").rglob("*.sql") if path.parent.name != "dialect")
    return sorted([*models, *macros])


def compiled(folder: Path) -> dict[str, str]:
    """Every model compiled with the Spark flavour of the dialect macros, by name."""
    warehouse = DbtWarehouse.create(folder)
    os.environ["CLIFFHANGER_WAREHOUSE"] = str(warehouse.path)
    reset_adapters()
    arguments = ["compile", *folders(folder), "--quiet", "--vars", "{sql_dialect: spark}", "--select", "path:models"]
    outcome = dbtRunner().invoke(arguments)
    reset_adapters()
    assert outcome.success, outcome.exception
    root = folder / "dbt" / "compiled" / "cliffhanger" / "models"
    return {path.stem: path.read_text(encoding="utf-8") for path in root.rglob("*.sql")}


@pytest.fixture(scope="module")
def spark_sql(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return compiled(tmp_path_factory.mktemp("spark"))


def stripped(text: str) -> str:
    """Source without comments and strings, in lower case."""
    text = re.sub(r"{#.*?#}", " ", text, flags=re.DOTALL)
    text = re.sub(r"--[^\n]*", " ", text)
    return re.sub(r"'[^']*'", "''", text).lower()


def parse_as_spark(sql: str) -> exp.Expr:
    """The statement as Spark reads it.

    Raises:
        ParseError: It is no Spark SQL, or it calls a function Spark does not have.
    """
    statement = sqlglot.parse_one(sql, read="spark", error_level=ErrorLevel.RAISE)
    assert isinstance(statement, exp.Expr)
    unknown = {call.name.upper() for call in statement.find_all(exp.Anonymous)} - SPARK_FUNCTIONS
    if unknown:
        raise ParseError(f"functions Spark does not have: {', '.join(sorted(unknown))}")
    return statement


def test_every_model_parses_as_spark_sql(spark_sql: dict[str, str]) -> None:
    models = {path.stem for path in (DBT_DIR / "models").rglob("*.sql")}
    assert models <= spark_sql.keys()
    failures = {}
    for name in sorted(models):
        try:
            parse_as_spark(spark_sql[name])
        except ParseError as error:
            failures[name] = str(error).splitlines()[0]
    assert not failures


@pytest.mark.parametrize("construct", DUCKDB_ONLY)
def test_nothing_of_duckdbs_own_outside_the_dialect_macros(construct: str) -> None:
    found = [
        f"{path.relative_to(DBT_DIR)}: {match.group(0).strip()!r}"
        for path in sources()
        for match in re.finditer(DUCKDB_ONLY[construct], stripped(path.read_text(encoding="utf-8")))
    ]
    assert not found, "\n".join(found)


def test_dialect_macros_have_both_flavours() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (DBT_DIR / "macros" / "dialect").glob("*.sql"))
    called = set(re.findall(r"flavour\('(\w+)'\)", text))
    assert called
    assert {name for name in called if f"macro default__{name}(" in text and f"macro spark__{name}(" in text} == called


@pytest.mark.parametrize(
    "sql",
    [
        "select list_filter(a, lambda x: x > 1) from t",
        "select unnest(generate_series(1, 3))",
        "select epoch_us(a) from t",
        "select a from t positional join u",
    ],
)
def test_duckdb_sql_is_refused(sql: str) -> None:
    """The two readers above can fail: what only DuckDB knows does not pass both."""
    if not any(re.search(pattern, sql) for pattern in DUCKDB_ONLY.values()):
        with pytest.raises(ParseError):
            parse_as_spark(sql)
