"""Reference tables of the catalogue, the markets and the viewers' links."""

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster_project.simulator.catalogue import (
    COUNTRY_VARIANT,
    Catalogue,
    episode_id,
    series_id,
    studio_id,
)
from dagster_project.simulator.markets import MARKETS, NEVER_DAY, REGION_ENTITIES, launch_days
from dagster_project.simulator.parameters import WorldParameters
from dagster_project.simulator.titles import CLIFFHANGER_LABELS, EPISODE_WORDS, series_title, studio_record
from dagster_project.simulator.vocabulary import (
    APP_IDS,
    DRAMA_CENTER,
    EXT_IOS,
    EXT_WEB,
    MILLISECONDS_PER_DAY,
    MINIS,
    OWN_APP,
    SURFACES,
)

LONG_AGO = "2025-01-01T00:00:00.000Z"
Cell = str | int | None


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a CSV with empty cells for null and line feeds only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(["" if cell is None else cell for cell in row] for row in rows)


def iso(milliseconds: int) -> str:
    """Return epoch milliseconds as ISO-8601 UTC text with milliseconds."""
    moment = datetime.fromtimestamp(milliseconds // 1000, tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{milliseconds % 1000:03d}Z"


def write_catalogue_tables(folder: Path, parameters: WorldParameters, catalogue: Catalogue) -> None:
    """Write studios, series, episodes, access, listings, id map, rollout, prices and annotations."""
    _write_studios(folder, parameters)
    _write_series(folder, catalogue)
    _write_episodes(folder, catalogue)
    _write_access(folder, catalogue)
    _write_listings(folder, catalogue)
    _write_rollout(folder, parameters)
    _write_annotations(folder, parameters, catalogue)
    write_csv(
        folder / "region_map.csv",
        ("region_entity", "country"),
        [(region, m.country) for region in REGION_ENTITIES for m in MARKETS if m.region_entity == region],
    )


def _write_studios(folder: Path, parameters: WorldParameters) -> None:
    rows = []
    for index in range(parameters.studios):
        name, legal, country, currency, timezone, locale = studio_record(index)
        minimum = ("100.00", "50.00", "250.00")[index % 3]
        rows.append(
            (
                studio_id(index),
                name,
                legal,
                country,
                currency,
                timezone,
                locale,
                f"royalties+{studio_id(index)}@example.com",
                minimum,
            )
        )
    write_csv(
        folder / "studios.csv",
        (
            "studio_id",
            "name",
            "legal_name",
            "country",
            "payout_currency",
            "timezone",
            "locale",
            "contact_email",
            "payout_minimum",
        ),
        rows,
    )


def _write_series(folder: Path, catalogue: Catalogue) -> None:
    rows: list[Sequence[Cell]] = []
    for index in range(catalogue.n_series):
        title, language, genre = series_title(index)
        budget = 100_000 + (index * 37_000) % 200_000
        rows.append(
            (
                series_id(index),
                studio_id(int(catalogue.studio[index])),
                title,
                language,
                genre,
                int(catalogue.total_episodes[index]),
                f"{budget}.00",
                "USD",
                "operator" if index % 7 == 3 else "studio",
            )
        )
    write_csv(
        folder / "series.csv",
        (
            "series_id",
            "studio_id",
            "title",
            "language",
            "genre",
            "total_episodes",
            "production_budget",
            "budget_currency",
            "owner",
        ),
        rows,
    )


def _episodes(catalogue: Catalogue) -> Iterable[tuple[int, int]]:
    for index in range(catalogue.n_series):
        for seq in range(1, int(catalogue.total_episodes[index]) + 1):
            yield index, seq


def _write_episodes(folder: Path, catalogue: Catalogue) -> None:
    rows = []
    id_map = []
    for index, seq in _episodes(catalogue):
        label = int(catalogue.label[index, seq])
        word = EPISODE_WORDS[(index * 7 + seq) % len(EPISODE_WORDS)]
        rows.append(
            (
                series_id(index),
                seq,
                episode_id(index, seq),
                f"{seq}. {word}",
                int(catalogue.duration_ms[index, seq]),
                iso(int(catalogue.published_ms[index, seq])),
                CLIFFHANGER_LABELS[label] if label >= 0 else None,
            )
        )
        for app in dict.fromkeys(APP_IDS[:2]):
            id_map.append((app, platform_episode_id(app, index, seq), series_id(index), seq))
    write_csv(
        folder / "episodes.csv",
        ("series_id", "episode_seq", "episode_id", "title", "duration_ms", "published_ts", "cliffhanger_label"),
        rows,
    )
    write_csv(
        folder / "episode_id_map.csv", ("app_id", "platform_episode_id", "series_id", "episode_seq"), sorted(id_map)
    )


def platform_episode_id(app_id: str, series: int, seq: int) -> str:
    """Return the platform's own id of an episode: a whole number above 2^53."""
    return str(7_500_000_000_000_000_000 + APP_IDS.index(app_id) * 10**9 + series * 1000 + seq)


def _write_access(folder: Path, catalogue: Catalogue) -> None:
    rows: list[Sequence[Cell]] = []
    changed = catalogue.roles.get("free_change", -1)
    variant = catalogue.roles.get("country_variant", -1)
    change_at = iso(catalogue.free_change_ms)
    for index, seq in _episodes(catalogue):
        for surface in range(len(SURFACES)):
            free = int(catalogue.free_episodes[index, surface])

            def add(
                country: str,
                begin: str,
                finish: str | None,
                limit: int,
                index: int = index,
                seq: int = seq,
                surface: int = surface,
            ) -> None:
                is_free = seq <= limit
                methods, token = _unlock_methods(surface)
                price = None if is_free or surface == DRAMA_CENTER else int(catalogue.price_tokens[index])
                rows.append(
                    (
                        series_id(index),
                        seq,
                        SURFACES[surface],
                        country,
                        begin,
                        finish,
                        "true" if is_free else "false",
                        None if is_free else methods,
                        price,
                        token if price is not None else None,
                    )
                )

            if index == changed and surface == MINIS:
                add("*", LONG_AGO, change_at, free)
                add("*", change_at, None, catalogue.free_change_to)
            else:
                add("*", LONG_AGO, None, free)
            if index == variant:
                for country in COUNTRY_VARIANT:
                    add(country, LONG_AGO, None, free + 2)
    write_csv(
        folder / "episode_access.csv",
        (
            "series_id",
            "episode_seq",
            "surface",
            "country",
            "valid_from",
            "valid_to",
            "is_free",
            "unlock_methods",
            "price_tokens",
            "token_type",
        ),
        rows,
    )


def _unlock_methods(surface: int) -> tuple[str, str]:
    if surface == DRAMA_CENTER:
        return "ad_reward", ""
    return (
        ("beans;ad_reward;subscription;promo", "BEANS")
        if surface == MINIS
        else (
            "coin;ad_reward;subscription;vip_pass;promo",
            "COIN",
        )
    )


def _write_listings(folder: Path, catalogue: Catalogue) -> None:
    rows: list[Sequence[Cell]] = []
    gone, back = iso(catalogue.delisted_from_ms), iso(catalogue.delisted_to_ms)
    for index in range(catalogue.n_series):
        for surface, name in enumerate(SURFACES):
            path = ("mini_program", "drama_center", "app_store", "play_store", "web")[surface]
            platform_id = str(7_600_000_000_000_000_000 + index * 100 + surface) if surface < EXT_IOS else None
            begin = iso(int(catalogue.published_ms[index, 1]))

            def add(
                start: str,
                finish: str | None,
                status: str,
                index: int = index,
                surface: int = surface,
                name: str = name,
                path: str = path,
                platform_id: str | None = platform_id,
            ) -> None:
                rows.append((series_id(index), name, APP_IDS[surface], start, finish, path, platform_id, status))

            if index == catalogue.roles.get("delisted", -1) and surface == MINIS:
                add(begin, gone, "active")
                add(gone, back, "delisted")
                add(back, None, "active")
            else:
                add(begin, None, "active")
    write_csv(
        folder / "series_listing.csv",
        (
            "series_id",
            "surface",
            "app_id",
            "valid_from",
            "valid_to",
            "publishing_path",
            "platform_series_id",
            "listing_status",
        ),
        rows,
    )


def _write_rollout(folder: Path, parameters: WorldParameters) -> None:
    rows: list[Sequence[Cell]] = []
    for market, day in zip(MARKETS, launch_days(parameters.days).tolist(), strict=True):
        launch = parameters.start + timedelta(days=day if day < NEVER_DAY else 0)
        if day == NEVER_DAY:
            rows.append((SURFACES[MINIS], market.country, APP_IDS[MINIS], "2025-01-01", "none", 0, *[None] * 4))
        else:
            entries = launch + timedelta(days=14)
            rows.append((SURFACES[MINIS], market.country, APP_IDS[MINIS], "2025-01-01", "none", 0, *[None] * 4))
            rows.append(
                (
                    SURFACES[MINIS],
                    market.country,
                    APP_IDS[MINIS],
                    launch.isoformat(),
                    "full",
                    100,
                    entries.isoformat(),
                    launch.isoformat(),
                    launch.isoformat(),
                    None,
                )
            )
        if market.has_drama_center:
            rows.append(
                (
                    SURFACES[DRAMA_CENTER],
                    market.country,
                    APP_IDS[DRAMA_CENTER],
                    "2025-01-01",
                    "full",
                    100,
                    "2025-01-15",
                    None,
                    "2025-01-01",
                    None,
                )
            )
        for surface in range(EXT_IOS, len(SURFACES)):
            web = "2025-01-01" if surface == EXT_WEB else None
            rows.append(
                (
                    SURFACES[surface],
                    market.country,
                    OWN_APP,
                    "2025-01-01",
                    "full",
                    100,
                    "2025-01-01",
                    "2025-01-01",
                    "2025-01-01",
                    web,
                )
            )
    write_csv(
        folder / "market_rollout.csv",
        (
            "surface",
            "country",
            "app_id",
            "stage_from",
            "stage",
            "gray_pct",
            "entries_live_date",
            "iap_enabled_on",
            "iaa_enabled_on",
            "webpay_enabled_on",
        ),
        rows,
    )


def _write_annotations(folder: Path, parameters: WorldParameters, catalogue: Catalogue) -> None:
    rows: list[Sequence[Cell]] = []
    for wave in range(1, 5):
        countries = [m.country for m in MARKETS if m.wave == wave]
        day = int(launch_days(parameters.days)[next(i for i, m in enumerate(MARKETS) if m.wave == wave)])
        if day < parameters.days:
            at = iso(catalogue.start_ms + day * MILLISECONDS_PER_DAY)
            rows.append(("rollout", None, None, at, f"Mini live in {', '.join(countries)}"))
    if catalogue.roles:
        changed, gone = catalogue.roles["free_change"], catalogue.roles["delisted"]
        rows.append(
            (
                "free_count",
                series_id(changed),
                catalogue.free_change_to,
                iso(catalogue.free_change_ms),
                f"Free episodes cut to {catalogue.free_change_to} in the Mini",
            )
        )
        rows.append(("listing", series_id(gone), None, iso(catalogue.delisted_from_ms), "Delisted in the Mini"))
        rows.append(("listing", series_id(gone), None, iso(catalogue.delisted_to_ms), "Listed again in the Mini"))
    for index in range(catalogue.n_series):
        premiere = int(catalogue.published_ms[index, 1])
        if catalogue.start_ms <= premiere < catalogue.end_ms:
            rows.append(("premiere", series_id(index), 1, iso(premiere), "First episodes online"))
    write_csv(folder / "annotation.csv", ("kind", "series_id", "episode_seq", "at", "label"), rows)
