{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='lake_hour',
    on_schema_change='fail'
) }}

with facts as (

    select *
    from {{ ref('fct_transactions') }}
    where merchant_id is not null

)

{%- if is_incremental() %},

changed as (

    {{ hours_to_count_anew('facts') }}

)
{%- endif %}

select
    lake_hour,
    merchant_id,
    min(occurred_at) as first_occurred_at,
    max(occurred_at) as last_occurred_at,
    max_by(merchant_group_id, occurred_at) as merchant_group_id,
    max_by(acquirer_id, occurred_at) as acquirer_id,
    max_by(mcc, occurred_at) as mcc,
    max_by(merchant_country, occurred_at) as merchant_country,
    count(*) as transaction_count,
    {{ count_where('is_attempt') }} as attempt_count,
    {{ count_where('is_attempt and is_approved') }} as approved_count,
    {{ count_where('is_attempt and is_declined') }} as declined_count,
    sum(case when is_attempt and is_approved then billing_amount_minor else 0 end)
        as approved_value_minor
from facts
{%- if is_incremental() %}
where lake_hour in (select changed.lake_hour from changed)
{%- endif %}
group by lake_hour, merchant_id
