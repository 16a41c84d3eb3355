{{ config(materialized='table') }}

select
    customer_token,
    min(first_occurred_at) as first_occurred_at,
    max(last_occurred_at) as last_occurred_at,
    count(distinct card_token) as card_count,
    max_by(product, last_occurred_at) as newest_product,
    cast(sum(transaction_count) as bigint) as transaction_count
from {{ ref('int_customer_card_hours') }}
group by customer_token
