-- API keys with usage in the period; grouped by model: one row per key and model.
WITH
    {from:DateTime64(3, 'UTC')} AS first_ts,
    {to:DateTime64(3, 'UTC')} AS last_ts,
    (
        SELECT (groupArray(model_id), groupArray(name))
        FROM (SELECT model_id, name FROM models WHERE org_id = {org:String} ORDER BY changed_at DESC LIMIT 1 BY model_id)
    ) AS models_named
SELECT
    toDate32(first_ts) AS period_start,
    toDate32(last_ts) AS period_end,
    {org:String} AS org_id,
    c.model AS model,
    CAST(c.api_key_id, 'String') AS api_key_id,
    k.name AS api_key_name,
    toInt64(c.total) AS requests,
    CAST(c.cost, 'Decimal(38, 9)') AS total_cost_usd,
    toInt64(c.cached + c.created + c.plain) AS sum_prompt_tokens,
    toInt64(c.completion) AS sum_completion_tokens,
    toInt64(c.cached) AS cached_prompt_tokens,
    toInt64(c.created) AS cache_creation_tokens,
    toInt64(c.plain) AS no_cache_tokens
FROM
(
    SELECT
        api_key_id,
        if({group_by:String} = 'model', transform(model_id, models_named.1, models_named.2, model_id), '') AS model,
        count() AS total,
        sum(cost_usd) AS cost,
        sum(cached_prompt_tokens) AS cached,
        sum(cache_creation_tokens) AS created,
        sum(no_cache_tokens) AS plain,
        sum(completion_tokens) AS completion
    FROM usage_events
    WHERE org_id = {org:String} AND ts >= {since:DateTime64(3, 'UTC')} AND ts < last_ts + INTERVAL 1 MILLISECOND
        AND api_key_id != ''
    GROUP BY api_key_id, model
) AS c
LEFT JOIN
(
    SELECT api_key_id, toNullable(name) AS name
    FROM api_keys WHERE org_id = {org:String} ORDER BY changed_at DESC LIMIT 1 BY api_key_id
) AS k ON k.api_key_id = c.api_key_id
ORDER BY c.api_key_id, c.model
