{{ config(meta={'dagster': {'ref': {'name': 'fct_alerts'}}}, tags=['slow']) }}

-- Up to the offset that the fact has reached in each partition, every alert's transaction is there.
-- An alert is out seconds before its transaction's row, so newer ones are not asked for.
with held as (

    select
        kafka_partition,
        max(kafka_offset) as newest_offset
    from {{ ref('fct_transactions') }}
    group by kafka_partition

)

select
    alerts.alert_id,
    alerts.transaction_id,
    alerts.kafka_partition,
    alerts.kafka_offset
from {{ ref('stg_fraudstream__alerts') }} as alerts
inner join held on alerts.kafka_partition = held.kafka_partition
left join {{ ref('fct_transactions') }} as transactions
    on alerts.transaction_id = transactions.transaction_id
where
    alerts.kafka_offset <= held.newest_offset
    and transactions.transaction_id is null
