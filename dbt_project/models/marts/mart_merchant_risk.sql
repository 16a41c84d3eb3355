{{ config(materialized='table') }}

with volumes as (

    select
        merchant_id,
        sum(attempt_count) as attempt_count,
        sum(approved_count) as approved_count,
        sum(declined_count) as declined_count,
        sum(approved_value_minor) as approved_value_minor
    from {{ ref('int_merchant_hours') }}
    group by merchant_id

),

alerts as (

    select
        merchant_id,
        count(*) as alert_count,
        count(distinct card_token) as alerted_card_count,
        max(occurred_at) as last_alert_at
    from {{ ref('fct_alerts') }}
    group by merchant_id

),

verdicts as (

    select
        merchant_id,
        {{ count_where("verdict = 'fraud'") }} as fraud_count,
        sum(case when verdict = 'fraud' then value_minor else 0 end) as fraud_value_minor,
        {{ count_where("verdict = 'friendly_fraud'") }} as friendly_fraud_count
    from {{ ref('int_transaction_verdicts') }}
    group by merchant_id

),

-- A merchant of few attempts is drawn towards everybody's share, as if it had had 100 such more.
overall as (

    select
        cast((
            select {{ count_where("verdict = 'fraud'") }} from {{ ref('int_transaction_verdicts') }}
        ) as double) / nullif((select sum(attempt_count) from volumes), 0) as fraud_share

)

select
    volumes.merchant_id,
    cast(volumes.attempt_count as bigint) as attempt_count,
    cast(volumes.approved_count as bigint) as approved_count,
    {{ share('volumes.declined_count', 'volumes.attempt_count') }} as declined_share,
    cast(volumes.approved_value_minor as bigint) as approved_value_minor,
    cast(coalesce(alerts.alert_count, 0) as bigint) as alert_count,
    cast(coalesce(alerts.alerted_card_count, 0) as bigint) as alerted_card_count,
    alerts.last_alert_at,
    cast(coalesce(verdicts.fraud_count, 0) as bigint) as fraud_count,
    cast(coalesce(verdicts.fraud_value_minor, 0) as bigint) as fraud_value_minor,
    {{ share('coalesce(verdicts.fraud_value_minor, 0)', 'volumes.approved_value_minor') }}
        as fraud_share_of_value,
    cast(
        (coalesce(verdicts.fraud_count, 0) + 100 * overall.fraud_share)
        / (volumes.attempt_count + 100) as double
    ) as smoothed_fraud_share,
    cast(coalesce(verdicts.friendly_fraud_count, 0) as bigint) as friendly_fraud_count
from volumes
cross join overall
left join alerts on volumes.merchant_id = alerts.merchant_id
left join verdicts on volumes.merchant_id = verdicts.merchant_id
