{{ config(materialized='table') }}

-- Transactions that were labelled, with what the labels say and the rule set that scored them.
with told as (

    select
        transaction_id,
        reported_at,
        told
    from {{ ref('int_label_verdicts') }}

),

facts as (

    select
        transaction_id,
        kafka_partition,
        kafka_offset,
        occurred_at,
        card_token,
        customer_token,
        merchant_id,
        case when is_approved then billing_amount_minor else 0 end as value_minor
    from {{ ref('fct_transactions') }}
    where transaction_id in (select told.transaction_id from told)

)

select
    facts.transaction_id,
    facts.kafka_partition,
    facts.kafka_offset,
    facts.occurred_at,
    facts.card_token,
    facts.customer_token,
    facts.merchant_id,
    facts.value_minor,
    told.told,
    told.reported_at,
    {{ seconds_between('facts.occurred_at', 'told.reported_at') }} as delay_s,
    coalesce(scores.rules_version, 'unknown') as rules_version
from facts
inner join told on facts.transaction_id = told.transaction_id
left join {{ ref('stg_fraudstream__features') }} as scores
    on
        facts.kafka_partition = scores.kafka_partition
        and facts.kafka_offset = scores.kafka_offset
