"""What every public model owes its reader: grain, meaning of each column, proven key, an identity, a unit test."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from dbt.contracts.graph.nodes import GenericTestNode, ModelNode
from dbt_warehouse import DBT_DIR, parsed_project

PUBLIC_ROOMS = ("core", "marts")
MONEY = re.compile(r"_(micros|minor|tokens)$|^token_(paid|bonus)$|^tokens_")


@pytest.fixture(scope="module")
def models() -> list[ModelNode]:
    nodes = parsed_project().nodes.values()
    public = [node for node in nodes if isinstance(node, ModelNode) and node.fqn[1] in PUBLIC_ROOMS]
    assert len(public) > 15
    return sorted(public, key=lambda node: node.name)


def failing(models: list[ModelNode], keeps_rule: Callable[[ModelNode], bool]) -> list[str]:
    """Names of the models that break a rule."""
    return [model.name for model in models if not keeps_rule(model)]


def checks_on(model: ModelNode, kind: str) -> list[GenericTestNode]:
    return [
        node
        for node in parsed_project().nodes.values()
        if isinstance(node, GenericTestNode)
        and node.attached_node == model.unique_id
        and node.test_metadata.name == kind
    ]


def branches(model: ModelNode) -> bool:
    """Whether the model decides, joins or counts anything; a plain list of columns has nothing to test."""
    sql = (DBT_DIR / model.original_file_path).read_text(encoding="utf-8").lower()
    return re.search(r"\bcase\b|\bjoin\b|\bgroup by\b|\bover\b|\{% (if|for)", sql) is not None


def test_description_states_the_grain(models: list[ModelNode]) -> None:
    assert not failing(models, lambda model: re.search(r"\b[Oo]ne row per\b", model.description) is not None)


def test_contract_is_enforced(models: list[ModelNode]) -> None:
    assert not failing(models, lambda model: model.contract.enforced)


def test_every_column_has_a_type_and_a_meaning(models: list[ModelNode]) -> None:
    bare = [
        f"{model.name}.{column.name}"
        for model in models
        for column in model.columns.values()
        if not column.data_type or not column.description.strip()
    ]
    assert not bare
    assert not failing(models, lambda model: bool(model.columns))


def test_publication_is_decided_and_the_key_is_named(models: list[ModelNode]) -> None:
    assert not failing(models, lambda model: isinstance(model.config.meta.get("publish"), bool))
    assert not failing(models, lambda model: set(model.config.meta.get("key") or [""]) <= set(model.columns))


def test_key_is_proven(models: list[ModelNode]) -> None:
    def is_proven(model: ModelNode) -> bool:
        proven = [sorted(check.test_metadata.kwargs["columns"]) for check in checks_on(model, "unique_combination")]
        return sorted(model.config.meta["key"]) in proven

    assert not failing(models, is_proven)


def test_an_identity_holds(models: list[ModelNode]) -> None:
    """An equation within the row, or parts that add up to a whole over rows."""
    identities = ("expression_is_true", "parts_add_up")
    assert not failing(models, lambda model: any(checks_on(model, name) for name in identities))


def test_a_unit_test_covers_what_branches(models: list[ModelNode]) -> None:
    tested = {unit.model for unit in parsed_project().unit_tests.values()}
    released = [model for model in models if model.config.meta["publish"]]
    assert not failing(released, lambda model: model.name in tested or not branches(model))


def test_money_is_never_a_floating_number(models: list[ModelNode]) -> None:
    floating = [
        f"{model.name}.{name}"
        for model in models
        for name, column in model.columns.items()
        if MONEY.search(name) and not re.fullmatch(r"bigint|hugeint|decimal\(.*\)", str(column.data_type).lower())
    ]
    assert not floating
