{{ config(meta={'dagster': {'ref': {'name': 'mart_pipeline_slo'}}}) }}

-- What the hours of the marts add up to is what the fact holds, money included.
with held as (

    select
        count(*) as row_count,
        count(merchant_id) as merchant_row_count,
        count(customer_token) as customer_row_count,
        coalesce(sum(case when is_attempt and is_approved then billing_amount_minor end), 0)
            as approved_value_minor
    from {{ ref('fct_transactions') }}

),

sums as (

    select
        'mart_pipeline_slo' as model,
        coalesce(sum(transaction_count), 0) as total,
        (select held.row_count from held) as expected
    from {{ ref('mart_pipeline_slo') }}
    union all
    select
        'mart_data_quality_trend' as model,
        coalesce(sum(valid_count), 0) as total,
        (select held.row_count from held) as expected
    from {{ ref('mart_data_quality_trend') }}
    where failed_rule = 'any'
    union all
    select
        'dim_merchants' as model,
        coalesce(sum(transaction_count), 0) as total,
        (select held.merchant_row_count from held) as expected
    from {{ ref('dim_merchants') }}
    union all
    select
        'dim_customers' as model,
        coalesce(sum(transaction_count), 0) as total,
        (select held.customer_row_count from held) as expected
    from {{ ref('dim_customers') }}
    union all
    select
        'mart_merchant_risk' as model,
        coalesce(sum(approved_value_minor), 0) as total,
        (select held.approved_value_minor from held) as expected
    from {{ ref('mart_merchant_risk') }}

)

select *
from sums
where total != expected
