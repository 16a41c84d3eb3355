{{ config(materialized='table') }}

-- Small, since it has a row for an hour and pattern with alerts only; built whole, since labels
-- come weeks later and change old hours.
select
    date_trunc('hour', alerts.occurred_at) as hour_at,
    alerts.pattern,
    count(*) as alert_count,
    {{ count_where('alerts.is_strongest') }} as strongest_alert_count,
    cast(sum(alerts.billing_amount_minor) as bigint) as billing_amount_minor,
    cast(sum(case when alerts.is_strongest then alerts.billing_amount_minor else 0 end) as bigint)
        as strongest_billing_amount_minor,
    max(alerts.score) as max_score,
    count(distinct alerts.card_token) as card_count,
    count(distinct alerts.customer_token) as customer_count,
    {{ count_where("alerts.is_strongest and verdicts.verdict = 'fraud'") }}
        as strongest_fraud_alert_count,
    {{ count_where("alerts.is_strongest and verdicts.verdict = 'genuine'") }}
        as strongest_genuine_alert_count
from {{ ref('int_alert_patterns') }} as alerts
left join {{ ref('int_transaction_verdicts') }} as verdicts
    on alerts.transaction_id = verdicts.transaction_id
where alerts.pattern != 'any'
group by 1, 2
