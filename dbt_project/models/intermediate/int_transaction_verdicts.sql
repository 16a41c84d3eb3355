{{ config(materialized='table') }}

-- A chargeback that no alert caught is taken for a dispute of a genuine purchase.
select
    labelled.transaction_id,
    labelled.kafka_partition,
    labelled.kafka_offset,
    labelled.occurred_at,
    labelled.card_token,
    labelled.customer_token,
    labelled.merchant_id,
    labelled.value_minor,
    labelled.told,
    labelled.reported_at,
    labelled.delay_s,
    labelled.rules_version,
    case
        when labelled.told != 'chargeback' then labelled.told
        when caught.transaction_id is null then 'friendly_fraud'
        else 'fraud'
    end as verdict
from {{ ref('int_labelled_transactions') }} as labelled
left join {{ ref('int_caught_transactions') }} as caught
    on
        labelled.transaction_id = caught.transaction_id
        and caught.pattern = 'any'
