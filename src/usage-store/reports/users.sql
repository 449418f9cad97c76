-- Users with usage in the period; grouped by model: one row per user and model. Ranks count among rows of one model.
WITH
    {from:DateTime64(3, 'UTC')} AS first_ts,
    {to:DateTime64(3, 'UTC')} AS last_ts,
    {group_by:String} = 'model' AS is_by_model,
    (
        SELECT (groupArray(model_id), groupArray(name))
        FROM (SELECT model_id, name FROM models WHERE org_id = {org:String} ORDER BY changed_at DESC LIMIT 1 BY model_id)
    ) AS models_named,
    counts -> concat('{', arrayStringConcat(arrayMap(
        (id, count) -> concat(toJSONString(id), ':', toString(count)), mapKeys(counts), mapValues(counts)), ','), '}') AS as_json
SELECT
    toDate32(first_ts) AS period_start,
    toDate32(last_ts) AS period_end,
    {org:String} AS org_id,
    c.model AS model,
    CAST(c.user_id, 'String') AS user_id,
    u.name AS name,
    u.email AS email,
    u.role AS role,
    u.department AS department,
    u.company_name AS company_name,
    u.license_type AS license_type,
    u.joined_at AS joined_at,
    u.payg_limit AS payg_limit_current,
    u.payg_utilization_pct AS payg_utilization_pct_current,
    CAST(c.cost, 'Decimal(38, 9)') AS payg_consumption_in_period,
    toInt64(c.total) AS messages_total,
    toInt64(c.chat) AS messages_chat,
    toInt64(c.to_assistants) AS messages_assistants,
    toInt64(c.in_projects) AS messages_projects,
    toInt64(c.total_rank) AS messages_total_rank,
    toInt64(c.chat_rank) AS messages_chat_rank,
    toInt64(c.assistants_rank) AS messages_assistants_rank,
    toInt64(c.projects_rank) AS messages_projects_rank,
    toInt64(c.assistants) AS assistants_messaged,
    toInt64(c.projects) AS projects_messaged,
    toInt64(c.with_action) AS action_messages,
    toInt64(c.actions) AS action_messaged,
    c.assistants_json AS assistants_to_messages,
    c.projects_json AS projects_to_messages,
    c.models_json AS model_to_messages_total,
    c.actions_json AS action_to_messages
FROM
(
    -- Ranked and written as JSON before a user's own columns come along: sorting moves every column.
    SELECT
        user_id, model, cost, total, chat, to_assistants, in_projects, with_action,
        rank() OVER (PARTITION BY model ORDER BY total DESC) AS total_rank,
        rank() OVER (PARTITION BY model ORDER BY chat DESC) AS chat_rank,
        rank() OVER (PARTITION BY model ORDER BY to_assistants DESC) AS assistants_rank,
        rank() OVER (PARTITION BY model ORDER BY in_projects DESC) AS projects_rank,
        length(by_assistant) AS assistants,
        length(by_project) AS projects,
        length(by_action) AS actions,
        as_json(by_assistant) AS assistants_json,
        as_json(by_project) AS projects_json,
        if(is_by_model, as_json(map(model, total)), as_json(by_model)) AS models_json,
        as_json(by_action) AS actions_json
    FROM
    (
        SELECT
            user_id,
            if(is_by_model, model_name, '') AS model,
            sum(cost_usd) AS cost,
            count() AS total,
            countIf(assistant_id = '' AND project_id = '') AS chat,
            countIf(assistant_id != '') AS to_assistants,
            countIf(project_id != '') AS in_projects,
            countIf(action != '') AS with_action,
            sumMapIf(map(toString(assistant_id), toUInt64(1)), assistant_id != '') AS by_assistant,
            sumMapIf(map(toString(project_id), toUInt64(1)), project_id != '') AS by_project,
            sumMapIf(map(model_name, toUInt64(1)), NOT is_by_model) AS by_model,
            sumMapIf(map(toString(action), toUInt64(1)), action != '') AS by_action
        FROM
        (
            SELECT
                user_id, assistant_id, project_id, action, cost_usd,
                transform(model_id, models_named.1, models_named.2, model_id) AS model_name
            FROM usage_events
            WHERE org_id = {org:String} AND ts >= {since:DateTime64(3, 'UTC')} AND ts < last_ts + INTERVAL 1 MILLISECOND AND user_id != ''
        )
        GROUP BY user_id, model
    )
) AS c
LEFT JOIN
(
    SELECT
        user_id,
        toNullable(name) AS name,
        toNullable(email) AS email,
        CAST(role, 'Nullable(String)') AS role,
        CAST(department, 'Nullable(String)') AS department,
        CAST(company_name, 'Nullable(String)') AS company_name,
        CAST(license_type, 'Nullable(String)') AS license_type,
        toDate32(joined_at) AS joined_at,
        payg_limit,
        payg_utilization_pct
    FROM users
    WHERE org_id = {org:String}
    ORDER BY changed_at DESC
    LIMIT 1 BY user_id
) AS u ON u.user_id = c.user_id
ORDER BY c.user_id, c.model
