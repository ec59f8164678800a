"""Invented names: studios, series with their language and genre, episode and annotation texts."""

STUDIO_NAMES: tuple[tuple[str, str, str, str, str, str], ...] = (
    # name, legal name, country, payout currency, time zone, locale
    ("Lantern Row Pictures", "Lantern Row Pictures LLC", "US", "USD", "America/Los_Angeles", "en-US"),
    ("Jade Harbor Studio 翡翠港影业", "翡翠港影业有限公司", "CN", "USD", "Asia/Shanghai", "zh-CN"),
    ("Moonrise Seoul 문라이즈서울", "주식회사 문라이즈서울", "KR", "USD", "Asia/Seoul", "ko-KR"),
    ("Paper Crane Films", "Paper Crane Films Ltd", "GB", "USD", "Europe/London", "en-GB"),
    ("Casa Ventana", "Casa Ventana Producciones SA de CV", "MX", "USD", "America/Mexico_City", "es-MX"),
    ("Second Elevator", "Second Elevator Inc.", "US", "USD", "America/New_York", "en-US"),
    ("Saltwater & Sons", "Saltwater and Sons Pty Ltd", "AU", "USD", "Australia/Sydney", "en-AU"),
    ("Estúdio Maré Alta", "Maré Alta Produções Ltda", "BR", "USD", "America/Sao_Paulo", "pt-BR"),
    ("Nine Umbrellas", "Nine Umbrellas Co., Ltd.", "TH", "USD", "Asia/Bangkok", "en-US"),
    ("Tinder & Flint Drama", "Tinder & Flint Drama LLC", "US", "USD", "America/Chicago", "en-US"),
    ("Atelier Minuit", "Atelier Minuit SAS", "FR", "USD", "Europe/Paris", "fr-FR"),
    ("Kite Season Media", "PT Kite Season Media", "ID", "USD", "Asia/Jakarta", "en-US"),
    ("Copper Kettle Stories", "Copper Kettle Stories GmbH", "DE", "USD", "Europe/Berlin", "de-DE"),
    ("Velvet Staircase", "Velvet Staircase Inc.", "CA", "USD", "America/Toronto", "en-US"),
)

SERIES_TITLES: tuple[tuple[str, str, str], ...] = (
    # title, language, genre
    ("The Heiress Who Mopped My Floor", "en", "revenge"),
    ("Married to the Night Shift", "en", "romance"),
    ("My Bodyguard Signs the Cheques", "en", "romance"),
    ("总裁的第七封情书", "zh", "romance"),
    ("비밀의 계약 신부", "ko", "romance"),
    ("Three Weddings and an Alibi", "en", "mystery"),
    ("The Wolf at Gate Nine", "en", "fantasy"),
    ("Return of the Cancelled Chef", "en", "revenge"),
    ("She Bought the Orphanage Back", "en", "family"),
    ("La Novia del Ascensor", "es", "romance"),
    ("Do Not Open the Blue Umbrella", "en", "mystery"),
    ("Twin Sister, Borrowed Crown", "en", "revenge"),
    ("My Ex Is the Weather Girl", "en", "comedy"),
    ("The Lighthouse Keeper's Contract", "en", "romance"),
    ("Alpha of Apartment 4B", "en", "fantasy"),
    ("One Night, Two Passports", "en", "thriller"),
    ("O Herdeiro da Lanchonete", "pt", "family"),
    ("Sixty Days to Forgive You", "en", "romance"),
    ("The Quiet Intern Owns the Building", "en", "revenge"),
    ("Grandma Was a Getaway Driver", "en", "comedy"),
    ("Moonlit Debt", "en", "thriller"),
    ("重生之裁缝千金", "zh", "revenge"),
    ("The Understudy's Curse", "en", "fantasy"),
    ("Falling for My Divorce Lawyer", "en", "romance"),
    ("Nobody Fires Rosalind", "en", "comedy"),
    ("The Violin in Room Eleven", "en", "mystery"),
    ("Baby on the Yacht", "en", "family"),
    ("His Umbrella, Her Empire", "en", "romance"),
    ("Queen of the Lost Luggage", "en", "comedy"),
    ("재벌집 막내 셰프", "ko", "family"),
    ("A Vampire Reads the Will", "en", "fantasy"),
    ("The Runaway Accountant", "en", "thriller"),
    ("Le Dernier Étage", "fr", "thriller"),
    ("Midnight at the Ferry Office", "en", "mystery"),
    ("Sold the Farm, Kept the Secret", "en", "family"),
    ("Kiss Me Before the Audit", "en", "romance"),
    ("The Maid, the Map, the Millions", "en", "revenge"),
    ("Every Tuesday He Forgets Me", "en", "romance"),
    ("Storm Bride of Harbor Street", "en", "fantasy"),
    ("Left at the Wrong Altar", "en", "comedy"),
)

CLIFFHANGER_LABELS = ("revelation", "betrayal", "danger", "kiss", "arrival", "secret_heir")
EPISODE_WORDS = (
    "The Letter",
    "A Slap",
    "The Wrong Door",
    "Rain Check",
    "Blood Type",
    "The Ring",
    "Fourteen Missed Calls",
    "An Old Photograph",
    "The Contract",
    "Say It Again",
    "The Second Key",
    "Before the Toast",
    "Elevator Down",
    "What the Nurse Saw",
    "The Scar",
    "Not My Child",
    "Lights Out",
    "The Auction",
    "Under the Veil",
    "He Knows",
)


def series_title(index: int) -> tuple[str, str, str]:
    """Return title, language and genre of the series with this index; titles past the list are later seasons."""
    title, language, genre = SERIES_TITLES[index % len(SERIES_TITLES)]
    season = index // len(SERIES_TITLES) + 1
    return (title if season == 1 else f"{title}, Season {season}"), language, genre


def studio_record(index: int) -> tuple[str, str, str, str, str, str]:
    """Return name, legal name, country, payout currency, time zone and locale of the studio with this index."""
    name, legal_name, *rest = STUDIO_NAMES[index % len(STUDIO_NAMES)]
    number = index // len(STUDIO_NAMES) + 1
    suffix = "" if number == 1 else f" {number}"
    country, currency, timezone, locale = rest
    return name + suffix, legal_name + suffix, country, currency, timezone, locale
