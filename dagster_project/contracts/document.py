"""The YAML of a contract, in the shape of the Open Data Contract Standard v3.1."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dagster_project.contracts.model import LogicalType


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Description(_Strict):
    purpose: str
    usage: str = ""
    limitations: str = ""


class TypeOptions(_Strict):
    minLength: int | None = None
    maxLength: int | None = Field(default=None, ge=1)
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None


class ValidValues(_Strict):
    validValues: list[str] = Field(min_length=1)


class Quality(_Strict):
    metric: Literal["invalidValues"]
    mustBe: Literal[0]
    arguments: ValidValues


class CustomProperty(_Strict):
    property: str
    value: Any


class Property(_Strict):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    logicalType: LogicalType = Field(strict=False)
    physicalType: Literal["VARCHAR", "BIGINT", "BOOLEAN", "TIMESTAMPTZ", "DATE", "DECIMAL(18,6)"]
    description: str = Field(min_length=1)
    primaryKey: bool = False
    primaryKeyPosition: int | None = Field(default=None, ge=1)
    required: bool = False
    classification: Literal["personal"] | None = None
    logicalTypeOptions: TypeOptions = TypeOptions()
    quality: list[Quality] = []
    customProperties: list[CustomProperty] = []


class SchemaObject(_Strict):
    name: str
    physicalName: str = Field(pattern=r"^[a-z_]+\.[a-z_]+$")
    logicalType: Literal["object"]
    physicalType: Literal["table"]
    dataGranularityDescription: str
    properties: list[Property] = Field(min_length=1)


class FieldProperty(_Strict):
    """A field of a native record; `physicalName` is its JSON path or header."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    physicalName: str = Field(min_length=1)
    logicalType: LogicalType = Field(strict=False)
    description: str = Field(min_length=1)
    required: bool = False
    classification: Literal["personal"] | None = None
    customProperties: list[CustomProperty] = []


class NativeSchema(_Strict):
    name: str
    physicalName: str
    logicalType: Literal["object"]
    physicalType: Literal["jsonl", "csv"]
    dataGranularityDescription: str
    properties: list[FieldProperty] = Field(min_length=1)


class LookupValue(_Strict):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    table: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    keys: dict[str, str] = Field(min_length=1)


class RefusalValue(_Strict):
    when: str = Field(min_length=1)
    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    detail: str = Field(min_length=1)


class SlaProperty(_Strict):
    property: str
    value: int
    unit: Literal["h", "d"]


class ContractDocument(_Strict):
    apiVersion: Literal["v3.1.0"]
    kind: Literal["DataContract"]
    id: str
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: str
    status: Literal["active", "draft", "deprecated"]
    description: Description
    schema_: list[SchemaObject] = Field(alias="schema", min_length=1, max_length=1)
    slaProperties: list[SlaProperty] = []
    customProperties: list[CustomProperty] = []


class NativeDocument(_Strict):
    apiVersion: Literal["v3.1.0"]
    kind: Literal["DataContract"]
    id: str
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: str
    status: Literal["active", "draft", "deprecated"]
    description: Description
    schema_: list[NativeSchema] = Field(alias="schema", min_length=1, max_length=1)
    customProperties: list[CustomProperty] = []
