{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='lake_hour',
    on_schema_change='fail'
) }}

-- Hours of the lake whose rows this table does not count yet are counted anew, whole: late rows
-- belong to the hour that drained them, so an hour that is complete changes no more.
with facts as (

    select *
    from {{ ref('fct_transactions') }}
    where merchant_id is not null

)

{%- if is_incremental() %},

changed as (

    select counted.lake_hour
    from (
        select
            lake_hour,
            count(*) as row_count
        from facts
        group by lake_hour
    ) as counted
    left join (
        select
            lake_hour,
            sum(transaction_count) as row_count
        from {{ this }}
        group by lake_hour
    ) as held on counted.lake_hour = held.lake_hour
    where held.row_count is null or held.row_count != counted.row_count

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
