{{ config(meta={'dagster': {'ref': {'name': 'mart_detection_quality'}}}) }}

-- The rows of pattern `any` add up to the labelled transactions that the warehouse has, and to all
-- alerts: each stands in exactly one of their columns.
with mart as (

    select
        coalesce(sum(fraud_count + friendly_fraud_count + genuine_count), 0) as labelled_count,
        coalesce(sum(alert_count), 0) as alert_count
    from {{ ref('mart_detection_quality') }}
    where pattern = 'any'

),

labelled as (

    select count(*) as labelled_count
    from {{ ref('fct_transactions') }}
    where transaction_id in (select labels.transaction_id from {{ ref('fct_labels') }} as labels)

),

alerts as (

    select count(*) as alert_count
    from {{ ref('fct_alerts') }}

)

select
    mart.labelled_count,
    labelled.labelled_count as expected_labelled_count,
    mart.alert_count,
    alerts.alert_count as expected_alert_count
from mart
cross join labelled
cross join alerts
where
    mart.labelled_count != labelled.labelled_count
    or mart.alert_count != alerts.alert_count
