"""Where each panel's figures come from: SQL that gives them again on the released file."""

from collections.abc import Mapping

from dashboards.periods import Week


def queries(week: Week, weeks: int) -> Mapping[str, str]:
    """The query of each panel, by its key; they run as they stand on the file attached as `release`."""
    first, monday, last = week.before(weeks - 1).monday, week.monday, week.before(1).monday
    return {
        "feeds": "select source, as_of, n_rows, late_share, status from release.health.freshness order by source",
        "checks": "select asset, check_name, severity, passed, detail from release.meta.checks\n"
        "where release_id = (select release_id from release.meta.releases where is_current)\n"
        "order by asset, check_name",
        "releases": "select release_id, created_at, as_of, content_hash, is_current from release.meta.releases\n"
        "order by created_at desc",
        "quarantine": "select reason_code, count(*) as n_lines from release.health.quarantine\n"
        "group by reason_code order by n_lines desc, reason_code",
        "traffic": "select * from release.health.traffic_quality order by feed",
        "kpis": "select week_start, sum(n_starters) as n_starters, sum(n_viewers) as n_viewers,\n"
        "  sum(n_completions) / nullif(sum(n_starts), 0) as completions_per_start,\n"
        "  sum(n_gate_unlockers) / nullif(sum(n_gate_viewers), 0) as unlock_share,\n"
        "  sum(unlock_net_micros) as unlock_net_micros, sum(ad_revenue_micros) as ad_revenue_micros\n"
        f"from release.weekly.series_week where week_start between '{first}' and '{monday}'\n"
        "group by week_start order by week_start",
        "mix": "select week_start, sum(in_platform_net_micros) as platform_micros,\n"
        "  sum(own_app_net_micros) as own_micros\n"
        f"from release.cannibalization.market_panel where week_start between date '{first}' and date '{monday}'\n"
        "  and currency = 'USD'\ngroup by week_start order by week_start",
        "movers": "select studio_id, sum(case when week_start = "
        f"'{monday}' then unlock_net_micros else -unlock_net_micros end) as change_micros\n"
        f"from release.weekly.series_week where week_start in ('{last}', '{monday}')\n"
        "group by studio_id order by abs(change_micros) desc, studio_id",
        "studios": "select studio_id, sum(n_starters) as n_starters, sum(n_gate_viewers) as n_gate_viewers,\n"
        "  sum(n_gate_unlockers) as n_gate_unlockers, sum(unlock_net_micros) as unlock_net_micros,\n"
        "  sum(ad_revenue_micros) as ad_revenue_micros\n"
        f"from release.weekly.series_week where week_start = '{monday}'\n"
        "group by studio_id order by unlock_net_micros desc, studio_id",
        "tests": "select experiment_id, arm, control_arm, horizon_days, difference, ci_low, ci_high,\n"
        "  always_valid_low, always_valid_high, status, status_reason\n"
        "from release.discounts.uplift where metric = 'net_revenue' and segment = 'all'\n"
        "order by experiment_id, arm, horizon_days",
        "diversion": "select kappa, ci_low, ci_high, displaced_minor, in_platform_minor, status, status_reason\n"
        "from release.cannibalization.diversion where scope = 'all' and method = 'staggered_did'",
        "paywalls": "select g.series_id, s.title, g.n_followed, g.estimate, g.ci_low, g.ci_high\n"
        "from release.cliffhanger.gate_decomposition as g\ninner join release.core.dim_series as s\n"
        "  on g.series_id = s.series_id and g.gate_episode_seq = s.first_gated_episode_seq\n"
        "where g.surface = 'all' and g.cohort_week = 'all' and g.outcome = 'gate_bounce'\n"
        "  and g.window_hours = 168 and g.status = 'ok' and g.n_followed >= 100\norder by g.estimate desc, g.series_id",
        "money": "select activity_period, direction, line_type, currency, sum(pending_minor) as pending_minor\n"
        "from release.payouts.pending group by all order by all",
    }
