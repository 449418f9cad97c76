-- Agents with usage in the period; grouped by model: one row per agent and model.
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
    CAST(c.assistant_id, 'String') AS assistant_id,
    a.name AS assistant_name,
    toInt64(c.total) AS messages,
    toInt64(c.people) AS unique_users,
    toInt64(c.people) AS active_users,
    toInt64(c.talks) AS conversations,
    if(c.people = 0, NULL, c.total / c.people) AS messages_per_user,
    a.description AS assistant_description,
    a.url AS assistant_url,
    a.owner_id AS assistant_owner_id,
    a.owner_email AS assistant_owner_email,
    toInt64(c.prompt_tokens) AS sum_prompt_tokens,
    toInt64(c.completion) AS sum_completion_tokens,
    c.prompt_tokens / c.total AS avg_prompt_tokens,
    c.completion / c.total AS avg_completion_tokens
FROM
(
    SELECT
        assistant_id,
        if({group_by:String} = 'model', transform(model_id, models_named.1, models_named.2, model_id), '') AS model,
        count() AS total,
        uniqExactIf(user_id, user_id != '') AS people,
        uniqExactIf(conversation_id, conversation_id != '') AS talks,
        sum(toUInt64(cached_prompt_tokens) + cache_creation_tokens + no_cache_tokens) AS prompt_tokens,
        sum(completion_tokens) AS completion
    FROM usage_events
    WHERE org_id = {org:String} AND ts >= {since:DateTime64(3, 'UTC')} AND ts < last_ts + INTERVAL 1 MILLISECOND
        AND assistant_id != ''
    GROUP BY assistant_id, model
) AS c
LEFT JOIN
(
    SELECT assistants.assistant_id AS assistant_id, toNullable(assistants.name) AS name, description, url, owner_id, o.email AS owner_email
    FROM (SELECT * FROM assistants WHERE org_id = {org:String} ORDER BY changed_at DESC LIMIT 1 BY assistant_id) AS assistants
    LEFT JOIN
    (
        SELECT toNullable(user_id) AS user_id, toNullable(email) AS email
        FROM users WHERE org_id = {org:String} ORDER BY changed_at DESC LIMIT 1 BY user_id
    ) AS o ON o.user_id = assistants.owner_id
) AS a ON a.assistant_id = c.assistant_id
ORDER BY c.assistant_id, c.model
