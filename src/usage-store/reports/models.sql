-- Models with usage in the period, apart by whose keys paid; grouped by source or deployment: a row for each of them.
WITH
    {from:DateTime64(3, 'UTC')} AS first_ts,
    {to:DateTime64(3, 'UTC')} AS last_ts
SELECT
    toDate32(first_ts) AS period_start,
    toDate32(last_ts) AS period_end,
    {org:String} AS org_id,
    if({group_by:String} = 'source', e.part, '') AS source,
    if({group_by:String} = 'deployment', e.part, '') AS deployment,
    coalesce(m.name, e.model_id) AS name,
    m.provider AS provider,
    e.bring_your_keys AS bring_your_keys,
    toInt64(sum(e.total)) AS requests,
    toInt64(sum(e.cached + e.created + e.plain)) AS sum_prompt_tokens,
    toInt64(sum(e.completion)) AS sum_completion_tokens,
    toInt64(sum(e.cached)) AS sum_cached_prompt_tokens,
    toInt64(sum(e.created)) AS sum_cache_creation_tokens,
    toInt64(sum(e.plain)) AS no_cache_tokens,
    CAST(sum(e.cost), 'Decimal(38, 9)') AS total_cost_usd
FROM
(
    SELECT
        toString(model_id) AS model_id,
        toString(multiIf({group_by:String} = 'source', source, {group_by:String} = 'deployment', deployment, '')) AS part,
        bring_your_keys,
        count() AS total,
        sum(cost_usd) AS cost,
        sum(cached_prompt_tokens) AS cached,
        sum(cache_creation_tokens) AS created,
        sum(no_cache_tokens) AS plain,
        sum(completion_tokens) AS completion
    FROM usage_events
    WHERE org_id = {org:String} AND ts >= {since:DateTime64(3, 'UTC')} AND ts < last_ts + INTERVAL 1 MILLISECOND
    GROUP BY model_id, part, bring_your_keys
) AS e
LEFT JOIN
(
    SELECT model_id, toNullable(name) AS name, CAST(provider, 'Nullable(String)') AS provider
    FROM models WHERE org_id = {org:String} ORDER BY changed_at DESC LIMIT 1 BY model_id
) AS m ON m.model_id = e.model_id
GROUP BY name, provider, bring_your_keys, source, deployment
ORDER BY name, provider, bring_your_keys, source, deployment
