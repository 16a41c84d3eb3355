{{ config(materialized='table') }}

with alert_patterns as (

    select
        date_trunc('hour', alerts.occurred_at) as hour_at,
        fired.pattern,
        alerts.strongest_pattern = fired.pattern as is_strongest,
        alerts.billing_amount_minor,
        alerts.score,
        alerts.card_token,
        alerts.customer_token
    from {{ ref('fct_alerts') }} as alerts
    cross join unnest(alerts.patterns) as fired (pattern)

)

select
    hour_at,
    pattern,
    count(*) as alert_count,
    count(*) filter (where is_strongest) as strongest_alert_count,
    cast(sum(billing_amount_minor) as bigint) as billing_amount_minor,
    cast(coalesce(sum(billing_amount_minor) filter (where is_strongest), 0) as bigint)
        as strongest_billing_amount_minor,
    max(score) as max_score,
    count(distinct card_token) as card_count,
    count(distinct customer_token) as customer_count
from alert_patterns
group by hour_at, pattern
