{{ config(materialized='table') }}

with volumes as (

    select
        customer_token,
        sum(attempt_count) as attempt_count,
        sum(approved_count) as approved_count,
        sum(declined_count) as declined_count,
        sum(approved_value_minor) as approved_value_minor
    from {{ ref('int_customer_card_hours') }}
    group by customer_token

),

alerts as (

    select
        customer_token,
        count(*) as alert_count,
        count(distinct case_id) as case_count,
        max(score) as highest_score,
        max(occurred_at) as last_alert_at,
        max_by(strongest_pattern, occurred_at) as last_pattern
    from {{ ref('fct_alerts') }}
    where customer_token is not null
    group by customer_token

),

verdicts as (

    select
        customer_token,
        {{ count_where("verdict = 'fraud'") }} as fraud_count,
        sum(case when verdict = 'fraud' then value_minor else 0 end) as fraud_value_minor,
        {{ count_where("verdict = 'friendly_fraud'") }} as friendly_fraud_count,
        {{ count_where("verdict = 'genuine'") }} as genuine_label_count
    from {{ ref('int_transaction_verdicts') }}
    where customer_token is not null
    group by customer_token

)

select
    volumes.customer_token,
    cast(volumes.attempt_count as bigint) as attempt_count,
    cast(volumes.approved_count as bigint) as approved_count,
    {{ share('volumes.declined_count', 'volumes.attempt_count') }} as declined_share,
    cast(volumes.approved_value_minor as bigint) as approved_value_minor,
    cast(coalesce(alerts.alert_count, 0) as bigint) as alert_count,
    cast(coalesce(alerts.case_count, 0) as bigint) as case_count,
    alerts.highest_score,
    alerts.last_alert_at,
    alerts.last_pattern,
    cast(coalesce(verdicts.fraud_count, 0) as bigint) as fraud_count,
    cast(coalesce(verdicts.fraud_value_minor, 0) as bigint) as fraud_value_minor,
    cast(coalesce(verdicts.friendly_fraud_count, 0) as bigint) as friendly_fraud_count,
    cast(coalesce(verdicts.genuine_label_count, 0) as bigint) as genuine_label_count
from volumes
left join alerts on volumes.customer_token = alerts.customer_token
left join verdicts on volumes.customer_token = verdicts.customer_token
