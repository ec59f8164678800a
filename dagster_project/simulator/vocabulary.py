"""Codes of surfaces, viewer classes, access types and gate outcomes, in the order the arrays use."""

SURFACES = ("tiktok_minis", "tiktok_drama_center", "ext_ios", "ext_android", "ext_web")
MINIS, DRAMA_CENTER, EXT_IOS, EXT_ANDROID, EXT_WEB = range(5)
APP_IDS = ("7311880025519425281", "7311880025519425399", "cliff-app", "cliff-app", "cliff-app")
"""App of each surface; the own surfaces share one app, so one account spans them."""
OWN_APP = "cliff-app"

CLASSES = ("casual", "regular", "devoted", "anonymous")
ANONYMOUS = 3

# How a journey stands at its gates: OPEN has not met one, EXEMPT never meets one, the others passed the first.
ACCESS_MODES = ("open", "exempt", "coin_single", "coin_block", "coin_all", "ad", "subscription", "promo")
OPEN, EXEMPT, COIN_SINGLE, COIN_BLOCK, COIN_ALL, AD, SUBSCRIPTION, PROMO = range(8)
BLOCK_EPISODES = 10

OUTCOMES = (
    "in_episode_exit",
    "story_exit",
    "gate_bounce",
    "coin_unlock",
    "ad_unlock",
    "ad_failed",
    "subscription_pass",
    "promo_pass",
)
(
    IN_EPISODE_EXIT,
    STORY_EXIT,
    GATE_BOUNCE,
    COIN_UNLOCK,
    AD_UNLOCK,
    AD_FAILED,
    SUBSCRIPTION_PASS,
    PROMO_PASS,
) = range(8)

ACCESS_TYPES = ("free", "beans", "coin", "ad", "subscription", "vip", "promo")
ENTRY_POINTS = ("feed_card", "ad", "profile", "search", "home", "push", "deeplink", "unknown")
EVENT_TYPES = ("start", "progress", "pause", "resume", "seek", "complete", "stop", "error")
START, PROGRESS, PAUSE, RESUME, SEEK, COMPLETE, STOP, ERROR = range(8)
IVT_FLAGS = ("none", "suspect", "invalid")

HORIZON_HOURS = (24, 72, 168, 672)
SURVIVAL_WINDOW_DAYS = (3, 7, 14)
CONTINUATION_WINDOW_SECONDS = (5, 10, 60, 1800, 86400, 259200, 604800)
GATE_WINDOW_HOURS = (24, 72, 168)
CONTINUATION_MODES = ("all", "autoplay", "active")
FEEDS = ("views", "unlocks", "ads", "topups")

MILLISECONDS_PER_DAY = 86_400_000
MILLISECONDS_PER_HOUR = 3_600_000
