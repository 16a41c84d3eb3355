{{ config(materialized='table') }}

select
    merchant_id,
    max_by(merchant_group_id, last_occurred_at) as merchant_group_id,
    max_by(acquirer_id, last_occurred_at) as acquirer_id,
    max_by(mcc, last_occurred_at) as mcc,
    max_by(merchant_country, last_occurred_at) as merchant_country,
    min(first_occurred_at) as first_occurred_at,
    max(last_occurred_at) as last_occurred_at,
    cast(sum(transaction_count) as bigint) as transaction_count
from {{ ref('int_merchant_hours') }}
group by merchant_id
