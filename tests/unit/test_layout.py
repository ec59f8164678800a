"""Where everything lies, and what is said when a folder cannot be made."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.core.errors import WarehouseError
from dagster_project.storage.layout import DataLayout


def test_folders_of_the_data_root_are_closed_to_other_users(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    layout.prepare()
    assert {folder.stat().st_mode & 0o777 for folder in (layout.warehouse_dir, layout.ledger, layout.privacy)} == {
        0o700
    }


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("a file in the place of the folder", encoding="utf-8")
    with pytest.raises(
        WarehouseError, match=rf"{tmp_path}/ledger: a folder of the data root cannot be made\. File exists"
    ):
        DataLayout(tmp_path).prepare()
