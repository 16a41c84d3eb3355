{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}

-- A partition's rows reach Silver in offset order, so what is new is what lies past the offset
-- that this table holds. Hours that were rebuilt from Bronze need `--full-refresh`.
with transactions as (

    select * from {{ ref('stg_fraudstream__transactions') }}

)

{%- if is_incremental() %},

held as (

    select
        kafka_partition,
        max(kafka_offset) as newest_offset
    from {{ this }}
    group by kafka_partition

)
{%- endif %}

select
    transactions.transaction_id,
    transactions.occurred_at,
    transactions.sent_at,
    transactions.appended_at,
    transactions.kafka_partition,
    transactions.kafka_offset,
    transactions.lake_hour,
    transactions.message_type,
    transactions.original_transaction_id,
    transactions.source_system,
    transactions.channel,
    transactions.transaction_type,
    transactions.initiator,
    transactions.amount_minor,
    transactions.currency,
    transactions.billing_amount_minor,
    transactions.customer_token,
    transactions.card_token,
    transactions.bin8,
    transactions.product,
    transactions.merchant_id,
    transactions.merchant_group_id,
    transactions.acquirer_id,
    transactions.terminal_id,
    transactions.mcc,
    transactions.merchant_country,
    transactions.entry_mode,
    transactions.entry_mode in ('chip', 'contactless', 'magstripe', 'fallback') as is_card_present,
    transactions.response_code,
    transactions.outcome,
    transactions.outcome = 'approved' as is_approved,
    transactions.outcome in ('declined_issuer', 'declined_risk', 'declined_data') as is_declined,
    transactions.message_type in ('AUTH', 'PREAUTH', 'VERIFY', 'ADVICE')
    and transactions.outcome != 'technical' as is_attempt,
    transactions.quality_score
from transactions
{%- if is_incremental() %}
left join held
    on transactions.kafka_partition = held.kafka_partition
where transactions.kafka_offset > coalesce(held.newest_offset, -1)
{%- endif %}
