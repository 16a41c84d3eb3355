{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='lake_hour',
    on_schema_change='fail'
) }}

with facts as (

    select *
    from {{ ref('fct_transactions') }}
    where customer_token is not null

)

{%- if is_incremental() %},

changed as (

    {{ hours_to_count_anew('facts') }}

)
{%- endif %}

select
    lake_hour,
    customer_token,
    card_token,
    min(occurred_at) as first_occurred_at,
    max(occurred_at) as last_occurred_at,
    max_by(product, occurred_at) as product,
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
group by lake_hour, customer_token, card_token
