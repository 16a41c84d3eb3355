{{ config(meta={'dagster': {'ref': {'name': 'fct_transactions'}}}) }}

-- Up to the offset that the fact has reached in each partition, it holds exactly Silver's rows and
-- money. Compared up to there, because Silver goes on growing while this runs.
with held as (

    select
        kafka_partition,
        max(kafka_offset) as newest_offset,
        count(*) as row_count,
        sum(billing_amount_minor) as billing_amount_minor
    from {{ ref('fct_transactions') }}
    group by kafka_partition

),

expected as (

    select
        silver.kafka_partition,
        count(*) as row_count,
        sum(silver.billing_amount_minor) as billing_amount_minor
    from {{ ref('stg_fraudstream__transactions') }} as silver
    inner join held on silver.kafka_partition = held.kafka_partition
    where silver.kafka_offset <= held.newest_offset
    group by silver.kafka_partition

)

select
    held.kafka_partition,
    held.row_count,
    expected.row_count as expected_row_count,
    held.billing_amount_minor,
    expected.billing_amount_minor as expected_billing_amount_minor
from held
left join expected on held.kafka_partition = expected.kafka_partition
where
    held.row_count is distinct from expected.row_count
    or held.billing_amount_minor is distinct from expected.billing_amount_minor
