{{ config(meta={'dagster': {'ref': {'name': 'fct_alerts'}}}) }}

-- Up to the offset that the fact has reached in each partition of the alert topic, it holds exactly
-- the alert table's rows and money.
with held as (

    select
        alert_partition,
        max(alert_offset) as newest_offset,
        count(*) as row_count,
        sum(billing_amount_minor) as billing_amount_minor
    from {{ ref('fct_alerts') }}
    group by alert_partition

),

expected as (

    select
        gold.alert_partition,
        count(*) as row_count,
        sum(gold.billing_amount_minor) as billing_amount_minor
    from {{ ref('stg_fraudstream__alerts') }} as gold
    inner join held on gold.alert_partition = held.alert_partition
    where gold.alert_offset <= held.newest_offset
    group by gold.alert_partition

)

select
    held.alert_partition,
    held.row_count,
    expected.row_count as expected_row_count,
    held.billing_amount_minor,
    expected.billing_amount_minor as expected_billing_amount_minor
from held
left join expected on held.alert_partition = expected.alert_partition
where
    held.row_count is distinct from expected.row_count
    or held.billing_amount_minor is distinct from expected.billing_amount_minor
