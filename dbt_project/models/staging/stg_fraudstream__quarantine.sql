select
    transaction_id,
    cast(event_time as timestamp) as occurred_at,
    cast(append_time as timestamp) as appended_at,
    "partition" as kafka_partition,
    "offset" as kafka_offset,
    "hour" as lake_hour,
    "source" as source_system,
    merchant_id,
    failed_rules,
    quality_score
from {{ source('silver', 'quarantine') }}
