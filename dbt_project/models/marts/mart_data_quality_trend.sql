{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='hour_at',
    on_schema_change='fail'
) }}

-- Hours whose records this table does not count yet are counted anew, whole.
with records as (

    select
        date_trunc('hour', appended_at) as hour_at,
        source_system,
        true as is_valid,
        quality_score
    from {{ ref('fct_transactions') }}
    union all
    select
        date_trunc('hour', appended_at) as hour_at,
        case when source_system in ('MOBILE', 'POS', 'ONLINE') then source_system else 'other' end
            as source_system,
        false as is_valid,
        quality_score
    from {{ ref('stg_fraudstream__quarantine') }}

),

hours as (

    select
        hour_at,
        source_system,
        count(*) as record_count,
        {{ count_where('is_valid') }} as valid_count,
        sum(quality_score) / nullif(count(quality_score), 0) as mean_quality_score,
        min(quality_score) as lowest_quality_score
    from records
    group by hour_at, source_system

),
{%- if is_incremental() %}

changed as (

    select counted.hour_at
    from (
        select
            hour_at,
            sum(record_count) as record_count
        from hours
        group by hour_at
    ) as counted
    left join (
        select
            hour_at,
            sum(record_count) as record_count
        from {{ this }}
        where failed_rule = 'any'
        group by hour_at
    ) as held on counted.hour_at = held.hour_at
    where held.record_count is null or held.record_count != counted.record_count

),
{%- endif %}

broken as (

    select
        date_trunc('hour', quarantine.appended_at) as hour_at,
        case
            when quarantine.source_system in ('MOBILE', 'POS', 'ONLINE')
                then quarantine.source_system
            else 'other'
        end as source_system,
        {{ item_of('failed') }} as failed_rule,
        count(*) as quarantined_count
    from {{ ref('stg_fraudstream__quarantine') }} as quarantine
    {{ join_items('quarantine.failed_rules', 'failed') }}
    group by 1, 2, 3

),

figures as (

    select
        hour_at,
        source_system,
        'any' as failed_rule,
        record_count - valid_count as quarantined_count
    from hours
    union all
    select
        hour_at,
        source_system,
        failed_rule,
        quarantined_count
    from broken

)

select
    figures.hour_at,
    figures.source_system,
    figures.failed_rule,
    cast(hours.record_count as bigint) as record_count,
    cast(hours.valid_count as bigint) as valid_count,
    cast(figures.quarantined_count as bigint) as quarantined_count,
    {{ share('figures.quarantined_count', 'hours.record_count') }} as quarantined_share,
    cast(hours.mean_quality_score as double) as mean_quality_score,
    cast(hours.lowest_quality_score as double) as lowest_quality_score
from figures
inner join hours
    on
        figures.hour_at = hours.hour_at
        and figures.source_system = hours.source_system
{%- if is_incremental() %}
where figures.hour_at in (select changed.hour_at from changed)
{%- endif %}
