"""Set statements that settle every key among the staged rows and all history, and write the outcome.

The winner of a key is the row with the least (received time, sha-256 of the canonical row without persons, sha-256 of
the canonical row), over all history; on a full tie the row that is there already, then file order and line. A loser is
a duplicate when its content (all columns but delivery metadata) equals the winner's, else a conflict. Hashes are
computed for colliding keys only.
"""

from __future__ import annotations

from dataclasses import dataclass

from dagster_project.contracts.model import TableContract
from dagster_project.ingest.reject_reasons import OBJECT, RAW_TEXT_LIMIT, canonical, masked, problem, values

WINDOW_DETAIL = "the time lies more than a day after the watermark"
ERASED_DETAIL = "the person was erased after this happened"
HELD_DETAIL = "the row is good, but too many others of its file are not: the file is held whole"
CONFLICT_DETAIL = "another row with the same key and other content came first"


@dataclass(frozen=True)
class MergeStatements:
    """The statements of one feed.

    Temporary tables: `staged` (typed rows), `staged_file` (_file_index, file_sha256, file_name, ingest_date,
    ingested_at), `pseudonym` and `incoming` (see `pseudonyms`), `problem_row`, `collided`, `contender`,
    `conflict_text`, `recount`.
    """

    contract: TableContract

    @property
    def _keys(self) -> str:
        return ", ".join(f'"{name}"' for name in self.contract.key)

    @property
    def _row_key(self) -> str:
        return "concat_ws(chr(31), " + ", ".join(f'"{name}"::varchar' for name in self.contract.key) + ")"

    @property
    def _received(self) -> str:
        return f'"{self.contract.received_time}"' if self.contract.received_time else "null::timestamptz"

    @property
    def _columns(self) -> str:
        return ", ".join(f'"{column.name}"' for column in self.contract.columns)

    @property
    def has_key(self) -> bool:
        """Rows without a natural key are all kept (identical statement lines are legitimate)."""
        return bool(self.contract.key)

    def find_problems(self) -> str:
        """`problem_row`: every failed row with its reason, as it goes to quarantine."""
        return f"""create or replace temp table problem_row as
        with failed_row as (
            select *, {OBJECT} as _object from staged where not _ok and coalesce(_code, '') not in ('held', 'erased')
        ),
        taken_apart as (select *, {values(self.contract)} from failed_row),
        failed as (
            select _file_index, _line_no, _code,
                case when _code is null then {problem(self.contract)} end as _problem,
                case when _doc is null and _raw is null then {canonical(self.contract, masks_persons=True)}
                    else {self._masked_record()} end as _shown
            from taken_apart
        )
        select _file_index, _line_no, coalesce(_code, _problem.code) as reason_code,
            case when _code is null then _problem.detail else '{WINDOW_DETAIL}' end as detail,
            left(_shown, {RAW_TEXT_LIMIT}) as raw_text
        from failed
        union all
        select _file_index, _line_no, _code, if(_code = 'held', '{HELD_DETAIL}', '{ERASED_DETAIL}'), null
        from staged where _code in ('held', 'erased')"""

    @staticmethod
    def no_problems() -> str:
        """An empty `problem_row`."""
        return """create or replace temp table problem_row (
            _file_index integer, _line_no bigint, reason_code varchar, detail varchar, raw_text varchar
        )"""

    def _masked_record(self) -> str:
        """The delivered text without personal values: by key in JSON, by field where a record came with its fields."""
        text = "rtrim(coalesce(_raw, _doc), chr(13) || chr(10))"
        fields = f"',' || {text} || ','"
        for column in self.contract.columns:
            if column.is_personal:
                # A value that is absent must match nothing; chr(31) stands in no record.
                value = f"coalesce(nullif(json_extract_string(_object, '$.\"{column.name}\"'), ''), chr(31))"
                quoted = f"replace({value}, '\"', '\"\"')"
                # Twice for two equal fields side by side; then the quoted spelling.
                for _ in range(2):
                    fields = f"replace({fields}, ',' || {value} || ',', ',***,')"
                fields = f"replace({fields}, ',\"' || {quoted} || '\",', ',***,')"
        record = f"regexp_replace({fields}, '^,|,$', '', 'g')"
        return masked(
            self.contract, f"case when _raw is not null and _object is not null then {record} else {text} end"
        )

    def find_collisions(self, *, with_lost_rows: bool) -> str:
        """`collided`: the keys of good staged rows that stand more than once among staged rows and history."""
        lost = f"""
        union
        select {self._keys} from staged
        where _ok and {self._row_key} in (select row_key from raw.lost_rows where feed = '{self.contract.name}')"""
        # Most keys stand once, and a number is told apart from others at less cost than a text.
        return f"""create or replace temp table collided as
        with repeated as (select hash({self._keys}) as _hash from staged where _ok group by all having count(*) > 1)
        select {self._keys} from staged
        where _ok and hash({self._keys}) in (select _hash from repeated) group by all having count(*) > 1
        union
        select {self._keys} from staged semi join {self.contract.relation} using ({self._keys}) where _ok
        {lost if with_lost_rows else ""}"""

    def set_contending_aside(self) -> str:
        """`contending`: the staged rows of colliding keys, few enough to be looked at closely."""
        return f"""insert into contending
        select staged.rowid, staged.* from staged semi join collided using ({self._keys}) where _ok"""

    def find_contenders(self) -> str:
        """`contender`: all rows of colliding keys, each with its state before and now."""
        content = f"sha256({canonical(self.contract, content_only=True)})"
        # First by what the row says, then by whom: who wins must not change with a person's name.
        whole = f"sha256({canonical(self.contract, masks_persons=True)}) || sha256({canonical(self.contract)})"
        row = f"{self._row_key} as _row_key, {self._received} as _received_at, {content} as _content, {whole} as _whole"
        return f"""create or replace temp table contender as
        with candidate as (
            select 'staged' as _origin, _row_id, _file_index, null::varchar as _sha256, _line_no,
                {row}, null::varchar as _state_before
            from incoming_contending
            union all
            select 'kept', kept.rowid, -1, _file_sha256, _line_no, {row}, 'accepted'
            from {self.contract.relation} as kept semi join collided using ({self._keys})
            union all
            select 'lost', rowid, -1, file_sha256, line_no, row_key, received_ts, content_sha256, null, state
            from raw.lost_rows
            where feed = '{self.contract.name}' and row_key in (select {self._row_key} from collided)
        ),
        ranked as (
            select *,
                row_number() over key_order = 1 as _is_winner,
                first_value(_content) over key_order as _winning_content
            from candidate
            window key_order as (
                partition by _row_key
                order by _origin = 'lost', _received_at nulls last, _whole, _file_index, _line_no
                rows between unbounded preceding and unbounded following
            )
        )
        select * exclude (_is_winner, _winning_content),
            case when _is_winner then 'accepted' when _content = _winning_content then 'duplicate' else 'conflict' end
                as _state
        from ranked"""

    def render_conflicts(self) -> str:
        """`conflict_text`: for each row that has become a conflict, what quarantine shows of it."""
        own = canonical(self.contract, masks_persons=True)
        heir = canonical(self.contract, masks_persons=True, received="contender._received_at")
        place = "contender._file_index, contender._sha256, contender._line_no"
        return f"""create or replace temp table conflict_text as
        select {place}, {own} as raw_text
        from contender inner join contending using (_row_id)
        where contender._origin = 'staged' and contender._state = 'conflict'
        union all
        select {place}, {own}
        from contender inner join {self.contract.relation} as kept on contender._row_id = kept.rowid
        where contender._origin = 'kept' and contender._state = 'conflict'
        union all
        -- A duplicate of a row that has lost now: its content is that row's.
        select {place}, {heir}
        from contender
        inner join contender as fallen
            on contender._row_key = fallen._row_key and contender._content = fallen._content
            and fallen._origin = 'kept'
        inner join {self.contract.relation} as kept on fallen._row_id = kept.rowid
        where contender._origin = 'lost' and contender._state = 'conflict' and contender._state_before = 'duplicate'"""

    def _touched(self, rows: str, *, named_by: str = "") -> str:
        """Distinct (UTC event date, viewer) of some rows; texts are joined after what repeats is gone.

        `named_by` is the table of pseudonyms for rows that have ids.
        """
        names = {column.name for column in self.contract.columns}
        event = self.contract.event_time
        # Whole days since 1970: a cast to date would ask the time zone database for every row.
        day = f'epoch_us("{event}") // 86400000000' if event else "null::bigint"
        persons = [name for name in ("app_id", "viewer_id", "anon_id") if name in names]
        viewer = "null::varchar"
        columns = ", ".join([f"{day} as _day", *persons])
        named = f"(select distinct {columns} from ({rows}))"
        if named_by:
            ids = [column.name for column in self.contract.columns if column.names_viewer]
            joins = " ".join(f"left join {named_by} as _{name} on touched.{name} = _{name}.value" for name in ids)
            pseudonyms = ", ".join(f"coalesce(_{name}.pseudonym, touched.{name}) as {name}" for name in ids)
            replaced = f"touched.* replace ({pseudonyms})" if ids else "touched.*"
            named = f"(select {replaced} from {named} as touched {joins})"
        if {"app_id", "viewer_id"} <= names:
            anonymous = " when anon_id is not null then app_id || '|~' || anon_id" if "anon_id" in names else ""
            viewer = f"case when viewer_id is not null then app_id || '|' || viewer_id{anonymous} end"
        return f"""insert into raw.touched
        select distinct $batch_id, '{self.contract.name}', date '1970-01-01' + _day::integer, {viewer}
        from {named}"""

    def note_touched(self, *, with_contenders: bool) -> str:
        """Distinct (UTC event date, viewer) of rows that come in or go; parameter: batch id."""
        needed = self._needed_for_touched()
        incoming = f"select {needed} from staged where _ok {self._not_lost(with_contenders, 'staged.rowid')}"
        leaving = f"""
        union all
        select {needed} from {self.contract.relation}
        where rowid in (select _row_id from contender where _origin = 'kept' and _state <> 'accepted')"""
        return self._touched(incoming + (leaving if with_contenders else ""), named_by="pseudonym")

    def _needed_for_touched(self) -> str:
        wanted = (self.contract.event_time, "app_id", "viewer_id", "anon_id")
        found = [f'"{column.name}"' for column in self.contract.columns if column.name in wanted]
        return ", ".join(found) or "1"

    def note_leaving(self) -> str:
        """The same for all rows of some files, before they are read anew; parameters: batch id, hashes."""
        return self._touched(
            f"select {self._needed_for_touched()} from {self.contract.relation} "
            "where list_contains($hashes, _file_sha256)"
        )

    def find_orphans(self) -> str:
        """Files with lost rows whose key nobody holds."""
        return f"""select distinct file_sha256 from raw.lost_rows
        where feed = '{self.contract.name}' and row_key not in (select {self._row_key} from {self.contract.relation})
        order by 1"""

    @staticmethod
    def _not_lost(with_contenders: bool, row_id: str) -> str:
        if not with_contenders:
            return ""
        return f"and {row_id} not in (select _row_id from contender where _origin = 'staged' and _state <> 'accepted')"

    def remove_displaced(self) -> str:
        """Take rows out of raw that have lost their key."""
        return f"""delete from {self.contract.relation}
        where rowid in (select _row_id from contender where _origin = 'kept' and _state <> 'accepted')"""

    def insert_winners(self, *, with_contenders: bool) -> str:
        """Good staged rows that hold their key go into raw."""
        return f"""insert into {self.contract.relation}
            ({self._columns}, _file_sha256, _file_name, _line_no, _ingest_date, _ingested_at)
        select {self._columns}, file_sha256, file_name, _line_no, ingest_date, ingested_at
        from incoming inner join staged_file using (_file_index)
        where _ok {self._not_lost(with_contenders, "_row_id")}"""

    def settle_losers(self) -> list[str]:
        """Keep the books of lost rows: new ones, and old ones whose state has changed."""
        return [
            """update raw.lost_rows set state = contender._state from contender
            where lost_rows.rowid = contender._row_id and contender._origin = 'lost'
                and contender._state <> contender._state_before""",
            f"""insert into raw.lost_rows
            select '{self.contract.name}', _row_key, coalesce(_sha256, file_sha256), _line_no, _received_at, _content,
                _state
            from contender left join staged_file using (_file_index)
            where _origin <> 'lost' and _state <> 'accepted'""",
        ]

    def quarantine_conflicts(self) -> list[str]:
        """Conflicts go to quarantine, conflicts that have become duplicates leave it; parameters: see `ingest_row`."""
        return [
            f"""delete from raw.quarantine
            where feed = '{self.contract.name}' and reason_code = 'conflict' and exists (
                select 1 from contender
                where _origin = 'lost' and _state = 'duplicate' and _state_before = 'conflict'
                    and _sha256 = quarantine.file_sha256 and contender._line_no = quarantine.line_no
            )""",
            f"""insert into raw.quarantine
            select coalesce(_sha256, staged_file.file_sha256), '{self.contract.name}',
                coalesce(staged_file.file_name, files.file_name), _line_no, 'conflict', '{CONFLICT_DETAIL}',
                left(raw_text, {RAW_TEXT_LIMIT}), $batch_id, $ingest_date, $ingested_at
            from conflict_text
            left join staged_file using (_file_index)
            left join raw.files as files
                on conflict_text._sha256 = files.file_sha256 and files.feed = '{self.contract.name}'""",
        ]

    def quarantine_rejects(self) -> str:
        """Failed rows go to quarantine."""
        return f"""insert into raw.quarantine
        select file_sha256, '{self.contract.name}', file_name, _line_no, reason_code, detail, raw_text,
            $batch_id, $ingest_date, $ingested_at
        from problem_row inner join staged_file using (_file_index)"""

    def renew_duplicates(self) -> str:
        """Content of duplicates anew from the row they repeat; parameter: pseudonyms of persons that were renamed."""
        ids = [column.name for column in self.contract.columns if column.names_viewer]
        named = " or ".join(f'list_contains($names, "{name}")' for name in ids)
        return f"""update raw.lost_rows set content_sha256 = winner.content
        from (
            select {self._row_key} as row_key, sha256({canonical(self.contract, content_only=True)}) as content
            from {self.contract.relation} where {named}
        ) as winner
        where lost_rows.feed = '{self.contract.name}' and lost_rows.state = 'duplicate'
            and lost_rows.row_key = winner.row_key"""

    def find_affected(self, *, with_contenders: bool) -> str:
        """`affected`: every content whose counts may have changed."""
        older = "union select _sha256 from contender where _origin <> 'staged' and _state <> _state_before"
        return f"""create or replace temp table affected as
        select file_sha256 from staged_file {older if with_contenders else ""}"""

    def recount(self) -> str:
        """Bring accepted, duplicate and conflict of the affected files up to what raw and the lost rows hold."""
        return f"""with accepted as (
            select _file_sha256 as file_sha256, count(*) as rows from {self.contract.relation}
            where _file_sha256 in (select file_sha256 from affected)
                and _ingest_date >= (
                    select min(ingest_date) from raw.files
                    where feed = '{self.contract.name}' and file_sha256 in (select file_sha256 from affected)
                )
            group by all
        ),
        lost as (
            select file_sha256, count(*) filter (state = 'duplicate') as duplicate,
                count(*) filter (state = 'conflict') as conflict
            from raw.lost_rows
            where feed = '{self.contract.name}' and file_sha256 in (select file_sha256 from affected)
            group by all
        )
        update raw.files set
            accepted = coalesce(counted.accepted, 0), duplicate = coalesce(counted.duplicate, 0),
            conflict = coalesce(counted.conflict, 0)
        from (
            select affected.file_sha256, accepted.rows as accepted, lost.duplicate, lost.conflict
            from affected left join accepted using (file_sha256) left join lost using (file_sha256)
        ) as counted
        where files.file_sha256 = counted.file_sha256 and files.feed = '{self.contract.name}'
            and files.status = 'loaded'"""

    def find_imbalance(self) -> str:
        """Affected files whose lines do not add up, or whose quarantine does not hold what was counted out."""
        return f"""select file_name, lines_read, accepted, duplicate, conflict, rejected, blank, coalesce(held, 0)
        from raw.files
        left join (
            select file_sha256, count(*) as held from raw.quarantine
            where feed = '{self.contract.name}' and file_sha256 in (select file_sha256 from affected) group by all
        ) using (file_sha256)
        where feed = '{self.contract.name}' and file_sha256 in (select file_sha256 from affected)
            and (
                lines_read <> accepted + duplicate + conflict + rejected + blank
                or coalesce(held, 0) <> conflict + rejected
            )"""
