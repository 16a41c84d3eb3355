select
    transaction_id,
    cast(event_time as timestamp) as occurred_at,
    cast(append_time as timestamp) as appended_at,
    "partition" as kafka_partition,
    "offset" as kafka_offset,
    "hour" as lake_hour,
    score,
    case_id,
    is_suppressed,
    rules_version,
    catalogue_version
from {{ source('gold', 'features') }}
