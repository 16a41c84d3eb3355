{{ config(meta={'dagster': {'ref': {'name': 'mart_fraud_by_pattern_hourly'}}}) }}

-- Every alert has exactly one strongest pattern, so these columns of the mart add up to the alerts.
with mart as (

    select
        coalesce(sum(strongest_alert_count), 0) as alert_count,
        coalesce(sum(strongest_billing_amount_minor), 0) as billing_amount_minor
    from {{ ref('mart_fraud_by_pattern_hourly') }}

),

alerts as (

    select
        count(*) as alert_count,
        coalesce(sum(billing_amount_minor), 0) as billing_amount_minor
    from {{ ref('fct_alerts') }}

)

select
    mart.alert_count,
    alerts.alert_count as expected_alert_count,
    mart.billing_amount_minor,
    alerts.billing_amount_minor as expected_billing_amount_minor
from mart
cross join alerts
where
    mart.alert_count != alerts.alert_count
    or mart.billing_amount_minor != alerts.billing_amount_minor
