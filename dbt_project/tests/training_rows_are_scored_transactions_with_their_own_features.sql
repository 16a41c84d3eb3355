{{ config(meta={'dagster': {'ref': {'name': 'mart_model_features'}}}, tags=['slow']) }}

-- Every labelled transaction that was scored is there with its verdict, and the features are those
-- that the lake keeps for the very same record.
select
    features.transaction_id,
    mart.verdict,
    verdicts.verdict as expected_verdict
from {{ ref('int_transaction_verdicts') }} as verdicts
inner join {{ ref('stg_fraudstream__features') }} as features
    on
        verdicts.kafka_partition = features.kafka_partition
        and verdicts.kafka_offset = features.kafka_offset
left join {{ ref('mart_model_features') }} as mart
    on
        verdicts.kafka_partition = mart.kafka_partition
        and verdicts.kafka_offset = mart.kafka_offset
where
    mart.verdict is distinct from verdicts.verdict
    or mart.transaction_id is distinct from features.transaction_id
    or mart.score is distinct from features.score
    or mart.card_n_1h is distinct from features.card_n_1h
