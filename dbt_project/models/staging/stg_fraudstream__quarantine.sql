select
    transaction_id,
    cast(event_time as timestamp) as occurred_at,
    cast(append_time as timestamp) as appended_at,
    {{ lake_column('partition') }} as kafka_partition,
    {{ lake_column('offset') }} as kafka_offset,
    {{ lake_column('hour') }} as lake_hour,
    {{ lake_column('source') }} as source_system,
    merchant_id,
    failed_rules,
    quality_score
from {{ source('silver', 'quarantine') }}
