"""Reads the YAML of a contract; every mistake is told with file and line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from dagster_project.core.errors import ContractError

Document = TypeVar("Document", bound=BaseModel)


def read_document(path: Path, form: type[Document]) -> tuple[yaml.Node | None, Document]:
    """The YAML of a contract, checked for its form, with the nodes that know its lines.

    Raises:
        ContractError: The file is not YAML, or not of that form; the message names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(
            "the contract cannot be read", where=str(path), why=str(error), fix="restore the file"
        ) from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line + 1) if error.problem_mark else 1
        raise contract_error(path, line, "the contract is not valid YAML", error.problem or str(error)) from error
    except yaml.YAMLError as error:
        raise contract_error(path, 1, "the contract is not valid YAML", str(error)) from error
    try:
        return node, form.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        location = first["loc"]
        name = ".".join(str(part) for part in location) or "the document"
        why = f"{name}: {first['msg']}"
        raise contract_error(path, line_of(node, location), "the contract breaks the contract format", why) from error


def contract_error(path: Path, line: int, what: str, why: str) -> ContractError:
    return ContractError(what, where=f"{path}:{line}", why=why, fix="mend that line and run again")


def line_of(node: yaml.Node | None, location: Sequence[int | str]) -> int:
    """The line of the deepest node on the way to `location` (counted from 1)."""
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            child = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if child is None:
                break
            line, node = child[0].start_mark.line + 1, child[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
