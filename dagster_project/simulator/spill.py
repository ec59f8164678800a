"""Rows of finished chunks on disk, cut by received day, so that memory does not grow with the world."""

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.ipc as ipc

from dagster_project.simulator.vocabulary import MILLISECONDS_PER_DAY


class Spill:
    """One Arrow file per feed and chunk with one record batch per received day of the world."""

    def __init__(self, folder: Path, days: int, start_ms: int) -> None:
        self._folder, self._days, self._start_ms = folder, days, start_ms
        folder.mkdir(parents=True)
        self._readers: dict[str, list[ipc.RecordBatchFileReader]] = {}
        self._sources: list[pa.MemoryMappedFile] = []

    def add(self, feed: str, chunk: int, rows: pl.DataFrame) -> None:
        """Store the rows of a chunk; they must be sorted by received_ms and lie inside the world."""
        day = (rows["received_ms"].to_numpy() - self._start_ms) // MILLISECONDS_PER_DAY
        cuts = np.searchsorted(day, np.arange(self._days + 1))
        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
        options = ipc.IpcWriteOptions(compression="lz4")
        path = self._folder / f"{feed}-{chunk:06d}.arrow"
        with pa.OSFile(str(path), "wb") as sink, ipc.new_file(sink, table.schema, options=options) as writer:
            for begin, finish in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
                part = table.slice(begin, finish - begin).combine_chunks()
                batches = part.to_batches()
                writer.write_batch(batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema))

    def day(self, feed: str, day: int) -> pl.DataFrame:
        """Return all rows of a feed received on a day of the world, ordered by received_ms, then by chunk and row."""
        if feed not in self._readers:
            self._readers[feed] = []
            for path in sorted(self._folder.glob(f"{feed}-*.arrow")):
                source = pa.memory_map(str(path))
                self._sources.append(source)
                self._readers[feed].append(ipc.open_file(source))
        batches = [reader.get_batch(day) for reader in self._readers[feed]]
        frame = pl.DataFrame(pa.Table.from_batches(batches))
        return frame.sort("received_ms", maintain_order=True)

    def close(self) -> None:
        """Let go of the files."""
        self._readers.clear()
        for source in self._sources:
            source.close()
