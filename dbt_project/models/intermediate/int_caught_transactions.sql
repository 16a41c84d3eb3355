{{ config(materialized='table') }}

-- Caught: alerted itself, or after an alert on the same card or customer within 24 hours, since an
-- open case raises no second alert and an alert stops the transactions after it.
with labelled as (

    select * from {{ ref('int_labelled_transactions') }}

),

alerts as (

    select * from {{ ref('int_alert_patterns') }}

),

pairs as (

    select
        labelled.transaction_id,
        alerts.pattern,
        alerts.transaction_id != labelled.transaction_id as is_after
    from labelled
    inner join alerts on labelled.card_token = alerts.card_token
    where
        alerts.occurred_at <= labelled.occurred_at
        and alerts.occurred_at >= labelled.occurred_at - interval '24 hours'
    union all
    select
        labelled.transaction_id,
        alerts.pattern,
        alerts.transaction_id != labelled.transaction_id as is_after
    from labelled
    inner join alerts on labelled.customer_token = alerts.customer_token
    where
        alerts.occurred_at <= labelled.occurred_at
        and alerts.occurred_at >= labelled.occurred_at - interval '24 hours'

)

select
    transaction_id,
    pattern,
    {{ any_true('is_after') }} as is_after_alert
from pairs
group by transaction_id, pattern
