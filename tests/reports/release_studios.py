"""The made-up studios of the report tests: hostile titles, and every kind of gap."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

MONDAY = date(2026, 11, 9)
WEEK = "2026-W46"
AS_OF = datetime(2026, 11, 17, 6, 0, tzinfo=UTC)
WEEKS = 10


@dataclass(frozen=True)
class World:
    """The rows of a release, by table."""

    studios: Sequence["StudioSpec"]
    checks: Sequence[tuple[str, str, str, bool, str | None]] = ()
    as_of: datetime = AS_OF
    ads_as_of: datetime | None = None
    unlocks_as_of: datetime | None = None


@dataclass(frozen=True)
class SeriesSpec:
    """One series. `starters` are those of the last week; earlier weeks follow by `growth`."""

    series_id: str
    title: str | None
    starters: int
    total: int = 60
    published: int | None = None
    gate: int | None = 10
    genre: str | None = "romance"
    language: str | None = "en"
    early_loss: float = 0.05
    gate_loss: float = 0.42
    late_loss: float = 0.011
    last_gate_loss: float | None = None
    cliffhangers: tuple[int, ...] = ()
    unlock_rate: float = 0.22
    last_unlock_rate: float | None = None
    ads: bool = True
    weeks: int = WEEKS
    growth: float = 0.012
    curve: str = "ok"  # or missing, suppressed, immature
    present: bool = True  # whether the last week has a weekly row


@dataclass(frozen=True)
class StudioSpec:
    studio_id: str
    name: str
    series: tuple[SeriesSpec, ...] = field(default_factory=tuple)
    legal_name: str | None = None
    locale: str = "en-US"


STARFALL = StudioSpec(
    "std_starfall",
    "Starfall Pictures 星落影业",
    (
        SeriesSpec(
            "ser_heir",
            "The CEO\u2019s Secret Heir",
            48210,
            last_gate_loss=0.455,
            cliffhangers=(9, 23, 24, 25, 36, 40, 51, 52),
            unlock_rate=0.213,
            last_unlock_rate=0.244,
        ),
        SeriesSpec(
            "ser_bride",
            "霸道总裁的替身新娘",
            31877,
            total=72,
            gate=12,
            language="zh",
            gate_loss=0.36,
            unlock_rate=0.228,
        ),
        SeriesSpec(
            "ser_daughter",
            "재벌가의 숨은 딸",
            9120,
            total=54,
            gate=9,
            language="ko",
            gate_loss=0.49,
            early_loss=0.06,
        ),
        SeriesSpec(
            "ser_heels",
            "Revenge in Heels",
            640,
            published=22,
            language="en",
            gate_loss=0.47,
            weeks=2,
            growth=0.3,
        ),
    ),
    legal_name="Starfall Pictures Co., Ltd.",
)
LANTERN = StudioSpec(
    "std_lantern",
    "Blue Lantern",
    (SeriesSpec("ser_lantern", "Lanterns over Lisbon", 412, total=48, gate=8, unlock_rate=0.0, ads=False),),
)
MOONRIVER = StudioSpec(
    "std_moonriver",
    "Moonriver 문리버 스튜디오",
    tuple(
        SeriesSpec(
            f"ser_moon{n:02d}",
            title,
            starters,
            total=50 + 2 * n,
            gate=8 + n % 4,
            language=language,
            gate_loss=0.35 + 0.02 * n,
            cliffhangers=(7, 15),
        )
        for n, (title, starters, language) in enumerate(
            [
                ("Moonriver", 21040, "en"),
                ("그림자 속의 약속", 17230, "ko"),
                ("影の約束と直す", 12400, "ja"),
                (
                    "The Billionaire\u2019s Accidental Bodyguard Returns for One Last Perfect Winter",
                    9800,
                    "en",
                ),
                ("Dr. Vow", 7020, "en"),
                ("重生之豪门千金归来", 5100, "zh"),
                ("Ashes & Orchids", 3300, "en"),
                ("사랑한다는말대신에안녕이라고말하는그사람의뒷모습", 2100, "ko"),
                ("Pale Harbor", 1500, "en"),
                ("La última llave", 900, "es"),
                ("Run, Little Fox", 150, "en"),
                ("Mirror Wife", 64, "en"),
                ("Salt", 12, "en"),
                ("Two Kings", 9, "en"),
            ]
        )
    ),
)
QUIET = StudioSpec(
    "std_quiet",
    "Quiet Harbor Media",
    (
        SeriesSpec("ser_quiet", "Tidewater Vows", 5200, curve="missing", present=False),
        SeriesSpec("ser_quiet2", "Second Tide", 2200, curve="missing", present=False),
    ),
)
NEWCUT = StudioSpec(
    "std_newcut",
    "Newcut",
    (
        SeriesSpec("ser_new1", "Three Days In", 1204, curve="immature", weeks=1),
        SeriesSpec("ser_new2", "Pilot Only", 310, total=40, published=1, gate=None, weeks=1),
        SeriesSpec("ser_new3", "Under the Line", 80, curve="suppressed", weeks=3),
        SeriesSpec("ser_new4", "Two Doors", 700, total=40, published=2, gate=8, weeks=1),
        SeriesSpec("ser_new5", "Nobody Came", 0, weeks=4),
    ),
)
HOSTILE_TITLES = (
    r"$\frac{1}{0$",
    "_leading underscore_ and *stars*",
    "<script>alert('x')</script>",
    "word " * 4000,
    '#panic() #import "x" @label <label>',
    "{{ braces }} {0} %s \\n",
    "W" * 20000,
    "การแก้แค้นของเจ้าสาว",
)
HOSTILE = StudioSpec(
    "std_hostile",
    "= Heading _Studio_ $x$ #name",
    tuple(
        SeriesSpec(f"ser_hostile{n}", title, 9000 - 900 * n, total=55 + n, gate=9 + n % 3)
        for n, title in enumerate(HOSTILE_TITLES)
    ),
)
PEERS = tuple(
    StudioSpec(
        f"std_peer{n}",
        f"Peerless Canary House {n}",
        tuple(
            SeriesSpec(
                f"ser_peer{n}_{m}",
                f"Canaryword {n}{m} Tale",
                4000 + 700 * n + 310 * m,
                total=total,
                gate=8 + (n + m) % 5,
                gate_loss=0.43 + 0.02 * n,
                early_loss=0.056 + 0.002 * m,
            )
            for m, total in enumerate((58, 60, 72, 54))
        ),
        legal_name=f"Canary Legal {n} GmbH",
    )
    for n in range(6)
)
CHECKS = (
    (
        "views_volume",
        "raw/views",
        "warning",
        False,
        "Revenge in Heels: event volume 18% under forecast on 12 Nov, cause unknown",
    ),
    ("ads_settled", "raw/ads", "warning", False, "Canaryword 11 Tale: ads of std_peer1 arrived late"),
    *((f"check_{n:02d}", "core/fct_play", "critical" if n % 2 else "warning", True, None) for n in range(12)),
)
WORLD = World((STARFALL, LANTERN, MOONRIVER, QUIET, NEWCUT, HOSTILE, *PEERS), CHECKS)
