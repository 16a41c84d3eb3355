{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}

-- The alert table follows the alert topic in offset order: new is what lies past the offset held.
with alerts as (

    select * from {{ ref('stg_fraudstream__alerts') }}

)

{%- if is_incremental() %},

held as (

    select
        alert_partition,
        max(alert_offset) as newest_offset
    from {{ this }}
    group by alert_partition

)
{%- endif %}

select
    alerts.alert_id,
    alerts.transaction_id,
    alerts.occurred_at,
    alerts.sent_at,
    alerts.transaction_appended_at,
    alerts.raised_at,
    alerts.alert_partition,
    alerts.alert_offset,
    alerts.lake_hour,
    alerts.customer_token,
    alerts.card_token,
    alerts.merchant_id,
    alerts.billing_amount_minor,
    alerts.score,
    alerts.severity,
    alerts.recommended_action,
    alerts.patterns,
    {{ first_item('alerts.patterns') }} as strongest_pattern,
    alerts.rules_version,
    alerts.case_id,
    alerts.case_event,
    alerts.case_key
from alerts
{%- if is_incremental() %}
left join held
    on alerts.alert_partition = held.alert_partition
where alerts.alert_offset > coalesce(held.newest_offset, -1)
{%- endif %}
