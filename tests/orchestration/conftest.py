"""Data roots that were run, made once and copied by the tests that go on from them."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest
from nights import FIRST_NIGHT, SECOND_NIGHT, Command, TwoNights, content_hash, hold_back_last_day, succeed


@pytest.fixture(scope="module")
def whole(small_world: Path, tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    """Everything delivered at once and run in one night; copy it before writing to it."""
    root = tmp_path_factory.mktemp("whole") / "data"
    shutil.copytree(small_world, root)
    succeed(command(root, "run", CLIFFHANGER_NOW=FIRST_NIGHT))
    return root


@pytest.fixture(scope="module")
def two_nights(small_world: Path, tmp_path_factory: pytest.TempPathFactory, command: Command) -> TwoNights:
    """Copy its root before writing to it."""
    folder = tmp_path_factory.mktemp("two-nights")
    root = folder / "data"
    shutil.copytree(small_world, root)
    held = hold_back_last_day(root, folder / "aside")
    succeed(command(root, "run", CLIFFHANGER_NOW=FIRST_NIGHT))
    first_hash = content_hash(root)
    published = root / "published" / "cliffhanger.duckdb"
    question = "select count(*), max(start_at) from core.fct_play"
    reader = duckdb.connect(str(published), read_only=True)
    before = reader.execute(question).fetchall()[0]
    for place in held:
        shutil.move(folder / "aside" / place.parent.name / place.name, place)

    answers: set[tuple[Any, ...]] = set()
    finished = threading.Event()

    def keep_asking() -> None:
        cursor = reader.cursor()
        while not finished.is_set():
            answers.add(cursor.execute(question).fetchall()[0])

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        printed = succeed(command(root, "run", "--json", CLIFFHANGER_NOW=SECOND_NIGHT))
    finally:
        finished.set()
        asking.join()
        reader.close()
    with duckdb.connect(str(published), read_only=True) as later:
        newcomer = later.execute(question).fetchall()[0]
    return TwoNights(root, first_hash, json.loads(printed), answers, before, newcomer)
