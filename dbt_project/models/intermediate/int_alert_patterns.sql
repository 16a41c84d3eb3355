-- A row for each pattern of an alert, and one for `any`.
with fired as (

    select
        alerts.alert_id,
        {{ item_of('fired') }} as pattern
    from {{ ref('fct_alerts') }} as alerts
    {{ join_items('alerts.patterns', 'fired') }}
    union all
    select
        alert_id,
        'any' as pattern
    from {{ ref('fct_alerts') }}

)

select
    alerts.alert_id,
    alerts.transaction_id,
    alerts.occurred_at,
    alerts.card_token,
    alerts.customer_token,
    alerts.merchant_id,
    alerts.billing_amount_minor,
    alerts.score,
    alerts.rules_version,
    fired.pattern,
    alerts.strongest_pattern = fired.pattern as is_strongest
from {{ ref('fct_alerts') }} as alerts
inner join fired on alerts.alert_id = fired.alert_id
