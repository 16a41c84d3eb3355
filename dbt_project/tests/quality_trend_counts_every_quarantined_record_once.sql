{{ config(meta={'dagster': {'ref': {'name': 'mart_data_quality_trend'}}}) }}

-- The rows of rule `any` add up to the quarantine, and each rule's rows to the records that it broke.
with mart as (

    select
        failed_rule,
        sum(quarantined_count) as record_count
    from {{ ref('mart_data_quality_trend') }}
    where quarantined_count > 0
    group by failed_rule

),

expected as (

    select
        {{ item_of('failed') }} as failed_rule,
        count(*) as record_count
    from {{ ref('stg_fraudstream__quarantine') }} as quarantine
    {{ join_items('quarantine.failed_rules', 'failed') }}
    group by 1
    union all
    select
        'any' as failed_rule,
        count(*) as record_count
    from {{ ref('stg_fraudstream__quarantine') }}
    having count(*) > 0

)

select
    coalesce(mart.failed_rule, expected.failed_rule) as failed_rule,
    mart.record_count,
    expected.record_count as expected_record_count
from mart
full outer join expected on mart.failed_rule = expected.failed_rule
where mart.record_count is distinct from expected.record_count
