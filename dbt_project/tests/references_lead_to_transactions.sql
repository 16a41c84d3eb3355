{{ config(meta={'dagster': {'ref': {'name': 'fct_transactions'}}}, tags=['slow'], severity='warn') }}

-- Of the labels, and of the reversals, refunds and increments that name an original, at most one in
-- twenty may lead nowhere. Some always do: their transaction was kept out, or is older than the lake.
with named as (

    select
        'fct_labels' as said_by,
        transaction_id
    from {{ ref('fct_labels') }}
    union all
    select
        'fct_transactions' as said_by,
        original_transaction_id as transaction_id
    from {{ ref('fct_transactions') }}
    where original_transaction_id is not null

),

counted as (

    select
        named.said_by,
        count(*) as reference_count,
        {{ count_where('transactions.transaction_id is null') }} as lost_count
    from named
    left join {{ ref('fct_transactions') }} as transactions
        on named.transaction_id = transactions.transaction_id
    group by named.said_by

)

select *
from counted
where lost_count > 0.05 * reference_count
